package gen

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
)

// Random bytes are read in blocks. Here crypto/rand gives 586 MB/s in blocks of
// 512 bytes, 640 of 4 KiB, 646 of 64 KiB and 651 of 256 KiB.
// The first block is small, so that a generator used for one code stays cheap.
const (
	minBlock = 512
	maxBlock = 64 << 10
)

// Generator makes random codes of one format. Every code of the format is equally
// likely; duplicates are possible and are the caller's to find. It is not safe
// for concurrent use: make one for each goroutine. The zero Generator is not usable,
// and a copy would repeat the codes of its original.
type Generator struct {
	format Format
	packs  bool
	plain  bool // codes are 60 random bits: Crockford, 12, no prefix

	// chars maps a random byte to a character, or to 0: draw again. Every
	// character stands for equally many bytes, as many as fit, which is what makes
	// the draw uniform. For an alphabet of a power of two no byte is refused.
	chars [256]byte

	random io.Reader
	block  []byte // grows to maxBlock
	rest   []byte // of block, not yet used
}

// NewGenerator returns a Generator of codes of format f from crypto/rand. It returns
// ErrFormat for a format that Validate refuses, and for class Any.
func NewGenerator(f Format) (*Generator, error) {
	return NewGeneratorFrom(f, rand.Reader)
}

// NewGeneratorFrom is NewGenerator with another source of random bytes, for tests.
// The source is read ahead, in blocks; nil is crypto/rand.
func NewGeneratorFrom(f Format, r io.Reader) (*Generator, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	f = f.WithDefaults()
	if !f.mintable() {
		return nil, fmt.Errorf("%w: codes of class %v are given, not made: "+
			"write another class to mint", ErrFormat, f.Class)
	}
	if r == nil {
		r = rand.Reader
	}
	return &Generator{
		format: f,
		packs:  f.Packs(),
		plain:  f.Class == Crockford32 && f.Length == packedLen && f.Prefix == "",
		chars:  charTable(f.Class.Alphabet()),
		random: r,
	}, nil
}

// charTable gives each character the same number of byte values, the largest that
// fits, and 0 to the values left over.
func charTable(alphabet string) (t [256]byte) {
	n := len(alphabet)
	for b := range 256 - 256%n {
		t[b] = alphabet[b%n]
	}
	return t
}

// FillPacked fills dst with packed random codes. It returns ErrFormat, wrapped, for
// a format whose Packs is false, or the error of the random source; on error
// dst is not to be used. It does not allocate once its block has grown to 64 KiB.
func (g *Generator) FillPacked(dst []uint64) error {
	if g.plain {
		return g.fillPlain(dst)
	}
	if !g.packs {
		return fmt.Errorf("%w: codes of %v do not all pack: use AppendCode", ErrFormat, g.format)
	}
	var buf [MaxCode]byte
	for i := range dst {
		canon, err := g.AppendCode(buf[:0])
		if err != nil {
			return err
		}
		dst[i], _ = Pack(canon) // packs, as every code of this format
	}
	return nil
}

// fillPlain is FillPacked for 60 random bits a code. The kernel's generator is what
// it waits for, so two codes are cut from 15 bytes.
func (g *Generator) fillPlain(dst []uint64) error {
	const pair = 15
	for len(dst) > 0 {
		if len(g.rest) < pair {
			if err := g.refill((len(dst) + 1) / 2 * pair); err != nil {
				return err
			}
		}
		rest := g.rest
		for len(rest) >= pair && len(dst) >= 2 {
			dst[0] = binary.LittleEndian.Uint64(rest) & (upperStart - 1)
			dst[1] = binary.LittleEndian.Uint64(rest[7:]) >> 4
			dst, rest = dst[2:], rest[pair:]
		}
		if len(rest) >= pair && len(dst) == 1 {
			dst[0] = binary.LittleEndian.Uint64(rest) & (upperStart - 1)
			dst, rest = nil, rest[pair:]
		}
		g.rest = rest
	}
	return nil
}

// AppendCode appends one random canonical code to dst and returns the longer slice.
// On an error of the random source dst comes back unchanged.
func (g *Generator) AppendCode(dst []byte) ([]byte, error) {
	var buf [MaxCode]byte
	n := copy(buf[:], g.format.Prefix)
	for need := n + g.format.Length; n < need; {
		if len(g.rest) == 0 {
			if err := g.refill(need - n); err != nil {
				return dst, err
			}
		}
		// As many bytes as characters are missing; each refused one is another round.
		some := g.rest[:min(need-n, len(g.rest))]
		g.rest = g.rest[len(some):]
		for _, b := range some {
			c := g.chars[b]
			buf[n&(MaxCode-1)] = c // n < need <= MaxCode
			if c != 0 {
				n++
			}
		}
	}
	return append(dst, buf[:n]...), nil
}

// refill reads the next block: need bytes if they are known to be used, and at least
// twice as many as the last time, within minBlock and maxBlock. What rest still has stays
// before it: which codes come of a source does not depend on the blocks.
func (g *Generator) refill(need int) error {
	n := min(max(need, 2*len(g.block), minBlock), maxBlock)
	block := g.block[:0]
	if n > cap(block) {
		block = make([]byte, 0, n)
	}
	block = append(block, g.rest...)
	g.rest = nil
	g.block = block[:n]
	if _, err := io.ReadFull(g.random, g.block[len(block):]); err != nil {
		return fmt.Errorf("gen: random source: %w", err)
	}
	g.rest = g.block
	return nil
}
