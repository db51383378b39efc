package gen

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
)

// Seed stands for all codes that a seeded Generator makes. Whoever has it has them.
type Seed [32]byte

// NewSeed returns a Seed from crypto/rand.
func NewSeed() (s Seed) {
	rand.Read(s[:]) // never fails
	return s
}

// NewSeededGenerator is NewGenerator with random bytes from the seed: the key stream of AES-256
// in counter mode from zero on, as in CTR_DRBG [NIST SP 800-90A, 10.2.1]. Without the seed
// its codes cannot be told from those of NewGenerator. The same seed and the same format
// give the same codes, for ever, in the same order, if they are asked for by equal calls.
func NewSeededGenerator(f Format, s Seed) (*Generator, error) {
	block, err := aes.NewCipher(s[:])
	if err != nil {
		return nil, err
	}
	return NewGeneratorFrom(f, keyStream{cipher.NewCTR(block, make([]byte, aes.BlockSize))})
}

// keyStream reads the key stream of a cipher.
type keyStream struct{ stream cipher.Stream }

func (k keyStream) Read(p []byte) (int, error) {
	clear(p)
	k.stream.XORKeyStream(p, p)
	return len(p), nil
}
