package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"codepool/store"
	"codepool/store/storetest"
)

// TestExport takes lists out of stock: the same ID gives the same list, over restarts too.
func TestExport(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 250_000, Owner: "ann"})
	ask := store.Export{ID: "2026-11", Account: "ann", Ref: "reseller", Count: 230_000} // three parts
	first, err := s.Export(ctx, b.ID, ask)
	if err != nil || len(first) != ask.Count {
		t.Fatalf("%d codes, %v", len(first), err)
	}
	says := map[string]string{
		"not the owner": `batch "b" is of another account than "bob"`, "more than there is": "asked for 30000", "none": "export of 0 codes: want 1 to", "too many": "export of 100000000 codes: want 1 to 10000000",
		"no ID": "ID is empty", "a bad ID": "ID holds a control character", "a bad account": "Account holds a control character",
	}
	for i, clean := range []bool{false, true} {
		s = reopened(t, s, dir, weak(), clean)
		dir = s.Stats().Dir
		again, err := s.Export(ctx, b.ID, ask)
		if err != nil || !slices.Equal(again, first) {
			t.Errorf("again: %d codes, %v, or they differ", len(again), err)
		}
		for what, e := range map[string]store.Export{
			"another number": {ID: ask.ID, Account: "ann", Ref: "reseller", Count: 5}, "a greater one": {ID: ask.ID, Account: "ann", Ref: "reseller", Count: 240_000},
			"another account": {ID: ask.ID, Account: "bob", Ref: "reseller", Count: ask.Count}, "for another": {ID: ask.ID, Account: "ann", Count: ask.Count},
		} {
			_, err := s.Export(ctx, b.ID, e)
			wantErr(t, what, err, store.ErrKeyConflict)
		}
		ledger := s.Stats().Ledger
		for what, c := range map[string]struct {
			e    store.Export
			want error
		}{
			"not the owner": {store.Export{ID: "x", Account: "bob", Count: 1}, store.ErrNotOwner}, "nobody": {store.Export{ID: "x", Count: 1}, store.ErrNotOwner},
			"more than there is": {store.Export{ID: "x", Account: "ann", Count: 30_000}, store.ErrEmpty}, "none": {store.Export{ID: "x", Account: "ann"}, store.ErrInvalid},
			"less than none": {store.Export{ID: "x", Account: "ann", Count: -1}, store.ErrInvalid}, "too many": {store.Export{ID: "x", Account: "ann", Count: 1000 * store.MaxIssue}, store.ErrInvalid},
			"no ID": {store.Export{Account: "ann", Count: 1}, store.ErrInvalid}, "a bad ID": {store.Export{ID: "a\x1f1", Account: "ann", Count: 1}, store.ErrInvalid},
			"a bad account": {store.Export{ID: "x", Account: "a\n", Count: 1, Override: true}, store.ErrInvalid},
		} {
			_, err := s.Export(ctx, b.ID, c.e)
			wantErr(t, what, err, c.want)
			if says := says[what]; !strings.Contains(fmt.Sprint(err), says) {
				t.Errorf("%s: %v, want %q", what, err, says)
			}
		}
		_, err = s.Export(ctx, 9, ask)
		wantErr(t, "no batch", err, store.ErrUnknownBatch)
		if got := s.Stats().Ledger; got != ledger {
			t.Errorf("refusals made %d records", got-ledger)
		}
		one, err := s.Export(ctx, b.ID, store.Export{ID: fmt.Sprint("override-", i), Account: "bob", Count: 1, Override: true})
		if err != nil || len(one) != 1 {
			t.Errorf("%v, %v", one, err)
		}
	}
	parts := 0
	for _, e := range collect(t, s.Ledger(ctx, 0)) {
		if e.Verb == "export" && e.Key == ask.ID {
			parts++
		}
	}
	if parts != 3 {
		t.Errorf("%d records of the export say its ID", parts)
	}
	redeem(t, s, store.Redemption{Code: first[0]})
	if info, err := s.Lookup(ctx, "", first[1]); err != nil || info.Ref != "reseller" {
		t.Errorf("%+v, %v", info, err)
	}
	wantCounts(t, "exported", s, b.ID, store.Counts{Minted: 250_000, Available: 19_998, Issued: 230_001, Redeemed: 1})
	storetest.Verify(t, s)
}

