package workload

import (
	"context"
	"time"

	"codepool/bench/peer"
)

// Mint adds N random codes to an empty system, which returns when all are durable.
type Mint struct {
	N int
}

// Name returns "mint".
func (Mint) Name() string { return "mint" }

// Run measures the systems that keep stock in bulk.
func (j Mint) Run(ctx context.Context, e *Env, emit func(Line)) error {
	var trials []*trial
	for _, k := range e.Kinds {
		if !peer.Can[peer.Drawer](k) {
			continue
		}
		t := &trial{line: Line{Job: "mint", System: k.Name, N: int64(j.N), Callers: 1, Batch: j.N}}
		t.run = func(ctx context.Context) (Sample, error) { return j.mint(ctx, e, k) }
		trials = append(trials, t)
	}
	if err := e.rounds(ctx, e.Rounds, trials); err != nil {
		return err
	}
	ratioToFirst(trials)
	emitAll(trials, emit)
	return nil
}

func (j Mint) mint(ctx context.Context, e *Env, k peer.Kind) (sample Sample, err error) {
	s := e.newStock(k, j.N, 0)
	defer s.discard()
	if err := s.create(); err != nil {
		return sample, err
	}
	began := time.Now()
	if err := s.mint(ctx); err != nil {
		return sample, err
	}
	sample = Sample{Ops: int64(j.N), Elapsed: time.Since(began)}
	return sample, s.close(ctx)
}
