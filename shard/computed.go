package shard

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// computedFrom is where the positions of computed codes begin, and their segments'
// indexes, too: what is below is stored. A shard has as many of either at most.
const computedFrom = 1 << 30

// computed is the segment of a computed run: codes that are made from their ordinals
// when somebody asks for them. Before it is live it has no arrays.
type computed struct {
	Segment
	run    *Run
	states array[uint64]    // two bits a code, see computedstate.go
	rare   map[uint32]State // states that have no two bits of their own, by place in the segment
	stock  array[uint32]    // what is available, by block: a binary indexed tree
	pages  []uint64         // a bit for each page of ordinals with a change since TakeDirty
}

// pageCodes is how many ordinals are dirty together: as many states as package store
// writes at once, since a run of a billion codes is not written whole for one of them.
const pageCodes = 1 << 15

// NewComputedRun begins a run of n codes that are not stored: text makes the code of an
// ordinal, and their keys are made by ComputedKey. Each shard has ordinals in a row. As
// with NewRun they are Pending until Activate; nothing can be added to the run. text is
// called under a shard's lock, by many goroutines. Nobody else can have such a code, so
// no other is looked at. ErrFull is returned when it is too large for the shards.
func (p *Pool) NewComputedRun(id, batch, space, n uint32, text func(ordinal uint32) string) (*Run, error) {
	if id >= maxComputedRun {
		return nil, fmt.Errorf("shard: run %d cannot be computed: want a number below %d", id, maxComputedRun)
	}
	if uint64(n) > math.MaxInt {
		return nil, ErrFull
	}
	r := p.NewRun(id, batch, space)
	r.text = text
	shards := uint64(len(p.shards))
	for i := range shards {
		r.starts = append(r.starts, uint32(((i+1)*uint64(n)+shards-1)/shards))
	}
	for i := range p.shards {
		first, end := r.Range(i)
		if first == end {
			continue
		}
		s := p.Lock(i)
		if s == nil {
			return nil, errClosed
		}
		err := s.openComputed(r, first, end-first)
		s.Unlock()
		if err != nil {
			r.Abandon()
			return nil, err
		}
	}
	return r, nil
}

// SetStates puts n codes of a computed run from ordinal first on into the states of a
// page, packed as Activate has them. It is for loading what was saved: the run is live,
// the page is not dirty by it. It returns false when the pool is closed.
// REQUIRES: the run has these ordinals.
func (r *Run) SetStates(first, n uint32, states []byte) bool {
	end := first + n
	for i := max(r.ShardOf(first), 0); i < len(r.pool.shards); i++ {
		lo, hi := r.Range(i)
		if lo >= end {
			break
		}
		if lo == hi {
			continue
		}
		s := r.pool.Lock(i)
		if s == nil {
			return false
		}
		if seg := s.SegmentOf(r.ID); seg != nil {
			s.loadComputed(s.computedOf(seg), max(lo, first), min(hi, end), first, states)
		}
		s.Unlock()
	}
	return true
}

// openComputed appends a segment of a computed run.
func (s *Shard) openComputed(r *Run, first, n uint32) error {
	base := uint32(computedFrom)
	if i := len(s.computed); i > 0 {
		base = s.computed[i-1].Base + s.computed[i-1].Len
	}
	if n > 2*computedFrom-base {
		return ErrFull
	}
	if len(s.table.v) == 0 {
		s.rebuild(minSlots, 0) // FindAll looks for stored codes beside computed ones
	}
	c := &computed{run: r, Segment: Segment{Run: r.ID, Batch: r.Batch, Space: r.Space, First: first, Base: base, Len: n, block: -1, next: -1}}
	c.Counts[Pending] = n
	c.pages = make([]uint64, c.pageOf(n-1)/64+1)
	s.computed = append(s.computed, c)
	s.enter(r.ID, computedFrom+int32(len(s.computed)-1))
	return nil
}

