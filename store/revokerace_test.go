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
