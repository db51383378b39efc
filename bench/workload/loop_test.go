package workload

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"codepool/store"
)

func TestLoadMakesEveryCallOnce(t *testing.T) {
	const calls = 1000
	var made [calls]atomic.Int32
	l := load{callers: 7, calls: calls, budget: time.Minute, call: func(_ context.Context, _, i int) (int, error) {
		made[i].Add(1)
		return 2, nil
	}}
	s, n, err := l.run(t.Context())
	if err != nil || n != calls || s.Ops != 2*calls {
		t.Fatalf("calls %d, ops %d, err %v", n, s.Ops, err)
	}
	for i := range made {
		if made[i].Load() != 1 {
			t.Fatalf("call %d was made %d times", i, made[i].Load())
		}
	}
	if s.P50 <= 0 || s.P999 < s.P50 {
		t.Errorf("percentiles %v, %v", s.P50, s.P999)
	}
}

func TestLoadStopsAtItsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := load{callers: 3, calls: 1 << 20, budget: time.Second, call: func(context.Context, int, int) (int, error) {
			time.Sleep(10 * time.Millisecond)
			return 1, nil
		}}
		s, n, err := l.run(t.Context())
		if err != nil || int64(n) != s.Ops || n < 297 || n > 306 {
			t.Errorf("%d calls, %d ops, err %v; want 100 calls of each caller", n, s.Ops, err)
		}
		if s.P50 < 10*time.Millisecond || s.P50 > 11*time.Millisecond {
			t.Errorf("p50 is %v, want 10 ms", s.P50)
		}
	})
}

func TestLoadReportsTheFirstError(t *testing.T) {
	bad := errors.New("bad")
	l := load{callers: 4, calls: 1 << 20, budget: time.Minute, call: func(_ context.Context, _, i int) (int, error) {
		if i >= 50 {
			return 0, bad
		}
		return 1, nil
	}}
	if _, _, err := l.run(t.Context()); !errors.Is(err, bad) {
		t.Errorf("err = %v, want %v", err, bad)
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := load{callers: 2, calls: 1 << 24, budget: time.Hour, call: func(_ context.Context, _, i int) (int, error) {
		if i == 10 {
			cancel()
		}
		return 1, nil
	}}
	if _, _, err := l.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want Canceled", err)
	}
}

func TestCallbacksKeepTheirWindow(t *testing.T) {
	var (
		inFlight, most atomic.Int64
		pending        = make(chan func(store.Receipt, error), 1000)
		server         sync.WaitGroup
	)
	server.Go(func() {
		for done := range pending {
			inFlight.Add(-1)
			done(store.Receipt{}, nil)
		}
	})
	l := callbacks{callers: 3, calls: 5000, inFlight: 30, budget: time.Minute,
		call: func(_ int, done func(store.Receipt, error)) {
			most.Store(max(most.Load(), inFlight.Add(1)))
			pending <- done
		}}
	s, n, err := l.run(t.Context())
	close(pending)
	server.Wait()
	if err != nil || n != 5000 || s.Ops != 5000 {
		t.Fatalf("%d calls, %d ops, err %v", n, s.Ops, err)
	}
	if most.Load() > 30 {
		t.Errorf("%d in flight, want at most 30", most.Load())
	}
	if s.P50 <= 0 {
		t.Error("no latency was taken")
	}
}

func TestCallbacksReportAnError(t *testing.T) {
	bad := errors.New("bad")
	l := callbacks{callers: 2, calls: 1 << 20, inFlight: 8, budget: time.Minute,
		call: func(i int, done func(store.Receipt, error)) {
			if i == 100 {
				done(store.Receipt{}, bad)
				return
			}
			done(store.Receipt{}, nil)
		}}
	if _, _, err := l.run(t.Context()); !errors.Is(err, bad) {
		t.Errorf("err = %v, want %v", err, bad)
	}
}

func TestWakeGroupsWakeEverybody(t *testing.T) {
	for _, k := range wakeKinds() {
		t.Run(k.name, func(t *testing.T) {
			for _, callers := range []int{1, 2, 3, 100} {
				s, err := parkAndWake(t.Context(), k, callers, 20*time.Millisecond)
				if err != nil || s.Ops == 0 {
					t.Errorf("%d callers: %d woken, err %v", callers, s.Ops, err)
				}
			}
		})
	}
}
