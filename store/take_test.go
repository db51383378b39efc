package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"codepool/store"
	"codepool/store/storetest"
)

// TestTake draws and redeems in one step.
func TestTake(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, clk := timed()
	s := open(t, dir, o)
	start := clk.Now()
	b := mint(t, s, store.Batch{Name: "b", Count: 20, Reward: "svip", NotBefore: start.Add(time.Minute), NotAfter: start.Add(time.Hour)})
	ask := store.To("order").Once("k")
	_, err := s.Take(ctx, b.ID, 3, "ann", ask)
	wantErr(t, "before the window", err, store.ErrNotYetValid)
	clk.set(start.Add(time.Minute))
	got, err := s.Take(ctx, b.ID, 3, "ann", ask)
	if err != nil || len(got) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	same := func(what string) {
		t.Helper()
		again, err := s.Take(ctx, b.ID, 3, "ann", ask)
		if err != nil || len(again) != 3 {
			t.Fatalf("%s: %+v, %v", what, again, err)
		}
		for i := range again {
			if !sameReceipt(again[i], got[i]) {
				t.Errorf("%s: %+v, want %+v", what, again[i], got[i])
			}
		}
	}
	for _, clean := range []bool{false, true} {
		same("again")
		for what, do := range map[string]func() error{
			"another number": func() error { _, err := s.Take(ctx, b.ID, 2, "ann", ask); return err },
			"another user":   func() error { _, err := s.Take(ctx, b.ID, 3, "bob", ask); return err },
			"another order":  func() error { _, err := s.Take(ctx, b.ID, 3, "ann", store.To("x").Once("k")); return err },
		} {
			wantErr(t, what, do(), store.ErrKeyConflict)
		}
		wantCounts(t, "taken", s, b.ID, store.Counts{Minted: 20, Available: 17, Redeemed: 3})
		feed := receipts(t, s, 0)
		users := collect(t, s.ReceiptsOf(ctx, "ann", 0))
		if len(feed) != 3 || len(users) != 3 {
			t.Errorf("%+v, %+v", feed, users)
		}
		for i, r := range got {
			if !sameReceipt(feed[i], r) || !sameReceipt(users[2-i], r) || r.User != "ann" || r.Reward != "svip" || r.Batch != b.ID || !r.At.Equal(start.Add(time.Minute)) {
				t.Errorf("%+v, %+v", feed[i], r)
			}
			_, err := s.Redeem(ctx, store.Redemption{Code: r.Code})
			wantErr(t, "redeem what was taken", err, store.ErrAlreadyRedeemed)
			if info, err := s.Lookup(ctx, "", r.Code); err != nil || info.Ref != "order" || info.Receipt == nil || !sameReceipt(*info.Receipt, r) {
				t.Errorf("%+v, %v", info, err)
			}
		}
		for _, d := range collect(t, s.DrawnFor(ctx, "order", 0)) {
			if d.State != "redeemed" {
				t.Errorf("%+v", d)
			}
		}
		storetest.Verify(t, s)
		s = reopened(t, s, dir, o, clean)
		dir = s.Stats().Dir
	}
	_, err = s.Undo(ctx, store.Change{Code: got[0].Code})
	wantErr(t, "undo", err, nil)
	ledger := s.Stats().Ledger
	for what, c := range map[string]struct {
		id   store.BatchID
		n    int
		user string
		want error
	}{
		"too many": {b.ID, store.MaxTake + 1, "u", store.ErrInvalid}, "none": {b.ID, 0, "u", store.ErrInvalid}, "more than there is": {b.ID, 18, "u", store.ErrEmpty},
		"no batch": {9, 1, "u", store.ErrUnknownBatch}, "a bad user": {b.ID, 1, "a\x00", store.ErrInvalid},
	} {
		_, err := s.Take(ctx, c.id, c.n, c.user, store.To("x"))
		wantErr(t, what, err, c.want)
	}
	wantErr(t, "pause", s.Pause(ctx, b.ID, store.BatchChange{}), nil)
	_, err = s.Take(ctx, b.ID, 1, "u", store.To("x"))
	wantErr(t, "paused", err, store.ErrPaused)
	wantErr(t, "resume", s.Resume(ctx, b.ID, store.BatchChange{}), nil)
	clk.set(start.Add(time.Hour))
	_, err = s.Take(ctx, b.ID, 1, "u", store.To("x"))
	wantErr(t, "after the window", err, store.ErrExpired)
	same("after the window")
	if got := s.Stats().Ledger; got != ledger+2 {
		t.Errorf("refusals made %d records", got-ledger-2)
	}
	storetest.Verify(t, s)
}

// TestTakeLimit: takes, redemptions and reservations count together.
func TestTakeLimit(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := mint(t, s, store.Batch{Name: "b", Count: 500, PerUser: 3})
	take := func(user string, n int) error {
		_, err := s.Take(ctx, b.ID, n, user, store.To("x"))
		return err
	}
	wantErr(t, "nobody", take("", 1), store.ErrNoUser)
	wantErr(t, "four", take("ann", 4), store.ErrUserLimit)
	wantErr(t, "two", take("ann", 2), nil)
	wantErr(t, "two more", take("ann", 2), store.ErrUserLimit)
	redeem(t, s, store.Redemption{Code: issue(t, s, b.ID, 1, "y")[0], User: "ann"})
	wantErr(t, "one more", take("ann", 1), store.ErrUserLimit)
	_, err := s.Redeem(ctx, store.Redemption{Code: issue(t, s, b.ID, 1, "y")[0], User: "ann"})
	wantErr(t, "one more redemption", err, store.ErrUserLimit)

	codes := issue(t, s, b.ID, 100, "z")
	var got [10]atomic.Int64
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 40 {
				u := i % len(got)
				user, n := fmt.Sprint("user-", u), 1
				var err error
				if w%2 == 0 {
					n = 1 + i%2
					err = take(user, n)
				} else {
					_, err = s.Redeem(ctx, store.Redemption{Code: codes[w/2*40+i], User: user})
				}
				if err == nil {
					got[u].Add(int64(n))
				} else if !errors.Is(err, store.ErrUserLimit) {
					t.Error(err)
				}
				if i == 20 && w == 0 {
					if err := s.Checkpoint(ctx); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	for u := range got {
		if n := got[u].Load(); n > 3 || n < 2 {
			t.Errorf("user %d has %d", u, n)
		}
	}
	storetest.Verify(t, s)
}
