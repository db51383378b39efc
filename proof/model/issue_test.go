package model

import (
	"slices"
	"time"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// issue draws codes.
func (m *model) issue() {
	d := rapid.Custom(m.anyDraw).Draw(m.t, "draw")
	m.begin(d.at)
	codes, err := m.s.Issue(m.ctx(), d.id(), d.n, store.To(d.ref).Once(d.key))
	m.did(d, "%d codes, %s", len(codes), outcome(err))
	if old, used := m.drawn.get(d.key); used && m.mayAsk(d) == nil {
		m.atMost(0)
		if old.b != d.b || old.n != d.n || old.ref != d.ref {
			m.wantErr("draw with the key of another", err, store.ErrKeyConflict)
			return
		}
		m.wantErr("draw with its key", err, nil)
		if !slices.Equal(codes, old.codes) {
			m.failf("the draw with key %.20q got other codes than the first time", d.key)
		}
		return
	}
	want := m.foretellDraw(d)
	m.wantErr("draw", err, want)
	if want == nil {
		m.drew(d, codes, m.once(), shard.Issued, store.Entry{Verb: "issue", Ref: d.ref, Key: d.key})
		m.drawn.put(d.key, drawKey{d.b, d.n, d.ref, codes})
	}
}

// mayAsk is whether a draw is one at all.
func (m *model) mayAsk(d draw) error {
	switch {
	case d.n > store.MaxIssue:
		return store.ErrInvalid
	case d.b == nil:
		return store.ErrUnknownBatch
	}
	return nil
}

// foretellDraw returns the error that a draw must get whose key is new.
func (m *model) foretellDraw(d draw) error {
	at := m.reading()
	if err := m.mayAsk(d); err != nil {
		return err
	}
	if err := d.b.mayDraw(at); err != nil {
		return err
	}
	if d.b.counts.Available < int64(d.n) {
		return store.ErrEmpty
	}
	return nil
}

// drew moves the codes of a draw to a state; the ledger says e of it.
func (m *model) drew(d draw, printed []string, at time.Time, to shard.State, e store.Entry) []*code {
	if len(printed) != d.n {
		m.failf("drew %d codes, want %d", len(printed), d.n)
	}
	old := &oldDraw{m.ledger + 1, d.ref, d.key, at, nil, printed}
	for _, p := range printed {
		canon, err := gen.AppendCanonical(nil, p, d.b.Format.Class.Fold())
		if err != nil || string(d.b.Format.AppendPrinted(nil, canon)) != p {
			m.failf("drew a code that is not printed as its format %v says", d.b.Format)
		}
		c := m.codes[text{d.b.Namespace, string(canon)}]
		switch {
		case c == nil:
			if d.b.hidden--; d.b.hidden < 0 {
				m.failf("drew a code that batch %d does not have", d.b.ID)
			}
			c = m.addCode(d.b, string(canon), shard.Available, "")
		case c.b != d.b:
			m.failf("drew %v of batch %d from batch %d", c, c.b.ID, d.b.ID)
		case c.state != shard.Available: // I3
			m.failf("drew %v, which is %v", c, c.state)
		}
		m.move(c, to)
		c.ref, c.issued, c.draw = d.ref, at, old.number
		old.codes = append(old.codes, c)
	}
	m.record(at, ofCodes(e, old.codes))
	m.draws = append(m.draws, old)
	return old.codes
}
