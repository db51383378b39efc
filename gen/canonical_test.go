package gen_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"codepool/gen"
)

var folds = []gen.Fold{gen.Crockford, gen.Upper, gen.Exact}

// canonical is AppendCanonical for tests: it also checks that bytes already in dst
// stay, and that an error adds none.
func canonical(tb testing.TB, text string, fold gen.Fold) (string, error) {
	tb.Helper()
	const before = "before "
	got, err := gen.AppendCanonical([]byte(before), text, fold)
	canon, ok := strings.CutPrefix(string(got), before)
	if !ok || err != nil && canon != "" {
		tb.Fatalf("AppendCanonical(%q, %q, %v) = %q, %v: dst was changed", before, text, fold, got, err)
	}
	return canon, err
}

func TestCanonicalForm(t *testing.T) {
	for _, tt := range []struct {
		fold gen.Fold
		text string
		want string
		err  error
	}{
		// Crockford: spaces, hyphens and case are ignored, O reads as 0, I and L as 1.
		{gen.Crockford, "7KQF-2M9X-T4WC", "7KQF2M9XT4WC", nil},
		{gen.Crockford, "7kqf 2m9x t4wc", "7KQF2M9XT4WC", nil},
		{gen.Crockford, "--7k q-f ", "7KQF", nil},
		{gen.Crockford, "oOiIlL", "001111", nil},
		{gen.Crockford, "0123456789abcdefghjkmnpqrstvwxyz", "0123456789ABCDEFGHJKMNPQRSTVWXYZ", nil},
		{gen.Crockford, "\t 7KQF\r\n", "7KQF", nil},
		{gen.Crockford, "\u00a07KQF\u3000", "7KQF", nil},
		{gen.Crockford, "7KUF", "", gen.ErrAlphabet},
		{gen.Crockford, "7kuf", "", gen.ErrAlphabet},
		{gen.Crockford, "7K_F", "", gen.ErrAlphabet},
		{gen.Crockford, "7K.F", "", gen.ErrAlphabet},
		{gen.Crockford, "7KQF*", "", gen.ErrAlphabet},
		{gen.Crockford, "7K\u2010QF", "", gen.ErrAlphabet}, // another hyphen
		{gen.Crockford, "\uff17KQF", "", gen.ErrAlphabet},  // full-width 7
		{gen.Crockford, "7K\tQF", "", gen.ErrAlphabet},
		{gen.Crockford, "7K\x00QF", "", gen.ErrAlphabet},

		// Upper: case, spaces and hyphens are ignored, all else that prints stays.
		{gen.Upper, "vip-2024 ab", "VIP2024AB", nil},
		{gen.Upper, "OILU", "OILU", nil},
		{gen.Upper, "a_b.c/d@e`f{g", "A_B.C/D@E`F{G", nil},
		{gen.Upper, "\n ab \t", "AB", nil},
		{gen.Upper, "红包-ä7", "红包ä7", nil}, // ASCII letters only change case
		{gen.Upper, "a\tb", "", gen.ErrAlphabet},
		{gen.Upper, "a\nb", "", gen.ErrAlphabet},
		{gen.Upper, "a\u00a0b", "", gen.ErrAlphabet},
		{gen.Upper, "a\u3000b", "", gen.ErrAlphabet},
		{gen.Upper, "a\u200bb", "", gen.ErrAlphabet},
		{gen.Upper, "\ufeffab", "", gen.ErrAlphabet},
		{gen.Upper, "a\x1b[31m", "", gen.ErrAlphabet},
		{gen.Upper, "a\x7f", "", gen.ErrAlphabet},
		{gen.Upper, "a\u0085b", "", gen.ErrAlphabet},

		// Exact: trimmed, else as it is.
		{gen.Exact, "aB3-xY 9", "aB3-xY 9", nil},
		{gen.Exact, " \taB3\r\n", "aB3", nil},
		{gen.Exact, "\u00a0aB3\u2003", "aB3", nil},
		{gen.Exact, "-", "-", nil},
		{gen.Exact, "红 包", "红 包", nil},
		{gen.Exact, "a\tb", "", gen.ErrAlphabet},
		{gen.Exact, "a\u00a0b", "", gen.ErrAlphabet},
		{gen.Exact, "a\u200bb", "", gen.ErrAlphabet},
		{gen.Exact, "a\x00", "", gen.ErrAlphabet},

		{gen.Crockford, "- -\n", "", gen.ErrEmpty},
		{gen.Upper, "- -\n", "", gen.ErrEmpty},
		{gen.Fold(9), "A", "", gen.ErrFormat},
	} {
		got, err := canonical(t, tt.text, tt.fold)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%v %q: got %q, %v; want %q, %v", tt.fold, tt.text, got, err, tt.want, tt.err)
		}
	}
}

