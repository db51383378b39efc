package shard

import (
	"math/bits"
	"slices"
)

// Draw takes up to n available codes of the batch at random, each available code
// with the same chance, moves them to state to and then calls f for each, in the order
// of positions: the words that f reads miss the cache together, not one after the other.
// It returns how many there were.
func (s *Shard) Draw(batch uint32, n int, to State, f func(seg *Segment, pos uint32)) int {
	head, ok := s.byBatch[batch]
	if !ok {
		return 0
	}
	total := uint32(0)
	for i := head; i >= 0; {
		seg := s.SegmentByIndex(i)
		total += seg.Counts[Available]
		i = seg.next
	}
	n = max(0, min(n, int(total)))
	s.chosen = s.chosen[:0]
	for range n {
		rank := s.below(total)
		seg := s.SegmentByIndex(head)
		for rank >= seg.Counts[Available] {
			rank -= seg.Counts[Available]
			seg = s.SegmentByIndex(seg.next)
		}
		var pos uint32
		if seg.isComputed() {
			pos = seg.Base + s.chooseComputed(s.computedOf(seg), rank)
		} else {
			pos = s.selectAvailable(seg, rank)
		}
		s.Move(seg, pos, Available, to)
		s.chosen = append(s.chosen, pos)
		total--
	}
	slices.Sort(s.chosen)
	for _, pos := range s.chosen {
		if pos >= computedFrom {
			f(&s.computedAt(pos).Segment, pos)
		} else {
			f(s.segmentAt(pos), pos)
		}
	}
	return n
}

// below returns a uniform number below n by multiplication with rejection
// [Lemire, "Fast random integer generation in an interval", 2019].
func (s *Shard) below(n uint32) uint32 {
	v := uint64(uint32(s.rng.Uint64())) * uint64(n)
	if low := uint32(v); low < n {
		for threshold := -n % n; low < threshold; low = uint32(v) {
			v = uint64(uint32(s.rng.Uint64())) * uint64(n)
		}
	}
	return uint32(v >> 32)
}

// selectAvailable returns the position of the segment's rank-th available code.
// REQUIRES: rank < seg.Counts[Available].
func (s *Shard) selectAvailable(seg *Segment, rank uint32) uint32 {
	word, end := seg.Base/lanes, (seg.Base+seg.Len+lanes-1)/lanes
	if seg.block >= 0 {
		b := s.blocks[seg.block : seg.block+seg.blockCount()]
		i := 0
		for rank >= uint32(b[i]) {
			rank -= uint32(b[i])
			i++
		}
		if i > 0 {
			word = (seg.Base/blockSize + uint32(i)) * blockWord
		}
	}
	for ; word < end; word++ {
		z := availableLanes(s.states.v[word]) & seg.maskOf(word)
		if n := uint32(bits.OnesCount64(z)); rank >= n {
			rank -= n
			continue
		}
		return word*lanes + uint32(selectLane(z, int(rank)))
	}
	panic("shard: counters and states disagree") // unreachable while Move is the only writer; see invariants_test.go
}

// maskOf keeps the lanes of a word that belong to the segment.
func (g *Segment) maskOf(word uint32) uint64 {
	lo, hi := uint(0), uint(lanes)
	if first := word * lanes; first < g.Base {
		lo = uint(g.Base - first)
	}
	if last := (word + 1) * lanes; last > g.Base+g.Len {
		hi = uint(lanes - (last - g.Base - g.Len))
	}
	return laneMask(lo, hi)
}
