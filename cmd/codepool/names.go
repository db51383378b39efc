package main

import (
	"context"
	"errors"
	"slices"

	"codepool/shard"
	"codepool/store"
)

// batchName is what a listing needs to know of a batch.
type batchName struct {
	name, namespace string
	fromStock       bool
}

// batchNames asks the store for each batch once.
type batchNames map[store.BatchID]batchName

func (m batchNames) of(s *store.Store, id store.BatchID) (batchName, error) {
	if b, ok := m[id]; ok {
		return b, nil
	}
	info, err := s.Batch(id)
	if err == nil {
		m[id] = batchName{info.Name, info.Namespace, info.FromStock}
	}
	return m[id], err
}

// stateOf returns the state of a code of a batch, mostly without reading the disk: whether
// it could be redeemed tells, except of what can be redeemed from stock.
func stateOf(ctx context.Context, s *store.Store, b batchName, code string) (string, error) {
	err := s.Check(ctx, store.Redemption{Code: code, Namespace: b.namespace})
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
	info, err := s.Lookup(ctx, b.namespace, code)
	return info.StateName, err
}
