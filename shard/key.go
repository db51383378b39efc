package shard

import (
	"encoding/binary"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// WideMark is the top nibble of a word that stands for a wide code: the packed
// form of a code (package gen) never reaches it.
const WideMark = 0xF << 60

// maxWideLen is the longest wide text in bytes.
const maxWideLen = 255

// A Key is one code to look for or to add: its namespace, its packed word or, when
// it does not fit into 64 bits, its whole text, and the hash of both.
type Key struct {
	Hash  uint64
	Word  uint64 // packed code; WideMark if Wide is used
	Wide  string // whole canonical text of a wide code
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

// HashPacked is xxHash64 over word and namespace, 12 bytes, little endian. The order of
// codes on disk is the order of this hash, so it is part of the file format.
//
// It is xxhash.Sum64 written out for its one length [Collet, "xxHash fast digest
// algorithm", version 0.1.1, 2018]: every request hashes one code, and without the call,
// the buffer and the loops a processor has begun on the next one sooner.
func HashPacked(space uint32, word uint64) uint64 {
	const (
		prime1 = 0x9E3779B185EBCA87
		prime2 = 0xC2B2AE3D27D4EB4F
		prime3 = 0x165667B19E3779F9
		prime4 = 0x85EBCA77C2B2AE63
		prime5 = 0x27D4EB2F165667C5
	)
	h := uint64(prime5 + 12)
	h ^= bits.RotateLeft64(word*prime2, 31) * prime1
	h = bits.RotateLeft64(h, 27)*prime1 + prime4
	h ^= uint64(space) * prime1
	h = bits.RotateLeft64(h, 23)*prime2 + prime3
	h = (h ^ h>>33) * prime2
	h = (h ^ h>>29) * prime3
	return h ^ h>>32
}

// HashWide is xxHash64 over namespace and text; part of the file format too.
func HashWide(space uint32, text string) uint64 {
	var b [4 + maxWideLen]byte
	binary.LittleEndian.PutUint32(b[:4], space)
	n := copy(b[4:], text)
	return xxhash.Sum64(b[:4+n])
}
