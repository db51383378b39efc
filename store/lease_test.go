package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"codepool/store"
	"codepool/store/storetest"
)

// timed are options with a clock that the test sets.
func timed() (*store.Options, *clock) {
	o, c := weak(), newClock()
	o.Clock = c.Now
	return o, c
}

func lease(t *testing.T, s *store.Store, id store.BatchID, n int, ttl time.Duration, d store.Draw) store.Lease {
	t.Helper()
	l, err := s.Lease(t.Context(), id, n, ttl, d)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func wantCounts(t *testing.T, what string, s *store.Store, id store.BatchID, want store.Counts) {
	t.Helper()
	if i, err := s.Batch(id); err != nil || i.Counts != want {
		t.Errorf("%s: %+v, %v, want %+v", what, i.Counts, err, want)
	}
}

// TestLease follows leases to each of their ends, with and without a restart in between.
func TestLease(t *testing.T) {
	for _, restart := range []string{"none", "crash", "close"} {
		t.Run(restart, func(t *testing.T) {
			ctx, dir := t.Context(), t.TempDir()
			o, clk := timed()
			s := open(t, dir, o)
			b := mint(t, s, store.Batch{Name: "b", Count: 100})
			start := clk.Now()
			kept := lease(t, s, b.ID, 10, time.Hour, store.To("kept"))
			back := lease(t, s, b.ID, 20, time.Hour, store.To("back"))
			over := lease(t, s, b.ID, 30, time.Minute, store.To("over"))
			if kept.Batch != b.ID || len(kept.Codes) != 10 || kept.Ref != "kept" || !kept.At.Equal(start) || !kept.Until.Equal(start.Add(time.Hour)) {
				t.Errorf("%+v", kept)
			}
			wantCounts(t, "leased", s, b.ID, store.Counts{Minted: 100, Available: 40, Leased: 60})
			if restart != "none" {
				s = reopened(t, s, dir, o, restart == "close")
				wantCounts(t, "reopened", s, b.ID, store.Counts{Minted: 100, Available: 40, Leased: 60})
			}
			_, err := s.Redeem(ctx, store.Redemption{Code: kept.Codes[0]})
			wantErr(t, "redeem what is leased", err, store.ErrNotIssued)
			_, err = s.Release(ctx, store.Change{Code: kept.Codes[0]})
			wantErr(t, "release what is leased", err, store.ErrNotIssued)
			if info, err := s.Lookup(ctx, "", kept.Codes[0]); err != nil || info.StateName != "leased" || info.Ref != "kept" || !info.IssuedAt.Equal(start) {
				t.Errorf("%+v, %v", info, err)
			}
			if got := collect(t, s.DrawnFor(ctx, "kept", 0)); len(got) != 10 || got[0].State != "leased" || got[0].Number != kept.Number {
				t.Errorf("%+v", got)
			}
			storetest.Verify(t, s)

			done, err := s.Acknowledge(ctx, store.LeaseEnd{Number: kept.Number, By: "shop"})
			if err != nil || done.Lease != kept.Number || done.By != "shop" || done.Number <= over.Number {
				t.Errorf("%+v, %v", done, err)
			}
			_, err = s.GiveBack(ctx, store.LeaseEnd{Number: back.Number})
			wantErr(t, "give back", err, nil)
			wantCounts(t, "ended", s, b.ID, store.Counts{Minted: 100, Available: 60, Leased: 30, Issued: 10})
			for _, l := range []store.Lease{kept, back} {
				_, err = s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number})
				wantErr(t, "acknowledge what has ended", err, store.ErrLeaseEnded)
				_, err = s.GiveBack(ctx, store.LeaseEnd{Number: l.Number})
				wantErr(t, "give back what has ended", err, store.ErrLeaseEnded)
			}
			clk.set(start.Add(time.Minute - time.Microsecond))
			wantCounts(t, "just before", s, b.ID, store.Counts{Minted: 100, Available: 60, Leased: 30, Issued: 10})
			clk.set(start.Add(time.Minute))
			_, err = s.Acknowledge(ctx, store.LeaseEnd{Number: over.Number})
			wantErr(t, "acknowledge late", err, store.ErrLeaseOver)
			_, err = s.GiveBack(ctx, store.LeaseEnd{Number: over.Number})
			wantErr(t, "give back late", err, store.ErrLeaseOver)
			if got := issue(t, s, b.ID, 90, "all"); len(got) != 90 {
				t.Errorf("%d codes", len(got))
			}
			redeem(t, s, store.Redemption{Code: kept.Codes[0]})
			for _, d := range collect(t, s.DrawnFor(ctx, "over", 0)) {
				if d.State != "gone" {
					t.Errorf("%+v", d)
				}
			}
			s = reopened(t, s, s.Stats().Dir, o, false)
			wantCounts(t, "at last", s, b.ID, store.Counts{Minted: 100, Issued: 99, Redeemed: 1})
			_, err = s.Acknowledge(ctx, store.LeaseEnd{Number: over.Number})
			wantErr(t, "acknowledge very late", err, store.ErrLeaseOver)
			storetest.Verify(t, s)
		})
	}
}

