package shard_test

import (
	"encoding/binary"
	"math/bits"
	"testing"
	"testing/quick"

	"codepool/shard"

	"github.com/cespare/xxhash/v2"
)

// xxHash64 without a key can be inverted, and these functions do: they give codes
// whose hash is any number the test likes, down to codes with equal hashes. Random
// codes would not meet in all 64 bits in the life of this project, an importer's
// list could.

const (
	prime1 = 0x9E3779B185EBCA87
	prime2 = 0xC2B2AE3D27D4EB4F
	prime3 = 0x165667B19E3779F9
	prime4 = 0x85EBCA77C2B2AE63
	prime5 = 0x27D4EB2F165667C5
)

// inverse returns the number whose product with the odd number p is 1 (Newton).
func inverse(p uint64) uint64 {
	x := p
	for range 6 {
		x *= 2 - p*x
	}
	return x
}

// round is xxHash64's step for one eight-byte lane, unround its inverse.
func round(k uint64) uint64   { return bits.RotateLeft64(k*prime2, 31) * prime1 }
func unround(r uint64) uint64 { return bits.RotateLeft64(r*inverse(prime1), -31) * inverse(prime2) }

// unfinish returns the state before the final mixing.
func unfinish(h uint64) uint64 {
	h ^= h >> 32
	h *= inverse(prime3)
	h ^= h>>29 ^ h>>58
	h *= inverse(prime2)
	return h ^ h>>33
}

// unlane returns the lane that leads from state before to state after.
func unlane(before, after uint64) uint64 {
	return unround(before ^ bits.RotateLeft64((after-prime4)*inverse(prime1), -27))
}

// packedWithHash returns the packed code of the namespace with that hash. It has
// one in fifteen cases of sixteen; in the others the word would be a wide one.
func packedWithHash(space uint32, hash uint64) (key shard.Key, ok bool) {
	h := unfinish(hash)
	h = bits.RotateLeft64((h-prime3)*inverse(prime2), -23) ^ uint64(space)*prime1
	word := unlane(prime5+12, h)
	if word >= shard.WideMark {
		return shard.Key{}, false
	}
	return shard.PackedKey(space, word), true
}

// wideWithHash returns a wide code of twelve bytes, the first four of which are
// free, with that hash.
func wideWithHash(space, free uint32, hash uint64) shard.Key {
	h := uint64(prime5+16) ^ round(uint64(space)|uint64(free)<<32)
	h = bits.RotateLeft64(h, 27)*prime1 + prime4
	var text [12]byte
	binary.LittleEndian.PutUint32(text[:4], free)
	binary.LittleEndian.PutUint64(text[4:], unlane(h, unfinish(hash)))
	return shard.WideKey(space, string(text[:]))
}

func TestUnhash(t *testing.T) {
	for _, h := range []uint64{0, 1, 1 << 63, 0x0123456789ABCDEF, ^uint64(0)} {
		for space := range uint32(8) {
			if k, ok := packedWithHash(space, h); ok && k.Hash != h {
				t.Errorf("packed code of namespace %d: hash %#x, want %#x", space, k.Hash, h)
			}
			if k := wideWithHash(space, space*77, h); k.Hash != h {
				t.Errorf("wide code of namespace %d: hash %#x, want %#x", space, k.Hash, h)
			}
		}
	}
}

// HashPacked is written out; it must stay what the library computes. PackedOf is its inverse.
func TestHashPackedIsXXHash64(t *testing.T) {
	same := func(space uint32, word uint64) bool {
		var b [12]byte
		binary.LittleEndian.PutUint64(b[:8], word)
		binary.LittleEndian.PutUint32(b[8:], space)
		hash := shard.HashPacked(space, word)
		return hash == xxhash.Sum64(b[:]) && shard.PackedOf(space, hash) == word
	}
	for _, space := range []uint32{0, 1, 1 << 31, 1<<32 - 1} {
		for _, word := range []uint64{0, 1, 1<<60 - 1, 1<<64 - 1} {
			if !same(space, word) {
				t.Errorf("space %d, word %#x: not xxHash64, or not its inverse", space, word)
			}
		}
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
}
