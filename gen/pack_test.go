package gen_test

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"codepool/gen"
)

const (
	digitChars = "0123456789"
	upperChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lowerChars = "abcdefghijklmnopqrstuvwxyz"
	crockford  = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// kinds is the table of the package comment, read naively.
var kinds = []struct {
	digits         string
	minLen, maxLen int
}{
	{crockford, 12, 12},
	{digitChars + upperChars, 1, 12},
	{digitChars + lowerChars, 1, 12},
	{digitChars, 13, 18},
	{digitChars + upperChars + lowerChars, 1, 10},
}

// kindStarts has the first value of each length of each kind and, behind the longest,
// of the next kind.
var kindStarts = func() (starts [5][20]uint64) {
	sum := new(big.Int)
	for i, k := range kinds {
		for n := k.minLen; n <= k.maxLen; n++ {
			starts[i][n] = sum.Uint64()
			sum.Add(sum, new(big.Int).Exp(big.NewInt(int64(len(k.digits))), big.NewInt(int64(n)), nil))
		}
		starts[i][k.maxLen+1] = sum.Uint64()
	}
	return starts
}()

// naivePack is Pack by the table; kind is -1 for wide text.
func naivePack(text string) (v uint64, kind int) {
	for i, k := range kinds {
		if len(text) < k.minLen || len(text) > k.maxLen || strings.Trim(text, k.digits) != "" {
			continue
		}
		for _, c := range []byte(text) {
			v = v*uint64(len(k.digits)) + uint64(strings.IndexByte(k.digits, c))
		}
		return kindStarts[i][len(text)] + v, i
	}
	return 0, -1
}

// checkPack checks what must hold of every text, valid or not.
func checkPack(tb testing.TB, text string) (v uint64, ok bool) {
	tb.Helper()
	v, ok = gen.Pack([]byte(text))
	want, kind := naivePack(text)
	if ok != (kind >= 0) || v != want {
		tb.Fatalf("Pack(%q) = %#x, %v; want %#x, kind %d", text, v, ok, want, kind)
	}
	if ok {
		if v >= gen.PackedLimit {
			tb.Fatalf("Pack(%q) = %#x, not below PackedLimit", text, v)
		}
		if got, ok := gen.AppendUnpacked([]byte("dst"), v); string(got) != "dst"+text || !ok {
			tb.Fatalf("AppendUnpacked(Pack(%q)) = %q, %v", text, got, ok)
		}
	}
	return v, ok
}

// checkUnpacked checks what must hold of every value: it unpacks to a text that packs
// to it, or it is refused.
func checkUnpacked(tb testing.TB, v uint64) (ok bool) {
	tb.Helper()
	out, ok := gen.AppendUnpacked([]byte("dst"), v)
	text, kept := strings.CutPrefix(string(out), "dst")
	if !kept || !ok && text != "" {
		tb.Fatalf("AppendUnpacked(%#x) = %q, %v: dst was changed", v, out, ok)
	}
	if ok {
		if back, packs := gen.Pack([]byte(text)); !packs || back != v {
			tb.Fatalf("AppendUnpacked(%#x) = %q, which packs to %#x, %v", v, text, back, packs)
		}
	}
	return ok
}

// Packed values are on disk: these must never change.
func TestPackedValues(t *testing.T) {
	for _, tt := range []struct {
		text string
		v    uint64
	}{
		{"000000000000", 0},
		{"000000000001", 1},
		{"100000000000", 1 << 55},
		{"7KQF2M9XT4WC", 0x3CEEF1513DD138C},
		{"ZZZZZZZZZZZZ", 1<<60 - 1},
		{"0", 1 << 60},
		{"Z", 1<<60 + 35},
		{"00", 1<<60 + 36},
		{"VIP", 1<<60 + 36 + 36*36 + 31*36*36 + 18*36 + 25},
		{"ZZZZZZZZZZZU", 6026685166880510062}, // ZZZZZZZZZZZZ, five later, is Crockford's
		{"a", 6026685166880510068 + 10},
		{"0000000000000", 10900448829154173160},
		{"999999999999999999", 12011558829154173160 - 1},
		{"Aa", 12011558829154173160 + 62 + 10*62 + 36},
		{"zzzzzzzzzZ", 12864617201020355026 - 1 - 26},
	} {
		if v, ok := checkPack(t, tt.text); v != tt.v || !ok {
			t.Errorf("Pack(%q) = %d, %v; want %d", tt.text, v, ok, tt.v)
		}
	}
}

func TestPackTakesNoOther(t *testing.T) {
	for _, text := range []string{
		"", "A-B", "A B", "红包", "ä", "a\xff", "0A\x00",
		"ABCDEFGHJKMNP",       // 13 characters
		"abcdefghijklm",       // 13 characters
		"aBcDeFgHiJk",         // 11 of both cases
		"0000000000000000000", // 19 digits
		"000000000000A",
		strings.Repeat("0", 64),
		strings.Repeat("Z", 300),
	} {
		if v, ok := checkPack(t, text); ok {
			t.Errorf("Pack(%q) = %#x", text, v)
		}
	}
}

// Every text of up to three letters and digits, and every value up to those of
// length three: a bijection.
func TestPackShortTexts(t *testing.T) {
	const alphabet = digitChars + upperChars + lowerChars
	values := make(map[uint64]bool)
	var walk func(text string)
	walk = func(text string) {
		if text != "" {
			v, ok := checkPack(t, text)
			if !ok || values[v] {
				t.Fatalf("Pack(%q) = %#x, %v: taken before or wide", text, v, ok)
			}
			values[v] = true
		}
		if len(text) < 3 {
			for i := range len(alphabet) {
				walk(text + alphabet[i:i+1])
			}
		}
	}
	walk("")

	unpacked := 0
	for i, k := range kinds {
		if k.minLen != 1 {
			continue
		}
		for v := kindStarts[i][1]; v < kindStarts[i][4]; v++ {
			if checkUnpacked(t, v) {
				unpacked++
			}
		}
	}
	if want := 62 + 62*62 + 62*62*62; unpacked != want || len(values) != want {
		t.Errorf("%d texts have %d values, and %d values have a text", want, len(values), unpacked)
	}
}

func TestPackRandomTexts(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	seen := make(map[uint64]string)
	for range 100_000 {
		text := randomText(rng)
		if rng.IntN(2) == 0 { // a text of a kind
			k := kinds[rng.IntN(len(kinds))]
			b := make([]byte, k.minLen+rng.IntN(k.maxLen-k.minLen+1))
			for i := range b {
				b[i] = k.digits[rng.IntN(len(k.digits))]
			}
			text = string(b)
		}
		v, ok := checkPack(t, text)
		if other, found := seen[v]; ok && found && other != text {
			t.Fatalf("%q and %q both pack to %#x", text, other, v)
		}
		if ok {
			seen[v] = text
		}
	}
}

func TestUnpackRandomValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 100_000 {
		checkUnpacked(t, rng.Uint64())
	}
	// Both sides of every length's and kind's first value.
	for i, k := range kinds {
		for n := k.minLen; n <= k.maxLen; n++ {
			for d := range uint64(200) {
				checkUnpacked(t, kindStarts[i][n]+d)
				checkUnpacked(t, kindStarts[i][n]-1-d)
			}
		}
	}
	end := kindStarts[4][11]
	for _, v := range []uint64{end, end + 1, gen.PackedLimit - 1, gen.PackedLimit, 1<<64 - 1} {
		if checkUnpacked(t, v) {
			t.Errorf("%#x, beyond the last kind, unpacks", v)
		}
	}
	if checkUnpacked(t, 1<<60+(pow(36, 12)-36)/35) {
		t.Error("the value of 000000000000 in base 36 unpacks, but that text is Crockford's")
	}
}

