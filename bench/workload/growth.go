package workload

import "context"

// Growth redeems the same number of codes in stores of different sizes: what an answer
// costs when memory is larger than the caches.
type Growth struct {
	Sizes   []int // codes, ascending
	Redeems int   // codes redeemed in each, each round
	Load    RedeemLoad
}

// DefaultGrowth returns the job at the given sizes.
func DefaultGrowth(sizes []int) Growth {
	return Growth{Sizes: sizes, Redeems: min(1_000_000, sizes[0]), Load: RedeemLoad{Mode: Batched, Callers: 4, Batch: 1000}}
}

// Name returns "growth".
func (Growth) Name() string { return "growth" }

// Run measures codepool alone; the stores of all sizes are open at once, so that the
// rounds interleave.
func (j Growth) Run(ctx context.Context, e *Env, emit func(Line)) error {
	var trials []*trial
	for _, k := range e.Kinds {
		if k.Name != "codepool" {
			continue
		}
		for _, n := range j.Sizes {
			s := e.newStock(k, n, j.Redeems)
			defer s.discard()
			trials = append(trials, s.trial("growth", j.Load, e.Budget))
		}
	}
	if err := e.rounds(ctx, e.Rounds, trials); err != nil {
		return err
	}
	perOp := func(s Sample) float64 { return 1e9 / s.Rate() }
	for _, t := range trials {
		t.line.set("ns_per_op", medianOf(t.samples, perOp))
		t.line.set("ratio_smallest", ratio(t.samples, trials[0].samples, perOp))
	}
	emitAll(trials, emit)
	return nil
}
