package store

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"codepool/store/internal/journal"
)

// TestPagesLeftOver: a crash in the middle of a checkpoint leaves lease and share pages under
// its number, and the next one of that number may need fewer. A backup takes those that its
// record counts, and what it restores opens.
func TestPagesLeftOver(t *testing.T) {
	ctx := t.Context()
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Mint(ctx, Batch{Name: "b", Count: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lease(ctx, b.ID, 3, time.Hour, To("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Share(ctx, Universal("HOT", 5)); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	var left []journal.Pair
	for _, key := range [][]byte{leaseKey(s.maint.number, 1), shareKey(s.maint.number, 1)} {
		left = append(left, journal.Pair{Key: key, Value: seal(key, binary.LittleEndian.AppendUint64(nil, 1))})
	}
	if err := s.eng.Commit(left); err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if _, err := s.Backup(ctx, &backup); err != nil {
		t.Fatalf("backup: %v", err)
	}
	dir := t.TempDir()
	if _, err := Restore(ctx, dir, &backup); err != nil {
		t.Fatalf("restore: %v", err)
	}
	again, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if rep, err := again.Verify(ctx); err != nil || !rep.OK() || again.Stats().Shared != 1 {
		t.Errorf("%+v, %v", rep, err)
	}
}
