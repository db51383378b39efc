package gen_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"codepool/gen"
)

// signKey returns the key of an id; the same id has the same secret.
func signKey(id uint32) gen.SignKey {
	return gen.SignKey{ID: id, Secret: fmt.Appendf(nil, "a secret of tests, number %d", id)}
}

func signKeys(ids ...uint32) (keys []gen.SignKey) {
	for _, id := range ids {
		keys = append(keys, signKey(id))
	}
	return keys
}

func newSigner(tb testing.TB, l gen.Layout, keys ...gen.SignKey) *gen.Signer {
	tb.Helper()
	s, err := gen.NewSigner(l, keys...)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// sign is Append for tests: it also checks that bytes already in dst stay.
func sign(tb testing.TB, s *gen.Signer, plan uint32, serial uint64) string {
	tb.Helper()
	got, err := s.Append([]byte("before "), plan, serial)
	code, ok := strings.CutPrefix(string(got), "before ")
	if err != nil || !ok {
		tb.Fatalf("Append(%d, %d) = %q, %v", plan, serial, got, err)
	}
	return code
}

// opened is what Open returns, to compare at once.
type opened struct {
	plan   uint32
	serial uint64
	key    uint32
	err    error
}

func (o opened) String() string {
	return fmt.Sprintf("plan %d, serial %d, key %d, %v", o.plan, o.serial, o.key, o.err)
}

func open(s *gen.Signer, text string) (o opened) {
	o.plan, o.serial, o.key, o.err = s.Open(text)
	return o
}

// Codes of any layout are those of the naive signer, are canonical, and open as what
// they say however they are typed; a plan or serial out of range makes none.
func TestSignedOfAnyLayout(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for range 400 {
		l := randomLayout(rng)
		k := randomKey(rng, l)
		s := newSigner(t, l, k)
		for range 5 {
			plan, serial := uint32(randomOf(rng, l.PlanBits)), randomOf(rng, l.SerialBits)
			code := sign(t, s, plan, serial)
			if want, ok := naiveSign(t, l, k, plan, serial); !ok || code != want {
				t.Fatalf("%+v: plan %d, serial %d is %q, want %q", l, plan, serial, code, want)
			}
			if canon, err := canonical(t, code, l.Class.Fold()); canon != code || err != nil {
				t.Fatalf("%+v: %q is read as %q, %v", l, code, canon, err)
			}
			typed := " " + string(l.Format().AppendPrinted(nil, []byte(code)))
			if l.Class.Fold() != gen.Exact {
				typed = strings.ToLower(typed)
			}
			want := opened{plan, serial, k.ID, nil}
			if got := open(s, typed); got != want {
				t.Fatalf("%+v: %q opens as %v, want %v", l, typed, got, want)
			}
		}
		refuse := func(plan uint32, serial uint64) {
			if got, err := s.Append([]byte("kept"), plan, serial); string(got) != "kept" || !errors.Is(err, gen.ErrRange) {
				t.Fatalf("%+v: plan %d, serial %d: %q, %v", l, plan, serial, got, err)
			}
			if _, ok := naiveSign(t, l, k, plan, serial); ok {
				t.Fatalf("%+v: plan %d, serial %d is in range", l, plan, serial)
			}
		}
		if l.PlanBits < 32 {
			refuse(1<<l.PlanBits, 0)
			refuse(math.MaxUint32, 0)
		}
		if l.SerialBits < 64 {
			refuse(0, 1<<l.SerialBits)
			refuse(0, math.MaxUint64)
		}
	}
}

// Codes that are out in the world must open for ever: never change one of these.
func TestSignedVectors(t *testing.T) {
	withID := gen.Layout{Class: gen.Digits, Length: 30, Group: 5, Prefix: "VIP", PlanBits: 10, SerialBits: 30, KeyBits: 8, TagBits: 51}
	widest := gen.Layout{Class: gen.Crockford32, Length: 26, PlanBits: 32, SerialBits: 32, TagBits: 64}
	for _, tt := range []struct {
		layout gen.Layout
		key    uint32
		plan   uint32
		serial uint64
		code   string
	}{
		{gen.DefaultLayout(), 1, 0, 0, "D459WTVTVWG48VSG"},
		{gen.DefaultLayout(), 1, 0, 1, "JQ1YNTHHF08MWBJ8"},
		{gen.DefaultLayout(), 1, 1, 0, "CME5W4F0F4DY56ZS"},
		{gen.DefaultLayout(), 2, 1, 0, "H6771Y3SDGAWENMS"},
		{gen.DefaultLayout(), 1, 65_535, 1<<30 - 1, "CQA4H4XZ26ABQ3A3"},
		{gen.ArticleLayout(), 1, 0, 0, "GjowM8YR3y"},
		{gen.ArticleLayout(), 7, 32_767, 1<<30 - 1, "M3YXFydvXb"},
		{withID, 0, 1, 2, "VIP001806295705581014376793647930"},
		{withID, 255, 1023, 123_456_789, "VIP633070996299630312988664476537"},
		{widest, 1, math.MaxUint32, math.MaxUint32, "067XEPGWYJAEX830MZ7W2A5QGP"},
	} {
		s := newSigner(t, tt.layout, signKey(tt.key))
		if got := sign(t, s, tt.plan, tt.serial); got != tt.code {
			t.Errorf("%+v, key %d: plan %d, serial %d is %q, want %q", tt.layout, tt.key, tt.plan, tt.serial, got, tt.code)
		}
		if got, want := open(s, tt.code), (opened{tt.plan, tt.serial, tt.key, nil}); got != want {
			t.Errorf("%q opens as %v, want %v", tt.code, got, want)
		}
	}
	if got := newSigner(t, gen.DefaultLayout(), signKey(1)).Keys(); len(got) != 1 || got[0] != (gen.KeyCheck{ID: 1, Check: "525406c8a4fe467f"}) {
		t.Errorf("the check of key 1 is %v", got)
	}
}

// What cannot be a code of the layout is told from what could be.
func TestSignedRefusals(t *testing.T) {
	l := gen.DefaultLayout()
	s := newSigner(t, l, signKey(1))
	prefixed := gen.Layout{Class: gen.Alnum, Length: 12, Prefix: "VIP", PlanBits: 8, SerialBits: 30, TagBits: 24}
	p := newSigner(t, prefixed, signKey(1))
	article := newSigner(t, gen.ArticleLayout(), signKey(1))
	code, vip, ten := sign(t, s, 7, 77), sign(t, p, 7, 77), sign(t, article, 7, 77)
	for _, tt := range []struct {
		s    *gen.Signer
		text string
		want error
	}{
		{s, code, nil},
		{s, "", gen.ErrEmpty},
		{s, " - ", gen.ErrEmpty},
		{s, strings.Repeat(" ", 50) + code, gen.ErrTooLong},
		{s, code[:15] + "\xff", gen.ErrNotUTF8},
		{s, code[:15] + "U", gen.ErrAlphabet},
		{s, code[:15] + "红", gen.ErrAlphabet},
		{s, code[:15], gen.ErrNotSigned},
		{s, code + "0", gen.ErrNotSigned},
		{s, "7KQF-2M9X-T4WC", gen.ErrNotSigned}, // a code of the store's default format
		{s, strings.Repeat("0", 16), gen.ErrForged},
		{s, strings.Repeat("Z", 16), gen.ErrForged},
		{p, strings.ToLower(vip), nil},
		{p, vip[3:], gen.ErrNotSigned},
		{p, "VIQ" + vip[3:], gen.ErrNotSigned},
		{p, vip[3:] + "VIP", gen.ErrNotSigned},
		{p, vip[:14] + "*", gen.ErrAlphabet}, // the fold lets it through
		{article, "\t" + ten + "\n", nil},
		{article, ten[:9] + "O", gen.ErrAlphabet},
		{article, "I" + ten[1:], gen.ErrAlphabet},
		{article, ten[:5] + "-" + ten[5:], gen.ErrNotSigned},
		{article, ten[:5] + "-" + ten[6:], gen.ErrAlphabet},
		{article, "zzzzzzzzzz", gen.ErrForged}, // 60^10 - 1, above 2^58
	} {
		got := open(tt.s, tt.text)
		if got.err != tt.want || tt.want != nil && got != (opened{err: tt.want}) { // bare, not wrapped
			t.Errorf("%q opens as %v, want %v", tt.text, got, tt.want)
		}
	}
	// A canonical code is the code and not something that folds to it.
	for _, text := range []string{strings.ToLower(code), code + " ", code[:4] + "-" + code[4:]} {
		if _, _, _, err := s.OpenCanonical([]byte(text)); err == nil {
			t.Errorf("%q is taken for canonical", text)
		}
	}
}

// A number has one text: what is a code's number and more bits than the layout
// has is refused, even where the text has room for them.
func TestSignedNumberAboveItsBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 2))
	digits := gen.Layout{Class: gen.Digits, Length: 39, PlanBits: 32, SerialBits: 32, TagBits: 64} // 2^128 < 10^39
	long := gen.Layout{Class: gen.Crockford32, Length: 26, PlanBits: 32, SerialBits: 32, TagBits: 64}
	wide := gen.Layout{Class: gen.Crockford32, Length: 13, PlanBits: 1, SerialBits: 30, KeyBits: 2, TagBits: 30}
	for _, l := range []gen.Layout{gen.ArticleLayout(), digits, long, wide} {
		s := newSigner(t, l, signKey(3))
		limit := new(big.Int).Lsh(big.NewInt(1), uint(l.KeyBits+l.TagBits+l.PlanBits+l.SerialBits))
		space, tried := l.Format().Space(), 0
		for range 200 {
			code := sign(t, s, uint32(randomOf(rng, l.PlanBits)), randomOf(rng, l.SerialBits))
			for n := naiveNumber(l, code); ; tried++ {
				if n.Add(n, limit); n.Cmp(space) >= 0 {
					break
				}
				text := naiveText(l, n)
				if got := open(s, text); got != (opened{err: gen.ErrForged}) {
					t.Fatalf("%+v: %q has the number of %q and more, and opens as %v", l, text, code, got)
				}
			}
		}
		if tried < 100 {
			t.Errorf("%+v: only %d texts", l, tried)
		}
	}
}

