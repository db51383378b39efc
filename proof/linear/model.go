package linear

import (
	"fmt"
	"math"
	"strings"

	"codepool/shard"
	"codepool/store"

	"github.com/anishathalye/porcupine"
)

const (
	inStock = shard.Available
	drawn   = shard.Issued
	burned  = shard.Redeemed
	revoked = shard.Revoked
	leased  = shard.Leased
	held    = shard.Held

	forever = math.MaxInt64

	maxKeys = 16 // that one code can meet
)

// terms are what a code's batch allows.
type terms struct {
	fromStock   bool
	from, until int64 // readings of the clock
	perUser     int
	reusable    bool
	quarantine  int64
}

// state is one code by itself, with what its keys have answered.
type state struct {
	life    shard.State
	ref     string      // of the last draw
	number  uint64      // of the redemption in force
	of      uint64      // the lease, reservation or rest that has it
	before  shard.State // it was reserved
	resting bool        // it has it after a release
	until   int64       // when that is over
	last    uint64      // greatest number so far: they grow
	burns   int         // redemptions so far
	keys    [maxKeys]bound
	paused  bool   // its batch is
	gone    bool   // its batch is revoked
	shelved bool   // its batch is retired
	done    uint64 // entries of RedeemAll calls behind which others of the same call come
	epoch   int
	over    bool
}

// bound is what a key has answered.
type bound struct {
	used   bool
	by     string
	number uint64
}

// numberOf is the number of the record that an event makes of its code.
func (e event) numberOf() uint64 {
	if e.verb == take {
		for i, code := range e.codes {
			if code == e.part {
				return e.number + 1 + uint64(i)
			}
		}
	}
	return e.number
}

// event is an op as one code meets it.
type event struct {
	*op
	part   string // the code
	slot   int    // of its key in state.keys, -1 without one
	shared bool   // other codes meet the key too
	bit    uint64 // in state.done
	after  uint64 // bits of the entries that come before this one
}

// codeModel is the model of one code.
func codeModel(t terms) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state{} },
		Step: func(s, in, _ any) (bool, any) {
			next, ok := t.step(s.(state), in.(event))
			return ok, next
		},
		DescribeOperation: func(in, _ any) string { return in.(event).asked() + " -> " + in.(event).answered() },
		DescribeState:     func(s any) string { return s.(state).String() },
	}
}

func (s state) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q, batch paused %t, revoked %t, retired %t, receipt %d, numbers to %d, %d redemptions, epoch %d",
		s.life, s.ref, s.paused, s.gone, s.shelved, s.number, s.last, s.burns, s.epoch)
	for i, k := range s.keys {
		if k.used {
			fmt.Fprintf(&b, "; key %d: %q %d", i, k.by, k.number)
		}
	}
	return b.String()
}

// step tells whether the code in this state can meet the event, and its next state.
func (t terms) step(s state, e event) (state, bool) {
	switch e.verb {
	case born:
		s.life, s.ref = e.state, e.ref
		return s, true
	case restart:
		s.epoch++
		return s, true
	case ledger:
		return s, s.burns == e.n
	case over:
		s.over = true
		return s, true
	}
	if e.maybe {
		return t.maybe(s, e)
	}
	if s.done&e.after != e.after {
		return s, false
	}
	s.done |= e.bit
	switch e.verb {
	case check:
		return s, t.judge(s, e)
	case lookup:
		return s, s.looks(e)
	}
	if e.slot >= 0 && s.keys[e.slot].used {
		k := s.keys[e.slot]
		if e.err == nil {
			return s, k.by == e.by && k.number == e.number
		}
		return s, e.err == store.ErrKeyConflict && k.by != e.by
	}
	if e.err == nil {
		return t.effect(s, e)
	}
	if e.err == store.ErrKeyConflict {
		return s, e.shared // bound to another code: keyModel looks at that
	}
	return s, t.judge(s, e)
}

// maybe lets a call that may have happened go where it changes something, before its
// store was restarted, or at the end.
func (t terms) maybe(s state, e event) (state, bool) {
	if s.over {
		return s, true
	}
	if s.epoch != e.epoch || e.slot >= 0 && s.keys[e.slot].used {
		return s, false
	}
	if e.verb.ofBatch() && !s.changes(e.verb) {
		return s, false
	}
	return t.effect(s, e)
}

// mayHave is whether a code can be redeemed or reserved at the time that the answer shows.
func (t terms) mayHave(s state, e event) bool {
	may := s.seen() == drawn || s.seen() == inStock && t.fromStock
	return may && !s.shelved && t.valid(s, e)
}

// valid is whether codes can be redeemed at the time that the answer shows.
func (t terms) valid(s state, e event) bool {
	return !s.paused && t.from <= e.at && e.at < t.until && t.shown(e)
}

// shown is whether the clock showed the time of the answer during the call.
func (t terms) shown(e event) bool { return e.from <= e.at && (e.maybe || e.at <= e.to) }

// burn makes a code redeemed.
func (t terms) burn(s *state, number uint64, at int64) {
	s.life, s.number, s.of = burned, number, 0
	s.burns++
	if t.reusable {
		s.of, s.until = number, at+t.quarantine
	}
}

// changes reports whether a change of the batch makes a difference.
func (s state) changes(v verb) bool {
	switch v {
	case pause:
		return !s.paused
	case resume:
		return s.paused
	case retire:
		return !s.shelved
	}
	return !s.gone
}

