package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// Check looks at the engine's files of an existing store before the engine gets
// the directory, because the engine would make good what is missing: it starts anew
// without a MANIFEST, and it panics in a goroutine of its own on a table that was cut
// off. Tables that the MANIFEST does not name are left from a flush that a crash ended.
func Check(path string) error {
	if err := CheckFile(path, filepath.Join(Dir, manifestFile)); err != nil {
		return err
	}
	live, _, err := liveTables(filepath.Join(path, Dir))
	if err != nil {
		return &CorruptError{What: "data directory " + path, Why: manifestFile + ": " + err.Error()}
	}
	for name := range live {
		file := filepath.Join(path, Dir, name)
		if err := checkTable(file); err != nil {
			return &CorruptError{What: "table " + file, Why: err.Error()}
		}
	}
	return nil
}

// CheckFile refuses an existing store without a file that it has from its beginning; file
// is its name in the data directory.
func CheckFile(path, file string) error {
	if fi, err := os.Stat(filepath.Join(path, file)); err != nil || fi.Size() == 0 {
		return &CorruptError{What: "data directory " + path, Why: file + " is missing or empty: the directory was copied in part, or damaged"}
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkTable checks what the engine reads of a table when it opens it, all of it in a
// goroutine of its own that panics over damage: the index, at the end of the table, and
// the last block. The other blocks have checksums that are checked when they are read,
// where a panic is caught.
//
//	blocks | index | its length (4, big endian) | its checksum | length of that (4)
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
	t := tail{f, fi.Size()}
	sum, err := t.part()
	if err != nil {
		return err
	}
	index, err := t.part()
	if err != nil {
		return err
	}
	if want, ok := tableChecksum(sum); !ok || len(index) == 0 || want != uint64(crc32.Checksum(index, castagnoli)) {
		return errors.New("the checksum of its index does not match")
	}
	from, err := lastBlock(index, t.end)
	if err != nil {
		return err
	}
	block, err := t.take(t.end - from)
	if err != nil {
		return err
	}
	return checkBlock(block)
}

// checkBlock checks a block of a table:
//
//	entries | offset of each (4) | how many (4, big endian) | checksum | its length (4)
//
// The checksum covers all before it. The engine trusts the lengths before it looks.
func checkBlock(b []byte) error {
	t := tail{bytes.NewReader(b), int64(len(b))}
	sum, err := t.part()
	if err != nil {
		return err
	}
	b = b[:t.end]
	if want, ok := tableChecksum(sum); !ok || want != uint64(crc32.Checksum(b, castagnoli)) {
		return errors.New("the checksum of its last block does not match")
	}
	n, err := t.number()
	if err != nil {
		return err
	}
	if n == 0 || 4*n >= t.end {
		return fmt.Errorf("its last block has %d bytes and %d entries", t.end, n)
	}
	return nil
}

// tail reads backwards from end.
type tail struct {
	r   io.ReaderAt
	end int64
}

func (t *tail) take(n int64) ([]byte, error) {
	if n < 0 || n > t.end {
		return nil, fmt.Errorf("it is cut off: %w", io.ErrUnexpectedEOF)
	}
	b := make([]byte, n)
	t.end -= n
	_, err := t.r.ReadAt(b, t.end)
	return b, err
}

func (t *tail) number() (int64, error) {
	b, err := t.take(4)
	if err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint32(b)), nil
}

// part takes a part that has its length behind it.
func (t *tail) part() ([]byte, error) {
	n, err := t.number()
	if err != nil {
		return nil, err
	}
	return t.take(n)
}

// tableChecksum decodes message Checksum { algorithm = 1; uint64 sum = 2 }; only
// algorithm 0, crc32c, is ever written.
func tableChecksum(b []byte) (sum uint64, ok bool) {
	for len(b) > 0 {
		v, n := binary.Uvarint(b[1:])
		switch tag := b[0]; {
		case n <= 0:
			return 0, false
		case tag == 1<<3 && v == 0:
		case tag == 2<<3:
			sum, ok = v, true
		default:
			return 0, false
		}
		b = b[1+n:]
	}
	return sum, ok
}
