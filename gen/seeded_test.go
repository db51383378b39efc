package gen

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
)

// naiveSeeded makes the codes of a seed by the book (docs/format.md): of plain codes two from
// 15 bytes, of others a character from each byte that is below the largest multiple of the
// alphabet.
func naiveSeeded(f Format, s Seed, n int) (words []uint64) {
	block, err := aes.NewCipher(s[:])
	if err != nil {
		panic(err)
	}
	stream := make([]byte, 64*n+1024)
	cipher.NewCTR(block, make([]byte, 16)).XORKeyStream(stream, stream)
	if f.Class == Crockford32 && f.Length == 12 && f.Prefix == "" {
		for ; len(words) < n; stream = stream[15:] {
			words = append(words, binary.LittleEndian.Uint64(stream)&(1<<60-1), binary.LittleEndian.Uint64(stream[7:])>>4)
		}
		return words[:n]
	}
	alphabet := f.Class.Alphabet()
	for len(words) < n {
		code := []byte(f.Prefix)
		for len(code) < len(f.Prefix)+f.Length {
			if b := int(stream[0]); b < 256/len(alphabet)*len(alphabet) {
				code = append(code, alphabet[b%len(alphabet)])
			}
			stream = stream[1:]
		}
		w, ok := Pack(code)
		if !ok {
			panic(fmt.Sprintf("%s does not pack", code))
		}
		words = append(words, w)
	}
	return words
}

// TestSeededGenerator: the codes of a seed are those of the book, and will be: stores make
// them again at every opening.
func TestSeededGenerator(t *testing.T) {
	var seed Seed
	for i := range seed {
		seed[i] = byte(i)
	}
	for _, c := range []struct {
		format Format
		n      int
		sum    string // of the words, first eight bytes of SHA-256
	}{
		{Format{}, 1, "38d135ef17da0b69"},
		{Format{}, 20_001, "d9ed92cb1a075e90"},
		{Format{Class: Digits, Length: 8}, 20_001, "1b0e0ddc2c17bec9"},
		{Format{Class: Alnum, Length: 7, Prefix: "AB"}, 20_001, "dc9f4575bb5c01f3"},
	} {
		f := c.format.WithDefaults()
		g, err := NewSeededGenerator(f, seed)
		if err != nil {
			t.Fatal(err)
		}
		words := make([]uint64, c.n)
		if err := g.FillPacked(words); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(words, naiveSeeded(f, seed, c.n)) {
			t.Errorf("%v: %d codes are not those of the book", f, c.n)
		}
		h := sha256.New()
		for _, w := range words {
			h.Write(binary.LittleEndian.AppendUint64(nil, w))
		}
		if got := fmt.Sprintf("%x", h.Sum(nil)[:8]); got != c.sum {
			t.Errorf("%v: %d codes have sum %s, want %s: stores would not open", f, c.n, got, c.sum)
		}
	}
	if one, other := NewSeed(), NewSeed(); one == other {
		t.Error("two seeds are equal")
	}
	if _, err := NewSeededGenerator(Format{Class: Any}, seed); err == nil {
		t.Error("codes of any text were made")
	}
}