// Nobody needs to ask for anything: what is over goes back by itself.
func TestLeaseLapses(t *testing.T) {
	s := storetest.Open(t, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	lease(t, s, b.ID, 10, time.Millisecond, store.To("x"))
	for ledger := s.Stats().Ledger; s.Stats().Ledger == ledger; { // the clock runs
		if _, err := s.Batch(b.ID); err != nil {
			t.Fatal(err)
		}
		if c := s.Stats().Codes; c.Available == 10 {
			break
		}
	}
	wantCounts(t, "lapsed", s, b.ID, store.Counts{Minted: 10, Available: 10})
	storetest.Verify(t, s)
}

// A number that no record has yet is no lease's, also when it is given to something else meanwhile.
func TestEndOfWhatComes(t *testing.T) {
	s := storetest.Open(t, weak())
	n := 2000
	b := mint(t, s, store.Batch{Name: "b", Count: int64(n)})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range n {
			if _, err := s.Issue(t.Context(), b.ID, 1, store.To("x")); err != nil {
				t.Error(err)
			}
		}
	}()
	for working := true; working; {
		select {
		case <-done:
			working = false
		default:
		}
		_, err := s.GiveBack(t.Context(), store.LeaseEnd{Number: s.Stats().Ledger + 1})
		if wantErr(t, "give back", err, store.ErrUnknownLease); t.Failed() {
			break
		}
	}
	<-done
}

// A lease that was over while the store was closed ends when it is opened.
func TestLeaseOverWhileClosed(t *testing.T) {
	dir := t.TempDir()
	o, clk := timed()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	l := lease(t, s, b.ID, 10, time.Hour, store.To("x"))
	mustClose(t, s)
	clk.set(clk.Now().Add(2 * time.Hour))
	s = storetest.OpenAt(t, dir, o)
	if got := issue(t, s, b.ID, 10, "y"); len(got) != len(l.Codes) {
		t.Errorf("%d codes", len(got))
	}
	storetest.Verify(t, s)
}

func TestLeaseKeys(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, clk := timed()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	ask := store.To("order").Once("k")
	first := lease(t, s, b.ID, 3, time.Hour, ask)
	same := func(what string) {
		t.Helper()
		got := lease(t, s, b.ID, 3, time.Hour, ask)
		if got.Number != first.Number || len(got.Codes) != 3 || got.Codes[0] != first.Codes[0] || !got.At.Equal(first.At) || !got.Until.Equal(first.Until) {
			t.Errorf("%s: %+v, want %+v", what, got, first)
		}
	}
	same("at once")
	issue(t, s, b.ID, 1, "order") // keys of leases and of draws are two sets
	if _, err := s.Issue(ctx, b.ID, 1, ask); err != nil {
		t.Errorf("a draw with the lease's key: %v", err)
	}
	for what, do := range map[string]func() error{
		"another number": func() error { _, err := s.Lease(ctx, b.ID, 2, time.Hour, ask); return err },
		"another time":   func() error { _, err := s.Lease(ctx, b.ID, 3, time.Minute, ask); return err },
		"another ref":    func() error { _, err := s.Lease(ctx, b.ID, 3, time.Hour, store.To("x").Once("k")); return err },
	} {
		wantErr(t, what, do(), store.ErrKeyConflict)
	}
	end := store.LeaseEnd{Number: first.Number, By: "shop", Key: "e"}
	done, err := s.Acknowledge(ctx, end)
	if err != nil {
		t.Fatal(err)
	}
	clk.set(clk.Now().Add(2 * time.Hour))
	for range 2 {
		same("ended")
		if again, err := s.Acknowledge(ctx, end); err != nil || again != done {
			t.Errorf("%+v, %v, want %+v", again, err, done)
		}
		_, err = s.Acknowledge(ctx, store.LeaseEnd{Number: first.Number, By: "other", Key: "e"})
		wantErr(t, "by another", err, store.ErrKeyConflict)
		_, err = s.Acknowledge(ctx, store.LeaseEnd{Number: first.Number + 1, By: "shop", Key: "e"})
		wantErr(t, "another lease", err, store.ErrKeyConflict)
		_, err = s.GiveBack(ctx, end)
		wantErr(t, "another verb", err, store.ErrLeaseEnded)
		s = reopened(t, s, dir, o, true)
	}
}

