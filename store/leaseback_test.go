package store

import (
	"context"
	"runtime"
	"testing"
	"time"
)

// Who takes a lease out and cannot end it puts it back. Whoever missed it meanwhile ends it:
// it has not ended, and must not be said to have.
func TestEndOfLeaseThatCameBack(t *testing.T) {
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Mint(soon(t), Batch{Name: "b", Count: 10})
	if err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]struct {
		kind leaseKind
		call func(context.Context, LeaseEnd) error
	}{
		"acknowledge": {leasing, func(ctx context.Context, e LeaseEnd) error { _, err := s.Acknowledge(ctx, e); return err }},
		"give back":   {leasing, func(ctx context.Context, e LeaseEnd) error { _, err := s.GiveBack(ctx, e); return err }},
		"cancel":      {holding, func(ctx context.Context, e LeaseEnd) error { _, err := s.Cancel(ctx, e); return err }},
		"confirm":     {holding, func(ctx context.Context, e LeaseEnd) error { _, err := s.Confirm(ctx, e); return err }},
	} {
		var number uint64
		if end.kind == leasing {
			l, err := s.Lease(soon(t), b.ID, 1, time.Hour, To("r"))
			if err != nil {
				t.Fatal(err)
			}
			number = l.Number
		} else {
			codes, err := s.Issue(soon(t), b.ID, 1, To("r"))
			if err != nil {
				t.Fatal(err)
			}
			h, err := s.Reserve(soon(t), Redemption{Code: codes[0], User: "u"}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			number = h.Number
		}
		s.draws.RLock() // as who ends it, from taking it out to putting it back
		l, err := s.leases.take(number, end.kind, s.opt.Clock().UnixMicro())
		if err != nil {
			t.Fatal(err)
		}
		ctx, done := soon(t), make(chan error, 1)
		go func() { done <- end.call(ctx, LeaseEnd{Number: number}) }()
		for ctx.Err() == nil && s.draws.TryRLock() { // until the other one waits for us
			s.draws.RUnlock()
			runtime.Gosched()
		}
		s.leases.add(l)
		s.draws.RUnlock()
		if err := <-done; err != nil {
			t.Errorf("%s of a lease that came back: %v", name, err)
		}
	}
	if rep, err := s.Verify(soon(t)); err != nil || !rep.OK() {
		t.Errorf("verify: %+v, %v", rep, err)
	}
}
