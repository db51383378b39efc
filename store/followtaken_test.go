package store

import (
	"runtime"
	"testing"
)

// Whose receipt is read is redeemed in memory too: a Take that is between journal and memory,
// as any draw is under Store.draws, is waited for.
func TestReceiptsOfTake(t *testing.T) {
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Mint(t.Context(), Batch{Name: "b", Count: 10}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(t.Context(), 1, 3, "ann", To("x")); err != nil {
		t.Fatal(err)
	}
	s.draws.RLock()
	read := make(chan error, 1)
	go func() {
		for _, err := range s.Receipts(t.Context(), 0) {
			read <- err
			return
		}
	}()
	for s.draws.TryRLock() { // it fails when somebody waits for the draws that are under way
		s.draws.RUnlock()
		select {
		case err := <-read:
			s.draws.RUnlock()
			t.Fatal("a receipt was read before: ", err)
		default:
			runtime.Gosched()
		}
	}
	s.draws.RUnlock()
	if err := <-read; err != nil {
		t.Fatal(err)
	}
}
