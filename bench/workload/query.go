package workload

import (
	"context"
	"fmt"
	"math/rand/v2"

	"codepool/bench/peer"
	"codepool/store"
)

// Query reads a page of receipts of a user, and of codes drawn for a reference, in a store
// of N redemptions in which each user and each reference has Page of them.
type Query struct {
	N, Page int
	Calls   int // a round
}

// Name returns "query".
func (Query) Name() string { return "query" }

// Run measures codepool.
func (j Query) Run(ctx context.Context, e *Env, emit func(Line)) error {
	if !e.has("codepool") {
		return nil
	}
	dir, remove, err := e.tempDir("query")
	if err != nil {
		return err
	}
	defer remove()
	e.logf("query: redeeming %d codes", j.N)
	sys, err := peer.OpenCodepool(dir)
	if err != nil {
		return err
	}
	defer func() { _ = sys.Close() }()
	pool := sys.(*peer.Codepool)
	if err := j.fill(ctx, pool); err != nil {
		return err
	}
	owners := j.N / j.Page
	var trials []*trial
	for _, q := range []struct {
		note string
		call func(ctx context.Context, owner int) (int, error)
	}{
		{"by user", func(ctx context.Context, owner int) (n int, err error) {
			for _, err = range pool.ReceiptsOf(ctx, owned("user", owner), 0) {
				if n++; err != nil || n == j.Page {
					break
				}
			}
			return n, err
		}},
		{"by reference", func(ctx context.Context, owner int) (n int, err error) {
			for _, err = range pool.DrawnFor(ctx, owned("order", owner), 0) {
				if n++; err != nil || n == j.Page {
					break
				}
			}
			return n, err
		}},
	} {
		t := &trial{line: Line{Job: "query", System: "codepool", N: int64(j.N), Callers: 1, Batch: j.Page, Note: q.note}}
		t.run = func(ctx context.Context) (Sample, error) {
			rng := rand.New(rand.NewPCG(uint64(len(t.samples)), 1))
			s, _, err := load{callers: 1, calls: j.Calls, budget: e.Budget, call: func(ctx context.Context, _, _ int) (int, error) {
				n, err := q.call(ctx, rng.IntN(owners))
				if err == nil && n != j.Page {
					err = fmt.Errorf("audit: %d rows, want %d", n, j.Page)
				}
				return n, err
			}}.run(ctx)
			return s, err
		}
		trials = append(trials, t)
	}
	if err := e.rounds(ctx, e.Rounds, trials); err != nil {
		return err
	}
	emitAll(trials, emit)
	return nil
}

// owned is the name of a user or a reference.
func owned(kind string, i int) string { return fmt.Sprintf("%s-%07d", kind, i) }

// fill draws Page codes for each reference and redeems them, each for another user: a
// user's receipts are spread over the whole ledger, as in life.
func (j Query) fill(ctx context.Context, pool *peer.Codepool) error {
	if err := pool.Mint(ctx, j.N); err != nil {
		return err
	}
	owners := j.N / j.Page
	var rs []store.Redemption
	redeem := func() error {
		err := pool.RedeemMany(ctx, rs)
		rs = rs[:0]
		return err
	}
	for o := range owners {
		codes, err := pool.Issue(ctx, pool.LastBatch(), j.Page, store.To(owned("order", o)))
		if err != nil {
			return err
		}
		for i, code := range codes {
			rs = append(rs, store.Redemption{Code: code, User: owned("user", (o*j.Page+i)%owners)})
		}
		if len(rs) >= 10_000 {
			if err := redeem(); err != nil {
				return err
			}
		}
	}
	if err := redeem(); err != nil {
		return err
	}
	return pool.Checkpoint(ctx)
}
