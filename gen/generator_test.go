package gen_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"codepool/gen"
)

// mintable has formats of every class, packable and wide.
var mintable = []string{
	"crockford:12:4", "crockford:16:4", "crockford:1", "crockford:10:5:VX", "crockford:64",
	"digits", "digits:13", "digits:16:4:VIP", "digits:18", "digits:40", "letters", "letters:12:6",
	"letters-case", "letters-case:10", "letters-case:11", "alnum:8", "alnum:12", "alnum:13",
	"alnum:6:2:红包", "alnum-case:3", "alnum-case:10", "alnum-case:20:0:v p-", "alnum-60:10", "alnum-60:12",
}

// seeded returns the same random bytes every time.
func seeded() io.Reader { return rand.NewChaCha8([32]byte{1, 2, 3}) }

func newGeneratorFrom(tb testing.TB, format string, r io.Reader) *gen.Generator {
	tb.Helper()
	g, err := gen.NewGeneratorFrom(parseFormat(tb, format), r)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

func appendCode(tb testing.TB, g *gen.Generator, dst []byte) []byte {
	tb.Helper()
	code, err := g.AppendCode(dst)
	if err != nil {
		tb.Fatal(err)
	}
	return code
}

// Codes are canonical, of the format, come back from their printed form and differ
// from generator to generator.
func TestCodesAreOfTheirFormat(t *testing.T) {
	for _, text := range mintable {
		f := parseFormat(t, text)
		g, other := newGenerator(t, text), newGenerator(t, text)
		differ := false
		for range 2000 {
			code := string(appendCode(t, g, []byte("dst"))[3:])
			random, ok := strings.CutPrefix(code, f.Prefix)
			if !ok || len(random) != f.Length || strings.Trim(random, f.Class.Alphabet()) != "" {
				t.Fatalf("%s: %q is no such code", text, code)
			}
			if len(code) != f.CanonicalLen() {
				t.Fatalf("%s: %q has %d bytes, not CanonicalLen", text, code, len(code))
			}
			printed := string(f.AppendPrinted(nil, []byte(code)))
			if canon, err := canonical(t, printed, f.Class.Fold()); canon != code || err != nil {
				t.Fatalf("%s: %q prints as %q, which is read as %q, %v", text, code, printed, canon, err)
			}
			if _, ok := gen.Pack([]byte(code)); f.Packs() && !ok {
				t.Fatalf("%s: %q does not pack", text, code)
			}
			differ = differ || code != string(appendCode(t, other, nil))
		}
		if !differ {
			t.Errorf("%s: two generators made the same 2000 codes", text)
		}
	}
}

// Packs is false only where some code does not pack.
func TestPacksIsExact(t *testing.T) {
	for _, text := range mintable {
		f := parseFormat(t, text)
		g := newGeneratorFrom(t, text, seeded())
		all := true
		for range 2000 {
			_, ok := gen.Pack(appendCode(t, g, nil))
			all = all && ok
		}
		if all != f.Packs() {
			t.Errorf("%s: Packs is %v, but all of 2000 codes packed: %v", text, f.Packs(), all)
		}
	}
}

func TestFillPacked(t *testing.T) {
	for _, text := range mintable {
		f := parseFormat(t, text)
		g := newGenerator(t, text)
		if !f.Packs() {
			if err := g.FillPacked(make([]uint64, 1)); !errors.Is(err, gen.ErrFormat) {
				t.Errorf("%s does not pack, but is filled: %v", text, err)
			}
			continue
		}
		for _, n := range []int{0, 1, 2, 3, 7, 100, 9001, 20_000} {
			codes := make([]uint64, n)
			for i := range codes {
				codes[i] = math.MaxUint64
			}
			if err := g.FillPacked(codes); err != nil {
				t.Fatal(err)
			}
			for i, v := range codes {
				code, ok := gen.AppendUnpacked(nil, v)
				random, of := strings.CutPrefix(string(code), f.Prefix)
				if !ok || !of || len(random) != f.Length || strings.Trim(random, f.Class.Alphabet()) != "" {
					t.Fatalf("%s: code %d of %d, %#x, is %q, %v", text, i, n, v, code, ok)
				}
			}
		}
	}
}

// Every random bit of a default code comes from one bit of the source, and no
// bit is used twice.
func TestFillPackedUsesEachBitOnce(t *testing.T) {
	seen := make(map[[2]uint64]bool)
	for bit := range 8 * 15 {
		source := make([]byte, 1024)
		source[bit/8] = 1 << (bit % 8)
		var codes [3]uint64
		if err := newGeneratorFrom(t, "crockford", bytes.NewReader(source)).FillPacked(codes[:]); err != nil {
			t.Fatal(err)
		}
		pair := [2]uint64(codes[:2])
		if n := bits.OnesCount64(pair[0]) + bits.OnesCount64(pair[1]); n != 1 || seen[pair] || codes[2] != 0 {
			t.Errorf("bit %d of the source gives %#x", bit, codes)
		}
		seen[pair] = true
	}
}

// cycle is a source whose blocks of 256 bytes have every byte once.
type cycle byte

func (c *cycle) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(*c)
		*c++
	}
	return len(p), nil
}

// Over all values of a random byte each character appears equally often: the draw
// has no modulo bias, and exactly the bytes left over are refused.
func TestEveryByteCountsOnce(t *testing.T) {
	for _, class := range classes[:6] {
		alphabet := class.Alphabet()
		each := 256 / len(alphabet)
		g, err := gen.NewGeneratorFrom(gen.Format{Class: class, Length: 1}, new(cycle))
		if err != nil {
			t.Fatal(err)
		}
		const rounds = 11
		counts := make(map[string]int)
		for range rounds * each * len(alphabet) {
			counts[string(appendCode(t, g, nil))]++
		}
		for _, c := range alphabet {
			if n := counts[string(c)]; n != rounds*each {
				t.Errorf("%v: %q appears %d times, want %d", class, c, n, rounds*each)
			}
		}
	}
}

