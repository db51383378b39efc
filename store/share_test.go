package store_test

import (
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

func share(t testing.TB, s *store.Store, d store.Shared) store.SharedInfo {
	t.Helper()
	info, err := s.Share(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func claimShare(t testing.TB, s *store.Store, c store.Claim) store.Receipt {
	t.Helper()
	rec, err := s.Claim(t.Context(), c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	if rec.Share == nil || rec.Number == 0 || rec.User != c.User {
		t.Fatalf("%+v: %+v", c, rec)
	}
	return rec
}

func lookShared(t testing.TB, s *store.Store, r store.SharedRef, asker string) store.SharedInfo {
	t.Helper()
	info, err := s.LookupShared(t.Context(), r, asker)
	if err != nil {
		t.Fatal(err)
	}
	if info.Count != info.Claimed+info.Left+info.Refunded {
		t.Errorf("%d shares are not %d + %d + %d", info.Count, info.Claimed, info.Left, info.Refunded)
	}
	return info
}

// TestSharedOverRestarts claims shares of all kinds of shared batches, with the store closed
// and killed in between, with and without checkpoints.
func TestSharedOverRestarts(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	clock := newClock()
	opt := weak()
	opt.Clock = clock.Now
	s := storetest.OpenAt(t, dir, opt)
	hot := share(t, s, store.Universal("Welcome-2026", 5000))
	packet := share(t, s, store.RedPacket("ann", "CNY", gen.Split{Total: 10_000, Count: 60, Policy: gen.DoubleMean}))
	got := map[int]int64{}
	users, sum := 0, int64(0)
	for round := range 6 {
		for range 7 {
			users++
			user := fmt.Sprint("user-", users)
			if rec := claimShare(t, s, store.Claim{Token: "WELCOME2026", User: user}); rec.Share.ID != hot.ID {
				t.Errorf("%+v", rec)
			}
			rec := claimShare(t, s, store.Claim{Token: packet.Printed, User: user, Key: user})
			if _, twice := got[rec.Share.Part]; twice || rec.Share.Amount < 1 || rec.Share.Currency != "CNY" {
				t.Errorf("%+v", rec.Share)
			}
			got[rec.Share.Part] = rec.Share.Amount
			sum += rec.Share.Amount
		}
		if round%3 == 1 {
			if err := s.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
		s = reopened(t, s, s.Stats().Dir, opt, round%2 == 0)
		for u := 1; u <= users; u += 5 {
			user := fmt.Sprint("user-", u)
			_, err := s.Claim(ctx, store.Claim{Token: "welcome 2026", User: user})
			wantErr(t, "second claim", err, store.ErrUserLimit)
			again := claimShare(t, s, store.Claim{Token: packet.Token, User: user, Key: user})
			if again.Share.Amount != got[again.Share.Part] {
				t.Errorf("%+v", again.Share)
			}
		}
		for ref, want := range map[string]int64{hot.Token: 0, packet.Token: sum} {
			info := lookShared(t, s, store.SharedRef{Token: ref}, "")
			if info.Claimed != int64(users) || info.ClaimedAmount != want || info.State != "open" {
				t.Errorf("%+v", info)
			}
		}
		storetest.Verify(t, s)
	}
	clock.set(clock.Now().Add(24 * time.Hour))
	info := lookShared(t, s, store.SharedRef{Token: packet.Token}, "")
	if info.State != "over" || info.Left != 0 || info.Refunded != int64(60-users) || info.RefundedAmount != 10_000-sum {
		t.Errorf("%+v", info)
	}
	s = reopened(t, s, s.Stats().Dir, opt, false)
	if again := lookShared(t, s, store.SharedRef{Token: packet.Token}, ""); again != info {
		t.Errorf("%+v, was %+v", again, info)
	}
	ends := 0
	for e, err := range s.Ledger(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Verb == "end" {
			if ends++; e.Amount != info.RefundedAmount || e.Shared != packet.ID {
				t.Errorf("%+v", e)
			}
		}
	}
	if ends != 1 {
		t.Errorf("it ended %d times", ends)
	}
	clock.set(clock.Now().Add(30 * 24 * time.Hour))
	_, err := s.LookupShared(ctx, store.SharedRef{Token: packet.Token}, "")
	wantErr(t, "after its time", err, store.ErrUnknownCode)
	storetest.Verify(t, s)
}

// TestQuotaIsExact has many callers claim the last shares: all are given, and none twice.
func TestQuotaIsExact(t *testing.T) {
	for _, quota := range []int64{1, 5, 2000} {
		s := storetest.OpenAt(t, t.TempDir(), weak())
		share(t, s, store.Universal("hot", quota))
		var wg sync.WaitGroup
		var took, refused atomic.Int64
		const callers, each = 50, 100
		for c := range callers {
			wg.Go(func() {
				count := func(err error) {
					switch {
					case err == nil:
						took.Add(1)
					case errors.Is(err, store.ErrSoldOut):
						refused.Add(1)
					default:
						t.Error(err)
					}
				}
				var cs []store.Claim
				for i := range each {
					c := store.Claim{Token: "HOT", User: fmt.Sprint(c, "-", i)}
					if i%2 == 0 {
						_, err := s.Redeem(t.Context(), store.Redemption{Code: c.Token, User: c.User})
						count(err)
					} else if cs = append(cs, c); len(cs) == 10 {
						for _, r := range s.ClaimAll(t.Context(), cs) {
							count(r.Err)
						}
						cs = nil
					}
				}
			})
		}
		wg.Wait()
		if took.Load() != quota || took.Load()+refused.Load() != callers*each {
			t.Errorf("quota %d: %d took one, %d were refused", quota, took.Load(), refused.Load())
		}
		storetest.Verify(t, s)
	}
}

// TestSharedBatches lists them, over a restart, in order and from any of them on.
func TestSharedBatches(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := storetest.OpenAt(t, dir, weak())
	var want []uint64
	for i := range 20 {
		want = append(want, share(t, s, store.Universal(fmt.Sprint("TOKEN", i), 5)).ID)
	}
	claimShare(t, s, store.Claim{Token: "token7", User: "ann"})
	s = reopened(t, s, dir, weak(), true)
	for _, after := range []uint64{0, want[4], want[19]} {
		i := 0
		for info, err := range s.SharedBatches(ctx, after) {
			for i < len(want) && want[i] <= after {
				i++
			}
			if err != nil || info.ID != want[i] || (info.Claimed == 1) != (info.Token == "TOKEN7") {
				t.Errorf("%+v, %v, want %d", info, err, want[i])
			}
			i++
		}
	}
	if n := s.Stats().Shared; n != 20 {
		t.Errorf("%d shared batches", n)
	}
}

// TestTokenLooksLikeCode: the gate takes some tokens for codes (gate.go). Whoever redeems one
// again with its key gets the receipt all the same.
func TestTokenLooksLikeCode(t *testing.T) {
	const tokens = 400
	ctx, opt := t.Context(), weak()
	opt.Shards = 1
	s := storetest.OpenAt(t, t.TempDir(), opt)
	mint(t, s, store.Batch{Name: "b", Count: 5000})
	ds, rs := make([]store.Shared, tokens), make([]store.Redemption, tokens)
	for i := range ds {
		token := fmt.Sprint("TOKEN", i)
		ds[i], rs[i] = store.Universal(token, 5), store.Redemption{Code: token, User: "bob", Key: token}
	}
	for _, r := range s.ShareAll(ctx, ds) {
		wantErr(t, "share", r.Err, nil)
	}
	first := s.RedeemAll(ctx, rs)
	for i, again := range s.RedeemAll(ctx, rs) {
		same := func(way string, rec store.Receipt, err error) {
			if err != nil || rec.Number != first[i].Receipt.Number || rec.Number == 0 {
				t.Errorf("%s of %s again: %+v, %v", way, rs[i].Code, rec, err)
			}
		}
		same("RedeemAll", again.Receipt, again.Err)
		rec, err := s.Redeem(ctx, rs[i])
		same("Redeem", rec, err)
		var wg sync.WaitGroup
		wg.Add(1)
		s.RedeemFunc(ctx, rs[i], func(rec store.Receipt, err error) {
			same("RedeemFunc", rec, err)
			wg.Done()
		})
		wg.Wait()
		other := rs[i]
		other.Code = fmt.Sprint("NOTHING", i)
		_, err = s.Redeem(ctx, other)
		wantErr(t, "no code with the key of a claim", err, store.ErrKeyConflict)
	}
	storetest.Verify(t, s)
}

// TestQuotaOfOne: 10,000 callers at once want a universal code's only share.
func TestQuotaOfOne(t *testing.T) {
	s := storetest.OpenAt(t, t.TempDir(), weak())
	share(t, s, store.Universal("ONLY ONE", 1))
	var wg sync.WaitGroup
	var got, soldOut atomic.Int32
	for i := range 10_000 {
		wg.Go(func() {
			_, err := s.Redeem(t.Context(), store.Redemption{Code: "only-one", User: fmt.Sprint("user-", i)})
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
	if got.Load() != 1 || soldOut.Load() != 9_999 {
		t.Errorf("%d got it, %d did not", got.Load(), soldOut.Load())
	}
	storetest.Verify(t, s)
}

// TestTokenReadAsItsFormat: of its Format a given token takes how it is read, and no more.
func TestTokenReadAsItsFormat(t *testing.T) {
	s := storetest.OpenAt(t, t.TempDir(), weak())
	for token, d := range map[string]gen.Format{"tea-4-two": {Class: gen.AlnumCase, Length: 10}, "Coffee": {Class: gen.Letters}} {
		u := store.Universal(token, 1)
		u.Format = d
		share(t, s, u)
	}
	for code, want := range map[string]error{"TEA-4-TWO": store.ErrUnknownCode, "tea4two": store.ErrUnknownCode, "tea-4-two": nil, "coffee": nil} {
		_, err := s.Redeem(t.Context(), store.Redemption{Code: code, User: "ann"})
		wantErr(t, code, err, want)
	}
}
