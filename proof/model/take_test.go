package model

import (
	"cmp"
	"fmt"
	"slices"

	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// takeKey is what a key of takes has answered.
type takeKey struct {
	d    draw
	user string
	got  []store.Receipt
}

// takeOp draws codes and redeems them.
type takeOp struct {
	draw
	user string
}

func (m *model) anyTake(t *rapid.T) takeOp {
	if used := m.took.order; len(used) > 0 && oneIn(t, 8) {
		k := used[len(used)-1-upTo(t, len(used)-1)]
		old, _ := m.took.get(k)
		o := takeOp{old.d, old.user}
		o.at = m.anyMoment(t, old.d.b)
		switch upTo(t, 8) {
		case 6:
			o.n++
		case 7:
			o.ref = label(t, "order")
		case 8:
			o.user = label(t, "u")
		}
		return o
	}
	o := takeOp{m.anyDrawWith(t, m.took.order), label(t, "u")}
	if o.n = min(o.n, store.MaxTake+1); oneIn(t, 2) {
		o.n = 1 + upTo(t, 2)
	}
	return o
}

func (o takeOp) GoString() string {
	return fmt.Sprintf("take for %.20q: %#v", o.user, o.draw)
}

// take draws codes and redeems them in one step.
func (m *model) take() {
	o := rapid.Custom(m.anyTake).Draw(m.t, "take")
	m.begin(o.at)
	got, err := m.s.Take(m.ctx(), o.id(), o.n, o.user, store.To(o.ref).Once(o.key))
	m.did(o, "%d receipts, %s", len(got), outcome(err))
	if o.n > store.MaxTake {
		m.wantErr("take of too many", err, store.ErrInvalid)
		return
	}
	if old, used := m.took.get(o.key); used && m.mayAsk(o.draw) == nil {
		m.atMost(0)
		if old.d.b != o.b || old.d.n != o.n || old.d.ref != o.ref || old.user != o.user {
			m.wantErr("take with the key of another", err, store.ErrKeyConflict)
		} else if err != nil || !slices.Equal(got, old.got) {
			m.failf("take with its key: got %+v, %v, want %+v", got, err, old.got)
		}
		return
	}
	want := m.foretellDraw(o.draw)
	if want == nil {
		want = cmp.Or(o.b.inWindow(m.reading()), m.mayUse(o.b, o.user, o.n))
	}
	if m.wantErr("take", err, want); want != nil {
		return
	}
	m.redeemedAtOnce(o, got)
}

// redeemedAtOnce makes a take happen.
func (m *model) redeemedAtOnce(o takeOp, got []store.Receipt) {
	at := m.once()
	printed := make([]string, len(got))
	for i, r := range got {
		printed[i] = string(o.b.Format.AppendPrinted(nil, []byte(r.Code)))
	}
	codes := m.drew(o.draw, printed, at, shard.Redeemed, store.Entry{Verb: "take", Ref: o.ref, Key: o.key})
	for i, c := range codes {
		number := m.record(at, store.Entry{Verb: "redeem", Batch: o.b.ID, Count: 1, Code: c.canon, User: o.user})
		want := store.Receipt{Number: number, Code: c.canon, Namespace: o.b.Namespace, Batch: o.b.ID, User: o.user, Reward: o.b.Reward, At: at}
		if got[i] != want {
			m.failf("take of %v: got %+v, want %+v", c, got[i], want)
		}
		m.burnt(c, want)
	}
	m.took.put(o.key, takeKey{o.draw, o.user, got})
}
