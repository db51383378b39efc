package model

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"codepool/gen"
	"codepool/shard"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"
)

// xxHash64 can be inverted, and an importer chooses his texts. What is hashed is the number
// of the namespace (4 bytes, little endian) and the text, for a key the byte of its kind and
// the key. From 32 bytes on, each of four accumulators takes an eight-byte lane of every
// block of 32:
//
//	v = rotl31(v + lane × P2) × P1
//
// So another lane in the first block asks for just one lane in the second that makes the
// accumulator what it was, and with it the whole hash. That lane is eight bytes as they
// come; some 10^4 to 10^5 tries make all of them characters that stand for themselves.

const (
	prime1 = 0x9E3779B185EBCA87
	prime2 = 0xC2B2AE3D27D4EB4F
	prime3 = 0x165667B19E3779F9
	prime4 = 0x85EBCA77C2B2AE63
	prime5 = 0x27D4EB2F165667C5

	lane  = 8
	block = 4 * lane
	// hostileLen is the length of a hostile text: two blocks lie in it, before or behind
	// every head.
	hostileLen = 64

	digits  = "0123456789"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	letters = digits + upper + "abcdefghijklmnopqrstuvwxyz"
	// folded stands for itself under the upper-case fold, and needs no quotes in CSV.
	folded = digits + upper + "!#$%&'()*+./:;<=>?@[\\]^_`{|}~"
)

// inverse returns the number whose product with the odd number p is 1 (Newton).
func inverse(p uint64) uint64 {
	x := p
	for range 6 {
		x *= 2 - p*x
	}
	return x
}

func round(v, lane uint64) uint64 { return bits.RotateLeft64(v+lane*prime2, 31) * prime1 }

// unround returns the lane that leads from accumulator before to accumulator after.
func unround(before, after uint64) uint64 {
	return (bits.RotateLeft64(after*inverse(prime1), -31) - before) * inverse(prime2)
}

// start is what the accumulator of lane j begins with.
func start(j int) uint64 {
	one, two := uint64(prime1), uint64(prime2) // variables: the sum overflows
	return [...]uint64{one + two, two, 0, -one}[j]
}

// collide returns a text, other than base, which behind head has the hash that base has
// behind baseHead. It differs from base in lane j of two blocks and holds only characters
// of the alphabet there.
func collide(r *rand.Rand, baseHead []byte, base string, head []byte, j int, alphabet string) string {
	old := slices.Concat(baseHead, []byte(base))
	out := slices.Concat(head, []byte(base))
	first, second := out[j*lane:][:lane], out[block+j*lane:][:lane]
	after := round(round(start(j), binary.LittleEndian.Uint64(old[j*lane:])), binary.LittleEndian.Uint64(old[block+j*lane:]))
	var allowed [256]bool
	for _, c := range []byte(alphabet) {
		allowed[c] = true
	}
search:
	for {
		for i := range first {
			if j*lane+i >= len(head) {
				first[i] = alphabet[r.IntN(len(alphabet))]
			}
		}
		before := round(start(j), binary.LittleEndian.Uint64(first))
		binary.LittleEndian.PutUint64(second, unround(before, after))
		for _, c := range second {
			if !allowed[c] {
				continue search
			}
		}
		if text := string(out[len(head):]); text != base {
			return text
		}
	}
}

