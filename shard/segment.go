package shard

import "sort"

// Segment is the part of a run that falls to one shard: Len positions from Base on,
// which are the run's ordinals from First on. It holds no pointers.
type Segment struct {
	Run, Batch, Space uint32
	First             uint32 // ordinal within the run of the code at Base
	Base, Len         uint32
	Counts            [NumStates]uint32 // codes by state
	block             int32             // first of its counters in Shard.blocks, -1: none
	next              int32             // next segment of the same batch, -1: none
	dirty             bool              // a state changed since the last TakeDirty
}

// blocksFrom is the length from which a segment keeps counters; below it a draw
// counts the lanes themselves (at most 33 words).
const blocksFrom = 2 * blockSize

// Ordinal returns the ordinal within the run of a position of this segment.
func (g *Segment) Ordinal(pos uint32) uint32 { return g.First + pos - g.Base }

// Position returns the position of an ordinal. REQUIRES: the ordinal is of this segment.
func (g *Segment) Position(ordinal uint32) uint32 { return g.Base + ordinal - g.First }

// SegmentByIndex returns the segment that FindAll named.
func (s *Shard) SegmentByIndex(i int32) *Segment {
	if i >= computedFrom {
		return &s.computed[i-computedFrom].Segment
	}
	return &s.segs[i]
}

// SegmentOf returns the run's segment in this shard, nil if it has none.
func (s *Shard) SegmentOf(run uint32) *Segment {
	if int(run) >= len(s.byRun) || s.byRun[run] < 0 {
		return nil
	}
	return s.SegmentByIndex(s.byRun[run])
}

// Segments calls f for each segment until it returns false.
func (s *Shard) Segments(f func(*Segment) bool) {
	for i := range s.segs {
		if !f(&s.segs[i]) {
			return
		}
	}
	for _, c := range s.computed {
		if !f(&c.Segment) {
			return
		}
	}
}

// segmentAt returns the segment of a stored code's position.
func (s *Shard) segmentAt(pos uint32) *Segment {
	b := s.bases
	if len(b) == 1 || pos >= b[len(b)-1] {
		return &s.segs[len(b)-1]
	}
	return &s.segs[sort.Search(len(b), func(i int) bool { return b[i] > pos })-1]
}

// openSegment appends an empty segment for the run.
func (s *Shard) openSegment(r *Run) *Segment {
	s.segs = append(s.segs, Segment{Run: r.ID, Batch: r.Batch, Space: r.Space, Base: s.n, block: -1, next: -1})
	s.bases = append(s.bases, s.n)
	s.enter(r.ID, int32(len(s.segs)-1))
	return &s.segs[len(s.segs)-1]
}

// enter puts a segment's index into the directory by run.
func (s *Shard) enter(run uint32, index int32) {
	for len(s.byRun) <= int(run) {
		s.byRun = append(s.byRun, -1)
	}
	s.byRun[run] = index
}

// link puts a live segment in front of the list of its batch.
func (s *Shard) link(seg *Segment) {
	seg.next = -1
	if head, ok := s.byBatch[seg.Batch]; ok {
		seg.next = head
	}
	s.byBatch[seg.Batch] = s.byRun[seg.Run]
}

// unlink undoes link.
func (s *Shard) unlink(seg *Segment) {
	i, at := s.byRun[seg.Run], s.byBatch[seg.Batch]
	switch {
	case at != i:
		before := s.SegmentByIndex(at)
		for before.next != i {
			before = s.SegmentByIndex(before.next)
		}
		before.next = seg.next
	case seg.next < 0:
		delete(s.byBatch, seg.Batch)
	default:
		s.byBatch[seg.Batch] = seg.next
	}
}

// dropLastSegment undoes openSegment for a segment that stayed empty.
func (s *Shard) dropLastSegment() {
	last := len(s.segs) - 1
	s.byRun[s.segs[last].Run] = -1
	s.segs, s.bases = s.segs[:last], s.bases[:last]
}

// recount sets the segment's counters from its states and adds what is available
// to the batch's stock.
func (s *Shard) recount(seg *Segment) {
	before := seg.Counts[Available]
	seg.Counts = [NumStates]uint32{}
	if seg.block >= 0 {
		clear(s.blocks[seg.block : seg.block+seg.blockCount()])
	} else if seg.Len >= blocksFrom {
		seg.block = int32(len(s.blocks))
		s.blocks = append(s.blocks, make([]uint16, seg.blockCount())...)
	}
	for p := seg.Base; p < seg.Base+seg.Len; p++ {
		st := s.stateAt(p)
		seg.Counts[st]++
		if st == Available && seg.block >= 0 {
			s.blocks[seg.blockOf(p)]++
		}
	}
	s.pool.stock(seg.Batch).avail[s.index].Add(int32(seg.Counts[Available] - before))
}

