package store_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"codepool/store"
	"codepool/store/storetest"
)

// reopened closes a store and opens it again, with a checkpoint or as after a crash.
func reopened(t *testing.T, s *store.Store, dir string, o *store.Options, clean bool) *store.Store {
	t.Helper()
	if clean {
		mustClose(t, s)
		return storetest.OpenAt(t, dir, o)
	}
	for st := s.Stats(); st.Durable < st.Ledger; st = s.Stats() { // files that still change cannot be copied
		runtime.Gosched()
	}
	copied := copyDir(t, dir)
	mustClose(t, s)
	return storetest.OpenAt(t, copied, o)
}

func TestPause(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 100, FromStock: true})
	other := mint(t, s, store.Batch{Name: "other", Count: 10})
	handed := issue(t, s, b.ID, 10, "order")
	redeem(t, s, store.Redemption{Code: handed[0], Key: "k"})
	for _, at := range []struct {
		name  string
		clean bool
	}{{"after a crash", false}, {"after a close", true}} {
		wantErr(t, "pause", s.Pause(ctx, b.ID, store.BatchChange{By: "desk", Reason: "leak"}), nil)
		ledger := s.Stats().Ledger
		wantErr(t, "pause again", s.Pause(ctx, b.ID, store.BatchChange{}), nil)
		if s.Stats().Ledger != ledger {
			t.Error("pausing a paused batch is in the ledger")
		}
		s = reopened(t, s, dir, weak(), at.clean)
		dir = s.Stats().Dir
		if i, err := s.Batch(b.ID); err != nil || !i.Paused || i.Revoked {
			t.Errorf("%s: %+v, %v", at.name, i, err)
		}
		_, err := s.Redeem(ctx, store.Redemption{Code: handed[1]})
		wantErr(t, at.name+": redeem", err, store.ErrPaused)
		for _, r := range s.RedeemAll(ctx, redemptions(handed[1:], "")) {
			wantErr(t, at.name+": redeem all", r.Err, store.ErrPaused)
		}
		wantErr(t, at.name+": check", s.Check(ctx, store.Redemption{Code: handed[1]}), store.ErrPaused)
		_, err = s.Issue(ctx, b.ID, 1, store.To("x"))
		wantErr(t, at.name+": issue", err, store.ErrPaused)
		_, err = s.Redeem(ctx, store.Redemption{Code: handed[0]})
		wantErr(t, at.name+": a redeemed code", err, store.ErrAlreadyRedeemed)
		redeem(t, s, store.Redemption{Code: handed[0], Key: "k"}) // its first answer
		redeem(t, s, store.Redemption{Code: issue(t, s, other.ID, 1, "y")[0]})
		storetest.Verify(t, s)
		wantErr(t, "resume", s.Resume(ctx, b.ID, store.BatchChange{}), nil)
		wantErr(t, "resume again", s.Resume(ctx, b.ID, store.BatchChange{}), nil)
	}
	// What goes back, or away, does while a batch is paused.
	wantErr(t, "pause", s.Pause(ctx, b.ID, store.BatchChange{}), nil)
	_, err := s.Undo(ctx, store.Change{Code: handed[0]})
	wantErr(t, "undo", err, nil)
	_, err = s.Release(ctx, store.Change{Code: handed[0]})
	wantErr(t, "release", err, nil)
	_, err = s.Revoke(ctx, store.Change{Code: handed[1]})
	wantErr(t, "revoke", err, nil)
	wantErr(t, "resume", s.Resume(ctx, b.ID, store.BatchChange{}), nil)
	redeem(t, s, store.Redemption{Code: handed[2]})
	issue(t, s, b.ID, 91, "rest")
	storetest.Verify(t, s)
}

