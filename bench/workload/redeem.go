package workload

import (
	"context"
	"time"

	"codepool/bench/peer"
	"codepool/store"
)

// Mode is how the callers of a redemption wait for the answer.
type Mode uint8

// The modes.
const (
	Blocked  Mode = iota // one code a call, the caller is parked until it is durable
	Batched              // many codes a call
	Callback             // one code a call, the answer comes to a function
)

// RedeemLoad is one configuration of Redeem.
type RedeemLoad struct {
	Mode     Mode
	Callers  int
	Batch    int // codes a call, for Batched
	InFlight int // calls not yet answered, over all callers, for Callback
}

// Redeem burns issued codes, each once, in shuffled order, with 8-byte users.
//
// Beside blocked callers it measures, in the same rounds, what bounds them: for one
// caller a bare append and sync, for many as many callers parked and woken by empty groups.
type Redeem struct {
	N     int // codes issued
	Loads []RedeemLoad
}

// DefaultRedeemLoads are the configurations of the project's targets.
func DefaultRedeemLoads() []RedeemLoad {
	return []RedeemLoad{
		{Mode: Batched, Callers: 4, Batch: 1000},
		{Mode: Batched, Callers: 4, Batch: 100},
		{Mode: Blocked, Callers: 8192},
		{Mode: Blocked, Callers: 1024},
		{Mode: Blocked, Callers: 64},
		{Mode: Blocked, Callers: 1},
		{Mode: Callback, Callers: 4, InFlight: 16 << 10},
	}
}

// Name returns "redeem".
func (Redeem) Name() string { return "redeem" }

// Run measures every configuration on every system that can do it. A system is made once,
// and again when its codes are used up; all its lines fail if one of its audits does.
func (j Redeem) Run(ctx context.Context, e *Env, emit func(Line)) error {
	stocks := make(map[string]*stock)
	var all []*trial
	for _, k := range e.Kinds {
		s := e.newStock(k, j.N, j.N)
		defer s.discard()
		stocks[k.Name] = s
	}
	for i, l := range j.Loads {
		trials, err := j.runLoad(ctx, e.part(i, len(j.Loads)), l, stocks)
		if err != nil {
			return err
		}
		all = append(all, trials...)
	}
	for _, s := range stocks {
		err := s.close(ctx)
		for _, t := range all {
			if t.line.System == s.kind.Name {
				t.line.fail(err)
			}
		}
	}
	emitAll(all, emit)
	return ctx.Err()
}

// runLoad measures one configuration and returns the trials of systems.
func (j Redeem) runLoad(ctx context.Context, e *Env, l RedeemLoad, stocks map[string]*stock) ([]*trial, error) {
	rounds, budget := e.Rounds, e.Budget
	var syncs, wakes []*trial
	switch {
	case l.Mode == Blocked && l.Callers == 1:
		// A ratio of two latencies: short turns, so that both see the same disk.
		rounds, budget = 4*rounds, budget/4
		short := *e
		short.Settle /= 4
		e = &short
		syncs = fsyncTrials(e, budget/2)
	case l.Mode == Blocked:
		wakes = wakeTrials(l.Callers, budget/4)
	}
	var systems []*trial
	for _, k := range e.Kinds {
		if l.possible(k) {
			t := stocks[k.Name].trial("redeem", l, budget)
			t.audit = nil // when all loads are over
			systems = append(systems, t)
		}
	}
	if len(systems) == 0 {
		return nil, nil
	}
	trials := append(append(append([]*trial(nil), systems...), syncs...), wakes...)
	if err := e.rounds(ctx, rounds, trials); err != nil {
		return nil, err
	}
	for _, t := range systems {
		for i, r := range syncs {
			t.line.set([]string{"ratio_fsync", "ratio_fsync_4k"}[i], ratio(t.samples, r.samples, p50))
		}
		if best := fastest(wakes); best != nil {
			t.line.set("ratio_wake", ratio(t.samples, best.samples, Sample.Rate))
		}
	}
	ratioToFirst(systems)
	return systems, nil
}

// possible reports whether systems of the kind can take the load.
func (l RedeemLoad) possible(k peer.Kind) bool {
	switch l.Mode {
	case Batched:
		return peer.Can[peer.BatchRedeemer](k)
	case Callback:
		return peer.Can[peer.FuncRedeemer](k)
	default:
		return peer.Can[peer.Redeemer](k)
	}
}

// trial redeems codes of the stock under the load, and audits when all rounds are over.
func (s *stock) trial(job string, l RedeemLoad, budget time.Duration) *trial {
	t := &trial{line: Line{Job: job, System: s.kind.Name, N: int64(s.n), Callers: l.Callers}}
	t.line.Batch = map[Mode]int{Blocked: 1, Batched: l.Batch}[l.Mode]
	if l.Mode == Callback {
		t.line.Note = "func"
		t.line.set("in_flight", float64(l.InFlight))
	}
	t.run = func(ctx context.Context) (Sample, error) {
		if err := s.ready(ctx); err != nil {
			return Sample{}, err
		}
		sample, made, err := l.run(ctx, s, budget)
		if err != nil {
			s.discard() // what it has acknowledged is not known
			return sample, err
		}
		s.redeemed(made)
		return sample, nil
	}
	t.audit = s.close
	return t
}

// run redeems the next codes of the stock, and returns how many.
func (l RedeemLoad) run(ctx context.Context, s *stock, budget time.Duration) (Sample, int, error) {
	left := s.left()
	switch l.Mode {
	case Batched:
		sys := s.sys.(peer.BatchRedeemer)
		requests := make([][]peer.Redemption, l.Callers)
		sample, made, err := load{
			callers: l.Callers, calls: (left + l.Batch - 1) / l.Batch, budget: budget,
			call: func(ctx context.Context, caller, i int) (int, error) {
				rs := requests[caller][:0]
				for k := i * l.Batch; k < min((i+1)*l.Batch, left); k++ {
					rs = append(rs, s.redemption(k))
				}
				requests[caller] = rs
				return len(rs), sys.RedeemMany(ctx, rs)
			},
		}.run(ctx)
		return sample, min(made*l.Batch, left), err
	case Callback:
		sys := s.sys.(peer.FuncRedeemer)
		return callbacks{
			callers: l.Callers, calls: left, inFlight: l.InFlight, budget: budget,
			call: func(i int, done func(store.Receipt, error)) {
				sys.RedeemFunc(context.Background(), s.redemption(i), done)
			},
		}.run(ctx)
	default:
		sys := s.sys.(peer.Redeemer)
		return load{
			callers: l.Callers, calls: left, budget: budget,
			call: func(ctx context.Context, _, i int) (int, error) {
				r := s.redemption(i)
				return 1, sys.RedeemOne(ctx, r.Code, r.User)
			},
		}.run(ctx)
	}
}
