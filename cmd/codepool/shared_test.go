package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"codepool/gen"
	"codepool/store"
)

// sharedStore is a store with ten tokens of one digit, which are all there are.
func sharedStore(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := store.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := store.Universal("", 5)
	d.Format = gen.Format{Class: gen.Digits, Length: 1}
	for _, r := range s.ShareAll(t.Context(), []store.Shared{d, d, d, d, d, d, d, d, d, d}) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	return dir
}

// Where no token is free the refusal says what is.
func TestNoTokenFree(t *testing.T) {
	dir := sharedStore(t)
	_, err := runHere(t, t.Context(), "", "share", "create", "--data", dir, "--count", "1", "--format", "digits:1")
	if !errors.Is(err, store.ErrNoToken) || exitCode(err) != exitEmpty || reason(err) != "no_token" {
		t.Errorf("%v", err)
	}
	if try := new(app).advice(err); !strings.Contains(try, "--format") {
		t.Errorf("try %q", try)
	}
}

// An end asks a person, and does nothing without a yes.
func TestSharedEndAsks(t *testing.T) {
	dir := sharedStore(t)
	end := func(typed string) (*bytes.Buffer, error) {
		return runHere(t, t.Context(), typed, "share", "end", "7", "--data", dir)
	}
	for _, c := range []struct {
		typed string
		want  error
	}{{"n\n", errNotYes}, {"", errNotYes}, {"y\n", nil}, {"y\n", store.ErrShareEnded}} {
		errw, err := end(c.typed)
		if !errors.Is(err, c.want) || errw.String() != "End universal code 7 for ever? [y/N] " {
			t.Errorf("%q: asked %q, %v", c.typed, errw, err)
		}
	}
}

// An amount is shown as people write it, even of a currency that there is no more.
func TestMoneyText(t *testing.T) {
	for _, c := range []struct {
		amount   int64
		currency string
		want     string
	}{{8888, "CNY", "88.88 CNY"}, {5, "JPY", "5 JPY"}, {5, "", ""}, {5, "XYZ", "5 minor units of XYZ"}} {
		if got := moneyText(c.amount, c.currency); got != c.want {
			t.Errorf("%d of %q is %q, want %q", c.amount, c.currency, got, c.want)
		}
	}
}

