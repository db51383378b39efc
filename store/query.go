package store

import (
	"context"
	"iter"
	"time"

	"codepool/shard"
	"codepool/store/internal/journal"
)

// Queries by user and by reference read the index: they see what was durable when they
// began, newest first, and go on from any ledger number.

// Kinds of labels in the index; each is a set of its own, as those of keys are.
const (
	labelUser = 'u'
	labelRef  = 'r'
)

// ReceiptsOf yields the redemptions of a user in all namespaces, newest first, with
// numbers below before; 0 begins with the newest. Pass the last number to go on later. A
// redemption that was undone is among them. ErrInvalid refuses an empty user.
func (s *Store) ReceiptsOf(ctx context.Context, user string, before uint64) iter.Seq2[Receipt, error] {
	return func(yield func(Receipt, error) bool) {
		err := checkLabel("User", user)
		if err == nil {
			err = s.eachLabelled(ctx, labelUser, user, before, func(r *record) (bool, error) {
				if !r.redeems() && r.kind != recClaim || string(r.user) != user {
					return true, nil
				}
				rec, err := s.receiptOf(nil, r)
				return err == nil && yield(rec, nil), err
			})
		}
		if err != nil {
			yield(Receipt{}, err)
		}
	}
}

// Drawn is a code that was drawn for a reference.
type Drawn struct {
	Number  uint64    `json:"number"`  // of the draw, in the ledger
	Code    string    `json:"code"`    // canonical form
	Printed string    `json:"printed"` // as the batch's format prints it
	Batch   BatchID   `json:"batch"`
	Key     string    `json:"key,omitempty"`
	At      time.Time `json:"at"`
	// State of the code now, if it is the reference's still; "gone" if it went back to
	// stock since, and may be somebody else's.
	State string `json:"state"`
}

// goneState is the state of a code that is not the reference's any more.
const goneState = "gone"

// DrawnFor yields the codes that were drawn for a reference, newest draw first, with
// numbers below before; 0 begins with the newest. All codes of one draw have its number.
// What an import brought as handed out to the reference counts as a draw, or as several if
// it was large. ErrInvalid refuses an empty reference.
func (s *Store) DrawnFor(ctx context.Context, ref string, before uint64) iter.Seq2[Drawn, error] {
	return func(yield func(Drawn, error) bool) {
		err := s.eachDrawnFor(ctx, ref, before, func(d Drawn) bool { return yield(d, nil) })
		if err != nil {
			yield(Drawn{}, err)
		}
	}
}

func (s *Store) eachDrawnFor(ctx context.Context, ref string, before uint64, f func(Drawn) bool) error {
	return s.eachRefRecord(ctx, ref, before, func(r *record) (bool, error) {
		key := string(r.key)
		for _, c := range r.codes() {
			d := Drawn{Number: r.number, Key: key, At: instant(r.at)}
			if err := s.fillDrawn(ctx, &d, c); err != nil {
				return false, err
			}
			if !f(d) {
				return false, nil
			}
		}
		return true, nil
	})
}

// eachRefRecord calls f for what hands codes out to a reference, newest first.
func (s *Store) eachRefRecord(ctx context.Context, ref string, before uint64, f func(*record) (bool, error)) error {
	if err := checkLabel("Ref", ref); err != nil {
		return err
	}
	s.endOvers()
	return s.eachLabelled(ctx, labelRef, ref, before, func(r *record) (bool, error) {
		if !r.handsOut() || string(r.ref) != ref {
			return true, nil
		}
		if r.kind == recRun && s.batchOf(r.run) == nil && !s.closed.Load() {
			return true, nil // durable, and not in stock yet: its import goes on
		}
		return f(r)
	})
}

// fillDrawn says what a code is and whether the draw of d.Number still has it.
func (s *Store) fillDrawn(ctx context.Context, d *Drawn, c drawnCode) error {
	b, k, st, mark, ok := s.codeAt(c.run, c.ordinal)
	if !ok {
		return s.noCode(d.Number)
	}
	if err := s.com.waitFor(ctx, mark); err != nil {
		return err
	}
	d.Code, d.Batch = canonText(&k), b.ID
	d.Printed = string(b.Format.AppendPrinted(nil, []byte(d.Code)))
	d.State = st.String()
	has, err := s.stillHas(ctx, c, d.Number)
	if !has {
		d.State = goneState
	}
	return err
}

// isLastDraw reports whether a draw, or an import of what was handed out, is what the ledger
// says last of who has a code: it was neither drawn again nor did it go back since.
func (s *Store) isLastDraw(ctx context.Context, c drawnCode, draw uint64) (bool, error) {
	numbers, err := s.index.findCode(ctx, codeHash(c.run, c.ordinal))
	if err != nil {
		return false, err
	}
	for _, n := range numbers { // newest first
		if n <= draw {
			return n == draw, nil
		}
		other := false
		err := s.readRecord(n, func(r *record) error {
			other = r.returns(c)
			if r.draws() {
				r.eachDrawn(func(run, ordinal uint32) { other = other || run == c.run && ordinal == c.ordinal })
			}
			return nil
		})
		if err != nil || other {
			return false, err
		}
	}
	// No draw has the code, so it came with it: the index has no posting a code of that.
	return true, nil
}

// checkLabel refuses what cannot be asked for.
func checkLabel(name, text string) error {
	if text == "" {
		return invalid("%s is empty", name)
	}
	return checkLabels(label{name, text})
}

// receiptOf builds the receipt that a redemption's or claim's record says. v is the view that
// it is read in, nil for none.
func (s *Store) receiptOf(v journal.Reader, r *record) (Receipt, error) {
	if r.kind == recClaim {
		return s.shareReceipt(v, r)
	}
	b, k, ok := s.codeOf(r.run, r.ordinal)
	if !ok {
		return Receipt{}, s.noCode(r.number)
	}
	rec := b.receipt(r.number, string(r.user), string(r.key), r.at)
	rec.Code = canonText(&k)
	return rec, nil
}

// codeAt returns a code, its batch and its state as requests see it, and the group that
// the state depends on. ok is false when there is no such code, or the store is closed.
func (s *Store) codeAt(run, ordinal uint32) (b *batch, k shard.Key, st shard.State, mark uint64, ok bool) {
	sh, seg, pos := s.placeOf(drawnCode{run, ordinal})
	if sh == nil {
		found, err := s.retiredAt(drawnCode{run, ordinal})
		if found == nil || err != nil {
			return nil, k, 0, 0, false
		}
		b = s.batchOf(run)
		return b, found.key, b.seen(found.state), 0, true
	}
	defer sh.Unlock()
	b = s.batch(seg.Batch)
	return b, sh.KeyAt(pos, seg), b.seen(sh.State(pos)), sh.Mark, true
}
