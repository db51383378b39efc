package store_test

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

// System C: red packets. One test a rule.

func packet(total int64, count int) store.Shared {
	return store.RedPacket("ann", "CNY", gen.Split{Total: total, Count: count})
}

// claimAll has users claim shares of a packet until it is sold out, and returns their receipts.
func claimAll(t testing.TB, s *store.Store, token string) (recs []store.Receipt) {
	t.Helper()
	for i := 0; ; i++ {
		rec, err := s.Claim(t.Context(), store.Claim{Token: token, User: fmt.Sprint("user-", i)})
		if errors.Is(err, store.ErrSoldOut) {
			return recs
		}
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, rec)
	}
}

// TestSystemCExactSum: integer cents, every part is 1 at least, all parts add up to the total.
func TestSystemCExactSum(t *testing.T) {
	s := storetest.OpenAt(t, t.TempDir(), weak())
	for _, split := range []gen.Split{
		{Total: 10_000, Count: 10}, {Total: 10, Count: 10}, {Total: 1, Count: 1}, {Total: 999, Count: 7, Policy: gen.LineCut},
		{Total: 100, Count: 7, Policy: gen.Even}, {Total: 100, Count: 7, Policy: gen.Rest}, {Total: 101, Ratios: []int64{5, 3, 2}, Policy: gen.Ratio},
		{Total: 5000, Count: 20, Most: 300},
	} {
		info := share(t, s, store.RedPacket("ann", "CNY", split))
		recs, sum := claimAll(t, s, info.Token), int64(0)
		for _, r := range recs {
			if sum += r.Share.Amount; r.Share.Amount < 1 || split.Most > 0 && r.Share.Amount > split.Most {
				t.Errorf("%+v: a part of %d", split, r.Share.Amount)
			}
		}
		if sum != split.Total || int64(len(recs)) != info.Count {
			t.Errorf("%+v: %d parts add up to %d", split, len(recs), sum)
		}
	}
	storetest.Verify(t, s)
}

// TestSystemCOncePerUser: a user takes one part of a packet, and one of another.
func TestSystemCOncePerUser(t *testing.T) {
	s := storetest.OpenAt(t, t.TempDir(), weak())
	a, b := share(t, s, packet(1000, 5)), share(t, s, packet(1000, 5))
	for _, token := range []string{a.Token, b.Token} {
		claimShare(t, s, store.Claim{Token: token, User: "bob"})
		for range 3 {
			_, err := s.Claim(t.Context(), store.Claim{Token: token, User: "bob"})
			wantErr(t, "again", err, store.ErrUserLimit)
		}
	}
	_, err := s.Claim(t.Context(), store.Claim{Token: a.Token})
	wantErr(t, "nobody", err, store.ErrNoUser)
	if info := lookShared(t, s, store.SharedRef{Token: a.Token}, ""); info.Claimed != 1 {
		t.Errorf("%+v", info)
	}
}

// TestSystemCSoldOut: that no part is left is an answer of its own.
func TestSystemCSoldOut(t *testing.T) {
	s := storetest.OpenAt(t, t.TempDir(), weak())
	info := share(t, s, packet(100, 3))
	if n := len(claimAll(t, s, info.Token)); n != 3 {
		t.Errorf("%d parts", n)
	}
	if got := lookShared(t, s, store.SharedRef{Token: info.Token}, ""); got.State != "sold out" || got.ClaimedAmount != 100 {
		t.Errorf("%+v", got)
	}
}

