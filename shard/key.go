package shard

import (
	"encoding/binary"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// WideMark is the top nibble of a word that stands for a wide code: the packed
// form of a code (package gen) never reaches it.
const WideMark = 0xF << 60

// computedMark is the top of a word that stands for a computed code, its run and ordinal
// below: computedMark | run<<32 | ordinal. Packed words are below WideMark, and wide ones
// in a shard have nothing above their length.
const computedMark = WideMark | 1<<59

// maxComputedRun bounds the numbers of computed runs.
const maxComputedRun = 1 << 27

// maxWideLen is the longest wide text in bytes.
const maxWideLen = 255

// A Key is one code to look for or to add: its namespace, its packed word or, when
// it does not fit into 64 bits, its whole text, and the hash of both. The key of a computed code
// (ComputedKey) says where the code is.
type Key struct {
	Hash  uint64
	Word  uint64 // packed code; from WideMark on if Wide is used
	Wide  string // whole canonical text of a wide code; a computed code is found without it
	Space uint32 // namespace
}

// PackedKey returns the key of a packed code. REQUIRES: word < WideMark.
func PackedKey(space uint32, word uint64) Key {
	return Key{Hash: HashPacked(space, word), Word: word, Space: space}
}

// WideKey returns the key of a code that has no packed form.
func WideKey(space uint32, text string) Key {
	return Key{Hash: HashWide(space, text), Word: WideMark, Wide: text, Space: space}
}

// ComputedKey returns the key of a code of a computed run, without its text: n is how
// many codes the run has. Its hash grows with the ordinal, from 0 to 2^64 in equal steps,
// so it routes to the shard that has the code, whatever the number of shards. An ordinal
// that the run does not have gives the zero Key.
func ComputedKey(space, run, n, ordinal uint32) Key {
	if ordinal >= n {
		return Key{}
	}
	hash, _ := bits.Div64(uint64(ordinal), 0, uint64(n))
	return Key{Hash: hash, Word: computedMark | uint64(run)<<32 | uint64(ordinal), Space: space}
}

// ComputedKeys makes the keys of one computed run as ComputedKey does, without a division.
type ComputedKeys struct {
	space, run, n uint32
	hi, lo        uint64 // ⌈2^128 / n⌉; 0 for n = 1
}

// NewComputedKeys is for a run of n codes. REQUIRES: n > 0.
func NewComputedKeys(space, run, n uint32) *ComputedKeys {
	c := &ComputedKeys{space: space, run: run, n: n}
	if n > 1 {
		var rest uint64
		c.hi, rest = bits.Div64(1, 0, uint64(n))
		c.lo, rest = bits.Div64(rest, 0, uint64(n))
		if rest > 0 { // then n is no power of two, and lo not the largest number
			c.lo++
		}
	}
	return c
}

// Key is ComputedKey for the run.
//
// It multiplies by the reciprocal [Granlund and Montgomery, "Division by invariant integers
// using multiplication", PLDI 1994]: that is rounded up by less than 1, so the product by
// less than 2^-32 of the hash's unit, and the quotient is 1/n or more below the next one.
func (c *ComputedKeys) Key(ordinal uint32) Key {
	if ordinal >= c.n {
		return Key{}
	}
	up, _ := bits.Mul64(uint64(ordinal), c.lo)
	return Key{Hash: uint64(ordinal)*c.hi + up, Word: computedMark | uint64(c.run)<<32 | uint64(ordinal), Space: c.space}
}

// Computed reports whether the key is of a computed code.
func (k *Key) Computed() bool { return k.Word >= computedMark }

// Place returns the run and the ordinal of a computed code. REQUIRES: Computed.
func (k *Key) Place() (run, ordinal uint32) {
	return uint32(k.Word &^ computedMark >> 32), uint32(k.Word)
}

// HashPacked is xxHash64 over word and namespace, 12 bytes, little endian. The order of
// codes on disk is the order of this hash, so it is part of the file format.
//
// It is xxhash.Sum64 written out for its one length [Collet, "xxHash fast digest
// algorithm", version 0.1.1, 2018]: every request hashes one code, and without the call,
// the buffer and the loops a processor has begun on the next one sooner.
func HashPacked(space uint32, word uint64) uint64 {
	h := uint64(prime5 + 12)
	h ^= bits.RotateLeft64(word*prime2, 31) * prime1
	h = bits.RotateLeft64(h, 27)*prime1 + prime4
	h ^= uint64(space) * prime1
	h = bits.RotateLeft64(h, 23)*prime2 + prime3
	h = (h ^ h>>33) * prime2
	h = (h ^ h>>29) * prime3
	return h ^ h>>32
}

// PackedOf is the word whose HashPacked it is: of words of one length xxHash64 is a
// permutation, and each of its steps has an inverse.
func PackedOf(space uint32, hash uint64) uint64 {
	const ( // modulo 2^64
		inverse1 = 0x0887493432BADB37
		inverse2 = 0x0BA79078168D4BAF
		inverse3 = 0xE9E9F4C41D6DF849
	)
	h := (hash ^ hash>>32) * inverse3
	h = (h ^ h>>29 ^ h>>58) * inverse2
	h ^= h >> 33
	h = bits.RotateLeft64((h-prime3)*inverse2, -23)
	h ^= uint64(space) * prime1
	h = bits.RotateLeft64((h-prime4)*inverse1, -27)
	h = (h ^ (prime5 + 12)) * inverse1
	return bits.RotateLeft64(h, -31) * inverse2
}

// Of xxHash64.
const (
	prime1 = 0x9E3779B185EBCA87
	prime2 = 0xC2B2AE3D27D4EB4F
	prime3 = 0x165667B19E3779F9
	prime4 = 0x85EBCA77C2B2AE63
	prime5 = 0x27D4EB2F165667C5
)

// HashWide is xxHash64 over namespace and text; part of the file format too.
func HashWide(space uint32, text string) uint64 {
	var b [4 + maxWideLen]byte
	binary.LittleEndian.PutUint32(b[:4], space)
	n := copy(b[4:], text)
	return xxhash.Sum64(b[:4+n])
}
