package badinput

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"codepool/store"
)

// backUp writes a backup into a writer that fails.
func backUp(wr io.Writer) func(*world) error {
	return func(w *world) error { _, err := w.s.Backup(w.present, wr); return err }
}

// roomOf is backUp into a writer with room for a part of the backup.
func roomOf(room func(all int) int) func(*world) error {
	return func(w *world) error { return backUp(&fullAfter{room: room(len(w.backup)), err: errPipe})(w) }
}

var backupCases = []apiCase{
	{"no room", backUp(&fullAfter{err: errPipe}), errPipe, "broken"},
	{"room for a part of the head", backUp(&fullAfter{room: 10, err: errPipe}), errPipe, ""},
	{"room for the head", backUp(&fullAfter{room: len(backupHead), err: errPipe}), errPipe, ""},
	{"room for a part of a frame's head", backUp(&fullAfter{room: len(backupHead) + 4, err: errPipe}), errPipe, ""},
	{"room for a frame's head", backUp(&fullAfter{room: len(backupHead) + 9, err: errPipe}), errPipe, ""},
	{"room for half of it", roomOf(func(all int) int { return all / 2 }), errPipe, ""},
	{"room for all but the manifest", roomOf(func(all int) int { return all - 200 }), errPipe, ""},
	{"room for all but the end of the manifest", roomOf(func(all int) int { return all - 40 }), errPipe, ""},
	{"a closed file", func(w *world) error {
		f, err := os.Create(filepath.Join(w.temp(), "backup"))
		if err != nil || f.Close() != nil {
			return errors.New("no file")
		}
		return backUp(f)(w)
	}, os.ErrClosed, "closed"},
	{"a file that is open for reading", func(w *world) error {
		path := filepath.Join(w.temp(), "backup")
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			return errors.New("no file")
		}
		f, err := os.Open(path)
		if err != nil {
			return errors.New("no file")
		}
		defer f.Close()
		return backUp(f)(w)
	}, errAny, "backup"},
	{"a pipe that nobody reads", func(w *world) error {
		r, wr := io.Pipe()
		_ = r.Close()
		return backUp(wr)(w)
	}, io.ErrClosedPipe, ""},
	{"no writer", backUp(nil), store.ErrInvalid, "writer"},
	{"a writer that takes less and says nothing", func(w *world) error {
		return backUp(&fullAfter{room: len(w.backup) / 2})(w)
	}, io.ErrShortWrite, ""},
}

// restore makes a store of a stream in a directory that is not there; afterwards it must
// not be there again.
func restore(stream func(w *world) io.Reader) func(*world) error {
	return func(w *world) error {
		top := w.temp()
		return restoreInto(w, filepath.Join(top, "new"), top, stream(w))
	}
}

func restoreInto(w *world, dir, top string, r io.Reader) error {
	before := listing(top, "")
	m, err := store.Restore(w.present, dir, r)
	if err == nil {
		w.fault("it was restored: %+v", m)
	}
	if after := listing(top, ""); after != before {
		w.fault("the place was changed:\n%s", newLines(before, after))
	}
	return err
}

// target restores a good backup into a place that is not fit for it.
func target(prepare func(top string) (dir string, err error)) func(*world) error {
	return func(w *world) error {
		top := w.temp()
		dir, err := prepare(top)
		if err != nil {
			return err
		}
		return restoreInto(w, dir, top, bytes.NewReader(w.backup))
	}
}

// holding is target with a directory that holds one file.
func holding(name, text string) func(*world) error {
	return target(func(top string) (string, error) {
		return top, os.WriteFile(filepath.Join(top, name), []byte(text), 0o644)
	})
}

