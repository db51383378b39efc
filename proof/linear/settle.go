package linear

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"codepool/store"
)

// history is what one round noted.
type history struct {
	terms    terms
	batch    store.BatchID
	codes    []string // canonical
	born     *op      // how they came into the batch; without a code
	ops      []*op
	cuts     []cut               // by epoch: how it ended, except for the last
	receipts []store.Receipt     // the ledger in the end
	entries  []store.Entry       // all of it that is about the batch
	drawn    map[uint64][]string // codes of leases and takes, as asked for in the end
	end      int64               // moment after everything

	shareTerms shareTerms
	shared     uint64          // the shared batch
	claims     []store.Receipt // of its shares, in the end

	problems []string
}

// cut is a restart.
type cut struct {
	crash  bool
	t0, t1 int64  // the copy was made between these moments
	moment int64  // at which the restarted store stood and no call was under way
	last   uint64 // number with which its ledger ended
}

func (h *history) problem(format string, args ...any) {
	h.problems = append(h.problems, fmt.Sprintf(format, args...))
}

// String lists the calls in the order in which they began.
func (h *history) String() string {
	ops := append(slices.Clone(h.ops), h.marks()...)
	slices.SortStableFunc(ops, func(a, b *op) int { return cmp.Compare(a.call, b.call) })
	var b strings.Builder
	for _, o := range ops {
		fmt.Fprintln(&b, "\t", o)
	}
	return b.String()
}

// settle finds out what became of every call and drops those that had no effect and tell
// nothing.
func (h *history) settle() {
	h.ops = filter(h.ops, h.keep)
	h.addEnds()
	for _, o := range h.ops {
		if c := h.cutOf(o); c != nil && !o.maybe && o.number > c.last {
			h.problem("number %d was answered before the restart and is not in the ledger, which ends at %d: %s", o.number, c.last, o)
		}
	}
	h.ops = filter(h.ops, func(o *op) bool { return !o.maybe || h.mayHaveHappened(o) })
}

func filter(ops []*op, keep func(*op) bool) (out []*op) {
	for _, o := range ops {
		if keep(o) {
			out = append(out, o)
		}
	}
	return out
}

// cutOf returns the restart that ended the epoch of a call, nil if none did.
func (h *history) cutOf(o *op) *cut {
	if o.epoch < len(h.cuts) {
		return &h.cuts[o.epoch]
	}
	return nil
}

// keep sorts a call: it stays if it is certain, or maybe happened. A refusal that nobody
// can rely on is dropped; that it changed nothing is certain all the same.
func (h *history) keep(o *op) bool {
	if nothingDone(o.err) && o.verb != retire {
		return false
	}
	// A retirement that was given up while it freed memory has happened, and does not say so.
	unknown := o.err == store.ErrOutcomeUnknown || nothingDone(o.err)
	if c := h.cutOf(o); c != nil && c.crash {
		if o.call > c.t1 {
			return false // on a store that nobody has seen again
		}
		if o.ret > c.t0 {
			if o.verb.reads() || o.err != nil && !unknown {
				return false
			}
			if o.number > 0 { // the crash left the ledger up to a number
				o.ret = min(o.ret, c.t1)
				return o.number <= c.last
			}
			unknown = true
		}
	}
	o.maybe = unknown
	return !unknown || !o.verb.reads()
}

// mayHaveHappened looks for what can be known about a call without a certain answer, and
// reports whether it may have happened.
func (h *history) mayHaveHappened(o *op) bool {
	switch o.verb {
	case redeem:
		for _, r := range h.receipts {
			if r.Code == o.code && r.User == o.by && r.Key == o.key {
				o.number, o.at = r.Number, reading(r.At)
				return true
			}
		}
		return false
	case claim, unclaim, endShared:
		return h.shareInLedger(o)
	case lease, take, acknowledge, giveBack, reserve, confirm, cancel:
		return h.inLedger(o)
	case release:
		if h.terms.quarantine > 0 {
			return h.inLedger(o)
		}
	case issue, export:
		first := h.firstWithKey(o)
		switch {
		case first == nil && o.codes == nil:
			o.codes = slices.Clone(h.codes) // any of them
			return true
		case first == nil:
			return true
		case first.by != o.by || first.n != o.n || o.codes != nil && !slices.Equal(first.codes, o.codes):
			return false
		}
		o.codes = first.codes
		return true
	}
	if first := h.firstWithKey(o); first != nil {
		o.number = first.number
		return first.code == o.code && first.by == o.by
	}
	return true
}

// resolved reports whether it is known which codes a draw took, if it took any.
func (h *history) resolved(o *op) bool { return len(o.codes) == o.n }

// firstWithKey returns a call that was answered with what its key is bound to, which is
// also the key of o; nil if there is none.
func (h *history) firstWithKey(o *op) *op {
	if o.key == "" {
		return nil
	}
	for _, other := range h.ops {
		if other.verb == o.verb && other.key == o.key && !other.maybe && other.err == nil {
			return other
		}
	}
	return nil
}

// span is the time within which the record of a number was made.
type span struct {
	number   uint64
	from, to int64 // to is the end of time if no certain answer shows it
	op       *op
}

// spans returns the time within which each known number was given, by number.
func (h *history) spans() []span {
	by := map[uint64]span{}
	for _, o := range h.ops {
		if o.verb.reads() || o.number == 0 {
			continue
		}
		s, ok := by[o.number]
		if !ok {
			s = span{o.number, o.call, forever, o}
		}
		s.from = min(s.from, o.call)
		if !o.maybe {
			s.to = min(s.to, o.ret)
		}
		by[o.number] = s
	}
	out := make([]span, 0, len(by))
	for _, s := range by {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b span) int { return cmp.Compare(a.number, b.number) })
	return out
}