func TestCanonicalFormOfAnyFold(t *testing.T) {
	for _, fold := range folds {
		for _, tt := range []struct {
			name string
			text string
			err  error
		}{
			{"nothing", "", gen.ErrEmpty},
			{"spaces", "   ", gen.ErrEmpty},
			{"white space", "\t\r\n\u3000", gen.ErrEmpty},
			{"64 bytes", strings.Repeat("A", 64), nil},
			{"65 bytes", strings.Repeat("A", 65), gen.ErrTooLong},
			{"65 bytes, few of them code", strings.Repeat(" ", 64) + "A", gen.ErrTooLong},
			{"65 bytes, not UTF-8", strings.Repeat("\xff", 65), gen.ErrTooLong},
			{"not UTF-8", "A\xff", gen.ErrNotUTF8},
			{"not UTF-8 and not printable", "\x00\xff", gen.ErrNotUTF8},
			{"half a rune", "A\xe7\xba", gen.ErrNotUTF8},
			{"surrogate", "\xed\xa0\x80", gen.ErrNotUTF8},
			{"a lone 0x85 is no white space", "\x85", gen.ErrNotUTF8},
		} {
			if _, err := canonical(t, tt.text, fold); !errors.Is(err, tt.err) {
				t.Errorf("%v, %s: got %v, want %v", fold, tt.name, err, tt.err)
			}
		}
	}
}

// Canonical text is a fixed point of its fold, and a text's canonical form does not
// depend on its case and hyphens where the fold ignores them.
func TestCanonicalFormIsFixedPoint(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		text := randomText(rng)
		for _, fold := range folds {
			checkCanonical(t, text, fold)
		}
	}
}

// checkCanonical checks what must hold of every text.
func checkCanonical(tb testing.TB, text string, fold gen.Fold) {
	tb.Helper()
	canon, err := canonical(tb, text, fold)
	if err != nil {
		return
	}
	if len(canon) < 1 || len(canon) > gen.MaxCode || !utf8.ValidString(canon) {
		tb.Fatalf("%v %q: canonical form %q has %d bytes or is not UTF-8", fold, text, canon, len(canon))
	}
	if again, err := canonical(tb, canon, fold); again != canon || err != nil {
		tb.Fatalf("%v %q: canonical form %q folds to %q, %v", fold, text, canon, again, err)
	}
	if fold == gen.Exact {
		if canon != strings.TrimSpace(text) {
			tb.Fatalf("exact %q was changed to %q", text, canon)
		}
		return
	}
	lowered := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, canon)
	typed := " " + strings.Join(strings.Split(lowered, ""), "-") + "\n"
	if again, err := canonical(tb, typed, fold); len(typed) <= gen.MaxInput && (again != canon || err != nil) {
		tb.Fatalf("%v %q: typed as %q folds to %q, %v; want %q", fold, text, typed, again, err, canon)
	}
}

// randomText returns what a person, a spreadsheet or an attacker might type:
// mostly characters of codes.
func randomText(rng *rand.Rand) string {
	const usual = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	odd := []string{" ", "-", "\t", "\n", "_", "\u00a0", "\u200b", "红", "é", "\xff", "\x00"}
	alphabet := []string{usual, usual[:36], usual[:10], usual[36:], "0123456789abcdefghjkmnpqrstvwxyz"}[rng.IntN(5)]
	oddity := []int{0, 5, 30}[rng.IntN(3)]
	var b strings.Builder
	for range rng.IntN(20) {
		if rng.IntN(100) < oddity {
			b.WriteString(odd[rng.IntN(len(odd))])
		} else {
			b.WriteByte(alphabet[rng.IntN(len(alphabet))])
		}
	}
	return b.String()
}

func TestFoldText(t *testing.T) {
	for _, fold := range folds {
		text, err := fold.MarshalText()
		if err != nil || string(text) != fold.String() {
			t.Errorf("%v marshals to %q, %v", fold, text, err)
		}
		var back gen.Fold = 7
		if err := back.UnmarshalText(text); err != nil || back != fold {
			t.Errorf("%q unmarshals to %v, %v", text, back, err)
		}
	}
	fold := gen.Upper
	for _, text := range []string{"", "Upper", "UPPER", "fold"} {
		if err := fold.UnmarshalText([]byte(text)); !errors.Is(err, gen.ErrFormat) || fold != gen.Upper {
			t.Errorf("%q unmarshals to %v, %v", text, fold, err)
		}
	}
	if _, err := gen.Fold(3).MarshalText(); !errors.Is(err, gen.ErrFormat) {
		t.Errorf("unknown fold marshals: %v", err)
	}
	if got := gen.Fold(3).String(); got != "Fold(3)" {
		t.Errorf("unknown fold is %q", got)
	}
}
