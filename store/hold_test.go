package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"codepool/store"
	"codepool/store/storetest"
)

func reserve(t *testing.T, s *store.Store, r store.Redemption, ttl time.Duration) store.Hold {
	t.Helper()
	h, err := s.Reserve(t.Context(), r, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestReserve follows reservations to each of their ends, with and without a restart.
func TestReserve(t *testing.T) {
	for _, restart := range []string{"none", "crash", "close"} {
		t.Run(restart, func(t *testing.T) {
			ctx, dir := t.Context(), t.TempDir()
			o, clk := timed()
			start := clk.Now()
			s := open(t, dir, o)
			b := mint(t, s, store.Batch{Name: "b", Count: 10, Reward: "svip", NotAfter: start.Add(30 * time.Minute)})
			codes := issue(t, s, b.ID, 6, "order")
			buy := reserve(t, s, store.Redemption{Code: codes[0], User: "ann"}, time.Hour)
			leave := reserve(t, s, store.Redemption{Code: codes[1], User: "bob"}, time.Hour)
			forget := reserve(t, s, store.Redemption{Code: codes[2], User: "cat"}, time.Minute)
			if buy.User != "ann" || buy.Batch != b.ID || buy.Reward != "svip" || !buy.Until.Equal(start.Add(time.Hour)) {
				t.Errorf("%+v", buy)
			}
			wantCounts(t, "held", s, b.ID, store.Counts{Minted: 10, Available: 4, Reserved: 3, Issued: 3})
			if restart != "none" {
				s = reopened(t, s, dir, o, restart == "close")
				wantCounts(t, "reopened", s, b.ID, store.Counts{Minted: 10, Available: 4, Reserved: 3, Issued: 3})
			}
			for _, user := range []string{"ann", "eve"} {
				_, err := s.Redeem(ctx, store.Redemption{Code: codes[0], User: user})
				wantErr(t, "redeem", err, store.ErrReserved)
				wantErr(t, "check", s.Check(ctx, store.Redemption{Code: codes[0], User: user}), store.ErrReserved)
				_, err = s.Reserve(ctx, store.Redemption{Code: codes[0], User: user}, time.Hour)
				wantErr(t, "reserve", err, store.ErrReserved)
			}
			_, err := s.Release(ctx, store.Change{Code: codes[0]})
			wantErr(t, "release", err, store.ErrReserved)
			if info, err := s.Lookup(ctx, "", codes[0]); err != nil || info.StateName != "reserved" || info.Ref != "order" {
				t.Errorf("%+v, %v", info, err)
			}
			storetest.Verify(t, s)

			clk.set(start.Add(50 * time.Second))
			rec, err := s.Confirm(ctx, store.LeaseEnd{Number: buy.Number})
			if err != nil || rec.User != "ann" || rec.Code != buy.Code || rec.Reward != "svip" || rec.Batch != b.ID {
				t.Errorf("%+v, %v", rec, err)
			}
			_, err = s.Cancel(ctx, store.LeaseEnd{Number: leave.Number, By: "bob"})
			wantErr(t, "cancel", err, nil)
			for _, n := range []uint64{buy.Number, leave.Number} {
				_, err = s.Confirm(ctx, store.LeaseEnd{Number: n})
				wantErr(t, "confirm what has ended", err, store.ErrLeaseEnded)
				_, err = s.Cancel(ctx, store.LeaseEnd{Number: n})
				wantErr(t, "cancel what has ended", err, store.ErrLeaseEnded)
			}
			redeem(t, s, store.Redemption{Code: codes[1], User: "dan"})
			clk.set(start.Add(time.Minute))
			_, err = s.Confirm(ctx, store.LeaseEnd{Number: forget.Number})
			wantErr(t, "confirm late", err, store.ErrLeaseOver)
			redeem(t, s, store.Redemption{Code: codes[2], User: "eve"})
			wantCounts(t, "at last", s, b.ID, store.Counts{Minted: 10, Available: 4, Issued: 3, Redeemed: 3})

			// A reservation outlasts the window.
			last := reserve(t, s, store.Redemption{Code: codes[3], User: "ann"}, time.Hour)
			clk.set(start.Add(31 * time.Minute))
			_, err = s.Redeem(ctx, store.Redemption{Code: codes[4]})
			wantErr(t, "after the window", err, store.ErrExpired)
			rec2, err := s.Confirm(ctx, store.LeaseEnd{Number: last.Number})
			wantErr(t, "confirm after the window", err, nil)

			users := map[string]int{}
			for _, r := range receipts(t, s, 0) {
				users[r.User]++
			}
			if users["ann"] != 2 || users["dan"] != 1 || users["eve"] != 1 || len(users) != 3 {
				t.Errorf("%v", users)
			}
			if got := collect(t, s.ReceiptsOf(ctx, "ann", 0)); len(got) != 2 || !sameReceipt(got[0], rec2) || !sameReceipt(got[1], rec) {
				t.Errorf("%+v", got)
			}
			_, err = s.Undo(ctx, store.Change{Code: codes[0]})
			wantErr(t, "undo", err, nil)
			s = reopened(t, s, s.Stats().Dir, o, false)
			wantCounts(t, "undone", s, b.ID, store.Counts{Minted: 10, Available: 4, Issued: 3, Redeemed: 3})
			storetest.Verify(t, s)
		})
	}
}

// TestReserveFromStock holds a code that nobody was given: no draw gets it meanwhile.
func TestReserveFromStock(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	importCodes(t, s, store.Batch{Name: "known", FromStock: true}, store.ImportOptions{}, "CARD1", "CARD2")
	h := reserve(t, s, store.Redemption{Code: "CARD1", User: "ann"}, time.Hour)
	if c := issue(t, s, 1, 1, "x"); c[0] != "CARD2" {
		t.Errorf("drawn %v", c)
	}
	_, err := s.Issue(ctx, 1, 1, store.To("x"))
	wantErr(t, "empty", err, store.ErrEmpty)
	_, err = s.Cancel(ctx, store.LeaseEnd{Number: h.Number})
	wantErr(t, "cancel", err, nil)
	if c := issue(t, s, 1, 1, "x"); c[0] != "CARD1" {
		t.Errorf("drawn %v", c)
	}
	storetest.Verify(t, s)
}

func TestReserveKeys(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, _ := timed()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 4})
	codes := issue(t, s, b.ID, 4, "x")
	ask := store.Redemption{Code: codes[0], User: "ann", Key: "k"}
	first := reserve(t, s, ask, time.Hour)
	var rec store.Receipt
	for i := range 3 {
		if got := reserve(t, s, ask, time.Hour); got != first {
			t.Errorf("%+v, want %+v", got, first)
		}
		for what, r := range map[string]store.Redemption{
			"another code": {Code: codes[1], User: "ann", Key: "k"}, "another user": {Code: codes[0], User: "eve", Key: "k"},
		} {
			_, err := s.Reserve(ctx, r, time.Hour)
			wantErr(t, what, err, store.ErrKeyConflict)
		}
		_, err := s.Reserve(ctx, ask, time.Minute)
		wantErr(t, "another time", err, store.ErrKeyConflict)
		got, err := s.Confirm(ctx, store.LeaseEnd{Number: first.Number, Key: "c"})
		if err != nil || i > 0 && !sameReceipt(got, rec) || got.Key != "c" {
			t.Errorf("%+v, %v, want %+v", got, err, rec)
		}
		rec = got
		_, err = s.Confirm(ctx, store.LeaseEnd{Number: first.Number + 9, Key: "c"})
		wantErr(t, "another reservation", err, store.ErrKeyConflict)
		_, err = s.Redeem(ctx, store.Redemption{Code: codes[1], Key: "c"})
		wantErr(t, "another redemption", err, store.ErrKeyConflict)
		s = reopened(t, s, dir, o, i == 0)
		dir = s.Stats().Dir
	}
	redeem(t, s, store.Redemption{Code: codes[1], User: "u", Key: "r"})
	h := reserve(t, s, store.Redemption{Code: codes[2]}, time.Hour)
	_, err := s.Confirm(ctx, store.LeaseEnd{Number: h.Number, Key: "r"})
	wantErr(t, "the key of a redemption", err, store.ErrKeyConflict)
	_, err = s.Confirm(ctx, store.LeaseEnd{Number: h.Number, By: "eve"})
	wantErr(t, "by somebody", err, store.ErrInvalid)
	storetest.Verify(t, s)
}

