package gen

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sync"
)

// signCipher seals what codes of one layout say under one key. It is the deterministic
// authenticated encryption of RFC 5297 (SIV) cut to the size of a code, and then made
// to bear short tags. With P for plan and serial and T for the tag,
//
//	T  = F1(P)        the synthetic IV: a MAC of what is said
//	P ^= F2(T)        and the key stream that hides it: this far it is SIV
//	T ^= F3(P)
//	P ^= F4(T)
//
// SIV's tag has 128 bits and never repeats. One of 13 bits repeats after some hundred
// codes, and two codes of one tag would have one key stream: the XOR of the two would
// be the XOR of their serials, for everybody to see. With the last two rounds that
// takes two tags that repeat at once, one pair of codes in 2^(2 TagBits). The whole is
// the four rounds of Luby and Rackoff (SIAM J. Comput. 17, 1988), a strong
// pseudo-random permutation, of (0, P): Bellare and Rogaway's encode-then-encipher
// (Asiacrypt 2000). So a text that was not sealed opens as a random P and T, and T
// is F1(P) with a chance of 2^-TagBits.
//
// Fi is AES-CMAC (RFC 4493) of the one block that has i and its argument, cut
// to its first bits. F1 and the others have keys of their own, which HKDF (RFC
// 5869) derives from the secret, the layout and the key's id.
type signCipher struct {
	tagBits, payloadBits int

	tag, mask cmac
	public    KeyCheck
}

// newSignCipher derives the keys of k for layout l. Codes depend on every byte here:
// never change one.
func newSignCipher(l Layout, k SignKey) (*signCipher, error) {
	const keyLen, checkLen = 32, 8
	info := fmt.Sprintf("codepool signed code 1: %v %d: key %d tag %d plan %d serial %d: id %d: prefix ",
		l.Class, l.Length, l.KeyBits, l.TagBits, l.PlanBits, l.SerialBits, k.ID) + l.Prefix
	derived, err := hkdf.Key(sha256.New, k.Secret, nil, info, 2*keyLen+checkLen)
	if err != nil {
		return nil, err
	}
	c := &signCipher{tagBits: l.TagBits, payloadBits: l.payloadBits()}
	if c.tag, err = newCMAC(derived[:keyLen]); err != nil {
		return nil, err
	}
	if c.mask, err = newCMAC(derived[keyLen : 2*keyLen]); err != nil {
		return nil, err
	}
	c.public = KeyCheck{ID: k.ID, Check: hex.EncodeToString(derived[2*keyLen:])}
	return c, nil
}

// seal returns the masked tag and the masked payload.
func (c *signCipher) seal(b *block, payload uint64) (tag, masked uint64) {
	tag = c.tag.sum(b, 1, payload, c.tagBits)
	payload ^= c.mask.sum(b, 2, tag, c.payloadBits)
	tag ^= c.mask.sum(b, 3, payload, c.tagBits)
	payload ^= c.mask.sum(b, 4, tag, c.payloadBits)
	return tag, payload
}

// open is the inverse of seal for each of gs, with its cipher: ok says whether the two were
// sealed with that key. Round by round over all of them, because the rounds of one wait for
// each other and those of several do not.
func open(gs []*given) {
	for _, g := range gs {
		g.cipher.mask.load(&g.block, 4, g.tag)
	}
	encryptMasks(gs)
	for _, g := range gs {
		g.payload = g.masked ^ g.block.first(g.cipher.payloadBits)
		g.cipher.mask.load(&g.block, 3, g.payload)
	}
	encryptMasks(gs)
	for _, g := range gs {
		g.t = g.tag ^ g.block.first(g.cipher.tagBits)
		g.cipher.mask.load(&g.block, 2, g.t)
	}
	encryptMasks(gs)
	for _, g := range gs {
		g.payload ^= g.block.first(g.cipher.payloadBits)
		g.cipher.tag.load(&g.block, 1, g.payload)
	}
	for _, g := range gs {
		g.cipher.tag.cipher.Encrypt(g.block[:], g.block[:])
	}
	for _, g := range gs {
		var given, right [8]byte
		binary.BigEndian.PutUint64(given[:], g.t)
		binary.BigEndian.PutUint64(right[:], g.block.first(g.cipher.tagBits))
		g.ok = subtle.ConstantTimeCompare(given[:], right[:]) == 1
	}
}

func encryptMasks(gs []*given) {
	for _, g := range gs {
		g.cipher.mask.cipher.Encrypt(g.block[:], g.block[:])
	}
}

// block is what a cipher works in. It is passed through an interface and so would be
// allocated for every code: blocks are used again.
type block [aes.BlockSize]byte

var blocks = sync.Pool{New: func() any { return new(block) }}

// cmac is AES-CMAC of messages that are one block long.
type cmac struct {
	cipher cipher.Block
	k1     uint128 // the subkey of messages of whole blocks
}

func newCMAC(key []byte) (cmac, error) {
	c, err := aes.NewCipher(key)
	if err != nil {
		return cmac{}, err
	}
	var b block
	c.Encrypt(b[:], b[:])
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	const reduction = 0x87 // of GF(2^128), if a bit was shifted out
	return cmac{c, uint128{hi<<1 | lo>>63, lo<<1 ^ hi>>63*reduction}}, nil
}

// sum returns the first size bits of the MAC of (round, v).
// REQUIRES: 0 < size <= 64.
func (c *cmac) sum(b *block, round byte, v uint64, size int) uint64 {
	c.load(b, round, v)
	c.cipher.Encrypt(b[:], b[:])
	return b.first(size)
}

// load puts into b what the cipher makes the MAC of (round, v) of.
func (c *cmac) load(b *block, round byte, v uint64) {
	binary.BigEndian.PutUint64(b[:8], c.k1.hi^uint64(round))
	binary.BigEndian.PutUint64(b[8:], c.k1.lo^v)
}

// first returns the first size bits. REQUIRES: 0 < size <= 64.
func (b *block) first(size int) uint64 { return binary.BigEndian.Uint64(b[:8]) >> (64 - size) }