// A byte that would favour some characters is not used.
func TestLeftoverBytesAreRefused(t *testing.T) {
	for format, first := range map[string]int{
		"digits:1": 250, "letters:1": 234, "letters-case:1": 208, "alnum:1": 252, "alnum-case:1": 248, "alnum-60:1": 240,
	} {
		for b := range 256 {
			// A block of nothing but this byte: refused, it leaves no code.
			_, err := newGeneratorFrom(t, format, bytes.NewReader(bytes.Repeat([]byte{byte(b)}, 512))).AppendCode(nil)
			if refused := err != nil; refused != (b >= first) {
				t.Errorf("%s: byte %d refused: %v, want %v", format, b, refused, b >= first)
			}
		}
	}
}

// chiSquare fails if counts are not those of a uniform draw: five standard
// deviations above the mean of the distribution, which the fixed seed is not.
func chiSquare(t *testing.T, what string, counts []int) {
	t.Helper()
	total := 0
	for _, n := range counts {
		total += n
	}
	want := float64(total) / float64(len(counts))
	sum := 0.0
	for _, n := range counts {
		sum += (float64(n) - want) * (float64(n) - want) / want
	}
	df := float64(len(counts) - 1)
	if limit := df + 5*math.Sqrt(2*df); sum > limit {
		t.Errorf("%s: chi-square %.1f of %.0f degrees of freedom is above %.1f", what, sum, df, limit)
	}
}

// In every place every character is equally likely, in text and packed.
func TestCodesAreUniform(t *testing.T) {
	const n = 50_000
	for _, text := range []string{"crockford", "digits:6", "letters:6", "letters-case:6", "alnum:6", "alnum-case:6", "alnum-60:6"} {
		f := parseFormat(t, text)
		alphabet := f.Class.Alphabet()
		packed := make([]uint64, n)
		if err := newGeneratorFrom(t, text, seeded()).FillPacked(packed); err != nil {
			t.Fatal(err)
		}
		g := newGeneratorFrom(t, text, seeded())
		for way, next := range map[string]func(i int) []byte{
			"AppendCode": func(int) []byte { return appendCode(t, g, nil) },
			"FillPacked": func(i int) []byte { code, _ := gen.AppendUnpacked(nil, packed[i]); return code },
		} {
			places := make([][]int, f.Length)
			for i := range places {
				places[i] = make([]int, len(alphabet))
			}
			pairs := make([]int, len(alphabet)*len(alphabet)) // the last two characters
			for i := range n {
				code := next(i)
				for place, c := range code {
					places[place][strings.IndexByte(alphabet, c)]++
				}
				a, b := code[f.Length-2], code[f.Length-1]
				pairs[strings.IndexByte(alphabet, a)*len(alphabet)+strings.IndexByte(alphabet, b)]++
			}
			for _, counts := range places {
				chiSquare(t, text+" "+way, counts)
			}
			chiSquare(t, text+" "+way+", pairs", pairs)
		}
	}
}

// A failing source is an error, never a code.
func TestRandomSourceFails(t *testing.T) {
	broken := errors.New("broken")
	for _, text := range []string{"crockford", "alnum:8"} {
		for what, r := range map[string]io.Reader{
			"at once": iotest.ErrReader(broken),
			"midway":  io.MultiReader(bytes.NewReader(make([]byte, 100)), iotest.ErrReader(broken)),
		} {
			g := newGeneratorFrom(t, text, r)
			code, err := g.AppendCode([]byte("dst"))
			if !errors.Is(err, broken) || string(code) != "dst" {
				t.Errorf("%s, %s: AppendCode = %q, %v", text, what, code, err)
			}
			if err := g.FillPacked(make([]uint64, 10)); !errors.Is(err, broken) {
				t.Errorf("%s, %s: FillPacked: %v", text, what, err)
			}
		}
		g := newGeneratorFrom(t, text, bytes.NewReader(make([]byte, 100)))
		if _, err := g.AppendCode(nil); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: a source that ends: %v", text, err)
		}
		// One byte at a time is slow, not wrong.
		g = newGeneratorFrom(t, text, iotest.OneByteReader(seeded()))
		appendCode(t, g, nil)
	}
}

func TestGeneratorWithoutSourceUsesCryptoRand(t *testing.T) {
	a := appendCode(t, newGeneratorFrom(t, "crockford", nil), nil)
	b := appendCode(t, newGeneratorFrom(t, "crockford", nil), nil)
	if bytes.Equal(a, b) {
		t.Errorf("both made %q", a)
	}
}

func TestAnyCannotBeMinted(t *testing.T) {
	if _, err := gen.NewGenerator(gen.Format{Class: gen.Any}); !errors.Is(err, gen.ErrFormat) {
		t.Errorf("got %v", err)
	}
}

func TestGeneratorAllocatesBlocksOnly(t *testing.T) {
	for _, text := range []string{"crockford", "alnum:8", "letters-case:10"} {
		g := newGenerator(t, text)
		dst := make([]uint64, 1<<14)
		buf := make([]byte, 0, gen.MaxCode)
		run := func() {
			if g.FillPacked(dst) != nil {
				t.Fatal("no codes")
			}
			for range 100 {
				appendCode(t, g, buf)
			}
		}
		run() // the block grows
		if n := testing.AllocsPerRun(5, run); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}
