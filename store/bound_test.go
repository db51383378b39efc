package store

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"
)

// endsWhenAwaited is a context that ends when somebody begins to wait for its end.
type endsWhenAwaited struct {
	context.Context
	cancel context.CancelFunc
}

func newEndsWhenAwaited(t *testing.T) endsWhenAwaited {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return endsWhenAwaited{ctx, cancel}
}

func (c endsWhenAwaited) Done() <-chan struct{} {
	c.cancel()
	return c.Context.Done()
}

// Every call that waits for the disk ends with its context, while the disk does nothing.
// Mint and Import write by themselves, and look at theirs between writes.
func TestContextBoundsEveryCall(t *testing.T) {
	s, e, codes := openSync(t, t.TempDir())
	defer s.Close()
	ctx := t.Context()
	for _, c := range codes[:2] {
		if _, err := s.Redeem(ctx, Redemption{Code: c}); err != nil {
			t.Fatal(err)
		}
	}
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { e.hold.Store(nil); close(hold) })
	defer release()
	e.hold.Store(&hold)
	// One redemption is on its way to the disk, and stays there.
	s.RedeemFunc(ctx, Redemption{Code: codes[9], User: "u", Key: "k"}, func(Receipt, error) {})
	for soon := soon(t); e.waiting.Load() == 0; runtime.Gosched() {
		if soon.Err() != nil {
			t.Fatal("nobody syncs what was written")
		}
	}
	held := []boundCall{
		{"redeem", func(ctx context.Context) error { _, err := s.Redeem(ctx, Redemption{Code: codes[3]}); return err }},
		{"redeem with a key", func(ctx context.Context) error {
			_, err := s.Redeem(ctx, Redemption{Code: codes[4], Key: "other"})
			return err
		}},
		{"retry", func(ctx context.Context) error {
			_, err := s.Redeem(ctx, Redemption{Code: codes[9], User: "u", Key: "k"})
			return err
		}},
		{"refusal", func(ctx context.Context) error { _, err := s.Redeem(ctx, Redemption{Code: codes[9]}); return err }},
		{"redeem all", func(ctx context.Context) error { return s.RedeemAll(ctx, []Redemption{{Code: codes[5]}})[0].Err }},
		{"issue", func(ctx context.Context) error { _, err := s.Issue(ctx, 1, 1, To("x")); return err }},
		{"issue with a key", func(ctx context.Context) error { _, err := s.Issue(ctx, 1, 1, To("x").Once("ik")); return err }},
		{"release", func(ctx context.Context) error { _, err := s.Release(ctx, Change{Code: codes[6]}); return err }},
		{"release all", func(ctx context.Context) error { return s.ReleaseAll(ctx, []Change{{Code: codes[7]}})[0].Err }},
		{"undo", func(ctx context.Context) error { _, err := s.Undo(ctx, Change{Code: codes[0]}); return err }},
		{"undo all", func(ctx context.Context) error { return s.UndoAll(ctx, []Change{{Code: codes[1]}})[0].Err }},
		{"revoke", func(ctx context.Context) error { _, err := s.Revoke(ctx, Change{Code: codes[8]}); return err }},
		{"revoke with a key", func(ctx context.Context) error {
			_, err := s.Revoke(ctx, Change{Code: codes[2], Key: "rk"})
			return err
		}},
		{"revoke all", func(ctx context.Context) error { return s.RevokeAll(ctx, []Change{{Code: codes[0]}})[0].Err }},
		{"refusal of a revoked code", func(ctx context.Context) error { _, err := s.Release(ctx, Change{Code: codes[8]}); return err }},
		{"check", func(ctx context.Context) error { return s.Check(ctx, Redemption{Code: codes[9]}) }},
		{"lookup", func(ctx context.Context) error { _, err := s.Lookup(ctx, "", codes[9]); return err }},
		{"checkpoint", s.Checkpoint},
		{"backup", func(ctx context.Context) error { _, err := s.Backup(ctx, io.Discard); return err }},
		{"verify", func(ctx context.Context) error { _, err := s.Verify(ctx); return err }},
	}
	allBounded(t, held)

	// A pause is on its way to the disk, too: what is refused because of it waits for it.
	var pausing sync.WaitGroup
	defer pausing.Wait()
	defer release()
	pausing.Go(func() { _ = s.Pause(ctx, 1, BatchChange{}) })
	for soon := soon(t); !s.batchByID(1).terms().Paused; runtime.Gosched() {
		if soon.Err() != nil {
			t.Fatal("the batch is not paused")
		}
	}
	for _, c := range codes[20:] { // of shards in which nothing else is on its way, too
		allBounded(t, []boundCall{{"check in a paused batch", func(ctx context.Context) error { return s.Check(ctx, Redemption{Code: c}) }}})
	}
	allBounded(t, []boundCall{
		{"redemption in a paused batch", func(ctx context.Context) error { _, err := s.Redeem(ctx, Redemption{Code: codes[10]}); return err }},
		{"redemption of all in a paused batch", func(ctx context.Context) error { return s.RedeemAll(ctx, []Redemption{{Code: codes[10]}})[0].Err }},
		{"draw from a paused batch", func(ctx context.Context) error { _, err := s.Issue(ctx, 1, 1, To("x")); return err }},
		{"pause", func(ctx context.Context) error { return s.Pause(ctx, 1, BatchChange{}) }},
		{"reschedule", func(ctx context.Context) error { return s.Reschedule(ctx, 1, time.Time{}, time.Now(), BatchChange{}) }},
		{"resume", func(ctx context.Context) error { return s.Resume(ctx, 1, BatchChange{}) }},
		{"codes of a reference", func(ctx context.Context) error {
			for _, err := range s.DrawnFor(ctx, "order", 0) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"release of a reference", func(ctx context.Context) error { _, err := s.ReleaseRef(ctx, RefChange{Ref: "order"}); return err }},
		{"revoke of a reference", func(ctx context.Context) error { _, err := s.RevokeRef(ctx, RefChange{Ref: "order"}); return err }},
		{"revoke of the batch", func(ctx context.Context) error { return s.RevokeBatch(ctx, 1, BatchChange{}) }},
	})
}

type boundCall struct {
	name string
	call func(context.Context) error
}

// allBounded fails the test unless each of the calls ends with its context.
func allBounded(t *testing.T, calls []boundCall) {
	t.Helper()
	for _, c := range calls {
		answer := make(chan error, 1)
		go func() { answer <- c.call(newEndsWhenAwaited(t)) }()
		select {
		case err := <-answer:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v, want that the context has ended", c.name, err)
			}
		case <-soon(t).Done():
			t.Errorf("%s waits on although its context has ended", c.name)
		}
	}
}