// Every bit of the tag counts.
func TestSignedTagIsWhole(t *testing.T) {
	for _, l := range []gen.Layout{
		gen.DefaultLayout(), gen.ArticleLayout(),
		{Class: gen.Crockford32, Length: 22, PlanBits: 1, SerialBits: 45, TagBits: 64},
	} {
		s := newSigner(t, l, signKey(1))
		payload := big.NewInt(77)
		if code := naiveSeal(t, l, signKey(1), payload, new(big.Int)); open(s, code) != (opened{0, 77, 1, nil}) {
			t.Errorf("%+v: the right tag opens as %v", l, open(s, code))
		}
		for bit := range l.TagBits {
			code := naiveSeal(t, l, signKey(1), payload, new(big.Int).Lsh(big.NewInt(1), uint(bit)))
			if got := open(s, code); got != (opened{err: gen.ErrForged}) {
				t.Errorf("%+v: with bit %d of its tag wrong, %q opens as %v", l, bit, code, got)
			}
		}
	}
}

// The first key signs, all open; a dropped one opens nothing more.
func TestSignedRotation(t *testing.T) {
	withID := gen.Layout{Class: gen.Crockford32, Length: 16, PlanBits: 14, SerialBits: 28, KeyBits: 4, TagBits: 34}
	for _, l := range []gen.Layout{gen.DefaultLayout(), withID} {
		dropped := gen.ErrForged
		if l.KeyBits > 0 {
			dropped = gen.ErrUnknownKey
		}
		var codes []string // of keys 0, 1, …
		for newest := range uint32(8) {
			oldest := newest - min(newest, 2) // three live
			var ids []uint32
			for id := newest; ; id-- {
				ids = append(ids, id)
				if id == oldest {
					break
				}
			}
			s := newSigner(t, l, signKeys(ids...)...)
			codes = append(codes, sign(t, s, 5, 1000))
			for id, code := range codes {
				want := opened{5, 1000, uint32(id), nil}
				if uint32(id) < oldest {
					want = opened{err: dropped}
				}
				if got := open(s, code); got != want {
					t.Errorf("%d key bits, keys %v: the code of key %d opens as %v, want %v", l.KeyBits, ids, id, got, want)
				}
			}
		}
	}
}

