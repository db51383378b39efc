package store

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Who was told that there is no room looks again before it waits: the open group that it
// finds then may be another one, which nobody fills while all wait.
func TestRoomIsLookedForAgain(t *testing.T) {
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync, MaxPending: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Mint(soon(t), Batch{Name: "b", Count: 10})
	if err != nil {
		t.Fatal(err)
	}
	s.com.pending.Store(s.com.maxPending + 1) // as it was read before the group was taken
	if _, err := s.Issue(soon(t), b.ID, 1, To("r")); err != nil {
		t.Errorf("issue into an empty group: %v", err)
	}
}

// A call with more records than may wait at a time makes the room for itself.
func TestLongCallsMakeRoom(t *testing.T) {
	const n = 3000
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync, MaxPending: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := soon(t)
	ds, cs, rs := make([]Shared, n), make([]Claim, n), make([]Redemption, n)
	long := strings.Repeat("u", 200)
	for i := range n {
		token := fmt.Sprint("TOKEN", i)
		ds[i] = Universal(token, 2)
		cs[i] = Claim{Token: token, User: long}
		rs[i] = Redemption{Code: token, User: "other " + long}
	}
	for i, r := range s.ShareAll(ctx, ds) {
		if r.Err != nil {
			t.Fatalf("share %d: %v", i, r.Err)
		}
	}
	for i, r := range s.ClaimAll(ctx, cs) {
		if r.Err != nil || r.Receipt.Number == 0 {
			t.Fatalf("claim %d: %+v, %v", i, r.Receipt, r.Err)
		}
	}
	for i, r := range s.RedeemAll(ctx, rs) {
		if r.Err != nil || r.Receipt.Number == 0 {
			t.Fatalf("redemption %d: %+v, %v", i, r.Receipt, r.Err)
		}
	}
	if begun, done := s.com.begun.Load(), s.com.done.Load(); begun != done {
		t.Errorf("%d calls have begun, %d are finished", begun, done)
	}
	if rep, err := s.Verify(context.Background()); err != nil || !rep.OK() {
		t.Errorf("verify: %+v, %v", rep, err)
	}
}

// A group that is written as a large one when no sync is under way any more is synced all
// the same: those who wait for it do not wait for the next request.
func TestLateLargeGroup(t *testing.T) {
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Mint(soon(t), Batch{Name: "b", Count: 10}); err != nil {
		t.Fatal(err)
	}
	number, g, err := s.com.append(s.now(), appendRedeem(nil, 1, 0, "u", ""), 1, nil, true) // in the middle of a call
	if err != nil {
		t.Fatal(err)
	}
	kick(s.com.large) // of a group before it
	isOpen := func() bool {
		s.com.mu.Lock()
		defer s.com.mu.Unlock()
		return s.com.mu.open == g
	}
	for ctx := soon(t); isOpen() && ctx.Err() == nil; {
		runtime.Gosched()
	}
	if err := s.com.waitRecord(soon(t), number); err != nil {
		t.Errorf("record %d: %v", number, err)
	}
}
