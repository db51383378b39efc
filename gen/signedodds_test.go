package gen_test

import (
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"codepool/gen"
)

// No text that is one typing mistake away from a code is a code.
func TestSignedEditsAreRefused(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 3))
	for _, l := range []gen.Layout{
		gen.DefaultLayout(),
		{Class: gen.Crockford32, Length: 16, PlanBits: 14, SerialBits: 28, KeyBits: 4, TagBits: 34},
		{Class: gen.Alnum60, Length: 12, PlanBits: 5, SerialBits: 30, TagBits: 35},
		{Class: gen.Digits, Length: 24, Prefix: "VIP", PlanBits: 8, SerialBits: 30, TagBits: 40},
	} {
		s := newSigner(t, l, signKeys(1, 2, 3)...)
		for range 40 {
			code := sign(t, s, uint32(randomOf(rng, l.PlanBits)), randomOf(rng, l.SerialBits))
			for i := len(l.Prefix); i < len(code); i++ {
				edits := []string{code[:i] + code[i+1:]} // dropped
				if i > len(l.Prefix) {
					edits = append(edits, code[:i-1]+code[i:i+1]+code[i-1:i]+code[i+1:]) // swapped
				}
				for _, c := range l.Class.Alphabet() {
					edits = append(edits, code[:i]+string(c)+code[i+1:], code[:i]+string(c)+code[i:])
				}
				for _, edit := range edits {
					if got := open(s, edit); edit != code && got.err == nil {
						t.Fatalf("%q is opened for %q, as %v", edit, code, got)
					}
				}
			}
		}
	}
}

// A guess is opened as often as ForgeryOdds says: random texts are, and true codes
// that were changed somewhere.
func TestForgeryOddsAreMeasured(t *testing.T) {
	const guesses = 25_000
	for _, tt := range []struct {
		keyBits int
		keys    []gen.SignKey
	}{
		{0, signKeys(1)},
		{0, signKeys(1, 2, 3, 4, 5)},
		{0, signKeys(1, 2, 3, 4, 5, 6, 7, 8)},
		{2, signKeys(0, 1, 2, 3)},
	} {
		l := gen.Layout{Class: gen.Crockford32, Length: 10, PlanBits: 12, SerialBits: 30 - tt.keyBits, KeyBits: tt.keyBits, TagBits: 8}
		s := newSigner(t, l, tt.keys...)
		rng := rand.New(rand.NewPCG(5, 4))
		const alphabet = crockford
		guess := map[string]func() string{
			"random": func() string {
				var b strings.Builder
				for range l.Length {
					b.WriteByte(alphabet[rng.IntN(len(alphabet))])
				}
				return b.String()
			},
			"changed": func() string {
				code := []byte(sign(t, s, uint32(randomOf(rng, l.PlanBits)), randomOf(rng, l.SerialBits)))
				// Any but the first, which has the key's id.
				i := 1 + rng.IntN(len(code)-1)
				old := strings.IndexByte(alphabet, code[i])
				code[i] = alphabet[(old+1+rng.IntN(len(alphabet)-1))%len(alphabet)]
				return string(code)
			},
		}
		for name, next := range guess {
			hits := 0
			for range guesses {
				if open(s, next()).err == nil {
					hits++
				}
			}
			odds := l.ForgeryOdds(len(tt.keys))
			want := guesses * odds
			if sigma := math.Sqrt(want * (1 - odds)); math.Abs(float64(hits)-want) > 4*sigma {
				t.Errorf("%d key bits, %d keys: %d of %d %s guesses are opened, want %.0f ± %.0f", tt.keyBits, len(tt.keys), hits, guesses, name, want, sigma)
			}
		}
	}
}

// A code is of one layout and one key: it is refused under every other, whatever
// they have in common.
func TestSignedDependsOnLayoutAndKey(t *testing.T) {
	layouts := []gen.Layout{
		{Class: gen.Alnum, Length: 16, PlanBits: 14, SerialBits: 30, TagBits: 34},
		{Class: gen.Alnum, Length: 16, PlanBits: 15, SerialBits: 29, TagBits: 34},
		{Class: gen.Alnum, Length: 16, PlanBits: 14, SerialBits: 31, TagBits: 33},
		{Class: gen.Alnum, Length: 16, PlanBits: 14, SerialBits: 30, TagBits: 35},
		{Class: gen.Alnum, Length: 16, PlanBits: 13, SerialBits: 30, KeyBits: 1, TagBits: 34},
		{Class: gen.Alnum, Length: 16, Prefix: "A", PlanBits: 14, SerialBits: 30, TagBits: 34},
		{Class: gen.Alnum, Length: 16, Prefix: "B", PlanBits: 14, SerialBits: 30, TagBits: 34},
	}
	var signers []*gen.Signer
	for _, l := range layouts {
		k := signKey(1)
		signers = append(signers,
			newSigner(t, l, k),
			newSigner(t, l, gen.SignKey{ID: 0, Secret: k.Secret}),
			newSigner(t, l, gen.SignKey{ID: 1, Secret: append(k.Secret, 0)}))
	}
	for i, s := range signers {
		code := strings.TrimPrefix(sign(t, s, 0, 0), s.Layout().Prefix)
		for j, other := range signers {
			got := open(other, other.Layout().Prefix+code)
			if (got.err == nil) != (i == j) {
				t.Errorf("a code of %+v opens under %+v as %v", s.Layout(), other.Layout(), got)
			}
		}
	}
}

