package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

// System A is a redemption-code service: create_codes, load_codes, get_code, get_codes,
// code_redeem and ping. Each test of it holds one of its rules. Its business (bid) is a
// namespace, its mark is a batch's Reward.

// createCodes is create_codes: it mints, and draws all to see them.
func createCodes(t *testing.T, s *store.Store, bid string, quantity, bits, ctype int, mark string) []string {
	t.Helper()
	class, err := gen.ClassOf(ctype)
	if err != nil {
		t.Fatal(err)
	}
	b := mint(t, s, store.Batch{Namespace: bid, Count: int64(quantity), Reward: mark, Format: gen.Format{Class: class, Length: bits}})
	return issue(t, s, b.ID, quantity, "create_codes")
}

// TestSystemACreateCodes mints codes of each type and of several lengths; 0 is 4 characters.
func TestSystemACreateCodes(t *testing.T) {
	s := storetest.Open(t, weak())
	for ctype, alphabet := range []string{
		1: "0123456789", 2: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 3: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
		4: "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 5: "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
	} {
		if ctype == 0 {
			continue
		}
		for _, bits := range []int{0, 3, 9, 20} {
			bid := fmt.Sprint("type-", ctype, "-", bits)
			codes := createCodes(t, s, bid, 200, bits, ctype, "m")
			want, made, used := bits, map[string]bool{}, map[rune]bool{}
			if bits == 0 {
				want = 4
			}
			for _, c := range codes {
				if len(c) != want || strings.Trim(c, alphabet) != "" || made[c] {
					t.Fatalf("%s: %q, twice: %v", bid, c, made[c])
				}
				made[c] = true
				for _, r := range c {
					used[r] = true
				}
			}
			if bits >= 9 && len(used) != len(alphabet) { // one is left out with a chance below 62 × (61/62)^1800
				t.Errorf("%s: %d of %d characters came", bid, len(used), len(alphabet))
			}
			withCase := ctype == 3 || ctype == 5
			for _, c := range codes[:20] {
				other := otherCase(c)
				_, err := s.Redeem(t.Context(), store.Redemption{Namespace: bid, Code: other})
				switch {
				case withCase && other != c && !made[other]:
					wantErr(t, bid+" in another case", err, store.ErrUnknownCode)
				case !withCase:
					wantErr(t, bid+" in another case", err, nil)
				}
			}
		}
	}
}

func otherCase(code string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, code)
}

// TestSystemAImpossible refuses at once, with the numbers, what no luck can give.
func TestSystemAImpossible(t *testing.T) {
	s := storetest.Open(t, weak())
	ask := func(bid string, quantity int64, bits int) error {
		_, err := s.Mint(t.Context(), store.Batch{Namespace: bid, Count: quantity, Format: gen.Format{Class: gen.Digits, Length: bits}})
		return err
	}
	wantErr(t, "half of the space", ask("shop", 5000, 0), nil)
	wantErr(t, "beside them", ask("shop", 3000, 4), nil)
	before := s.Stats()
	for what, c := range map[string]struct {
		quantity int64
		bits     int
		want     error
		numbers  []string
	}{
		"more than half":            {5001, 0, store.ErrSpace, []string{"10000", "5001"}},
		"more than there are":       {20_000, 4, store.ErrSpace, []string{"10000", "20000"}},
		"more than are left":        {2001, 0, store.ErrSpace, []string{"10000", "8000", "2001"}},
		"none":                      {0, 0, store.ErrInvalid, []string{"count is 0"}},
		"less than none":            {-1, 0, store.ErrInvalid, []string{"count is -1"}},
		"a length that cannot be":   {1, -1, store.ErrInvalid, []string{"-1"}},
		"a length that is too much": {1, 65, store.ErrInvalid, []string{"65", "64"}},
	} {
		err := ask("shop", c.quantity, c.bits)
		wantErr(t, what, err, c.want)
		for _, n := range c.numbers {
			if !strings.Contains(fmt.Sprint(err), n) {
				t.Errorf("%s: %v does not say %s", what, err, n)
			}
		}
	}
	for _, ctype := range []int{-1, 0, 6} {
		_, err := gen.ClassOf(ctype)
		wantErr(t, fmt.Sprint("ctype ", ctype), err, gen.ErrFormat)
	}
	if after := s.Stats(); after.Ledger != before.Ledger || after.Batches != before.Batches || after.Codes != before.Codes {
		t.Errorf("refusals changed %+v to %+v", before, after)
	}
	wantErr(t, "in another business", ask("other", 5000, 0), nil)
}

