package workload

import (
	"context"
	"runtime"
	"slices"
	"time"

	"codepool/bench/host"
	"codepool/bench/peer"
)

// trial is something measured once a round.
type trial struct {
	line Line
	run  func(context.Context) (Sample, error)

	samples []Sample
	// audit, if set, is called once after the rounds; its error is the line's.
	audit func(context.Context) error
}

// rounds runs every trial n times, interleaved, then the audits, and sums up. A trial that
// fails is not repeated. Progress is told before each and after the last. The error is ctx's.
func (e *Env) rounds(ctx context.Context, n int, trials []*trial) error {
	done := func(trials, of int) {
		if e.Progress != nil {
			e.Progress(trials, of)
		}
	}
	for r := range n {
		for i := range trials {
			done(r*len(trials)+i, n*len(trials))
			t := trials[(i+r)%len(trials)]
			if t.line.Error != "" {
				continue
			}
			e.logf("%s  %s  %s  round %d of %d", t.line.Job, t.line.System, describe(t.line), r+1, n)
			e.settle()
			s, err := t.run(ctx)
			e.rest(t.line.System)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				t.line.fail(err)
				continue
			}
			t.samples = append(t.samples, s)
		}
	}
	done(n*len(trials), n*len(trials))
	for _, t := range trials {
		if t.audit != nil {
			t.line.fail(t.audit(ctx))
		}
		summarise(&t.line, t.samples)
	}
	return ctx.Err()
}

// emitAll passes on the lines of all trials.
func emitAll(trials []*trial, emit func(Line)) {
	for _, t := range trials {
		emit(t.line)
	}
}

// settle lets what was done before come to its end, so that it does not weigh on what is
// measured next.
func (e *Env) settle() {
	if e.Settle > 0 {
		if err := host.Settle(e.Dir, e.Settle); err != nil {
			e.logf("what was done before may weigh on what is next: %v", err)
		}
	}
	runtime.GC()
}

// rest waits until a system that was measured has begun what it does in the background.
func (e *Env) rest(system string) {
	if i := slices.IndexFunc(e.Kinds, func(k peer.Kind) bool { return k.Name == system }); i >= 0 {
		time.Sleep(min(e.Kinds[i].Rest, e.Settle))
	}
}
