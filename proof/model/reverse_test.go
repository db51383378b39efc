package model

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// one and all are the calls of a kind.
func (m *model) one(k kind) func(context.Context, store.Change) (store.Changed, error) {
	return [...]func(context.Context, store.Change) (store.Changed, error){m.s.Release, m.s.Undo, m.s.Revoke}[k]
}

func (m *model) all(k kind) func(context.Context, []store.Change) []store.ChangeResult {
	return [...]func(context.Context, []store.Change) []store.ChangeResult{m.s.ReleaseAll, m.s.UndoAll, m.s.RevokeAll}[k]
}

// reverse releases a code, undoes its redemption or revokes it.
func (m *model) reverse() {
	r := rapid.Custom(m.anyReversal).Draw(m.t, "reversal")
	m.begin(r.at)
	var got store.ChangeResult
	got.Changed, got.Err = m.one(r.kind)(m.ctx(), r.change())
	m.did(r, "%d, %s", got.Changed.Number, outcome(got.Err))
	m.holdReversals([]reversal{r}, []store.ChangeResult{got})
}

// badText is a text that the ledger cannot hold.
const badText = "a\nb"

// reversals are many of one kind at once.
type reversals struct {
	kind kind
	rs   []reversal
	at   moment
}

func (o reversals) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v of %d codes%v", o.kind, len(o.rs), o.at)
	for i, r := range o.rs {
		fmt.Fprintf(&b, "\n        [%d] %#v", i, r)
	}
	return b.String()
}

func (m *model) anyReversals(t *rapid.T) reversals {
	o := reversals{kind: oneOf(t, release, undo, release, undo, revoke), at: m.anyMoment(t, nil)}
	for range upTo(t, 12) {
		r := m.anyReversalOf(t, o.kind)
		if oneIn(t, 12) {
			r.reason = badText
		}
		o.rs = append(o.rs, r)
	}
	return o
}

// reverseAll is reverse of many.
func (m *model) reverseAll() {
	o := rapid.Custom(m.anyReversals).Draw(m.t, "reversals")
	cs := make([]store.Change, len(o.rs))
	for i, r := range o.rs {
		cs[i] = r.change()
	}
	m.begin(m.calm(o.at, len(o.rs)))
	got := m.all(o.kind)(m.ctx(), cs)
	var came strings.Builder
	for i, g := range got {
		fmt.Fprintf(&came, "\n        [%d] %d, %s", i, g.Changed.Number, outcome(g.Err))
	}
	m.did(o, "%s", came.String())
	m.holdReversals(o.rs, got)
}

// holdReversals holds the answers to requests that were decided one after the other. Each
// looks once at the clock, if at all.
func (m *model) holdReversals(rs []reversal, got []store.ChangeResult) {
	if len(got) != len(rs) {
		m.failf("%d answers to %d requests", len(got), len(rs))
	}
	m.atMost(len(rs))
	read := slices.Clone(m.clk.taken())
	for i, r := range rs {
		c, known, want := m.foretellReversal(r)
		if c != nil {
			m.touch(c)
		}
		m.wantErr(fmt.Sprintf("%v of %v, request %d", r.kind, c, i), got[i].Err, want)
		switch rec := got[i].Changed; {
		case want != nil:
			if rec != (store.Changed{}) {
				m.failf("a refusal of %v comes with %+v", c, rec)
			}
		case known != nil:
			if rec != known.rec {
				m.failf("the %v with key %.20q got %+v, the first time %+v", r.kind, r.key, rec, known.rec)
			}
		default:
			at := slices.IndexFunc(read, func(t time.Time) bool { return stamp(t).Equal(rec.At) })
			if at < 0 {
				m.failf("the %v of %v was at %v, which the clock did not show, or for an earlier one", r.kind, c, rec.At)
			}
			read = read[at+1:]
			m.stepped(c, r.kind, rec, store.Changed{By: r.by, Reason: r.reason, Key: r.key, At: rec.At})
			m.reversed[r.kind].put(r.key, reverseKey{c, r.by, rec})
		}
	}
}

// foretellReversal returns what a request must get: the error, or the answer to an earlier
// one with its key, or neither: then it changes c.
func (m *model) foretellReversal(r reversal) (c *code, known *reverseKey, err error) {
	c = m.find(r.space, r.text)
	switch {
	case r.reason == badText:
		return c, nil, store.ErrInvalid
	case c == nil:
		return nil, nil, m.whyNone(r.space, r.text)
	}
	if old, used := m.reversed[r.kind].get(r.key); used {
		if !m.means(r.space, r.text, old.c) || old.by != r.by {
			return c, nil, store.ErrKeyConflict
		}
		return c, &old, nil
	}
	return c, nil, reversible(c, r.kind)
}

// stepped makes a step happen in the model; want is what the answer must say besides.
func (m *model) stepped(c *code, k kind, rec, want store.Changed) {
	e := store.Entry{Verb: k.String(), By: want.By, Key: want.Key, Reason: want.Reason}
	if k == release && c.b.Quarantine > 0 {
		e.Verb, e.Until = "rest", want.At.Add(c.b.Quarantine)
	}
	want.Number, want.Code, want.Batch = m.record(want.At, ofCodes(e, []*code{c})), c.canon, c.b.ID
	if rec != want {
		m.failf("%v of %v got %+v, want %+v", k, c, rec, want)
	}
	if k == undo {
		m.uses(c.b, c.receipt.User, -1)
	}
	m.leave(c)
	switch {
	case k == release && e.Verb == "rest":
		m.move(c, shard.Leased)
		c.draw, c.undone = 0, nil
		m.begun(&lease{number: want.Number, kind: resting, b: c.b, codes: []*code{c}, from: shard.Available, until: e.Until})
	case k == release:
		m.move(c, shard.Available)
		c.draw, c.undone = 0, nil
	case k == undo && !c.b.revoked:
		m.move(c, shard.Issued)
		c.undone = &rec
	default:
		m.move(c, shard.Revoked)
	}
	c.receipt = store.Receipt{}
}

// reversible is why a step is not for a code in its state.
func reversible(c *code, k kind) error {
	switch {
	case c.b.retired:
		return store.ErrRetired
	case c.state == shard.Revoked:
		return store.ErrRevoked
	case k == undo && c.state != shard.Redeemed:
		return store.ErrNotRedeemed
	case k == undo:
		return nil
	case c.state == shard.Redeemed:
		return store.ErrAlreadyRedeemed
	case k == release && c.state == shard.Held:
		return store.ErrReserved
	case k == release && c.state != shard.Issued:
		return store.ErrNotIssued
	}
	return nil
}
