package workload

import (
	"context"
	"fmt"
	"sync/atomic"

	"codepool/bench/peer"
)

// Mixed is what a game does all day: of ten codes six are redeemed, three drawn, and one
// does not exist. Half of N codes are handed out beforehand and the others can be drawn.
type Mixed struct {
	N     int
	Loads []MixedLoad
}

// MixedLoad is one configuration of Mixed: Batch codes a call, 1 for single calls.
type MixedLoad struct {
	Callers, Batch int
}

// DefaultMixedLoads are many callers with a code each, and few with many.
func DefaultMixedLoads() []MixedLoad { return []MixedLoad{{1024, 1}, {4, 100}} }

// Name returns "mixed".
func (Mixed) Name() string { return "mixed" }

// possible reports whether systems of the kind can take the load.
func (l MixedLoad) possible(k peer.Kind) bool {
	if l.Batch > 1 && !peer.Can[peer.BatchRedeemer](k) || l.Batch == 1 && !peer.Can[peer.Redeemer](k) {
		return false
	}
	return peer.Can[peer.Drawer](k) && peer.Can[peer.Refuser](k)
}

// Run measures every configuration on every system that can do it.
func (j Mixed) Run(ctx context.Context, e *Env, emit func(Line)) error {
	for i, l := range j.Loads {
		var trials []*trial
		for _, k := range e.Kinds {
			if l.possible(k) {
				s := e.newStock(k, j.N, j.N/2)
				s.both = true
				defer s.discard()
				trials = append(trials, l.trial(s, e))
			}
		}
		if err := e.part(i, len(j.Loads)).rounds(ctx, e.Rounds, trials); err != nil {
			return err
		}
		ratioToFirst(trials)
		emitAll(trials, emit)
	}
	return nil
}

func (l MixedLoad) trial(s *stock, e *Env) *trial {
	t := &trial{line: Line{Job: "mixed", System: s.kind.Name, N: int64(s.n), Callers: l.Callers, Batch: l.Batch}}
	t.run = func(ctx context.Context) (Sample, error) {
		// A new system, after the audit of this one, when less than half of either is left.
		if s.sys != nil && (2*s.left() < s.live || 2*s.drawable() < s.n-s.live) {
			if err := s.close(ctx); err != nil {
				return Sample{}, err
			}
		}
		if err := s.ready(ctx); err != nil {
			return Sample{}, err
		}
		sample, err := l.run(ctx, s, e)
		if err != nil {
			s.discard()
		}
		return sample, err
	}
	t.audit = s.close
	return t
}

// run makes calls of which the last digit of the number says what they do. Every kind of
// call has its own count of how many there were.
func (l MixedLoad) run(ctx context.Context, s *stock, e *Env) (Sample, error) {
	strangers, err := randomCodes(1 << 16)
	if err != nil {
		return Sample{}, err
	}
	// Of ten calls six redeem and three draw: as many as the scarcer of the two allows.
	tens := min(s.left()/(6*l.Batch), s.drawable()/(3*l.Batch))
	drawer, refuser := s.sys.(peer.Drawer), s.sys.(peer.Refuser)
	var redeemed, drawn atomic.Int64
	room := make([]struct {
		rs    []peer.Redemption
		codes []string
	}, l.Callers)
	sample, made, err := load{callers: l.Callers, calls: 10 * tens, budget: e.Budget, call: func(ctx context.Context, caller, i int) (int, error) {
		r, nth := &room[caller], i/10
		switch d := i % 10; {
		case d < 6:
			if r.rs = r.rs[:0]; l.Batch == 1 {
				red := s.redemption(nth*6 + d)
				redeemed.Add(1)
				return 1, s.sys.(peer.Redeemer).RedeemOne(ctx, red.Code, red.User)
			}
			for k := range l.Batch {
				r.rs = append(r.rs, s.redemption((nth*6+d)*l.Batch+k))
			}
			redeemed.Add(int64(l.Batch))
			return l.Batch, s.sys.(peer.BatchRedeemer).RedeemMany(ctx, r.rs)
		case d < 9:
			codes, err := drawer.Draw(ctx, l.Batch, r.codes[:0])
			r.codes = codes
			drawn.Add(int64(len(codes)))
			return len(codes), err
		default:
			r.codes = r.codes[:0]
			for k := range l.Batch {
				r.codes = append(r.codes, strangers.at((nth*l.Batch+k)%strangers.len()))
			}
			n, err := refuser.Refuse(ctx, r.codes)
			if err == nil && n != l.Batch {
				err = fmt.Errorf("audit: %d of %d codes that do not exist were refused", n, l.Batch)
			}
			return n, err
		}
	}}.run(ctx)
	s.ledger.Redeemed += redeemed.Load()
	s.ledger.Drawn += drawn.Load()
	s.used = min(s.used+(made/10+1)*6*l.Batch, s.codes.len()) // a few are left out
	return sample, err
}
