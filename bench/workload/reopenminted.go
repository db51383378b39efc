package workload

import (
	"context"
	"runtime/debug"
	"time"

	"codepool/bench/peer"
)

// minted measures every durable system whose codes are all in memory: how long it takes
// until N codes that were minted, and no more, are back there.
func (j Reopen) minted(ctx context.Context, e *Env, emit func(Line)) error {
	var trials []*trial
	var stocks []*stock
	for _, k := range e.Kinds {
		if !k.Resident || k.Durability == peer.Volatile {
			continue
		}
		s := e.newStock(k, j.N, 0)
		defer s.discard()
		t := &trial{line: Line{Job: "reopen", System: k.Name, N: int64(j.N), Note: "minted"}}
		t.run = func(ctx context.Context) (Sample, error) { return s.openAgain(ctx) }
		t.audit = s.close
		trials, stocks = append(trials, t), append(stocks, s)
	}
	for i, s := range stocks {
		if err := s.drawReady(ctx); err != nil {
			trials[i].line.fail(err)
			s.discard()
		}
	}
	if err := e.rounds(ctx, e.Rounds, trials); err != nil {
		return err
	}
	ratioOfSeconds(trials)
	emitAll(trials, emit)
	return nil
}

// openAgain closes a system, and takes the time until it is open again.
func (s *stock) openAgain(ctx context.Context) (sample Sample, err error) {
	if err := s.sys.Close(); err != nil {
		return sample, err
	}
	debug.FreeOSMemory()
	began := time.Now()
	if s.sys, err = s.kind.Open(s.dir); err != nil {
		s.sys = nil
		s.remove()
		return sample, err
	}
	return Sample{Ops: int64(s.n), Elapsed: time.Since(began)}, ctx.Err()
}

// ratioOfSeconds gives the first line, if it is codepool's, how many times as long the
// others take.
func ratioOfSeconds(trials []*trial) {
	for _, t := range trials {
		if first := trials[0]; t != first && first.line.System == "codepool" {
			first.line.set("faster_"+t.line.System, ratio(t.samples, first.samples, func(s Sample) float64 { return s.Elapsed.Seconds() }))
		}
	}
}
