package gen

import "math/bits"

// uint128 is a number of 128 bits.
type uint128 struct{ hi, lo uint64 }

// join returns n with v behind it. REQUIRES: v < 2^size, size <= 64.
func (n uint128) join(v uint64, size int) uint128 {
	return uint128{n.hi<<size | n.lo>>(64-size), n.lo<<size | v}
}

// cut takes the last size bits, at most 64, off n.
func (n uint128) cut(size int) (rest uint128, v uint64) {
	return uint128{n.hi >> size, n.lo>>size | n.hi<<(64-size)}, n.lo & (1<<size - 1)
}

// A radix writes numbers in the characters of an alphabet, the most significant
// first; a character's place is its value.
type radix struct {
	digits string
	values [256]int8 // -1 is no digit

	// A word takes this many digits: 128 bits are divided by power once, and what
	// is left over by the base.
	perWord int
	power   uint64
	powers  []uint64 // of the base, up to power
}

func newRadix(digits string) (r radix) {
	r.digits = digits
	for c := range r.values {
		r.values[c] = -1
	}
	for i := range len(digits) {
		r.values[digits[i]] = int8(i)
	}
	base := uint64(len(digits))
	for r.power = 1; r.power <= (1<<64-1)/base; r.power *= base {
		r.powers = append(r.powers, r.power)
	}
	r.perWord, r.powers = len(r.powers), append(r.powers, r.power)
	return r
}

// format fills dst with n. REQUIRES: n is below the base to the power len(dst).
func (r *radix) format(dst []byte, n uint128) {
	base := uint64(len(r.digits))
	for i := len(dst); i > 0; {
		hi, rest := n.hi/r.power, n.hi%r.power
		lo, word := bits.Div64(rest, n.lo, r.power)
		n = uint128{hi, lo}
		for end := max(0, i-r.perWord); i > end; word /= base {
			i--
			dst[i] = r.digits[word%base]
		}
	}
}

// parse reads what format writes, and longer texts too. It returns ErrAlphabet for a
// character that is no digit, else ErrForged for a number of more than 128 bits:
// no layout has such.
func (r *radix) parse(text []byte) (n uint128, err error) {
	base := uint64(len(r.digits))
	var over uint64
	for len(text) > 0 {
		k := min(r.perWord, len(text))
		// Two at a time, so that a multiplication waits for half as many.
		var word uint64
		var bad int8
		digits := text[:k]
		if k%2 != 0 {
			bad = r.values[digits[0]]
			word, digits = uint64(bad), digits[1:]
		}
		for len(digits) >= 2 {
			a, b := r.values[digits[0]], r.values[digits[1]]
			bad |= a | b
			word = word*(base*base) + (uint64(a)*base + uint64(b))
			digits = digits[2:]
		}
		if bad < 0 {
			return uint128{}, ErrAlphabet
		}
		up, lo := bits.Mul64(n.lo, r.powers[k])
		lost, hi := bits.Mul64(n.hi, r.powers[k])
		var carry uint64
		n.lo, carry = bits.Add64(lo, word, 0)
		n.hi, carry = bits.Add64(hi, up, carry)
		over |= lost | carry
		text = text[k:]
	}
	if over != 0 {
		return uint128{}, ErrForged
	}
	return n, nil
}
