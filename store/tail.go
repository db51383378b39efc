package store

import (
	"errors"
	"math"
	"math/bits"
	"slices"
)

// tail holds the postings of records behind the index's last flush, in memory.
//
// A posting is a word: 32 bits of the hash above the record's number, which counts from the
// first record. The 8 bits of the hash before these are the number of its bucket, so that
// together they are hashBits, as on disk, and each word takes half of what hash and number
// would. New words are appended to their buckets; who looks into one with many loose words
// sorts it first. So a bucket is sorted once, in a processor's own cache, when a flush comes
// and nobody has asked.
type tail struct {
	from, upto uint64    // records in it: from ≤ number ≤ upto
	keys       []posting // of the keys among them, with all bits of their hashes
	buckets    [tailBuckets]bucket
	count      int // postings
	sorter     sorter
}

type bucket struct {
	words  []uint64
	sorted int // words before it are in order
}

const (
	tailBits    = 8
	tailBuckets = 1 << tailBits
	wordBits    = 32
	// looseWords are not worth sorting: to look at them all takes a fraction of a microsecond.
	looseWords = 512
	// tailMost is how many records a tail can number.
	tailMost = math.MaxUint32
)

var errTail = errors.New("the index is more than 2^32 records behind")

// add adds a posting of a record after those that it has, or of the last of these.
func (t *tail) add(hash, number uint64) {
	b := &t.buckets[hash>>(64-tailBits)]
	b.words = append(b.words, hash<<tailBits&^math.MaxUint32|(number-t.from))
	t.count++
}

// addKey is add for the posting of a key.
func (t *tail) addKey(hash, number uint64) {
	t.add(hash, number)
	t.keys = append(t.keys, posting{hash, number})
}

// find appends the numbers of records with this hash, ascending.
func (t *tail) find(hash uint64, numbers []uint64) []uint64 {
	b := &t.buckets[hash>>(64-tailBits)]
	if len(b.words)-b.sorted > looseWords {
		b.sort(&t.sorter)
	}
	least := hash << tailBits &^ math.MaxUint32
	i, _ := slices.BinarySearch(b.words[:b.sorted], least)
	for ; i < b.sorted && b.words[i]&^math.MaxUint32 == least; i++ {
		numbers = append(numbers, t.from+b.words[i]&math.MaxUint32)
	}
	for _, w := range b.words[b.sorted:] {
		if w&^math.MaxUint32 == least {
			numbers = append(numbers, t.from+w&math.MaxUint32)
		}
	}
	return numbers
}

// take appends a bucket's postings of records up to a number, in order and with their
// hashes as on disk.
func (t *tail) take(i int, upto uint64, to []posting) []posting {
	b := &t.buckets[i]
	b.sort(&t.sorter)
	for _, w := range b.words {
		if number := t.from + w&math.MaxUint32; number <= upto {
			to = append(to, posting{uint64(i)<<wordBits | w>>wordBits, number})
		}
	}
	return to
}

// keysUpto returns the hashes of the keys in records up to a number.
func (t *tail) keysUpto(number uint64) (hashes []uint64) {
	for _, k := range t.keys {
		if k.number <= number {
			hashes = append(hashes, k.hash)
		}
	}
	return hashes
}

// sort puts all of a bucket in order.
func (b *bucket) sort(s *sorter) {
	if b.sorted == len(b.words) {
		return
	}
	loose := s.sorted(b.words[b.sorted:])
	// From the greatest on, so that nothing is overwritten that is still needed.
	i := b.sorted - 1
	for j, k := len(loose)-1, len(b.words)-1; j >= 0; k-- {
		if i >= 0 && b.words[i] > loose[j] {
			b.words[k] = b.words[i]
			i--
		} else {
			b.words[k] = loose[j]
			j--
		}
	}
	b.sorted = len(b.words)
}

// sorter sorts words that lie evenly in one pass, which spreads them by their upper bits
// until there are a few in each place, and insertions. A place with many, as of a user who is
// everywhere, is sorted by comparing.
type sorter struct {
	out []uint64
	at  []uint32
}

// maxSpread is how many bits words are spread by: 64 KiB of counters.
const maxSpread = 14

// sorted returns the words in order; what it returns is valid until the next call.
func (s *sorter) sorted(words []uint64) []uint64 {
	take := uint(min(max(bits.Len(uint(len(words)))-2, 0), maxSpread))
	s.out = slices.Grow(s.out[:0], len(words))[:len(words)]
	s.at = slices.Grow(s.at[:0], 1<<maxSpread+1)[:1<<take+1]
	clear(s.at)
	for _, w := range words {
		s.at[w>>(64-take)+1]++
	}
	scatter(s.out, words, s.at, 0, take)
	from := uint32(0)
	for _, end := range s.at[:1<<take] {
		if place := s.out[from:end]; len(place) > 64 {
			slices.Sort(place)
		} else {
			insertionSort(place)
		}
		from = end
	}
	return s.out
}
