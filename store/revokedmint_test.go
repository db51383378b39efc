package store_test

import (
	"context"
	"strings"
	"testing"

	"codepool/store"
	"codepool/store/storetest"
)

// revokes is a context that revokes a batch when it is asked for the first time after the
// batch was made.
type revokes struct {
	context.Context
	s    *store.Store
	done bool
}

func (r *revokes) Err() error {
	if _, err := r.s.Batch(1); err == nil && !r.done {
		r.done = true
		if err := r.s.RevokeBatch(context.Background(), 1, store.BatchChange{}); err != nil {
			panic(err)
		}
	}
	return nil
}

// A batch that is revoked while it is imported or minted does not grow any more.
func TestRevokeWhileImporting(t *testing.T) {
	s := storetest.Open(t, weak())
	rep, err := s.Import(&revokes{Context: t.Context(), s: s}, store.Batch{Name: "b"}, strings.NewReader("A1\nA2\n"), store.ImportOptions{})
	wantErr(t, "import", err, store.ErrRevoked)
	if i, err := s.Batch(1); err != nil || i.Counts.Minted != 0 {
		t.Errorf("%+v, %v: codes came after the batch was revoked: %+v", i, err, rep)
	}
}
