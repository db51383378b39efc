package store

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
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
	calls := []struct {
		name string
		call func(context.Context) error
	}{
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
		{"undo", func(ctx context.Context) error { _, err := s.Undo(ctx, Change{Code: codes[0]}); return err }},
		{"check", func(ctx context.Context) error { return s.Check(ctx, Redemption{Code: codes[9]}) }},
		{"lookup", func(ctx context.Context) error { _, err := s.Lookup(ctx, "", codes[9]); return err }},
		{"checkpoint", s.Checkpoint},
		{"backup", func(ctx context.Context) error { _, err := s.Backup(ctx, io.Discard); return err }},
		{"verify", func(ctx context.Context) error { _, err := s.Verify(ctx); return err }},
	}
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
