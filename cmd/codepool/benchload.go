package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"codepool/gen"
	"codepool/store"
)

// bench is one run of the bench command.
type bench struct {
	a     *app
	dir   string
	s     *store.Store
	count int
	id    store.BatchID
	codes []string // issued, not yet redeemed
}

// timed calls work n times, a call for each part of size batch, from several
// goroutines, and returns how long each call took.
func timed(ctx context.Context, callers, batch, n int, work func(ctx context.Context, lo, hi int) error) ([]time.Duration, error) {
	var next atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	err := crew(ctx, callers, func(ctx context.Context, _ int) error {
		var mine []time.Duration
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		}()
		for ctx.Err() == nil {
			lo := int(next.Add(int64(batch))) - batch
			if lo >= n {
				return nil
			}
			begin := time.Now()
			if err := work(ctx, lo, min(lo+batch, n)); err != nil {
				return err
			}
			mine = append(mine, time.Since(begin))
		}
		return ctx.Err()
	})
	return all, err
}

func (b *bench) mint(ctx context.Context, _ benchJob, n int) ([]time.Duration, error) {
	info, err := b.s.Mint(ctx, store.Batch{Name: "bench", Reward: "coins:100", Count: int64(n)})
	b.id = info.ID
	return nil, err
}

func (b *bench) issue(ctx context.Context, j benchJob, n int) ([]time.Duration, error) {
	b.codes = make([]string, n)
	return timed(ctx, j.callers, j.batch, n, func(ctx context.Context, lo, hi int) error {
		codes, err := b.s.Issue(ctx, b.id, hi-lo, store.To(fmt.Sprintf("order-%d", lo)))
		copy(b.codes[lo:hi], codes)
		return err
	})
}

// take returns n codes that are no other job's.
func (b *bench) take(n int) []string {
	codes := b.codes[:n]
	b.codes = b.codes[n:]
	return codes
}

func (b *bench) redeemOne(ctx context.Context, j benchJob, n int) ([]time.Duration, error) {
	codes := b.take(n)
	return timed(ctx, j.callers, j.batch, n, func(ctx context.Context, lo, _ int) error {
		_, err := b.s.Redeem(ctx, store.Redemption{Code: codes[lo], User: "player42"})
		return err
	})
}

func (b *bench) redeemAll(ctx context.Context, j benchJob, n int) ([]time.Duration, error) {
	requests := make([]store.Redemption, n)
	for i, code := range b.take(n) {
		requests[i] = store.Redemption{Code: code, User: "player42"}
	}
	return timed(ctx, j.callers, j.batch, n, func(ctx context.Context, lo, hi int) error {
		for _, res := range b.s.RedeemAll(ctx, requests[lo:hi]) {
			if res.Err != nil {
				return res.Err
			}
		}
		return nil
	})
}

func (b *bench) reject(ctx context.Context, j benchJob, n int) ([]time.Duration, error) {
	f := gen.DefaultFormat()
	g, err := gen.NewGenerator(f)
	if err != nil {
		return nil, err
	}
	forged := make([]store.Redemption, j.batch)
	for i := range forged {
		canon, err := g.AppendCode(nil)
		if err != nil {
			return nil, err
		}
		forged[i].Code = string(f.AppendPrinted(nil, canon))
	}
	return timed(ctx, j.callers, j.batch, n, func(ctx context.Context, lo, hi int) error {
		for _, res := range b.s.RedeemAll(ctx, forged[:hi-lo]) {
			if !errors.Is(res.Err, store.ErrUnknownCode) {
				return fmt.Errorf("a forged code answered %v", res.Err)
			}
		}
		return nil
	})
}

func (b *bench) reopen(context.Context, benchJob, int) ([]time.Duration, error) {
	err := b.s.Close()
	if b.s = nil; err != nil {
		return nil, err
	}
	begin := time.Now()
	b.s, err = store.Open(b.dir, b.a.options())
	return []time.Duration{time.Since(begin)}, err
}
