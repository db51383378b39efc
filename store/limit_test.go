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

// TestUserLimit counts what users redeem of a batch over restarts and index runs.
func TestUserLimit(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 100, PerUser: 2})
	free := mint(t, s, store.Batch{Name: "free", Count: 10})
	other := mint(t, s, store.Batch{Name: "other", Count: 10, PerUser: 1})
	codes := issue(t, s, b.ID, 100, "x")
	more := issue(t, s, other.ID, 10, "x")
	redeem(t, s, store.Redemption{Code: codes[0], User: "ann", Key: "k"})
	for i, clean := range []bool{false, true, true} {
		s = reopened(t, s, dir, weak(), clean)
		dir = s.Stats().Dir
		if i == 1 {
			redeem(t, s, store.Redemption{Code: codes[1], User: "ann"})
		}
		if i < 1 {
			continue
		}
		for range 2 {
			_, err := s.Redeem(ctx, store.Redemption{Code: codes[2], User: "ann"})
			wantErr(t, "the third", err, store.ErrUserLimit)
			for _, r := range s.RedeemAll(ctx, redemptions(codes[2:5], "ann")) {
				wantErr(t, "the third of many", r.Err, store.ErrUserLimit)
			}
			done := make(chan error, 1)
			s.RedeemFunc(ctx, store.Redemption{Code: codes[2], User: "ann"}, func(_ store.Receipt, err error) { done <- err })
			wantErr(t, "the third by callback", <-done, store.ErrUserLimit)
			_, err = s.Reserve(ctx, store.Redemption{Code: codes[2], User: "ann"}, time.Hour)
			wantErr(t, "reserve the third", err, store.ErrUserLimit)
			redeem(t, s, store.Redemption{Code: codes[0], User: "ann", Key: "k"}) // its first answer
			if err := s.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if i == 1 { // the batch, and the user, by themselves
			redeem(t, s, store.Redemption{Code: more[0], User: "ann"})
			redeem(t, s, store.Redemption{Code: codes[10], User: "bob"})
			redeem(t, s, store.Redemption{Code: issue(t, s, free.ID, 1, "x")[0]})
		}
		_, err := s.Redeem(ctx, store.Redemption{Code: more[1], User: "ann"})
		wantErr(t, "the second of another batch", err, store.ErrUserLimit)
		_, err = s.Redeem(ctx, store.Redemption{Code: codes[3]})
		wantErr(t, "nobody", err, store.ErrNoUser)
	}
	// An undo makes room; so often.
	for i := range 3 {
		_, err := s.Undo(ctx, store.Change{Code: codes[i]})
		wantErr(t, "undo", err, nil)
		redeem(t, s, store.Redemption{Code: codes[i+2], User: "ann"})
		_, err = s.Redeem(ctx, store.Redemption{Code: codes[i], User: "ann"})
		wantErr(t, "undone and at the limit", err, store.ErrUserLimit)
		s = reopened(t, s, s.Stats().Dir, weak(), i%2 == 0)
	}
	// RedeemAll counts within itself too.
	got := map[error]int{}
	for _, r := range s.RedeemAll(ctx, redemptions(codes[50:56], "cat")) {
		got[r.Err]++
	}
	if got[nil] != 2 || got[store.ErrUserLimit] != 4 {
		t.Errorf("%v", got)
	}
	storetest.Verify(t, s)
}

// TestUserLimitReserved counts reservations as what they may become.
func TestUserLimitReserved(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, clk := timed()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 10, PerUser: 1})
	codes := issue(t, s, b.ID, 10, "x")
	refused := func(what string) {
		t.Helper()
		_, err := s.Redeem(ctx, store.Redemption{Code: codes[9], User: "ann"})
		wantErr(t, what, err, store.ErrUserLimit)
		_, err = s.Reserve(ctx, store.Redemption{Code: codes[9], User: "ann"}, time.Hour)
		wantErr(t, what, err, store.ErrUserLimit)
	}
	h := reserve(t, s, store.Redemption{Code: codes[0], User: "ann"}, time.Hour)
	refused("reserved")
	_, err := s.Cancel(ctx, store.LeaseEnd{Number: h.Number})
	wantErr(t, "cancel", err, nil)
	h = reserve(t, s, store.Redemption{Code: codes[1], User: "ann"}, time.Minute)
	s = reopened(t, s, dir, o, true)
	refused("reserved, and reopened")
	clk.set(clk.Now().Add(time.Minute))
	h = reserve(t, s, store.Redemption{Code: codes[2], User: "ann"}, time.Hour)
	_, err = s.Confirm(ctx, store.LeaseEnd{Number: h.Number})
	wantErr(t, "confirm", err, nil)
	refused("confirmed")
	s = reopened(t, s, s.Stats().Dir, o, false)
	refused("confirmed, and reopened")
	_, err = s.Undo(ctx, store.Change{Code: codes[2]})
	wantErr(t, "undo", err, nil)
	redeem(t, s, store.Redemption{Code: codes[3], User: "ann"})
	refused("at last")
	storetest.Verify(t, s)
}