// TestPauseUnderLoad pauses and resumes a batch while it is drawn from and redeemed in
// every way: what Pause has answered holds for all that is asked afterwards, and the
// ledger has nothing between a pause and its end (Verify).
func TestPauseUnderLoad(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := mint(t, s, store.Batch{Name: "b", Count: int64(fewer(60_000, 10_000))})
	codes := issue(t, s, b.ID, fewer(50_000, 8_000), "x")
	var next atomic.Int64
	var pauses atomic.Int64 // odd while Pause has answered and Resume was not called
	during := func(was int64) bool { return was%2 == 1 && pauses.Load() == was }
	take := func(n int64) []string {
		from := next.Add(n) - n
		if from+n > int64(len(codes)) {
			return nil
		}
		return codes[from : from+n]
	}
	var redeemed, refused, drawn atomic.Int64
	note := func(was bool, err error) (again bool) {
		switch {
		case err == nil && !was:
			redeemed.Add(1)
		case err == nil:
			t.Error("redeemed while the batch was paused")
		case errors.Is(err, store.ErrPaused):
			refused.Add(1)
			return true
		default:
			t.Error(err)
		}
		return false
	}
	var work, rest sync.WaitGroup
	over := make(chan struct{})
	for range 4 {
		work.Go(func() {
			for c := take(1); c != nil; c = take(1) {
				for again := true; again; {
					was := pauses.Load()
					_, err := s.Redeem(ctx, store.Redemption{Code: c[0]})
					again = note(during(was), err)
				}
			}
		})
	}
	work.Go(func() {
		for c := take(100); c != nil; c = take(100) {
			for again := true; again; {
				was := pauses.Load()
				left := c[:0:0]
				for i, r := range s.RedeemAll(ctx, redemptions(c, "")) {
					if note(during(was), r.Err) {
						left = append(left, c[i])
					}
				}
				c, again = left, len(left) > 0
			}
		}
	})
	rest.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			was := pauses.Load()
			if _, err := s.Issue(ctx, b.ID, 1, store.To("y")); err == nil {
				drawn.Add(1)
				if during(was) {
					t.Error("drawn while the batch was paused")
				}
			} else if errors.Is(err, store.ErrEmpty) {
				return
			} else if !errors.Is(err, store.ErrPaused) {
				t.Error(err)
			}
		}
	})
	rest.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			if err := s.Pause(ctx, b.ID, store.BatchChange{}); err != nil {
				t.Error(err)
			}
			pauses.Add(1)
			for range 100 {
				if err := s.Check(ctx, store.Redemption{Code: codes[len(codes)-1]}); !errors.Is(err, store.ErrPaused) && !errors.Is(err, store.ErrAlreadyRedeemed) {
					t.Error(err)
				}
			}
			pauses.Add(1)
			if err := s.Resume(ctx, b.ID, store.BatchChange{}); err != nil {
				t.Error(err)
			}
		}
	})
	work.Wait()
	close(over)
	rest.Wait()
	if redeemed.Load() == 0 || refused.Load() == 0 || drawn.Load() == 0 {
		t.Errorf("%d redeemed, %d refused, %d drawn", redeemed.Load(), refused.Load(), drawn.Load())
	}
	storetest.Verify(t, s)
}

func TestReschedule(t *testing.T) {
	ctx, dir, clk := t.Context(), t.TempDir(), newClock()
	o := weak()
	o.Clock = clk.Now
	start := clk.Now()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 10, NotAfter: start.Add(time.Hour)})
	codes := issue(t, s, b.ID, 4, "x")
	clk.set(start.Add(time.Hour))
	_, err := s.Redeem(ctx, store.Redemption{Code: codes[0]})
	wantErr(t, "at the end", err, store.ErrExpired)
	wantErr(t, "longer", s.Reschedule(ctx, b.ID, time.Time{}, start.Add(2*time.Hour), store.BatchChange{By: "desk"}), nil)
	redeem(t, s, store.Redemption{Code: codes[0]})
	issue(t, s, b.ID, 1, "y")
	for _, clean := range []bool{false, true} {
		s = reopened(t, s, dir, o, clean)
		dir = s.Stats().Dir
		if i, err := s.Batch(b.ID); err != nil || !i.NotBefore.IsZero() || !i.NotAfter.Equal(start.Add(2*time.Hour)) {
			t.Errorf("%+v, %v", i, err)
		}
	}
	redeem(t, s, store.Redemption{Code: codes[1]})
	clk.set(start.Add(2 * time.Hour))
	wantErr(t, "over again", s.Check(ctx, store.Redemption{Code: codes[2]}), store.ErrExpired)
	_, err = s.Issue(ctx, b.ID, 1, store.To("y"))
	wantErr(t, "draw after the end", err, store.ErrExpired)
	wantErr(t, "later", s.Reschedule(ctx, b.ID, start.Add(3*time.Hour), time.Time{}, store.BatchChange{}), nil)
	wantErr(t, "before its time", s.Check(ctx, store.Redemption{Code: codes[2]}), store.ErrNotYetValid)
	wantErr(t, "open", s.Reschedule(ctx, b.ID, time.Time{}, time.Time{}, store.BatchChange{}), nil)
	redeem(t, s, store.Redemption{Code: codes[2]})
	ledger := s.Stats().Ledger
	for _, w := range [][2]time.Time{{start, start}, {start, start.Add(-1)}, {start.Add(1), start.Add(2)}, {time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), {}}} {
		wantErr(t, "a window that cannot be", s.Reschedule(ctx, b.ID, w[0], w[1], store.BatchChange{}), store.ErrInvalid)
	}
	if s.Stats().Ledger != ledger {
		t.Error("a refused window is in the ledger")
	}
	storetest.Verify(t, s)
}