var restoreCases = []apiCase{
	{"into a directory with a file", holding("photo.jpg", "x"), store.ErrNotEmpty, "photo.jpg"},
	{"into a directory with a hidden file", holding(".profile", "x"), store.ErrNotEmpty, ".profile"},
	{"into a directory with a folder", target(func(top string) (string, error) { return top, os.Mkdir(filepath.Join(top, "sub"), 0o755) }), store.ErrNotEmpty, "sub"},
	{"into a file", target(func(top string) (string, error) {
		path := filepath.Join(top, "file")
		return path, os.WriteFile(path, []byte("x"), 0o644)
	}), store.ErrInvalid, "is a file"},
	{"into a store", target(func(top string) (string, error) {
		s, err := store.Open(top, weak())
		if err != nil {
			return top, errors.New("no store")
		}
		return top, s.Close()
	}), store.ErrNotEmpty, "holds a store"},
	{"into a store of another format", holding("CODEPOOL", "codepool store, format 2\n"), store.ErrNotEmpty, "format 2"},
	{"into a store without its format file", target(func(top string) (string, error) {
		s, err := store.Open(top, weak())
		if err != nil {
			return top, errors.New("no store")
		}
		return top, errors.Join(s.Close(), os.Remove(filepath.Join(top, "CODEPOOL")))
	}), store.ErrNotEmpty, "holds a store"},
	{"into a restore that did not finish", holding("RESTORING", "a restore is at work\n"), store.ErrNotEmpty, "empty the directory and restore again"},
	{"into a store that is open", func(w *world) error {
		m, err := store.Restore(w.present, filepath.Join(w.dir, dataDir), bytes.NewReader(w.backup))
		if m != (store.Manifest{}) {
			w.fault("a manifest beside the error: %+v", m)
		}
		return err
	}, store.ErrLocked, "is locked by process"},
	{"a context that has ended", func(w *world) error {
		top := w.temp()
		_, err := store.Restore(over(errPipe), filepath.Join(top, "new"), bytes.NewReader(w.backup))
		if after := listing(top, ""); after != "" {
			w.fault("the place was changed:\n%s", after)
		}
		return err
	}, errPipe, ""},
	{"a context that ends while it reads", func(w *world) error {
		top := w.temp()
		ctx, cancel := context.WithCancelCause(w.present)
		_, err := store.Restore(ctx, filepath.Join(top, "new"), io.MultiReader(bytes.NewReader(w.backup[:60]), readFunc(func([]byte) (int, error) {
			cancel(errPipe)
			return 0, errPipe
		})))
		if after := listing(top, ""); after != "" {
			w.fault("the place was changed:\n%s", after)
		}
		return err
	}, errPipe, ""},
	{"a reader that fails at once", restore(func(*world) io.Reader { return &faulty{err: errPipe} }), errPipe, ""},
	{"a reader that fails in the head", restore(func(w *world) io.Reader { return &faulty{text: backupHead[:9], err: errPipe} }), errPipe, ""},
	{"a reader that fails behind the head", restore(func(w *world) io.Reader { return &faulty{text: backupHead, err: errPipe} }), errPipe, ""},
	{"a reader that fails in a frame", restore(func(w *world) io.Reader { return &faulty{text: string(w.backup[:len(w.backup)/2]), err: errPipe} }), errPipe, ""},
	{"a reader that fails before the last byte", restore(func(w *world) io.Reader { return &faulty{text: string(w.backup[:len(w.backup)-1]), err: errPipe} }), errPipe, ""},
	{"a closed pipe", restore(func(*world) io.Reader { r, _ := io.Pipe(); _ = r.Close(); return r }), io.ErrClosedPipe, ""},
	{"no reader", restore(func(*world) io.Reader { return nil }), store.ErrInvalid, "reader"},
	{"a reader that is idle", restore(func(w *world) io.Reader { return &idle{text: string(w.backup[:100])} }), io.ErrNoProgress, ""},
	{"a bad backup two levels down", func(w *world) error {
		top := w.temp()
		return restoreInto(w, filepath.Join(top, "a", "b"), top, strings.NewReader("no backup"))
	}, store.ErrFormat, "not a codepool backup"},
	{"into what is not empty, which is no matter of format", func(w *world) error {
		err := holding("photo.jpg", "x")(w)
		if errors.Is(err, store.ErrFormat) {
			w.fault("the error is also store.ErrFormat: %v", err)
		}
		return err
	}, store.ErrNotEmpty, "photo.jpg"},
}

// The form of a backup, as docs/format.md describes it.
const backupHead = "codepool backup, format 1\n"

type frame struct {
	kind    byte
	payload []byte
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frames cuts a backup into its frames.
func frames(backup []byte) (out []frame) {
	for b := backup[len(backupHead):]; len(b) > 0; {
		n := binary.LittleEndian.Uint32(b[1:])
		out = append(out, frame{b[0], b[9 : 9+n]})
		b = b[9+n:]
	}
	return out
}

// joined writes frames as a backup, each with its checksum.
func joined(head string, fs []frame) []byte {
	b := []byte(head)
	for _, f := range fs {
		b = append(b, f.kind)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f.payload)))
		b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(f.payload, castagnoli))
		b = append(b, f.payload...)
	}
	return b
}

// altered restores the good backup after change has had its way with its bytes.
func altered(change func(b []byte) []byte) func(*world) error {
	return restore(func(w *world) io.Reader { return bytes.NewReader(change(bytes.Clone(w.backup))) })
}

// forged restores a backup whose frames were changed and whose checksums fit again.
func forged(change func(fs []frame) []frame) func(*world) error {
	return altered(func(b []byte) []byte { return joined(backupHead, change(frames(b))) })
}