func pow(base, exp uint64) uint64 {
	p := uint64(1)
	for range exp {
		p *= base
	}
	return p
}

// Codes of one format keep their order when packed.
func TestPackKeepsOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, k := range kinds[:4] {
		for range 1000 {
			n := k.minLen + rng.IntN(k.maxLen-k.minLen+1)
			a, b := make([]byte, n), make([]byte, n)
			for i := range n {
				a[i], b[i] = k.digits[rng.IntN(len(k.digits))], k.digits[rng.IntN(len(k.digits))]
			}
			va, kindA := naivePack(string(a))
			vb, kindB := naivePack(string(b))
			if kindA == kindB && (va < vb) != (string(a) < string(b)) {
				t.Fatalf("%s packs to %#x, %s to %#x", a, va, b, vb)
			}
		}
	}
}

// PackCrockford is AppendCanonical and Pack, for 12 characters.
func checkPackCrockford(tb testing.TB, text string) (ok bool) {
	tb.Helper()
	var want uint64
	var packs bool
	if canon, err := canonical(tb, text, gen.Crockford); err == nil && len(canon) == 12 {
		want, packs = gen.Pack([]byte(canon))
	}
	v, ok := gen.PackCrockford(text)
	if v != want || ok != packs {
		tb.Fatalf("PackCrockford(%q) = %#x, %v; want %#x, %v", text, v, ok, want, packs)
	}
	return ok
}

