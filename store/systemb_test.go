package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

// System B is a table of coupon and membership codes. Each test of it holds one of its
// rules. Its kind and kind_no, remark and times are a batch's; exporting is Store.Export.

func export(t *testing.T, s *store.Store, id store.BatchID, e store.Export) []string {
	t.Helper()
	codes, err := s.Export(t.Context(), id, e)
	if err != nil {
		t.Fatalf("export %+v: %v", e, err)
	}
	return codes
}

// TestSystemBKinds: kinds and their numbers are open sets. A product that nobody has thought
// of before is one more batch, beside those that are there, in the same format.
func TestSystemBKinds(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	products := []struct{ kind, no string }{
		{"membership card", "VIP"}, {"membership card", "SVIP"}, {"coupon", "10-off"}, {"优惠券包", "双十一"}, {"", ""}, {"card/with: 'marks'", "№ 7"},
	}
	for i, p := range products {
		b := mint(t, s, store.Batch{Name: fmt.Sprint("product-", i), Kind: p.kind, KindNo: p.no, Count: 4, Reward: p.no})
		codes := export(t, s, b.ID, store.Export{ID: fmt.Sprint("e", i), Count: 2})
		redeem(t, s, store.Redemption{Code: codes[0]})
		if i%3 == 2 {
			s = reopened(t, s, dir, weak(), i == 2)
			dir = s.Stats().Dir
		}
	}
	all := s.Batches()
	if len(all) != len(products) {
		t.Fatalf("%d batches", len(all))
	}
	for i, p := range products {
		if b := all[i]; b.Kind != p.kind || b.KindNo != p.no || b.Counts != (store.Counts{Minted: 4, Available: 2, Issued: 1, Redeemed: 1}) {
			t.Errorf("%+v, want %+v", b, p)
		}
	}
	for i, r := range receipts(t, s, 0) {
		if r.Reward != products[i].no {
			t.Errorf("%+v, want %+v", r, products[i])
		}
	}
}

// TestSystemBStates: used and exported are told apart, in all four ways.
func TestSystemBStates(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := importCodes(t, s, store.Batch{Name: "b", FromStock: true}, store.ImportOptions{}, "A", "B", "C", "D").Batch
	redeem(t, s, store.Redemption{Code: "A"}) // never exported
	list := export(t, s, b.ID, store.Export{ID: "e", Account: "ann", Ref: "reseller", Count: 2})
	redeem(t, s, store.Redemption{Code: list[0]})
	stays := slices.DeleteFunc([]string{"B", "C", "D"}, func(c string) bool { return slices.Contains(list, c) })[0]
	for _, clean := range []bool{false, true} {
		for code, want := range map[string]struct{ used, exported bool }{"A": {true, false}, list[0]: {true, true}, list[1]: {false, true}, stays: {false, false}} {
			info, err := s.Lookup(ctx, "", code)
			if err != nil || (info.State == shard.Redeemed) != want.used || (info.Receipt != nil) != want.used || (info.Ref == "reseller") != want.exported || info.IssuedAt.IsZero() == want.exported {
				t.Errorf("%s, want %+v: %+v, %v", code, want, info, err)
			}
		}
		wantCounts(t, "all four", s, b.ID, store.Counts{Minted: 4, Available: 1, Issued: 1, Redeemed: 2})
		s = reopened(t, s, dir, weak(), clean)
		dir = s.Stats().Dir
	}
}

