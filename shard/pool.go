package shard

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/bits"
	mrand "math/rand/v2"
	"sync"
	"sync/atomic"
)

// MaxShards bounds New. A shard costs about 400 bytes when empty.
const MaxShards = 1 << 16

// ErrFull is returned when a shard would pass 2^30 positions of stored codes, or of
// computed ones. Open the pool with more shards.
var ErrFull = errors.New("shard: a shard is full; use more shards")

var errClosed = errors.New("shard: pool is closed")

// Pool is a set of shards. Its methods are safe for concurrent use; a Pool must
// not be copied.
type Pool struct {
	shards []Shard
	route  uint // top bits of a hash that name the shard

	runs   directory[Run]   // by run number
	stocks directory[stock] // by batch number
}

// stock counts what is available of one batch in each shard, so that a draw can
// choose shards without locking any. Written under the shard's lock.
type stock struct {
	avail []atomic.Int32
}

// Shard is one stripe of the pool. It is used between Pool.Lock and Unlock.
type Shard struct {
	mu     sync.Mutex
	pool   *Pool
	index  int
	closed bool

	table   array[uint32]
	posMask uint32 // low bits of a slot: position+1; the others: tag
	used    int    // occupied slots
	limit   int    // occupied slots at which the table grows

	words  array[uint64]
	states array[uint64]
	wide   array[byte]
	n      uint32 // positions in use
	wideN  int

	segs    []Segment
	bases   []uint32         // segs[i].Base, apart so that the search touches little memory
	blocks  []uint16         // counters of available codes, for segments with many positions
	byRun   []int32          // run number → index of its segment (SegmentByIndex), -1 if none
	byBatch map[uint32]int32 // batch → index of its first live segment

	computed []*computed // segments without stored codes, in the order of their positions

	rng *mrand.ChaCha8

	chosen  []uint32 // by Draw
	touched uint64   // keeps the loads of FindAll's first passes alive

	// Mark belongs to the caller: package store keeps the number of the last commit
	// group that changed this shard here, so that an answer computed from the shard
	// knows what to wait for.
	Mark uint64
	// Returns belongs to the caller too: how often a code of this shard has gone back to
	// stock, so that what was found out about its draw is known to hold still.
	Returns uint64

	_ [64]byte // keeps the next shard's mutex off this shard's last cache line
}

// New returns an empty pool of n shards; n is a power of two up to MaxShards.
func New(n int) (*Pool, error) {
	if n < 1 || n > MaxShards || n&(n-1) != 0 {
		return nil, fmt.Errorf("shard: %d shards: want a power of two from 1 to %d", n, MaxShards)
	}
	p := &Pool{shards: make([]Shard, n), route: uint(bits.Len(uint(n)) - 1)}
	for i := range p.shards {
		s := &p.shards[i]
		var seed [32]byte
		if _, err := rand.Read(seed[:]); err != nil {
			return nil, err
		}
		s.pool, s.index, s.rng = p, i, mrand.NewChaCha8(seed)
		s.byBatch = make(map[uint32]int32)
	}
	return p, nil
}

// Shards returns the number of shards.
func (p *Pool) Shards() int { return len(p.shards) }

// Route returns the shard of a hash.
func (p *Pool) Route(hash uint64) int { return int(hash >> (64 - p.route)) }

// Lock locks shard i and returns it, or nil (and no lock) if the pool is closed.
func (p *Pool) Lock(i int) *Shard {
	s := &p.shards[i]
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	return s
}

// Unlock ends the caller's use of the shard.
func (s *Shard) Unlock() { s.mu.Unlock() }

// Index returns the shard's number.
func (s *Shard) Index() int { return s.index }

// Close gives all memory back. Callers that hold a shard finish first; later ones
// get nil from Lock.
func (p *Pool) Close() {
	for i := range p.shards {
		s := &p.shards[i]
		s.mu.Lock()
		if !s.closed {
			s.closed = true
			s.table.free()
			s.words.free()
			s.states.free()
			s.wide.free()
			for _, c := range s.computed {
				c.free()
			}
			s.computed = nil
			s.segs, s.bases, s.blocks, s.byRun, s.byBatch, s.chosen = nil, nil, nil, nil, nil, nil
		}
		s.mu.Unlock()
	}
}

