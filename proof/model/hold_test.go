package model

import (
	"cmp"
	"fmt"
	"time"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// usedBy is a user of a batch, of whom the model counts what he has of it.
type usedBy struct {
	b    *batch
	user string
}

// uses counts redemptions and reservations of a user that stand.
func (m *model) uses(b *batch, user string, n int) {
	if b.PerUser > 0 {
		m.used[usedBy{b, user}] += n
	}
}

// mayUse is whether a user can have n codes of a batch more.
func (m *model) mayUse(b *batch, user string, n int) error {
	switch {
	case b.PerUser == 0:
		return nil
	case user == "":
		return store.ErrNoUser
	case m.used[usedBy{b, user}]+n > b.PerUser:
		return store.ErrUserLimit
	}
	return nil
}

// mayHave is whether a request gets its code, to redeem or to reserve it, at a time of the
// ledger.
func (m *model) mayHave(c *code, r request, at time.Time) error {
	err := c.judge(at)
	if err == nil && c.b.Reusable && r.key == "" {
		err = store.ErrNoKey
	}
	return cmp.Or(err, m.mayUse(c.b, r.user, 1))
}

// holdKey is what a key of reservations has answered.
type holdKey struct {
	c    *code
	user string
	ttl  time.Duration
	got  store.Hold
}

// holdOp reserves a code.
type holdOp struct {
	request
	ttl time.Duration
}

func (m *model) anyHold(t *rapid.T) holdOp {
	if used := m.held.order; len(used) > 0 && oneIn(t, 8) {
		k := used[len(used)-1-upTo(t, len(used)-1)]
		old, _ := m.held.get(k)
		o := holdOp{request{named{old.c, old.c.space, old.c.typed(t), m.anyMoment(t, old.c.b)}, old.user, k}, old.ttl}
		switch upTo(t, 8) {
		case 7:
			o.user = label(t, "u")
		case 8:
			o.ttl += time.Microsecond
		}
		return o
	}
	return holdOp{request{m.anyNamed(t), label(t, "u"), key(t, m.held.order)}, anyTime(t)}
}

func (o holdOp) GoString() string {
	return fmt.Sprintf("reserve for %v %v, user %.20q, key %.20q", o.ttl, o.named, o.user, o.key)
}

// reserve holds a code for a user.
func (m *model) reserve() {
	o := rapid.Custom(m.anyHold).Draw(m.t, "reservation")
	m.begin(o.at)
	got, err := m.s.Reserve(m.ctx(), o.redemption(), o.ttl)
	m.did(o, "number %d, %s", got.Number, outcome(err))
	m.atMost(1)
	c := m.find(o.space, o.text)
	if c == nil {
		m.wantErr("reservation of no code", err, m.whyNone(o.space, o.text))
		return
	}
	at := m.once()
	m.touch(c)
	if old, used := m.held.get(o.key); used {
		if !m.means(o.space, o.text, old.c) || old.user != o.user || old.ttl != o.ttl {
			m.wantErr("reservation with the key of another", err, store.ErrKeyConflict)
		} else if err != nil || got != old.got {
			m.failf("reservation with its key: got %+v, %v, want %+v", got, err, old.got)
		}
		return
	}
	if want := m.mayHave(c, o.request, at); want != nil {
		m.wantErr(fmt.Sprintf("reservation of %v, which is %v", c, c.state), err, want)
		return
	}
	m.wantErr(fmt.Sprintf("reservation of %v, which is %v", c, c.state), err, nil)
	until := at.Add(o.ttl)
	number := m.record(at, store.Entry{Verb: "reserve", Batch: c.b.ID, Count: 1, Code: gen.Mask(c.canon), User: o.user, Key: o.key, Until: until})
	want := store.Hold{Number: number, Code: c.canon, Batch: c.b.ID, User: o.user, Key: o.key, Reward: c.b.Reward, At: at, Until: until}
	if got != want {
		m.failf("reservation of %v: got %+v, want %+v", c, got, want)
	}
	m.begun(&lease{number: number, kind: holding, b: c.b, codes: []*code{c}, from: c.state, user: o.user, until: until})
	m.move(c, shard.Held)
	m.uses(c.b, o.user, 1)
	m.held.put(o.key, holdKey{c, o.user, o.ttl, got})
}

// confirmOp redeems what is reserved.
type confirmOp struct {
	number uint64
	l      *lease // nil: there is none
	key    string
	at     moment
}

func (m *model) anyConfirm(t *rapid.T) (o confirmOp) {
	used := m.redeemed.order
	if o.number, o.l = m.leaseNumber(t, holding); len(used) > 0 && oneIn(t, 8) {
		o.key = used[len(used)-1-upTo(t, len(used)-1)]
		if old, _ := m.redeemed.get(o.key); old.of > 0 && !oneIn(t, 6) {
			o.number, o.l = old.of, m.leaseOf(old.of, holding)
		}
	} else {
		o.key = key(t, used)
	}
	o.at = m.momentOf(t, o.l)
	return o
}

func (o confirmOp) GoString() string {
	return fmt.Sprintf("confirm %d, key %.20q%v", o.number, o.key, o.at)
}

// confirm redeems what is reserved.
func (m *model) confirm() {
	if m.fewLive(holding) {
		return
	}
	o := rapid.Custom(m.anyConfirm).Draw(m.t, "confirmation")
	m.begin(o.at)
	got, err := m.s.Confirm(m.ctx(), store.LeaseEnd{Number: o.number, Key: o.key})
	m.did(o, "%d, %s", got.Number, outcome(err))
	at := m.once()
	if old, used := m.redeemed.get(o.key); used {
		if old.of == 0 || old.of != o.number {
			m.wantErr("confirmation with the key of another request", err, store.ErrKeyConflict)
		} else if err != nil || got != old.rec {
			m.failf("confirmation with its key: got %+v, %v, want %+v", got, err, old.rec)
		}
		return
	}
	if want := o.l.mayConfirm(); want != nil {
		m.wantErr("confirmation", err, want)
		return
	}
	m.wantErr("confirmation", err, nil)
	l, c := o.l, o.l.codes[0]
	number := m.record(at, store.Entry{Verb: "confirm", Batch: c.b.ID, Count: 1, Code: c.canon, User: l.user, Key: o.key, Lease: l.number})
	want := store.Receipt{Number: number, Code: c.canon, Namespace: c.b.Namespace, Batch: c.b.ID, User: l.user, Key: o.key, Reward: c.b.Reward, At: at}
	if got != want {
		m.failf("confirmation for %v: got %+v, want %+v", c, got, want)
	}
	c.of = nil
	m.forget(l, store.ErrLeaseEnded)
	m.burnt(c, got)
	m.redeemed.put(o.key, redeemKey{c, l.user, l.number, got})
}

// mayConfirm is whether a reservation can become a redemption.
func (l *lease) mayConfirm() error {
	switch {
	case l == nil:
		return store.ErrUnknownLease
	case l.end != nil:
		return l.end
	case l.b.revoked:
		return store.ErrRevoked
	case l.b.paused:
		return store.ErrPaused
	}
	return nil
}

// burnt makes a code redeemed.
func (m *model) burnt(c *code, rec store.Receipt) {
	m.move(c, shard.Redeemed)
	c.receipt, c.undone = rec, nil
	m.receipts = append(m.receipts, rec)
	m.uses(c.b, rec.User, 1)
	m.rest(c)
}
