package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

// TestRevokeWhileRedeeming: of those who redeem, reserve and confirm, and revoke a code at
// the same time one succeeds, and the code is what that one made of it.
func TestRevokeWhileRedeeming(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := mint(t, s, store.Batch{Name: "b", Count: 500})
	for _, c := range issue(t, s, b.ID, fewer(500, 100), "x") {
		var wg sync.WaitGroup
		errs := make([]error, 3)
		wg.Go(func() { _, errs[0] = s.Redeem(ctx, store.Redemption{Code: c}) })
		wg.Go(func() {
			var h store.Hold
			if h, errs[1] = s.Reserve(ctx, store.Redemption{Code: c}, time.Hour); errs[1] == nil {
				_, errs[1] = s.Confirm(ctx, store.LeaseEnd{Number: h.Number})
			}
		})
		wg.Go(func() { _, errs[2] = s.Revoke(ctx, store.Change{Code: c}) })
		wg.Wait()
		won := 0
		for i, err := range errs {
			switch {
			case err == nil:
				won++
			case i == 2 && !errors.Is(err, store.ErrAlreadyRedeemed),
				!errors.Is(err, store.ErrAlreadyRedeemed) && !errors.Is(err, store.ErrRevoked) && !errors.Is(err, store.ErrReserved) && !errors.Is(err, store.ErrLeaseEnded):
				t.Errorf("way %d: %v", i, err)
			}
		}
		want := shard.Redeemed
		if errs[2] == nil {
			want = shard.Revoked
		}
		if info, err := s.Lookup(ctx, "", c); won != 1 || err != nil || info.State != want {
			t.Fatalf("%d have won, %v; the code is %v, %v", won, errs, info.State, err)
		}
	}
	storetest.Verify(t, s)
}

// TestRevokeWhileLeaseEnds: a lease is acknowledged or given back, whatever is revoked of it.
func TestRevokeWhileLeaseEnds(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	n := fewer(500, 100)
	b := mint(t, s, store.Batch{Name: "b", Count: int64(2 * n)})
	for range n {
		l := lease(t, s, b.ID, 2, time.Hour, store.To("x"))
		var wg sync.WaitGroup
		var acknowledged, back error
		wg.Go(func() { _, acknowledged = s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number}) })
		wg.Go(func() { _, back = s.GiveBack(ctx, store.LeaseEnd{Number: l.Number}) })
		for _, c := range l.Codes {
			wg.Go(func() {
				if _, err := s.Revoke(ctx, store.Change{Code: c}); err != nil {
					t.Errorf("revoke: %v", err)
				}
			})
		}
		wg.Wait()
		if acknowledged == nil {
			acknowledged, back = back, nil
		}
		if back != nil || !errors.Is(acknowledged, store.ErrLeaseEnded) {
			t.Fatalf("one way to end a lease: %v; the other: %v", back, acknowledged)
		}
	}
	wantCounts(t, "revoked", s, b.ID, store.Counts{Minted: int64(2 * n), Revoked: int64(2 * n)})
	storetest.Verify(t, s)
}
