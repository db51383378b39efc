package linear

import (
	"context"
	"fmt"

	"codepool/gen"
	"codepool/store"
)

// shareToken is the token of the shared batch of a round.
const shareToken = "SHARES"

// openShares creates the shared batch, if the round has one.
func (w *world) openShares(ctx context.Context) {
	t := w.set.shares
	w.h.shareTerms = t
	if t.shares == 0 {
		return
	}
	d := store.Universal(shareToken, int64(t.shares))
	if t.split {
		d = store.RedPacket("sender", "CNY", gen.Split{Total: shareWorth * int64(t.shares), Count: t.shares, Policy: gen.Even})
		d.Token, d.For, d.Keep = shareToken, 0, 0
	}
	d.PerUser = t.perUser
	info, err := w.s.Share(ctx, d)
	w.must(err)
	w.h.shared = info.ID
}

// share makes a call about the shared batch.
func (c *client) share(ctx context.Context, v verb) {
	c.asked++
	once := fmt.Sprintf("s%d.%d", c.n, c.asked)
	switch v {
	case claim:
		c.claim(ctx, pick(c.rng, "ann", "bob", "cat"), once)
	case unclaim:
		c.unclaim(ctx, once)
	case endShared:
		c.endShared(ctx, once)
	default:
		c.lookShared(ctx)
	}
}

func (c *client) claim(ctx context.Context, user, once string) {
	q := store.Claim{Token: c.spell(shareToken), User: user, Key: once}
	ways := []struct {
		name string
		call func() (store.Receipt, error)
	}{
		{"Claim", func() (store.Receipt, error) { return c.s.Claim(ctx, q) }},
		{"ClaimAll", func() (store.Receipt, error) {
			r := c.s.ClaimAll(ctx, []store.Claim{q})[0]
			return r.Receipt, r.Err
		}},
		{"Redeem of a token", func() (store.Receipt, error) {
			return c.s.Redeem(ctx, store.Redemption{Code: q.Token, User: user, Key: once})
		}},
	}
	way := pick(c.rng, ways...)
	o := c.begin(op{verb: claim, way: way.name, by: user, once: once})
	r, err := way.call()
	if c.ended(o, err); err != nil {
		if r != (store.Receipt{}) {
			c.w.problem("a refusal comes with receipt %+v: %s", r, o)
		}
		return
	}
	o.number, o.at = r.Number, reading(r.At)
	worth := int64(0)
	if c.w.set.shares.split {
		worth = shareWorth
	}
	if r.Code != shareToken || r.User != user || r.Key != once || r.Number == 0 || r.Share == nil || r.Share.ID != c.w.h.shared || r.Share.Amount != worth {
		c.w.problem("the receipt is for another claim, %+v: %s", r, o)
		return
	}
	o.n = r.Share.Part
	c.w.remember(claim, r.Number)
}

func (c *client) unclaim(ctx context.Context, once string) {
	o := c.begin(op{verb: unclaim, lease: c.anyLease(claim), once: once})
	a, err := c.s.UndoClaim(ctx, store.ClaimChange{Number: o.lease, Key: once})
	if c.ended(o, err); err != nil {
		return
	}
	if o.number = a.Number; a.Code != shareToken || a.Key != once || a.Number == 0 {
		c.w.problem("the answer is for another request, %+v: %s", a, o)
	}
}

func (c *client) endShared(ctx context.Context, once string) {
	o := c.begin(op{verb: endShared, once: once})
	e, err := c.s.EndShared(ctx, store.SharedChange{SharedRef: store.SharedRef{Token: c.spell(shareToken)}, Key: once})
	if c.ended(o, err); err != nil {
		return
	}
	o.number, o.n = e.Number, int(e.Shares)
	if e.ID != c.w.h.shared || e.Number == 0 || c.w.set.shares.split && e.Amount != shareWorth*e.Shares {
		c.w.problem("the end is of another shared batch, %+v: %s", e, o)
	}
}

func (c *client) lookShared(ctx context.Context) {
	o := c.begin(op{verb: lookShared})
	info, err := c.s.LookupShared(ctx, store.SharedRef{Token: c.spell(shareToken)}, "")
	if c.ended(o, err); err != nil {
		return
	}
	o.shown = store.SharedInfo{
		Claimed: info.Claimed, Left: info.Left, Refunded: info.Refunded, State: info.State,
		ClaimedAmount: info.ClaimedAmount, RefundedAmount: info.RefundedAmount,
	}
	if info.ID != c.w.h.shared || info.Token != shareToken || info.Count != int64(c.w.set.shares.shares) {
		c.w.problem("the answer is about another shared batch, %+v: %s", info, o)
	}
}