// TestSystemBWhoAndWhen: who generated, exported and redeemed, for whom, and when.
func TestSystemBWhoAndWhen(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, clk := timed()
	start := clk.Now()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Owner: "ann", Count: 5})
	clk.set(start.Add(time.Hour))
	codes := export(t, s, b.ID, store.Export{ID: "e", Account: "ann", Ref: "reseller", Count: 1})
	clk.set(start.Add(2 * time.Hour))
	rec := redeem(t, s, store.Redemption{Code: codes[0], User: "player-42"})
	s = reopened(t, s, dir, o, false)
	if got, err := s.Batch(b.ID); err != nil || got.Owner != "ann" || !got.Created.Equal(start) {
		t.Errorf("generated: %+v, %v", got, err)
	}
	info, err := s.Lookup(ctx, "", codes[0])
	if err != nil || info.Ref != "reseller" || !info.IssuedAt.Equal(start.Add(time.Hour)) || info.Receipt == nil || !sameReceipt(*info.Receipt, rec) {
		t.Errorf("%+v, %v", info, err)
	}
	if rec.User != "player-42" || !rec.At.Equal(start.Add(2*time.Hour)) || rec.At.Location() != time.UTC {
		t.Errorf("redeemed: %+v", rec)
	}
	var log []string
	for _, e := range collect(t, s.Ledger(ctx, 0)) {
		log = append(log, fmt.Sprintf("%s by %q for %q user %q after %v", e.Verb, e.By, e.Ref, e.User, e.At.Sub(start)))
	}
	want := []string{`mint by "ann" for "" user "" after 0s`, `export by "ann" for "reseller" user "" after 1h0m0s`, `redeem by "" for "" user "player-42" after 2h0m0s`}
	if !slices.Equal(log, want) {
		t.Errorf("the ledger says %q", log)
	}
}

// TestSystemBWindow: valid iff from ≤ now < until, to the microsecond and wherever those
// times were written; before that a batch is in place, and can be exported.
func TestSystemBWindow(t *testing.T) {
	o, clk := timed()
	s := storetest.Open(t, o)
	shanghai := time.FixedZone("CST", 8*3600)
	from, until := time.Date(2026, 11, 11, 0, 0, 0, 0, shanghai), time.Date(2026, 11, 12, 0, 0, 0, 0, shanghai)
	b := mint(t, s, store.Batch{Name: "b", Count: 10, NotBefore: from, NotAfter: until})
	if !b.NotBefore.Equal(from) || !b.NotAfter.Equal(until) || b.NotBefore.Location() != time.UTC {
		t.Errorf("valid from %v until %v", b.NotBefore, b.NotAfter)
	}
	codes := export(t, s, b.ID, store.Export{ID: "ahead", Count: 6})
	for i, c := range []struct {
		at   time.Time
		want error
	}{
		{clk.Now(), store.ErrNotYetValid}, {from.Add(-time.Microsecond), store.ErrNotYetValid}, {from, nil},
		{until.Add(-time.Microsecond), nil}, {until, store.ErrExpired}, {until.Add(24 * time.Hour), store.ErrExpired},
	} {
		clk.set(c.at)
		wantErr(t, fmt.Sprint("check at ", c.at), s.Check(t.Context(), store.Redemption{Code: codes[i]}), c.want)
		_, err := s.Redeem(t.Context(), store.Redemption{Code: codes[i]})
		wantErr(t, fmt.Sprint("redeem at ", c.at), err, c.want)
	}
}

// TestSystemBRemark: a batch's remark stays with it.
func TestSystemBRemark(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	remark := "for the fair in Köln, hall 7 – 不退款"
	b := mint(t, s, store.Batch{Name: "b", Count: 1, Remark: remark})
	plain := mint(t, s, store.Batch{Name: "plain", Count: 1})
	s = restored(t, reopened(t, s, dir, weak(), false))
	for id, want := range map[store.BatchID]string{b.ID: remark, plain.ID: ""} {
		if got, err := s.Batch(id); err != nil || got.Remark != want {
			t.Errorf("%q, %v, want %q", got.Remark, err, want)
		}
	}
	_, err := s.Mint(t.Context(), store.Batch{Name: "c", Count: 1, Remark: strings.Repeat("x", store.MaxText+1)})
	wantErr(t, "a remark that is too long", err, store.ErrInvalid)
}

