package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"codepool/gen"
	"codepool/store"
)

// Damages to a backup. Those of frames are what is left of one that was joined from
// parts, or lost some: each frame is whole in itself, and only the manifest can tell.
const (
	frameGone    = "frame gone"
	frameTwice   = "frame twice"
	framesTurned = "frames turned"
	frameOther   = "frame of another"
	endOther     = "manifest of another"
	endEntries   = "manifest's count altered"
	endBytes     = "manifest's length altered"
	endSequence  = "manifest's last number altered"
	endChecksum  = "manifest's checksum altered"
	pairGone     = "pair gone"
	moreBehind   = "more behind"
)

var backupDamages = []string{damFlip, damZero, damCut, damCopy, damDouble, damDrop,
	frameGone, frameTwice, framesTurned, frameOther, endOther, endEntries, endBytes, endSequence, endChecksum, pairGone, moreBehind}

const backupHead = "codepool backup, format 1\n"

// frame is one frame of a backup.
type frame struct {
	kind    byte
	payload []byte
}

func (f frame) appendTo(b []byte) []byte {
	b = append(b, f.kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.payload)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(f.payload, crc32.MakeTable(crc32.Castagnoli)))
	return append(b, f.payload...)
}

// framesOf takes a backup apart: pairs, each as it stands, and the manifest.
func framesOf(b []byte) (pairs [][]byte, m store.Manifest, err error) {
	b, ok := bytes.CutPrefix(b, []byte(backupHead))
	for ok && len(b) >= 9 {
		kind, n := b[0], int(binary.LittleEndian.Uint32(b[1:]))
		payload := b[9 : 9+n]
		if b = b[9+n:]; kind == 'M' {
			return pairs, m, json.Unmarshal(payload, &m)
		}
		for len(payload) > 0 {
			rest := payload
			for range 2 {
				n, k := binary.Uvarint(rest)
				rest = rest[k+int(n):]
			}
			pairs = append(pairs, payload[:len(payload)-len(rest)])
			payload = rest
		}
	}
	return nil, m, errors.New("the backup cannot be taken apart")
}

// bodyOf makes a backup of frames, up to its manifest.
func bodyOf(frames []frame) []byte {
	b := []byte(backupHead)
	for _, f := range frames {
		b = f.appendTo(b)
	}
	return b
}

// sealed returns the manifest that goes with a body.
func sealed(body []byte, m store.Manifest) store.Manifest {
	sum := sha256.Sum256(body)
	m.Bytes, m.Checksum = int64(len(body)), hex.EncodeToString(sum[:])
	return m
}

// end adds a manifest as it is.
func end(b []byte, m store.Manifest) []byte {
	body, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return frame{'M', body}.appendTo(b)
}

// inFrames puts pairs into frames of up to n.
func inFrames(pairs [][]byte, n int) (frames []frame) {
	for some := range slices.Chunk(pairs, n) {
		frames = append(frames, frame{'D', bytes.Join(some, nil)})
	}
	return frames
}

// damageBackup damages a backup.
func damageBackup(r *rand.Rand, damage string, b, other []byte) (bad []byte, what string, err error) {
	pairs, m, err := framesOf(b)
	if err != nil {
		return nil, "", err
	}
	others, om, err := framesOf(other)
	if err != nil {
		return nil, "", err
	}
	per := 1 + r.IntN(max(len(pairs)/2, 1))
	frames := inFrames(pairs, per)
	body := bodyOf(frames)
	seal := sealed(body, m)
	rejoin := func(frames []frame) []byte { return end(bodyOf(frames), seal) } // with the manifest of the whole
	i, k := r.IntN(len(frames)), r.IntN(len(frames))
	what = fmt.Sprintf("%s: frame %d of %d", damage, i, len(frames))
	switch damage {
	case frameGone:
		return rejoin(slices.Delete(frames, i, i+1)), what, nil
	case frameTwice:
		return rejoin(slices.Insert(frames, k, frames[i])), what, nil
	case framesTurned:
		if i == k {
			i, k = 0, len(frames)-1
		}
		frames[i], frames[k] = frames[k], frames[i]
		return rejoin(frames), what, nil
	case frameOther:
		frames[i] = frame{'D', bytes.Join(others[:min(len(others), 1+r.IntN(len(others)))], nil)}
		return rejoin(frames), what, nil
	case endOther:
		return end(body, om), damage, nil
	case endEntries:
		seal.Entries += 1 - 2*r.Int64N(2)
		return end(body, seal), damage, nil
	case endBytes:
		seal.Bytes += 1 - 2*r.Int64N(2)
		return end(body, seal), damage, nil
	case endSequence:
		seal.Sequence += 1 - 2*r.Uint64N(2)
		return end(body, seal), damage, nil
	case endChecksum:
		sum := []byte(seal.Checksum)
		at := r.IntN(len(sum))
		sum[at] = "0123456789abcdef0"[strings.IndexByte("0123456789abcdef", sum[at])+1]
		seal.Checksum = string(sum)
		return end(body, seal), damage, nil
	case pairGone:
		i := r.IntN(len(pairs))
		return rejoin(inFrames(slices.Delete(pairs, i, i+1), per)), fmt.Sprintf("pair %d of %d gone", i, len(pairs)+1), nil
	case moreBehind:
		whole := end(body, seal)
		return append(whole, whole[:1+r.IntN(len(whole))]...), damage, nil
	}
	bad, what = damageBytes(r, damage, b, -1)
	return bad, what, nil
}