// The id in a code is of the key that signed it, and another one there is refused.
func TestSignedKeyIDs(t *testing.T) {
	l := gen.Layout{Class: gen.Crockford32, Length: 16, PlanBits: 12, SerialBits: 30, KeyBits: 4, TagBits: 34}
	s := newSigner(t, l, signKeys(9, 3, 0, 15)...)
	code := sign(t, s, 1, 2)
	n := naiveNumber(l, code)
	if id := new(big.Int).Rsh(n, 76).Int64(); id != 9 {
		t.Fatalf("the code of key 9 says %d", id)
	}
	for id := range uint32(16) {
		n.And(n, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 76), big.NewInt(1)))
		n.Or(n, new(big.Int).Lsh(big.NewInt(int64(id)), 76))
		want := opened{err: gen.ErrUnknownKey}
		switch id {
		case 9:
			want = opened{1, 2, 9, nil}
		case 3, 0, 15:
			want = opened{err: gen.ErrForged}
		}
		if got := open(s, naiveText(l, n)); got != want {
			t.Errorf("with id %d it opens as %v, want %v", id, got, want)
		}
	}
}

func TestNewSignerRefuses(t *testing.T) {
	withID := gen.Layout{Class: gen.Crockford32, Length: 16, PlanBits: 12, SerialBits: 30, KeyBits: 4, TagBits: 34}
	short := gen.SignKey{ID: 4, Secret: []byte("15 bytes are it")}
	for _, tt := range []struct {
		layout gen.Layout
		keys   []gen.SignKey
		err    error
		says   []string
	}{
		{gen.DefaultLayout(), signKeys(0, math.MaxUint32, 2, 3, 4, 5, 6, 7), nil, nil},
		{withID, signKeys(15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14), nil, nil},
		{gen.DefaultLayout(), []gen.SignKey{{Secret: []byte("16 bytes are few")}}, nil, nil},
		{gen.Layout{}, signKeys(1), gen.ErrFormat, []string{"length 0", "0 bits of serial", "0 bits of tag"}},
		{gen.DefaultLayout(), nil, gen.ErrSignKey, []string{"none"}},
		{gen.DefaultLayout(), signKeys(0, 1, 2, 3, 4, 5, 6, 7, 8), gen.ErrSignKey, []string{"9 keys"}},
		{gen.DefaultLayout(), []gen.SignKey{short}, gen.ErrSignKey, []string{"key 4: a secret of 15 bytes"}},
		{gen.DefaultLayout(), make([]gen.SignKey, 1), gen.ErrSignKey, []string{"key 0: a secret of 0 bytes"}},
		{gen.DefaultLayout(), signKeys(1, 2, 1), gen.ErrSignKey, []string{"key 1 is given twice"}},
		{gen.DefaultLayout(), []gen.SignKey{signKey(1), {ID: 2, Secret: signKey(1).Secret}}, gen.ErrSignKey, []string{"key 2 has the secret of key 1"}},
		{withID, signKeys(16), gen.ErrSignKey, []string{"key 16: its id does not fit in 4 bits: give one up to 15"}},
		{withID, append(signKeys(1, 99, 1), short), gen.ErrSignKey, []string{"key 99: its id", "key 1 is given twice", "key 4: a secret"}},
	} {
		s, err := gen.NewSigner(tt.layout, tt.keys...)
		if !errors.Is(err, tt.err) || (s == nil) != (err != nil) {
			t.Errorf("%v: %v, want %v", tt.keys, err, tt.err)
			continue
		}
		checkLines(t, err, tt.says)
	}
}

