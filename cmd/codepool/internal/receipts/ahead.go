package receipts

import (
	"context"
	"errors"
	"iter"

	"codepool/store"
)

// Part is how many receipts are handed on before a cursor is moved behind them: that is a
// write to the disk.
const Part = 1000

// ErrEnd is that there is no further receipt.
var ErrEnd = errors.New("end of the receipts")

// received is what the store yields.
type received struct {
	receipt store.Receipt
	err     error
}

// Ahead reads receipts ahead of the one who hands them on. It is for one goroutine.
type Ahead struct {
	from   chan received
	cancel context.CancelFunc
}

// Read begins to read the receipts above a number: those that are there, or, to follow, those
// that come as well.
func Read(ctx context.Context, s *store.Store, after uint64, follow bool) *Ahead {
	verb := s.Receipts
	if follow {
		verb = s.Follow
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &Ahead{make(chan received, Part), cancel}
	go a.read(verb(ctx, after))
	return a
}

func (a *Ahead) read(all iter.Seq2[store.Receipt, error]) {
	defer close(a.from)
	for r, err := range all {
		a.from <- received{r, err} // Stop reads what nobody wants
	}
}

// Stop ends the reading, also where it waits, and returns when it has ended.
func (a *Ahead) Stop() {
	a.cancel()
	for range a.from {
	}
}

// Take waits for a receipt and takes those with it that are there, at most so many. Its error
// comes with those that were read before: ErrEnd, or that of the store.
func (a *Ahead) Take(most int) (part []store.Receipt, err error) {
	for len(part) < most {
		var got received
		open := true
		if len(part) == 0 {
			got, open = <-a.from
		} else {
			select {
			case got, open = <-a.from:
			default:
				return part, nil
			}
		}
		if !open {
			return part, ErrEnd
		}
		if got.err != nil {
			return part, got.err
		}
		part = append(part, got.receipt)
	}
	return part, nil
}
