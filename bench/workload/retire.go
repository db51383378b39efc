package workload

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"codepool/bench/peer"
	"codepool/store"
)

// Retire retires a batch of N codes, half of them redeemed, while callers redeem codes of
// another batch of that size, one by one.
type Retire struct {
	N, Callers int
}

// Name returns "retire".
func (Retire) Name() string { return "retire" }

// Run measures codepool: the line's latencies are those of the callers during the call.
func (j Retire) Run(ctx context.Context, e *Env, emit func(Line)) error {
	if !e.has("codepool") {
		return nil
	}
	t := &trial{line: Line{Job: "retire", System: "codepool", N: int64(2 * j.N), Callers: j.Callers, Batch: 1}}
	t.run = func(ctx context.Context) (Sample, error) { return j.retire(ctx, e) }
	if err := e.rounds(ctx, e.Rounds, []*trial{t}); err != nil {
		return err
	}
	emit(t.line)
	return nil
}

func (j Retire) retire(ctx context.Context, e *Env) (sample Sample, err error) {
	dir, remove, err := e.tempDir("retire")
	if err != nil {
		return sample, err
	}
	defer remove()
	sys, err := peer.OpenCodepool(dir)
	if err != nil {
		return sample, err
	}
	defer func() { _ = sys.Close() }()
	pool := sys.(*peer.Codepool)
	var old store.BatchID
	var codes texts
	for range 2 {
		old, codes = pool.LastBatch(), texts{}
		if err := pool.Mint(ctx, j.N); err != nil {
			return sample, err
		}
		if err := pool.HandOut(ctx, j.N, func(code string) { err = codes.add(code) }); err != nil {
			return sample, err
		}
		if old == 0 {
			if err := j.redeemHalf(ctx, pool, &codes); err != nil {
				return sample, err
			}
		}
	}
	codes.shuffle(1)
	if err := pool.RevokeBatch(ctx, old, store.BatchChange{}); err != nil {
		return sample, err
	}
	runtime.GC()
	before := pool.Stats()
	// The callers run for a while before and behind the call; what counts is in between.
	const around = 200 * time.Millisecond
	var during atomic.Bool
	var stop atomic.Bool
	var wg sync.WaitGroup
	var took time.Duration
	var retired error
	wg.Go(func() {
		time.Sleep(around)
		during.Store(true)
		began := time.Now()
		retired = pool.Retire(ctx, old, store.BatchChange{})
		took = time.Since(began)
		during.Store(false)
		time.Sleep(around)
		stop.Store(true)
	})
	lat := make(latencies, codes.len())
	l := load{callers: j.Callers, calls: codes.len(), budget: time.Minute, call: func(ctx context.Context, _, i int) (int, error) {
		if stop.Load() {
			return 0, nil
		}
		counts, began := during.Load(), time.Now()
		err := pool.RedeemOne(ctx, codes.at(i), "user")
		if counts || during.Load() {
			lat.put(i, time.Since(began))
		}
		return 1, err
	}}
	sample, _, err = l.run(ctx)
	wg.Wait()
	if err == nil {
		err = retired
	}
	lat.percentiles(&sample)
	sample.Elapsed, sample.Ops = took, int64(j.N)
	sample.Extra = map[string]float64{"freed_bytes_per_code": float64(before.PoolBytes-pool.Stats().PoolBytes) / float64(j.N)}
	return sample, err
}

func (j Retire) redeemHalf(ctx context.Context, pool *peer.Codepool, codes *texts) error {
	var rs []store.Redemption
	for i := range codes.len() / 2 {
		rs = append(rs, store.Redemption{Code: codes.at(i), User: "user"})
		if len(rs) == 10_000 || i == codes.len()/2-1 {
			if err := pool.RedeemMany(ctx, rs); err != nil {
				return err
			}
			rs = rs[:0]
		}
	}
	return nil
}
