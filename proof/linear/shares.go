package linear

import (
	"fmt"

	"codepool/store"

	"github.com/anishathalye/porcupine"
)

// maxShares is how many shares the shared batch of a round has at the most.
const maxShares = 4

// shareTerms are what the shared batch of a round allows.
type shareTerms struct {
	shares  int // 0: there is none
	perUser int
	split   bool // each share has a place of its own
}

// shareWorth is what each share of a split is worth.
const shareWorth = 10

// shareState is the shared batch: who has which share, by which claim.
type shareState struct {
	held  [maxShares]holder
	ended bool
	epoch int
	over  bool
}

type holder struct {
	number uint64 // of the claim, 0: nobody has it
	user   string
}

// shareModel is the model of a shared batch.
func shareModel(t shareTerms) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return shareState{} },
		Step: func(s, in, _ any) (bool, any) {
			next, ok := t.step(s.(shareState), in.(*op))
			return ok, next
		},
		DescribeOperation: func(in, _ any) string { return in.(*op).asked() + " -> " + in.(*op).answered() },
		DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s) },
	}
}

// has counts the shares that a user has, and all that are taken.
func (s *shareState) has(user string) (his, all int) {
	for _, h := range s.held {
		if h.number > 0 {
			all++
			if h.user == user {
				his++
			}
		}
	}
	return his, all
}

// place is where a claim stands, -1 if it does not.
func (s *shareState) place(number uint64) int {
	for i, h := range s.held {
		if h.number == number && number > 0 {
			return i
		}
	}
	return -1
}

// step tells whether the shared batch in this state can meet the call, and its next state.
func (t shareTerms) step(s shareState, o *op) (shareState, bool) {
	switch o.verb {
	case restart:
		s.epoch++
		return s, true
	case over:
		s.over = true
		return s, true
	case lookShared:
		return s, t.looks(&s, o)
	}
	switch {
	case o.maybe && s.over:
		return s, true
	case o.maybe && s.epoch != o.epoch:
		return s, false
	case !o.maybe && o.err != nil:
		return s, o.err == t.refusal(&s, o)
	}
	if t.refusal(&s, o) != nil {
		return s, false
	}
	return t.effect(s, o)
}

// refusal is the answer to a call that is refused, nil if it is not.
func (t shareTerms) refusal(s *shareState, o *op) error {
	his, all := s.has(o.by)
	switch {
	case o.verb == claim && his >= t.perUser:
		return store.ErrUserLimit
	case o.verb == unclaim && s.place(o.lease) < 0:
		return store.ErrNotClaimed
	case s.ended:
		return store.ErrShareEnded
	case o.verb != unclaim && all == t.shares:
		return store.ErrSoldOut
	}
	return nil
}

// effect is what a call does that nothing refuses.
func (t shareTerms) effect(s shareState, o *op) (shareState, bool) {
	switch o.verb {
	case claim:
		i := o.n
		for !t.split && s.held[i].number > 0 { // all are alike: any of them
			i++
		}
		if s.held[i].number > 0 || s.place(o.number) >= 0 {
			return s, false
		}
		s.held[i] = holder{o.number, o.by}
	case unclaim:
		s.held[s.place(o.lease)] = holder{}
	case endShared:
		s.ended = true
		_, all := s.has("")
		return s, o.maybe || o.n == t.shares-all
	}
	return s, true
}

// looks tells whether LookupShared shows the state.
func (t shareTerms) looks(s *shareState, o *op) bool {
	_, all := s.has("")
	want := store.SharedInfo{Claimed: int64(all), Left: int64(t.shares - all), State: "open"}
	switch {
	case s.ended:
		want.Refunded, want.Left, want.State = want.Left, 0, "ended"
	case all == t.shares:
		want.State = "sold out"
	}
	if t.split {
		want.ClaimedAmount, want.RefundedAmount = shareWorth*want.Claimed, shareWorth*want.Refunded
	}
	return o.err == nil && o.shown == want
}

// sharePart is the history of the shared batch.
func (h *history) sharePart() part {
	p := part{name: "shared batch", model: shareModel(h.shareTerms)}
	for _, o := range h.ops {
		if o.verb.ofShares() {
			p.add(h, o, o)
		}
	}
	for _, o := range append(h.marks(), &op{verb: over, client: -1, call: h.end + 1, ret: h.end + 1}) {
		p.add(h, o, o)
	}
	p.sort()
	return p
}

// shareInLedger looks a call up whose answer nobody knows, by its key, and completes it.
func (h *history) shareInLedger(o *op) bool {
	for _, r := range h.claims {
		if o.verb == claim && r.Key == o.once {
			o.number, o.n = r.Number, r.Share.Part
			return true
		}
	}
	for _, e := range h.entries {
		if (o.verb == unclaim && e.Verb == "undo claim" || o.verb == endShared && e.Verb == "end") && e.Key == o.once {
			o.number = e.Number
			return true
		}
	}
	return false
}
