package model

import (
	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// reverse releases a code or undoes its redemption.
func (m *model) reverse() {
	r := rapid.Custom(m.anyReversal).Draw(m.t, "reversal")
	call := m.s.Release
	if r.undo {
		call = m.s.Undo
	}
	m.begin(r.at)
	rec, err := call(m.ctx(), store.Change{Code: r.text, By: r.by, Key: r.key, Namespace: r.space})
	m.did(r, "%d, %s", rec.Number, outcome(err))
	c := m.find(r.space, r.text)
	if c == nil {
		m.wantErr("reversal of no code", err, store.ErrUnknownCode)
		m.atMost(1)
		return
	}
	if old, used := m.reversed[r.kind()].get(r.key); used {
		m.atMost(1)
		if !m.means(r.space, r.text, old.c) || old.by != r.by {
			m.wantErr("reversal with the key of another", err, store.ErrKeyConflict)
			return
		}
		m.wantErr("reversal with its key", err, nil)
		if rec != old.rec {
			m.failf("the reversal with key %.20q got %+v, the first time %+v", r.key, rec, old.rec)
		}
		return
	}
	if want := reversible(c, r.undo); want != nil {
		m.wantErr("reversal", err, want)
		m.atMost(1)
		return
	}
	m.wantErr("reversal", err, nil)
	m.ledger++
	want := store.Changed{Number: m.ledger, Code: c.canon, Batch: c.b.ID, By: r.by, Key: r.key, At: m.once()}
	if rec != want {
		m.failf("reversal of %v got %+v, want %+v", c, rec, want)
	}
	m.reversed[r.kind()].put(r.key, reverseKey{c, r.by, rec})
	if r.undo {
		m.move(c, shard.Issued)
		c.receipt = store.Receipt{}
	} else {
		m.move(c, shard.Available)
	}
}

// reversible is why a code cannot be released, or its redemption undone.
func reversible(c *code, undo bool) error {
	switch {
	case undo && c.state != shard.Redeemed:
		return store.ErrNotRedeemed
	case undo || c.state == shard.Issued:
		return nil
	case c.state == shard.Redeemed:
		return store.ErrAlreadyRedeemed
	}
	return store.ErrNotIssued
}
