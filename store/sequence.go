package store

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"codepool/gen"
	"codepool/store/internal/journal"
)

// Numbers that are given out once: a counter on disk says how far they are leased, and
// memory gives out what is leased, so that a number needs no disk and a crash repeats none.
//
//	      given out │ to be given out │ leased ahead │ never touched
//	────────────────┴─────────────────┴──────────────┴──────────────►
//	                                                 ▲ the counter, durable
//	                                                   before a number below it is given
//
// The next block is leased when half of the present one is gone, by a goroutine that ends
// with that. Blocks grow from leastBlock as they are used up, so a store that gives out few
// numbers skips few when it is opened again.
const (
	leastBlock = 64
	mostBlock  = 1 << 20 // a fifth of a second at five million numbers a second: many syncs
)

// MaxSequences is how many names of sequences a store keeps, for ever.
const MaxSequences = 400

// sequenceEnd is where a named sequence ends: its numbers fit an int64.
const sequenceEnd = 1 << 63

// Sequence gives out numbers that no other call gets, in whatever process and life of the
// store: also after a crash, what is not given out is skipped. They rise in each
// goroutine, and nearly in all together. All methods are safe for concurrent use. A
// Sequence must not be copied.
type Sequence struct {
	s    *Store
	from counting
	now  atomic.Pointer[block]

	mu struct {
		sync.Mutex
		ahead *nextBlock // of the next block; nil if there is none
		size  uint64     // of the last block
	}
}

// counting takes size numbers, or those that are left, from a counter among all.
type counting func(all *counters, size uint64) (first, end uint64, err error)

// block is what a sequence gives out from.
type block struct {
	next      atomic.Uint64 // at the end and above when all is gone
	_         [56]byte      // what follows is read by all and not written
	half, end uint64
}

func newBlock(first, end uint64) *block {
	b := &block{half: first + (end-first)/2, end: end}
	b.next.Store(first)
	return b
}

// Sequence returns the sequence of that name, which begins at 0; the store keeps its place,
// for ever. Keep what is returned: each has a block of numbers of its own. ErrInvalid
// refuses a name that cannot be.
func (s *Store) Sequence(name string) (*Sequence, error) {
	if err := checkLabel("Name", name); err != nil {
		return nil, err
	}
	return newSequence(s, func(all *counters, size uint64) (uint64, uint64, error) { return all.leaseNamed(name, size) }), nil
}

func newSequence(s *Store, from counting) *Sequence {
	q := &Sequence{s: s, from: from}
	q.mu.size = leastBlock / 2
	q.now.Store(newBlock(0, 0))
	return q
}

// Next returns a number. It waits for the disk only when all that was leased is gone, and
// then ends with ctx. ErrUsedUp says that there are no more, ErrInvalid that the store has
// MaxSequences already; the other refusals are those of every write.
func (q *Sequence) Next(ctx context.Context) (uint64, error) {
	n, _, err := q.take(ctx, 1)
	return n, err
}

// Fill is Next for many numbers at once, which rise. After an error none of them may be
// used.
func (q *Sequence) Fill(ctx context.Context, numbers []uint64) error {
	for len(numbers) > 0 {
		first, n, err := q.take(ctx, len(numbers))
		if err != nil {
			return err
		}
		for i := range numbers[:n] {
			numbers[i] = first + uint64(i)
		}
		numbers = numbers[n:]
	}
	return nil
}

// take returns as many numbers in a row as there are in the present block, from 1 to want.
func (q *Sequence) take(ctx context.Context, want int) (first uint64, n int, err error) {
	for {
		if err := q.s.mayNumber(ctx); err != nil {
			return 0, 0, err
		}
		b := q.now.Load()
		end := b.next.Add(uint64(want))
		if first = end - uint64(want); first < b.end {
			if first <= b.half && b.half < end {
				q.mu.Lock()
				q.leaseLocked()
				q.mu.Unlock()
			}
			return first, int(min(end, b.end) - first), nil
		}
		if err := q.renew(ctx, b); err != nil {
			return 0, 0, err
		}
	}
}

