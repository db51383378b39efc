package store_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"codepool/store"
	"codepool/store/storetest"
)

// TestImportedFor: what an import brought as handed out to a reference is the reference's as
// a draw is: it is found, page by page, released and revoked by it, over restarts and index
// runs.
func TestImportedFor(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, clk := timed()
	s := open(t, dir, o)
	print7 := store.ImportOptions{HandedOut: true, Ref: "print run 7"}
	importCodes(t, s, store.Batch{Name: "given"}, print7, "CARD-1", "CARD-2", "CARD-3", "CARD-4")
	importCodes(t, s, store.Batch{Name: "nobody's"}, store.ImportOptions{HandedOut: true}, "FREE-1")
	importCodes(t, s, store.Batch{Name: "stock"}, store.ImportOptions{}, "STOCK-1", "STOCK-2")
	start := clk.Now()
	states := func(what string, want map[string]string) {
		t.Helper()
		got := map[string]string{}
		for _, d := range collect(t, s.DrawnFor(ctx, "print run 7", 0)) {
			if d.Printed != d.Code || d.Key != "" || !d.At.Equal(start) {
				t.Errorf("%s: %+v", what, d)
			}
			got[d.Code] = d.State
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	states("imported", map[string]string{"CARD1": "issued", "CARD2": "issued", "CARD3": "issued", "CARD4": "issued"})
	redeem(t, s, store.Redemption{Code: "CARD-1"})
	_, err := s.Release(ctx, store.Change{Code: "CARD-2"})
	wantErr(t, "release", err, nil)
	want := map[string]string{"CARD1": "redeemed", "CARD2": "gone", "CARD3": "issued", "CARD4": "issued"}
	states("released", want)
	issue(t, s, 1, 1, "order-8")
	for _, clean := range []bool{false, true} {
		states("drawn for another", want)
		s = reopened(t, s, dir, o, clean)
		dir = s.Stats().Dir
	}
	importCodes(t, s, store.Batch{Name: "given"}, print7, "CARD-4", "CARD-5") // a second run
	want["CARD5"] = "issued"
	states("more", want)
	issue(t, s, 3, 1, "print run 7") // and a draw
	var paged []string
	for before := uint64(0); ; {
		n := len(paged)
		for d, err := range s.DrawnFor(ctx, "print run 7", before) {
			if err != nil {
				t.Fatal(err)
			}
			if before != 0 && d.Number >= before {
				t.Errorf("%+v below %d", d, before)
			}
			if len(paged) > n && !strings.HasPrefix(paged[n], fmt.Sprint(d.Number, " ")) {
				break // one draw a page
			}
			paged = append(paged, fmt.Sprint(d.Number, " ", d.Code))
		}
		if len(paged) == n {
			break
		}
		if _, err := fmt.Sscan(paged[n], &before); err != nil {
			t.Fatal(err)
		}
	}
	if len(paged) != 6 {
		t.Errorf("page by page: %v", paged)
	}
	released, err := s.ReleaseRef(ctx, store.RefChange{Ref: "print run 7"})
	done := 0
	for _, r := range released {
		if r.Err == nil {
			done++
		} else if r.Changed.Code != "CARD1" {
			t.Errorf("%+v", r)
		}
	}
	if err != nil || len(released) != 5 || done != 4 { // all that it has, and the redeemed one
		t.Errorf("%+v, %v", released, err)
	}
	wantCounts(t, "released", s, 1, store.Counts{Minted: 5, Available: 3, Issued: 1, Redeemed: 1})
	importCodes(t, s, store.Batch{Name: "leaked"}, store.ImportOptions{HandedOut: true, Ref: "leak"}, "L1", "L2")
	if revoked, err := s.RevokeRef(ctx, store.RefChange{Ref: "leak"}); err != nil || len(revoked) != 2 {
		t.Errorf("%+v, %v", revoked, err)
	}
	wantCounts(t, "revoked", s, 4, store.Counts{Minted: 2, Revoked: 2})
	wantErr(t, "retire", s.Retire(ctx, 4, store.BatchChange{}), nil)
	for range 2 {
		gone := collect(t, s.DrawnFor(ctx, "leak", 0))
		if len(gone) != 2 || gone[0].State != "revoked" || gone[1].State != "revoked" {
			t.Errorf("of a retired batch: %+v", gone)
		}
		s = reopened(t, s, dir, o, false)
		dir = s.Stats().Dir
	}
	storetest.Verify(t, s)
}
