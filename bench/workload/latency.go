package workload

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"codepool/bench/peer"
	"codepool/store"
)

// Latency offers redemptions at a fixed rate, whether the answers keep up or not, and takes
// the time of each from the moment at which it was due: a system that stops for a while
// pays for all who wait meanwhile (no coordinated omission [Tene, wrk2]).
type Latency struct {
	Rate    int // redemptions a second
	Callers int // goroutines that make the calls: as many can wait at a time
}

// Name returns "latency".
func (Latency) Name() string { return "latency" }

// overloaded is the share of the offered redemptions below which a system did not keep up.
const overloaded = 0.99

// Run measures every system that redeems single codes, and codepool through its callbacks
// (note "func") too.
func (j Latency) Run(ctx context.Context, e *Env, emit func(Line)) error {
	n := int(4 * float64(j.Rate) * e.Budget.Seconds()) // for four times as long as others: rare delays are of interest
	var trials []*trial
	for _, k := range e.Kinds {
		if peer.Can[peer.Redeemer](k) {
			s := e.newStock(k, n, n)
			defer s.discard()
			trials = append(trials, j.trial(s, false))
		}
		if peer.Can[peer.FuncRedeemer](k) {
			s := e.newStock(k, n, n)
			defer s.discard()
			trials = append(trials, j.trial(s, true))
		}
	}
	if err := e.rounds(ctx, e.Rounds, trials); err != nil {
		return err
	}
	for _, t := range trials {
		if t.line.Extra["answered"] < overloaded {
			t.line.Note += " overloaded"
		}
	}
	emitAll(trials, emit)
	return nil
}

func (j Latency) trial(s *stock, callback bool) *trial {
	t := &trial{line: Line{Job: "latency", System: s.kind.Name, N: int64(s.n), Callers: j.Callers, Batch: 1, Note: fmt.Sprintf("%d/s offered", j.Rate)}}
	if callback {
		t.line.Note += " func"
		t.line.Callers = 1
	}
	t.run = func(ctx context.Context) (Sample, error) {
		if s.sys != nil && s.used > 0 { // each round with all of the codes
			if err := s.close(ctx); err != nil {
				return Sample{}, err
			}
		}
		if err := s.ready(ctx); err != nil {
			return Sample{}, err
		}
		o := &offer{rate: j.Rate, calls: s.left(), took: make(latencies, s.left())}
		var err error
		if callback {
			err = o.callbacks(ctx, s)
		} else {
			err = o.block(ctx, s, j.Callers)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			s.discard()
			return Sample{}, err
		}
		s.redeemed(int(o.answered.Load()))
		return o.sample(), nil
	}
	t.audit = s.close
	return t
}

// offer is one run at a fixed rate.
type offer struct {
	rate, calls int
	took        latencies // by call, from when it was due

	began    time.Time
	answered atomic.Int64
	failed   atomic.Pointer[error]
	elapsed  time.Duration
}

// due is when call i is to be made, after began.
func (o *offer) due(i int) time.Duration {
	return time.Duration(float64(i) / float64(o.rate) * float64(time.Second))
}

// done notes the answer to call i.
func (o *offer) done(i int, err error) {
	if err != nil {
		err = fmt.Errorf("call %d: %w", i, err)
		o.failed.CompareAndSwap(nil, &err)
		return
	}
	o.took.put(i, time.Since(o.began)-o.due(i))
	o.answered.Add(1)
}

func (o *offer) err() error {
	if p := o.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// pace calls each with the number of every call when it is due, or as soon as it can. It
// sleeps between calls: many come at once after a sleep, and each is late from its own time.
// On an idle process that may be a millisecond, epoll's timeout; what a system that does
// nothing takes shows it. But a sleep of the system keeps a processor of the scheduler from
// those who are measured, until its monitor comes by, and a timer that is read as a file is
// seen late when the processors are busy: both had percentiles of several times as much.
func (o *offer) pace(ctx context.Context, each func(i int) bool) {
	o.began = time.Now()
	for i := 0; i < o.calls && ctx.Err() == nil && o.failed.Load() == nil; i++ {
		for wait := o.due(i) - time.Since(o.began); wait > 0; wait = o.due(i) - time.Since(o.began) {
			time.Sleep(wait)
		}
		if !each(i) {
			return
		}
	}
}

// block makes the calls from goroutines that wait for their answers. What could not be
// begun when as much time again has passed is not made.
func (o *offer) block(ctx context.Context, s *stock, callers int) error {
	sys := s.sys.(peer.Redeemer)
	calls := make(chan int, o.calls)
	limit := 2 * o.due(o.calls)
	var wg sync.WaitGroup
	var late atomic.Bool
	for range callers {
		wg.Go(func() {
			for i := range calls {
				if late.Load() {
					continue
				}
				r := s.redemption(i)
				o.done(i, sys.RedeemOne(context.Background(), r.Code, r.User))
			}
		})
	}
	defer time.AfterFunc(limit, func() { late.Store(true) }).Stop()
	o.pace(ctx, func(i int) bool { calls <- i; return true })
	close(calls)
	wg.Wait()
	o.elapsed = time.Since(o.began)
	if late.Load() {
		o.unanswered()
	}
	return o.err()
}

// callbacks makes the calls from one goroutine.
func (o *offer) callbacks(ctx context.Context, s *stock) error {
	sys := s.sys.(peer.FuncRedeemer)
	var wg sync.WaitGroup
	o.pace(ctx, func(i int) bool {
		wg.Add(1)
		sys.RedeemFunc(context.Background(), s.redemption(i), func(_ store.Receipt, err error) {
			o.done(i, err)
			wg.Done()
		})
		return true
	})
	wg.Wait()
	o.elapsed = time.Since(o.began)
	return o.err()
}

// unanswered gives the calls that were not made the time that they have waited so far: the
// percentiles are then lower bounds.
func (o *offer) unanswered() {
	for i := range o.took {
		if o.took[i] == 0 {
			o.took.put(i, max(0, o.elapsed-o.due(i)))
		}
	}
}

func (o *offer) sample() Sample {
	s := Sample{Ops: o.answered.Load(), Elapsed: o.elapsed}
	s.Extra = map[string]float64{"answered": float64(s.Ops) / float64(o.calls), "rate": float64(o.rate)}
	o.took.percentiles(&s)
	return s
}