// TestSystemCLastShare: 1,000 users want the last part, and one gets it.
func TestSystemCLastShare(t *testing.T) {
	s := storetest.OpenAt(t, t.TempDir(), weak())
	info := share(t, s, packet(500, 2))
	claimShare(t, s, store.Claim{Token: info.Token, User: "first"})
	var wg sync.WaitGroup
	var got, soldOut atomic.Int32
	for i := range 1000 {
		wg.Go(func() {
			_, err := s.Claim(t.Context(), store.Claim{Token: info.Token, User: fmt.Sprint("user-", i)})
			switch {
			case err == nil:
				got.Add(1)
			case errors.Is(err, store.ErrSoldOut):
				soldOut.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 || soldOut.Load() != 999 {
		t.Errorf("%d got it, %d did not", got.Load(), soldOut.Load())
	}
	storetest.Verify(t, s)
}

// TestSystemCRefund: what is left after 24 hours goes back to the sender, exactly once, also
// where claims race the end and the store is killed.
func TestSystemCRefund(t *testing.T) {
	ctx, dir, clock := t.Context(), t.TempDir(), newClock()
	opt := weak()
	opt.Clock = clock.Now
	s := storetest.OpenAt(t, dir, opt)
	info := share(t, s, packet(100_000, 5000))
	if end := info.NotAfter.Sub(info.Created); end != 24*time.Hour {
		t.Errorf("it is open for %v", end)
	}
	clock.set(clock.Now().Add(24*time.Hour - time.Microsecond))
	var wg sync.WaitGroup
	var claimed, sum atomic.Int64
	for c := range 8 {
		wg.Go(func() {
			for i := range 100 {
				if c == 0 && i == 50 {
					clock.set(clock.Now().Add(time.Microsecond))
					_, _ = s.LookupShared(ctx, store.SharedRef{Token: info.Token}, "")
				}
				rec, err := s.Claim(ctx, store.Claim{Token: info.Token, User: fmt.Sprint(c, "-", i)})
				if err == nil {
					claimed.Add(1)
					sum.Add(rec.Share.Amount)
				} else if !errors.Is(err, store.ErrExpired) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for round := range 3 {
		got := lookShared(t, s, store.SharedRef{Token: info.Token}, "")
		if got.State != "over" || got.Claimed != claimed.Load() || got.ClaimedAmount != sum.Load() || got.RefundedAmount != info.Total-sum.Load() || got.Left != 0 {
			t.Errorf("%+v: %d were claimed, worth %d", got, claimed.Load(), sum.Load())
		}
		ends := 0
		for e, err := range s.Ledger(ctx, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Verb == "end" {
				ends++
			}
		}
		if ends != 1 {
			t.Errorf("%d ends", ends)
		}
		storetest.Verify(t, s)
		s = reopened(t, s, s.Stats().Dir, opt, round == 0)
	}
}

// TestSystemCReceived: what a user has received in all, and of each packet.
func TestSystemCReceived(t *testing.T) {
	ctx := t.Context()
	s := storetest.OpenAt(t, t.TempDir(), weak())
	want := map[string]int64{}
	for i, currency := range []string{"CNY", "CNY", "KRW"} {
		d := packet(1000, 4)
		d.Currency = currency
		info := share(t, s, d)
		for _, user := range []string{"bob", "cat"} {
			rec := claimShare(t, s, store.Claim{Token: info.Token, User: user})
			if user == "bob" && i != 1 {
				want[currency] += rec.Share.Amount
			} else if user == "bob" { // taken back
				_, err := s.UndoClaim(ctx, store.ClaimChange{Number: rec.Number})
				wantErr(t, "undo", err, nil)
			}
		}
		n, sum := 0, int64(0)
		for r, err := range s.ClaimsOf(ctx, store.SharedRef{Token: info.Token}, "", 0) {
			if err != nil {
				t.Fatal(err)
			}
			n, sum = n+1, sum+r.Share.Amount
		}
		if got := lookShared(t, s, store.SharedRef{Token: info.Token}, ""); int64(n) != got.Claimed || sum != got.ClaimedAmount {
			t.Errorf("%d claims worth %d: %+v", n, sum, got)
		}
	}
	got, err := s.ReceivedBy(ctx, "bob")
	wantErr(t, "received", err, nil)
	if len(got) != len(want) {
		t.Errorf("%+v, want %v", got, want)
	}
	for _, r := range got {
		if r.Amount != want[r.Currency] || r.Shares != 1 {
			t.Errorf("%+v, want %v", r, want)
		}
	}
	storetest.Verify(t, s)
}

// TestSystemCRefused: total below count, a cap that cannot hold, nobody to split among.
func TestSystemCRefused(t *testing.T) {
	s := storetest.OpenAt(t, t.TempDir(), weak())
	before := s.Stats()
	for name, split := range map[string]gen.Split{
		"total below count": {Total: 9, Count: 10}, "a cap that cannot hold": {Total: 101, Count: 10, Most: 10},
		"zero people": {Total: 100}, "a ratio of zero": {Total: 100, Policy: gen.Ratio, Ratios: []int64{1, 0}}, "a part of zero": {Total: 3, Policy: gen.Ratio, Ratios: []int64{1, 1000}},
		"less than nothing": {Total: -1, Count: 1},
	} {
		_, err := s.Share(t.Context(), store.RedPacket("ann", "CNY", split))
		wantErr(t, name, err, store.ErrInvalid)
		wantErr(t, name, err, gen.ErrSplit)
	}
	_, err := s.Share(t.Context(), store.RedPacket("ann", "XXY", gen.Split{Total: 100, Count: 2}))
	wantErr(t, "unknown currency", err, gen.ErrCurrency)
	if after := s.Stats(); after.Ledger != before.Ledger {
		t.Errorf("the ledger grew from %d to %d", before.Ledger, after.Ledger)
	}
}

// TestSystemCFair: the part that a claim gets does not depend on when it comes. The mean of
// every place, over many packets of 100 in 10 parts, is 10.
func TestSystemCFair(t *testing.T) {
	const packets, count, total = 5000, 10, 10_000
	s := storetest.OpenAt(t, t.TempDir(), weak())
	var tokens []string
	ds := make([]store.Shared, packets)
	for i := range ds {
		ds[i] = packet(total, count)
	}
	for _, r := range s.ShareAll(t.Context(), ds) {
		wantErr(t, "create", r.Err, nil)
		tokens = append(tokens, r.Info.Token)
	}
	var sum [count]float64
	var squares [count]float64
	for place := range count {
		cs := make([]store.Claim, packets)
		for i := range cs {
			cs[i] = store.Claim{Token: tokens[i], User: fmt.Sprint("user-", place)}
		}
		for _, r := range s.ClaimAll(t.Context(), cs) {
			wantErr(t, "claim", r.Err, nil)
			x := float64(r.Receipt.Share.Amount)
			sum[place] += x
			squares[place] += x * x
		}
	}
	const mean = float64(total) / count
	for place := range count {
		m := sum[place] / packets
		deviation := math.Sqrt((squares[place]/packets - m*m) / packets)
		if math.Abs(m-mean) > 6*deviation { // once in 500 million
			t.Errorf("the claim at place %d gets %.1f in the mean, want %.0f ± %.1f", place, m, mean, deviation)
		}
	}
}
