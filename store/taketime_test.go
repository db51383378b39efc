package store

import (
	"sync/atomic"
	"testing"
	"time"
)

// What a user has may have to be counted again while a Take is under way, because the table
// of users has moved on. The request keeps the time at which it came.
func TestTakeHasOneTime(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var s *Store
	var asked atomic.Int64 // how often a call wanted to know the time; it turns the table
	var count atomic.Bool
	clock := func() time.Time {
		if !count.Load() {
			return start
		}
		if n := asked.Add(1); n < 4 { // else an error would never end
			for range 2 {
				s.users.turn()
			}
		}
		return start.Add(time.Duration(asked.Load()) * time.Second)
	}
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync, CheckpointEvery: 1 << 40, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Mint(soon(t), Batch{Name: "b", Count: 10, PerUser: 5}); err != nil {
		t.Fatal(err)
	}
	count.Store(true)
	got, err := s.Take(soon(t), 1, 2, "u", To("r"))
	count.Store(false)
	if n := asked.Load(); err != nil || n != 1 || len(got) != 2 || !got[0].At.Equal(start.Add(time.Second)) {
		t.Errorf("%+v, %v, with %d readings of the clock, want 1", got, err, n)
	}
}