// Available returns how many codes of the batch can be drawn now.
func (p *Pool) Available(batch uint32) int64 {
	var n int64
	if st := p.stock(batch); st != nil {
		for i := range st.avail {
			n += int64(st.avail[i].Load())
		}
	}
	return n
}

// AvailableByShard appends the number available in each shard to dst.
func (p *Pool) AvailableByShard(batch uint32, dst []int32) []int32 {
	st := p.stock(batch)
	for i := range p.shards {
		if st == nil {
			dst = append(dst, 0)
			continue
		}
		dst = append(dst, st.avail[i].Load())
	}
	return dst
}

func (p *Pool) stock(batch uint32) *stock { return p.stocks.get(batch) }

// ensureStock makes the batch's counters.
func (p *Pool) ensureStock(batch uint32) {
	if p.stock(batch) == nil {
		p.stocks.setNew(batch, &stock{avail: make([]atomic.Int32, len(p.shards))})
	}
}

// directory finds things by small numbers without a lock. It grows by doubling.
type directory[T any] struct {
	mu  sync.Mutex // below every shard's mutex
	all atomic.Pointer[[]atomic.Pointer[T]]
}

func (d *directory[T]) get(i uint32) *T {
	if all := d.all.Load(); all != nil && int(i) < len(*all) {
		return (*all)[i].Load()
	}
	return nil
}

func (d *directory[T]) set(i uint32, v *T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.roomLocked(i)[i].Store(v)
}

// setNew sets a number that has nothing yet; of two callers the first wins.
func (d *directory[T]) setNew(i uint32, v *T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.roomLocked(i)[i].CompareAndSwap(nil, v)
}

func (d *directory[T]) roomLocked(i uint32) []atomic.Pointer[T] {

	var old []atomic.Pointer[T]
	if all := d.all.Load(); all != nil {
		old = *all
	}
	if int(i) < len(old) {
		return old
	}
	grown := make([]atomic.Pointer[T], max(16, 2*len(old), int(i)+1))
	for j := range old {
		grown[j].Store(old[j].Load())
	}
	d.all.Store(&grown)
	return grown
}

// each calls f for everything that was set.
func (d *directory[T]) each(f func(*T)) {
	if all := d.all.Load(); all != nil {
		for i := range *all {
			if v := (*all)[i].Load(); v != nil {
				f(v)
			}
		}
	}
}

// Memory is what the pool occupies.
type Memory struct {
	Table, Words, States, Wide int64 // bytes of the arrays
	Other                      int64 // bytes of segments, counters and directories
	Codes, Slots               int64 // codes that are stored, and slots for them
	Computed                   int64 // codes that are not
}

// Total returns the sum in bytes.
func (m Memory) Total() int64 { return m.Table + m.Words + m.States + m.Wide + m.Other }

// Memory adds up the shards' arrays.
func (p *Pool) Memory() Memory {
	var m Memory
	for i := range p.shards {
		s := p.Lock(i)
		if s == nil {
			return Memory{}
		}
		m.Table += s.table.bytes()
		m.Words += s.words.bytes()
		m.States += s.states.bytes()
		m.Wide += s.wide.bytes()
		m.Other += int64(cap(s.segs))*segmentBytes + int64(cap(s.bases)+cap(s.byRun))*4 + int64(cap(s.blocks))*2
		m.Codes += int64(s.used)
		m.Slots += int64(len(s.table.v))
		for _, c := range s.computed {
			m.States += c.states.bytes()
			m.Other += c.other()
			m.Computed += int64(c.Len)
		}
		s.Unlock()
	}
	p.runs.each(func(r *Run) { m.Other += int64(cap(r.starts)) * 4 })
	p.stocks.each(func(st *stock) { m.Other += int64(len(st.avail)) * 4 })
	return m
}
