package store_test

import (
	"sync"
	"testing"
	"time"

	"codepool/store"
	"codepool/store/storetest"
)

// TestLapseBesideCallers: whoever asks when a lease is over finds its codes in stock, also
// while somebody else is putting them there.
func TestLapseBesideCallers(t *testing.T) {
	ck := newClock()
	o := weak()
	o.Clock = ck.Now
	s := storetest.Open(t, o)
	const codes = 2000
	b := mint(t, s, store.Batch{Name: "b", Count: codes})
	for range fewer(100, 20) {
		if _, err := s.Lease(t.Context(), b.ID, codes, time.Minute, store.To("x")); err != nil {
			t.Fatal(err)
		}
		ck.set(ck.Now().Add(time.Minute))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if i, err := s.Batch(b.ID); err != nil || i.Counts.Available != codes {
					t.Errorf("after the time of the lease: %+v, error %v", i.Counts, err)
				}
			})
		}
		wg.Wait()
	}
}