// signed restores a backup whose manifest says something else. With sums the manifest
// fits the data again before change has its way.
func signed(sums bool, data func(fs []frame) []frame, change func(m *store.Manifest)) func(*world) error {
	return forged(func(fs []frame) []frame {
		var m store.Manifest
		last := len(fs) - 1
		if err := json.Unmarshal(fs[last].payload, &m); err != nil {
			panic(err)
		}
		if data != nil {
			fs = append(data(fs[:last]), fs[last])
			last = len(fs) - 1
		}
		if sums {
			before := joined(backupHead, fs[:last])
			sum := sha256.Sum256(before)
			m.Bytes, m.Checksum = int64(len(before)), hex.EncodeToString(sum[:])
		}
		change(&m)
		body, err := json.Marshal(m)
		if err != nil {
			panic(err)
		}
		fs[last].payload = body
		return fs
	})
}

func flip(at func(b []byte) int) func(*world) error {
	return altered(func(b []byte) []byte { b[at(b)] ^= 1; return b })
}

func head(text string) func(*world) error {
	return altered(func(b []byte) []byte { return append([]byte(text), b[len(backupHead):]...) })
}

func cutTo(size func(all int) int) func(*world) error {
	return altered(func(b []byte) []byte { return b[:size(len(b))] })
}

// manifestAt is where the last frame begins.
func manifestAt(b []byte) int {
	fs := frames(b)
	return len(b) - 9 - len(fs[len(fs)-1].payload)
}

const firstFrame = len(backupHead)