func (g *Segment) blockCount() int32 {
	return int32((g.Base+g.Len-1)/blockSize-g.Base/blockSize) + 1
}

func (g *Segment) blockOf(pos uint32) int32 { return g.block + int32(pos/blockSize-g.Base/blockSize) }

// State returns the state at a position.
func (s *Shard) State(pos uint32) State {
	if pos >= computedFrom {
		return s.computedState(pos)
	}
	return s.stateAt(pos)
}

// Move changes the state at a position of seg from one to another and reports
// whether it was in the expected one; otherwise nothing changes.
func (s *Shard) Move(seg *Segment, pos uint32, from, to State) bool {
	if pos >= computedFrom {
		if !s.computedOf(seg).move(pos-seg.Base, from, to) {
			return false
		}
	} else {
		if s.stateAt(pos) != from {
			return false
		}
		s.putState(pos, to)
	}
	seg.Counts[from]--
	seg.Counts[to]++
	seg.dirty = true
	if (from == Available) != (to == Available) {
		s.stockChanged(seg, pos, to == Available)
	}
	return true
}

func (s *Shard) stockChanged(seg *Segment, pos uint32, in bool) {
	if in {
		s.pool.stock(seg.Batch).avail[s.index].Add(1)
	} else {
		s.pool.stock(seg.Batch).avail[s.index].Add(-1)
	}
	if pos >= computedFrom {
		s.computedOf(seg).count(pos-seg.Base, in)
	} else if seg.block >= 0 {
		if in {
			s.blocks[seg.blockOf(pos)]++
		} else {
			s.blocks[seg.blockOf(pos)]--
		}
	}
}

// TakeDirty calls f with the ordinals, from first up to but not including end, of each
// part of a segment in which states changed since the last call, and marks it clean. A
// computed segment has a part for each page of 2^15 ordinals, a stored one is one part.
func (s *Shard) TakeDirty(f func(g *Segment, first, end uint32)) {
	for i := range s.segs {
		if g := &s.segs[i]; g.dirty {
			g.dirty = false
			f(g, g.First, g.First+g.Len)
		}
	}
	for _, c := range s.computed {
		if c.dirty {
			c.dirty = false
			c.takeDirty(f)
		}
	}
}

// CopyStates packs the states of the segment's ordinals from first up to but not
// including end into dst, two in a byte, low half first; ordinal o goes to half
// o-origin. Drawing counts as Available, since what is not in the journal has not
// happened. So does Pending, but not in a run that the pool knows: it is in the
// journal, and this part of it only waits for Activate to come by.
func (s *Shard) CopyStates(seg *Segment, first, end, origin uint32, dst []byte) {
	pending := Available
	if r := s.pool.Run(seg.Run); r != nil {
		pending = r.initial
	}
	first, end = max(first, seg.First), min(end, seg.First+seg.Len)
	var c *computed
	if seg.isComputed() {
		c = s.computedOf(seg)
	}
	for o := first; o < end; o++ {
		var st State
		if c != nil {
			st = c.at(o - c.First)
		} else {
			st = s.stateAt(seg.Position(o))
		}
		switch st {
		case Pending:
			st = pending
		case Drawing:
			st = Available
		}
		i := o - origin
		dst[i/2] = dst[i/2]&^(15<<(i&1*4)) | byte(st)<<(i&1*4)
	}
}

// CountBatch adds the shard's codes of a batch by state to n.
func (s *Shard) CountBatch(batch uint32, n *[NumStates]int64) {
	i, ok := s.byBatch[batch]
	if !ok {
		return
	}
	for i >= 0 {
		seg := s.SegmentByIndex(i)
		for st, c := range seg.Counts {
			n[st] += int64(c)
		}
		i = seg.next
	}
}

// EachHash calls f with the hash of every stored code in the shard.
func (s *Shard) EachHash(f func(hash uint64)) {
	for i := range s.segs {
		seg := &s.segs[i]
		for p := seg.Base; p < seg.Base+seg.Len; p++ {
			if s.stateAt(p) != Void {
				f(s.hashAt(p, seg.Space))
			}
		}
	}
}