// TestSystemAMark: a mark comes back with each code, in every way in which one comes.
func TestSystemAMark(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	var ids []store.BatchID
	for _, mark := range []string{"gold", "silver"} {
		b := mint(t, s, store.Batch{Namespace: "shop", Count: 40, Reward: mark})
		if b.Reward != mark {
			t.Errorf("create_codes says %q", b.Reward)
		}
		ids = append(ids, b.ID)
	}
	for i, clean := range []bool{false, true} {
		for j, mark := range []string{"gold", "silver"} {
			same := func(what, got string) {
				if got != mark {
					t.Errorf("%s says %q, want %q", what, got, mark)
				}
			}
			codes := issue(t, s, ids[j], 4, fmt.Sprint("order-", i, j))
			info, err := s.Lookup(ctx, "shop", codes[0])
			wantErr(t, "lookup", err, nil)
			b, err := s.Batch(info.BatchID)
			wantErr(t, "batch", err, nil)
			same("the batch of a code", b.Reward)
			same("code_redeem", redeem(t, s, store.Redemption{Namespace: "shop", Code: codes[0]}).Reward)
			same("many at once", s.RedeemAll(ctx, []store.Redemption{{Namespace: "shop", Code: codes[1]}})[0].Receipt.Reward)
			h := reserve(t, s, store.Redemption{Namespace: "shop", Code: codes[2]}, time.Hour)
			same("a reservation", h.Reward)
			rec, err := s.Confirm(ctx, store.LeaseEnd{Number: h.Number})
			wantErr(t, "confirm", err, nil)
			same("a confirmation", rec.Reward)
			taken, err := s.Take(ctx, ids[j], 1, "ann", store.To("x"))
			wantErr(t, "take", err, nil)
			same("draw and destroy", taken[0].Reward)
		}
		s = reopened(t, s, dir, weak(), clean)
		dir = s.Stats().Dir
	}
	marks := map[string]int{}
	for _, r := range receipts(t, s, 0) {
		marks[r.Reward]++
	}
	if marks["gold"] != 8 || marks["silver"] != 8 || len(marks) != 2 {
		t.Errorf("the ledger has %v", marks)
	}
}

// TestSystemALoadCodes counts what is accepted; a malformed list changes nothing.
func TestSystemALoadCodes(t *testing.T) {
	s := storetest.Open(t, weak())
	load := func(bid string, codes ...string) int64 {
		return importCodes(t, s, store.Batch{Name: "loaded for " + bid, Namespace: bid}, store.ImportOptions{}, codes...).Added
	}
	if n := load("shop", "VIP-1", "VIP-2", "vip 2", "VIP-3"); n != 3 {
		t.Errorf("%d accepted, want 3: one is there twice", n)
	}
	if n := load("shop", "VIP-3", "VIP-4"); n != 1 {
		t.Errorf("%d accepted, want 1: the other is there already", n)
	}
	if n := load("other", "VIP-1", "VIP-2"); n != 2 {
		t.Errorf("%d accepted in another business, want 2", n)
	}
	_, err := s.Import(t.Context(), store.Batch{Name: "loaded for shop", Namespace: "shop"}, strings.NewReader("VIP-5\n\"VIP-6\n"), store.ImportOptions{})
	wantErr(t, "a malformed list", err, store.ErrBadLine)
	b, err := s.BatchNamed("loaded for shop")
	if err != nil || b.Counts != (store.Counts{Minted: 4, Available: 4}) {
		t.Errorf("%+v, %v", b.Counts, err)
	}
	got := issue(t, s, b.ID, 4, "x")
	slices.Sort(got)
	if !slices.Equal(got, []string{"VIP1", "VIP2", "VIP3", "VIP4"}) {
		t.Errorf("drawn %v", got)
	}
}

