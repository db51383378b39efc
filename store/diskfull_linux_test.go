package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"codepool/store"
	"codepool/store/storetest"
)

// TestDiskFillsUp fills a small file system under a working store: writes are
// refused with a typed error before the engine is in danger, reads go on, and
// writes resume when there is room again (I10).
func TestDiskFillsUp(t *testing.T) {
	base := t.TempDir()
	const size = 200 << 20
	if err := syscall.Mount("tmpfs", base, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("cannot mount a small file system here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(base, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	o := &store.Options{DiskReserve: 80 << 20, CheckpointEvery: 20_000}
	s := storetest.OpenAt(t, filepath.Join(base, "data"), o)
	codes := issued(t, s, "b", 100_000)
	var kept []store.Receipt
	work := func(n int) error {
		for part := range n {
			for _, r := range s.RedeemAll(t.Context(), redemptions(codes[:100], "u")) {
				if r.Err != nil {
					return fmt.Errorf("part %d: %w", part, r.Err)
				}
				kept = append(kept, r.Receipt)
			}
			codes = codes[100:]
		}
		return nil
	}
	if err := work(100); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(base, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<20)
	refused := error(nil)
	for refused == nil && len(codes) > 1000 {
		if _, err := f.Write(block); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
		}
		refused = work(1)
	}
	wantErr(t, "work while the disk fills", refused, store.ErrDiskFull)
	// What still runs in the background has passed the reserve; it ends before this.
	if err := s.Checkpoint(t.Context()); err != nil && !errors.Is(err, store.ErrDiskFull) {
		t.Fatal(err)
	}
	for err == nil { // to the last byte
		_, err = f.Write(block)
	}
	if n := len(receipts(t, s, 0)); n != len(kept) {
		t.Errorf("%d receipts, want %d", n, len(kept))
	}
	wantErr(t, "check", s.Check(t.Context(), store.Redemption{Code: codes[0]}), nil)
	if info, err := s.Lookup(t.Context(), "", kept[0].Code); err != nil || info.Receipt == nil || !sameReceipt(*info.Receipt, kept[0]) {
		t.Errorf("lookup on a full disk: %+v, %v", info, err)
	}
	_, err = s.Mint(t.Context(), store.Batch{Name: "more", Count: 1000})
	wantErr(t, "mint", err, store.ErrDiskFull)
	if err := errors.Join(f.Close(), os.Remove(filler)); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for err = work(1); errors.Is(err, store.ErrDiskFull) && time.Now().Before(deadline); err = work(1) {
	}
	if err != nil {
		t.Fatalf("writes do not resume: %v", err)
	}
	if err := work(50); err != nil {
		t.Fatal(err)
	}
	if got := receipts(t, s, 0); len(got) != len(kept) {
		t.Errorf("%d receipts at the end, %d were given", len(got), len(kept))
	}
}
