package workload

import (
	"context"

	"codepool/bench/peer"
)

// Limit redeems codes of a batch that lets each user redeem one, each by another user,
// beside the same without the limit.
type Limit struct {
	N     int
	Loads []RedeemLoad
}

// DefaultLimitLoads are the configurations of the project's targets.
func DefaultLimitLoads() []RedeemLoad {
	return []RedeemLoad{{Mode: Batched, Callers: 4, Batch: 1000}, {Mode: Blocked, Callers: 1024}}
}

// Name returns "limit".
func (Limit) Name() string { return "limit" }

// Run measures codepool.
func (j Limit) Run(ctx context.Context, e *Env, emit func(Line)) error {
	for i, l := range j.Loads {
		err := e.part(i, len(j.Loads)).besidePlain(ctx, peer.Limited(), "per-user", emit, func(k peer.Kind) *trial {
			s := e.newStock(k, j.N, j.N)
			t := s.trial("limit", l, e.Budget)
			run := t.run
			t.run = func(ctx context.Context) (Sample, error) {
				if s.sys != nil && s.used > 0 { // a user that has redeemed cannot again
					if err := s.close(ctx); err != nil {
						return Sample{}, err
					}
				}
				return run(ctx)
			}
			return t
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Lease draws codes for an hour, beside draws for good.
type Lease struct {
	N     int
	Loads []IssueLoad
}

// Name returns "lease".
func (Lease) Name() string { return "lease" }

// Run measures codepool.
func (j Lease) Run(ctx context.Context, e *Env, emit func(Line)) error {
	for i, l := range j.Loads {
		err := e.part(i, len(j.Loads)).besidePlain(ctx, peer.Leasing(), "lease", emit, func(k peer.Kind) *trial {
			return l.trial("lease", e.newStock(k, j.N, 0))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// besidePlain measures codepool as it is and with a rule, and gives the latter its ratio.
func (e *Env) besidePlain(ctx context.Context, with peer.Kind, note string, emit func(Line), make func(peer.Kind) *trial) error {
	var trials []*trial
	for _, k := range e.Kinds {
		if k.Name == with.Name {
			trials = []*trial{make(k), make(with)}
		}
	}
	if trials == nil {
		return nil
	}
	trials[0].line.Note, trials[1].line.Note = "plain", note
	if err := e.rounds(ctx, e.Rounds, trials); err != nil {
		return err
	}
	trials[1].line.set("ratio_plain", ratio(trials[1].samples, trials[0].samples, Sample.Rate))
	emitAll(trials, emit)
	return nil
}
