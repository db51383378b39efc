package main

import (
	"context"
	"errors"

	"codepool/shard"
	"codepool/store"
)

// batchName is what a listing needs to know of a batch.
type batchName struct{ name, namespace string }

// batchNames asks the store for each batch once.
type batchNames map[store.BatchID]batchName

func (m batchNames) of(s *store.Store, id store.BatchID) (batchName, error) {
	if b, ok := m[id]; ok {
		return b, nil
	}
	info, err := s.Batch(id)
	if err == nil {
		m[id] = batchName{info.Name, info.Namespace}
	}
	return m[id], err
}

// stateOf returns the state of a code. Of one that is redeemed it knows it without reading
// the disk.
func stateOf(ctx context.Context, s *store.Store, namespace, code string) (string, error) {
	err := s.Check(ctx, store.Redemption{Code: code, Namespace: namespace})
	if errors.Is(err, store.ErrAlreadyRedeemed) {
		return shard.Redeemed.String(), nil
	}
	info, err := s.Lookup(ctx, namespace, code)
	return info.StateName, err
}