// TestReservePausedAndRevoked: a reservation is no way around either.
func TestReservePausedAndRevoked(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := mint(t, s, store.Batch{Name: "b", Count: 4})
	codes := issue(t, s, b.ID, 4, "x")
	h := reserve(t, s, store.Redemption{Code: codes[0]}, time.Hour)
	gone := reserve(t, s, store.Redemption{Code: codes[1]}, time.Hour)
	_, err := s.Revoke(ctx, store.Change{Code: codes[1]})
	wantErr(t, "revoke", err, nil)
	storetest.Verify(t, s)
	_, err = s.Confirm(ctx, store.LeaseEnd{Number: gone.Number})
	wantErr(t, "confirm what is revoked", err, store.ErrLeaseEnded)
	wantErr(t, "pause", s.Pause(ctx, b.ID, store.BatchChange{}), nil)
	_, err = s.Confirm(ctx, store.LeaseEnd{Number: h.Number})
	wantErr(t, "confirm while paused", err, store.ErrPaused)
	_, err = s.Reserve(ctx, store.Redemption{Code: codes[2]}, time.Hour)
	wantErr(t, "reserve while paused", err, store.ErrPaused)
	wantErr(t, "resume", s.Resume(ctx, b.ID, store.BatchChange{}), nil)
	wantErr(t, "revoke batch", s.RevokeBatch(ctx, b.ID, store.BatchChange{}), nil)
	_, err = s.Confirm(ctx, store.LeaseEnd{Number: h.Number})
	wantErr(t, "confirm in a revoked batch", err, store.ErrRevoked)
	_, err = s.Cancel(ctx, store.LeaseEnd{Number: h.Number})
	wantErr(t, "cancel", err, nil)
	wantCounts(t, "revoked", s, b.ID, store.Counts{Minted: 4, Revoked: 4})
	storetest.Verify(t, s)
}

// TestReserveOnce: of many who want one code one gets it, and it is redeemed once, however
// reservations, their ends and redemptions come together.
func TestReserveOnce(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := mint(t, s, store.Batch{Name: "b", Count: 200})
	codes := issue(t, s, b.ID, fewer(200, 40), "x")
	for _, c := range codes {
		var redeemed atomic.Int64
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				var err error
				if i == 0 {
					_, err = s.Redeem(ctx, store.Redemption{Code: c})
				} else {
					var h store.Hold
					if h, err = s.Reserve(ctx, store.Redemption{Code: c}, time.Hour); err == nil {
						if i == 1 {
							_, err = s.Cancel(ctx, store.LeaseEnd{Number: h.Number})
							if err != nil {
								t.Error(err)
							}
							return
						}
						_, err = s.Confirm(ctx, store.LeaseEnd{Number: h.Number})
					}
				}
				switch {
				case err == nil:
					redeemed.Add(1)
				case !errors.Is(err, store.ErrReserved) && !errors.Is(err, store.ErrAlreadyRedeemed):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := redeemed.Load(); n > 1 {
			t.Fatalf("redeemed %d times", n)
		}
	}
	storetest.Verify(t, s)
}
