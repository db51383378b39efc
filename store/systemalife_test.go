package store_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

// The lives of system A's codes: for ever or again and again, and those of their orders.

// TestSystemAUniqueForEver: whatever happens in between, a burned code of a business is
// never minted, loaded, drawn or redeemed again there.
func TestSystemAUniqueForEver(t *testing.T) {
	retire := func(t *testing.T, s *store.Store) {
		old, err := s.BatchNamed("old")
		wantErr(t, "old", err, nil)
		wantErr(t, "retire", s.Retire(t.Context(), old.ID, store.BatchChange{By: "desk"}), nil)
	}
	for what, between := range map[string]func(t *testing.T, s *store.Store, dir string) *store.Store{
		"nothing": func(_ *testing.T, s *store.Store, _ string) *store.Store { return s },
		"a crash": func(t *testing.T, s *store.Store, dir string) *store.Store { return reopened(t, s, dir, weak(), false) },
		"a close": func(t *testing.T, s *store.Store, dir string) *store.Store { return reopened(t, s, dir, weak(), true) },
		"a restore": func(t *testing.T, s *store.Store, _ string) *store.Store {
			r := restored(t, s)
			mustClose(t, s)
			return r
		},
		"a retirement": func(t *testing.T, s *store.Store, _ string) *store.Store { retire(t, s); return s },
		"both": func(t *testing.T, s *store.Store, dir string) *store.Store {
			retire(t, s)
			return reopened(t, s, dir, weak(), false)
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			s := storetest.OpenAt(t, dir, weak())
			two := gen.Format{Class: gen.Digits, Length: 2} // a hundred codes
			old := mint(t, s, store.Batch{Name: "old", Namespace: "shop", Count: 50, Format: two})
			burned := issue(t, s, old.ID, 50, "x")
			for _, c := range burned {
				redeem(t, s, store.Redemption{Namespace: "shop", Code: c})
			}
			s = between(t, s, dir)
			b := mint(t, s, store.Batch{Name: "new", Namespace: "shop", Count: 25, Format: two})
			for _, c := range issue(t, s, b.ID, 25, "y") {
				if slices.Contains(burned, c) {
					t.Errorf("%s is minted again", c)
				}
			}
			all := make([]string, 100)
			for i := range all {
				all[i] = fmt.Sprintf("%02d", i)
			}
			rep := importCodes(t, s, store.Batch{Name: "loaded", Namespace: "shop"}, store.ImportOptions{}, all...)
			if rep.Added != 25 || rep.DuplicateInStore != 75 {
				t.Errorf("%+v", rep)
			}
			_, err := s.Issue(t.Context(), old.ID, 1, store.To("x"))
			if !errors.Is(err, store.ErrEmpty) && !errors.Is(err, store.ErrRetired) {
				t.Errorf("draw from the old batch: %v", err)
			}
			for _, c := range burned {
				_, err := s.Redeem(t.Context(), store.Redemption{Namespace: "shop", Code: c})
				wantErr(t, "redeem again", err, store.ErrAlreadyRedeemed)
			}
		})
	}
}

// TestSystemAReusable: a burned code returns to the pool and is drawn again, for another
// order; a late repetition of the first one's redemption does not burn it.
func TestSystemAReusable(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 1, Reusable: true, Format: gen.Format{Class: gen.Digits, Length: 4}})
	var code string
	var first store.Receipt
	for life := range 4 {
		order := fmt.Sprint("order-", life)
		c := issue(t, s, b.ID, 1, order)[0]
		if life > 0 && c != code {
			t.Errorf("life %d: %s, was %s", life, c, code)
		}
		code = c
		_, err := s.Issue(ctx, b.ID, 1, store.To("x"))
		wantErr(t, "while it is bound", err, store.ErrEmpty)
		if life > 0 { // before this life's own redemption
			late, err := s.Redeem(ctx, store.Redemption{Code: code, Key: "order-0"})
			if err != nil || !sameReceipt(late, first) {
				t.Errorf("a late repetition: %+v, %v, want %+v", late, err, first)
			}
		}
		if info, err := s.Lookup(ctx, "", code); err != nil || info.Ref != order || info.StateName != "issued" {
			t.Errorf("%+v, %v", info, err)
		}
		rec := redeem(t, s, store.Redemption{Code: code, Key: order})
		if life == 0 {
			first = rec
		}
		storetest.Verify(t, s) // and whoever was returning it has done so
		wantCounts(t, "burned", s, b.ID, store.Counts{Minted: 1, Available: 1})
		s = reopened(t, s, dir, weak(), life%2 == 0)
		dir = s.Stats().Dir
	}
	if n := len(receipts(t, s, 0)); n != 4 {
		t.Errorf("%d receipts of 4 lives", n)
	}
}