// What was revoked before a checkpoint is not in its lease any more when the store is opened.
func TestLeaseRevokedBeforeCheckpoint(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, _ := timed()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	l := lease(t, s, b.ID, 2, time.Hour, store.To("order"))
	_, err := s.Revoke(ctx, store.Change{Code: l.Codes[0]})
	wantErr(t, "revoke", err, nil)
	s = reopened(t, s, dir, o, true)
	_, err = s.GiveBack(ctx, store.LeaseEnd{Number: l.Number})
	wantErr(t, "give back", err, nil)
	states := map[string]int{}
	for _, d := range collect(t, s.DrawnFor(ctx, "order", 0)) {
		states[d.State]++
	}
	if states["revoked"] != 1 || states["gone"] != 1 {
		t.Errorf("the codes of the order are %v", states)
	}
	storetest.Verify(t, s)
}

// TestLeaseRevoked withdraws leased codes one by one and with their batch.
func TestLeaseRevoked(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, clk := timed()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	l := lease(t, s, b.ID, 4, time.Hour, store.To("order"))
	whole := lease(t, s, b.ID, 1, time.Hour, store.To("order"))
	for _, c := range []string{l.Codes[1], whole.Codes[0]} {
		_, err := s.Revoke(ctx, store.Change{Code: c})
		wantErr(t, "revoke", err, nil)
	}
	storetest.Verify(t, s)
	s = reopened(t, s, dir, o, false)
	wantCounts(t, "revoked", s, b.ID, store.Counts{Minted: 10, Available: 5, Leased: 3, Revoked: 2})
	_, err := s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number})
	wantErr(t, "acknowledge the rest", err, nil)
	_, err = s.GiveBack(ctx, store.LeaseEnd{Number: whole.Number})
	wantErr(t, "give back nothing", err, nil)
	wantCounts(t, "acknowledged", s, b.ID, store.Counts{Minted: 10, Available: 5, Issued: 3, Revoked: 2})
	storetest.Verify(t, s)

	l = lease(t, s, b.ID, 5, time.Hour, store.To("order"))
	if err := s.RevokeBatch(ctx, b.ID, store.BatchChange{}); err != nil {
		t.Fatal(err)
	}
	_, err = s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number})
	wantErr(t, "acknowledge in a revoked batch", err, store.ErrRevoked)
	clk.set(clk.Now().Add(2 * time.Hour))
	wantCounts(t, "all is over", s, b.ID, store.Counts{Minted: 10, Revoked: 10})
	storetest.Verify(t, s)
}

