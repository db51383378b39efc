package store

import (
	"context"
	"iter"

	"codepool/store/internal/journal"
)

// receiptsPart is how many records are read in one view of the engine, so that a
// slow consumer does not hold back its clean-up.
const receiptsPart = 8 * entryRecords

// Receipts yields the redemptions with numbers above after, in order, up to what is
// durable when it gets there. Remember the last number to go on later. It ends with
// an error if the ledger is damaged, the store is closed or ctx ends. A redemption that
// was undone is among them: it happened.
func (s *Store) Receipts(ctx context.Context, after uint64) iter.Seq2[Receipt, error] {
	return func(yield func(Receipt, error) bool) {
		for {
			part, next, err := s.receiptsFrom(ctx, after)
			for _, r := range part {
				if !yield(r, nil) {
					return
				}
			}
			if err != nil {
				yield(Receipt{}, err)
				return
			}
			if next == after {
				return
			}
			after = next
		}
	}
}

// receiptsAfter reads some records and returns the number up to which it read.
func (s *Store) receiptsAfter(after uint64) (part []Receipt, upto uint64, err error) {
	upto = after
	durable, stopped, taken := s.com.durableRecord.Load(), false, false
	if after >= durable {
		return nil, after, nil
	}
	err = s.eng.View(func(v journal.Reader) error {
		return eachRecord(v, after+1, func(r *record) error {
			if r.number > durable || r.number-after > receiptsPart {
				stopped = true
				return journal.ErrStop
			}
			upto, taken = r.number, taken || r.kind == recTake
			if !r.redeems() && r.kind != recClaim {
				return nil
			}
			rec, err := s.receiptOf(v, r)
			if err == nil {
				part = append(part, rec)
			}
			return err
		})
	})
	if taken { // who has the receipt of a code must not find it in stock
		s.settleDraws()
	}
	if err == nil && !stopped && upto < durable {
		err = corrupt(entryKey(upto+1), "record is missing")
	}
	return part, upto, err
}

// settleDraws waits for the draws that are between journal and memory.
func (s *Store) settleDraws() {
	s.draws.Lock()
	defer s.draws.Unlock()
}
