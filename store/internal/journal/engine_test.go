package journal

import (
	"encoding/binary"
	"log/slog"
	"testing"
)

// plain are the store's defaults, without syncs.
func plain() *Options {
	return &Options{MemTable: 8 << 20, Reserve: 32 * 8 << 20, Logger: slog.New(slog.DiscardHandler)}
}

// A commit of many tiny pairs must be cut by their number too: the engine bounds both.
func TestCommitManyTinyPairs(t *testing.T) {
	e, err := Open(t.TempDir(), plain())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const n = 50_000
	pairs := make([]Pair, n)
	for i := range pairs {
		pairs[i] = Pair{binary.BigEndian.AppendUint32([]byte{'R'}, uint32(i)), binary.BigEndian.AppendUint32(nil, uint32(i))}
	}
	if err := (&Fuse{Engine: e}).Commit(pairs); err != nil {
		t.Fatal(err)
	}
	found := 0
	err = e.View(func(r Reader) error {
		return r.Scan([]byte{'R'}, nil, func(_, _ []byte) error { found++; return nil })
	})
	if err != nil || found != n {
		t.Errorf("found %d of %d pairs, error %v", found, n, err)
	}
}
