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

	forever = math.MaxInt64

	maxKeys = 16 // that one code can meet
)

// terms are what a code's batch allows.
type terms struct {
	fromStock   bool
	from, until int64 // readings of the clock
}

// state is one code by itself, with what its keys have answered.
type state struct {
	life   shard.State
	ref    string // of the last draw
	number uint64 // of the redemption in force
	last   uint64 // greatest number so far: they grow
	burns  int    // redemptions so far
	keys   [maxKeys]bound
	paused bool   // its batch is
	gone   bool   // its batch is revoked
	done   uint64 // entries of RedeemAll calls behind which others of the same call come
	epoch  int
	over   bool
}

// bound is what a key has answered.
type bound struct {
	used   bool
	by     string
	number uint64
}

// event is an op as one code meets it.
type event struct {
	*op
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
	fmt.Fprintf(&b, "%s %q, batch paused %t, revoked %t, receipt %d, numbers to %d, %d redemptions, epoch %d",
		s.life, s.ref, s.paused, s.gone, s.number, s.last, s.burns, s.epoch)
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

// changes reports whether a change of the batch makes a difference.
func (s state) changes(v verb) bool {
	switch v {
	case pause:
		return !s.paused
	case resume:
		return s.paused
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
	ok := false
	switch e.verb {
	case pause, resume:
		ok = !s.gone
		s.paused = e.verb == pause
		return s, ok
	case revokeBatch:
		s.gone = true
		return s, true
	case issue:
		ok = s.seen() == inStock && e.from < t.until && !s.paused
		s.life, s.ref = drawn, e.by
	case release:
		ok = s.seen() == drawn
		s.life = inStock
	case revoke:
		ok = s.seen() == inStock || s.seen() == drawn
		s.life = revoked
	case undo:
		ok = s.life == burned
		s.life, s.number = drawn, 0
	case redeem:
		ok = (s.seen() == drawn || s.seen() == inStock && t.fromStock) && !s.paused && t.from <= e.at && e.at < t.until && e.from <= e.at
		ok = ok && (e.maybe || e.at <= e.to)
		s.life, s.number = burned, e.number
		s.burns++
	}
	switch {
	case e.number > 0:
		ok = ok && e.number > s.last
		s.last = e.number
	case e.verb != issue && !e.maybe:
		ok = false
	}
	if e.slot >= 0 {
		s.keys[e.slot] = bound{true, e.by, e.number}
	}
	return s, ok
}

// judge tells whether the event was refused, or allowed by Check, as its code's state and
// batch demand. The clock showed anything from e.from to e.to.
func (t terms) judge(s state, e event) bool {
	life := s.seen()
	switch {
	case e.verb.ofBatch():
		return s.gone && e.verb != revokeBatch && e.err == store.ErrRevoked
	case life == revoked:
		return e.err == store.ErrRevoked
	case e.verb == undo:
		return life != burned && e.err == store.ErrNotRedeemed
	case life == burned:
		return e.err == store.ErrAlreadyRedeemed
	case e.verb == release:
		return life == inStock && e.err == store.ErrNotIssued
	case e.verb == revoke:
		return false
	case life == inStock && !t.fromStock:
		return e.err == store.ErrNotIssued
	}
	inWindow := max(e.from, t.from) <= e.to && max(e.from, t.from) < t.until
	switch e.err {
	case nil:
		return e.verb == check && inWindow && !s.paused
	case store.ErrPaused:
		return inWindow && s.paused
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
	case drawn:
		return e.ref == s.ref && e.number == 0
	}
	return e.ref == "" && e.number == 0
}
