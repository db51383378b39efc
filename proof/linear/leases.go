package linear

import (
	"cmp"
	"slices"

	"codepool/gen"
	"codepool/store"
)

// The ledger has one order for everything. So what a lease has come to, and how much a user
// has, is known at each of its numbers, and an answer is right if it was at one of the
// numbers that the ledger may have had during the call.

// addEnds makes calls of what ends by itself, and says which codes an end is of. The ledger
// knows both. An end may be anywhere behind the beginning; its number tells where.
func (h *history) addEnds() {
	begun := map[uint64]*op{} // also the redemptions and releases after which a code rests
	for _, o := range h.ops {
		if o.maybe && (o.verb == release || o.verb == redeem || recordVerbs[o.verb] != "") && !h.inLedger(o) {
			continue
		}
		if o.verb == take {
			for i, code := range o.codes {
				begun[o.number+1+uint64(i)] = &op{codes: []string{code}, call: o.call}
			}
		} else if b := begun[o.number]; o.number > 0 && !o.verb.reads() && (b == nil || o.call < b.call) {
			begun[o.number] = o // the first of those with one key
		}
	}
	codesOf := func(number uint64) []string {
		if o := begun[number]; o.code == "" {
			return o.codes
		}
		return []string{begun[number].code}
	}
	for _, o := range h.ops {
		if (o.verb == acknowledge || o.verb == giveBack || o.verb == cancel) && begun[o.lease] != nil {
			o.codes = codesOf(o.lease)
		}
	}
	for _, e := range h.entries {
		if e.Verb != "over" && e.Verb != "return" {
			continue
		}
		b := begun[e.Lease]
		if b == nil {
			h.problem("record %d ends %d, which nobody has made", e.Number, e.Lease)
			continue
		}
		o := &op{verb: lapse, client: -1, epoch: len(h.cuts), call: b.call, ret: h.end, to: forever, lease: e.Lease, number: e.Number, at: reading(e.At), codes: codesOf(e.Lease)}
		if e.Verb == "return" {
			o.verb = back
		}
		h.ops = append(h.ops, o)
	}
}

// recordVerbs are what the ledger calls them.
var recordVerbs = map[verb]string{
	lease: "lease", take: "take", acknowledge: "acknowledge", giveBack: "give back", reserve: "reserve", confirm: "confirm", cancel: "cancel",
}

// inLedger looks a call up whose answer nobody knows, and completes it.
func (h *history) inLedger(o *op) bool {
	for _, e := range h.entries {
		same := e.Verb == recordVerbs[o.verb] && e.Key == cmp.Or(o.key, o.once)
		if o.verb == release {
			same = (e.Verb == "release" || e.Verb == "rest") && e.Key == o.key
		}
		switch o.verb {
		case lease, take:
			same = same && e.Ref == o.by && e.Count == int64(o.n)
		case confirm:
			same = same && e.Lease == o.lease
		case acknowledge, giveBack, cancel:
			same = same && e.Lease == o.lease && e.By == o.by
		case release:
			same = same && e.By == o.by && e.Code == gen.Mask(o.code)
		case reserve:
			same = same && e.User == o.by && e.Code == gen.Mask(o.code)
		case redeem:
			same = e.Verb == "redeem" && e.Key == o.key && e.User == o.by && e.Code == o.code
		}
		if !same {
			continue
		}
		o.number, o.at = e.Number, reading(e.At)
		if !e.Until.IsZero() && o.verb != release {
			o.until = reading(e.Until)
		}
		switch o.verb {
		case lease, take:
			o.codes = h.drawn[o.number]
		case confirm:
			o.code = e.Code
		}
		return true
	}
	return false
}

// during returns the numbers of the last record that the ledger had for certain when a call
// began, and of the last that it may have had when it ended.
func (h *history) during(o *op) (from, to uint64) {
	to = 1<<64 - 1
	for _, s := range h.spans() {
		if s.to < o.call {
			from = max(from, s.number)
		}
		if s.from > o.ret {
			to = min(to, s.number-1)
		}
	}
	return from, to
}

