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
	if d.b == nil {
		m.wantErr("draw from no batch", err, store.ErrUnknownBatch)
		return
	}
	if d.n > store.MaxIssue {
		m.wantErr("draw of too many", err, store.ErrInvalid)
		return
	}
	if old, used := m.drawn.get(d.key); used {
		m.atMost(1)
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
	at := m.reading()
	switch refused := d.b.mayDraw(at); {
	case refused != nil:
		m.wantErr("draw from a batch whose terms forbid it", err, refused)
	case d.b.counts.Available < int64(d.n):
		m.wantErr("draw of more than there are", err, store.ErrEmpty)
	default:
		m.wantErr("draw", err, nil)
		m.drew(d, codes, m.once())
	}
}

// drew makes the codes of a draw issued.
func (m *model) drew(d draw, printed []string, at time.Time) {
	if len(printed) != d.n {
		m.failf("drew %d codes, want %d", len(printed), d.n)
	}
	m.ledger++
	old := &oldDraw{m.ledger, d.ref, d.key, at, nil, printed}
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
		m.move(c, shard.Issued)
		c.ref, c.issued, c.draw = d.ref, at, m.ledger
		old.codes = append(old.codes, c)
	}
	m.draws = append(m.draws, old)
	m.drawn.put(d.key, drawKey{d.b, d.n, d.ref, printed})
}