// A lease is acknowledged once, given back once, or over: never two of them.
func TestLeaseEndsOnce(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := mint(t, s, store.Batch{Name: "b", Count: 50})
	for range fewer(200, 40) {
		l := lease(t, s, b.ID, 5, time.Millisecond, store.To("x"))
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() {
				if i%2 == 0 {
					_, errs[i] = s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number})
				} else {
					_, errs[i] = s.GiveBack(ctx, store.LeaseEnd{Number: l.Number})
				}
			})
		}
		wg.Wait()
		ended := 0
		acknowledged := errs[0] == nil || errs[2] == nil
		for _, err := range errs {
			switch {
			case err == nil:
				ended++
			case !errors.Is(err, store.ErrLeaseEnded) && !errors.Is(err, store.ErrLeaseOver):
				t.Error(err)
			}
		}
		if ended > 1 {
			t.Fatalf("ended %d times: %v", ended, errs)
		}
		if acknowledged {
			if _, err := s.ReleaseRef(ctx, store.RefChange{Ref: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		wantCounts(t, "afterwards", s, b.ID, store.Counts{Minted: 50, Available: 50})
	}
	storetest.Verify(t, s)
}

func TestBadLease(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := mint(t, s, store.Batch{Name: "b", Count: 2})
	drawn := issue(t, s, b.ID, 1, "x")
	held, err := s.Reserve(ctx, store.Redemption{Code: drawn[0]}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ledger := s.Stats().Ledger
	for _, ttl := range []time.Duration{0, -time.Second, time.Microsecond - 1} {
		_, err := s.Lease(ctx, b.ID, 1, ttl, store.To("x"))
		wantErr(t, "time", err, store.ErrInvalid)
		_, err = s.Reserve(ctx, store.Redemption{Code: drawn[0]}, ttl)
		wantErr(t, "time", err, store.ErrInvalid)
	}
	_, err = s.Lease(ctx, 9, 1, time.Hour, store.To("x"))
	wantErr(t, "batch", err, store.ErrUnknownBatch)
	_, err = s.Lease(ctx, b.ID, 2, time.Hour, store.To("x"))
	wantErr(t, "stock", err, store.ErrEmpty)
	_, err = s.Lease(ctx, b.ID, 1, time.Hour, store.To("a\x00"))
	wantErr(t, "reference", err, store.ErrInvalid)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for name, end := range map[string]func(context.Context, store.LeaseEnd) error{
		"acknowledge": func(ctx context.Context, e store.LeaseEnd) error { _, err := s.Acknowledge(ctx, e); return err },
		"give back":   func(ctx context.Context, e store.LeaseEnd) error { _, err := s.GiveBack(ctx, e); return err },
		"cancel":      func(ctx context.Context, e store.LeaseEnd) error { _, err := s.Cancel(ctx, e); return err },
		"confirm":     func(ctx context.Context, e store.LeaseEnd) error { _, err := s.Confirm(ctx, e); return err },
	} {
		for _, n := range []uint64{0, 1, 2, 99, 1<<64 - 1} { // a run, a draw, and none
			wantErr(t, name, end(ctx, store.LeaseEnd{Number: n}), store.ErrUnknownLease)
		}
		if name == "acknowledge" || name == "give back" {
			wantErr(t, name+" a hold", end(ctx, store.LeaseEnd{Number: held.Number}), store.ErrUnknownLease)
		}
		if err := end(ctx, store.LeaseEnd{Number: 1, By: "a\n"}); !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), "By holds") {
			t.Errorf("%s: %v", name, err)
		}
		wantErr(t, name, end(ended, store.LeaseEnd{Number: 1}), context.Canceled)
	}
	if got := s.Stats().Ledger; got != ledger {
		t.Errorf("refusals made %d records", got-ledger)
	}
	storetest.Verify(t, s)
}

// TestManyLeases has more leases than fit into one page of a checkpoint, through several
// checkpoints, a restart and a backup.
func TestManyLeases(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, _ := timed()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 10_000})
	const n = 9000
	numbers := make([]uint64, n)
	for i := range numbers {
		numbers[i] = lease(t, s, b.ID, 1, 10*365*24*time.Hour, store.To("x")).Number
		if i%4000 == 3999 {
			if err := s.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	end := func(s *store.Store, from, to int) {
		t.Helper()
		for _, number := range numbers[from:to] {
			if _, err := s.Acknowledge(ctx, store.LeaseEnd{Number: number}); err != nil {
				t.Fatal(err)
			}
		}
	}
	end(s, 0, 100)
	s = reopened(t, s, dir, o, true)
	end(s, 100, 200)
	wantCounts(t, "reopened", s, b.ID, store.Counts{Minted: 10_000, Available: 1000, Leased: n - 200, Issued: 200})
	if err := s.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	r := restored(t, s)
	end(r, 200, 300)
	wantCounts(t, "restored", r, b.ID, store.Counts{Minted: 10_000, Available: 1000, Leased: n - 300, Issued: 300})
	storetest.Verify(t, r)
	s = reopened(t, s, dir, o, false)
	end(s, 200, n)
	wantCounts(t, "at last", s, b.ID, store.Counts{Minted: 10_000, Available: 1000, Issued: n})
	if err := s.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	storetest.Verify(t, s)
}
