package gen_test

import (
	"math/rand/v2"
	"testing"

	"codepool/gen"
)

// OpenAll says of each text what Open does, in any mix and number, and gives the canonical
// forms of those that open.
func TestOpenAll(t *testing.T) {
	for _, l := range []gen.Layout{
		gen.DefaultLayout(),
		gen.ArticleLayout(),
		{Class: gen.Digits, Length: 8, Group: 4, Prefix: "V", PlanBits: 3, SerialBits: 15, TagBits: 8},
		{Class: gen.Crockford32, Length: 4, PlanBits: 0, SerialBits: 10, KeyBits: 2, TagBits: 8},
	} {
		s := newSigner(t, l, signKeys(1, 2, 3)...)
		signers := []*gen.Signer{s, newSigner(t, l, signKeys(2, 1, 3)...), newSigner(t, l, signKeys(3)...)}
		rng := rand.New(rand.NewPCG(1, 2))
		for n := range 300 {
			texts := make([]string, n)
			for i := range texts {
				code := sign(t, signers[rng.IntN(3)], 0, rng.Uint64N(1<<l.SerialBits))
				switch rng.IntN(8) {
				case 0:
					code = string(l.Format().AppendPrinted(nil, []byte(code)))
				case 1:
					code = code[:len(code)-1] + "0"
				case 2:
					code += "0"
				case 3:
					code = "\xff"
				case 4:
					code = code[:len(code)-1] + "!"
				}
				texts[i] = code
			}
			out := make([]gen.Opening, n)
			canon := s.OpenAll([]byte("before"), texts, out)
			want := "before"
			for i, text := range texts {
				plan, serial, key, err := s.Open(text)
				if out[i] != (gen.Opening{Plan: plan, Serial: serial, KeyID: key, Err: err}) {
					t.Fatalf("%+v: %d of %d, %q: %+v, and by itself %d %d %d %v", l, i, n, text, out[i], plan, serial, key, err)
				}
				if err == nil {
					c, err := canonical(t, text, l.Class.Fold())
					if err != nil {
						t.Fatal(err)
					}
					want += c
				}
			}
			if string(canon) != want {
				t.Fatalf("%+v: %d texts: canonical forms %q, want %q", l, n, canon, want)
			}
		}
	}
}
