package store_test

import (
	"fmt"
	"testing"
	"time"

	"codepool/store"
	"codepool/store/storetest"
)

// TestCheckAndRedeem: Check answers what Redeem then does, by every rule of a batch, and
// leaves nothing claimed behind.
func TestCheckAndRedeem(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	limited := mint(t, s, store.Batch{Name: "limited", Count: 20, PerUser: 2})
	again := mint(t, s, store.Batch{Name: "again", Count: 20, Reusable: true, Quarantine: time.Hour})
	both := mint(t, s, store.Batch{Name: "both", Count: 20, Reusable: true, PerUser: 1, Quarantine: time.Hour})
	stock := importCodes(t, s, store.Batch{Name: "stock", FromStock: true, PerUser: 1}, store.ImportOptions{}, "CARD1", "CARD2", "CARD3").Batch
	a, b, c := issue(t, s, limited.ID, 20, "x"), issue(t, s, again.ID, 20, "x"), issue(t, s, both.ID, 20, "x")
	reserve(t, s, store.Redemption{Code: a[0], User: "cat"}, time.Hour)
	for i, r := range []struct {
		store.Redemption
		want error
	}{
		{store.Redemption{Code: a[1]}, store.ErrNoUser},
		{store.Redemption{Code: a[1], User: "ann"}, nil},
		{store.Redemption{Code: a[1], User: "ann"}, store.ErrAlreadyRedeemed},
		{store.Redemption{Code: a[2], User: "ann", Key: "k"}, nil},
		{store.Redemption{Code: a[3], User: "ann"}, store.ErrUserLimit},
		{store.Redemption{Code: a[3], User: "bob"}, nil},
		{store.Redemption{Code: a[4], User: "cat"}, nil}, // one, and one that is reserved
		{store.Redemption{Code: a[5], User: "cat"}, store.ErrUserLimit},
		{store.Redemption{Code: a[0], User: "dan"}, store.ErrReserved},
		{store.Redemption{Code: b[0]}, store.ErrNoKey},
		{store.Redemption{Code: b[0], Key: "b0"}, nil},
		{store.Redemption{Code: c[0], Key: "c0"}, store.ErrNoUser},
		{store.Redemption{Code: c[0], User: "ann"}, store.ErrNoKey},
		{store.Redemption{Code: c[0], User: "ann", Key: "c0"}, nil},
		{store.Redemption{Code: c[1], User: "ann", Key: "c1"}, store.ErrUserLimit},
		{store.Redemption{Code: "CARD1", User: "ann"}, nil},
		{store.Redemption{Code: "CARD2", User: "ann"}, store.ErrUserLimit},
		{store.Redemption{Code: "NONE", User: "ann"}, store.ErrUnknownCode},
	} {
		what := fmt.Sprintf("case %d, %+v", i, r.Redemption)
		ledger := s.Stats().Ledger
		for range 2 {
			wantErr(t, "check in "+what, s.Check(ctx, r.Redemption), r.want)
		}
		if s.Stats().Ledger != ledger {
			t.Errorf("%s: a check is in the ledger", what)
		}
		_, err := s.Redeem(ctx, r.Redemption)
		wantErr(t, "redeem in "+what, err, r.want)
		if i%5 == 2 { // what counts is in the index, in part
			if err := s.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if i == 8 {
			s = reopened(t, s, dir, weak(), false)
		}
	}
	wantErr(t, "check from stock", s.Check(ctx, store.Redemption{Code: "CARD2", User: "eve"}), nil)
	issue(t, s, stock.ID, 2, "all that is left")
	wantErr(t, "a key is not looked up", s.Check(ctx, store.Redemption{Code: a[2], User: "ann", Key: "k"}), store.ErrAlreadyRedeemed)
	storetest.Verify(t, s)
}