// seen is the state that callers see.
func (s state) seen() shard.State {
	if s.gone && s.life != burned {
		return revoked
	}
	return s.life
}

// effect is what a call does that nothing refuses.
func (t terms) effect(s state, e event) (state, bool) {
	ok, number := false, e.numberOf()
	switch e.verb {
	case pause, resume:
		ok = !s.gone && !s.shelved
		s.paused = e.verb == pause
		return s, ok
	case revokeBatch:
		ok = s.gone || !s.shelved
		s.gone = true
		return s, ok
	case retire: // nothing has the code for a time, and nobody can use it any more
		ended := s.gone || s.life == burned || s.life == revoked || e.to >= t.until || e.maybe
		ok = s.shelved || s.of == 0 && ended
		s.shelved = true
		return s, ok
	case issue, export:
		ok = s.seen() == inStock && e.from < t.until && !s.paused
		s.life, s.ref = drawn, e.by
	case lease:
		ok = s.seen() == inStock && e.at < t.until && !s.paused && t.shown(e)
		s.life, s.ref, s.of, s.until = leased, e.by, e.number, e.until
	case take:
		ok = s.seen() == inStock && t.valid(s, e)
		s.ref = e.by
		t.burn(&s, number, e.at)
	case release:
		ok = s.seen() == drawn
		if s.life = inStock; t.quarantine > 0 {
			s.life, s.of, s.until = leased, e.number, e.at+t.quarantine
			s.resting = true
		}
	case revoke:
		ok = s.seen() != burned && s.seen() != revoked
		s.life, s.of = revoked, 0
	case undo:
		ok = s.life == burned
		s.life, s.number, s.of = drawn, 0, 0
	case redeem:
		ok = t.mayHave(s, e)
		t.burn(&s, e.number, e.at)
	case reserve:
		ok = t.mayHave(s, e)
		s.before = s.life
		s.life, s.of, s.until = held, e.number, e.until
	default:
		ok = t.end(&s, e)
	}
	switch {
	case number > 0:
		ok = ok && number > s.last
		s.last = number
	case e.verb != issue && e.verb != export && !e.maybe:
		ok = false
	}
	if e.slot >= 0 {
		s.keys[e.slot] = bound{true, e.by, e.number}
	}
	return s, ok && (!s.shelved || e.verb.ends()) // a lease without its code may be given back yet
}

// end ends what has a code. One that was revoked meanwhile is not touched any more.
func (t terms) end(s *state, e event) bool {
	if s.of != e.lease {
		return s.life == revoked
	}
	in := e.at < s.until
	switch s.of = 0; e.verb {
	case acknowledge:
		in = in && !s.gone
		s.life = drawn
	case giveBack:
		s.life = inStock
	case cancel:
		s.life = s.before
	case confirm:
		in = in && !s.gone && !s.paused
		t.burn(s, e.number, e.at)
	case lapse:
		if in = !in; s.life == held {
			s.life = s.before
		} else {
			s.life, s.resting = inStock, false
		}
	case back:
		in = !in
		s.life, s.number = inStock, 0
	}
	return in
}

// judge tells whether the event was refused, or allowed by Check, as its code's state and
// batch demand. The clock showed anything from e.from to e.to.
func (t terms) judge(s state, e event) bool {
	life := s.seen()
	switch {
	case e.verb == retire:
		return !s.shelved && e.err == store.ErrNotFinished // for another code, perhaps
	case e.verb.ofBatch() && s.shelved:
		return (e.verb != revokeBatch || !s.gone) && e.err == store.ErrRetired
	case e.verb.ofBatch():
		return s.gone && e.verb != revokeBatch && e.err == store.ErrRevoked
	case s.shelved && (e.verb == undo || e.verb == release || e.verb == revoke):
		return e.err == store.ErrRetired
	case life == revoked:
		return e.err == store.ErrRevoked
	case e.verb == undo:
		return life != burned && e.err == store.ErrNotRedeemed
	case life == burned:
		return e.err == store.ErrAlreadyRedeemed
	case e.verb == revoke:
		return false
	case life == held:
		return e.err == store.ErrReserved
	case e.verb == release:
		return life != drawn && e.err == store.ErrNotIssued
	case life == inStock && !t.fromStock || life == leased:
		return e.err == store.ErrNotIssued
	}
	inWindow := max(e.from, t.from) <= e.to && max(e.from, t.from) < t.until
	switch e.err {
	case nil:
		return e.verb == check && inWindow && !s.paused && !s.shelved
	case store.ErrPaused:
		return inWindow && s.paused
	case store.ErrRetired:
		return inWindow && !s.paused && s.shelved
	case store.ErrUserLimit: // checkLimit looks at that
		return t.perUser > 0 && inWindow && !s.paused && !s.shelved
	case store.ErrNotYetValid:
		return e.from < t.from
	case store.ErrExpired:
		return e.to >= t.until
	}
	return false
}

// looks tells whether Lookup shows the state.
func (s state) looks(e event) bool {
	if e.err != nil || e.state != s.seen() {
		return false
	}
	switch s.seen() {
	case burned:
		return e.ref == s.ref && e.number == s.number
	case drawn, held:
		return e.ref == s.ref && e.number == 0
	case leased:
		return (e.ref == s.ref && !s.resting || e.ref == "" && s.resting) && e.number == 0
	}
	return e.ref == "" && e.number == 0
}
