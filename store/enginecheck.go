package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// checkEngineFiles looks at the files of an existing store before the engine gets
// the directory, because the engine would make good what is missing: it starts anew
// without a MANIFEST, and it panics in a goroutine of its own on a table that was cut
// off. Tables that the MANIFEST does not name are left from a flush that a crash ended.
func checkEngineFiles(path string) error {
	for _, name := range []string{highWaterFile, filepath.Join(engineDir, manifestFile)} {
		if fi, err := os.Stat(filepath.Join(path, name)); err != nil || fi.Size() == 0 {
			return &CorruptError{What: "data directory " + path, Why: name + " is missing or empty: the directory was copied in part, or damaged"}
		}
	}
	live, err := liveTables(filepath.Join(path, engineDir))
	if err != nil {
		return &CorruptError{What: "data directory " + path, Why: manifestFile + ": " + err.Error()}
	}
	for name := range live {
		file := filepath.Join(path, engineDir, name)
		if err := checkTable(file); err != nil {
			return &CorruptError{What: "table " + file, Why: err.Error()}
		}
	}
	return nil
}

// The engine removes tables that its MANIFEST does not name. That is right after a
// crash and wrong when the MANIFEST was cut off, which looks the same until recovery
// finds records missing. So such tables are kept in a folder beside until recovery has
// succeeded, and put back if it refuses: with the whole MANIFEST they are of use again.
const asideDir = "journal-aside"

// setAside links the tables that the engine may remove.
func setAside(path string) error {
	if err := putBack(path); err != nil { // of an Open that was ended in between
		return err
	}
	engine, aside := filepath.Join(path, engineDir), filepath.Join(path, asideDir)
	live, err := liveTables(engine)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(engine)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".sst" || live[e.Name()] {
			continue
		}
		if err := os.MkdirAll(aside, 0o755); err != nil {
			return err
		}
		if err := os.Link(filepath.Join(engine, e.Name()), filepath.Join(aside, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// putBack gives tables back that the engine has removed.
func putBack(path string) error {
	engine, aside := filepath.Join(path, engineDir), filepath.Join(path, asideDir)
	entries, err := os.ReadDir(aside)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if lerr := os.Link(filepath.Join(aside, e.Name()), filepath.Join(engine, e.Name())); !errors.Is(lerr, fs.ErrExist) {
			err = errors.Join(err, lerr)
		}
	}
	if err != nil {
		return err
	}
	// crash point: open: tables of an interrupted opening are put back
	return os.RemoveAll(aside)
}

// checkTable checks the end of a table: index | its length (4, big endian) |
// checksum | its length (4). The checksum is a protocol buffer with the crc32c of
// the index. The blocks have checksums of their own, checked when they are read.
func checkTable(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	end := fi.Size()
	take := func(n int64) ([]byte, error) {
		if n < 0 || n > end {
			return nil, io.ErrUnexpectedEOF
		}
		b := make([]byte, n)
		end -= n
		_, err := f.ReadAt(b, end)
		return b, err
	}
	part := func() ([]byte, error) {
		n, err := take(4)
		if err != nil {
			return nil, err
		}
		return take(int64(binary.BigEndian.Uint32(n)))
	}
	sum, err := part()
	if err != nil {
		return fmt.Errorf("it is cut off: %w", err)
	}
	index, err := part()
	if err != nil {
		return fmt.Errorf("it is cut off: %w", err)
	}
	if want, ok := tableChecksum(sum); !ok || len(index) == 0 || want != uint64(crc32.Checksum(index, castagnoli)) {
		return fmt.Errorf("the checksum of its index does not match")
	}
	return nil
}

// tableChecksum decodes message Checksum { algorithm = 1; uint64 sum = 2 }; only
// algorithm 0, crc32c, is ever written.
func tableChecksum(b []byte) (sum uint64, ok bool) {
	d := decoder{b: b}
	for len(d.b) > 0 && !d.bad {
		switch tag := d.byte(); tag {
		case 1 << 3:
			if d.uvarint() != 0 {
				return 0, false
			}
		case 2 << 3:
			sum, ok = d.uvarint(), true
		default:
			return 0, false
		}
	}
	return sum, ok && !d.bad
}