// judgeBackup restores a damaged backup into a missing or an empty directory.
func (j *judge) judgeBackup(c Case, v *Verdict) {
	missing := j.r.IntN(2) == 0
	if !missing {
		if err := os.MkdirAll(j.dir, 0o755); err != nil {
			v.fail(untyped, "%v", err)
			return
		}
	}
	_, err := store.Restore(context.Background(), j.dir, bytes.NewReader(j.bytes))
	if err == nil {
		o, closeErr, err := observeDir(j.dir, &j.base.Ask)
		if err != nil || closeErr != nil {
			v.fail(wrongly, "it was restored, and does not open: %v %v", err, closeErr)
			return
		}
		v.judge(o, &j.base.Said)
		if v.Outcome != harmless {
			v.fail(wrongly, "it was restored, and is another store: %.500q %.500q", v.Wrong, v.Reports)
		} else if !bytes.Equal(j.bytes, j.base.Backup) {
			v.fail(wrongly, "a damaged backup was restored without a word")
		}
		return
	}
	v.Outcome, v.Reports = refused, []string{err.Error()}
	if !typedError(err) {
		v.fail(untyped, "refused with %v, want ErrCorrupt or ErrFormat", err)
	}
	left, err := os.ReadDir(j.dir)
	if missing != errors.Is(err, os.ErrNotExist) || len(left) > 0 {
		v.fail(wrongly, "after the refusal the directory is not as it was: %v %v", left, err)
	}
}

var exportDamages = []string{damFlip, damFlip, damZero, damCut, damCopy, damDouble, damDrop}

// exportFormat is the format of the batch whose codes are exported.
var exportFormat = gen.Format{Class: gen.Crockford32, Length: 12, Group: 4}

// exportCSV draws some codes and writes them as the command line exports them.
func exportCSV(t *testing.T, s *store.Store) []byte {
	t.Helper()
	info, err := s.Mint(t.Context(), store.Batch{Name: "exported", Kind: "card", Reward: "gift", Format: exportFormat, Count: 100})
	if err != nil {
		t.Fatal(err)
	}
	codes, err := s.Issue(t.Context(), info.ID, 100, store.To("reseller"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"code", "batch", "kind", "kind_no", "reward", "account", "ref", "export"})
	for _, c := range codes {
		_ = w.Write([]string{c, info.Name, info.Kind, "", info.Reward, "ann", "reseller", "reseller/1"})
	}
	w.Flush()
	return b.Bytes()
}

// judgeExport imports a damaged export into another store. A line that cannot be a code
// is refused with its number, and then nothing has changed. A line that still can be one
// is another code, which nothing can tell: the store must only be what its report says.
func (j *judge) judgeExport(v *Verdict) {
	s, err := store.Open(j.dir, weak())
	if err != nil {
		v.fail(untyped, "%v", err)
		return
	}
	defer s.Close()
	ctx := context.Background()
	handed := store.ImportOptions{HandedOut: true, Ref: "reseller"}
	b := store.Batch{Name: "imported", Format: exportFormat}
	rep, err := s.Import(ctx, b, bytes.NewReader(j.bytes), handed)
	lines := bytes.Count(j.bytes, []byte("\n")) + 1
	if err != nil {
		v.Outcome, v.Reports = refused, []string{err.Error()}
		var le *store.LineError
		if !errors.As(err, &le) || !errors.Is(err, store.ErrBadLine) || le.Line < 1 || le.Line > lines {
			v.fail(untyped, "refused with %v, want a LineError in lines 1 to %d", err, lines)
		} else if at := firstDifference(j.base.Export, j.bytes); le.Line < at {
			v.fail(wrongly, "line %d is refused, and the lines before %d are whole: %v", le.Line, at, err)
		}
		if n := len(s.Batches()); n > 0 {
			v.fail(wrongly, "the import was refused and %d batches are there", n)
		}
		if rep, err := s.Import(ctx, b, bytes.NewReader(j.base.Export), handed); err != nil || rep.Added != 100 {
			v.fail(wrongly, "after the refusal the whole export is not taken: %+v %v", rep, err)
		}
		return
	}
	v.Outcome = harmless
	if rep.Lines != rep.Added+rep.DuplicateInFile+rep.DuplicateInStore+rep.AlreadyImported || rep.Added != s.Stats().Codes.Minted || rep.Lines > int64(lines) {
		v.fail(wrongly, "the report does not add up: %+v, minted %d of %d lines", rep, s.Stats().Codes.Minted, lines)
	}
	// The codes of lines that are whole are there.
	damaged := map[string]bool{}
	for line := range strings.Lines(string(j.bytes)) {
		damaged[line] = true
	}
	for line := range strings.Lines(string(j.base.Export)) {
		code, _, _ := strings.Cut(line, ",")
		if code == "code" || !damaged[line] {
			continue
		}
		if info, err := s.Lookup(ctx, "", code); err != nil || info.Ref != "reseller" {
			v.Wrong = append(v.Wrong, fmt.Sprintf("%s stands in a whole line and is %+v, %v", code, info, err))
			v.Outcome = wrongly
		}
	}
	if p := verify(s); len(p) > 0 {
		v.fail(wrongly, "verify: %q", p)
	}
}

// firstDifference returns the number of the line in which two texts differ first.
func firstDifference(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return bytes.Count(a[:n], []byte("\n")) + 1
}

// verify returns what Verify finds.
func verify(s *store.Store) []string {
	rep, err := s.Verify(context.Background())
	if err != nil {
		return append(rep.Problems, err.Error())
	}
	return rep.Problems
}
