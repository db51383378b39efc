package store

import (
	"errors"
	"fmt"
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

// A text that the gate lets through is looked for among the codes in memory, in a retired
// batch, and then among the tokens: by one time, whichever way the request takes.
func TestRedemptionHasOneTime(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var readings atomic.Int64
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync, CheckpointEvery: 1 << 40, Clock: func() time.Time {
		return start.Add(time.Duration(readings.Add(1)) * time.Second)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Mint(soon(t), Batch{Name: "old", Count: 5000, NotAfter: start.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	readings.Store(60)
	if err := s.Retire(soon(t), b.ID, BatchChange{}); err != nil {
		t.Fatal(err)
	}
	var passed []string // looks like a code and is none
	for i := 0; len(passed) < 2; i++ {
		var f forms
		if text := fmt.Sprint("TOKEN", i); s.resolve("", text, &f) && s.passGate(&f) {
			passed = append(passed, text)
		}
	}
	token, none := passed[0], passed[1]
	if _, err := s.Share(soon(t), Universal(token, 100)); err != nil {
		t.Fatal(err)
	}
	called := func(r Redemption) (got Result) {
		done := make(chan Result, 1)
		s.RedeemFunc(soon(t), r, func(rec Receipt, err error) { done <- Result{rec, err} })
		return <-done
	}
	alone := func(r Redemption) (got Result) {
		got.Receipt, got.Err = s.Redeem(soon(t), r)
		return got
	}
	for _, way := range []struct {
		name string
		do   func(r Redemption) Result
	}{
		{"Redeem", alone},
		{"Redeem in a crowd", func(r Redemption) Result {
			s.com.crowd.Store(true)
			return alone(r)
		}},
		{"RedeemFunc", called},
		{"RedeemAll", func(r Redemption) Result { return s.RedeemAll(soon(t), []Redemption{r})[0] }},
		{"Check", func(r Redemption) Result { return Result{Err: s.Check(soon(t), r)} }},
	} {
		for _, key := range []string{"", "key of " + way.name} {
			before := readings.Load()
			got := way.do(Redemption{Code: token, User: way.name + key, Key: key})
			at, n := start.Add(time.Duration(before+1)*time.Second), readings.Load()-before
			if got.Err != nil || n != 1 || way.name != "Check" && (got.Receipt.Number == 0 || !got.Receipt.At.Equal(at)) {
				t.Errorf("%s of a token, key %q: %+v, %v, with %d readings of the clock, want 1", way.name, key, got.Receipt, got.Err, n)
			}
			before = readings.Load()
			got = way.do(Redemption{Code: none, User: way.name + key, Key: key + key})
			if n := readings.Load() - before; !errors.Is(got.Err, ErrUnknownCode) || n != 1 {
				t.Errorf("%s of no code, key %q: %v, with %d readings of the clock, want 1", way.name, key, got.Err, n)
			}
		}
	}
}
