package linear

import (
	"slices"

	"codepool/store"
)

// Draws take several codes, so what must hold for them together is looked at here.

func (h *history) checkDraws() {
	for _, o := range h.ops {
		if !o.verb.draws() {
			continue
		}
		switch {
		case o.maybe && o.number > 0: // the ledger has it
		case o.maybe && o.key == "":
			h.checkWhole(o)
		case o.maybe: // asked for again at the end
		case o.err == nil:
			h.checkDrawn(o)
		case o.err == store.ErrEmpty:
			if have := h.stockDuring(o); have >= o.n {
				h.problem("%d codes are in stock all the time, yet %s", have, o)
			}
		case o.err == store.ErrExpired && o.to >= h.terms.until:
		case o.err == store.ErrPaused && h.mayBePaused(o):
		case o.err == store.ErrRevoked && h.mayBe(revokeBatch, o):
		case o.err == store.ErrRetired && h.mayBe(retire, o):
		case o.err == store.ErrKeyConflict && o.key != "":
		case o.verb == take && (o.err == store.ErrNotYetValid && o.from < h.terms.from || o.err == store.ErrUserLimit):
		default:
			h.problem("a draw may not be refused so: %s", o)
		}
	}
}

// checkDrawn holds one answered draw to what it asked for.
func (h *history) checkDrawn(o *op) {
	codes := slices.Compact(slices.Sorted(slices.Values(o.codes)))
	if len(o.codes) != o.n || len(codes) != o.n {
		h.problem("a draw of %d codes has other than %d: %s", o.n, o.n, o)
	}
	for _, c := range codes {
		if !slices.Contains(h.codes, c) {
			h.problem("a draw has %s, which is not of its batch: %s", c, o)
		}
	}
	if o.key == "" && o.from >= h.terms.until {
		h.problem("a draw from a batch that is over: %s", o)
	}
}

// checkWhole holds a draw that perhaps happened to all or nothing: its reference, which no
// other draw has, was seen on n codes or on none, besides those that may have been released
// or revoked before anybody looked.
func (h *history) checkWhole(o *op) {
	seen, perhaps := 0, 0
	for _, code := range o.codes {
		shown, released := false, false
		for _, other := range h.ops {
			if other.code == code {
				shown = shown || other.verb == lookup && other.ref == o.by
				released = released || (other.verb == release || other.verb == revoke) && (other.maybe || other.err == nil)
			}
			released = released || other.verb == revokeBatch || h.terms.reusable // nobody sees for whom it was
		}
		switch {
		case shown:
			seen++
		case released:
			perhaps++
		}
	}
	if seen > o.n || seen > 0 && seen+perhaps < o.n {
		h.problem("a draw of %d codes took %d: %s", o.n, seen, o)
	}
}

// stockDuring returns how many codes were certainly in stock during the whole of a call.
// A code was not if somebody may have taken it before the call ended, unless it was
// released after that and before the call began.
func (h *history) stockDuring(o *op) int {
	have, spans := 0, h.spans()
	for _, code := range h.codes {
		if !h.mayBeOut(code, o, spans) {
			have++
		}
	}
	for _, d := range h.ops { // these may have taken any
		if d.verb.draws() && d.maybe && !h.resolved(d) && d.call < o.ret {
			have -= d.n
		}
	}
	return have
}

func (h *history) mayBeOut(code string, o *op, spans []span) bool {
	out := func(from, to int64) bool {
		if from >= o.ret {
			return false
		}
		for _, s := range spans {
			if s.op.verb == release && h.terms.quarantine == 0 && s.op.code == code && s.from > to && s.to < o.call {
				return false
			}
		}
		return true
	}
	if h.born.state != inStock && out(0, 0) {
		return true
	}
	for _, d := range h.ops {
		takes := d.verb.draws() && slices.Contains(d.codes, code) && !(d.maybe && !h.resolved(d)) ||
			(d.verb == redeem || d.verb == reserve) && d.code == code && h.terms.fromStock || d.verb == revoke && d.code == code
		if !takes || !d.maybe && d.err != nil {
			continue
		}
		to := d.ret
		if d.maybe {
			to = forever
		}
		if out(d.call, to) {
			return true
		}
	}
	return false
}

// mayBePaused reports whether the batch may have been paused at some moment of a call: a
// pause had begun before the call ended, and no resumption after it was over before the
// call began.
func (h *history) mayBePaused(o *op) bool {
	for _, p := range h.ops {
		if p.verb != pause || !p.maybe && p.err != nil || p.call > o.ret {
			continue
		}
		over := func(r *op) bool {
			return r.verb == resume && !r.maybe && r.err == nil && !p.maybe && r.call > p.ret && r.ret < o.call
		}
		if !slices.ContainsFunc(h.ops, over) {
			return true
		}
	}
	return false
}

// mayBe reports whether the batch may have been revoked, or retired, before a call ended.
func (h *history) mayBe(done verb, o *op) bool {
	return slices.ContainsFunc(h.ops, func(r *op) bool { return r.verb == done && (r.maybe || r.err == nil) && r.call < o.ret })
}
