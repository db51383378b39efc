package store

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"codepool/store/internal/journal"
)

// syncEngine stands in front of an engine and holds or fails its syncs, while
// writes go through and can be read: what a power cut would take back.
type syncEngine struct {
	journal.Engine
	hold    atomic.Pointer[chan struct{}] // if not nil, syncs wait for it
	fail    atomic.Bool
	waiting atomic.Int32
}

func (e *syncEngine) Sync() error {
	if hold := e.hold.Load(); hold != nil {
		e.waiting.Add(1)
		<-*hold
	}
	if e.fail.Load() {
		return errDevice
	}
	return e.Engine.Sync()
}

func openSync(t *testing.T, dir string) (*Store, *syncEngine, []string) {
	t.Helper()
	s, f, codes := openFaulty(t, dir)
	e := &syncEngine{Engine: f}
	s.eng.Engine = e
	return s, e, codes
}

// No answer gets out before the sync it depends on has returned, whatever can be
// read from the engine by then (I2).
func TestAnswersWaitForTheSync(t *testing.T) {
	s, e, codes := openSync(t, t.TempDir())
	defer s.Close()
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { e.hold.Store(nil); close(hold) })
	defer release()
	e.hold.Store(&hold)
	answers := make(chan error, 8)
	note := func(_ Receipt, err error) { answers <- err }
	s.RedeemFunc(t.Context(), Redemption{Code: codes[0], Key: "k"}, note)
	for ctx := soon(t); e.waiting.Load() == 0; runtime.Gosched() { // until it is written, and being synced
		if ctx.Err() != nil {
			t.Fatal("nobody syncs what was written")
		}
	}
	s.RedeemFunc(t.Context(), Redemption{Code: codes[0]}, note) // refused because of the first
	s.RedeemFunc(t.Context(), Redemption{Code: codes[1]}, note) // in the next group
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func(context.Context) error{
		"check":  func(ctx context.Context) error { return s.Check(ctx, Redemption{Code: codes[0]}) },
		"lookup": func(ctx context.Context) error { _, err := s.Lookup(ctx, "", codes[0]); return err },
		"redeem": func(ctx context.Context) error { _, err := s.Redeem(ctx, Redemption{Code: codes[0]}); return err },
		"retry": func(ctx context.Context) error {
			_, err := s.Redeem(ctx, Redemption{Code: codes[0], Key: "k"})
			return err
		},
		"backup": func(ctx context.Context) error { _, err := s.Backup(ctx, io.Discard); return err },
		"all":    func(ctx context.Context) error { return s.RedeemAll(ctx, []Redemption{{Code: codes[2]}})[0].Err },
		"issue":  func(ctx context.Context) error { _, err := s.Issue(ctx, 1, 1, To("x")); return err },
	} {
		// The context ends while the call waits, or before it: it never has an answer.
		if err := call(&endsWhenAsked{gone, 2}); !errors.Is(err, ErrOutcomeUnknown) && !errors.Is(err, context.Canceled) {
			t.Errorf("%s answered %v before the sync", name, err)
		}
	}
	for r, err := range s.Receipts(t.Context(), 0) {
		t.Errorf("receipt %+v, %v before the sync", r, err)
	}
	select {
	case err := <-answers:
		t.Errorf("a callback got %v before the sync", err)
	default:
	}
	release()
	counts := map[error]int{}
	for range 3 {
		counts[<-answers]++
	}
	if counts[nil] != 2 || counts[ErrAlreadyRedeemed] != 1 {
		t.Errorf("answers %v", counts)
	}
}

// endsWhenAsked is an ended context that looks alive the first few times.
type endsWhenAsked struct {
	context.Context
	alive int
}

func (c *endsWhenAsked) Err() error {
	if c.alive--; c.alive >= 0 {
		return nil
	}
	return c.Context.Err()
}

// A caller's context bounds its call also behind another one with the same key that waits
// for the disk, or with one of the keys that share its token.
func TestContextBoundsKeyedDraws(t *testing.T) {
	s, e, _ := openSync(t, t.TempDir())
	defer s.Close()
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { e.hold.Store(nil); close(hold) })
	defer release()
	e.hold.Store(&hold)
	answers := make(chan error, 2)
	draw := func(ctx context.Context) error { _, err := s.Issue(ctx, 1, 1, To("x").Once("k")); return err }
	for range 2 { // one draws and waits for the sync, one finds its record and waits too
		go func() { answers <- draw(t.Context()) }()
	}
	for ctx := soon(t); len(s.drawKeys[keyHash(keyIssue, "k")%uint64(len(s.drawKeys))]) == 0 || e.waiting.Load() == 0; runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatal("nobody waits with the key")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	third := make(chan error, 1)
	go func() { third <- draw(ctx) }()
	cancel()
	select {
	case err := <-third:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled draw got %v", err)
		}
	case <-soon(t).Done():
		t.Fatal("a draw whose context has ended waits for another one's")
	}
	release()
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

// A failed sync is a failed commit, though all was written and can be read (I8).
func TestFailedSync(t *testing.T) {
	dir := t.TempDir()
	s, e, codes := openSync(t, dir)
	e.fail.Store(true)
	if _, err := s.Redeem(soon(t), Redemption{Code: codes[0], User: "u", Key: "k"}); !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, errDevice) {
		t.Errorf("the caller whose sync failed got %v, want ErrOutcomeUnknown with the reason", err)
	}
	e.fail.Store(false)
	checkStopped(t, s, codes)
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	s, err := Open(dir, &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if rec, err := s.Redeem(t.Context(), Redemption{Code: codes[0], User: "u", Key: "k"}); err != nil || rec.User != "u" {
		t.Errorf("after reopening the same key got %v, %v; want a receipt", rec, err)
	}
}

// The same for the sync of a checkpoint or a mint, whose answer depends on it too.
func TestFailedSyncOfOthers(t *testing.T) {
	for name, do := range map[string]func(*Store) error{
		"checkpoint": func(s *Store) error { return s.Checkpoint(soon(t)) },
		"mint":       func(s *Store) error { _, err := s.Mint(soon(t), Batch{Name: "x", Count: 10}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			s, e, codes := openSync(t, t.TempDir())
			e.fail.Store(true)
			if err := do(s); err == nil {
				t.Error("it reported success")
			}
			e.fail.Store(false)
			if _, err := s.Redeem(soon(t), Redemption{Code: codes[0]}); !errors.Is(err, ErrFailed) {
				t.Errorf("a redemption after it: %v, want ErrFailed", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// The committer lets long calls finish and gathers callers, but no call that is stuck
// keeps the others from the disk.
func TestCommitterWaitsForNobodyForEver(t *testing.T) {
	s, _, codes := openFaulty(t, t.TempDir())
	defer s.Close()
	s.com.begin() // a call that the host does not schedule any more
	defer s.com.finished()
	for i, code := range codes[:10] {
		if _, err := s.Redeem(soon(t), Redemption{Code: code}); err != nil {
			t.Fatalf("redemption %d beside a call that is stuck: %v", i, err)
		}
	}
}