// TestExportPartial takes what there is, and that stays the export's list when more comes.
func TestExportPartial(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	def := store.Batch{Name: "given"}
	importCodes(t, s, def, store.ImportOptions{}, "A1", "A2", "A3")
	ask := store.Export{ID: "e", Account: "ann", Count: 5, Partial: true}
	first, err := s.Export(ctx, 1, ask)
	if err != nil || len(first) != 3 {
		t.Fatalf("%v, %v", first, err)
	}
	_, err = s.Export(ctx, 1, store.Export{ID: "other", Account: "ann", Count: 5, Partial: true})
	wantErr(t, "nothing", err, store.ErrEmpty)
	importCodes(t, s, def, store.ImportOptions{}, "A1", "A2", "A3", "A4", "A5")
	again, err := s.Export(ctx, 1, ask)
	if err != nil || !slices.Equal(again, first) {
		t.Errorf("%v, %v, want %v", again, err, first)
	}
	wantCounts(t, "exported", s, 1, store.Counts{Minted: 5, Available: 2, Issued: 3})
}

// TestExportsExclusively: exports at once never get the same code, and one ID asked for by
// many gives all of them the same list.
func TestExportsExclusively(t *testing.T) {
	s := storetest.Open(t, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 1000})
	lists := make([][]string, 12)
	var wg sync.WaitGroup
	for i := range lists {
		wg.Go(func() {
			var err error
			lists[i], err = s.Export(t.Context(), b.ID, store.Export{ID: fmt.Sprint(i / 3), Account: "ann", Count: 200})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[string]int{}
	for i, l := range lists {
		if !slices.Equal(l, lists[i/3*3]) {
			t.Errorf("export %d has two lists", i/3)
		}
		for _, c := range l {
			seen[c]++
		}
	}
	for c, n := range seen {
		if n != 3 {
			t.Errorf("%s is in %d lists", c, n)
		}
	}
	if len(seen) != 800 {
		t.Errorf("%d codes", len(seen))
	}
	wantCounts(t, "exported", s, b.ID, store.Counts{Minted: 1000, Available: 200, Issued: 800})
	storetest.Verify(t, s)
}

// TestExportInterrupted finishes an export of several parts that was ended in between.
func TestExportInterrupted(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 250_000})
	ask := store.Export{ID: strings.Repeat("i", store.MaxText-10), Account: "ann", Count: 240_000}
	stopped, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s.Stats().Codes.Issued == 0 {
		}
		stop()
	}()
	_, err := s.Export(stopped, b.ID, ask)
	stop()
	<-done
	t.Logf("stopped: %v", err)
	s = reopened(t, s, dir, weak(), false)
	codes, err := s.Export(ctx, b.ID, ask)
	if err != nil || len(codes) != ask.Count {
		t.Fatalf("%d codes, %v", len(codes), err)
	}
	slices.Sort(codes)
	if n := len(slices.Compact(codes)); n != ask.Count {
		t.Errorf("%d of them are twice there", ask.Count-n)
	}
	wantCounts(t, "exported", s, b.ID, store.Counts{Minted: 250_000, Available: 10_000, Issued: 240_000})
	storetest.Verify(t, s)
}

// What is over is in stock again for an export, too, whoever comes first.
func TestExportAfterLease(t *testing.T) {
	o, clk := timed()
	s := storetest.Open(t, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 3})
	l := lease(t, s, b.ID, 3, time.Hour, store.To("x"))
	clk.set(l.Until)
	codes, err := s.Export(t.Context(), b.ID, store.Export{ID: "e", Count: 3})
	if err != nil || len(codes) != 3 {
		t.Errorf("%d codes, %v", len(codes), err)
	}
}