// checkLines checks that an error has one line for each of says, and that it says it.
func checkLines(tb testing.TB, err error, says []string) {
	tb.Helper()
	var lines []string
	if err != nil {
		lines = strings.Split(err.Error(), "\n")
	}
	if len(lines) != len(says) {
		tb.Errorf("%d violations, want %q: %v", len(lines), says, err)
		return
	}
	for i, line := range lines {
		if !strings.Contains(line, says[i]) {
			tb.Errorf("%q does not say %q", line, says[i])
		}
	}
}

// A Signer needs its secrets no more once it is made, and shows none.
func TestSignKeyIsSecret(t *testing.T) {
	k := signKey(1)
	secret := string(k.Secret)
	s := newSigner(t, gen.DefaultLayout(), k)
	code := sign(t, s, 1, 2)
	clear(k.Secret)
	if got := sign(t, s, 1, 2); got != code {
		t.Errorf("with its secret cleared it signs %q and not %q", got, code)
	}
	k = signKey(1)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		for _, v := range []any{k, &k, []gen.SignKey{k}, struct{ K gen.SignKey }{k}, s} {
			got := fmt.Sprintf(verb, v)
			if strings.Contains(got, secret[:5]) || strings.Contains(got, fmt.Sprint([]byte(secret[:3]))[1:8]) || strings.Contains(got, fmt.Sprintf("%x", secret[:5])) {
				t.Errorf("%s of %T shows the secret: %s", verb, v, got)
			}
		}
	}
	if got, err := json.Marshal(k); string(got) != `{"id":1}` || err != nil {
		t.Errorf("a key is JSON %s, %v", got, err)
	}
}