func randomText(r *rand.Rand, n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// sameHash returns n texts that have one hash behind head.
func sameHash(r *rand.Rand, head []byte, n int, alphabet string) []string {
	out := []string{randomText(r, hostileLen, alphabet)}
	for len(out) < n {
		// Lane 0 holds the head, so from lane 1 on; of the texts before, any is as good.
		out = append(out, collide(r, head, out[r.IntN(len(out))], head, 1+r.IntN(3), alphabet))
	}
	return out
}

// packedWithHash returns the default code with that hash in the namespace. One hash in
// sixteen has one.
func packedWithHash(space uint32, hash uint64) (text string, ok bool) {
	h := hash ^ hash>>32
	h *= inverse(prime3)
	h ^= h>>29 ^ h>>58
	h *= inverse(prime2)
	h ^= h >> 33
	h = bits.RotateLeft64((h-prime3)*inverse(prime2), -23) ^ uint64(space)*prime1
	h = (h - prime4) * inverse(prime1)
	word := unround(0, bits.RotateLeft64(h, -27)^uint64(prime5+12))
	if word >= 1<<60 {
		return "", false
	}
	b, ok := gen.AppendUnpacked(nil, word)
	return string(b), ok
}

// spaceHead is what stands before a code's text when it is hashed.
func spaceHead(space uint32) []byte { return binary.LittleEndian.AppendUint32(nil, space) }

// twins are packed codes whose hashes in two namespaces, the first or the second one and the
// next, are alike in the eleven highest bits and in bits 10 to 31: one shard, one slot and one
// tag wherever a shard has some five hundred codes or more. Only the namespace tells the same
// text in both apart. They were searched for: one word in 2^33 is such a one.
var twins = [2][]uint64{
	{0x349bac9b769843, 0xece6b0ed3eb2ff0, 0xbd7dfe6f27d4d10, 0x205f078e4df69a9},
	{0xfdc3f90a3e61506, 0xb7d935690f6e2d9, 0x11de5094738701},
}

// twin draws one.
func twin(t *rapid.T) string {
	text, _ := gen.AppendUnpacked(nil, oneOf(t, slices.Concat(twins[0], twins[1])...))
	return string(text)
}

// maxSpaces is how many namespaces the model uses; their numbers count from 0.
const maxSpaces = 3

// texts are hostile texts for one namespace. All are in canonical form.
type texts struct {
	folded []string    // wide, one hash, for formats that fold to upper case
	exact  []string    // wide, one hash, for formats that keep case
	pairs  [][2]string // wide, each pair with a hash of its own
	packed [][2]string // a default code and a wide one of the same hash
	crowd  []string    // default codes: one shard, whatever the number of shards, one slot, one tag
	abroad [][2]string // one for this namespace and one for the next, with the same hash
}

// hostile returns the hostile texts of a namespace; they are the same in every run.
var hostile = func() (f [maxSpaces]func() *texts) {
	for space := range f {
		f[space] = sync.OnceValue(func() *texts { return makeTexts(uint32(space)) })
	}
	return f
}()

func makeTexts(space uint32) *texts {
	r := rand.New(rand.NewPCG(uint64(space), 1))
	head := spaceHead(space)
	x := &texts{folded: sameHash(r, head, 24, folded), exact: sameHash(r, head, 12, letters)}
	for range 4 {
		x.pairs = append(x.pairs, [2]string(sameHash(r, head, 2, folded)))
		base := randomText(r, hostileLen, folded)
		next := spaceHead((space + 1) % maxSpaces)
		x.abroad = append(x.abroad, [2]string{base, collide(r, head, base, next, 0, folded)})
	}
	for len(x.packed) < 4 {
		wide := randomText(r, hostileLen, folded)
		if code, ok := packedWithHash(space, shard.HashWide(space, wide)); ok {
			x.packed = append(x.packed, [2]string{code, wide})
		}
	}
	// Shard and slot come from the high bits, the tag from the low ones.
	top, low := r.Uint64()&^(1<<40-1), r.Uint64()&(1<<24-1)
	for middle := uint64(0); len(x.crowd) < 24; middle++ {
		if code, ok := packedWithHash(space, top|middle<<24|low); ok {
			x.crowd = append(x.crowd, code)
		}
	}
	return x
}

// hostileKeys are idempotency keys that have one hash as keys of redemptions; two of them
// share another as keys of redemptions and of draws, releases, undos and revocations.
var hostileKeys = sync.OnceValue(func() []string {
	r := rand.New(rand.NewPCG(0, 2))
	keys := sameHash(r, []byte("R"), 6, letters)
	base := randomText(r, hostileLen, letters)
	keys = append(keys, base)
	for _, kind := range []string{"I", "L", "U", "V"} {
		keys = append(keys, collide(r, []byte("R"), base, []byte(kind), 0, letters))
	}
	return keys
})

// hostileLabels are texts that have one hash as users; two of them share another as users
// and as references.
var hostileLabels = sync.OnceValue(func() []string {
	r := rand.New(rand.NewPCG(0, 3))
	labels := sameHash(r, []byte("u"), 3, letters)
	base := randomText(r, hostileLen, letters)
	return append(labels, base, collide(r, []byte("u"), base, []byte("r"), 0, letters))
})

func TestHostileTexts(t *testing.T) {
	for space := range uint32(maxSpaces) {
		x := hostile[space]()
		hash := func(space uint32, text string) uint64 {
			h := xxhash.Sum64(append(spaceHead(space), text...))
			if k := shard.WideKey(space, text); k.Hash != h {
				t.Fatalf("namespace %d, %q: the store's hash is %#x, ours %#x", space, text, k.Hash, h)
			}
			return h
		}
		equal := func(what string, hashes ...uint64) {
			t.Helper()
			if len(hashes) < 2 || len(slices.Compact(slices.Clone(hashes))) != 1 {
				t.Errorf("namespace %d, %s: hashes %#x", space, what, hashes)
			}
		}
		all := func(texts []string) (hashes []uint64) {
			for _, text := range texts {
				hashes = append(hashes, hash(space, text))
			}
			return hashes
		}
		equal("folded", all(x.folded)...)
		equal("exact", all(x.exact)...)
		for i := range x.pairs {
			equal("pair", all(x.pairs[i][:])...)
			equal("abroad", hash(space, x.abroad[i][0]), hash((space+1)%maxSpaces, x.abroad[i][1]))
			word, _ := gen.Pack([]byte(x.packed[i][0]))
			equal("packed and wide", shard.PackedKey(space, word).Hash, hash(space, x.packed[i][1]))
		}
		var crowd []uint64
		for _, text := range x.crowd {
			word, ok := gen.Pack([]byte(text))
			if !ok {
				t.Fatalf("%q does not pack", text)
			}
			h := shard.HashPacked(space, word)
			crowd = append(crowd, h>>40<<40|h&(1<<24-1))
		}
		equal("crowd, high and low bits", crowd...)
		checkForms(t, x)
	}
	for first, words := range twins {
		for _, word := range words {
			a, b := shard.HashPacked(uint32(first), word), shard.HashPacked(uint32(first)+1, word)
			if d := a ^ b; d>>53 != 0 || d&(1<<32-1)>>10 != 0 {
				t.Errorf("twin %#x: hashes %#x and %#x", word, a, b)
			}
		}
	}
	var keys []uint64
	for _, k := range hostileKeys()[:6] {
		keys = append(keys, xxhash.Sum64String("R"+k))
	}
	if len(slices.Compact(keys)) != 1 {
		t.Errorf("keys have the hashes %#x", keys)
	}
	last := hostileKeys()[6:]
	for i, kind := range []string{"I", "L", "U", "V"} {
		if a, b := xxhash.Sum64String("R"+last[0]), xxhash.Sum64String(kind+last[i+1]); a != b {
			t.Errorf("keys of kinds R and %s have the hashes %#x and %#x", kind, a, b)
		}
	}
}

// checkForms fails the test unless the texts differ and are canonical.
func checkForms(t *testing.T, x *texts) {
	t.Helper()
	upper := slices.Concat(x.folded, x.crowd)
	for i := range x.pairs {
		upper = append(upper, x.pairs[i][0], x.pairs[i][1], x.abroad[i][0], x.abroad[i][1], x.packed[i][0], x.packed[i][1])
	}
	seen := map[string]bool{}
	check := func(text string, fold gen.Fold) {
		if canon, err := gen.AppendCanonical(nil, text, fold); err != nil || string(canon) != text || seen[text] {
			t.Errorf("%q: canonical %q, %v; a second time: %v", text, canon, err, seen[text])
		}
		if strings.ContainsAny(text, "\",\r\n") {
			t.Errorf("%q needs quotes", text)
		}
		seen[text] = true
	}
	for _, text := range upper {
		check(text, gen.Upper)
	}
	for _, text := range x.exact {
		check(text, gen.Exact)
	}
}
