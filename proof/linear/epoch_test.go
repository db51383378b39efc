package linear

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"codepool/store"
)

// epoch is the time between two restarts: the clients work, and one of them restarts the
// store among its calls, except in the last epoch.
type epoch struct {
	*world
	n     int
	start chan struct{}
	stop  atomic.Bool
	begun atomic.Int64 // calls

	restarts  bool
	at        int64              // calls that have begun when the restart comes
	behind    func(*client) bool // what the last call of the client who restarts must have been
	taken     atomic.Bool
	cut       cut
	afterward snapshot // what the crash leaves
}

func (w *world) epoch(n int) {
	e := &epoch{world: w, n: n, start: make(chan struct{})}
	if n < len(w.set.crashes) {
		// Not near the end, where few are still at work.
		e.restarts, e.at = true, w.rng.Int64N(int64(w.set.clients*w.set.calls*3/4))
		e.cut.crash, e.behind = w.set.crashes[n], pick(w.rng, anything, (*client).gaveUp, (*client).refused)
		e.afterward = snapshot{from: w.dir, to: filepath.Join(w.root, fmt.Sprint(n+1))}
		w.must(e.afterward.prepare())
	}
	w.keeper.s, w.keeper.epoch = w.s, n
	var wg, beside sync.WaitGroup
	for _, c := range w.clients {
		c.s, c.epoch = w.s, n
		wg.Go(func() { c.work(e) })
	}
	if w.set.crowd {
		for range 2 {
			beside.Go(e.press)
		}
	}
	if w.set.restless {
		beside.Go(e.checkpoint)
	}
	close(e.start)
	w.await(&wg)
	if e.restarts && !e.taken.Load() {
		e.restart()
	}
	e.stop.Store(true)
	w.await(&beside)
	if e.restarts {
		e.reopen()
	}
}

// turn reports whether it is the client's turn to restart the store.
func (e *epoch) turn(c *client) bool {
	return e.restarts && e.begun.Load() > e.at && e.behind(c) && e.taken.CompareAndSwap(false, true)
}

// answerBy is how long a call may go without its answer.
const answerBy = time.Minute

// await waits for calls. One that has not ended after answerBy, or whose callback has not
// come, never will.
func (w *world) await(wg *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		wg.Wait()
	}()
	late := time.NewTimer(answerBy)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		stacks := make([]byte, 1<<20)
		w.t.Fatalf("%s\na call has no answer after %v\n%s", w.name, answerBy, stacks[:runtime.Stack(stacks, true)])
	}
}

// restart is called by one of the clients, or when all have ended.
func (e *epoch) restart() {
	defer e.stop.Store(true)
	if !e.cut.crash {
		if err := e.s.Close(); err != nil {
			e.problem("close: %v", err)
		}
		return
	}
	if err := e.afterward.take(func() { e.cut.t0 = e.tick() }); err != nil {
		e.problem("copy: %v", err)
	}
	e.cut.t1 = e.tick()
}

func (e *epoch) reopen() {
	w := e.world
	if e.cut.crash {
		w.must(w.s.Close())
		w.must(os.RemoveAll(w.dir))
		w.dir = e.afterward.to
	}
	w.open(e.n + 1)
	left := w.s.Stats().Recovery // more may have been over since
	e.cut.last, e.cut.moment = left.Checkpoint+left.Replayed, w.tick()
	w.h.cuts = append(w.h.cuts, e.cut)
}

// checkpoint writes one checkpoint after the other, so that the index takes over what the
// clients have just done while they ask for it.
func (e *epoch) checkpoint() {
	<-e.start
	for !e.stop.Load() {
		if err := e.s.Checkpoint(context.Background()); errors.Is(err, store.ErrClosed) {
			return
		} else if err != nil {
			e.problem("checkpoint: %v", err)
			return
		}
		runtime.Gosched()
	}
}

const (
	// maxBallast bounds what the crowd writes.
	maxBallast = 5000
	// crowdSpace is apart, so that the codes of the round are read as if they were alone.
	crowdSpace = "crowd"
)

func ballastCode(i int) string { return fmt.Sprintf("BALLAST%05d", i) }

// press keeps hundreds of requests under way, with long texts, so that single requests
// are decided in lots and calls have to wait for room.
func (e *epoch) press() {
	const wave = 300
	<-e.start
	user := strings.Repeat("ballast ", 40)
	for !e.stop.Load() {
		var wg sync.WaitGroup
		for range wave {
			i := int(e.ballast.Add(1)) - 1
			if i >= maxBallast {
				wg.Wait()
				return
			}
			wg.Add(1)
			e.s.RedeemFunc(context.Background(), store.Redemption{Code: ballastCode(i), Namespace: crowdSpace, User: user}, func(_ store.Receipt, err error) {
				if err != nil && !errors.Is(err, store.ErrClosed) {
					e.problem("redeem ballast: %v", err)
				}
				wg.Done()
			})
		}
		wg.Wait()
	}
}
