package workload

import (
	"context"
	"time"

	"codepool/bench/peer"
)

// Sustain redeems at a steady rate for a time, and looks how far the index on disk is
// behind and how long calls take meanwhile.
type Sustain struct {
	Rate int // redemptions a second
	For  time.Duration
}

// Name returns "sustain".
func (Sustain) Name() string { return "sustain" }

// Run measures codepool.
func (j Sustain) Run(ctx context.Context, e *Env, emit func(Line)) error {
	const callers, batch = 4, 100
	for _, k := range e.Kinds {
		if k.Name != "codepool" {
			continue
		}
		calls := int(float64(j.Rate) * j.For.Seconds() / batch)
		s := e.newStock(k, calls*batch, calls*batch)
		defer s.discard()
		t := &trial{line: Line{Job: "sustain", System: k.Name, N: int64(calls * batch), Callers: callers, Batch: batch}}
		t.run = func(ctx context.Context) (Sample, error) {
			if err := s.ready(ctx); err != nil {
				return Sample{}, err
			}
			pool := s.sys.(*peer.Codepool)
			began := time.Now()
			lag, took := make([]uint64, callers), make(latencies, calls)
			sample, made, err := load{callers: callers, calls: calls, budget: 4 * j.For, call: func(ctx context.Context, caller, i int) (int, error) {
				due := began.Add(time.Duration(float64(i*batch) / float64(j.Rate) * 1e9))
				time.Sleep(time.Until(due))
				rs := make([]peer.Redemption, batch)
				for k := range rs {
					rs[k] = s.redemption(i*batch + k)
				}
				before := time.Now()
				err := pool.RedeemMany(ctx, rs)
				took.put(i, time.Since(before))
				if i%64 == 0 {
					if st := pool.Stats(); st.Ledger > st.Indexed {
						lag[caller] = max(lag[caller], st.Ledger-st.Indexed)
					}
				}
				return batch, err
			}}.run(ctx)
			if err != nil {
				s.discard()
				return sample, err
			}
			most := uint64(0)
			for _, n := range lag {
				most = max(most, n)
			}
			took[:made].percentiles(&sample)
			sample.Extra = map[string]float64{"index_lag": float64(most)}
			s.redeemed(made * batch)
			return sample, nil
		}
		t.audit = s.close
		if err := e.rounds(ctx, 1, []*trial{t}); err != nil {
			return err
		}
		emit(t.line)
	}
	return nil
}