// Bad input is told as such and makes nothing, not even a store.
func TestSharedInput(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	for _, c := range []struct{ line, want string }{
		{"packet create --total 0.02 --currency CNY --count 3", "a total of 2 in 3 parts leaves parts of nothing"},
		{"packet create --total 1 --currency CNY --count 0", "0 parts: write 1 or more"},
		{"packet create --total 1 --currency CNY --count -1", "-1 parts: write 1 or more"},
		{"packet create --total 0 --currency CNY --count 0", "a total of 0: write 1 or more"},
		{"packet create --total 1.234 --currency CNY --count 3", `"1.234" has 3 decimals, CNY has 2`},
		{"packet create --total -5 --currency CNY --count 3", `--total: `},
		{"packet create --total 10 --currency XYZ --count 3", `--currency: `},
		{"packet create --total 10 --currency CNY --count 3 --most 3.3", "no part above 330"},
		{"packet create --total 10 --currency CNY --count 3 --most much", "--most: "},
		{"packet create --total 10 --currency CNY --count 3 --split odd", `unknown policy "odd": write one of double-mean, line-cut, even, rest, ratio`},
		{"packet create --total 10 --currency CNY --split ratio", "no ratios: write one for each part"},
		{"packet create --total 10 --currency CNY --ratios 50,30,10 --ratio-sum 100", "the ratios add up to 90, not 100"},
		{"packet create --total 0.05 --currency CNY --ratios 1000,1", "gives a part of nothing"},
		{"packet create --total 10 --currency CNY --ratios 5,3,2 --count 4", "3 ratios for 4 parts"},
		{"packet create --total 10 --currency CNY --ratios 5,3,2 --split even --count 3", "ratios for policy even"},
		{"packet create --total 10 --currency CNY --ratios 5,x", "whole number"},
		{"packet create --total 10 --count 3", `required flag(s) "currency" not set`},
		{"packet create --currency CNY --count 3", `required flag(s) "total" not set`},
		{"packet create --total 10 --currency CNY --count 3 extra", "takes no argument"},
		{"packet create --total 10 --currency CNY --count 3 --for 31d", "Keep is 720h0m0s, less than For"},
		{"packet create --total 10 --currency CNY --count 3 --for 1h --not-after 2990-01-01", "For and NotAfter both say when it ends"},
		{"packet create --total 10 --currency CNY --count 3 --for soon", "not a length of time"},
		{"packet create --total 10 --currency CNY --count 3 --not-sender", "Sender is empty"},
		{"packet create --total 10 --currency CNY --count 3 --token -", "Token: "},
		{"packet create --total 10 --currency CNY --count 3 --room lobby", "unknown flag: --room"},
		{"packet claim", "accepts 1 arg"},
		{"packet claim X --user bob", "no store there"},
		{"packet undo x", `"x" is not the number of a claim`},
		{"packet show X --limit -1", "--limit -1 is below 0"},
		{"packet mint", `unknown command "mint" for "codepool packet"`},
		{"sprinkle create --sender ann --total 10 --currency KRW --count 3", `required flag(s) "room" not set`},
		{"sprinkle create --room lobby --total 10 --currency KRW --count 3", `required flag(s) "sender" not set`},
		{"sprinkle create --room lobby --sender ann --total 10 --currency KRW --count 0", "0 parts"},
		{"sprinkle create --room lobby --sender ann --total 2 --currency KRW --count 3", "leaves parts of nothing"},
		{"sprinkle create --room lobby --sender ann --total 10 --currency KRW --count 3 --token abc", "unknown flag: --token"},
		{"sprinkle claim abc --room lobby", `required flag(s) "user" not set`},
		{"sprinkle claim abc --user bob", `required flag(s) "room" not set`},
		{"sprinkle show abc", `required flag(s) "room" not set`},
		{"share create X", `required flag(s) "count" not set`},
		{"share create X --count 0", "write a whole number above 0"},
		{"share create X --count 2000000M", "Count is 2000000000000: want 1 to"},
		{"share create X --count 1 --per-user 0", `"0" is not a number of shares: write a whole number above 0, or unlimited`},
		{"share create X --count 1 --per-user many", "is not a number of shares"},
		{"share create X --count 1 --per-user 5000", "PerUser is 5000"},
		{"share create X Y --count 1", "accepts at most 1 arg"},
	} {
		_, err := runHere(t, t.Context(), "", append(strings.Split(c.line, " "), "--data", dir)...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.line, err, c.want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Fatalf("%s made a store", c.line)
		}
	}
	if _, err := runHere(t, t.Context(), "", "share", "create", "", "--count", "1", "--data", dir); !errors.Is(err, errUsage) {
		t.Errorf("an empty token: %v", err)
	}
}

// What is no reveal of a split is told as such; one of another split, or of another
// commitment, does not pass.
func TestVerifyReveal(t *testing.T) {
	dir := t.TempDir()
	salt, parts := gen.NewSalt(), []int64{3, 5}
	sum := gen.Commit(salt, parts)
	good := store.Reveal{Commitment: hex.EncodeToString(sum[:]), Salt: salt, Parts: parts}
	other := strings.Repeat("9f", 32)
	for name, c := range map[string]struct {
		change    func(*store.Reveal)
		published []string
		want      error
	}{
		"good":            {func(*store.Reveal) {}, []string{"--commitment", strings.ToUpper(good.Commitment)}, nil},
		"order":           {func(r *store.Reveal) { r.Parts = []int64{5, 3} }, nil, errOtherSplit},
		"amount":          {func(r *store.Reveal) { r.Parts = []int64{3, 6} }, nil, errOtherSplit},
		"salt":            {func(r *store.Reveal) { r.Salt[7]++ }, nil, errOtherSplit},
		"commitment":      {func(r *store.Reveal) { r.Commitment = other }, nil, errOtherSplit},
		"of another":      {func(*store.Reveal) {}, []string{"--commitment", other}, errOtherSplit},
		"published short": {func(*store.Reveal) {}, []string{"--commitment", "9f"}, errUsage},
		"published none":  {func(*store.Reveal) {}, []string{"--commitment", ""}, errUsage},
		"short":           {func(r *store.Reveal) { r.Commitment = "9f" }, nil, errNoReveal},
		"no parts":        {func(r *store.Reveal) { r.Parts = nil }, nil, errNoReveal},
		"below":           {func(r *store.Reveal) { r.Parts = []int64{9, -1} }, nil, errNoReveal},
		"beyond":          {func(r *store.Reveal) { r.Parts = []int64{math.MaxInt64, 1} }, nil, errNoReveal},
		"long":            {func(r *store.Reveal) { r.Parts = make([]int64, maxReveal/2) }, nil, errNoReveal},
	} {
		r := good
		c.change(&r)
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := runHere(t, t.Context(), "", append([]string{"packet", "verify", path}, c.published...)...); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
