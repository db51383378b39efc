package store_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"codepool/store"
)

// tables returns the tables of a store.
func tables(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "journal", "*.sst"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	return all
}

// flipBit flips a bit of a file in its place.
func flipBit(t *testing.T, path string, at int64, bit int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1 << bit
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

// indexStart is where the index of a table begins, behind its last block.
func indexStart(t *testing.T, path string) int64 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := len(b)
	for range 2 { // the index's checksum and the index, each with its length behind it
		end -= 4 + int(binary.BigEndian.Uint32(b[end-4:]))
	}
	return int64(end)
}

// The engine reads the last block of a table when it opens it, trusts the lengths in it,
// and panics over wrong ones in a goroutine of its own, which ends the process. No
// flipped bit there may get so far, and none behind it.
func TestFlippedBitAtEndOfTable(t *testing.T) {
	dir, h := t.TempDir(), &history{}
	s := open(t, dir, weak())
	makeHistory(t, s, 0, h)
	mustClose(t, s)
	table := tables(t, dir)[0]
	fi, err := os.Stat(table)
	if err != nil {
		t.Fatal(err)
	}
	const block = 24 // the last entry's offset, the number of entries, their checksum and its length
	start := indexStart(t, table)
	for at := start - block; at < fi.Size(); at++ {
		if at == start+block { // the rest of the index has its checksum
			at = max(at, fi.Size()-block)
		}
		for bit := range 8 {
			flipBit(t, table, at, bit)
			s, err := store.Open(dir, weak())
			if err == nil {
				mustClose(t, s)
				t.Fatalf("bit %d of byte %d behind the last block's data: not noticed", bit, at-start)
			}
			wantErr(t, "open", err, store.ErrCorrupt)
			flipBit(t, table, at, bit)
		}
	}
	s = open(t, dir, weak())
	h.holds(t, s)
	mustClose(t, s)
}
