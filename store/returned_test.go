package store

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// A checkpoint that covers a release knows that a code of its batch has gone back: after a
// crash nothing else would tell.
func TestCheckpointKnowsReturned(t *testing.T) {
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, n := t.Context(), 3000
	if _, err := s.Mint(ctx, Batch{Name: "b", Count: int64(n)}); err != nil {
		t.Fatal(err)
	}
	codes, err := s.Issue(ctx, 1, n, To("x"))
	if err != nil {
		t.Fatal(err)
	}
	b := s.batchByID(1)
	var round, before atomic.Uint64 // round is odd while the flag is taken away for another try
	var over atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !over.Load() {
			was, last := round.Load(), before.Load()
			s.draws.Lock()
			upto := s.com.lastRecord()
			terms := s.changedTerms()
			s.draws.Unlock()
			if was%2 == 0 && was > 0 && round.Load() == was && upto > last && len(terms) == 0 {
				t.Errorf("a checkpoint up to %d does not know of the release behind %d", upto, last)
				return
			}
			runtime.Gosched()
		}
	})
	for _, c := range codes {
		round.Add(1)
		b.now.flags.And(^uint32(flagReturned))
		before.Store(s.com.lastRecord())
		round.Add(1)
		if _, err := s.Release(ctx, Change{Code: c}); err != nil {
			t.Error(err)
		}
	}
	over.Store(true)
	wg.Wait()
}