func TestPackCrockford(t *testing.T) {
	for text, want := range map[string]bool{
		"7KQF-2M9X-T4WC":                         true,
		"7KQF2M9XT4WC":                           true,
		"7kqf 2m9x t4wc":                         true,
		"  7kqf-2m9x-t4wc\r\n":                   true,
		"OOOO-IIII-llll":                         true,
		"7-K-Q-F-2-M-9-X-T-4-W-C":                true,
		"7KQF-2M9X-T4W":                          false, // 11
		"7KQF-2M9X-T4WCC":                        false, // 13
		"7KQF-2M9X-T4W-":                         false,
		"7KQF-2M9X-T4WU":                         false,
		"UKQF-2M9X-T4WC":                         false,
		"7KQF-2M9X\tT4WC":                        false,
		"7KQF-2M9\xff-T4WC":                      false,
		"7KQF2M9XT4W-":                           false,
		"7KQF2M9XT4WÄ":                           false,
		"":                                       false,
		"7KQF2M9XT4WC" + strings.Repeat(" ", 52): true, // 64 bytes
		"7KQF2M9XT4WC" + strings.Repeat(" ", 53): false,
	} {
		if ok := checkPackCrockford(t, text); ok != want {
			t.Errorf("PackCrockford(%q): ok is %v", text, ok)
		}
	}
	rng := rand.New(rand.NewPCG(9, 10))
	for range 100_000 {
		checkPackCrockford(t, randomText(rng))
	}
	// Every byte in every place of both fast forms.
	for _, text := range []string{printed, canon12} {
		for i := range len(text) {
			for c := range 256 {
				checkPackCrockford(t, text[:i]+string([]byte{byte(c)})+text[i+1:])
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	buf := make([]byte, 0, gen.MaxCode)
	values := make([]uint64, len(packTexts))
	for i, text := range packTexts {
		values[i], _ = gen.Pack([]byte(text))
	}
	long := strings.Repeat("7 ", 32)
	wide := strings.Repeat("红", 21)
	for name, f := range map[string]func(){
		"AppendCanonical": func() {
			for _, fold := range folds {
				gen.AppendCanonical(buf, printed, fold)
				gen.AppendCanonical(buf, long, fold)
				gen.AppendCanonical(buf, wide, fold)
				gen.AppendCanonical(buf, "\t7K", fold)
				gen.AppendCanonical(buf, "7\tK", fold)
				gen.AppendCanonical(buf, "\xff", fold)
				gen.AppendCanonical(buf, "", fold)
			}
		},
		"PackCrockford": func() {
			gen.PackCrockford(printed)
			gen.PackCrockford(long)
			gen.PackCrockford(wide)
		},
		"Pack": func() {
			for _, text := range packTexts {
				gen.Pack(append(buf, text...))
			}
		},
		"AppendUnpacked": func() {
			for _, v := range values {
				gen.AppendUnpacked(buf, v)
			}
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