func TestRevokeBatch(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 100, FromStock: true})
	handed := issue(t, s, b.ID, 10, "order")
	redeem(t, s, store.Redemption{Code: handed[0], Key: "k"})
	redeem(t, s, store.Redemption{Code: handed[1]})
	ledger := s.Stats().Ledger
	wantErr(t, "revoke", s.RevokeBatch(ctx, b.ID, store.BatchChange{By: "desk", Reason: "leaked"}), nil)
	wantErr(t, "again", s.RevokeBatch(ctx, b.ID, store.BatchChange{}), nil)
	if got := s.Stats().Ledger; got != ledger+1 {
		t.Errorf("it is %d records", got-ledger)
	}
	_, err := s.Undo(ctx, store.Change{Code: handed[1]})
	wantErr(t, "undo", err, nil)
	for _, clean := range []bool{false, true} {
		s = reopened(t, s, dir, weak(), clean)
		dir = s.Stats().Dir
		if i, err := s.Batch(b.ID); err != nil || !i.Revoked || i.Counts != (store.Counts{Minted: 100, Redeemed: 1, Revoked: 99}) {
			t.Errorf("%+v, %v", i, err)
		}
		if c := s.Stats().Codes; c.Minted != c.Redeemed+c.Revoked {
			t.Errorf("%+v", c)
		}
		for _, c := range handed[1:] {
			_, err := s.Redeem(ctx, store.Redemption{Code: c})
			wantErr(t, "redeem", err, store.ErrRevoked)
			if i, err := s.Lookup(ctx, "", c); err != nil || i.StateName != "revoked" || i.Ref != "" && i.Ref != "order" {
				t.Errorf("%+v, %v", i, err)
			}
		}
		_, err := s.Redeem(ctx, store.Redemption{Code: handed[0]})
		wantErr(t, "a redeemed code", err, store.ErrAlreadyRedeemed)
		redeem(t, s, store.Redemption{Code: handed[0], Key: "k"})
		_, err = s.Issue(ctx, b.ID, 1, store.To("x"))
		wantErr(t, "issue", err, store.ErrRevoked)
		_, err = s.Release(ctx, store.Change{Code: handed[2]})
		wantErr(t, "release", err, store.ErrRevoked)
		_, err = s.Revoke(ctx, store.Change{Code: handed[2]})
		wantErr(t, "revoke a code", err, store.ErrRevoked)
		for _, err := range []error{
			s.Pause(ctx, b.ID, store.BatchChange{}),
			s.Reschedule(ctx, b.ID, time.Time{}, time.Now(), store.BatchChange{}),
		} {
			wantErr(t, "change", err, store.ErrRevoked)
		}
		storetest.Verify(t, s)
	}
}

// A batch that is revoked refuses every change, also one that would not make a difference.
func TestRevokedBatchRefusesChanges(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	paused := mint(t, s, store.Batch{Name: "paused", Count: 1})
	plain := mint(t, s, store.Batch{Name: "plain", Count: 1})
	wantErr(t, "pause", s.Pause(ctx, paused.ID, store.BatchChange{}), nil)
	for _, b := range []store.BatchInfo{paused, plain} {
		wantErr(t, "revoke", s.RevokeBatch(ctx, b.ID, store.BatchChange{}), nil)
		ledger := s.Stats().Ledger
		for what, err := range map[string]error{
			"pause": s.Pause(ctx, b.ID, store.BatchChange{}), "resume": s.Resume(ctx, b.ID, store.BatchChange{}),
			"reschedule": s.Reschedule(ctx, b.ID, b.NotBefore, b.NotAfter, store.BatchChange{}),
		} {
			wantErr(t, what+" "+b.Name, err, store.ErrRevoked)
		}
		wantErr(t, "revoke again", s.RevokeBatch(ctx, b.ID, store.BatchChange{}), nil)
		if got := s.Stats().Ledger; got != ledger {
			t.Errorf("refusals made %d records", got-ledger)
		}
		wantErr(t, "retire", s.Retire(ctx, b.ID, store.BatchChange{}), nil)
		for what, err := range map[string]error{"pause": s.Pause(ctx, b.ID, store.BatchChange{}), "resume": s.Resume(ctx, b.ID, store.BatchChange{})} {
			wantErr(t, what+" retired "+b.Name, err, store.ErrRetired)
		}
		wantErr(t, "revoke what is both", s.RevokeBatch(ctx, b.ID, store.BatchChange{}), nil)
		wantErr(t, "retire again", s.Retire(ctx, b.ID, store.BatchChange{}), nil)
		if i, err := s.Batch(b.ID); err != nil || !i.Revoked || i.Paused != (b.ID == paused.ID) {
			t.Errorf("%+v, %v", i, err)
		}
	}
}