// checkEnds holds the ends of leases and reservations against the ledger: each has one, and
// who comes too late is told so, and only he.
func (h *history) checkEnds() {
	type life struct {
		end     store.Entry
		revoked uint64 // record that revoked its last code
	}
	kinds := map[uint64]string{}
	lives := map[uint64]*life{}
	for _, e := range h.entries {
		switch {
		case e.Verb == "lease" || e.Verb == "reserve":
			kinds[e.Number], lives[e.Number] = e.Verb, &life{}
		case e.Lease > 0 && kinds[e.Lease] != "":
			if l := lives[e.Lease]; l.end.Number > 0 {
				h.problem("records %d and %d end lease %d", l.end.Number, e.Number, e.Lease)
			} else {
				l.end = e
			}
		case e.Verb == "revoke":
			for _, o := range h.ops {
				l := lives[o.number]
				if (o.verb == lease || o.verb == reserve) && l != nil && l.end.Number == 0 && h.hasOnly(o, e) {
					l.revoked = e.Number
				}
			}
		}
	}
	for _, o := range h.ops {
		if !o.verb.ends() || o.verb == lapse || o.verb == back || o.maybe {
			continue
		}
		l, kind := lives[o.lease], "lease"
		if o.verb == confirm || o.verb == cancel {
			kind = "reserve"
		}
		from, to := h.during(o)
		known := l != nil && kinds[o.lease] == kind
		right := false
		switch o.err {
		case nil:
			right = known && l.end.Number == o.number
		case store.ErrUnknownLease:
			right = !known || o.lease > from // lost in a crash, and given again
		case store.ErrLeaseOver:
			right = known && l.end.Verb == "over" && l.end.Number <= to
		case store.ErrLeaseEnded:
			right = known && (l.end.Number > 0 && l.end.Number <= to && l.end.Verb != "over" || l.revoked > 0 && l.revoked <= to)
		case store.ErrRevoked:
			right = (o.verb == acknowledge || o.verb == confirm) && h.mayBe(revokeBatch, o)
		case store.ErrPaused:
			right = o.verb == confirm && h.mayBePaused(o)
		}
		if !right {
			h.problem("the ledger has %+v of that lease, yet %s", l, o)
		}
	}
}

// hasOnly reports whether a revocation takes the last code of a lease or reservation.
func (h *history) hasOnly(o *op, e store.Entry) bool {
	codes := o.codes
	if len(codes) == 0 {
		codes = []string{o.code}
	}
	left := len(codes)
	mine := false
	for _, x := range h.entries {
		if x.Verb != "revoke" || x.Number > e.Number || x.Number < o.number {
			continue
		}
		if slices.ContainsFunc(codes, func(c string) bool { return gen.Mask(c) == x.Code }) {
			left--
			mine = mine || x.Number == e.Number
		}
	}
	return mine && left == 0
}

// checkLimit counts what each user has at each number of the ledger.
func (h *history) checkLimit() {
	if h.terms.perUser == 0 {
		return
	}
	type holding struct{ user, code string }
	type step struct {
		number uint64
		user   string
		has    int
	}
	has := map[string]int{}
	holds := map[uint64]holding{}
	last := map[string]string{} // by mask: user of the last redemption
	var steps []step
	count := func(e store.Entry, user string, by int) {
		if has[user] += by; has[user] > h.terms.perUser {
			h.problem("record %d gives %q %d codes of the batch", e.Number, user, has[user])
		}
		steps = append(steps, step{e.Number, user, has[user]})
	}
	for _, e := range h.entries {
		if old, ok := holds[e.Lease]; ok && e.Lease > 0 {
			delete(holds, e.Lease)
			count(e, old.user, -1)
		}
		switch e.Verb {
		case "reserve":
			holds[e.Number] = holding{e.User, e.Code}
			count(e, e.User, 1)
		case "redeem", "confirm":
			last[gen.Mask(e.Code)] = e.User
			count(e, e.User, 1)
		case "undo":
			count(e, last[e.Code], -1)
		case "revoke":
			for number, old := range holds {
				if old.code == e.Code {
					delete(holds, number)
					count(e, old.user, -1)
				}
			}
		}
	}
	for _, o := range h.ops {
		if o.err != store.ErrUserLimit || o.maybe || o.verb.ofShares() {
			continue
		}
		user, n := o.by, 1
		if o.verb == take {
			user, n = o.user, o.n
		}
		from, to := h.during(o)
		most, now := 0, 0
		for _, s := range steps {
			if s.user != user || s.number > to {
				continue
			}
			if now = s.has; s.number > from {
				most = max(most, now)
			} else {
				most = now
			}
		}
		if most+n <= h.terms.perUser {
			h.problem("%q has %d codes at the most, yet %s", user, most, o)
		}
	}
}
