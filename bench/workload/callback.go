package workload

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"codepool/store"
)

// sampleEvery is the share of callbacks whose latency is taken: a closure for each call
// would be a cost of the harness.
const sampleEvery = 16

// callbacks is a load whose answers come to a function: each caller submits until its
// part of inFlight is reached, sleeps, and goes on when half of them are answered.
type callbacks struct {
	callers  int
	calls    int // at most
	inFlight int
	budget   time.Duration
	call     func(i int, done func(store.Receipt, error))
}

// window counts the calls of one caller that are not yet answered.
type window struct {
	open atomic.Int64
	half int64
	wake chan struct{} // gets a token when open falls to half
	_    [40]byte      // callers' counters on cache lines of their own
}

func (w *window) answered() {
	if w.open.Add(-1) == w.half {
		select {
		case w.wake <- struct{}{}:
		default: // a token is already there
		}
	}
}

// run is like load.run. Elapsed ends with the last answer.
func (l callbacks) run(ctx context.Context) (s Sample, made int, err error) {
	var (
		next   atomic.Int64
		stop   atomic.Bool
		failed atomic.Pointer[error]
		wg     sync.WaitGroup
		lat    = make(latencies, (l.calls+sampleEvery-1)/sampleEvery)
	)
	fail := func(err error) {
		failed.CompareAndSwap(nil, &err)
		stop.Store(true)
	}
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	defer time.AfterFunc(l.budget, func() { stop.Store(true) }).Stop()

	began := time.Now()
	for range l.callers {
		wg.Go(func() {
			limit := int64(max(1, l.inFlight/l.callers))
			w := &window{half: limit / 2, wake: make(chan struct{}, 1)}
			plain := func(_ store.Receipt, err error) {
				if err != nil {
					fail(err)
				}
				w.answered()
			}
			for !stop.Load() {
				i := int(next.Add(1)) - 1
				if i >= l.calls {
					break
				}
				done := plain
				if i%sampleEvery == 0 {
					sent := time.Since(began)
					done = func(r store.Receipt, err error) {
						lat.put(i/sampleEvery, time.Since(began)-sent)
						plain(r, err)
					}
				}
				w.open.Add(1)
				l.call(i, done)
				for w.open.Load() >= limit {
					<-w.wake
				}
			}
			for w.open.Load() > 0 {
				time.Sleep(50 * time.Microsecond)
			}
		})
	}
	wg.Wait()
	s.Elapsed = time.Since(began)
	if p := failed.Load(); p != nil {
		return s, 0, fmt.Errorf("callback: %w", *p)
	}
	made = min(int(next.Load()), l.calls)
	s.Ops = int64(made)
	lat.percentiles(&s)
	return s, made, ctx.Err()
}
