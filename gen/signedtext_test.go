package gen

import (
	"math/big"
	"testing"
)

// What a radix writes it reads back, up to the greatest number of 128 bits; the next
// ones are too great for it, and do not begin at 0 again.
func TestRadixAtItsLimit(t *testing.T) {
	limit := new(big.Int).Lsh(big.NewInt(1), 128)
	for class := range Any {
		alphabet := class.Alphabet()
		r, base := newRadix(alphabet), big.NewInt(int64(len(alphabet)))
		for _, shift := range []uint{0, 1, 63, 64, 65, 127, 128} {
			for off := int64(-40); off <= 40; off++ {
				n := new(big.Int).Lsh(big.NewInt(1), shift)
				if n.Add(n, big.NewInt(off)); n.Sign() < 0 {
					continue
				}
				text := make([]byte, 40)
				rest, digit := new(big.Int).Set(n), new(big.Int)
				for i := range text {
					rest.DivMod(rest, base, digit)
					text[len(text)-1-i] = alphabet[digit.Int64()]
				}
				got, err := r.parse(text)
				if n.Cmp(limit) >= 0 {
					if err != ErrForged || got != (uint128{}) {
						t.Errorf("%v: %s, which is 2^128 and more, is read as %v, %v", class, text, got, err)
					}
					continue
				}
				back := new(big.Int).SetUint64(got.hi)
				back.Lsh(back, 64).Or(back, new(big.Int).SetUint64(got.lo))
				written := make([]byte, 40)
				r.format(written, got)
				if err != nil || back.Cmp(n) != 0 || string(written) != string(text) {
					t.Errorf("%v: %v is %s, read as %v, %v, and written as %s", class, n, text, back, err, written)
				}
			}
		}
	}
}
