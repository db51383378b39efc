package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

// System E: an amount is sprinkled in a chat room. One test a rule.

func sprinkle(room, sender string, people int) store.Shared {
	return store.Sprinkle(room, sender, "KRW", gen.Split{Total: 10_000, Count: people, Policy: gen.Rest})
}

func openAt(t testing.TB) (*store.Store, *clock) {
	clk := newClock()
	opt := weak()
	opt.Clock = clk.Now
	return storetest.Open(t, opt), clk
}

// TestSystemEToken: three characters that cannot be predicted, unique among the live ones of
// a room; two rooms may have the same.
func TestSystemEToken(t *testing.T) {
	s, clk := openAt(t)
	seen, used := map[string]bool{}, map[rune]bool{}
	ds := make([]store.Shared, 3000)
	for i := range ds {
		ds[i] = sprinkle("room", "ann", 1)
	}
	inOrder := 0
	last := ""
	for _, r := range s.ShareAll(t.Context(), ds) {
		wantErr(t, "sprinkle", r.Err, nil)
		if len(r.Info.Token) != 3 || seen[r.Info.Token] {
			t.Errorf("token %q", r.Info.Token)
		}
		seen[r.Info.Token] = true
		for _, c := range r.Info.Token {
			used[c] = true
		}
		if r.Info.Token > last {
			inOrder++
		}
		last = r.Info.Token
	}
	if len(used) != 62 || inOrder < 1300 || inOrder > 1700 { // 1500 ± 16: once in more than 10^30
		t.Errorf("%d characters; %d of 3000 tokens are above the one before", len(used), inOrder)
	}
	// All two-character tokens of a room: the last ones are found, and then there is none.
	small := sprinkle("small", "ann", 1)
	small.Format = gen.Format{Class: gen.Digits, Length: 2}
	for i := range 101 {
		_, err := s.Share(t.Context(), small)
		if i < 100 {
			wantErr(t, fmt.Sprint("token ", i), err, nil)
		} else {
			wantErr(t, "one too many", err, store.ErrNoToken)
		}
	}
	other := small
	other.Room = "other"
	share(t, s, other)
	clk.set(clk.Now().Add(7 * 24 * time.Hour)) // the tokens are free again
	share(t, s, small)
}

// TestSystemETenMinutes: valid iff now is below created + 10 minutes.
func TestSystemETenMinutes(t *testing.T) {
	s, clk := openAt(t)
	info := share(t, s, sprinkle("room", "ann", 3))
	clk.set(info.Created.Add(10*time.Minute - time.Microsecond))
	claimShare(t, s, store.Claim{Token: info.Token, Room: "room", User: "bob"})
	clk.set(info.Created.Add(10 * time.Minute))
	_, err := s.Claim(t.Context(), store.Claim{Token: info.Token, Room: "room", User: "cat"})
	wantErr(t, "the eleventh minute", err, store.ErrExpired)
	got := lookShared(t, s, store.SharedRef{Token: info.Token, Room: "room"}, "ann")
	if got.Claimed != 1 || got.ClaimedAmount+got.RefundedAmount != 10_000 || got.Refunded != 2 {
		t.Errorf("%+v", got)
	}
}

// TestSystemENotSprinkler: the sprinkler takes no part.
func TestSystemENotSprinkler(t *testing.T) {
	s, _ := openAt(t)
	info := share(t, s, sprinkle("room", "ann", 3))
	_, err := s.Claim(t.Context(), store.Claim{Token: info.Token, Room: "room", User: "ann"})
	wantErr(t, "own", err, store.ErrOwnShare)
}

// TestSystemESameRoom: only members of the room, whom the caller vouches for or asks for.
func TestSystemESameRoom(t *testing.T) {
	s, _ := openAt(t)
	info := share(t, s, sprinkle("room", "ann", 3))
	for _, room := range []string{"", "other"} {
		_, err := s.Claim(t.Context(), store.Claim{Token: info.Token, Room: room, User: "bob"})
		wantErr(t, "another room", err, store.ErrUnknownCode)
	}
	_, err := s.Redeem(t.Context(), store.Redemption{Code: info.Token, User: "bob"})
	wantErr(t, "no room", err, store.ErrUnknownCode)
	members := func(room, user string) bool { return room == "room" && user == "cat" }
	_, err = s.Claim(t.Context(), store.Claim{Token: info.Token, Room: "room", User: "bob", Member: members})
	wantErr(t, "a stranger", err, store.ErrNotMember)
	claimShare(t, s, store.Claim{Token: info.Token, Room: "room", User: "cat", Member: members})
}

