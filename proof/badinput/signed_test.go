package badinput

import (
	"fmt"
	"math"
	"strings"

	"codepool/gen"
)

// signSecret is the secret of key 1; what it signs under the default layout of plan 7,
// serial 77 is signedCode.
const (
	signSecret = "sixteen random bytes or more"
	signedCode = "9EJRQ15GMDKK5M59"
)

var (
	signKey1 = gen.SignKey{ID: 1, Secret: []byte(signSecret)}

	// namedKeys is a layout whose codes name their key.
	namedKeys = gen.Layout{Length: 16, PlanBits: 12, SerialBits: 30, KeyBits: 4, TagBits: 34}
)

// layout asks for a signer of the default layout with a change, and one key.
func layout(change func(*gen.Layout)) func(*world) error {
	l := gen.DefaultLayout()
	change(&l)
	return func(w *world) error {
		err := l.Validate()
		if s, serr := gen.NewSigner(l, signKey1); (s == nil) != (err != nil) || (serr == nil) != (err == nil) {
			w.fault("Validate says %v, a signer is made: %v, %v", err, s != nil, serr)
		}
		return err
	}
}

func signer(l gen.Layout, keys ...gen.SignKey) func(*world) error {
	return func(*world) error { _, err := gen.NewSigner(l, keys...); return err }
}

// signs asks for the code of a plan and serial; what was there must stay as it was.
func signs(l gen.Layout, plan uint32, serial uint64) func(*world) error {
	return func(w *world) error {
		s, err := gen.NewSigner(l, signKey1)
		if err != nil {
			return err
		}
		dst, err := s.Append([]byte("before"), plan, serial)
		if err != nil && string(dst) != "before" {
			w.fault("it left %q", dst)
		}
		return err
	}
}

// opens asks what a code says; a refusal must say nothing.
func opens(l gen.Layout, text string, keys ...gen.SignKey) func(*world) error {
	return func(w *world) error {
		s, err := gen.NewSigner(l, keys...)
		if err != nil {
			return err
		}
		plan, serial, id, err := s.Open(text)
		if err != nil && (plan != 0 || serial != 0 || id != 0) {
			w.fault("refused, it says plan %d, serial %d, key %d", plan, serial, id)
		}
		return err
	}
}

func keyOf(id uint32) gen.SignKey {
	return gen.SignKey{ID: id, Secret: fmt.Appendf(nil, "random bytes of key %d", id)}
}

func keysUpTo(n uint32) (keys []gen.SignKey) {
	for id := range n {
		keys = append(keys, keyOf(id))
	}
	return keys
}

