package gen_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"codepool/gen"
)

func TestMask(t *testing.T) {
	for canon, want := range map[string]string{
		"":                 "",
		"A":                "*",
		"AB":               "**",
		"ABC":              "**C",
		"ABCD":             "***D",
		"ABCDE":            "*-***E",
		"ABCDEFGH":         "****-**GH",
		"ABCDEFGHJKM":      "***-****-*JKM",
		"7KQF2M9XT4WC":     "****-****-T4WC",
		"7KQF2M9XT4WC2222": "****-****-****-2222",
		"红包红包红包":           "**-**红包",
		"a-b c":            "*-***c",
	} {
		if got := gen.Mask(canon); got != want {
			t.Errorf("Mask(%q) = %q, want %q", canon, got, want)
		}
	}
	for n := range 200 {
		for _, c := range []string{"A", "红", "*", "\xff"} {
			checkMask(t, strings.Repeat(c, n))
		}
	}
}

// checkMask checks that a mask shows no more than four characters and a third, from
// the end, and is as long as the code.
func checkMask(tb testing.TB, canon string) {
	tb.Helper()
	canon = strings.ReplaceAll(canon, "-", "_") // hyphens are then the mask's own
	got := gen.Mask(canon)
	masked, code := []rune(strings.ReplaceAll(got, "-", "")), []rune(canon)
	if len(masked) != len(code) || !utf8.ValidString(got) {
		tb.Fatalf("Mask(%q) = %q has %d characters of %d", canon, got, len(masked), len(code))
	}
	shown := 0
	for _, r := range masked {
		if r != '*' {
			shown++
		}
	}
	if shown > 4 || shown*3 > len(code) || !strings.HasSuffix(canon, string(masked[len(masked)-shown:])) && utf8.ValidString(canon) {
		tb.Fatalf("Mask(%q) = %q shows %d of %d characters", canon, got, shown, len(code))
	}
}
