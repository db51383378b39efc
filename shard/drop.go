package shard

import (
	"runtime"
	"slices"
)

// Drop takes all codes of a batch out of the pool and gives their memory back, one shard
// after the other: each is held while what stays in it moves together.
// The texts are free again; whether they may be used again is the caller's business. It
// returns false when the pool is closed. REQUIRES: nobody adds codes meanwhile.
func (p *Pool) Drop(batch uint32) bool {
	for i := range p.shards {
		s := p.Lock(i)
		if s == nil {
			return false
		}
		s.drop(batch)
		s.Unlock()
		runtime.Gosched() // to those who waited for it
	}
	p.runs.each(func(r *Run) {
		if r.Batch == batch {
			p.runs.set(r.ID, nil)
		}
	})
	p.stocks.set(batch, nil)
	return true
}

// drop is Drop for one shard.
func (s *Shard) drop(batch uint32) {
	if _, ok := s.byBatch[batch]; !ok {
		return
	}
	s.dropComputed(func(c *computed) bool { return c.Batch == batch })
	if _, ok := s.byBatch[batch]; ok {
		s.dropStored(batch)
	}
}

// dropStored is drop for the stored codes. Segments of runs that were abandoned go with
// them.
func (s *Shard) dropStored(batch uint32) {
	old := &Shard{words: s.words, states: s.states, wide: s.wide, wideN: s.wideN, segs: s.segs, byRun: slices.Clone(s.byRun), computed: s.computed}
	s.segs, s.bases, s.blocks, s.byBatch = nil, nil, nil, map[uint32]int32{}
	for i := range s.byRun {
		s.byRun[i] = -1
	}
	n, wide, voids := uint32(0), 0, 0
	for i := range old.segs {
		if g := &old.segs[i]; old.keeps(g, batch) {
			n, voids = n+g.Len, voids+int(g.Counts[Void])
			wide += old.wideIn(g)
		}
	}
	s.words, s.wide = makeArray[uint64](int(n)), makeArray[byte](wide)
	s.states = makeArray[uint64](int(n+lanes-1) / lanes)
	s.n, s.wideN = 0, 0
	for i := range old.segs {
		if g := &old.segs[i]; old.keeps(g, batch) {
			s.adopt(old, g)
		}
	}
	s.listComputed()
	s.used = int(n) - voids
	old.words.free()
	old.states.free()
	old.wide.free()
	s.rebuild(max(minSlots, int(float64(s.used)/maxLoad)+2), int(n))
}

// keeps reports whether a segment stays when a batch is dropped.
func (s *Shard) keeps(g *Segment, batch uint32) bool {
	return g.Batch != batch && s.SegmentOf(g.Run) == g
}

// wideIn returns how many bytes of text a segment has.
func (s *Shard) wideIn(g *Segment) (n int) {
	if s.wideN == 0 {
		return 0
	}
	for _, w := range s.words.v[g.Base : g.Base+g.Len] {
		if w >= WideMark {
			n += len(s.wideText(w))
		}
	}
	return n
}

// adopt appends a segment of another shard's arrays, in which there is room for it.
func (s *Shard) adopt(from *Shard, g *Segment) {
	at := s.n
	copy(s.words.v[at:], from.words.v[g.Base:g.Base+g.Len])
	for i := range g.Len {
		s.putState(at+i, from.stateAt(g.Base+i))
		if w := s.words.v[at+i]; w >= WideMark {
			text := from.wideText(w)
			s.words.v[at+i] = WideMark | uint64(len(text))<<40 | uint64(s.wideN)
			s.wideN += copy(s.wide.v[s.wideN:], text)
		}
	}
	s.n += g.Len
	moved := *g
	moved.Base, moved.block, moved.next = at, -1, -1
	place := int32(len(s.segs))
	s.segs, s.bases = append(s.segs, moved), append(s.bases, at)
	s.byRun[g.Run] = place
	if s.pool.Run(g.Run) == nil {
		return // not live yet
	}
	seg := &s.segs[place]
	s.link(seg)
	s.recount(seg)
}
