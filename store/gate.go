package store

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/bits-and-blooms/bloom/v3"
)

// The gate answers "this code was never minted" without a lock. It is one Bloom
// filter a shard, in blocks of one word: a code's word comes from the top of its hash, in
// the order of the shards and tables, and four bits of it from the rest [Putze, Sanders,
// Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007, section 3, with the
// block of a machine word]. A test is one load where a plain filter of the same rate makes
// seven; package bloom gives the number of bits.
//
// A filter is published through an atomic pointer. Bits are only ever set: in a
// copy that is published afterwards, or in place by an atomic or, so a reader
// never sees a code vanish (I6). Codes are added before their mint is answered and
// are never taken out.
type gate struct {
	route  uint
	shards []gateShard
}

type gateShard struct {
	filter atomic.Pointer[filter]
	mu     sync.Mutex // one writer at a time
}

// gateRate is the rate of false positives a plain filter would have with the bits
// we give it, 9.6 a code; in words the same bits give 2 %, because some words get more
// codes than others. A false positive costs a shard lookup, no wrong answer.
const gateRate = 0.01

// filter is one published Bloom filter. n is guarded by the writer's mutex.
type filter struct {
	words    []uint64
	capacity int
	n        int
}

func newFilter(capacity int) *filter {
	return &filter{words: make([]uint64, filterWords(capacity)), capacity: max(capacity, 64)}
}

// filterWords is how many words a filter has.
func filterWords(capacity int) int {
	m, _ := bloom.EstimateParameters(uint(max(capacity, 64)), gateRate)
	return int(m+63) / 64
}

// place returns the word of a hash whose routing bits were shifted out, and its bits.
func (f *filter) place(hash, rest uint64) (word, mask uint64) {
	word, _ = bits.Mul64(rest, uint64(len(f.words)))
	// An odd multiplier spreads the low bits; the word came from the high ones.
	h := hash * 0x9E3779B97F4A7C15
	return word, 1<<(h>>58) | 1<<(h>>52&63) | 1<<(h>>46&63) | 1<<(h>>40&63)
}

// has has one branch: a processor that waits for the word can begin on the next code.
func (f *filter) has(hash, rest uint64) bool {
	w, mask := f.place(hash, rest)
	return atomic.LoadUint64(&f.words[w])&mask == mask
}

// put sets the bits of a hash in a filter that nobody else sees yet.
func (f *filter) put(hash, rest uint64) {
	w, mask := f.place(hash, rest)
	f.words[w] |= mask
	f.n++
}

// putShared sets the bits of a hash in a published filter.
func (f *filter) putShared(hash, rest uint64) {
	w, mask := f.place(hash, rest)
	atomic.OrUint64(&f.words[w], mask)
	f.n++
}

func newGate(shards int) *gate {
	g := &gate{route: uint(bits.Len(uint(shards)) - 1), shards: make([]gateShard, shards)}
	for i := range g.shards {
		g.shards[i].filter.Store(newFilter(0))
	}
	return g
}

// mayHold reports whether a code of that hash may have been minted. False is
// certain.
func (g *gate) mayHold(hash uint64) bool {
	return g.shards[hash>>(64-g.route)].filter.Load().has(hash, hash<<g.route)
}

// copyFrom is the share of a filter's capacity from which adding goes to a copy:
// an atomic or a word costs more than copying the words when there are many.
const copyFrom = 16

// gateSlack is the spare capacity of a rebuilt filter, one part in gateSlack.
const gateSlack = 5

// add lets the hashes, all of shard i, through. When the filter is at its capacity
// it is built anew from every hash of the shard, which each calls its argument
// with; room asks for as much without slack. If each fails the hashes go into the
// filter that there is.
func (g *gate) add(i int, hashes []uint64, room int, each func(func(hash uint64)) bool) {
	s := &g.shards[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.filter.Load()
	need := f.n + len(hashes)
	if need > f.capacity {
		if room < need {
			room = need + need/gateSlack
		}
		grown := newFilter(room)
		if f.n == 0 {
			for _, h := range hashes {
				grown.put(h, h<<g.route)
			}
		}
		if f.n == 0 || each(func(h uint64) { grown.put(h, h<<g.route) }) {
			s.filter.Store(grown)
			return
		}
	}
	switch {
	case len(hashes)*copyFrom > f.capacity:
		c := &filter{words: make([]uint64, len(f.words)), capacity: f.capacity, n: f.n}
		for j := range f.words {
			c.words[j] = atomic.LoadUint64(&f.words[j])
		}
		for _, h := range hashes {
			c.put(h, h<<g.route)
		}
		s.filter.Store(c)
	default:
		for _, h := range hashes {
			f.putShared(h, h<<g.route)
		}
	}
}

// memory returns the filters' bytes.
func (g *gate) memory() int64 {
	var n int64
	for i := range g.shards {
		n += int64(len(g.shards[i].filter.Load().words)) * 8
	}
	return n
}