// Whichever bit of plan or serial changes, every bit of the code changes in half of
// all cases.
func TestSignedAvalanche(t *testing.T) {
	const trials = 4000
	l := gen.DefaultLayout()
	s := newSigner(t, l, signKey(1))
	rng := rand.New(rand.NewPCG(5, 5))
	var changed [80]int
	for i := range trials {
		plan, serial := uint32(randomOf(rng, 16)), randomOf(rng, 30)
		before := naiveNumber(l, sign(t, s, plan, serial))
		if bit := i % 46; bit < 30 {
			serial ^= 1 << bit
		} else {
			plan ^= 1 << (bit - 30)
		}
		diff := before.Xor(before, naiveNumber(l, sign(t, s, plan, serial)))
		for bit := range changed {
			changed[bit] += int(diff.Bit(bit))
		}
	}
	sigma := math.Sqrt(trials) / 2
	for bit, n := range changed {
		if math.Abs(float64(n)-trials/2) > 4.5*sigma {
			t.Errorf("bit %d changed in %d of %d cases", bit, n, trials)
		}
	}
}

// Codes of serials 0, 1, 2, … are in no order: neither does a code's value go with
// its serial, nor with the value of the code before it.
func TestSignedSerialsShowNoOrder(t *testing.T) {
	const n = 20_000
	for _, l := range []gen.Layout{gen.DefaultLayout(), gen.ArticleLayout()} {
		s := newSigner(t, l, signKey(1))
		values, serials := make([]float64, n), make([]float64, n)
		payload := new(big.Int).Lsh(big.NewInt(1), uint(l.PlanBits+l.SerialBits))
		masked := make([]float64, n) // plan and serial alone
		for i := range values {
			v := naiveNumber(l, sign(t, s, 3, uint64(i)))
			values[i], _ = new(big.Float).SetInt(v).Float64()
			masked[i], _ = new(big.Float).SetInt(v.Mod(v, payload)).Float64()
			serials[i] = float64(i)
		}
		limit := 4 / math.Sqrt(n)
		for name, v := range map[string][]float64{"value": values, "masked payload": masked} {
			if r := correlation(v, serials); math.Abs(r) > limit {
				t.Errorf("%+v: %s and serial correlate: %.4f", l, name, r)
			}
			for lag := 1; lag <= 4; lag++ {
				if r := correlation(v[lag:], v[:n-lag]); math.Abs(r) > limit {
					t.Errorf("%+v: %s and that of %d before correlate: %.4f", l, name, lag, r)
				}
			}
		}
	}
}

// correlation returns Pearson's coefficient of two samples.
func correlation(x, y []float64) float64 {
	var mx, my float64
	for i := range x {
		mx += x[i] / float64(len(x))
		my += y[i] / float64(len(y))
	}
	var xx, yy, xy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		xx, yy, xy = xx+dx*dx, yy+dy*dy, xy+dx*dy
	}
	return xy / math.Sqrt(xx*yy)
}

// Tags of 13 bits repeat, and SIV would give codes of one tag one key stream: the XOR
// of two would then be that of their plans and serials, which is short for
// codes of one batch. There are no such pairs here but by chance.
func TestSignedTagsThatRepeatShowNothing(t *testing.T) {
	const n = 1 << 12
	l := gen.ArticleLayout()
	s := newSigner(t, l, signKey(1))
	masked := make([]uint64, n)
	byTag := map[uint64]int{}
	size := l.PlanBits + l.SerialBits
	for i := range masked {
		v := naiveNumber(l, sign(t, s, 3, uint64(i))).Uint64()
		masked[i] = v & (1<<size - 1)
		byTag[v>>size]++
	}
	short := 0
	for i, v := range masked {
		for _, w := range masked[:i] {
			if bits.Len64(v^w) <= 12 {
				short++
			}
		}
	}
	// With SIV alone 2^23 pairs × 2^-13 = 1024; by chance 2^23 × 2^-33.
	if short > 2 {
		t.Errorf("%d pairs of codes have an XOR that is one of serials", short)
	}
	if len(byTag) > n*9/10 {
		t.Errorf("%d codes have %d tags: they hardly repeat", n, len(byTag))
	}
}