// TestSystemADraw is get_code and get_codes: at random, each code once, all or nothing.
func TestSystemADraw(t *testing.T) {
	s := storetest.Open(t, weak())
	var given []string
	for i := range 200 {
		given = append(given, fmt.Sprintf("%03d", i))
	}
	b := importCodes(t, s, store.Batch{Name: "b"}, store.ImportOptions{}, given...).Batch
	var got []string
	for range 50 {
		got = append(got, issue(t, s, b.ID, 1, "get_code")...)
		got = append(got, issue(t, s, b.ID, 2, "get_codes")...)
	}
	if slices.IsSorted(got) || slices.Max(got[:75]) < "100" || slices.Min(got[:75]) >= "100" {
		t.Errorf("drawn in order: %v", got)
	}
	_, err := s.Issue(t.Context(), b.ID, 51, store.To("x"))
	wantErr(t, "one too many", err, store.ErrEmpty)
	got = append(got, issue(t, s, b.ID, 50, "the rest")...)
	slices.Sort(got)
	if !slices.Equal(got, given) {
		t.Errorf("drawn %v", got)
	}
	_, err = s.Issue(t.Context(), b.ID, 1, store.To("x"))
	wantErr(t, "an empty pool", err, store.ErrEmpty)
}

// TestSystemALookOnly: nobody looks at a code that is not drawn (gtype 1; Issue's comment and
// codepool issue --peek say why). A lease does what that was for, and no two have one code.
func TestSystemALookOnly(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := importCodes(t, s, store.Batch{Name: "b"}, store.ImportOptions{}, "SECRET-CODE-0001", "SECRET-CODE-0002").Batch
	for _, c := range collect(t, s.Codes(ctx, b.ID, 0)) {
		if !c.Masked || strings.Contains(c.Code, "SECRET") {
			t.Errorf("a code in stock is shown as %s", c.Code)
		}
	}
	looks := make([]store.Lease, 2)
	var wg sync.WaitGroup
	for i := range looks {
		wg.Go(func() {
			var err error
			if looks[i], err = s.Lease(ctx, b.ID, 1, time.Hour, store.To("looker")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() || looks[0].Codes[0] == looks[1].Codes[0] {
		t.Fatalf("two callers look at %v", looks)
	}
	_, err := s.Lease(ctx, b.ID, 1, time.Hour, store.To("third"))
	wantErr(t, "a third look", err, store.ErrEmpty)
	for _, l := range looks {
		_, err := s.GiveBack(ctx, store.LeaseEnd{Number: l.Number})
		wantErr(t, "give back", err, nil)
	}
	wantCounts(t, "looked at", s, b.ID, store.Counts{Minted: 2, Available: 2})
}

// TestSystemADrawAndDestroy is gtype 2: drawn and burned in one step, and the same again for
// whoever did not get the answer.
func TestSystemADrawAndDestroy(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	ask := store.To("quest-9").Once("request-1")
	first, err := s.Take(ctx, b.ID, 3, "ann", ask)
	wantErr(t, "draw and destroy", err, nil)
	s = reopened(t, s, dir, weak(), false)
	again, err := s.Take(ctx, b.ID, 3, "ann", ask)
	if err != nil || !slices.EqualFunc(first, again, sameReceipt) {
		t.Errorf("%+v, %v, first were %+v", again, err, first)
	}
	wantCounts(t, "destroyed", s, b.ID, store.Counts{Minted: 10, Available: 7, Redeemed: 3})
	for _, r := range first {
		_, err := s.Redeem(ctx, store.Redemption{Code: r.Code})
		wantErr(t, "redeem what is destroyed", err, store.ErrAlreadyRedeemed)
		if slices.Contains(issue(t, s, b.ID, 2, "x"), r.Code) {
			t.Errorf("%s is drawn again", r.Code)
		}
	}
}

// TestSystemACodeRedeem: code_redeem is true exactly once for a code of the business.
func TestSystemACodeRedeem(t *testing.T) {
	s := storetest.Open(t, weak())
	codeRedeem := func(bid, code string) bool {
		_, err := s.Redeem(t.Context(), store.Redemption{Namespace: bid, Code: code})
		return err == nil
	}
	drawn := importCodes(t, s, store.Batch{Name: "drawn", Namespace: "shop"}, store.ImportOptions{}, "D1", "D2").Batch
	importCodes(t, s, store.Batch{Name: "pool", Namespace: "shop", FromStock: true}, store.ImportOptions{}, "P1", "P2")
	importCodes(t, s, store.Batch{Name: "others", Namespace: "other", FromStock: true}, store.ImportOptions{}, "O1")
	mine := issue(t, s, drawn.ID, 1, "order")[0]
	stays := map[string]string{"D1": "D2", "D2": "D1"}[mine]
	for _, c := range []struct {
		bid, code string
		want      bool
	}{
		{"shop", mine, true}, {"shop", mine, false}, {"shop", stays, false}, // in stock: nobody was given it
		{"shop", "P1", true}, {"shop", "p-1", false}, {"shop", "NONE", false}, {"shop", "", false},
		{"other", "P2", false}, {"shop", "O1", false}, {"nobody", "O1", false}, {"other", "O1", true}, {"other", "O1", false},
	} {
		if got := codeRedeem(c.bid, c.code); got != c.want {
			t.Errorf("code_redeem(%s, %s) is %v", c.bid, c.code, got)
		}
	}
}

// TestSystemABusinesses: unique in a business; the same text in two is two codes.
func TestSystemABusinesses(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	def := func(bid, name string) store.Batch {
		return store.Batch{Name: name, Namespace: bid, Reward: bid, FromStock: true}
	}
	importCodes(t, s, def("a", "a1"), store.ImportOptions{}, "SPRING", "SUMMER")
	importCodes(t, s, def("b", "b1"), store.ImportOptions{}, "SPRING", "SUMMER")
	if rep := importCodes(t, s, def("a", "a2"), store.ImportOptions{}, "SPRING", "AUTUMN"); rep.Added != 1 || rep.DuplicateInStore != 1 {
		t.Errorf("%+v", rep)
	}
	if r := redeem(t, s, store.Redemption{Namespace: "a", Code: "SPRING"}); r.Reward != "a" {
		t.Errorf("%+v", r)
	}
	for bid, want := range map[string]shard.State{"a": shard.Redeemed, "b": shard.Available} {
		if info, err := s.Lookup(ctx, bid, "SPRING"); err != nil || info.State != want || info.Namespace != bid {
			t.Errorf("%s: %+v, %v", bid, info, err)
		}
	}
	_, err := s.Lookup(ctx, "", "SPRING")
	wantErr(t, "in no business", err, store.ErrUnknownCode)
	if r := redeem(t, s, store.Redemption{Namespace: "b", Code: "SPRING"}); r.Reward != "b" {
		t.Errorf("%+v", r)
	}
	// Ten codes of one digit there are; two businesses have five each of them.
	for _, bid := range []string{"x", "y"} {
		if got := createCodes(t, s, bid, 5, 1, 1, ""); len(got) != 5 {
			t.Errorf("%v", got)
		}
	}
}

// TestSystemAPing: a store that is open serves, and one that is closed says so.
func TestSystemAPing(t *testing.T) {
	s := storetest.Open(t, weak())
	ping := func() error { return s.Check(t.Context(), store.Redemption{Code: "ping"}) }
	if err := ping(); !errors.Is(err, store.ErrUnknownCode) || s.Stats().Failure != "" {
		t.Errorf("%v, %q", err, s.Stats().Failure)
	}
	mustClose(t, s)
	wantErr(t, "closed", ping(), store.ErrClosed)
}