// TestSystemEOnce: a part goes to one user, a user gets one part, every request is answered.
func TestSystemEOnce(t *testing.T) {
	s, _ := openAt(t)
	const people = 20
	info := share(t, s, sprinkle("room", "ann", people))
	var wg sync.WaitGroup
	var got, soldOut, twice atomic.Int32
	parts := [people]atomic.Int32{}
	for i := range 100 {
		for range 3 {
			wg.Go(func() {
				rec, err := s.Claim(t.Context(), store.Claim{Token: info.Token, Room: "room", User: fmt.Sprint("user-", i)})
				switch {
				case err == nil:
					got.Add(1)
					parts[rec.Share.Part].Add(1)
				case errors.Is(err, store.ErrSoldOut):
					soldOut.Add(1)
				case errors.Is(err, store.ErrUserLimit):
					twice.Add(1)
				default:
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for i := range parts {
		if n := parts[i].Load(); n != 1 {
			t.Errorf("part %d went to %d", i, n)
		}
	}
	if got.Load() != people || got.Load()+soldOut.Load()+twice.Load() != 300 {
		t.Errorf("%d got one, %d none, %d asked again", got.Load(), soldOut.Load(), twice.Load())
	}
	storetest.Verify(t, s)
}

// TestSystemEQuery: time, amount, sum received and who received what, for the sprinkler only,
// for seven days; then the token is free again.
func TestSystemEQuery(t *testing.T) {
	ctx := t.Context()
	s, clk := openAt(t)
	info := share(t, s, sprinkle("room", "ann", 3))
	ref := store.SharedRef{Token: info.Token, Room: "room"}
	want := map[string]int64{}
	for _, user := range []string{"bob", "cat"} {
		want[user] = claimShare(t, s, store.Claim{Token: info.Token, Room: "room", User: user}).Share.Amount
	}
	look := func(asker string, want error) {
		_, err := s.LookupShared(ctx, ref, asker)
		wantErr(t, "look by "+asker, err, want)
		for _, err := range s.ClaimsOf(ctx, ref, asker, 0) {
			wantErr(t, "list by "+asker, err, want)
		}
	}
	for _, asker := range []string{"", "bob"} {
		look(asker, store.ErrNotSender)
	}
	clk.set(info.Created.Add(7*24*time.Hour - time.Microsecond))
	got := lookShared(t, s, ref, "ann")
	if !got.Created.Equal(info.Created) || got.Total != 10_000 || got.ClaimedAmount != want["bob"]+want["cat"] {
		t.Errorf("%+v", got)
	}
	n := 0
	for r, err := range s.ClaimsOf(ctx, ref, "ann", 0) {
		if err != nil || r.Share.Amount != want[r.User] || r.Share.Room != "room" {
			t.Errorf("%+v, %v", r, err)
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%d claims", n)
	}
	clk.set(info.Created.Add(7 * 24 * time.Hour))
	look("ann", store.ErrUnknownCode)
	_, err := s.Claim(ctx, store.Claim{Token: info.Token, Room: "room", User: "dan"})
	wantErr(t, "the eighth day", err, store.ErrUnknownCode)
	d := sprinkle("room", "dan", 2)
	d.Token = info.Token
	if again := share(t, s, d); again.Token != info.Token || again.ID == info.ID {
		t.Errorf("%+v", again)
	}
	look("dan", nil)
	receipts := 0 // those of the first one stay
	for r, err := range s.Receipts(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Share.ID == info.ID {
			receipts++
		}
	}
	if receipts != 2 {
		t.Errorf("%d receipts", receipts)
	}
	storetest.Verify(t, s)
}

// TestSystemESplits: even with the remainder in one part, random, and by given ratios.
func TestSystemESplits(t *testing.T) {
	s, _ := openAt(t)
	for _, c := range []struct {
		split gen.Split
		want  map[int64]int // how often which part, nil: random
	}{
		{gen.Split{Total: 10_000, Count: 3, Policy: gen.Rest}, map[int64]int{3333: 2, 3334: 1}},
		{gen.Split{Total: 100, Ratios: []int64{5, 3, 2}, Policy: gen.Ratio}, map[int64]int{50: 1, 30: 1, 20: 1}},
		{gen.Split{Total: 100, Count: 3}, nil},
	} {
		info := share(t, s, store.Sprinkle("room", "ann", "KRW", c.split))
		got, sum := map[int64]int{}, int64(0)
		for i := range info.Count {
			rec := claimShare(t, s, store.Claim{Token: info.Token, Room: "room", User: fmt.Sprint(i)})
			got[rec.Share.Amount]++
			sum += rec.Share.Amount
		}
		for part, n := range c.want {
			if got[part] != n {
				t.Errorf("%+v: %v", c.split, got)
			}
		}
		if sum != c.split.Total {
			t.Errorf("%+v: %d in all", c.split, sum)
		}
	}
}

// TestSystemEManyInstances: many server instances ask at once for many sprinkles, and each
// request that is repeated with its key gets its first answer.
func TestSystemEManyInstances(t *testing.T) {
	ctx := context.Background()
	s, _ := openAt(t)
	var wg sync.WaitGroup
	var sum atomic.Int64
	for room := range 10 {
		info := share(t, s, sprinkle(fmt.Sprint("room-", room), "ann", 8))
		for server := range 8 {
			wg.Go(func() {
				c := store.Claim{Token: info.Token, Room: info.Room, User: fmt.Sprint("user-", server), Key: fmt.Sprint(room, "-", server)}
				first, err := s.Claim(ctx, c)
				again, err2 := s.Claim(ctx, c)
				if err != nil || err2 != nil || first.Number != again.Number || *first.Share != *again.Share {
					t.Errorf("%+v %v, again %+v %v", first, err, again, err2)
					return
				}
				sum.Add(first.Share.Amount)
			})
		}
	}
	wg.Wait()
	if sum.Load() != 10*10_000 {
		t.Errorf("%d were received", sum.Load())
	}
	storetest.Verify(t, s)
}
