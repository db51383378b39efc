package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"codepool/bench/peer"
)

// IssueLoad is one configuration of Issue.
type IssueLoad struct {
	Callers, Batch int
}

// Issue draws codes at random out of a stock of N, each call bound to a reference of
// its own, until the stock is nearly empty or the time is over. Besides the audit, no code
// may have been drawn twice.
type Issue struct {
	N     int
	Loads []IssueLoad
}

// DefaultIssueLoads are the configurations of the project's targets.
func DefaultIssueLoads() []IssueLoad { return []IssueLoad{{4, 1000}, {1024, 1}} }

// Name returns "issue".
func (Issue) Name() string { return "issue" }

// Run measures every load on every system that draws.
func (j Issue) Run(ctx context.Context, e *Env, emit func(Line)) error {
	for i, l := range j.Loads {
		var trials []*trial
		for _, k := range e.Kinds {
			if !peer.Can[peer.Drawer](k) {
				continue
			}
			s := e.newStock(k, j.N, 0)
			defer s.discard()
			trials = append(trials, l.trial("issue", s))
		}
		if err := e.part(i, len(j.Loads)).rounds(ctx, e.Rounds, trials); err != nil {
			return err
		}
		ratioToFirst(trials)
		emitAll(trials, emit)
	}
	return nil
}

// ratioToFirst gives the first trial, if it is codepool's, its ratio to each other one.
func ratioToFirst(trials []*trial) {
	for _, t := range trials {
		if first := trials[0]; t != first && first.line.System == "codepool" {
			first.line.set("ratio_"+t.line.System, ratio(first.samples, t.samples, Sample.Rate))
		}
	}
}

// trial draws from a system that is made anew, after its audit, when less than half of its
// codes are left.
func (l IssueLoad) trial(job string, s *stock) *trial {
	t := &trial{line: Line{Job: job, System: s.kind.Name, N: int64(s.n), Callers: l.Callers, Batch: l.Batch}}
	t.run = func(ctx context.Context) (sample Sample, err error) {
		if err := s.drawReady(ctx); err != nil {
			return sample, err
		}
		if sample, err = l.run(ctx, s); err != nil {
			s.discard()
		}
		return sample, err
	}
	t.audit = s.close
	return t
}

// drawReady makes sure that at least half of the codes can be drawn.
func (s *stock) drawReady(ctx context.Context) error {
	if s.sys != nil && 2*s.drawable() >= s.n {
		return nil
	}
	if err := s.close(ctx); err != nil {
		return err
	}
	s.env.logf("%s: setting up %d codes", s.kind.Name, s.n)
	if err := s.create(); err != nil {
		return err
	}
	if err := s.mint(ctx); err != nil {
		return err
	}
	return s.reopen()
}

// run draws what is left, until the budget is over.
func (l IssueLoad) run(ctx context.Context, s *stock) (Sample, error) {
	sys := s.sys.(peer.Drawer)
	drawn := newDrawLog(l.Callers)
	sample, _, err := load{
		callers: l.Callers, calls: s.drawable() / l.Batch, budget: s.env.Budget,
		call: func(ctx context.Context, caller, _ int) (int, error) {
			codes, err := sys.Draw(ctx, l.Batch, drawn.room(caller))
			if err != nil {
				return 0, err
			}
			return len(codes), drawn.put(caller, codes)
		},
	}.run(ctx)
	if err != nil {
		return sample, err
	}
	if err := drawn.check(sample.Ops); err != nil {
		return sample, err
	}
	s.ledger.Drawn += sample.Ops
	return sample, nil
}

// drawLog keeps the text of every code drawn.
type drawLog struct {
	callers []struct {
		room  []string
		codes texts
	}
}

func newDrawLog(callers int) *drawLog {
	d := &drawLog{}
	d.callers = make([]struct {
		room  []string
		codes texts
	}, callers)
	return d
}

// room is memory for one call's answer.
func (d *drawLog) room(caller int) []string { return d.callers[caller].room[:0] }

func (d *drawLog) put(caller int, codes []string) error {
	c := &d.callers[caller]
	c.room = codes
	for _, code := range codes {
		if err := c.codes.add(code); err != nil {
			return err
		}
	}
	return nil
}

// check reports whether n different codes were drawn.
func (d *drawLog) check(n int64) error {
	all := make([]string, 0, n)
	for i := range d.callers {
		for k := range d.callers[i].codes.len() {
			all = append(all, d.callers[i].codes.at(k))
		}
	}
	if int64(len(all)) != n {
		return fmt.Errorf("audit: %d codes came back, %d were counted", len(all), n)
	}
	slices.Sort(all)
	if unique := len(slices.Compact(all)); unique != len(all) {
		return errors.New("audit: a code was drawn twice")
	}
	return nil
}
