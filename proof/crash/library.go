package crash

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"codepool/store"
)

// Codes of reusable batches are drawn, redeemed or released, and live again, at once or after
// a rest. Each life has one receipt at most, and a request that comes late gets that of its
// own life.

const reader = "reader" // whom all are for

var libraryBatches = []store.Batch{
	{Name: "library", Count: 16, Reusable: true},
	{Name: "archive", Count: 16, Reusable: true, Quarantine: moment},
}

func (c *child) lending(ctx context.Context) {
	var all sync.WaitGroup
	for _, def := range libraryBatches {
		all.Go(func() {
			var lives []receipt
			c.aside(ctx, def, func(id store.BatchID, i int) error {
				r, err := c.borrow(ctx, id, fmt.Sprint(c.run0, "-", def.Name, "-", i), i)
				if err != nil || r.number == 0 {
					return err
				}
				lives = append(lives, r)
				late := lives[max(0, len(lives)-40)]
				again, err := c.s.Redeem(ctx, late.request())
				if err == nil && again.Number != late.number {
					say(lineWrong, fmt.Sprintf("%+v was repeated late and got %+v", late, again))
				}
				return err
			})
		})
	}
	all.Wait()
}

// receipt is that of one life.
type receipt struct {
	number    uint64
	code, key string
}

func (r receipt) request() store.Redemption {
	return store.Redemption{Code: r.code, User: reader, Key: r.key}
}

// borrow leads a code through one life; a life that ends without a receipt has none.
func (c *child) borrow(ctx context.Context, id store.BatchID, key string, i int) (receipt, error) {
	codes, err := c.s.Issue(ctx, id, 1, store.To(reader).Once(key))
	if err != nil {
		return receipt{}, err
	}
	r := receipt{code: canon(codes[0]), key: key}
	var rec store.Receipt
	switch i % 4 {
	case 0:
		_, err := c.s.Release(ctx, store.Change{Code: r.code, Key: key})
		return receipt{}, err
	case 1:
		h, err := c.s.Reserve(ctx, r.request(), long)
		if err != nil {
			return r, err
		}
		if rec, err = c.s.Confirm(ctx, store.LeaseEnd{Number: h.Number, Key: key}); err != nil {
			return r, err
		}
	default:
		if rec, err = c.s.Redeem(ctx, r.request()); err != nil {
			return r, err
		}
	}
	r.number = rec.Number
	say(lineLived, fmt.Sprint(r.number), r.code, r.key)
	return r, nil
}

// reused is what is known of reusable batches.
type reused struct {
	batches  map[store.BatchID]bool // whether one is
	lives    map[string]receipt     // by key
	last     map[string]uint64      // code → its last receipt
	upto     uint64                 // the last draw that was read
	receipts []store.Receipt        // since the last audit
}

func newReused() reused {
	return reused{batches: map[store.BatchID]bool{}, lives: map[string]receipt{}, last: map[string]uint64{}}
}

// has reports whether a batch is reusable.
func (r *reused) has(s *store.Store, id store.BatchID) bool {
	is, known := r.batches[id]
	if !known {
		b, err := s.Batch(id)
		is = err == nil && b.Reusable
		r.batches[id] = is
	}
	return is
}

func (a *auditor) noteLived(n uint64, code, key string) {
	if old, twice := a.seen[n]; twice {
		a.wrong("receipt %d was given for %s and for %s", n, old.code, code)
	}
	a.seen[n] = redemption{code, reader, key}
	a.reused.lives[key] = receipt{n, code, key}
}

// auditLives holds the receipts of reusable codes to the draws, each of which begins a life,
// and repeats some requests, of whatever life.
func (a *auditor) auditLives(ctx context.Context, s *store.Store) {
	r := &a.reused
	draws, upto := map[string][]uint64{}, r.upto
	for d, err := range s.DrawnFor(ctx, reader, 0) {
		if err != nil {
			a.wrong("draws of reusable codes: %v", err)
			return
		}
		if d.Number <= r.upto {
			break
		}
		draws[d.Code], upto = append(draws[d.Code], d.Number), max(upto, d.Number)
	}
	r.upto = upto
	for _, rec := range r.receipts {
		last := r.last[rec.Code]
		if !slices.ContainsFunc(draws[rec.Code], func(n uint64) bool { return last < n && n < rec.Number }) {
			a.wrong("receipt %d of %s belongs to no life: it was redeemed by %d, and drawn since by %v", rec.Number, rec.Code, last, draws[rec.Code])
		}
		r.last[rec.Code] = rec.Number
	}
	r.receipts = nil
	left := keysChecked
	for _, life := range r.lives {
		if left--; left < 0 {
			break
		}
		again, err := s.Redeem(ctx, life.request())
		if err != nil || again.Number != life.number {
			a.wrong("%+v was a life's receipt; repeated with its key: %+v, %v", life, again, err)
		}
	}
}