var signedCases = []apiCase{
	{"the zero layout", signer(gen.Layout{}, signKey1), gen.ErrFormat, "length 0 … 0 bits of serial … 0 bits of tag"},
	{"layout of given codes", layout(func(l *gen.Layout) { l.Class = gen.Any }), gen.ErrFormat, "write another"},
	{"layout of an unknown class", layout(func(l *gen.Layout) { l.Class = gen.Any + 1 }), gen.ErrFormat, "unknown class 8"},
	{"layout with groups where case matters", layout(func(l *gen.Layout) { l.Class = gen.Alnum60 }), gen.ErrFormat, "keeps hyphens"},
	{"layout with a prefix that is not canonical", layout(func(l *gen.Layout) { l.Prefix = "VIP" }), gen.ErrFormat, `is read as "V1P"`},
	{"layout of length least", layout(func(l *gen.Layout) { l.Length = math.MinInt }), gen.ErrFormat, "write 1 or more"},
	{"layout of 65 characters", layout(func(l *gen.Layout) { l.Length = 65 }), gen.ErrFormat, "64 in all"},
	{"layout one character short", layout(func(l *gen.Layout) { l.Length = 15 }), gen.ErrFormat, "80 bits in 15 characters … write length 16"},
	{"layout one character long", layout(func(l *gen.Layout) { l.Length = 17 }), gen.ErrFormat, "write length 16, or more tag bits"},
	{"layout one bit too great", layout(func(l *gen.Layout) { l.KeyBits = 1 }), gen.ErrFormat, "write length 17, or fewer bits"},
	{"tag of 7 bits", layout(func(l *gen.Layout) { l.TagBits = 7 }), gen.ErrFormat, "7 bits of tag: write 8 to 64"},
	{"tag of 65 bits", layout(func(l *gen.Layout) { l.TagBits = 65 }), gen.ErrFormat, "write 8 to 64"},
	{"tag below zero", layout(func(l *gen.Layout) { l.TagBits = -34 }), gen.ErrFormat, "-34 bits of tag"},
	{"no bits of serial", layout(func(l *gen.Layout) { l.SerialBits = 0 }), gen.ErrFormat, "write 1 to 64"},
	{"serial of greatest bits", layout(func(l *gen.Layout) { l.SerialBits = math.MaxInt }), gen.ErrFormat, "bits of serial"},
	{"plan of 33 bits", layout(func(l *gen.Layout) { l.PlanBits = 33 }), gen.ErrFormat, "write 0 to 32"},
	{"plan and serial of 65 bits", layout(func(l *gen.Layout) { l.SerialBits = 49 }), gen.ErrFormat, "write at most 64 in all"},
	{"key id of 33 bits", layout(func(l *gen.Layout) { l.KeyBits = 33 }), gen.ErrFormat, "33 bits of key id"},

	{"a signer without keys", signer(gen.DefaultLayout()), gen.ErrSignKey, "give the one to sign with"},
	{"a key without a secret", signer(gen.DefaultLayout(), gen.SignKey{ID: 5}), gen.ErrSignKey, "key 5: a secret of 0 bytes"},
	{"a secret of 15 bytes", signer(gen.DefaultLayout(), gen.SignKey{Secret: []byte(signSecret[:15])}), gen.ErrSignKey, "15 bytes … give 16"},
	{"nine keys to try", signer(gen.DefaultLayout(), keysUpTo(9)...), gen.ErrSignKey, "9 keys … at most 8, or a layout with key bits"},
	{"a key twice", signer(gen.DefaultLayout(), signKey1, keyOf(2), signKey1), gen.ErrSignKey, "key 1 is given twice"},
	{"a secret under two ids", signer(gen.DefaultLayout(), signKey1, gen.SignKey{ID: 2, Secret: []byte(signSecret)}), gen.ErrSignKey, "key 2 has the secret of key 1"},
	{"key 16 in 4 bits", signer(namedKeys, keysUpTo(17)...), gen.ErrSignKey, "key 16 … up to 15"},

	{"plan one too great", signs(gen.DefaultLayout(), 1<<16, 0), gen.ErrRange, "plan 65536 does not fit in 16 bits"},
	{"serial one too great", signs(gen.DefaultLayout(), 7, 1<<30), gen.ErrRange, "serial 1073741824 does not fit in 30 bits: begin another plan"},
	{"serial greatest", signs(gen.ArticleLayout(), 0, math.MaxUint64), gen.ErrRange, "serial"},

	{"a code with one character changed", opens(gen.DefaultLayout(), signedCode[:15]+"8", signKey1), gen.ErrForged, "not signed"},
	{"a code with two characters swapped", opens(gen.DefaultLayout(), "E9"+signedCode[2:], signKey1), gen.ErrForged, ""},
	{"a code of another key", opens(gen.DefaultLayout(), signedCode, keyOf(1)), gen.ErrForged, ""},
	{"a code of another id of the secret", opens(gen.DefaultLayout(), signedCode, gen.SignKey{ID: 2, Secret: []byte(signSecret)}), gen.ErrForged, ""},
	{"a code of another layout", opens(gen.Layout{Length: 16, PlanBits: 17, SerialBits: 29, TagBits: 34}, signedCode, signKey1), gen.ErrForged, ""},
	{"sixteen zeroes", opens(gen.DefaultLayout(), strings.Repeat("0", 16), signKey1), gen.ErrForged, ""},
	{"a number above the layout's bits", opens(gen.ArticleLayout(), "zzzzzzzzzz", signKey1), gen.ErrForged, ""},
	{"a code of a key that was dropped", opens(namedKeys, strings.Repeat("0", 16), keysUpTo(16)[1:]...), gen.ErrUnknownKey, "not known"},
	{"a code of the pool for a signed one", opens(gen.DefaultLayout(), "7KQF-2M9X-T4WC", signKey1), gen.ErrNotSigned, "length and prefix"},
	{"a signed code without its end", opens(gen.DefaultLayout(), signedCode[:15], signKey1), gen.ErrNotSigned, ""},
	{"a signed code and more", opens(gen.DefaultLayout(), signedCode+"0", signKey1), gen.ErrNotSigned, ""},
	{"a signed code with a U", opens(gen.DefaultLayout(), signedCode[:15]+"U", signKey1), gen.ErrAlphabet, ""},
	{"a letter that the 60 leave out", opens(gen.ArticleLayout(), "zzzzzzzzzO", signKey1), gen.ErrAlphabet, ""},
	{"nothing for a signed code", opens(gen.DefaultLayout(), " - ", signKey1), gen.ErrEmpty, ""},
	{"a signed code in 65 bytes", opens(gen.DefaultLayout(), strings.Repeat(" ", 49)+signedCode, signKey1), gen.ErrTooLong, ""},
	{"a signed code that is not UTF-8", opens(gen.DefaultLayout(), signedCode+"\xff", signKey1), gen.ErrNotUTF8, ""},
}

// goodSigned are the good neighbours of signed codes.
var goodSigned = []goodCase{
	{"tag of 8 bits", layout(func(l *gen.Layout) { l.KeyBits, l.TagBits = 26, 8 })},
	{"tag of 64 bits", layout(func(l *gen.Layout) { l.Length, l.TagBits = 22, 64 })},
	{"plan and serial of 64 bits", layout(func(l *gen.Layout) { l.SerialBits, l.TagBits = 48, 16 })},
	{"128 bits", layout(func(l *gen.Layout) { l.Length, l.PlanBits, l.SerialBits, l.TagBits = 26, 32, 32, 64 })},
	{"no bits of plan", layout(func(l *gen.Layout) { l.PlanBits, l.SerialBits = 0, 46 })},
	{"a secret of 16 bytes", signer(gen.DefaultLayout(), gen.SignKey{Secret: []byte(signSecret[:16])})},
	{"eight keys to try", signer(gen.DefaultLayout(), keysUpTo(8)...)},
	{"sixteen keys with ids", signer(namedKeys, keysUpTo(16)...)},
	{"the last plan and serial", signs(gen.DefaultLayout(), 1<<16-1, 1<<30-1)},
	{"a signed code", opens(gen.DefaultLayout(), signedCode, signKey1)},
	{"a signed code of an older key", opens(gen.DefaultLayout(), signedCode, keyOf(2), signKey1)},
	{"a signed code as it is typed", opens(gen.DefaultLayout(), "9ejr ql5g-mdkk 5m59\n", signKey1)},
	{"a signed code in 64 bytes", opens(gen.DefaultLayout(), strings.Repeat(" ", 48)+signedCode, signKey1)},
}
