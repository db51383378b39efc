package model

import (
	"fmt"
	"time"

	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// change is a change of a batch.
type change struct {
	event       store.Event
	b           *batch // nil: there is none
	from, until time.Time
	by, reason  string
	at          moment
}

func (m *model) anyChange(t *rapid.T) change {
	c := change{b: m.anyBatch(t), by: label(t, "by"), reason: label(t, "reason")}
	c.at = m.anyMoment(t, c.b)
	switch upTo(t, 14) {
	case 0, 1, 2:
		c.event = store.EventPaused
	case 3, 4, 5, 6:
		c.event = store.EventResumed
	case 11:
		c.event = store.EventRevoked
	case 12, 13:
		c.event = store.EventRetired
	default:
		c.event = store.EventRescheduled
		var w store.Batch
		m.window(t, &w)
		switch c.from, c.until = w.NotBefore, w.NotAfter; upTo(t, 8) {
		case 6: // no time of the ledger lies in it
			c.until = c.from
		case 7:
			c.from = m.clk.now.Truncate(time.Microsecond).Add(1)
			c.until = c.from.Add(998)
		case 8:
			if c.b != nil {
				c.from, c.until = c.b.from, c.b.until
			}
		}
	}
	return c
}

func (c change) GoString() string {
	id := store.BatchID(1)
	if c.b != nil {
		id = c.b.ID
	}
	s := fmt.Sprintf("batch %d is to be %v, by %.20q, reason %.20q%v", id, c.event, c.by, c.reason, c.at)
	if c.event == store.EventRescheduled {
		s += fmt.Sprintf(", from %s until %s", clockTime(c.from), clockTime(c.until))
	}
	return s
}

// changeBatch pauses, resumes, reschedules, revokes or retires a batch.
func (m *model) changeBatch() {
	c := rapid.Custom(m.anyChange).Draw(m.t, "change")
	id, who := store.BatchID(1), store.BatchChange{By: c.by, Reason: c.reason}
	if c.b != nil {
		id = c.b.ID
	}
	m.begin(c.at)
	var err error
	switch c.event {
	case store.EventPaused:
		err = m.s.Pause(m.ctx(), id, who)
	case store.EventResumed:
		err = m.s.Resume(m.ctx(), id, who)
	case store.EventRescheduled:
		err = m.s.Reschedule(m.ctx(), id, c.from, c.until, who)
	case store.EventRevoked:
		err = m.s.RevokeBatch(m.ctx(), id, who)
	case store.EventRetired:
		err = m.s.Retire(m.ctx(), id, who)
	}
	m.did(c, "%s", outcome(err))
	m.atMost(1)
	want, changed := m.foretellChange(c)
	if changed && c.event == store.EventRetired && !c.b.finished(m) {
		want, changed = store.ErrNotFinished, false
	}
	m.wantErr("change of a batch", err, want)
	if changed {
		m.changed(c)
		e := store.Entry{Verb: c.event.String(), Batch: c.b.ID, By: c.by, Reason: c.reason, NotBefore: c.b.from, NotAfter: c.b.until}
		m.record(m.once(), e)
	}
}

// foretellChange returns the error that a change of a batch must get, and otherwise whether
// it changes something.
func (m *model) foretellChange(c change) (err error, changed bool) {
	b := c.b
	switch {
	case b == nil:
		return store.ErrUnknownBatch, false
	case c.event == store.EventPaused:
		changed = !b.paused
	case c.event == store.EventResumed:
		changed = b.paused
	case c.event == store.EventRevoked:
		changed = !b.revoked
	case c.event == store.EventRetired:
		return nil, !b.retired
	default:
		from, until := ceil(c.from), ceil(c.until)
		if !c.from.IsZero() && !c.until.IsZero() && !from.Before(until) {
			return store.ErrInvalid, false
		}
		changed = !from.Equal(b.from) || !until.Equal(b.until)
	}
	switch {
	case c.event == store.EventRevoked && b.revoked:
	case b.retired:
		return store.ErrRetired, false
	case c.event != store.EventRevoked && b.revoked:
		return store.ErrRevoked, false
	}
	return nil, changed
}

// finished reports whether the batch can be retired: nothing of it is away for a time, and
// nothing can be used any more.
func (b *batch) finished(m *model) bool {
	at := m.once()
	for _, l := range m.live {
		if l.b == b && len(l.codes) > 0 {
			return false
		}
	}
	return b.revoked || b.expired(at) || b.counts.Available+b.counts.Issued == 0
}

// changed makes it happen in the model.
func (m *model) changed(c change) {
	switch b := c.b; c.event {
	case store.EventPaused, store.EventResumed:
		b.paused = c.event == store.EventPaused
	case store.EventRescheduled:
		b.from, b.until = ceil(c.from), ceil(c.until)
	case store.EventRetired:
		b.retired = true
	case store.EventRevoked:
		b.revoked = true
		for _, code := range b.codes {
			if code.state != shard.Redeemed {
				m.move(code, shard.Revoked)
			}
		}
		// Those, too, of which only the number is known.
		b.counts = store.Counts{Minted: b.counts.Minted, Redeemed: b.counts.Redeemed, Revoked: b.counts.Minted - b.counts.Redeemed}
	}
	for _, code := range sample(m, c.b.codes, checkAll) {
		m.touch(code)
	}
}
