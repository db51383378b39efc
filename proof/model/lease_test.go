package model

import (
	"context"
	"fmt"
	"slices"
	"time"

	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// lease is a lease, a reservation, or the rest of a code of a reusable batch.
type lease struct {
	number uint64
	kind   leaseKind
	b      *batch
	codes  []*code     // that it has yet; others were revoked
	from   shard.State // where they go back to
	user   string      // of a reservation
	until  time.Time
	end    error // what those who come too late get; nil while it lives
}

func (l *lease) String() string {
	return fmt.Sprintf("%d of %v until %s", l.number, l.codes, clockTime(l.until))
}

type leaseKind int

const (
	leasing leaseKind = iota // codes that were drawn for a time
	holding                  // one that is reserved
	resting                  // one that was released
	burned                   // one that was redeemed
)

// begun makes a lease known.
func (m *model) begun(l *lease) {
	if l.kind == leasing || l.kind == holding {
		m.leases = append(m.leases, l)
	}
	m.live = append(m.live, l)
	for _, c := range l.codes {
		c.of = l
	}
}

// lapse ends what is over at a time of the ledger.
func (m *model) lapse(at time.Time) {
	for {
		var first *lease
		for _, l := range m.live {
			if first == nil || l.until.Before(first.until) {
				first = l
			}
		}
		if first == nil || at.Before(first.until) {
			return
		}
		verb := "over"
		if first.kind == burned {
			verb = "return"
		}
		m.record(at, ofCodes(store.Entry{Verb: verb, Lease: first.number}, first.codes))
		m.entries[len(m.entries)-1].over = true
		m.endOf(first, first.from, store.ErrLeaseOver)
	}
}

// endOf makes the end of a lease happen: its codes are in a state now.
func (m *model) endOf(l *lease, to shard.State, why error) {
	if len(l.codes) == 0 {
		why = store.ErrLeaseEnded
	}
	for _, c := range l.codes {
		if to == shard.Available {
			c.draw, c.receipt, c.undone = 0, store.Receipt{}, nil
		}
		switch {
		case !l.b.revoked:
			m.move(c, to)
		case l.kind == burned:
			m.move(c, shard.Revoked)
		}
		c.of = nil
	}
	m.forget(l, why)
}

// forget ends a lease and leaves its codes as they are.
func (m *model) forget(l *lease, why error) {
	if l.kind == holding {
		m.uses(l.b, l.user, -1)
	}
	l.end, l.codes = why, nil
	m.live = slices.DeleteFunc(m.live, func(x *lease) bool { return x == l })
}

// leave takes a code out of what has it, if something does.
func (m *model) leave(c *code) {
	l := c.of
	if l == nil {
		return
	}
	l.codes = slices.DeleteFunc(l.codes, func(x *code) bool { return x == c })
	if c.of = nil; l.kind != leasing {
		m.forget(l, store.ErrLeaseEnded)
	}
}

// rest puts a redeemed code of a reusable batch to rest.
func (m *model) rest(c *code) {
	if c.b.Reusable {
		m.begun(&lease{number: c.receipt.Number, kind: burned, b: c.b, codes: []*code{c}, from: shard.Available, until: c.receipt.At.Add(c.b.Quarantine)})
	}
}

// leaseKey is what a key of leases has answered.
type leaseKey struct {
	d   draw
	ttl time.Duration
	got store.Lease
}

// leaseOp is a draw for a time.
type leaseOp struct {
	draw
	ttl time.Duration
}

// anyTime draws how long something is leased, held or rests.
func anyTime(t *rapid.T) time.Duration {
	switch upTo(t, 6) {
	case 0, 1:
		return time.Hour
	case 2, 3:
		return time.Duration(1+upTo(t, 20)) * time.Millisecond
	case 6:
		return time.Microsecond
	}
	return time.Duration(1+upTo(t, 20_000)) * time.Microsecond
}

func (m *model) anyLease(t *rapid.T) leaseOp {
	if used := m.leased.order; len(used) > 0 && oneIn(t, 8) {
		k := used[len(used)-1-upTo(t, len(used)-1)]
		old, _ := m.leased.get(k)
		o := leaseOp{old.d, old.ttl}
		o.at = m.anyMoment(t, old.d.b)
		switch upTo(t, 8) {
		case 6:
			o.n++
		case 7:
			o.ref = label(t, "order")
		case 8:
			o.ttl += time.Microsecond
		}
		return o
	}
	return leaseOp{m.anyDrawWith(t, m.leased.order), anyTime(t) + time.Duration(upTo(t, 999))}
}

func (o leaseOp) GoString() string {
	return fmt.Sprintf("lease for %v: %#v", o.ttl, o.draw)
}

// lease draws codes for a time.
func (m *model) lease() {
	o := rapid.Custom(m.anyLease).Draw(m.t, "lease")
	m.begin(o.at)
	got, err := m.s.Lease(m.ctx(), o.id(), o.n, o.ttl, store.To(o.ref).Once(o.key))
	m.did(o, "number %d of %d codes, %s", got.Number, len(got.Codes), outcome(err))
	if old, used := m.leased.get(o.key); used && m.mayAsk(o.draw) == nil {
		m.atMost(0)
		if old.d.b != o.b || old.d.n != o.n || old.d.ref != o.ref || old.ttl/time.Microsecond != o.ttl/time.Microsecond {
			m.wantErr("lease with the key of another", err, store.ErrKeyConflict)
			return
		}
		m.wantErr("lease with its key", err, nil)
		m.sameLease(got, old.got)
		return
	}
	if want := m.foretellDraw(o.draw); want != nil {
		m.wantErr("lease", err, want)
		return
	}
	m.wantErr("lease", err, nil)
	at := m.once()
	until := at.Add(o.ttl.Truncate(time.Microsecond))
	codes := m.drew(o.draw, got.Codes, at, shard.Leased, store.Entry{Verb: "lease", Ref: o.ref, Key: o.key, Until: until})
	m.sameLease(got, store.Lease{Number: m.ledger, Batch: o.b.ID, Codes: got.Codes, Ref: o.ref, Key: o.key, At: at, Until: until})
	m.begun(&lease{number: m.ledger, b: o.b, codes: slices.Clone(codes), from: shard.Available, until: until})
	m.leased.put(o.key, leaseKey{o.draw, o.ttl, got})
}

func (m *model) sameLease(got, want store.Lease) {
	if !slices.Equal(got.Codes, want.Codes) {
		m.failf("lease %d has other codes than it had", want.Number)
	}
	if got.Codes, want.Codes = nil, nil; fmt.Sprint(got) != fmt.Sprint(want) {
		m.failf("got lease %+v, want %+v", got, want)
	}
}

// endKind is a way to end a lease or a reservation.
type endKind int

const (
	acknowledge endKind = iota
	giveBack
	cancel
	numEnds
)

func (k endKind) String() string { return [...]string{"acknowledge", "give back", "cancel"}[k] }

func (k endKind) of() leaseKind {
	if k == cancel {
		return holding
	}
	return leasing
}

func (m *model) endCall(k endKind) func(context.Context, store.LeaseEnd) (store.Ended, error) {
	return [...]func(context.Context, store.LeaseEnd) (store.Ended, error){m.s.Acknowledge, m.s.GiveBack, m.s.Cancel}[k]
}

// endKey is what a key of theirs has answered.
type endKey struct {
	number uint64
	by     string
	rec    store.Ended
}

// endOp ends a lease.
type endOp struct {
	kind   endKind
	l      *lease // nil: there is none of that kind
	number uint64
	by     string
	key    string
	at     moment
}

func (o endOp) GoString() string {
	return fmt.Sprintf("%v %d, by %.20q, key %.20q%v", o.kind, o.number, o.by, o.key, o.at)
}

// leaseNumber draws a number that a lease or reservation has, or another one.
func (m *model) leaseNumber(t *rapid.T, kind leaseKind) (number uint64, l *lease) {
	switch upTo(t, 20) {
	case 19:
		number = m.ledger + uint64(upTo(t, 3))
	case 20:
		number = uint64(upTo(t, int(m.ledger)))
	default:
		var some []*lease
		for _, l := range m.leases {
			if l.kind == kind {
				some = append(some, l)
			}
		}
		if oneOf(t, true, true, false) { // rather one that lives
			if live := slices.DeleteFunc(slices.Clone(some), func(l *lease) bool { return l.end != nil }); len(live) > 0 {
				some = live
			}
		}
		if len(some) > 0 {
			number = some[len(some)-1-upTo(t, min(len(some)-1, 20))].number
		}
	}
	return number, m.leaseOf(number, kind)
}

// leaseOf returns a lease or reservation, also one that has ended; nil if there is none.
func (m *model) leaseOf(number uint64, kind leaseKind) *lease {
	for _, l := range m.leases {
		if l.number == number && l.kind == kind {
			return l
		}
	}
	return nil
}

func (m *model) anyEnd(t *rapid.T) endOp {
	o := endOp{kind: oneOf(t, acknowledge, giveBack, cancel, acknowledge)}
	used := m.ended[o.kind].order
	if len(used) > 0 && oneIn(t, 8) {
		o.key = used[len(used)-1-upTo(t, len(used)-1)]
		old, _ := m.ended[o.kind].get(o.key)
		if o.number, o.by = old.number, old.by; oneIn(t, 6) {
			o.by = label(t, "by")
		}
		o.l = m.leaseOf(o.number, o.kind.of())
	} else {
		o.number, o.l = m.leaseNumber(t, o.kind.of())
		o.by, o.key = label(t, "by"), key(t, used)
	}
	o.at = m.momentOf(t, o.l)
	return o
}

// fewLive makes a lease or a reservation, mostly, where there is none to end.
func (m *model) fewLive(kind leaseKind) bool {
	if slices.ContainsFunc(m.live, func(l *lease) bool { return l.kind == kind }) || rapid.IntRange(0, 3).Draw(m.t, "end none") == 3 {
		return false
	}
	if kind == leasing {
		m.lease()
	} else {
		m.reserve()
	}
	return true
}

// endLease ends a lease or reservation before its time is over.
func (m *model) endLease() {
	if m.fewLive(leasing) {
		return
	}
	o := rapid.Custom(m.anyEnd).Draw(m.t, "end")
	m.begin(o.at)
	got, err := m.endCall(o.kind)(m.ctx(), store.LeaseEnd{Number: o.number, By: o.by, Key: o.key})
	m.did(o, "%d, %s", got.Number, outcome(err))
	at := m.once()
	if old, used := m.ended[o.kind].get(o.key); used {
		if old.number != o.number || old.by != o.by {
			m.wantErr("end with the key of another", err, store.ErrKeyConflict)
			return
		}
		if err != nil || got != old.rec {
			m.failf("end with its key: got %+v, %v, want %+v", got, err, old.rec)
		}
		return
	}
	l := o.l
	switch {
	case l == nil:
		m.wantErr("end of what is no lease", err, store.ErrUnknownLease)
		return
	case l.end != nil:
		m.wantErr(fmt.Sprintf("end of lease %d, which has ended", l.number), err, l.end)
		return
	case o.kind == acknowledge && l.b.revoked:
		m.wantErr("acknowledgement in a revoked batch", err, store.ErrRevoked)
		return
	}
	m.wantErr("end of a lease", err, nil)
	number := m.record(at, ofCodes(store.Entry{Verb: o.kind.String(), By: o.by, Key: o.key, Lease: l.number}, l.codes))
	if want := (store.Ended{Number: number, Lease: l.number, By: o.by, Key: o.key, At: at}); got != want {
		m.failf("%v: got %+v, want %+v", o.kind, got, want)
	}
	m.ended[o.kind].put(o.key, endKey{o.number, o.by, got})
	to := l.from
	if o.kind == acknowledge {
		to = shard.Issued
	}
	m.endOf(l, to, store.ErrLeaseEnded)
}