// dropComputed takes computed segments out. The positions of the others close up.
func (s *Shard) dropComputed(gone func(*computed) bool) {
	for _, c := range s.computed {
		if c.live() {
			s.unlink(&c.Segment)
		}
	}
	s.computed = slices.DeleteFunc(s.computed, func(c *computed) bool {
		if !gone(c) {
			return false
		}
		s.byRun[c.Run] = -1
		c.free()
		return true
	})
	s.listComputed()
}

// listComputed gives the computed segments their positions and enters them into the
// directories, in which they are not.
func (s *Shard) listComputed() {
	base := uint32(computedFrom)
	for i, c := range s.computed {
		c.Base = base
		base += c.Len
		s.byRun[c.Run] = computedFrom + int32(i)
		if c.live() {
			s.link(&c.Segment)
		}
	}
}

func (c *computed) free() {
	c.states.free()
	c.stock.free()
	c.rare = nil
}

// live reports whether the segment was activated.
func (c *computed) live() bool { return c.states.v != nil }

// isComputed reports whether the segment's codes are computed.
func (g *Segment) isComputed() bool { return g.Base >= computedFrom }

// computedOf returns the whole of a segment. REQUIRES: seg.isComputed().
func (s *Shard) computedOf(seg *Segment) *computed {
	return s.computed[s.byRun[seg.Run]-computedFrom]
}

// computedAt returns the segment of a position. REQUIRES: pos >= computedFrom.
func (s *Shard) computedAt(pos uint32) *computed {
	all := s.computed
	if c := all[len(all)-1]; pos >= c.Base {
		return c
	}
	return all[sort.Search(len(all), func(i int) bool { return all[i].Base > pos })-1]
}

// placeOf returns the segment that has a computed key's code, and its place there.
func (s *Shard) placeOf(k *Key) (c *computed, i uint32) {
	run, ordinal := k.Place()
	seg := s.SegmentOf(run)
	if seg == nil || !seg.isComputed() || seg.Space != k.Space {
		return nil, 0
	}
	if i = ordinal - seg.First; i >= seg.Len {
		return nil, 0
	}
	return s.computedOf(seg), i
}

// computedState is State for a computed code.
func (s *Shard) computedState(pos uint32) State {
	c := s.computedAt(pos)
	return c.at(pos - c.Base)
}

// findComputed is Find for a computed key.
func (s *Shard) findComputed(k *Key) (pos uint32, seg *Segment, ok bool) {
	c, i := s.placeOf(k)
	if c == nil || c.at(i) == Void {
		return 0, nil, false
	}
	return c.Base + i, &c.Segment, true
}

// touchComputed loads what findComputed will look at.
func (s *Shard) touchComputed(k *Key) uint64 {
	if c, i := s.placeOf(k); c != nil && c.live() {
		return c.states.v[i/pairs]
	}
	return 0
}

// key returns the code at a place, with its text.
func (c *computed) key(i uint32) Key {
	o := c.First + i
	k := ComputedKey(c.Space, c.Run, uint32(c.run.Len()), o)
	k.Wide = c.run.text(o)
	return k
}

// other returns the bytes besides the states: a place of the map takes some 12.
func (c *computed) other() int64 {
	return segmentBytes + c.stock.bytes() + int64(len(c.pages))*8 + int64(len(c.rare))*12
}

// pageOf returns which of the segment's pages holds a place.
func (c *computed) pageOf(i uint32) uint32 { return (c.First+i)/pageCodes - c.First/pageCodes }

// takeDirty calls f for each page with a change and marks it clean.
func (c *computed) takeDirty(f func(g *Segment, first, end uint32)) {
	for page := range c.pageOf(c.Len-1) + 1 {
		if c.pages[page/64]>>(page%64)&1 == 0 {
			continue
		}
		first := uint64(c.First/pageCodes+page) * pageCodes
		f(&c.Segment, max(uint32(first), c.First), uint32(min(first+pageCodes, uint64(c.First+c.Len))))
	}
	clear(c.pages)
}
