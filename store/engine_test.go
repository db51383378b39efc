package store

import (
	"encoding/binary"
	"testing"
)

// A commit of many tiny pairs must be cut by their number too: the engine bounds both.
func TestCommitManyTinyPairs(t *testing.T) {
	o := Options{Durability: WeakNoSync}.withDefaults()
	e, err := openBadger(t.TempDir(), &o)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const n = 50_000
	pairs := make([]pair, n)
	for i := range pairs {
		pairs[i] = pair{key1(keyRun, uint32(i)), binary.BigEndian.AppendUint32(nil, uint32(i))}
	}
	if err := (&fuse{engine: e}).Commit(pairs); err != nil {
		t.Fatal(err)
	}
	found := 0
	err = e.View(func(r reader) error {
		return r.Scan([]byte{keyRun}, nil, func(_, _ []byte) error { found++; return nil })
	})
	if err != nil || found != n {
		t.Errorf("found %d of %d pairs, error %v", found, n, err)
	}
}