// TestSystemAOrder: codes follow their order: cancelled, they return; fulfilled, they burn.
func TestSystemAOrder(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 20})
	issue(t, s, b.ID, 3, "cancelled")
	issue(t, s, b.ID, 4, "fulfilled")
	issue(t, s, b.ID, 2, "fulfilled") // an order may draw more than once
	issue(t, s, b.ID, 5, "open")
	s = reopened(t, s, dir, weak(), false)
	done, err := s.ReleaseRef(ctx, store.RefChange{Ref: "cancelled", By: "shop", Reason: "cancelled by the customer"})
	if err != nil || len(done) != 3 {
		t.Errorf("%+v, %v", done, err)
	}
	for _, d := range collect(t, s.DrawnFor(ctx, "fulfilled", 0)) {
		redeem(t, s, store.Redemption{Code: d.Code, Key: "fulfilled/" + d.Code})
	}
	wantCounts(t, "ended", s, b.ID, store.Counts{Minted: 20, Available: 9, Issued: 5, Redeemed: 6})
	for order, want := range map[string]map[string]int{"cancelled": {"gone": 3}, "fulfilled": {"redeemed": 6}, "open": {"issued": 5}} {
		states := map[string]int{}
		for _, d := range collect(t, s.DrawnFor(ctx, order, 0)) {
			states[d.State]++
		}
		if !maps.Equal(states, want) {
			t.Errorf("%s: %v, want %v", order, states, want)
		}
	}
	refused, err := s.ReleaseRef(ctx, store.RefChange{Ref: "fulfilled"})
	if err != nil || len(refused) != 6 {
		t.Errorf("%+v, %v", refused, err)
	}
	for _, r := range refused {
		wantErr(t, "cancel what is fulfilled", r.Err, store.ErrAlreadyRedeemed)
	}
	issue(t, s, b.ID, 9, "the next") // what returned is drawn again
	storetest.Verify(t, s)
}

// TestSystemAExclusive: callers that draw at once, in every way, never get the same code.
func TestSystemAExclusive(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := mint(t, s, store.Batch{Name: "b", Count: 1200})
	got := make([][]string, 6)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			for {
				var codes []string
				var err error
				switch i % 3 {
				case 0:
					codes, err = s.Issue(ctx, b.ID, 2, store.To("x"))
				case 1:
					var l store.Lease
					l, err = s.Lease(ctx, b.ID, 2, time.Hour, store.To("x"))
					codes = l.Codes
				default:
					var rs []store.Receipt
					rs, err = s.Take(ctx, b.ID, 2, "u", store.To("x"))
					for _, r := range rs {
						codes = append(codes, string(gen.DefaultFormat().AppendPrinted(nil, []byte(r.Code))))
					}
				}
				if err != nil {
					if !errors.Is(err, store.ErrEmpty) {
						t.Error(err)
					}
					return
				}
				got[i] = append(got[i], codes...)
			}
		})
	}
	wg.Wait()
	all := slices.Concat(got...)
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != 1200 || len(all) != 1200 {
		t.Errorf("%d draws of %d codes, want 1200 of each", len(all), n)
	}
}

// TestSystemACrash: a crash between draw and reply loses no code. A retry with the same key
// gets the codes; without one a lease brings them back.
func TestSystemACrash(t *testing.T) {
	o, clk := timed()
	dir := t.TempDir()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	ask := store.To("order-7").Once("order-7/1")
	lost, err := s.Issue(t.Context(), b.ID, 3, ask) // and the answer never arrives
	wantErr(t, "draw", err, nil)
	lease(t, s, b.ID, 4, time.Minute, store.To("order-8"))
	s = reopened(t, s, dir, o, false)
	again, err := s.Issue(t.Context(), b.ID, 3, ask)
	if err != nil || !slices.Equal(again, lost) {
		t.Errorf("%v, %v, the first were %v", again, err, lost)
	}
	wantCounts(t, "after the crash", s, b.ID, store.Counts{Minted: 10, Available: 3, Leased: 4, Issued: 3})
	clk.set(clk.Now().Add(time.Minute))
	wantCounts(t, "when the lease is over", s, b.ID, store.Counts{Minted: 10, Available: 7, Issued: 3})
	issue(t, s, b.ID, 7, "order-9")
}

// TestSystemAUnpredictable: neither time nor place nor a restart tells which codes are made
// or drawn, and characters come evenly at each place.
func TestSystemAUnpredictable(t *testing.T) {
	const n = 4000
	o, _ := timed() // it stands still
	dir := t.TempDir()
	s := open(t, dir, o)
	format := gen.Format{Class: gen.Alnum, Length: 10}
	made := map[string]int{}
	for _, bid := range []string{"a", "b"} { // the same request at the same time
		for _, c := range createCodes(t, s, bid, n/2, 10, 4, "") {
			made[c]++
		}
	}
	if len(made) != n { // two of 36^10 are equal with a chance of 2 in a billion
		t.Errorf("%d codes of %d are new", len(made), n)
	}
	for at := range format.Length {
		seen := map[byte]float64{}
		for c := range made {
			seen[c[at]]++
		}
		chi, even := 0.0, float64(n)/36
		for i := range 36 {
			d := seen[format.Class.Alphabet()[i]] - even
			chi += d * d / even
		}
		if chi > 110 { // 35 degrees of freedom: once in a billion
			t.Errorf("characters at place %d come unevenly: chi square is %.0f, %v", at, chi, seen)
		}
	}
	b := mint(t, s, store.Batch{Name: "b", Count: 1000})
	if err := s.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	var draws []string
	for range 3 { // the same store, three times as if nothing had been drawn
		draws = append(draws, strings.Join(issue(t, storetest.OpenAt(t, copyDir(t, dir), o), b.ID, 10, "x"), " "))
	}
	mustClose(t, s)
	if draws[0] == draws[1] || draws[1] == draws[2] || draws[0] == draws[2] {
		t.Errorf("a restart draws the same again: %q", draws)
	}
}
