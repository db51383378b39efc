package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"codepool/store/internal/journal"
)

// slowBackup reads a backup by the book (backup.go's first comment). ok is false if it is
// malformed; whether its pairs make a store is not looked at.
func slowBackup(stream []byte) (pairs memEngine, m Manifest, ok bool) {
	rest, ok := bytes.CutPrefix(stream, []byte(backupHead))
	pairs = memEngine{}
	entries := int64(0)
	for ok {
		before := stream[:len(stream)-len(rest)]
		if len(rest) < 9 {
			return nil, m, false
		}
		kind, n, sum := rest[0], binary.LittleEndian.Uint32(rest[1:]), binary.LittleEndian.Uint32(rest[5:])
		if rest = rest[9:]; uint64(len(rest)) < uint64(n) {
			return nil, m, false
		}
		payload := rest[:n]
		rest = rest[n:]
		if crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)) != sum {
			return nil, m, false
		}
		if kind == 'M' {
			whole := sha256.Sum256(before)
			err := json.Unmarshal(payload, &m)
			return pairs, m, err == nil && len(rest) == 0 && m.Entries == entries && m.Bytes == int64(len(before)) && m.Checksum == hex.EncodeToString(whole[:])
		}
		s := slowReader{Reader: *bytes.NewReader(payload)}
		for s.Len() > 0 && kind == 'D' && !s.bad {
			key, value := s.text(), s.text()
			pairs[key] = []byte(value)
			entries++
		}
		ok = kind == 'D' && !s.bad
	}
	return nil, m, false
}

// sequence is the last ledger number in the pairs.
func (m memEngine) sequence() uint64 {
	k, v, _ := lastEntry(m, 1<<64-1)
	_, last, _ := decodeEntry(k, v, nil)
	return last
}

// codes is how many codes the runs say they have.
func (m memEngine) codes() (n int64) {
	for k, v := range m {
		if k[0] != keyRun {
			continue
		}
		if h, err := decodeRunHeader([]byte(k), v); err == nil {
			n += int64(h.Count)
		}
	}
	return n
}

// kept are the pairs that no opening rewrites: batches, runs, codes and the ledger.
func (m memEngine) kept() map[string]string {
	out := map[string]string{}
	for k, v := range m {
		switch {
		case k[0] == keyBatch, k[0] == keyRun, k[0] == keyEntry && len(k) == entryKeyLen,
			k[0] == keyCodes && m[string(keyRun)+k[1:5]] != nil: // else pages of a mint that did not finish
			out[k] = string(v)
		}
	}
	return out
}

// restore restores a stream into a directory that is missing, or empty, and checks that a
// refusal left it so. It returns nil if the stream was refused.
func restore(t *testing.T, stream []byte, missing bool) (s *Store) {
	t.Helper()
	dir := t.TempDir()
	target := dir
	if missing {
		target = filepath.Join(dir, "store")
	}
	_, err := Restore(t.Context(), target, bytes.NewReader(stream))
	if err != nil {
		refused(t, "backup", err)
		if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
			t.Fatalf("a refused restore left %v, %v", names, err)
		}
		return nil
	}
	if s, err = Open(target, &Options{Durability: WeakNoSync}); err != nil {
		t.Fatalf("a restored store does not open: %v", err)
	}
	return s
}

// sameContent checks that a store holds what the pairs say.
func sameContent(t *testing.T, s *Store, want memEngine) {
	t.Helper()
	var b bytes.Buffer
	if _, err := s.Backup(t.Context(), &b); err != nil {
		t.Fatalf("backup of a restored store: %v", err)
	}
	got, _, ok := slowBackup(b.Bytes())
	if !ok {
		t.Fatal("the backup of a restored store is malformed")
	}
	kept := got.kept()
	for k, v := range want.kept() {
		if kept[k] != v {
			t.Fatalf("pair %q was\n%q and is\n%q", k, v, kept[k])
		}
		delete(kept, k)
	}
	if len(kept) > 0 {
		t.Fatalf("%q came from nowhere", kept)
	}
}

// backedUp is a backup of the small store.
func backedUp(f *testing.F) []byte {
	s := smallStore(f)
	defer s.Close()
	var b bytes.Buffer
	if _, err := s.Backup(f.Context(), &b); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}

