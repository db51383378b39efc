package workload

import (
	"context"
	"fmt"
	"time"

	"codepool/bench/peer"
)

// Signed redeems signed codes beside stored ones, in batch calls, and mints Mint of them.
type Signed struct {
	N, Mint int
	Load    RedeemLoad
}

// Name returns "signed".
func (Signed) Name() string { return "signed" }

// Run measures codepool.
func (j Signed) Run(ctx context.Context, e *Env, emit func(Line)) error {
	err := e.besidePlain(ctx, peer.Signed(), "signed", emit, func(k peer.Kind) *trial {
		return e.newStock(k, j.N, j.N).trial("signed", j.Load, e.Budget)
	})
	if err != nil || !e.has("codepool") {
		return err
	}
	t := &trial{line: Line{Job: "signed", System: "codepool", N: int64(j.Mint), Callers: 1, Batch: j.Mint, Note: "mint"}}
	t.run = func(ctx context.Context) (Sample, error) { return j.mint(ctx, e) }
	if err := e.rounds(ctx, e.Rounds, []*trial{t}); err != nil {
		return err
	}
	emit(t.line)
	return nil
}

// mint mints, and draws and redeems codes from all over the batch, so that the memory is
// that of a batch in use.
func (j Signed) mint(ctx context.Context, e *Env) (sample Sample, err error) {
	dir, remove, err := e.tempDir("signed")
	if err != nil {
		return sample, err
	}
	defer remove()
	sys, err := peer.Signed().Open(dir)
	if err != nil {
		return sample, err
	}
	defer func() { _ = sys.Close() }()
	pool := sys.(*peer.Codepool)
	before := pool.Stats().PoolBytes
	began := time.Now()
	if err := pool.Mint(ctx, j.Mint); err != nil {
		return sample, err
	}
	sample = Sample{Ops: int64(j.Mint), Elapsed: time.Since(began)}
	used := min(100_000, j.Mint)
	drawn, redeemed := 0, 0
	err = pool.HandOut(ctx, used, func(code string) {
		if drawn++; drawn%10 == 0 && pool.RedeemOne(ctx, code, "user") == nil {
			redeemed++
		}
	})
	if got := pool.Stats(); err == nil && (got.Codes.Minted != int64(j.Mint) || got.Codes.Redeemed != int64(redeemed) || got.Codes.Issued != int64(drawn-redeemed)) {
		err = fmt.Errorf("audit: %+v, %d were drawn and %d of them redeemed", got.Codes, drawn, redeemed)
	}
	sample.Extra = map[string]float64{"pool_mib": float64(pool.Stats().PoolBytes-before) / (1 << 20)}
	return sample, err
}