// A batch that was revoked before it was whole does not grow any more.
func TestRevokedBatchStays(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	def := store.Batch{Name: "given"}
	importCodes(t, s, def, store.ImportOptions{}, "A1", "A2")
	wantErr(t, "revoke", s.RevokeBatch(ctx, 1, store.BatchChange{}), nil)
	_, err := s.Import(ctx, def, strings.NewReader("A3\n"), store.ImportOptions{})
	wantErr(t, "import", err, store.ErrRevoked)
	if i, err := s.Batch(1); err != nil || i.Counts != (store.Counts{Minted: 2, Revoked: 2}) {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestRevoke(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 4})
	importCodes(t, s, store.Batch{Name: "known", FromStock: true}, store.ImportOptions{}, "CARD-1", "CARD-2")
	handed := issue(t, s, b.ID, 3, "order")
	redeem(t, s, store.Redemption{Code: handed[0]})

	first, err := s.Revoke(ctx, store.Change{Code: handed[1], By: "desk", Reason: "leaked", Key: "k"})
	if err != nil || first.By != "desk" || first.Reason != "leaked" || first.Batch != b.ID {
		t.Fatalf("%+v, %v", first, err)
	}
	for range 2 {
		again, err := s.Revoke(ctx, store.Change{Code: handed[1], By: "desk", Reason: "another", Key: "k"})
		if err != nil || again != first {
			t.Errorf("the same key: %+v, %v, want %+v", again, err, first)
		}
		_, err = s.Revoke(ctx, store.Change{Code: handed[2], By: "desk", Key: "k"})
		wantErr(t, "another code", err, store.ErrKeyConflict)
		_, err = s.Revoke(ctx, store.Change{Code: handed[1], By: "other", Key: "k"})
		wantErr(t, "another user", err, store.ErrKeyConflict)
		_, err = s.Revoke(ctx, store.Change{Code: handed[1]})
		wantErr(t, "revoked", err, store.ErrRevoked)
		_, err = s.Revoke(ctx, store.Change{Code: handed[0]})
		wantErr(t, "redeemed", err, store.ErrAlreadyRedeemed)
		_, err = s.Revoke(ctx, store.Change{Code: "NO-SUCH-CODE"})
		wantErr(t, "unknown", err, store.ErrUnknownCode)
		_, err = s.Revoke(ctx, store.Change{Code: handed[2], Reason: "a\nb"})
		wantErr(t, "reason", err, store.ErrInvalid)
		_, err = s.Redeem(ctx, store.Redemption{Code: handed[1]})
		wantErr(t, "redeem", err, store.ErrRevoked)
		_, err = s.Release(ctx, store.Change{Code: handed[1]})
		wantErr(t, "release", err, store.ErrRevoked)
		_, err = s.Undo(ctx, store.Change{Code: handed[1]})
		wantErr(t, "undo", err, store.ErrRevoked)
		if i, err := s.Lookup(ctx, "", handed[1]); err != nil || i.StateName != "revoked" {
			t.Errorf("%+v, %v", i, err)
		}
		s = reopened(t, s, dir, weak(), false)
		dir = s.Stats().Dir
	}
	// From stock: whoever draws never gets it.
	_, err = s.Revoke(ctx, store.Change{Code: "CARD-1"})
	wantErr(t, "from stock", err, nil)
	_, err = s.Redeem(ctx, store.Redemption{Code: "CARD-1"})
	wantErr(t, "redeem from stock", err, store.ErrRevoked)
	if c := issue(t, s, 2, 1, "x"); c[0] != "CARD2" {
		t.Errorf("drawn %v", c)
	}
	_, err = s.Issue(ctx, 2, 1, store.To("x"))
	wantErr(t, "empty", err, store.ErrEmpty)
	if i, err := s.Batch(b.ID); err != nil || i.Counts != (store.Counts{Minted: 4, Available: 1, Issued: 1, Redeemed: 1, Revoked: 1}) {
		t.Errorf("%+v, %v", i, err)
	}
	storetest.Verify(t, s)
}