// FuzzRestore restores streams of any bytes, and the sound one that a store has written:
// with at it is spoiled there. What Restore takes is, by a slow reading, whole, and the
// store holds it.
func FuzzRestore(f *testing.F) {
	limitMemory(f)
	sound := backedUp(f)
	f.Add(sound, uint16(0), byte(0), false)
	f.Add(sound, uint16(30), byte(1), true)
	f.Add(sound[:len(sound)-1], uint16(0), byte(0), true)
	f.Add(append(bytes.Clone(sound), 'M'), uint16(0), byte(0), false)
	f.Add([]byte(backupHead), uint16(0), byte(0), false)
	f.Add([]byte(strings.Replace(backupHead, "1", "2", 1)), uint16(0), byte(0), true)
	f.Add([]byte(backupHead+"D\xFF\xFF\xFF\xFF\x00\x00\x00\x00"), uint16(0), byte(0), true)
	f.Fuzz(func(t *testing.T, stream []byte, at uint16, mask byte, missing bool) {
		if len(stream) > 0 {
			stream = bytes.Clone(stream)
			stream[int(at)%len(stream)] ^= mask
		}
		pairs, _, whole := slowBackup(stream)
		s := restore(t, stream, missing)
		if s == nil {
			if bytes.Equal(stream, sound) {
				t.Fatal("what a store has written is refused")
			}
			return
		}
		defer s.Close()
		if !whole {
			t.Fatal("a stream that is not whole was restored")
		}
		sameContent(t, s, pairs)
	})
}

// FuzzRestoreForged restores streams whose frames and checksums are right and whose pairs
// are the fuzzer's, edited by its script. long makes the first value that much longer; lie
// makes the manifest say what is not so.
func FuzzRestoreForged(f *testing.F) {
	limitMemory(f)
	pairs, _, ok := slowBackup(backedUp(f))
	if !ok {
		f.Fatal("a backup is malformed by the book")
	}
	var all []journal.Pair
	_ = pairs.Scan(nil, nil, func(k, v []byte) error { all = append(all, journal.Pair{Key: k, Value: v}); return nil })
	whole := pack(all)
	const lies = 7 // the first of them is the truth
	for lie := range uint8(lies) {
		f.Add([]byte{}, []byte{}, uint32(0), lie, lie%2 == 0)
	}
	for i := 0; i < len(all); i += 5 {
		f.Add([]byte{}, []byte{byte(i), 0, 8, 0, 0, 0, 3}, uint32(0), uint8(0), i%2 == 0)
		f.Add([]byte{}, []byte{byte(i), 8, 0, 0, 0, 0, 0}, uint32(0), uint8(0), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, data, edits []byte, long uint32, lie uint8, missing bool) {
		if len(data) == 0 {
			data = whole
		}
		forged := edit(unpack(data), edits)
		if len(forged) > 0 && long > 0 {
			const most = 3 << 20 // a frame takes 4 MiB
			p := &forged[0]
			*p = journal.Pair{Key: p.Key, Value: seal(p.Key, append(bytes.Clone(p.Value[4:]), make([]byte, long%most)...))}
		}
		eng := memEngine{}
		if err := eng.Write(forged); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w := &frameWriter{w: &b, sum: sha256.New()}
		_ = w.write([]byte(backupHead))
		for _, p := range forged {
			_ = w.add(p.Key, p.Value)
		}
		_ = w.flush()
		manifest := Manifest{Version: FormatVersion, Entries: int64(len(forged)), Bytes: w.n, Checksum: hex.EncodeToString(w.sum.Sum(nil)), Sequence: eng.sequence(), Codes: eng.codes()}
		lie %= lies
		switch lie {
		case 1:
			manifest.Sequence++
		case 2:
			manifest.Sequence--
		case 3:
			manifest.Checksum = strings.Repeat("0", len(manifest.Checksum))
		case 4:
			manifest.Entries++
		case 5:
			manifest.Bytes--
		case 6:
			manifest.Codes++
		}
		m, err := json.Marshal(manifest)
		if err != nil {
			t.Fatal(err)
		}
		_ = w.frame(frameEnd, m)
		s := restore(t, b.Bytes(), missing)
		if sound := string(data) == string(whole) && len(edits) < 7 && long == 0 && lie == 0; sound && s == nil {
			t.Fatal("what a store has written is refused")
		}
		if s == nil {
			return
		}
		defer s.Close()
		if lie != 0 {
			t.Fatalf("a stream whose manifest lies was restored: %+v", manifest)
		}
		// Forged data may contradict itself in what an opening does not look at.
		if _, err := s.Verify(t.Context()); err != nil {
			refused(t, "verify", err)
		}
		if _, err := s.Backup(t.Context(), io.Discard); err != nil {
			refused(t, "backup of forged data", err)
		} else {
			sameContent(t, s, eng)
		}
	})
}
