package workload

import (
	"context"
	"sync"
	"time"
)

// Wake parks callers in groups that a committer releases, with no store behind it: what
// the scheduler alone allows to callers that block.
type Wake struct {
	Callers []int
}

// DefaultWakeCallers are the numbers of callers that Redeem blocks.
func DefaultWakeCallers() []int { return []int{8192, 1024, 64} }

// Name returns "wake".
func (Wake) Name() string { return "wake" }

// Run measures every way of waking, and reports the best again under "best: …".
func (j Wake) Run(ctx context.Context, e *Env, emit func(Line)) error {
	for i, callers := range j.Callers {
		trials := wakeTrials(callers, e.Budget/3)
		if err := e.part(i, len(j.Callers)).rounds(ctx, e.Rounds, trials); err != nil {
			return err
		}
		emitAll(trials, emit)
		if best := fastest(trials); best != nil {
			l := best.line
			l.Note = "best: " + l.Note
			emit(l)
		}
	}
	return nil
}

func wakeTrials(callers int, budget time.Duration) []*trial {
	var trials []*trial
	for _, k := range wakeKinds() {
		t := &trial{line: Line{Job: "wake", System: "scheduler", Callers: callers, Batch: 1, Note: k.name}}
		t.run = func(ctx context.Context) (Sample, error) { return parkAndWake(ctx, k, callers, budget) }
		trials = append(trials, t)
	}
	return trials
}

// fastest returns the trial with the highest median rate, nil if there is none.
func fastest(trials []*trial) *trial {
	var best *trial
	for _, t := range trials {
		if best == nil || t.line.OpsPerS > best.line.OpsPerS {
			best = t
		}
	}
	return best
}

// parkAndWake runs callers against a committer of empty groups. A group is released
// when half of the callers are in it, the other half being those just woken: so every call
// parks, as it does in a store whose disk is slower than its callers.
func parkAndWake(ctx context.Context, k wakeKind, callers int, budget time.Duration) (Sample, error) {
	var (
		mu        sync.Mutex
		open      = k.make() // the group that forms
		joined    int        // callers in it
		left      = callers  // callers that will make further calls
		full      = make(chan wakeGroup, 2)
		committer sync.WaitGroup
	)
	// REQUIRES: mu
	releaseIfFull := func() {
		if joined > 0 && 2*joined >= left {
			full <- open
			open, joined = k.make(), 0
		}
	}
	committer.Go(func() {
		for g := range full {
			g.release()
		}
	})
	l := load{callers: callers, calls: 1 << 22, budget: budget}
	l.call = func(context.Context, int, int) (int, error) {
		mu.Lock()
		joined++
		g := open
		releaseIfFull()
		mu.Unlock()
		g.wait()
		return 1, nil
	}
	l.leave = func() {
		mu.Lock()
		left--
		releaseIfFull()
		mu.Unlock()
	}
	s, _, err := l.run(ctx)
	close(full)
	committer.Wait()
	return s, err
}