func TestChangeAll(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	handed := issue(t, s, b.ID, 6, "order")
	redeem(t, s, store.Redemption{Code: handed[0]})
	ask := func(codes ...string) (cs []store.Change) {
		for _, c := range codes {
			cs = append(cs, store.Change{Code: c})
		}
		return cs
	}
	check := func(what string, got []store.ChangeResult, want ...error) {
		t.Helper()
		for i, r := range got {
			wantErr(t, what, r.Err, want[i])
			if (r.Err == nil) != (r.Changed.Number > 0) {
				t.Errorf("%s %d: %+v", what, i, r)
			}
		}
	}
	check("release", s.ReleaseAll(ctx, ask(handed[0], handed[1], handed[1], "NO-SUCH-CODE", handed[2])), store.ErrAlreadyRedeemed, nil, store.ErrNotIssued, store.ErrUnknownCode, nil)
	check("undo", s.UndoAll(ctx, ask(handed[0], handed[0], handed[3])), nil, store.ErrNotRedeemed, store.ErrNotRedeemed)
	check("revoke", s.RevokeAll(ctx, ask(handed[0], handed[3], handed[3], handed[1])), nil, nil, store.ErrRevoked, nil)
	check("none", s.RevokeAll(ctx, nil))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	check("ended", s.RevokeAll(ended, ask(handed[4])), context.Canceled)
	if i, err := s.Batch(b.ID); err != nil || i.Counts != (store.Counts{Minted: 10, Available: 5, Issued: 2, Revoked: 3}) {
		t.Errorf("%+v, %v", i, err)
	}
	storetest.Verify(t, s)
}

// What cannot be asked of a batch changes nothing.
func TestBadBatchChange(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := mint(t, s, store.Batch{Name: "b", Count: 1})
	ended, cancel := context.WithCancel(ctx)
	cancel()
	ledger := s.Stats().Ledger
	for name, do := range map[string]func(context.Context, store.BatchID, store.BatchChange) error{
		"pause": s.Pause, "resume": s.Resume, "revoke": s.RevokeBatch,
		"reschedule": func(ctx context.Context, id store.BatchID, c store.BatchChange) error {
			return s.Reschedule(ctx, id, time.Now(), time.Time{}, c)
		},
	} {
		for _, id := range []store.BatchID{0, 2, 1<<32 - 1} {
			wantErr(t, name, do(ctx, id, store.BatchChange{}), store.ErrUnknownBatch)
		}
		wantErr(t, name, do(ctx, b.ID, store.BatchChange{By: "a\x00"}), store.ErrInvalid)
		wantErr(t, name, do(ctx, b.ID, store.BatchChange{Reason: strings.Repeat("x", store.MaxText+1)}), store.ErrInvalid)
		wantErr(t, name, do(ended, b.ID, store.BatchChange{}), context.Canceled)
	}
	if i, err := s.Batch(b.ID); err != nil || i.Paused || i.Revoked || !i.NotBefore.IsZero() || s.Stats().Ledger != ledger {
		t.Errorf("%+v, %v", i, err)
	}
	mustClose(t, s)
	wantErr(t, "closed", s.Pause(ctx, b.ID, store.BatchChange{}), store.ErrClosed)
}

// In a revoked batch every code that is not redeemed is revoked, whatever it was before.
func TestStepsInRevokedBatch(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	importCodes(t, s, store.Batch{Name: "b"}, store.ImportOptions{}, "A1", "A2", "A3")
	drawn := issue(t, s, 1, 1, "x")[0]
	stock := "A1"
	if drawn == stock {
		stock = "A2"
	}
	wantErr(t, "revoke", s.RevokeBatch(ctx, 1, store.BatchChange{}), nil)
	for _, code := range []string{drawn, stock} {
		for name, do := range map[string]func(context.Context, store.Change) (store.Changed, error){"release": s.Release, "undo": s.Undo, "revoke": s.Revoke} {
			_, err := do(ctx, store.Change{Code: code})
			wantErr(t, name+" "+code, err, store.ErrRevoked)
		}
	}
	_, err := s.Revoke(ctx, store.Change{Code: "NO-SUCH-CODE", Reason: "\n"})
	wantErr(t, "a bad reason", err, store.ErrInvalid)
}

// A query whose context has ended says so, also when there is nothing to look at.
func TestQueryOfNothingWithEndedContext(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var err error
	for _, err = range s.ReceiptsOf(ctx, "nobody", 0) {
	}
	wantErr(t, "receipts", err, context.Canceled)
	for _, err = range s.DrawnFor(ctx, "nothing", 0) {
	}
	wantErr(t, "codes", err, context.Canceled)
	_, err = s.RevokeRef(ctx, store.RefChange{Ref: "nothing"})
	wantErr(t, "revoke", err, context.Canceled)
}
