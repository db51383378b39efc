package workload

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// load is a closed loop: callers goroutines share calls numbered from 0 and each makes
// its next call when it has the answer to the last.
type load struct {
	callers int
	calls   int // at most
	budget  time.Duration
	// call makes call i, on behalf of one of the callers, and returns how many operations
	// it did.
	call func(ctx context.Context, caller, i int) (int, error)
	// leave, if set, is called by each caller after its last call.
	leave func()
}

// run returns the sample and how many calls were made; those are 0 … made-1. The calls
// themselves get a context that is never cancelled: the loop stops between them.
func (l load) run(ctx context.Context) (s Sample, made int, err error) {
	var (
		next, ops atomic.Int64
		stop      atomic.Bool
		failed    atomic.Pointer[error]
		ready, wg sync.WaitGroup
		start     = make(chan struct{})
		lat       = make(latencies, l.calls)
		began     time.Time
	)
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	ready.Add(l.callers)
	for caller := range l.callers {
		wg.Go(func() {
			ready.Done()
			<-start
			done := 0
			for before := time.Since(began); !stop.Load(); {
				i := int(next.Add(1)) - 1
				if i >= l.calls {
					break
				}
				n, err := l.call(context.Background(), caller, i)
				now := time.Since(began)
				lat.put(i, now-before)
				before = now
				done += n
				if err != nil {
					err = fmt.Errorf("call %d: %w", i, err)
					failed.CompareAndSwap(nil, &err)
					stop.Store(true)
				}
			}
			ops.Add(int64(done))
			if l.leave != nil {
				l.leave()
			}
		})
	}
	ready.Wait()
	timer := time.AfterFunc(l.budget, func() { stop.Store(true) })
	defer timer.Stop()
	began = time.Now()
	close(start)
	wg.Wait()
	s = Sample{Ops: ops.Load(), Elapsed: time.Since(began)}
	if p := failed.Load(); p != nil {
		return s, 0, *p
	}
	made = min(int(next.Load()), l.calls)
	lat[:made].percentiles(&s)
	return s, made, ctx.Err()
}
