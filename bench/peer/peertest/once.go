package peertest

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"codepool/bench/peer"
)

// CheckOnce fails t if a code can be redeemed twice when many goroutines try all codes at
// once, one a call.
func CheckOnce(t *testing.T, k peer.Kind) {
	const callers, n = 16, 200
	ctx, dir := t.Context(), t.TempDir()
	s, err := k.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	r, ok := s.(peer.Redeemer)
	if !ok {
		return
	}
	if err := s.Mint(ctx, 2*n); err != nil {
		t.Fatal(err)
	}
	var codes []string
	if err := s.HandOut(ctx, n, func(c string) { codes = append(codes, c) }); err != nil {
		t.Fatal(err)
	}
	redeemed := race(ctx, r, codes, callers)
	for i := range redeemed {
		if got := redeemed[i].Load(); got != 1 {
			t.Errorf("%s was redeemed %d times", codes[i], got)
		}
	}
	if k.Durability != peer.Volatile {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = k.Open(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Audit(ctx, peer.Ledger{Minted: 2 * n, HandedOut: n, Redeemed: n}); err != nil {
		t.Error(err)
	}
}

// race redeems all codes from each of the callers, and returns how often each succeeded.
// Half of the callers go backwards, so that they meet others in the midst of a call.
func race(ctx context.Context, r peer.Redeemer, codes []string, callers int) []atomic.Int32 {
	redeemed := make([]atomic.Int32, len(codes))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for c := range callers {
		order := make([]int, len(codes))
		for i := range order {
			order[i] = i
		}
		if c%2 == 1 {
			slices.Reverse(order)
		}
		wg.Go(func() {
			<-start
			for _, i := range order {
				if r.RedeemOne(ctx, codes[i], "user") == nil {
					redeemed[i].Add(1)
				}
			}
		})
	}
	close(start)
	wg.Wait()
	return redeemed
}
