package shard

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// checkComputed: computed segments tile their positions in order, are in the directory,
// and their counters are what their states say.
func (s *Shard) checkComputed() error {
	base := uint32(computedFrom)
	for i, c := range s.computed {
		if first, end := c.run.Range(s.index); c.Base != base || c.First != first || c.Len != end-first || c.Len == 0 || c.Run != c.run.ID {
			return fmt.Errorf("computed segment %d: %+v, want base %d, run says [%d,%d)", i, c.Segment, base, first, end)
		}
		if s.SegmentOf(c.Run) != &c.Segment || s.computedAt(base) != c || s.computedAt(base+c.Len-1) != c {
			return fmt.Errorf("computed segment %d of run %d is not found", i, c.Run)
		}
		if err := c.check(); err != nil {
			return fmt.Errorf("computed segment %d of run %d: %w", i, c.Run, err)
		}
		base += c.Len
	}
	return nil
}

func (c *computed) check() error {
	var counts [NumStates]uint32
	blocks := make([]uint32, (c.Len-1)/stockBlock+1)
	rare := map[uint32]State{}
	for i := range c.Len {
		st := c.at(i)
		counts[st]++
		switch st {
		case Available:
			blocks[i/stockBlock]++
		case Issued, Redeemed, Revoked:
		default:
			rare[i] = st
		}
	}
	if counts != c.Counts {
		return fmt.Errorf("counts %v, states say %v", c.Counts, counts)
	}
	if !c.live() {
		return nil
	}
	if !maps.Equal(rare, c.rare) {
		return fmt.Errorf("rare states %v, found %v", c.rare, rare)
	}
	if len(c.stock.v) != len(blocks) {
		return fmt.Errorf("%d counters, want %d", len(c.stock.v), len(blocks))
	}
	for b := range c.stock.v {
		want := uint32(0)
		for j := b + 1 - (b+1)&-(b+1); j <= b; j++ {
			want += blocks[j]
		}
		if c.stock.v[b] != want {
			return fmt.Errorf("counter %d is %d, want %d", b, c.stock.v[b], want)
		}
	}
	for page := range c.pages {
		if c.pages[page] != 0 && !c.dirty {
			return fmt.Errorf("pages %x are dirty, the segment is not", c.pages)
		}
	}
	return nil
}

// TestComputedInvariantsAreChecked breaks a sound computed segment in one place at a time.
func TestComputedInvariantsAreChecked(t *testing.T) {
	for _, c := range []struct {
		name, want string
		harm       func(*Shard, *computed)
	}{
		{"state changed", "counts", func(_ *Shard, c *computed) { c.states.v[70] ^= 2 }},
		{"rare state lost", "counts", func(_ *Shard, c *computed) { delete(c.rare, 7) }},
		{"rare state too many", "rare", func(_ *Shard, c *computed) { c.rare[8] = Leased }},
		{"counter", "counter", func(_ *Shard, c *computed) { c.stock.v[3]-- }},
		{"base", "base", func(_ *Shard, c *computed) { c.Base++ }},
		{"first ordinal", "run says", func(_ *Shard, c *computed) { c.First++ }},
		{"run directory", "directory", func(s *Shard, _ *computed) { s.byRun[1], s.byRun[2] = s.byRun[2], s.byRun[1] }},
		{"not drawable", "drawable", func(s *Shard, _ *computed) { delete(s.byBatch, 1) }},
		{"stock", "stock", func(s *Shard, _ *computed) { s.pool.stock(1).avail[0].Add(1) }},
		{"page", "dirty", func(_ *Shard, c *computed) { c.dirty = false }},
	} {
		p, err := New(1)
		if err != nil {
			t.Fatal(err)
		}
		for id := range uint32(2) {
			r, err := p.NewComputedRun(id+1, id+1, 0, 5*stockBlock+1, func(uint32) string { return "" })
			if err != nil {
				t.Fatal(err)
			}
			r.Activate(Available, nil)
		}
		s := &p.shards[0]
		seg := s.SegmentOf(1)
		s.Move(seg, seg.Base+7, Available, Leased)
		if err := checkInvariants(p); err != nil {
			t.Fatal(err)
		}
		c.harm(s, s.computed[0])
		if err := checkInvariants(p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", c.name, err, c.want)
		}
		p.Close()
	}
}

func TestPlace(t *testing.T) {
	for _, c := range [][2]uint32{{1, 0}, {1<<27 - 1, 1<<32 - 2}, {7, 123456}} {
		k := ComputedKey(3, c[0], 1<<32-1, c[1])
		if run, ordinal := k.Place(); !k.Computed() || run != c[0] || ordinal != c[1] {
			t.Errorf("ordinal %d of run %d is read as %d of %d", c[1], c[0], ordinal, run)
		}
	}
}
