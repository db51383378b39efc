package peer

import (
	"slices"
	"strings"
	"testing"

	"codepool/store"
)

// Every system does what its interfaces say, and its audit notices one code too few or
// too many.
func TestSystems(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
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
			want := Ledger{Minted: 500}
			if err := s.Mint(ctx, 500); err != nil {
				t.Fatal(err)
			}
			var codes []string
			if err := s.HandOut(ctx, 40, func(c string) { codes = append(codes, c) }); err != nil {
				t.Fatal(err)
			}
			want.HandedOut = 40
			if d, ok := s.(Drawer); ok {
				drawn, err := d.Draw(ctx, 20, nil)
				if err != nil || len(drawn) != 20 {
					t.Fatalf("drew %d, %v", len(drawn), err)
				}
				codes = append(codes, drawn...)
				want.Drawn = 20
			}
			want.Redeemed = redeemSome(t, s, codes[:30]) // none of those drawn
			slices.Sort(codes)
			if len(slices.Compact(slices.Clone(codes))) != len(codes) {
				t.Error("a code was handed out twice")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if s, err = k.Open(dir); err != nil {
				t.Fatal(err)
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
		})
	}
}

// redeemSome burns codes by every way the system offers and returns how many.
func redeemSome(t *testing.T, s System, codes []string) (n int64) {
	t.Helper()
	if b, ok := s.(BatchRedeemer); ok {
		var rs []Redemption
		for _, c := range codes[:10] {
			rs = append(rs, Redemption{Code: c, User: "user-001"})
		}
		if err := b.RedeemMany(t.Context(), rs); err != nil {
			t.Fatal(err)
		}
		n += 10
	}
	if r, ok := s.(Redeemer); ok {
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
	if f, ok := s.(FuncRedeemer); ok {
		answers := make(chan error)
		for _, c := range codes[20:30] {
			f.RedeemFunc(t.Context(), Redemption{Code: c, User: "user-003"}, func(_ store.Receipt, err error) {
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

func TestSelect(t *testing.T) {
	got, err := Select([]string{"badger-batch", "codepool"})
	if err != nil || len(got) != 2 || got[0].Name != "codepool" || got[1].Name != "badger-batch" {
		t.Errorf("%v, %v", got, err)
	}
	if all, err := Select(nil); err != nil || len(all) != len(Kinds()) {
		t.Errorf("%d of %d, %v", len(all), len(Kinds()), err)
	}
	if _, err := Select([]string{"redis"}); err == nil {
		t.Error("an unknown system was selected")
	}
	for _, k := range Kinds() {
		s, err := k.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if _, single := s.(Redeemer); single != Can[Redeemer](k) {
			t.Errorf("%s: Type and Open disagree", k.Name)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
