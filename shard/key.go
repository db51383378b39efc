package shard

import (
	"encoding/binary"

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

// HashPacked is xxHash64 over word and namespace. The order of codes on disk is
// the order of this hash, so it is part of the file format.
func HashPacked(space uint32, word uint64) uint64 {
	var b [12]byte
	binary.LittleEndian.PutUint64(b[:8], word)
	binary.LittleEndian.PutUint32(b[8:], space)
	return xxhash.Sum64(b[:])
}

// HashWide is xxHash64 over namespace and text; part of the file format too.
func HashWide(space uint32, text string) uint64 {
	var b [4 + maxWideLen]byte
	binary.LittleEndian.PutUint32(b[:4], space)
	n := copy(b[4:], text)
	return xxhash.Sum64(b[:4+n])
}