// TestSystemBScope: one namespace for all kinds is one page that finds any prize, where a
// text exists once; one for each kind is a page that says what it redeems.
func TestSystemBScope(t *testing.T) {
	s := storetest.Open(t, weak())
	load := func(namespace, kind string, codes ...string) store.ImportReport {
		b := store.Batch{Name: namespace + "/" + kind, Namespace: namespace, Kind: kind, Reward: kind}
		return importCodes(t, s, b, store.ImportOptions{HandedOut: true}, codes...)
	}
	load("", "membership", "SPRING", "GOLD")
	if rep := load("", "coupon", "SPRING", "TREE"); rep.Added != 1 || rep.DuplicateInStore != 1 {
		t.Errorf("one page: %+v", rep)
	}
	for code, want := range map[string]string{"SPRING": "membership", "GOLD": "membership", "TREE": "coupon"} {
		if r := redeem(t, s, store.Redemption{Code: code}); r.Reward != want {
			t.Errorf("one page: %s gives %q", code, r.Reward)
		}
	}
	for _, kind := range []string{"membership", "coupon"} {
		if rep := load(kind, kind, "SPRING", "only "+kind); rep.Added != 2 {
			t.Errorf("a page a kind: %+v", rep)
		}
	}
	for _, kind := range []string{"coupon", "membership"} {
		if r := redeem(t, s, store.Redemption{Namespace: kind, Code: "SPRING"}); r.Reward != kind {
			t.Errorf("a page a kind: %s gives %q", kind, r.Reward)
		}
	}
	_, err := s.Redeem(t.Context(), store.Redemption{Namespace: "coupon", Code: "only membership"})
	wantErr(t, "a page a kind", err, store.ErrUnknownCode)
}

// TestSystemBExportOnce: exports take codes out of stock, also at once and beside draws, and
// never two of them the same; an export that is asked for again is the same list.
func TestSystemBExportOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Owner: "ann", Count: 1000})
	const n = 8
	lists := make([][]string, n)
	ask := func(i int) store.Export {
		return store.Export{ID: fmt.Sprint("list-", i), Account: "ann", Ref: fmt.Sprint("reseller-", i), Count: 100}
	}
	var wg sync.WaitGroup
	for i := range lists {
		wg.Go(func() {
			var err error
			if i%4 == 3 {
				lists[i], err = s.Issue(t.Context(), b.ID, 100, store.To("shop"))
			} else {
				lists[i], err = s.Export(t.Context(), b.ID, ask(i))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all := slices.Concat(lists...)
	slices.Sort(all)
	if len(slices.Compact(all)) != n*100 {
		t.Errorf("%d codes in %d lists of 100", len(slices.Compact(all)), n)
	}
	for _, clean := range []bool{false, true} {
		if again := export(t, s, b.ID, ask(2)); !slices.Equal(again, lists[2]) {
			t.Error("the same export has another list")
		}
		s = reopened(t, s, dir, weak(), clean)
		dir = s.Stats().Dir
	}
	wantCounts(t, "exported", s, b.ID, store.Counts{Minted: 1000, Available: 200, Issued: 800})
}

// TestSystemBExportOwner: who generates exports. Another account does only where the caller
// answers for it, and the ledger has both.
func TestSystemBExportOwner(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := mint(t, s, store.Batch{Name: "b", Owner: "ann", Count: 10})
	before := s.Stats().Ledger
	for _, account := range []string{"bob", "", "Ann", "ann "} {
		_, err := s.Export(ctx, b.ID, store.Export{ID: "e", Account: account, Ref: "ann", Count: 1})
		wantErr(t, "export by "+account, err, store.ErrNotOwner)
	}
	if got := s.Stats().Ledger; got != before {
		t.Errorf("refusals made %d records", got-before)
	}
	export(t, s, b.ID, store.Export{ID: "e", Account: "ann", Count: 2})
	export(t, s, b.ID, store.Export{ID: "audit", Account: "bob", Count: 1, Override: true})
	_, err := s.Export(ctx, b.ID, store.Export{ID: "e", Account: "bob", Ref: "ann", Count: 2}) // her list by its name
	wantErr(t, "another's list", err, store.ErrKeyConflict)
	var by []string
	for _, e := range collect(t, s.Ledger(ctx, before)) {
		by = append(by, e.Verb+" "+e.By)
	}
	if !slices.Equal(by, []string{"export ann", "export bob"}) {
		t.Errorf("%v", by)
	}
}
