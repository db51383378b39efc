package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"codepool/gen"
	"codepool/store"
)

// sides is how many players try each code.
const sides = 2

// score is what the demo was told about each code in somebody's hands. It is the
// judge of the store: it takes nothing from it but answers.
type score struct {
	codes []string         // as printed
	canon []string         // in canonical form
	index map[string]int32 // by canonical form
	names []string         // of the players
	// winners has the receipt's number and the side that got it; 0 is no answer yet.
	winners []atomic.Uint64

	refused atomic.Int64 // answers "already redeemed"
	won     atomic.Int64 // receipts, each counted once
}

func newScore(n int) *score {
	s := &score{codes: make([]string, 0, n), canon: make([]string, 0, n),
		index: make(map[string]int32, n), winners: make([]atomic.Uint64, n)}
	for i := range max(sides, n/codesAPlayer) {
		s.names = append(s.names, fmt.Sprintf("player-%06d", i))
	}
	return s
}

// add takes up a code; it returns false if the code is known.
func (s *score) add(code, canon string) bool {
	if _, twice := s.index[canon]; twice {
		return false
	}
	s.index[canon] = int32(len(s.codes))
	s.codes, s.canon = append(s.codes, code), append(s.canon, canon)
	return true
}

func (s *score) knows(code []byte, fold gen.Fold) bool {
	var buf [gen.MaxCode]byte
	canon, err := gen.AppendCanonical(buf[:0], string(code), fold)
	_, ok := s.index[string(canon)]
	return ok && err == nil
}

// player names who tries code i on a side; the sides have different players.
func (s *score) player(i, side int) string {
	n := len(s.names)
	return s.names[(i/codesAPlayer+side*n/sides)%n]
}

// win takes down a receipt. It returns false if the code had another one.
func (s *score) win(i, side int, number uint64) bool {
	mine := number<<1 | uint64(side)
	if s.winners[i].CompareAndSwap(0, mine) {
		s.won.Add(1)
		return true
	}
	return s.winners[i].Load() == mine
}

// winner returns the receipt that was told of code i; number 0 is none.
func (s *score) winner(i int) (number uint64, side int) {
	w := s.winners[i].Load()
	return w >> 1, int(w & 1)
}

// part returns the codes of one step: shares of all, in the order of the steps.
func (s *score) part(from, to float64) (lo, hi int) {
	n := float64(len(s.codes))
	return int(n * from), int(n * to)
}

// take takes down the answer that one side got for a code.
func (d *demo) take(i, side int, r store.Receipt, err error) {
	switch {
	case errors.Is(err, store.ErrAlreadyRedeemed):
		d.ledger.refused.Add(1)
	case isFatal(err):
		d.mu.Lock()
		d.mu.fatal = cmp.Or(d.mu.fatal, err)
		d.mu.Unlock()
	case err != nil:
		d.broke("code %s: %v", gen.Mask(d.ledger.canon[i]), err)
	case r.Code != d.ledger.canon[i] || r.User != d.ledger.player(i, side):
		d.broke("code %s: the receipt is for another code or player", gen.Mask(d.ledger.canon[i]))
	case !d.ledger.win(i, side, r.Number):
		d.twice(i)
	}
}

// isFatal reports whether err breaks no promise but ends the demo: a full disk, an
// interrupt.
func isFatal(err error) bool {
	return stopsStream(err) || errors.Is(err, context.Canceled) || errors.Is(err, errInterrupted)
}

func (d *demo) fatal() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.fatal
}

func (d *demo) twice(i int) {
	d.mu.Lock()
	d.r.RedeemedTwice++
	d.mu.Unlock()
	d.broke("code %s was redeemed twice", gen.Mask(d.ledger.canon[i]))
}

func (d *demo) lost(format string, args ...any) {
	d.mu.Lock()
	d.r.Lost++
	d.mu.Unlock()
	d.broke(format, args...)
}

// eachHasWinner checks that all codes of a step went to exactly one of those who
// tried; that it was not two has been checked at each answer.
func (d *demo) eachHasWinner(lo, hi int) {
	for i := lo; i < hi; i++ {
		if n, _ := d.ledger.winner(i); n == 0 {
			d.broke("code %s was tried twice and redeemed by nobody", gen.Mask(d.ledger.canon[i]))
		}
	}
}

// audit reads the whole ledger and holds it against the score.
func (d *demo) audit(ctx context.Context) error {
	seen := make([]bool, len(d.ledger.codes))
	var n int64
	_, err := d.step("read the ledger", d.ledger.won.Load(), nil, func() (string, error) {
		for r, err := range d.s.Receipts(ctx, 0) {
			if err != nil {
				return "", err
			}
			n++
			d.auditReceipt(r, seen)
		}
		return plural(n, "receipt"), nil
	})
	if err != nil {
		return err
	}
	for i := range seen {
		if number, _ := d.ledger.winner(i); number != 0 && !seen[i] {
			d.lost("receipt %d of code %s is not in the ledger", number, gen.Mask(d.ledger.canon[i]))
		}
	}
	d.r.Redeemed, d.r.DoubleRefused = n, d.ledger.refused.Load()
	if c := d.s.Stats().Codes; c.Redeemed != n {
		d.broke("the ledger has %d receipts, the store says %d", n, c.Redeemed)
	}
	return nil
}

func (d *demo) auditReceipt(r store.Receipt, seen []bool) {
	i, ok := d.ledger.index[r.Code]
	if !ok {
		d.broke("receipt %d is for a code that nobody had", r.Number)
		return
	}
	number, side := d.ledger.winner(int(i))
	switch {
	case seen[i]:
		d.twice(int(i))
	case number != r.Number || d.ledger.player(int(i), side) != r.User:
		d.broke("receipt %d is not the one that was told", r.Number)
	}
	seen[i] = true
}
