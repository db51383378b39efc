package store_test

import (
	"strings"
	"testing"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

var wideFormat = gen.Format{Class: gen.Crockford32, Length: 16, Group: 4}

// The same text in two namespaces is two codes.
func TestNamespaces(t *testing.T) {
	s := storetest.Open(t)
	handed := store.ImportOptions{HandedOut: true}
	for _, ns := range []string{"", "a", "b"} {
		importCodes(t, s, store.Batch{Name: "in:" + ns, Namespace: ns, Reward: "of " + ns}, handed, "SAME-1")
	}
	importCodes(t, s, store.Batch{Name: "only a", Namespace: "a"}, handed, "ONLY")
	rec := redeem(t, s, store.Redemption{Code: "same1", Namespace: "a"})
	if rec.Reward != "of a" {
		t.Errorf("redeemed the code of another namespace: %+v", rec)
	}
	wantErr(t, "again", s.Check(t.Context(), store.Redemption{Code: "SAME1", Namespace: "a"}), store.ErrAlreadyRedeemed)
	for _, ns := range []string{"", "b"} {
		wantErr(t, "namespace "+ns, s.Check(t.Context(), store.Redemption{Code: "SAME1", Namespace: ns}), nil)
	}
	for _, ns := range []string{"", "b", "never heard of"} {
		wantErr(t, "namespace "+ns, s.Check(t.Context(), store.Redemption{Code: "ONLY", Namespace: ns}), store.ErrUnknownCode)
	}
	_, err := s.Redeem(t.Context(), store.Redemption{Code: "same-1", Namespace: "b", Key: "k"})
	wantErr(t, "b", err, nil)
	_, err = s.Redeem(t.Context(), store.Redemption{Code: "same-1", Key: "k"})
	wantErr(t, "the same text and key in another namespace", err, store.ErrKeyConflict)
	if info, err := s.Lookup(t.Context(), "a", "ONLY"); err != nil || info.Namespace != "a" || info.BatchName != "only a" {
		t.Errorf("%+v, %v", info, err)
	}
}

// Case-sensitive, case-blind and Crockford codes live in one namespace: the exact
// text is tried first, then the folded ones.
func TestFoldsInOneNamespace(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	handed := store.ImportOptions{HandedOut: true}
	importCodes(t, s, store.Batch{Name: "exact", Format: gen.Format{Class: gen.LettersCase, Length: 4}}, handed, "abCD", "ABcd", "Zzzz")
	importCodes(t, s, store.Batch{Name: "upper"}, handed, "ABCD", "WXYZ", "O1O1")
	importCodes(t, s, store.Batch{Name: "crock", Format: gen.Format{Class: gen.Crockford32, Length: 4}}, handed, "0A0B")
	check := func(code, batch, canon string) {
		t.Helper()
		info, err := s.Lookup(t.Context(), "", code)
		if err != nil || info.BatchName != batch || info.Code != canon {
			t.Errorf("%q is %q of %q, %v; want %q of %q", code, info.Code, info.BatchName, err, canon, batch)
		}
	}
	again := func() {
		t.Helper()
		check("abCD", "exact", "abCD")
		check(" ABcd ", "exact", "ABcd")
		check("ABCD", "upper", "ABCD")
		check("abcd", "upper", "ABCD")
		check("a-b c-d", "upper", "ABCD")
		check("wxyz", "upper", "WXYZ")
		check("oaob", "crock", "0A0B")
		check("OA-OB", "crock", "0A0B")
		check("o1o1", "upper", "O1O1")
		for _, c := range []string{"zzzz", "ZZZZ", "Zz-zz", "abC", "0101"} {
			_, err := s.Lookup(t.Context(), "", c)
			wantErr(t, c, err, store.ErrUnknownCode)
		}
	}
	again()
	mustClose(t, s)
	s = storetest.OpenAt(t, dir, weak())
	again()
	results := s.RedeemAll(t.Context(), []store.Redemption{{Code: "abCD"}, {Code: "abcd"}, {Code: "AB-CD"}, {Code: "ABcd"}, {Code: "oaob"}})
	for i, want := range []error{nil, nil, store.ErrAlreadyRedeemed, nil, nil} {
		wantErr(t, "RedeemAll", results[i].Err, want)
	}
	if results[0].Receipt.Code != "abCD" || results[1].Receipt.Code != "ABCD" {
		t.Errorf("%+v", results)
	}
}

// Codes that do not pack into 64 bits work like all others.
func TestWideCodes(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "wide", Count: 20_000, Format: wideFormat}) // several pages
	codes := issue(t, s, b.ID, 500, "o")
	if len(codes[0]) != len("1234-5678-9ABC-DEFG") {
		t.Errorf("printed as %q", codes[0])
	}
	longest := strings.Repeat("x", 63)
	importCodes(t, s, store.Batch{Name: "given", Format: gen.Format{Class: gen.Any}}, store.ImportOptions{HandedOut: true},
		longest+"1", longest+"2", "短い", "a")
	for _, c := range codes[:250] {
		redeem(t, s, store.Redemption{Code: strings.ToLower(c)})
	}
	redeem(t, s, store.Redemption{Code: longest + "1"})
	redeem(t, s, store.Redemption{Code: "短い"})
	mustClose(t, s)
	s = storetest.OpenAt(t, dir, weak())
	for i, c := range codes {
		want := error(nil)
		if i < 250 {
			want = store.ErrAlreadyRedeemed
		}
		wantErr(t, c, s.Check(t.Context(), store.Redemption{Code: c}), want)
	}
	for c, want := range map[string]error{
		longest + "1": store.ErrAlreadyRedeemed, longest + "2": nil, longest + "3": store.ErrUnknownCode, longest: store.ErrUnknownCode,
		"短い": store.ErrAlreadyRedeemed, "短": store.ErrUnknownCode, "A": nil,
	} {
		wantErr(t, c, s.Check(t.Context(), store.Redemption{Code: c}), want)
	}
	if rec := receipts(t, s, 0); len(rec) != 252 || rec[250].Code != strings.ToUpper(longest)+"1" || rec[251].Code != "短い" {
		t.Errorf("%d receipts, the last %+v", len(rec), rec[len(rec)-2:])
	}
}

// Every class can be minted, printed, typed back and redeemed.
func TestEveryClass(t *testing.T) {
	s := storetest.Open(t)
	for class := gen.Crockford32; class < gen.Any; class++ {
		group := 3
		if class.Fold() == gen.Exact {
			group = 0 // hyphens would be part of the code
		}
		for _, f := range []gen.Format{{Class: class, Length: 10}, {Class: class, Length: 12, Group: group, Prefix: "7"}, {Class: class, Length: 20}} {
			b := mint(t, s, store.Batch{Name: f.String(), Namespace: f.String(), Count: 50, Format: f})
			for _, c := range issue(t, s, b.ID, 50, "x") {
				redeem(t, s, store.Redemption{Code: c, Namespace: f.String()})
			}
		}
	}
}
