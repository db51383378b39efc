// Package peertest has what every system must pass.
package peertest

import (
	"slices"
	"strings"
	"testing"

	"codepool/bench/peer"
	"codepool/store"
)

// Check fails t if the systems of a kind do not do what their interfaces say, or an audit
// does not notice one redemption too few or too many.
func Check(t *testing.T, k peer.Kind) {
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
	want := peer.Ledger{Minted: 500}
	if err := s.Mint(ctx, 500); err != nil {
		t.Fatal(err)
	}
	same(t, k, s)
	var codes []string
	if err := s.HandOut(ctx, 40, func(c string) { codes = append(codes, c) }); err != nil {
		t.Fatal(err)
	}
	want.HandedOut = 40
	if d, ok := s.(peer.Drawer); ok {
		drawn, err := d.Draw(ctx, 20, nil)
		if err != nil || len(drawn) != 20 {
			t.Fatalf("drew %d, %v", len(drawn), err)
		}
		codes = append(codes, drawn...)
		want.Drawn = 20
	}
	want.Redeemed = redeemSome(t, s, codes[:30]) // none of those drawn
	if r, ok := s.(peer.Refuser); ok {
		strangers := []string{"0000-0000-0000", "1111-1111-1111", "2222-2222-2222"}
		if n, err := r.Refuse(ctx, strangers); err != nil || n != len(strangers) {
			t.Errorf("%d of %d that do not exist were refused, %v", n, len(strangers), err)
		}
	}
	if w, ok := s.(peer.Weigher); ok {
		if n, err := w.MemoryUse(); err != nil || n < 1<<20 {
			t.Errorf("memory: %d bytes, %v", n, err)
		}
	}
	live := codes[39]
	slices.Sort(codes)
	if len(slices.Compact(slices.Clone(codes))) != len(codes) {
		t.Error("a code was handed out twice")
	}
	if k.Durability != peer.Volatile {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = k.Open(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Audit(ctx, want); err != nil {
		t.Error(err)
	}
	for _, d := range []int64{-1, 1} {
		wrong := want
		wrong.Redeemed += d
		if err := s.Audit(ctx, wrong); err == nil || !strings.Contains(err.Error(), "audit") {
			t.Errorf("with %d redemptions more: err = %v", d, err)
		}
	}
	if r, ok := s.(peer.Refuser); ok { // last: it may redeem the code
		if n, err := r.Refuse(ctx, []string{live}); n != 0 && err == nil {
			t.Error("one that exists was refused")
		}
	}
}

// same checks that what Open returns can do what the kind's Type says.
func same(t *testing.T, k peer.Kind, s peer.System) {
	t.Helper()
	can := func(name string, is, says bool) {
		if is != says {
			t.Errorf("%s: what Open returns is a %s: %v; Type says %v", k.Name, name, is, says)
		}
	}
	_, is := s.(peer.Drawer)
	can("Drawer", is, peer.Can[peer.Drawer](k))
	_, is = s.(peer.Redeemer)
	can("Redeemer", is, peer.Can[peer.Redeemer](k))
	_, is = s.(peer.BatchRedeemer)
	can("BatchRedeemer", is, peer.Can[peer.BatchRedeemer](k))
	_, is = s.(peer.FuncRedeemer)
	can("FuncRedeemer", is, peer.Can[peer.FuncRedeemer](k))
	_, is = s.(peer.Refuser)
	can("Refuser", is, peer.Can[peer.Refuser](k))
	_, is = s.(peer.Weigher)
	can("Weigher", is, peer.Can[peer.Weigher](k))
}

// redeemSome burns codes by every way the system offers and returns how many.
func redeemSome(t *testing.T, s peer.System, codes []string) (n int64) {
	t.Helper()
	if b, ok := s.(peer.BatchRedeemer); ok {
		var rs []peer.Redemption
		for _, c := range codes[:10] {
			rs = append(rs, peer.Redemption{Code: c, User: "user-001"})
		}
		if err := b.RedeemMany(t.Context(), rs); err != nil {
			t.Fatal(err)
		}
		n += 10
	}
	if r, ok := s.(peer.Redeemer); ok {
		for _, c := range codes[10:20] {
			if err := r.RedeemOne(t.Context(), c, "user-002"); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.RedeemOne(t.Context(), codes[10], "user-002"); err == nil {
			t.Error("a code was redeemed twice")
		}
		n += 10
	}
	if f, ok := s.(peer.FuncRedeemer); ok {
		answers := make(chan error)
		for _, c := range codes[20:30] {
			f.RedeemFunc(t.Context(), peer.Redemption{Code: c, User: "user-003"}, func(_ store.Receipt, err error) {
				go func() { answers <- err }()
			})
		}
		for range 10 {
			if err := <-answers; err != nil {
				t.Fatal(err)
			}
		}
		n += 10
	}
	return n
}