var alteredCases = []apiCase{
	{"nothing", altered(func([]byte) []byte { return nil }), store.ErrFormat, "not a codepool backup"},
	{"a byte", cutTo(func(int) int { return 1 }), store.ErrFormat, "not a codepool backup"},
	{"the head without its line end", cutTo(func(int) int { return firstFrame - 1 }), store.ErrFormat, ""},
	{"the head only", cutTo(func(int) int { return firstFrame }), store.ErrCorrupt, "the stream is cut off after 26 bytes"},
	{"cut off in a frame's head", cutTo(func(int) int { return firstFrame + 5 }), store.ErrCorrupt, "cut off after 31 bytes"},
	{"cut off behind a frame's head", cutTo(func(int) int { return firstFrame + 9 }), store.ErrCorrupt, "cut off"},
	{"cut off in a frame", cutTo(func(all int) int { return all / 2 }), store.ErrCorrupt, "cut off"},
	{"cut off before the manifest", altered(func(b []byte) []byte { return b[:manifestAt(b)] }), store.ErrCorrupt, "cut off"},
	{"cut off in the manifest", cutTo(func(all int) int { return all - 20 }), store.ErrCorrupt, "cut off"},
	{"cut off before the last byte", cutTo(func(all int) int { return all - 1 }), store.ErrCorrupt, "cut off"},
	{"a byte at the end", altered(func(b []byte) []byte { return append(b, 0) }), store.ErrCorrupt, "something follows its end"},
	{"a line end at the end", altered(func(b []byte) []byte { return append(b, '\n') }), store.ErrCorrupt, "something follows its end"},
	{"two backups", altered(func(b []byte) []byte { return append(b, b...) }), store.ErrCorrupt, "something follows its end"},
	{"a byte before it", altered(func(b []byte) []byte { return append([]byte{0}, b...) }), store.ErrFormat, "not a codepool backup"},
	{"format 2", head("codepool backup, format 2\n"), store.ErrFormat, `"codepool backup, format 2\n", this program reads`},
	{"format 10", head("codepool backup, format 10\n"), store.ErrFormat, "format 1"},
	{"a head in capitals", head("CODEPOOL BACKUP, FORMAT 1\n"), store.ErrFormat, "not a codepool backup"},
	{"a head with CR LF", head("codepool backup, format 1\r\n"), store.ErrFormat, ""},
	{"the format file of a store", head("codepool store, format 1\n"), store.ErrFormat, "not a codepool backup"},
	{"a packed backup", head("\x1f\x8b\x08\x00"), store.ErrFormat, "not a codepool backup"},
	{"a backup as text, with CR LF for LF", altered(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }), store.ErrFormat, ""},
	{"rubbish", altered(func([]byte) []byte { return []byte(strings.Repeat("rubbish ", 100)) }), store.ErrFormat, ""},

	{"a frame of another kind", flip(func([]byte) int { return firstFrame }), store.ErrCorrupt, "no frame begins at byte 26"},
	{"a frame that is longer than any", altered(func(b []byte) []byte { b[firstFrame+4] = 0xFF; return b }), store.ErrCorrupt, "no frame begins at byte 26"},
	{"a frame that is one byte shorter", altered(func(b []byte) []byte { b[firstFrame+1]--; return b }), store.ErrCorrupt, "fails its checksum"},
	{"a frame that is one byte longer", altered(func(b []byte) []byte { b[firstFrame+1]++; return b }), store.ErrCorrupt, "fails its checksum"},
	{"a bit of a frame's checksum", flip(func([]byte) int { return firstFrame + 5 }), store.ErrCorrupt, "fails its checksum"},
	{"a bit of a frame's first byte", flip(func([]byte) int { return firstFrame + 9 }), store.ErrCorrupt, "fails its checksum"},
	{"a bit of a frame's last byte", flip(func(b []byte) int { return manifestAt(b) - 1 }), store.ErrCorrupt, "fails its checksum"},
	{"a bit of the manifest", flip(func(b []byte) int { return len(b) - 10 }), store.ErrCorrupt, "fails its checksum"},
	{"the manifest's kind", flip(func(b []byte) int { return manifestAt(b) }), store.ErrCorrupt, "no frame begins"},

	{"a pair's value altered under a good frame", forged(func(fs []frame) []frame {
		p := bytes.Clone(fs[0].payload)
		p[len(p)-1] ^= 1
		fs[0].payload = p
		return fs
	}), store.ErrCorrupt, "checksum does not match"},
	{"half a pair at the end of a frame", forged(func(fs []frame) []frame {
		fs[0].payload = fs[0].payload[:len(fs[0].payload)-1]
		return fs
	}), store.ErrCorrupt, "does not hold whole pairs"},
	{"a pair without a key", forged(func(fs []frame) []frame {
		fs[0].payload = append([]byte{0, 1, 'x'}, fs[0].payload...)
		return fs
	}), store.ErrCorrupt, "does not hold whole pairs"},
	{"a pair of an unknown kind", forged(func(fs []frame) []frame {
		fs[0].payload = append([]byte{1, '?', 4, 0, 0, 0, 0}, fs[0].payload...)
		return fs
	}), store.ErrCorrupt, "does not hold whole pairs"},
	{"a length that never ends", forged(func(fs []frame) []frame {
		fs[0].payload = bytes.Repeat([]byte{0xFF}, 40)
		return fs
	}), store.ErrCorrupt, "does not hold whole pairs"},
	{"a frame twice", forged(func(fs []frame) []frame { return append(fs[:1:1], fs...) }), store.ErrCorrupt, "entries, its manifest says"},
	{"a frame less", forged(func(fs []frame) []frame { return fs[1:] }), store.ErrCorrupt, "it holds 0 entries"},
	{"an empty frame more", forged(func(fs []frame) []frame { return append([]frame{{kind: 'D'}}, fs...) }), store.ErrCorrupt, "checksum does not match"},
	{"data behind the manifest", forged(func(fs []frame) []frame { return []frame{fs[1], fs[0]} }), store.ErrCorrupt, "manifest says"},
	{"a manifest that is no JSON", forged(func(fs []frame) []frame { fs[len(fs)-1].payload = []byte("{"); return fs }), store.ErrCorrupt, "manifest:"},
	{"a manifest that is empty", forged(func(fs []frame) []frame { fs[len(fs)-1].payload = nil; return fs }), store.ErrCorrupt, "manifest:"},
	{"a manifest of a list", forged(func(fs []frame) []frame { fs[len(fs)-1].payload = []byte("[]"); return fs }), store.ErrCorrupt, "manifest:"},
	{"a manifest without a word", forged(func(fs []frame) []frame { fs[len(fs)-1].payload = []byte("{}"); return fs }), store.ErrFormat, "version 0"},
	{"a manifest with an entry more", signed(false, nil, func(m *store.Manifest) { m.Entries++ }), store.ErrCorrupt, "entries, its manifest says"},
	{"a manifest with a byte less", signed(false, nil, func(m *store.Manifest) { m.Bytes-- }), store.ErrCorrupt, "checksum does not match"},
	{"a manifest with another checksum", signed(false, nil, func(m *store.Manifest) { m.Checksum = strings.Repeat("0", 64) }), store.ErrCorrupt, "checksum does not match"},
	{"a manifest with its checksum in capitals", signed(false, nil, func(m *store.Manifest) { m.Checksum = strings.ToUpper(m.Checksum) }), store.ErrCorrupt, "checksum does not match"},
	{"a manifest with a record more", signed(false, nil, func(m *store.Manifest) { m.Sequence++ }), store.ErrCorrupt, "its ledger ends at … its manifest says"},
	{"a manifest with a record less", signed(false, nil, func(m *store.Manifest) { m.Sequence-- }), store.ErrCorrupt, "its ledger ends at"},
	{"no data, and a manifest that says so", signed(true, func([]frame) []frame { return nil }, func(m *store.Manifest) { m.Entries = 0 }), store.ErrCorrupt, "its ledger ends at 0"},
	{"a manifest of another version", signed(false, nil, func(m *store.Manifest) { m.Version = 2 }), store.ErrFormat, "version"},
	{"a manifest with a code more", signed(false, nil, func(m *store.Manifest) { m.Codes++ }), store.ErrCorrupt, "codes"},
}
