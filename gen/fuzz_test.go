package gen_test

import (
	"errors"
	"testing"
	"unicode/utf8"

	"codepool/gen"
)

func FuzzCanonical(f *testing.F) {
	for _, text := range []string{
		printed, canon12, "7kqf 2m9x\tt4wc", " \u00a0a-b\r\n", "O-il", "红包-7", "\xff", "\u200b", "-", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, fold := range folds {
			checkCanonical(t, text, fold)
			canon, err := canonical(t, text, fold)
			var want error
			switch {
			case len(text) > gen.MaxInput:
				want = gen.ErrTooLong
			case !utf8.ValidString(text):
				want = gen.ErrNotUTF8
			case errors.Is(err, gen.ErrAlphabet), errors.Is(err, gen.ErrEmpty):
				want = err
			}
			if err != want { // bare, not wrapped
				t.Fatalf("%v %q: %v, want %v", fold, text, err, want)
			}
			if err == nil {
				checkPack(t, canon)
				checkMask(t, canon)
			}
		}
		checkPackCrockford(t, text)
	})
}

func FuzzPack(f *testing.F) {
	for _, text := range packTexts {
		v, _ := gen.Pack([]byte(text))
		f.Add(text, v)
	}
	f.Add("000000000000", gen.PackedLimit)
	f.Fuzz(func(t *testing.T, text string, v uint64) {
		checkPack(t, text)
		checkUnpacked(t, v)
	})
}

// A format that parses is valid and comes back from its text; one that does not says
// so as ErrFormat; and no canon makes AppendPrinted panic or lose a character.
func FuzzFormat(f *testing.F) {
	for _, text := range []string{"crockford", "digits:16:4:VIP", "any:0:3", "alnum-case:8:0:v-", "alnum:-1", "base64:::"} {
		f.Add(text, canon12, 4)
	}
	f.Fuzz(func(t *testing.T, text, canon string, group int) {
		format, err := gen.ParseFormat(text)
		if err != nil {
			if !errors.Is(err, gen.ErrFormat) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if err := format.Validate(); err != nil || format != format.WithDefaults() {
			t.Fatalf("%q parses to %+v: %v", text, format, err)
		}
		if back, err := gen.ParseFormat(format.String()); back != format || err != nil {
			t.Fatalf("%+v prints as %q, which is %+v, %v", format, format, back, err)
		}
		fold := format.Class.Fold()
		if canon, err := canonical(t, canon, fold); err == nil {
			printed := string(format.AppendPrinted(nil, []byte(canon)))
			if back, err := canonical(t, printed, fold); back != canon || err != nil {
				t.Fatalf("%v: %q prints as %q, which is read as %q, %v", format, canon, printed, back, err)
			}
		}
		format.Group = group // valid or not
		format.AppendPrinted(nil, []byte(canon))
	})
}