// mayNumber refuses numbers when the store serves no more writes, though those that are
// leased would need none.
func (s *Store) mayNumber(ctx context.Context) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if err := s.com.refusal(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// renew puts the next block in the place of one that is gone.
func (q *Sequence) renew(ctx context.Context, gone *block) error {
	q.mu.Lock()
	if q.now.Load() != gone {
		q.mu.Unlock()
		return nil
	}
	l := q.leaseLocked()
	q.mu.Unlock()
	select {
	case <-l.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if l.err != nil {
		return l.err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mu.ahead == l {
		q.mu.ahead = nil
		q.now.Store(l.got)
	}
	return nil
}

// nextBlock is one that is being leased, beside those who use the one before it.
type nextBlock struct {
	done chan struct{}
	got  *block
	err  error
}

// leaseLocked returns the lease of the next block, which it begins if nobody has. One
// that fails is forgotten: who needs the block tries again. REQUIRES: q.mu.
func (q *Sequence) leaseLocked() *nextBlock {
	if q.mu.ahead != nil {
		return q.mu.ahead
	}
	l, size := &nextBlock{done: make(chan struct{})}, min(2*q.mu.size, mostBlock)
	begun := q.s.sequences.aside(func() {
		defer close(l.done)
		l.got, l.err = q.leased(size)
		q.mu.Lock()
		defer q.mu.Unlock()
		if l.err != nil {
			q.mu.ahead = nil
			return
		}
		q.mu.size = size
	})
	if !begun {
		l.err = ErrClosed
		close(l.done)
		return l
	}
	q.mu.ahead = l
	return l
}

// leased returns a block of that size, or of what is left, when it is durably leased.
func (q *Sequence) leased(size uint64) (*block, error) {
	if err := q.s.com.admit(context.Background()); err != nil {
		return nil, err
	}
	first, end, err := q.s.sequences.take(q.s.eng, q.from, size)
	if err != nil {
		return nil, err
	}
	return newBlock(first, end), nil
}

// sequences are the counters of a store. All are one pair of the engine.
type sequences struct {
	mu     sync.Mutex // held while they are written
	all    *counters  // replaced, never changed
	beside struct {   // goroutines that lease
		sync.Mutex // held to begin one, never for the disk
		sync.WaitGroup
		closed bool
	}
}

// counters are what is leased: all below each is, or was.
type counters struct {
	Named  map[string]uint64      `json:"named,omitempty"`
	Days   map[gen.Day]dayCounter `json:"days,omitempty"`
	Closed gen.Day                `json:"closed,omitzero"` // up to here no day is counted any more
}

// size is how many are counted.
func (c *sequences) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all.Named) + len(c.all.Days)
}

// leaseNamed is the lease of a sequence of that name.
func (all *counters) leaseNamed(name string, size uint64) (first, end uint64, err error) {
	first, known := all.Named[name]
	if !known && len(all.Named) >= MaxSequences {
		return 0, 0, invalid("sequence %q: there are %d already, and none is ever forgotten: use one of them", name, len(all.Named))
	}
	if first >= sequenceEnd {
		return 0, 0, fmt.Errorf("%w: sequence %q", ErrUsedUp, name)
	}
	end = min(first+size, sequenceEnd)
	all.Named[name] = end
	return first, end, nil
}

// clone returns a copy with maps that can be written to.
func (all *counters) clone() *counters {
	c := &counters{Named: map[string]uint64{}, Days: map[gen.Day]dayCounter{}, Closed: all.Closed}
	maps.Copy(c.Named, all.Named)
	maps.Copy(c.Days, all.Days)
	return c
}

// take takes a lease and returns when it is durable. REQUIRES: to be called by aside.
func (c *sequences) take(eng *journal.Fuse, lease counting, size uint64) (first, end uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all.clone()
	if first, end, err = lease(all, size); err != nil {
		return 0, 0, err
	}
	// crash point: sequence: a block is about to be leased
	if err := commitJSON(eng, keySequences, all); err != nil {
		return 0, 0, err
	}
	// crash point: sequence: a block is leased and not given out
	c.all = all
	return first, end, nil
}

// aside runs f in a goroutine for which close waits. After close it does not, and returns
// false.
func (c *sequences) aside(f func()) bool {
	c.beside.Lock()
	defer c.beside.Unlock()
	if !c.beside.closed {
		c.beside.Go(f)
	}
	return !c.beside.closed
}

// close returns when nothing is being leased, and nothing will be.
func (c *sequences) close() {
	c.beside.Lock()
	c.beside.closed = true
	c.beside.Unlock()
	c.beside.Wait()
}

func (c *sequences) load(v journal.Reader) error {
	c.all = new(counters)
	return loadJSON(v, keySequences, c.all)
}
