package store_test

import (
	"testing"
	"time"

	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

// TestLookupLease: a lookup names the lease or the reservation that has a code, and when that
// ends, also after a restart, and nothing when it has ended.
func TestLookupLease(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, clk := timed()
	start := clk.Now()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	rests := mint(t, s, store.Batch{Name: "rests", Count: 1, Reusable: true, Quarantine: time.Hour})
	importCodes(t, s, store.Batch{Name: "stock", FromStock: true}, store.ImportOptions{}, "CARD1")
	l := lease(t, s, b.ID, 2, time.Hour, store.To("order"))
	drawn := issue(t, s, b.ID, 2, "order")
	first := reserve(t, s, store.Redemption{Code: drawn[0]}, time.Minute)
	_, err := s.Cancel(ctx, store.LeaseEnd{Number: first.Number})
	wantErr(t, "cancel", err, nil)
	h := reserve(t, s, store.Redemption{Code: drawn[0]}, 2*time.Hour)
	stock := reserve(t, s, store.Redemption{Code: "CARD1"}, time.Hour)
	back := issue(t, s, rests.ID, 1, "order")[0]
	_, err = s.Release(ctx, store.Change{Code: back})
	wantErr(t, "release", err, nil)
	look := func(what, code string, state shard.State, number uint64, until time.Time) {
		t.Helper()
		info, err := s.Lookup(ctx, "", code)
		if err != nil || info.State != state || info.Lease != number || !info.Until.Equal(until) {
			t.Errorf("%s: %+v, %v; want %v by %d until %v", what, info, err, state, number, until)
		}
	}
	for _, clean := range []bool{false, true} {
		look("leased", l.Codes[1], shard.Leased, l.Number, start.Add(time.Hour))
		look("reserved", drawn[0], shard.Held, h.Number, start.Add(2*time.Hour))
		look("reserved from stock", "CARD1", shard.Held, stock.Number, start.Add(time.Hour))
		look("resting", back, shard.Leased, 0, start.Add(time.Hour))
		look("issued", drawn[1], shard.Issued, 0, time.Time{})
		s = reopened(t, s, dir, o, clean)
		dir = s.Stats().Dir
	}
	_, err = s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number})
	wantErr(t, "acknowledge", err, nil)
	_, err = s.Confirm(ctx, store.LeaseEnd{Number: h.Number})
	wantErr(t, "confirm", err, nil)
	look("acknowledged", l.Codes[1], shard.Issued, 0, time.Time{})
	look("confirmed", drawn[0], shard.Redeemed, 0, time.Time{})
	clk.set(start.Add(time.Hour))
	look("over", "CARD1", shard.Available, 0, time.Time{})
	look("rested", back, shard.Available, 0, time.Time{})
	storetest.Verify(t, s)
}

// TestLookupUndone: of a redemption that was taken back a lookup says how, until the code is
// redeemed again or goes back to stock; that tells the receipt that stands from others.
func TestLookupUndone(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, clk := timed()
	s := open(t, dir, o)
	importCodes(t, s, store.Batch{Name: "b", FromStock: true}, store.ImportOptions{}, "CARD1")
	look := func(what string, want *store.Changed, stands uint64) {
		t.Helper()
		info, err := s.Lookup(ctx, "", "CARD1")
		if err != nil || (want == nil) != (info.Undone == nil) || (stands > 0) != (info.Receipt != nil) || want != nil && *info.Undone != *want || stands > 0 && info.Receipt.Number != stands {
			t.Errorf("%s: %+v, %+v, %v; want %+v and receipt %d", what, info.Undone, info.Receipt, err, want, stands)
		}
	}
	look("in stock", nil, 0)
	rec := redeem(t, s, store.Redemption{Code: "CARD1", User: "ann"})
	look("redeemed", nil, rec.Number)
	clk.set(clk.Now().Add(time.Minute))
	undone, err := s.Undo(ctx, store.Change{Code: "CARD1", By: "desk", Reason: "refund", Key: "k"})
	wantErr(t, "undo", err, nil)
	for _, clean := range []bool{false, true} {
		look("undone", &undone, 0)
		s = reopened(t, s, dir, o, clean)
		dir = s.Stats().Dir
	}
	h := reserve(t, s, store.Redemption{Code: "CARD1"}, time.Hour)
	look("reserved", &undone, 0)
	rec, err = s.Confirm(ctx, store.LeaseEnd{Number: h.Number})
	wantErr(t, "confirm", err, nil)
	look("redeemed again", nil, rec.Number)
	undone, err = s.Undo(ctx, store.Change{Code: "CARD1"})
	wantErr(t, "undo", err, nil)
	look("undone again", &undone, 0)
	_, err = s.Release(ctx, store.Change{Code: "CARD1"})
	wantErr(t, "release", err, nil)
	look("released", nil, 0)
	reserve(t, s, store.Redemption{Code: "CARD1"}, time.Hour)
	look("reserved from stock", nil, 0)
	storetest.Verify(t, s)
}

// TestReceiptNamespace: a receipt names the namespace of its code, however it is come by.
func TestReceiptNamespace(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Namespace: "shop", Count: 10})
	codes := issue(t, s, b.ID, 5, "x")
	all := []store.Receipt{redeem(t, s, store.Redemption{Namespace: "shop", Code: codes[0], User: "ann", Key: "k"})}
	all = append(all, redeem(t, s, store.Redemption{Namespace: "shop", Code: codes[0], User: "ann", Key: "k"}))
	for _, r := range s.RedeemAll(ctx, []store.Redemption{{Namespace: "shop", Code: codes[1], User: "ann"}, {Namespace: "shop", Code: codes[2], User: "ann", Key: "all"}}) {
		all = append(all, r.Receipt)
	}
	answers := make(chan store.Receipt, 1)
	s.RedeemFunc(ctx, store.Redemption{Namespace: "shop", Code: codes[3], User: "ann"}, func(r store.Receipt, _ error) { answers <- r })
	all = append(all, <-answers)
	h := reserve(t, s, store.Redemption{Namespace: "shop", Code: codes[4], User: "ann"}, time.Hour)
	rec, err := s.Confirm(ctx, store.LeaseEnd{Number: h.Number})
	wantErr(t, "confirm", err, nil)
	taken, err := s.Take(ctx, b.ID, 1, "ann", store.To("x"))
	wantErr(t, "take", err, nil)
	all = append(append(all, rec), taken...)
	s = reopened(t, s, dir, weak(), false)
	feed, users := receipts(t, s, 0), collect(t, s.ReceiptsOf(ctx, "ann", 0))
	if len(feed) != 6 || len(users) != 6 {
		t.Errorf("%d and %d receipts", len(feed), len(users))
	}
	for i, r := range append(append(all, feed...), users...) {
		if r.Namespace != "shop" || r.Batch != b.ID {
			t.Errorf("receipt %d: %+v", i, r)
		}
	}
	importCodes(t, s, store.Batch{Name: "plain"}, store.ImportOptions{HandedOut: true}, "CARD1")
	if r := redeem(t, s, store.Redemption{Code: "CARD1"}); r.Namespace != "" {
		t.Errorf("%+v", r)
	}
}
