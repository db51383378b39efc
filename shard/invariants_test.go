package shard

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"testing"
)

// checkInvariants recomputes from words and states what a pool keeps besides them.
// The errors name the shard and what disagrees.
func checkInvariants(p *Pool) error {
	for i := range p.shards {
		s := p.Lock(i)
		if s == nil {
			return errors.New("pool is closed")
		}
		err := s.checkInvariants()
		s.Unlock()
		if err != nil {
			return fmt.Errorf("shard %d: %w", i, err)
		}
	}
	for id := range p.runs.room() {
		r := p.Run(uint32(id))
		if r == nil {
			continue
		}
		if int(r.ID) != id || r.pool != p || len(r.starts) != len(p.shards)+1 || r.starts[0] != 0 {
			return fmt.Errorf("run %d: bad directory entry", id)
		}
	}
	return nil
}

// room is above every number that was set.
func (d *directory[T]) room() int {
	if all := d.all.Load(); all != nil {
		return len(*all)
	}
	return 0
}

func (s *Shard) checkInvariants() error {
	for _, check := range []func() error{s.checkArrays, s.checkSegments, s.checkBlocks, s.checkComputed, s.checkBatches, s.checkCodes, s.checkTable} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkArrays: the arrays hold n positions, and no state is set beyond them.
func (s *Shard) checkArrays() error {
	if int(s.n) > len(s.words.v) || int(s.n) > len(s.states.v)*lanes || s.wideN > len(s.wide.v) {
		return fmt.Errorf("%d positions in %d words and %d lanes, %d bytes of %d of text",
			s.n, len(s.words.v), len(s.states.v)*lanes, s.wideN, len(s.wide.v))
	}
	for pos := s.n; int(pos) < len(s.states.v)*lanes; pos++ {
		if st := s.stateAt(pos); st != Void {
			return fmt.Errorf("position %d is %v, but only %d are in use", pos, st, s.n)
		}
	}
	return nil
}

// checkSegments: segments tile the positions in order, count their states, and
// the directories by run agree with them.
func (s *Shard) checkSegments() error {
	if len(s.segs) != len(s.bases) {
		return fmt.Errorf("%d segments, %d bases", len(s.segs), len(s.bases))
	}
	end := uint32(0)
	for i := range s.segs {
		g := &s.segs[i]
		if g.Base != end || s.bases[i] != end || g.Len == 0 {
			return fmt.Errorf("segment %d: base %d (%d in the search array), length %d, want base %d", i, g.Base, s.bases[i], g.Len, end)
		}
		end += g.Len
		var counts [NumStates]uint32
		for pos := g.Base; pos < end; pos++ {
			st := s.stateAt(pos)
			if st >= NumStates {
				return fmt.Errorf("position %d: state %d", pos, st)
			}
			counts[st]++
			if s.segmentAt(pos) != g {
				return fmt.Errorf("position %d is not found to be of segment %d", pos, i)
			}
		}
		if counts != g.Counts {
			return fmt.Errorf("segment %d: counts %v, states say %v", i, g.Counts, counts)
		}
		if s.SegmentOf(g.Run) != g {
			if counts[Void] != g.Len {
				return fmt.Errorf("segment %d of run %d: not in the directory, counts %v", i, g.Run, counts)
			}
			continue // abandoned
		}
		if r := s.pool.Run(g.Run); r != nil {
			first, stop := r.Range(s.index)
			if g.First != first || g.Len != stop-first || g.Batch != r.Batch || g.Space != r.Space {
				return fmt.Errorf("segment %d: %+v, run says [%d,%d)", i, *g, first, stop)
			}
		}
	}
	if end != s.n {
		return fmt.Errorf("segments end at %d, positions at %d", end, s.n)
	}
	for run, i := range s.byRun {
		if i >= computedFrom && i-computedFrom < int32(len(s.computed)) && s.computed[i-computedFrom].Run == uint32(run) {
			continue
		}
		if i >= 0 && (int(i) >= len(s.segs) || s.segs[i].Run != uint32(run)) {
			return fmt.Errorf("run %d: directory says segment %d", run, i)
		}
	}
	return nil
}

// checkBlocks: every long live segment has its own counters, and they are right.
func (s *Shard) checkBlocks() error {
	owned := make([]bool, len(s.blocks))
	for i := range s.segs {
		g := &s.segs[i]
		if g.block < 0 {
			if g.Len >= blocksFrom && g.Counts[Void]+g.Counts[Pending] != g.Len {
				return fmt.Errorf("segment %d: %d positions without counters", i, g.Len)
			}
			continue
		}
		want := make([]uint16, g.blockCount())
		for pos := g.Base; pos < g.Base+g.Len; pos++ {
			if s.stateAt(pos) == Available {
				want[pos/blockSize-g.Base/blockSize]++
			}
		}
		for j, n := range want {
			b := int(g.block) + j
			if b >= len(owned) || owned[b] || s.blocks[b] != n {
				return fmt.Errorf("segment %d: counter %d missing, shared or not %d", i, j, n)
			}
			owned[b] = true
		}
	}
	for b, ok := range owned {
		if !ok {
			return fmt.Errorf("counter %d belongs to no segment", b)
		}
	}
	return nil
}

// checkBatches: a batch's list holds each activated segment once, and its stock is
// what these hold.
func (s *Shard) checkBatches() error {
	listed := make(map[*Segment]bool)
	for batch, i := range s.byBatch {
		for i >= 0 {
			g := s.SegmentByIndex(i)
			if listed[g] || g.Batch != batch {
				return fmt.Errorf("segment %d of batch %d: in the list of batch %d, or twice", i, g.Batch, batch)
			}
			listed[g] = true
			i = g.next
		}
	}
	stock := make([]int32, s.pool.stocks.room())
	var err error
	s.Segments(func(g *Segment) bool {
		live := s.SegmentOf(g.Run) == g && s.pool.Run(g.Run) != nil
		if listed[g] != live {
			err = fmt.Errorf("segment of run %d: drawable %v, want %v", g.Run, listed[g], live)
		}
		stock[g.Batch] += int32(g.Counts[Available])
		return true
	})
	if err != nil {
		return err
	}
	for batch, n := range stock {
		st := s.pool.stock(uint32(batch))
		if st == nil {
			if n != 0 {
				return fmt.Errorf("batch %d: no stock", batch)
			}
		} else if got := st.avail[s.index].Load(); got != n {
			return fmt.Errorf("batch %d: stock %d, segments say %d", batch, got, n)
		}
	}
	return nil
}

// checkCodes: a segment is in the order of hashes, all of which route here; no
// code stands twice in a namespace.
func (s *Shard) checkCodes() error {
	type ident struct {
		space uint32
		word  uint64
		text  string
	}
	seen := make(map[ident]uint32)
	for i := range s.segs {
		g := &s.segs[i]
		last := uint64(0)
		for pos := g.Base; pos < g.Base+g.Len; pos++ {
			if w := s.words.v[pos]; w >= WideMark && w&(1<<40-1)+w>>40&0xFFFFF > uint64(s.wideN) {
				return fmt.Errorf("position %d: text beyond the end", pos)
			}
			k := s.KeyAt(pos, g)
			if k.Hash < last || s.pool.Route(k.Hash) != s.index || k.Hash != s.hashAt(pos, g.Space) {
				return fmt.Errorf("position %d: hash %#x after %#x", pos, k.Hash, last)
			}
			last = k.Hash
			if s.stateAt(pos) == Void {
				continue
			}
			id := ident{k.Space, k.Word, k.Wide}
			if other, dup := seen[id]; dup {
				return fmt.Errorf("code %+v at positions %d and %d", id, other, pos)
			}
			seen[id] = pos
		}
	}
	return nil
}

// checkTable: each live position has one slot, reachable from its hash without an
// empty one between, with its tag; the mask covers all positions and a slot is free.
func (s *Shard) checkTable() error {
	t := s.table.v
	if len(t) == 0 {
		if s.n != 0 {
			return errors.New("codes but no table")
		}
		return nil
	}
	if s.posMask&(s.posMask+1) != 0 || s.posMask <= s.n-1 && s.n > 0 || s.used > s.limit || s.limit >= len(t) {
		return fmt.Errorf("mask %#x for %d positions, %d slots of %d used, limit %d", s.posMask, s.n, s.used, len(t), s.limit)
	}
	at := make([]int, s.n) // slot+1 by position
	used := 0
	for i, e := range t {
		if e == 0 {
			continue
		}
		used++
		pos := e&s.posMask - 1
		if pos >= s.n || at[pos] != 0 {
			return fmt.Errorf("slot %d: position %d of %d, or twice", i, pos, s.n)
		}
		at[pos] = i + 1
		hash := s.hashAt(pos, s.segmentAt(pos).Space)
		if tag := uint32(hash) &^ s.posMask; e&^s.posMask != tag {
			return fmt.Errorf("slot %d: tag %#x, want %#x", i, e&^s.posMask, tag)
		}
		if home, _ := bits.Mul64(hash<<s.pool.route, uint64(len(t))); !reaches(t, int(home), i) {
			return fmt.Errorf("slot %d: not reached from slot %d", i, home)
		}
	}
	if used != s.used {
		return fmt.Errorf("%d slots occupied, %d counted", used, s.used)
	}
	for pos, slot := range at {
		if slot == 0 && s.stateAt(uint32(pos)) != Void {
			return fmt.Errorf("position %d has no slot", pos)
		}
	}
	return nil
}

// reaches reports whether no slot from one up to another is empty.
func reaches(t []uint32, from, to int) bool {
	for i := from; i != to; i = (i + 1) % len(t) {
		if t[i] == 0 {
			return false
		}
	}
	return true
}

// TestInvariantsAreChecked breaks a sound pool in one place at a time: a check that
// cannot fail proves nothing.
func TestInvariantsAreChecked(t *testing.T) {
	for _, c := range []struct {
		name, want string
		harm       func(*Shard)
	}{
		{"slot lost", "occupied", func(s *Shard) { clear(s.table.v) }},
		{"tag", "tag", func(s *Shard) {
			for i := range s.table.v {
				if s.table.v[i] != 0 {
					s.table.v[i] ^= 1 << 31
				}
			}
		}},
		{"slot moved", "not reached", func(s *Shard) { t := s.table.v; copy(t[1:], t); t[0] = 0 }},
		{"mask too narrow", "mask", func(s *Shard) { s.posMask >>= 3 }},
		{"word changed", "hash", func(s *Shard) { s.words.v[3]++ }},
		{"code twice", "positions", func(s *Shard) { s.words.v[4] = s.words.v[3] }},
		{"state changed", "counts", func(s *Shard) { s.putState(7, Redeemed) }},
		{"state beyond the end", "in use", func(s *Shard) { s.putState(s.n, Pending) }},
		{"block counter", "counter", func(s *Shard) { s.blocks[1]-- }},
		{"stock", "stock", func(s *Shard) { s.pool.stock(1).avail[0].Add(1) }},
		{"base", "base", func(s *Shard) { s.bases[0]++ }},
		{"run directory", "directory", func(s *Shard) { s.byRun[1] = -1 }},
		{"not drawable", "drawable", func(s *Shard) { delete(s.byBatch, 1) }},
	} {
		p, err := New(1)
		if err != nil {
			t.Fatal(err)
		}
		keys := make([]Key, 2*blocksFrom)
		for i := range keys {
			keys[i] = PackedKey(0, uint64(i))
		}
		sortKeys(keys)
		r := p.NewRun(1, 1, 0)
		if _, err := r.AddKeys(keys); err != nil {
			t.Fatal(err)
		}
		r.Activate(Available, nil)
		if err := checkInvariants(p); err != nil {
			t.Fatal(err)
		}
		c.harm(&p.shards[0])
		if err := checkInvariants(p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", c.name, err, c.want)
		}
		p.Close()
	}
}