// TestUserLimitUnderLoad: whoever hurries, in whatever way, gets no more than the limit,
// while checkpoints move what is counted from memory to disk.
func TestUserLimitUnderLoad(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	const limit, users = 3, 40
	b := mint(t, s, store.Batch{Name: "b", Count: int64(fewer(6000, 2000)), PerUser: limit})
	codes := issue(t, s, b.ID, int(b.Count), "x")
	var next atomic.Int64
	var got [users]atomic.Int64
	over := make(chan struct{})
	var beside, work sync.WaitGroup
	beside.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			if err := s.Checkpoint(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	note := func(u int, err error) {
		switch {
		case err == nil:
			got[u].Add(1)
		case !errors.Is(err, store.ErrUserLimit):
			t.Error(err)
		}
	}
	for w := range 6 {
		work.Go(func() {
			for {
				i := int(next.Add(10) - 10)
				if i+10 > len(codes) {
					return
				}
				u := (i / 10) % users
				user := fmt.Sprint("user-", u)
				if w%2 == 0 {
					for _, r := range s.RedeemAll(ctx, redemptions(codes[i:i+10], user)) {
						note(u, r.Err)
					}
					continue
				}
				for j, c := range codes[i : i+10] {
					if j%2 == 0 {
						_, err := s.Redeem(ctx, store.Redemption{Code: c, User: user})
						note(u, err)
						continue
					}
					h, err := s.Reserve(ctx, store.Redemption{Code: c, User: user}, time.Hour)
					if err == nil {
						if j%4 == 1 {
							_, err = s.Cancel(ctx, store.LeaseEnd{Number: h.Number})
							if err != nil {
								t.Error(err)
							}
							continue
						}
						_, err = s.Confirm(ctx, store.LeaseEnd{Number: h.Number})
					}
					note(u, err)
				}
			}
		})
	}
	work.Wait()
	close(over)
	beside.Wait()
	for u := range got {
		if n := got[u].Load(); n > limit || n < 1 {
			t.Errorf("user %d redeemed %d", u, n)
		}
		if n := len(collect(t, s.ReceiptsOf(ctx, fmt.Sprint("user-", u), 0))); int64(n) != got[u].Load() {
			t.Errorf("user %d has %d receipts, %d answers", u, n, got[u].Load())
		}
	}
	storetest.Verify(t, s)
}

// TestUserLimitOfMany lets large calls beside each other redeem for the same users, of a
// batch with a limit and of one without: each user gets what the limit allows and no code
// more.
func TestUserLimitOfMany(t *testing.T) {
	ctx := t.Context()
	const users, each, limit, callers = 300, 20, 3, 4
	s := storetest.OpenAt(t, t.TempDir(), weak())
	limited := mint(t, s, store.Batch{Name: "limited", Count: users * each, PerUser: limit})
	free := mint(t, s, store.Batch{Name: "free", Count: users})
	codes := issue(t, s, limited.ID, users*each-200, "x")
	others := issue(t, s, free.ID, users, "x")
	var wg sync.WaitGroup
	var got [users]atomic.Int32
	for c := range callers {
		wg.Go(func() {
			var rs []store.Redemption
			for i := c; i < len(codes); i += callers {
				rs = append(rs, store.Redemption{Code: codes[i], User: fmt.Sprint("user-", i/callers%users)})
				if i < len(others) {
					rs = append(rs, store.Redemption{Code: others[i], User: "any"}, rs[len(rs)-1]) // one twice
				}
			}
			for i, r := range s.RedeemAll(ctx, rs) {
				switch {
				case r.Err == nil && rs[i].User == "any":
				case r.Err == nil:
					var n int
					_, _ = fmt.Sscanf(rs[i].User, "user-%d", &n)
					got[n].Add(1)
				case !errors.Is(r.Err, store.ErrUserLimit) && !errors.Is(r.Err, store.ErrAlreadyRedeemed):
					t.Errorf("%v: %v", rs[i], r.Err)
				}
			}
		})
	}
	wg.Wait()
	for i := range got {
		if n := got[i].Load(); n != limit {
			t.Errorf("user %d redeemed %d", i, n)
		}
	}
	n := 0
	for _, r := range s.RedeemAll(ctx, redemptions(issue(t, s, limited.ID, 200, "x"), "late")) {
		if r.Err == nil {
			n++
		} else {
			wantErr(t, "over the limit", r.Err, store.ErrUserLimit)
		}
	}
	if n != limit {
		t.Errorf("of one call a user redeemed %d", n)
	}
	storetest.Verify(t, s)
}

func TestBadUserLimit(t *testing.T) {
	s := storetest.Open(t, weak())
	for _, n := range []int{-1, store.MaxPerUser + 1} {
		_, err := s.Mint(t.Context(), store.Batch{Name: "b", Count: 1, PerUser: n})
		wantErr(t, "limit", err, store.ErrInvalid)
	}
	if n := len(s.Batches()); n != 0 {
		t.Errorf("%d batches", n)
	}
}

// TestLimitInLots has requests with and without keys, of users with a limit, decided together
// through callbacks.
func TestLimitInLots(t *testing.T) {
	ctx := t.Context()
	s := storetest.OpenAt(t, t.TempDir(), weak())
	const codes = 2000
	b := mint(t, s, store.Batch{Name: "limited", Count: codes, PerUser: 1})
	all := issue(t, s, b.ID, codes, "x")
	var wg sync.WaitGroup
	var got, limited atomic.Int64
	wg.Add(codes)
	for i, code := range all {
		r := store.Redemption{Code: code, User: fmt.Sprint("user-", i/2)}
		if i%3 == 0 {
			r.Key = code
		}
		s.RedeemFunc(ctx, r, func(_ store.Receipt, err error) {
			switch {
			case err == nil:
				got.Add(1)
			case errors.Is(err, store.ErrUserLimit):
				limited.Add(1)
			default:
				t.Error(err)
			}
			wg.Done()
		})
	}
	wg.Wait()
	if got.Load() != codes/2 || limited.Load() != codes/2 {
		t.Errorf("%d got one, %d were refused", got.Load(), limited.Load())
	}
	storetest.Verify(t, s)
}
