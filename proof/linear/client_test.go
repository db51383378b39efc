package linear

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"

	"codepool/store"
)

// client makes one call after the other and notes them.
type client struct {
	w     *world
	n     int
	rng   *rand.Rand
	s     *store.Store
	epoch int
	ops   []*op
	asked int

	ending bool // the context of the last call ends
}

func (w *world) newClient(n int) *client {
	return &client{w: w, n: n, rng: rand.New(rand.NewPCG(w.rng.Uint64(), w.rng.Uint64()))}
}

// work makes the client's calls of one epoch.
func (c *client) work(e *epoch) {
	<-e.start
	for range c.w.set.calls {
		if e.stop.Load() {
			return
		}
		e.begun.Add(1)
		if c.rng.IntN(clockEvery) == 0 {
			c.w.clock.now.Add(1)
		}
		c.call()
		if e.turn(c) {
			e.restart()
			return
		}
	}
}

// What the last call of a client was. A crash right behind an answer that should have
// waited for the disk and has not shows it.

func anything(*client) bool     { return true }
func (c *client) gaveUp() bool  { return c.ending }
func (c *client) refused() bool { return refusal(c.ops[len(c.ops)-1].err) }

// call makes one call.
func (c *client) call() {
	ctx, end := c.context()
	defer end()
	code := pick(c.rng, c.w.h.codes...)
	switch v := c.w.set.verb(c.rng); v {
	case issue:
		by, key := c.whose(v, "")
		c.issue(ctx, 1+c.rng.IntN(min(3, c.w.set.codes)), by, key)
	case redeem:
		switch c.rng.IntN(3) {
		case 0:
			by, key := c.whose(v, code)
			c.redeem(ctx, code, by, key)
		case 1:
			c.redeemAll(ctx, 1+c.rng.IntN(3))
		default:
			c.redeemFunc(ctx, 1+c.rng.IntN(2))
		}
	case lease, take, export:
		c.drawOtherwise(ctx, v)
	case reserve:
		by, _ := c.whose(v, code)
		c.reserve(ctx, code, by)
	case acknowledge, giveBack, confirm, cancel:
		c.end(ctx, v)
	case pause, resume, revokeBatch, retire:
		c.change(ctx, v)
	case release, undo, revoke:
		by, key := c.whose(v, code)
		c.reverse(ctx, v, code, by, key)
	case claim, unclaim, endShared, lookShared:
		c.share(ctx, v)
	case check:
		c.check(ctx, code)
	default:
		c.lookup(ctx, code)
	}
}

// whose draws who asks, and the key of the request: none, one of the code's own, or one
// that is used for any code. Without a key nobody else asks in the same name, so that the
// ledger tells whose redemption it holds. All verbs have the same keys, which are sets of
// their own.
func (c *client) whose(v verb, code string) (by, key string) {
	c.asked++
	if c.rng.IntN(2) == 0 {
		own := fmt.Sprintf("c%d.%d", c.n, c.asked)
		switch t := c.w.set.window; { // some want a user, and a key
		case v == redeem && (t.perUser > 0 || t.reusable):
			return pick(c.rng, "ann", "bob"), own
		case (v == reserve || v == check) && t.perUser > 0:
			return pick(c.rng, "ann", "bob"), ""
		}
		return own, ""
	}
	by = pick(c.rng, "ann", "ann", "bob")
	if v == reserve && c.w.set.window.perUser > 0 {
		return by, ""
	}
	if v.draws() { // a reference belongs to one key
		key = fmt.Sprint("k", c.rng.IntN(3))
		return by + " " + key, key
	}
	if c.rng.IntN(3) == 0 {
		return by, fmt.Sprint("k", c.rng.IntN(2))
	}
	return by, fmt.Sprint("k", c.rng.IntN(2), " ", code)
}

