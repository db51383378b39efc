package gen_test

import (
	"errors"
	"testing"

	"codepool/gen"
)

// What opens is signed again to the same canonical text, and what does not open says
// so with one of the errors for it. Some tags are short, so that guesses do open.
func FuzzSignedOpen(f *testing.F) {
	layouts := []gen.Layout{
		gen.DefaultLayout(),
		gen.ArticleLayout(),
		{Class: gen.Crockford32, Length: 4, PlanBits: 2, SerialBits: 9, TagBits: 8},
		{Class: gen.Crockford32, Length: 4, PlanBits: 0, SerialBits: 10, KeyBits: 2, TagBits: 8},
		{Class: gen.Digits, Length: 8, Group: 4, Prefix: "V", PlanBits: 3, SerialBits: 15, TagBits: 8},
		{Class: gen.Digits, Length: 39, PlanBits: 32, SerialBits: 32, TagBits: 64},
	}
	signers := make([]map[uint32]*gen.Signer, len(layouts)) // by the key that signs
	for i, l := range layouts {
		signers[i] = map[uint32]*gen.Signer{
			1: newSigner(f, l, signKeys(1, 2, 3)...),
			2: newSigner(f, l, signKeys(2, 1, 3)...),
			3: newSigner(f, l, signKeys(3, 1, 2)...),
		}
		for _, s := range signers[i] {
			f.Add(sign(f, s, 0, 0))
			f.Add(" " + string(l.Format().AppendPrinted(nil, []byte(sign(f, s, 0, 7)))))
		}
	}
	for _, text := range []string{"", "V", "0000", "V99999999", "zzzzzzzzzz", "999999999999999999999999999999999999999", "\xff", "红包红"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, l := range layouts {
			got := open(signers[i][1], text)
			canon, err := canonical(t, text, l.Class.Fold())
			if got.err == nil {
				s := signers[i][got.key]
				if s == nil || err != nil || sign(t, s, got.plan, got.serial) != canon {
					t.Fatalf("%+v: %q is read as %q, %v, and opens as %v", l, text, canon, err, got)
				}
				continue
			}
			if got != (opened{err: got.err}) || err != nil && got.err != err {
				t.Fatalf("%+v: %q is read as %q, %v, and opens as %v", l, text, canon, err, got)
			}
			if err == nil && !errors.Is(got.err, gen.ErrNotSigned) && !errors.Is(got.err, gen.ErrAlphabet) &&
				!errors.Is(got.err, gen.ErrForged) && !errors.Is(got.err, gen.ErrUnknownKey) {
				t.Fatalf("%+v: %q: %v", l, text, got.err)
			}
		}
	})
}
