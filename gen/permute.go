package gen

import (
	"crypto/cipher"
	"encoding/binary"
	"math"
	"math/bits"
	"sync"
)

// permuteRounds is how many rounds the network has. Who would tell six of them from a random
// permutation needs all that it maps, by the best attack known (J. Patarin, "Generic Attacks
// on Feistel Schemes", ASIACRYPT 2001); two are for margin. They are most of what an order
// number costs, some 20 ns each.
const permuteRounds = 8

// A permutation is a keyed bijection of the numbers below size onto themselves, another one
// for every tweak. It is the generalised Feistel cipher over a × a ≥ size with cycle walking
// of J. Black and P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002: two
// halves below a, each round adds a function of one to the other modulo a, and what comes
// out at size or above goes in again. The function of a round is AES over tweak, round
// and half. Safe for use by many goroutines; it must not be copied.
type permutation struct {
	aes  cipher.Block
	size uint64
	side uint64 // a: the least with a × a ≥ size
	work sync.Pool
}

func newPermutation(aes cipher.Block, size uint64) *permutation {
	side := uint64(math.Sqrt(float64(size)))
	for side*side < size {
		side++
	}
	p := &permutation{aes: aes, size: size, side: side}
	p.work.New = func() any { return new(feistel) }
	return p
}

// A feistel is the room for one block. AES is behind an interface, so a block on the stack
// would be moved to the heap with every call.
type feistel struct {
	block [16]byte
}

// of returns the number that x becomes under a tweak below 2^56. REQUIRES: x < p.size.
func (p *permutation) of(f *feistel, tweak, x uint64) uint64 {
	for {
		left, right := x/p.side, x%p.side
		for round := range uint64(permuteRounds) {
			sum := left + p.round(f, tweak<<8|round, right)
			if sum >= p.side {
				sum -= p.side
			}
			left, right = right, sum
		}
		if x = left*p.side + right; x < p.size {
			return x
		}
	}
}

// inverse returns the number that becomes y. REQUIRES: y < p.size.
func (p *permutation) inverse(f *feistel, tweak, y uint64) uint64 {
	for {
		left, right := y/p.side, y%p.side
		for round := uint64(permuteRounds); round > 0; round-- {
			less := right + p.side - p.round(f, tweak<<8|(round-1), left)
			if less >= p.side {
				less -= p.side
			}
			left, right = less, left
		}
		if y = left*p.side + right; y < p.size {
			return y
		}
	}
}

// round is the function of a round: 64 bits of AES, scaled to a number below p.side.
func (p *permutation) round(f *feistel, tweakAndRound, half uint64) uint64 {
	binary.LittleEndian.PutUint64(f.block[:], tweakAndRound)
	binary.LittleEndian.PutUint64(f.block[8:], half)
	p.aes.Encrypt(f.block[:], f.block[:])
	scaled, _ := bits.Mul64(binary.LittleEndian.Uint64(f.block[:]), p.side)
	return scaled
}
