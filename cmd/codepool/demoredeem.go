package main

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"codepool/store"
)

// Which shares of the codes the steps redeem; the rest stays with the players.
const (
	onesEnd      = 0.15
	thousandsEnd = 0.60
	fireEnd      = 0.75
	callbacksEnd = 0.95
)

const (
	blockedCallers = 512  // goroutines that each wait for their answer
	batchCallers   = 4    // goroutines that redeem by the batch
	batchSize      = 1000 // codes in a batch
	inFlight       = 8192 // redemptions whose callback is awaited
)

// attempts is what a step is to do: to try the codes from lo to hi on both sides.
type attempts struct {
	lo, hi int
	done   atomic.Int64
	next   [sides]atomic.Int64 // code to be tried next, of each side, from lo
}

// claim returns the next n codes of a side, fewer at the end.
func (t *attempts) claim(side, n int) (lo, hi int, ok bool) {
	lo = t.lo + int(t.next[side].Add(int64(n))) - n
	return lo, min(lo+n, t.hi), lo < t.hi
}

// redeemStep runs a step on a share of the codes and sees that each found one taker.
func (d *demo) redeemStep(label string, from, to float64, work func(t *attempts) error) (perSecond float64, err error) {
	t := &attempts{}
	t.lo, t.hi = d.ledger.part(from, to)
	won, refused := d.ledger.won.Load(), d.ledger.refused.Load()
	took, err := d.step(label, int64(sides*(t.hi-t.lo)), t.done.Load, func() (string, error) {
		err := cmp.Or(work(t), d.fatal())
		won, refused = d.ledger.won.Load()-won, d.ledger.refused.Load()-refused
		return fmt.Sprintf("%s redeemed, %s refused", plural(won, "code"), plural(refused, "rival")), err
	})
	if err == nil {
		d.eachHasWinner(t.lo, t.hi)
	}
	return rate(t.done.Load(), took), err
}

// redeemOneByOne has many goroutines, each with one request under way.
func (d *demo) redeemOneByOne(ctx context.Context) (err error) {
	label := fmt.Sprintf("redeem, %d callers", blockedCallers)
	d.r.Rates.RedeemSingle, err = d.redeemStep(label, 0, onesEnd, func(t *attempts) error {
		return crew(ctx, blockedCallers, func(ctx context.Context, g int) error {
			side := g % sides
			for ctx.Err() == nil {
				i, _, ok := t.claim(side, 1)
				if !ok {
					return nil
				}
				r, err := d.s.Redeem(ctx, store.Redemption{Code: d.ledger.codes[i], User: d.ledger.player(i, side)})
				d.take(i, side, r, err)
				t.done.Add(1)
			}
			return ctx.Err()
		})
	})
	return err
}

// redeemByThousands has few goroutines with a thousand requests in each call.
func (d *demo) redeemByThousands(ctx context.Context) (err error) {
	label := fmt.Sprintf("redeem, %d × %d", batchCallers, batchSize)
	d.r.Rates.RedeemBatch, err = d.redeemStep(label, onesEnd, thousandsEnd, func(t *attempts) error {
		return crew(ctx, batchCallers, func(ctx context.Context, g int) error {
			side := g % sides
			for ctx.Err() == nil {
				lo, hi, ok := t.claim(side, batchSize)
				if !ok {
					return nil
				}
				for k, res := range d.s.RedeemAll(ctx, d.requests(lo, hi, side, false)) {
					d.take(lo+k, side, res.Receipt, res.Err)
				}
				t.done.Add(int64(hi - lo))
			}
			return ctx.Err()
		})
	})
	return err
}

// requests returns what one side asks for the codes from lo to hi. With keys the
// same requests can be made again after a crash.
func (d *demo) requests(lo, hi, side int, keys bool) []store.Redemption {
	rs := make([]store.Redemption, 0, hi-lo)
	for i := lo; i < hi; i++ {
		r := store.Redemption{Code: d.ledger.codes[i], User: d.ledger.player(i, side)}
		if keys {
			r.Key = requestKey(i, side)
		}
		rs = append(rs, r)
	}
	return rs
}

func requestKey(i, side int) string { return fmt.Sprintf("%d/%d", i, side) }

// redeemByCallback has one goroutine a side that never waits for an answer.
func (d *demo) redeemByCallback(ctx context.Context) (err error) {
	d.r.Rates.RedeemFunc, err = d.redeemStep("redeem, callbacks", fireEnd, callbacksEnd, func(t *attempts) error {
		slots := make(chan struct{}, inFlight)
		var flying sync.WaitGroup
		err := crew(ctx, sides, func(ctx context.Context, side int) error {
			for i := t.lo; i < t.hi && ctx.Err() == nil; i++ {
				slots <- struct{}{}
				flying.Add(1)
				r := store.Redemption{Code: d.ledger.codes[i], User: d.ledger.player(i, side)}
				d.s.RedeemFunc(ctx, r, func(r store.Receipt, err error) {
					d.take(i, side, r, err)
					t.done.Add(1)
					<-slots
					flying.Done()
				})
			}
			return ctx.Err()
		})
		flying.Wait()
		return err
	})
	return err
}
