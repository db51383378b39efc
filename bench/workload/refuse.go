package workload

import (
	"context"
	"fmt"

	"codepool/bench/peer"
)

// refuseBatch is how many codes that do not exist are asked for in a call.
const refuseBatch = 1000

// inBatches asks every system that can refuse, in calls of many codes, of which none exists.
// Beside each are InBatches codes that do.
func (j Reject) inBatches(ctx context.Context, e *Env, emit func(Line)) error {
	probes, err := randomCodes(j.Probes)
	if err != nil {
		return err
	}
	var trials []*trial
	for _, k := range e.Kinds {
		if !peer.Can[peer.Refuser](k) {
			continue
		}
		s := e.newStock(k, j.InBatches, j.InBatches)
		defer s.discard()
		t := &trial{line: Line{Job: "reject", System: k.Name, N: int64(s.n), Callers: 2, Batch: refuseBatch, Note: "in batches"}}
		t.run = func(ctx context.Context) (Sample, error) {
			if err := s.ready(ctx); err != nil {
				return Sample{}, err
			}
			sample, err := refuseMany(ctx, s.sys.(peer.Refuser), probes, t.line.Callers, e)
			if err != nil {
				s.discard()
			}
			return sample, err
		}
		t.audit = s.close
		trials = append(trials, t)
	}
	if err := e.rounds(ctx, e.Rounds, trials); err != nil {
		return err
	}
	ratioToFirst(trials)
	emitAll(trials, emit)
	return nil
}

func refuseMany(ctx context.Context, sys peer.Refuser, probes *texts, callers int, e *Env) (Sample, error) {
	const most = 100_000 // calls, whose latencies have room
	room := make([][]string, callers)
	sample, _, err := load{callers: callers, calls: most, budget: e.Budget, call: func(ctx context.Context, caller, i int) (int, error) {
		codes := room[caller][:0]
		for k := range min(refuseBatch, probes.len()) {
			codes = append(codes, probes.at((i*refuseBatch+k)%probes.len()))
		}
		room[caller] = codes
		n, err := sys.Refuse(ctx, codes)
		if err == nil && n != len(codes) {
			err = fmt.Errorf("audit: %d of %d codes that do not exist were refused", n, len(codes))
		}
		return n, err
	}}.run(ctx)
	return sample, err
}
