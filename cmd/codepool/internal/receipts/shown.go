// Package receipts is what those who hand receipts on have in common: what may be shown of
// the code of one, and how they are read ahead.
package receipts

import (
	"context"
	"errors"
	"slices"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"
)

// Batch is what must be known of a batch to show its codes.
type Batch struct {
	Name, Namespace string
	fromStock       bool
}

// Batches asks the store for each batch once.
type Batches map[store.BatchID]Batch

// Of returns the batch of that number. What was claimed of a shared batch is of none, 0.
func (m Batches) Of(s *store.Store, id store.BatchID) (Batch, error) {
	if id == 0 {
		return Batch{}, nil
	}
	if b, ok := m[id]; ok {
		return b, nil
	}
	info, err := s.Batch(id)
	if err == nil {
		m[id] = Batch{info.Name, info.Namespace, info.FromStock}
	}
	return m[id], err
}

// Shown returns a receipt of a batch as it may be shown: its redemption may have been undone
// since and the code be in stock. A token is for all to see.
func Shown(ctx context.Context, s *store.Store, b Batch, r store.Receipt) (store.Receipt, error) {
	if r.Share != nil {
		return r, nil
	}
	state, err := StateOf(ctx, s, b, r.Code)
	r.Code = Text(state, r.Code, r.Code)
	return r, err
}

// Text is the text that may be shown of a code in a state: all of it only when somebody
// has it already, else its end.
func Text(state, code, printed string) string {
	switch state {
	case shard.Issued.String(), shard.Redeemed.String():
		return printed
	}
	return gen.Mask(code)
}

// StateOf returns the state of a code of a batch, mostly without reading the disk: whether
// it could be redeemed tells, except of what can be redeemed from stock.
func StateOf(ctx context.Context, s *store.Store, b Batch, code string) (string, error) {
	err := s.Check(ctx, store.Redemption{Code: code, Namespace: b.Namespace})
	is := func(kinds ...error) bool {
		return slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) })
	}
	switch {
	case is(store.ErrAlreadyRedeemed):
		return shard.Redeemed.String(), nil
	case is(store.ErrRevoked):
		return shard.Revoked.String(), nil
	case is(store.ErrNotIssued):
		return shard.Available.String(), nil // or leased, which is as little to be seen
	case !b.fromStock && (err == nil || is(store.ErrNotYetValid, store.ErrExpired, store.ErrPaused, store.ErrNoUser, store.ErrNoKey)):
		return shard.Issued.String(), nil
	}
	info, err := s.Lookup(ctx, b.Namespace, code)
	return info.StateName, err
}
