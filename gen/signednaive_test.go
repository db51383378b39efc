package gen_test

import (
	"bytes"
	"crypto/aes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"codepool/gen"
)

// naiveSign is what Append should write, in big numbers and step by step. ok is false
// where plan or serial do not fit.
func naiveSign(tb testing.TB, l gen.Layout, k gen.SignKey, plan uint32, serial uint64) (code string, ok bool) {
	tb.Helper()
	p, s := new(big.Int).SetUint64(uint64(plan)), new(big.Int).SetUint64(serial)
	if p.BitLen() > l.PlanBits || s.BitLen() > l.SerialBits {
		return "", false
	}
	return naiveSeal(tb, l, k, behind(p, s, l.SerialBits), new(big.Int)), true
}

// naiveSeal makes the code of a payload with a tag that is wrong in some bits, or in
// none.
func naiveSeal(tb testing.TB, l gen.Layout, k gen.SignKey, payload, wrong *big.Int) string {
	tb.Helper()
	info := fmt.Sprintf("codepool signed code 1: %v %d: key %d tag %d plan %d serial %d: id %d: prefix %s",
		l.Class, l.Length, l.KeyBits, l.TagBits, l.PlanBits, l.SerialBits, k.ID, l.Prefix)
	keys, err := hkdf.Key(sha256.New, k.Secret, nil, info, 64)
	if err != nil {
		tb.Fatal(err)
	}
	f := func(key []byte, round int64, x *big.Int, size int) *big.Int {
		message := new(big.Int).Lsh(big.NewInt(round), 64)
		mac := naiveCMAC(tb, key, message.Or(message, x).FillBytes(make([]byte, 16)))
		first := new(big.Int).SetBytes(mac)
		return first.Rsh(first, uint(128-size))
	}
	tag := f(keys[:32], 1, payload, l.TagBits)
	tag.Xor(tag, wrong)
	payload = new(big.Int).Xor(payload, f(keys[32:], 2, tag, l.PlanBits+l.SerialBits))
	tag.Xor(tag, f(keys[32:], 3, payload, l.TagBits))
	payload.Xor(payload, f(keys[32:], 4, tag, l.PlanBits+l.SerialBits))

	n := new(big.Int)
	if l.KeyBits > 0 {
		n.SetUint64(uint64(k.ID))
	}
	n = behind(behind(n, tag, l.TagBits), payload, l.PlanBits+l.SerialBits)
	return naiveText(l, n)
}

// behind returns the number that has v in its last size bits and n in front of them.
func behind(n, v *big.Int, size int) *big.Int {
	n = new(big.Int).Lsh(n, uint(size))
	return n.Or(n, v)
}

// naiveText writes a number, of whatever size, in the characters of a layout.
func naiveText(l gen.Layout, n *big.Int) string {
	n = new(big.Int).Set(n)
	base, digit := big.NewInt(int64(len(l.Class.Alphabet()))), new(big.Int)
	text := make([]byte, l.Length)
	for i := range text {
		n.DivMod(n, base, digit)
		text[len(text)-1-i] = l.Class.Alphabet()[digit.Int64()]
	}
	if n.Sign() != 0 {
		panic("the number does not fit in the length")
	}
	return l.Prefix + string(text)
}

// naiveNumber is the inverse of naiveText.
func naiveNumber(l gen.Layout, code string) *big.Int {
	n, base := new(big.Int), big.NewInt(int64(len(l.Class.Alphabet())))
	for _, c := range []byte(strings.TrimPrefix(code, l.Prefix)) {
		n.Mul(n, base)
		n.Add(n, big.NewInt(int64(strings.IndexByte(l.Class.Alphabet(), c))))
	}
	return n
}