// context returns the context of a call, which in some calls ends at any moment: before
// it, in the middle, where the clock is read, or after some time of others.
func (c *client) context() (context.Context, func()) {
	c.ending = c.rng.IntN(100) < c.w.set.giveUp
	if !c.ending {
		if c.rng.IntN(2) == 0 {
			return c.w.t.Context(), func() {}
		}
		return context.Background(), func() {}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := pick(c.rng, errGaveUp, nil)
	end := func() { cancel(cause) }
	switch c.rng.IntN(8) {
	case 0:
		end()
	case 1, 2, 3:
		c.w.clock.victim.Store(&end)
	default:
		yields, done := c.rng.IntN(30), make(chan struct{})
		go func() {
			defer close(done)
			for range yields {
				runtime.Gosched()
			}
			end()
		}()
		return ctx, func() { <-done }
	}
	return ctx, end
}

// begin notes that a call begins.
func (c *client) begin(o op) *op {
	o.client, o.epoch, o.from, o.call = c.n, c.epoch, c.w.clock.now.Load(), c.w.tick()
	c.ops = append(c.ops, &o)
	return &o
}

// ended notes that it ended.
func (c *client) ended(o *op, err error) {
	o.ret, o.to, o.err = c.w.tick(), c.w.clock.now.Load(), plain(err)
}

// spell writes a code as somebody may type it.
func (c *client) spell(code string) string {
	switch c.rng.IntN(4) {
	case 0:
		return strings.ToLower(code)
	case 1:
		return code[:4] + "-" + code[4:]
	}
	return code
}

func (c *client) issue(ctx context.Context, n int, ref, key string) *op {
	o := c.begin(op{verb: issue, n: n, by: ref, key: key})
	codes, err := c.s.Issue(ctx, c.w.h.batch, n, store.To(ref).Once(key))
	c.ended(o, err)
	for _, code := range codes {
		o.codes = append(o.codes, strings.ReplaceAll(code, "-", ""))
	}
	return o
}

func (c *client) redemption(o *op) store.Redemption {
	return store.Redemption{Code: c.spell(o.code), User: o.by, Key: o.key}
}

// redeemed notes the answer to a redemption.
func (c *client) redeemed(o *op, r store.Receipt, err error) {
	c.ended(o, err)
	if err != nil {
		if r != (store.Receipt{}) {
			c.w.problem("a refusal comes with receipt %+v: %s", r, o)
		}
		return
	}
	o.number, o.at, o.said = r.Number, reading(r.At), sayReceipt(r)
	if r.Code != o.code || r.Batch != c.w.h.batch || r.User != o.by || r.Key != o.key || r.Reward != reward || r.Number == 0 {
		c.w.problem("the receipt is for another request, %+v: %s", r, o)
	}
}

func (c *client) redeem(ctx context.Context, code, by, key string) {
	r := store.Redemption{Code: c.spell(code), User: by, Key: key}
	o := c.begin(op{verb: redeem, way: "Redeem", code: code, by: by, key: key})
	rec, err := c.s.Redeem(ctx, r)
	c.redeemed(o, rec, err)
}

func (c *client) redeemAll(ctx context.Context, n int) {
	rs := make([]store.Redemption, n)
	ops := make([]*op, n)
	call := int(c.w.calls.Add(1))
	for i := range rs {
		code := pick(c.rng, c.w.h.codes...)
		by, key := c.whose(redeem, code)
		ops[i] = c.begin(op{verb: redeem, way: "RedeemAll", code: code, by: by, key: key, all: call})
		rs[i] = c.redemption(ops[i])
	}
	for i, r := range c.s.RedeemAll(ctx, rs) {
		c.redeemed(ops[i], r.Receipt, r.Err)
	}
}

func (c *client) redeemFunc(ctx context.Context, n int) {
	var wg sync.WaitGroup
	wg.Add(n)
	for range n {
		code := pick(c.rng, c.w.h.codes...)
		by, key := c.whose(redeem, code)
		o := c.begin(op{verb: redeem, way: "RedeemFunc", code: code, by: by, key: key})
		c.s.RedeemFunc(ctx, c.redemption(o), func(r store.Receipt, err error) {
			c.redeemed(o, r, err)
			wg.Done()
		})
	}
	wg.Wait()
}

func (c *client) reverse(ctx context.Context, v verb, code, by, key string) {
	r := store.Change{Code: c.spell(code), By: by, Key: key}
	o := c.begin(op{verb: v, code: code, by: by, key: key})
	do := map[verb]func(context.Context, store.Change) (store.Changed, error){release: c.s.Release, undo: c.s.Undo, revoke: c.s.Revoke}[v]
	a, err := do(ctx, r)
	c.ended(o, err)
	if err != nil {
		if a != (store.Changed{}) {
			c.w.problem("a refusal comes with answer %+v: %s", a, o)
		}
		return
	}
	o.number, o.said = a.Number, sayReversed(v, a)
	if a.Code != code || a.Batch != c.w.h.batch || a.By != by || a.Key != key || a.Number == 0 {
		c.w.problem("the answer is for another request, %+v: %s", a, o)
	}
}

// change changes the batch.
func (c *client) change(ctx context.Context, v verb) {
	do := map[verb]func(context.Context, store.BatchID, store.BatchChange) error{pause: c.s.Pause, resume: c.s.Resume, revokeBatch: c.s.RevokeBatch, retire: c.s.Retire}[v]
	o := c.begin(op{verb: v})
	c.ended(o, do(ctx, c.w.h.batch, store.BatchChange{By: fmt.Sprint("c", c.n)}))
}

func (c *client) check(ctx context.Context, code string) {
	by, _ := c.whose(check, code)
	o := c.begin(op{verb: check, code: code, by: by})
	r := c.redemption(o)
	r.Key = "unused" // a reusable batch wants one, and Check does not look for it
	c.ended(o, c.s.Check(ctx, r))
}

func (c *client) lookup(ctx context.Context, code string) {
	text := c.spell(code)
	o := c.begin(op{verb: lookup, code: code})
	info, err := c.s.Lookup(ctx, "", text)
	c.ended(o, err)
	if o.err != nil {
		return
	}
	o.state, o.ref = info.State, info.Ref
	if info.Code != code || info.BatchID != c.w.h.batch {
		c.w.problem("the answer is about another code, %+v: %s", info, o)
	}
	if r := info.Receipt; r != nil {
		o.number, o.said = r.Number, sayReceipt(*r)
	}
}