// A key's check tells keys, ids and layouts apart, and nothing else.
func TestSignedKeyChecks(t *testing.T) {
	l := gen.DefaultLayout()
	other := gen.Layout{Class: gen.Crockford32, Length: 16, PlanBits: 15, SerialBits: 31, TagBits: 34}
	got := newSigner(t, l, signKeys(2, 1)...).Keys()
	again := newSigner(t, l, signKeys(1, 2)...).Keys()
	if len(got) != 2 || got[0].ID != 2 || got[1].ID != 1 || got[0] != again[1] || got[1] != again[0] {
		t.Errorf("keys 2, 1 have checks %v, keys 1, 2 have %v", got, again)
	}
	seen := map[string]bool{}
	for _, c := range append(got,
		newSigner(t, other, signKey(1)).Keys()[0],
		newSigner(t, l, gen.SignKey{ID: 1, Secret: signKey(2).Secret}).Keys()[0],
		newSigner(t, l, gen.SignKey{ID: 3, Secret: signKey(1).Secret}).Keys()[0]) {
		if seen[c.Check] || len(c.Check) != 16 {
			t.Errorf("check %q of key %d", c.Check, c.ID)
		}
		seen[c.Check] = true
	}
	l.Group = 0
	if c := newSigner(t, l, signKey(1)).Keys()[0]; c != got[1] {
		t.Errorf("printed in other groups its check is %v and not %v", c, got[1])
	}
}

// Many goroutines use one Signer.
func TestSignerIsShared(t *testing.T) {
	s := newSigner(t, gen.DefaultLayout(), signKeys(1, 2)...)
	var wg sync.WaitGroup
	for plan := range uint32(4) {
		wg.Go(func() {
			for serial := range uint64(500) {
				code, err := s.Append(nil, plan, serial)
				if got := open(s, string(code)); err != nil || got != (opened{plan, serial, 1, nil}) {
					t.Errorf("plan %d, serial %d: %v, opens as %v", plan, serial, err, got)
				}
			}
		})
	}
	wg.Wait()
}

func TestSignedDoesNotAllocate(t *testing.T) {
	s := newSigner(t, gen.DefaultLayout(), signKeys(1, 2, 3)...)
	buf := make([]byte, 0, gen.MaxCode)
	code := sign(t, s, 7, 77)
	for name, f := range map[string]func(){
		"Append":        func() { s.Append(buf, 7, 77) },
		"Open":          func() { s.Open(code) },
		"Open a forged": func() { s.Open("7KQF-2M9X-T4WC-7KQF") },
		"Open no code":  func() { s.Open("7KQF-2M9X-T4WC") },
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