// naiveCMAC is AES-CMAC as RFC 4493 has it, of a message of any length.
func naiveCMAC(tb testing.TB, key, message []byte) []byte {
	tb.Helper()
	c, err := aes.NewCipher(key)
	if err != nil {
		tb.Fatal(err)
	}
	subkey := make([]byte, 16)
	c.Encrypt(subkey, subkey)
	double := func() {
		n := new(big.Int).SetBytes(subkey)
		over := n.Bit(127) == 1
		n.SetBit(n.Lsh(n, 1), 128, 0)
		if over {
			n.Xor(n, big.NewInt(0x87))
		}
		n.FillBytes(subkey)
	}
	double()
	last := len(message) - len(message)%16
	if last == len(message) && last > 0 {
		last -= 16
	}
	rest := bytes.Clone(message[last:])
	if len(rest) < 16 {
		double()
		rest = append(append(rest, 0x80), make([]byte, 15-len(rest))...)
	}
	mac := make([]byte, 16)
	step := func(block []byte) {
		for i := range mac {
			mac[i] ^= block[i]
		}
		c.Encrypt(mac, mac)
	}
	for i := 0; i < last; i += 16 {
		step(message[i:])
	}
	for i := range rest {
		rest[i] ^= subkey[i]
	}
	step(rest)
	return mac
}

// The naive CMAC is that of RFC 4493, section 4, and of NIST SP 800-38B, appendix D.
func TestNaiveCMAC(t *testing.T) {
	const (
		key128 = "2b7e151628aed2a6abf7158809cf4f3c"
		key256 = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
		text   = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
	)
	for _, tt := range []struct {
		key  string
		size int
		mac  string
	}{
		{key128, 0, "bb1d6929e95937287fa37d129b756746"},
		{key128, 16, "070a16b46b4d4144f79bdd9dd04a287c"},
		{key128, 40, "dfa66747de9ae63030ca32611497c827"},
		{key128, 64, "51f0bebf7e3b9d92fc49741779363cfe"},
		{key256, 0, "028962f61b7bf89efc6b551f4667d983"},
		{key256, 16, "28a7023f452e8f82bd4bf28d8c37c35c"},
		{key256, 64, "e1992190549f6ed5696a2c056c315410"},
	} {
		if got := hex.EncodeToString(naiveCMAC(t, unhex(t, tt.key), unhex(t, text)[:tt.size])); got != tt.mac {
			t.Errorf("CMAC of %d bytes under %s is %s, want %s", tt.size, tt.key, got, tt.mac)
		}
	}
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// randomLayout returns a valid layout, any of them.
func randomLayout(rng *rand.Rand) gen.Layout {
	for {
		l := gen.Layout{
			Class:    classes[rng.IntN(len(classes)-1)], // the last is Any
			PlanBits: rng.IntN(33),
			KeyBits:  max(0, rng.IntN(65)-32),
			TagBits:  8 + rng.IntN(57),
		}
		l.SerialBits = 1 + rng.IntN(64-l.PlanBits)
		all := l.KeyBits + l.TagBits + l.PlanBits + l.SerialBits
		if all > 128 {
			continue
		}
		base, space := big.NewInt(int64(len(l.Class.Alphabet()))), big.NewInt(1)
		for space.Cmp(new(big.Int).Lsh(big.NewInt(1), uint(all))) < 0 {
			space.Mul(space, base)
			l.Length++
		}
		l.Prefix = []string{"", "", "7", "V7"}[rng.IntN(4)]
		if l.Class.Fold() != gen.Exact {
			l.Group = min(l.Length, []int{0, 4, 5}[rng.IntN(3)])
		}
		return l
	}
}

// randomKey returns a key with an id that fits the layout.
func randomKey(rng *rand.Rand, l gen.Layout) gen.SignKey {
	k := gen.SignKey{ID: rng.Uint32(), Secret: make([]byte, 16+rng.IntN(40))}
	if l.KeyBits > 0 {
		k.ID >>= 32 - l.KeyBits
	}
	for i := range k.Secret {
		k.Secret[i] = byte(rng.Uint32())
	}
	return k
}

// randomOf returns a number of at most so many bits, often one of the least or
// greatest.
func randomOf(rng *rand.Rand, size int) uint64 {
	limit := uint64(1)<<size - 1
	switch rng.IntN(4) {
	case 0:
		return min(limit, uint64(rng.IntN(3)))
	case 1:
		return limit - min(limit, uint64(rng.IntN(3)))
	}
	return rng.Uint64() & limit
}
