package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"codepool/store"
	"codepool/store/storetest"
)

// TestDiskFull asks for a reserve that no disk has: writes are refused, reads go on,
// and nothing changes (I10).
func TestDiskFull(t *testing.T) {
	full := weak()
	full.DiskReserve = 1 << 60
	fresh := filepath.Join(t.TempDir(), "fresh")
	_, err := store.Open(fresh, full)
	wantErr(t, "a new store", err, store.ErrDiskFull)

	dir := t.TempDir()
	s := open(t, dir, weak())
	var h history
	makeHistory(t, s, 0, &h)
	b := mint(t, s, store.Batch{Name: "stock", Count: 10})
	handed := issue(t, s, b.ID, 5, "x")
	mustClose(t, s)

	s = open(t, dir, full)
	ctx := t.Context()
	_, err = s.Redeem(ctx, store.Redemption{Code: handed[0]})
	wantErr(t, "redeem", err, store.ErrDiskFull)
	if err != nil && !strings.Contains(err.Error(), dir) {
		t.Errorf("the error does not name the directory: %v", err)
	}
	for _, r := range s.RedeemAll(ctx, redemptions(handed, "")) {
		wantErr(t, "redeem all", r.Err, store.ErrDiskFull)
	}
	s.RedeemFunc(ctx, store.Redemption{Code: handed[0]}, func(_ store.Receipt, err error) { wantErr(t, "redeem func", err, store.ErrDiskFull) })
	_, err = s.Issue(ctx, b.ID, 1, store.To("y"))
	wantErr(t, "issue", err, store.ErrDiskFull)
	_, err = s.Mint(ctx, store.Batch{Name: "more", Count: 10})
	wantErr(t, "mint", err, store.ErrDiskFull)
	_, err = s.Import(ctx, store.Batch{Name: "more"}, strings.NewReader("X\n"), store.ImportOptions{})
	wantErr(t, "import", err, store.ErrDiskFull)

	wantErr(t, "check", s.Check(ctx, store.Redemption{Code: handed[0]}), nil)
	if info, err := s.Lookup(ctx, "", h.receipts[0].Code); err != nil || info.Receipt == nil {
		t.Errorf("lookup: %+v, %v", info, err)
	}
	if n := len(receipts(t, s, 0)); n != len(h.receipts) {
		t.Errorf("%d receipts, want %d", n, len(h.receipts))
	}
	_, err = s.Redeem(ctx, store.Redemption{Code: "7KQF-2M9X-T4WC"})
	wantErr(t, "an unknown code", err, store.ErrUnknownCode)
	backup(t, s)
	storetest.Verify(t, s)
	if s.Stats().Failure == "" {
		t.Error("Stats does not say that writes are refused")
	}
	if c := s.Stats().Codes; c.Available != 205 || len(s.Batches()) != 3 {
		t.Errorf("refused writes changed the store: %+v", c)
	}
	if err := s.Close(); err != nil && !errors.Is(err, store.ErrDiskFull) {
		t.Errorf("close: %v", err)
	}
	s = storetest.OpenAt(t, dir, weak())
	h.holds(t, s)
	redeem(t, s, store.Redemption{Code: handed[0]})
}

// Some room is held while the store is open, so that it can be closed where others took
// the rest; how much writes need does not depend on how much the store has.
func TestBallast(t *testing.T) {
	dir := t.TempDir()
	ballast := filepath.Join(dir, "BALLAST")
	s := open(t, dir, weak())
	empty := s.Stats()
	fi, err := os.Stat(ballast)
	if runtime.GOOS == "linux" && (err != nil || fi.Size() != 24<<20) {
		t.Errorf("the ballast: %v, %v", fi, err)
	}
	mint(t, s, store.Batch{Name: "b", Count: 100_000})
	mustClose(t, s) // which makes a table
	if _, err := os.Stat(ballast); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the ballast of a closed store: %v", err)
	}
	s = open(t, dir, weak())
	defer mustClose(t, s)
	if got := s.Stats().DiskNeeded; got != empty.DiskNeeded || got < 32*8<<20 {
		t.Errorf("with 100,000 codes writes need %d, without any %d", got, empty.DiskNeeded)
	}
}
