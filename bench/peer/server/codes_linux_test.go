//go:build !race

package server

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"codepool/bench/peer"
)

// redeem asks for all codes by every way the system offers and returns those redeemed.
func redeem(t *testing.T, s peer.System, codes []string) (redeemed []string) {
	one := s.(peer.Redeemer)
	many, can := s.(peer.BatchRedeemer)
	for len(codes) > 0 {
		k := 1
		if can && rand.IntN(2) == 0 {
			k = min(len(codes), 1+rand.IntN(40))
		}
		var err error
		if k == 1 {
			err = one.RedeemOne(t.Context(), codes[0], "somebody")
		} else {
			rs := make([]peer.Redemption, k)
			for i := range rs {
				rs[i] = peer.Redemption{Code: codes[i], User: "somebody"}
			}
			err = many.RedeemMany(t.Context(), rs)
		}
		var refused RefusedError
		if r := (*RefusedError)(nil); errors.As(err, &r) {
			refused = *r
		} else if err != nil {
			t.Error(err)
			return redeemed
		}
		for _, code := range codes[:k] {
			if !slices.Contains(refused.Codes, code) {
				redeemed = append(redeemed, code)
			}
		}
		codes = codes[k:]
	}
	return redeemed
}

func TestOnce(t *testing.T) {
	each(t, func(t *testing.T, k peer.Kind) {
		const n, callers = 200, 24
		dir := t.TempDir()
		s, codes := issued(t, k, dir, n)
		redeemed := make([][]string, callers)
		var wg sync.WaitGroup
		for c := range callers {
			mine := slices.Clone(codes)
			rand.Shuffle(n, func(i, k int) { mine[i], mine[k] = mine[k], mine[i] })
			wg.Go(func() { redeemed[c] = redeem(t, s, mine) })
		}
		wg.Wait()
		all := slices.Concat(redeemed...)
		slices.Sort(all)
		slices.Sort(codes)
		if !slices.Equal(all, codes) {
			t.Errorf("%d redemptions of %d codes, or not each once", len(all), n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := open(t, k, dir).Audit(t.Context(), peer.Ledger{Minted: n, HandedOut: n, Redeemed: n}); err != nil {
			t.Error(err)
		}
	})
}

// Draws leave no code out and take none twice, and one for more than there are takes none.
func TestDraw(t *testing.T) {
	each(t, func(t *testing.T, k peer.Kind) {
		const n, large, callers = 12_000, 9_000, 8
		dir := t.TempDir()
		s := open(t, k, dir)
		if err := s.Mint(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		d := s.(peer.Drawer)
		codes, err := d.Draw(t.Context(), large, nil)
		if err != nil {
			t.Fatal(err)
		}
		if none, err := d.Draw(t.Context(), n-large+1, nil); !errors.Is(err, peer.ErrStock) || len(none) > 0 {
			t.Errorf("drew %d of %d, %v", len(none), n-large, err)
		}
		drawn := make([][]string, callers)
		var wg sync.WaitGroup
		for c := range callers {
			wg.Go(func() {
				var err error
				for i := 1; err == nil && len(drawn[c]) < (n-large)/callers; i = min(2*i, (n-large)/callers-len(drawn[c])) {
					drawn[c], err = d.Draw(t.Context(), i, drawn[c])
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		codes = append(codes, slices.Concat(drawn...)...)
		slices.Sort(codes)
		if got := len(slices.Compact(codes)); got != n {
			t.Errorf("drew %d different codes of %d", got, n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := open(t, k, dir).Audit(t.Context(), peer.Ledger{Minted: n, Drawn: n}); err != nil {
			t.Error(err)
		}
	})
}

// A call tells which of its codes were refused, and redeems the others.
func TestRedeemManyRefusesEach(t *testing.T) {
	each(t, func(t *testing.T, k peer.Kind) {
		s, codes := issued(t, k, t.TempDir(), 10)
		b, ok := s.(peer.BatchRedeemer)
		if !ok {
			return // one code a call needs no telling
		}
		if err := s.(peer.Redeemer).RedeemOne(t.Context(), codes[0], "first"); err != nil {
			t.Fatal(err)
		}
		var rs []peer.Redemption
		for _, code := range []string{codes[1], codes[0], codes[2], "unknown", codes[2], codes[3]} {
			rs = append(rs, peer.Redemption{Code: code, User: "second"})
		}
		want := []string{codes[0], codes[2], "unknown"}
		var refused *RefusedError
		if err := b.RedeemMany(t.Context(), rs); !errors.As(err, &refused) {
			t.Fatalf("err = %v", err)
		}
		slices.Sort(want)
		slices.Sort(refused.Codes)
		if !slices.Equal(refused.Codes, want) {
			t.Errorf("refused %q, want %q", refused.Codes, want)
		}
		if got := redeem(t, s, codes[1:4]); len(got) > 0 {
			t.Errorf("%q were redeemed twice", got)
		}
	})
}

// What was acknowledged when the server is killed, in the middle of redemptions, holds.
func TestKilledServerLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, k peer.Kind) {
		if k.Durability != peer.Synced {
			return // it may lose some
		}
		const n, callers = 4000, 8
		dir := t.TempDir()
		s, codes := issued(t, k, dir, n)
		if err := s.Mint(t.Context(), n); err != nil { // these stay in stock
			t.Fatal(err)
		}
		r := serverOf(s)
		acknowledged := make([][]string, callers)
		var total atomic.Int64
		enough := make(chan struct{})
		var wg sync.WaitGroup
		for c := range callers {
			mine := codes[c*n/callers : (c+1)*n/callers]
			wg.Go(func() {
				for _, code := range mine {
					if s.(peer.Redeemer).RedeemOne(t.Context(), code, "somebody") != nil {
						return
					}
					acknowledged[c] = append(acknowledged[c], code)
					if total.Add(1) == n/10 {
						close(enough)
					}
				}
			})
		}
		<-enough
		for _, pid := range r.family(t) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Error(err)
			}
		}
		wg.Wait()
		if err := s.Close(); err == nil {
			t.Error("Close does not tell that the server was killed")
		}
		if int(total.Load()) == n {
			t.Error("the server was killed too late")
		}
		s = open(t, k, dir)
		if again := redeem(t, s, slices.Concat(acknowledged...)); len(again) > 0 {
			t.Errorf("%d of %d redemptions were lost", len(again), total.Load())
		}
		// Each caller may have had one that was redeemed, but not answered.
		others := redeem(t, s, codes)
		if left := n - int(total.Load()); len(others) > left || len(others) < left-callers {
			t.Errorf("%d of %d codes that were not redeemed are left", len(others), left)
		}
		if err := s.Audit(t.Context(), peer.Ledger{Minted: 2 * n, HandedOut: n, Redeemed: n}); err != nil {
			t.Error(err)
		}
	})
}
