package linear

import (
	"codepool/store"
)

// checkLedger compares the ledger of the end with the answers: every redemption that was
// answered is in it as it was answered, every other one was asked for by somebody who does
// not know, a key has one, and the numbers agree with real time.
func (h *history) checkLedger() {
	inLedger := map[uint64]store.Receipt{}
	keys := map[string]uint64{}
	last := uint64(0)
	for _, r := range h.receipts {
		if r.Number <= last {
			h.problem("the ledger has receipt %d behind %d", r.Number, last)
		}
		last = r.Number
		inLedger[r.Number] = r
		if other, twice := keys[r.Key]; twice && r.Key != "" {
			h.problem("receipts %d and %d have one key, %q", other, r.Number, r.Key)
		}
		keys[r.Key] = r.Number
	}
	said := map[uint64]*op{}
	asked := map[uint64]bool{}
	for _, o := range h.ops {
		if o.number == 0 {
			continue
		}
		if o.verb == take {
			for i := range o.codes {
				asked[o.number+1+uint64(i)] = true
			}
		}
		if r, ok := inLedger[o.number]; o.verb == redeem || o.verb == confirm || o.verb == lookup {
			asked[o.number] = asked[o.number] || o.verb != lookup
			if !ok {
				h.problem("receipt %d was answered and is not in the ledger: %s", o.number, o)
			} else if !o.maybe && o.said != sayReceipt(r) {
				h.problem("receipt %d is %q in the ledger, %q was answered: %s", o.number, sayReceipt(r), o.said, o)
			}
		}
		if o.maybe {
			continue
		}
		if first := said[o.number]; first != nil && first.said != o.said {
			h.problem("number %d has two answers, %q and %q", o.number, first.said, o.said)
		}
		said[o.number] = o
	}
	for _, r := range h.receipts {
		if !asked[r.Number] {
			h.problem("the ledger has a redemption that nobody can have made: %s", sayReceipt(r))
		}
	}
	h.checkNumbers()
}

// checkNumbers finds records that were certainly made one after the other, of the same code
// or not, and have their numbers the other way round.
func (h *history) checkNumbers() {
	spans := h.spans()
	for i, a := range spans {
		for _, b := range spans[i+1:] {
			if b.to < a.from {
				h.problem("number %d was answered before %d was asked for:\n\t%s\n\t%s", b.number, a.number, b.op, a.op)
			}
		}
	}
}
