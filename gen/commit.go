package gen

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Salt is the secret part of a commitment. Keep it until the commitment is opened: who
// has it can try all splits of a small amount.
type Salt [32]byte

// NewSalt returns a random salt from crypto/rand. Every commitment needs its own.
func NewSalt() Salt {
	var salt Salt
	rand.Read(salt[:]) // never fails
	return salt
}

// MarshalText returns the salt in 64 hexadecimal digits.
func (s Salt) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText sets s from what MarshalText gives. For any other text it returns
// ErrSalt and leaves s alone.
func (s *Salt) UnmarshalText(text []byte) error {
	var salt Salt
	if len(text) != 2*len(salt) {
		return fmt.Errorf("%w: %d digits, want %d", ErrSalt, len(text), 2*len(salt))
	}
	if _, err := hex.Decode(salt[:], text); err != nil {
		return fmt.Errorf("%w: %w", ErrSalt, err)
	}
	*s = salt
	return nil
}

// commitDomain keeps the hash of a split apart from all other uses of the function, and
// from other encodings of a split, should there ever be one.
const commitDomain = "codepool/gen: commitment to a split, 1\n"

// Commit returns the commitment to parts in their order: what is published when an
// amount is split, before anybody claims, while salt and parts stay secret. When all is
// over both are published, and VerifyCommitment shows that no part was changed
// meanwhile.
//
// It is SHA-256 (FIPS 180-4) of
//
//	"codepool/gen: commitment to a split, 1\n"
//	salt              32 bytes
//	number of parts    8 bytes, big-endian
//	each part          8 bytes, big-endian
//
// All but the last have a fixed length, and the number says how long that is, so
// two splits never have the same encoding. Two that have the same commitment are
// a collision of SHA-256. The salt is 256 random bits, so the commitment tells
// nothing of the parts to who cannot guess that.
func Commit(salt Salt, parts []int64) [32]byte {
	var room [len(commitDomain) + len(salt) + 8*(1+smallSplit)]byte
	buf := append(room[:0], commitDomain...)
	buf = append(buf, salt[:]...)
	buf = binary.BigEndian.AppendUint64(buf, uint64(len(parts)))
	for _, part := range parts {
		buf = binary.BigEndian.AppendUint64(buf, uint64(part))
	}
	return sha256.Sum256(buf)
}

// VerifyCommitment reports whether commitment is that of salt and parts, in their order.
// How long it takes does not depend on where a wrong one differs.
func VerifyCommitment(commitment [32]byte, salt Salt, parts []int64) bool {
	want := Commit(salt, parts)
	return subtle.ConstantTimeCompare(commitment[:], want[:]) == 1
}
