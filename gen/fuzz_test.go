package gen_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"codepool/gen"
)

// FuzzCanonical holds AppendCanonical against the table of the package comment, read
// naively, and against the promises of what it returns.
func FuzzCanonical(f *testing.F) {
	for _, text := range []string{
		printed, canon12, "7kqf 2m9x\tt4wc", " \u00a0a-b\r\n", "O-il", "红包-7", "\xff", "\u200b", "-", "",
		"\u0085oO\u2028", "a b", "\ufeff7", "7\u00ad7", "\u1680", strings.Repeat("红", 21), strings.Repeat("- ", 32), strings.Repeat("l", 65),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, fold := range folds {
			checkCanonical(t, text, fold)
			canon, err := canonical(t, text, fold)
			want, wantErr := naiveCanonical(text, fold)
			if canon != want || err != wantErr { // bare, not wrapped
				t.Fatalf("%v %q: %q, %v, want %q, %v", fold, text, canon, err, want, wantErr)
			}
			if err == nil {
				checkPack(t, canon)
				checkMask(t, canon)
			}
		}
		checkPackCrockford(t, text)
	})
}

// naiveCanonical is AppendCanonical by the table of the package comment.
func naiveCanonical(text string, fold gen.Fold) (string, error) {
	switch {
	case len(text) > gen.MaxInput:
		return "", gen.ErrTooLong
	case !utf8.ValidString(text):
		return "", gen.ErrNotUTF8
	}
	inner := strings.TrimFunc(text, unicode.IsSpace)
	if inner == "" {
		return "", gen.ErrEmpty
	}
	if fold != gen.Exact {
		inner = strings.NewReplacer(" ", "", "-", "").Replace(inner)
		inner = strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			return r
		}, inner)
	}
	if fold == gen.Crockford {
		inner = strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(inner)
	}
	for _, r := range inner {
		if fold == gen.Crockford && !strings.ContainsRune(crockford, r) || r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r) && r != ' ' {
			return "", gen.ErrAlphabet
		}
	}
	if inner == "" {
		return "", gen.ErrEmpty
	}
	return inner, nil
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
