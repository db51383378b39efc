package linear

import (
	"context"
	"fmt"
	"strings"
	"time"

	"codepool/store"
)

// drawOtherwise draws for a time, with the redemption, or as a list.
func (c *client) drawOtherwise(ctx context.Context, v verb) {
	by, key := c.whose(v, "")
	n := 1 + c.rng.IntN(min(3, c.w.set.codes))
	switch v {
	case lease:
		c.lease(ctx, n, by, key)
	case take:
		c.take(ctx, n)
	case export:
		if key == "" {
			key = by
		}
		c.export(ctx, n, by, key)
	}
}

func canonical(codes []string) (out []string) {
	for _, code := range codes {
		out = append(out, strings.ReplaceAll(code, "-", ""))
	}
	return out
}

func (c *client) ttl() time.Duration { return time.Duration(c.w.set.ttl) * time.Second }

func (c *client) lease(ctx context.Context, n int, ref, key string) {
	o := c.begin(op{verb: lease, n: n, by: ref, key: key})
	l, err := c.s.Lease(ctx, c.w.h.batch, n, c.ttl(), store.To(ref).Once(key))
	c.ended(o, err)
	if err != nil {
		return
	}
	o.number, o.at, o.until, o.codes = l.Number, reading(l.At), reading(l.Until), canonical(l.Codes)
	if l.Batch != c.w.h.batch || l.Ref != ref || l.Key != key || l.Number == 0 || o.until != o.at+c.w.set.ttl {
		c.w.problem("the lease is for another request, %+v: %s", l, o)
	}
	c.w.remember(lease, l.Number)
}

func (c *client) export(ctx context.Context, n int, ref, id string) {
	o := c.begin(op{verb: export, n: n, by: ref, key: id})
	codes, err := c.s.Export(ctx, c.w.h.batch, store.Export{ID: id, Account: account, Ref: ref, Count: n})
	c.ended(o, err)
	o.codes = canonical(codes)
}

// take has a reference of its own, by which the ledger tells whether it happened.
func (c *client) take(ctx context.Context, n int) {
	ref, user := fmt.Sprintf("take %d.%d", c.n, c.asked), "ann"
	if c.rng.IntN(2) == 0 {
		user = "bob"
	}
	o := c.begin(op{verb: take, n: n, by: ref, user: user})
	recs, err := c.s.Take(ctx, c.w.h.batch, n, user, store.To(ref))
	c.ended(o, err)
	for i, r := range recs {
		o.number, o.at, o.codes = recs[0].Number-1, reading(r.At), append(o.codes, r.Code)
		if r.Number != recs[0].Number+uint64(i) || r.Batch != c.w.h.batch || r.User != user || r.Key != "" || r.Reward != reward {
			c.w.problem("the receipt is for another request, %+v: %s", r, o)
		}
	}
}

// reserve has a key of its own: a code that is reusable wants one.
func (c *client) reserve(ctx context.Context, code, by string) {
	once := fmt.Sprintf("r%d.%d", c.n, c.asked)
	r := store.Redemption{Code: c.spell(code), User: by, Key: once}
	o := c.begin(op{verb: reserve, code: code, by: by, once: once})
	h, err := c.s.Reserve(ctx, r, c.ttl())
	c.ended(o, err)
	if err != nil {
		return
	}
	o.number, o.at, o.until = h.Number, reading(h.At), reading(h.Until)
	if h.Code != code || h.Batch != c.w.h.batch || h.User != by || h.Key != once || h.Reward != reward || h.Number == 0 || o.until != o.at+c.w.set.ttl {
		c.w.problem("the reservation is for another request, %+v: %s", h, o)
	}
	c.w.remember(reserve, h.Number)
}

// remember makes a lease or reservation known to all who may end it.
func (w *world) remember(v verb, number uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.leases == nil {
		w.leases = map[verb][]uint64{}
	}
	w.leases[v] = append(w.leases[v], number)
}

// anyLease is one of the last leases or reservations, 0 if there is none.
func (c *client) anyLease(v verb) uint64 {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	all := c.w.leases[v]
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1-c.rng.IntN(min(3, len(all)))]
}

// end ends a lease or reservation.
func (c *client) end(ctx context.Context, v verb) {
	of := lease
	if v == confirm || v == cancel {
		of = reserve
	}
	c.asked++
	o := op{verb: v, lease: c.anyLease(of)}
	if o.lease == 0 && c.rng.IntN(4) > 0 { // there must be some first
		if by, key := c.whose(of, ""); of == lease {
			c.lease(ctx, 1, by, key)
		} else {
			c.reserve(ctx, pick(c.rng, c.w.h.codes...), by)
		}
		return
	}
	if v == confirm {
		p := c.begin(o)
		rec, err := c.s.Confirm(ctx, store.LeaseEnd{Number: p.lease})
		if c.ended(p, err); err == nil {
			p.code, p.number, p.at, p.said = rec.Code, rec.Number, reading(rec.At), sayReceipt(rec)
		}
		return
	}
	o.by = fmt.Sprintf("c%d.%d", c.n, c.asked)
	p := c.begin(o)
	call := map[verb]func(context.Context, store.LeaseEnd) (store.Ended, error){acknowledge: c.s.Acknowledge, giveBack: c.s.GiveBack, cancel: c.s.Cancel}[v]
	e, err := call(ctx, store.LeaseEnd{Number: p.lease, By: p.by})
	if c.ended(p, err); err != nil {
		return
	}
	p.number, p.at = e.Number, reading(e.At)
	if e.Lease != p.lease || e.By != p.by || e.Key != "" {
		c.w.problem("the end is of another lease, %+v: %s", e, p)
	}
}
