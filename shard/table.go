package shard

import (
	"math/bits"
	"unsafe"
)

// The table holds 32-bit slots: a tag from the hash's low bits above a position,
// counted from one. With 2^20 positions 12 bits of tag remain, so a probe reads
// another code's word once in 4096 slots. A slot's index is the high half of
// (hash without its routing bits) × capacity [Lemire, "A fast alternative to the
// modulo reduction", 2016], so slots stand in hash order, any capacity will do and
// adding a sorted run writes the table from front to back.
const (
	// maxLoad bounds occupied slots ÷ capacity. Linear probing looks at 3 slots for
	// a hit and 13 for a miss at 0.8, 4 and 22 at 0.85 [Knuth 6.4]; 16 slots share a cache line and the
	// gate keeps misses away.
	maxLoad = 0.85
	// grownLoad is the load right after growth by need; repeated small growth costs
	// a rebuild each time a quarter has been added.
	grownLoad    = 0.64
	minSlots     = 16
	segmentBytes = int64(unsafe.Sizeof(Segment{}))
)

func (s *Shard) slotOf(hash uint64) int {
	hi, _ := bits.Mul64(hash<<s.pool.route, uint64(len(s.table.v)))
	return int(hi)
}

// Find returns the position of the code and its segment. A code that is Void does
// not exist; one that is Pending is found, so that it is not added twice. The
// segment stays valid until the next add to this shard.
func (s *Shard) Find(k *Key) (pos uint32, seg *Segment, ok bool) {
	if k.Computed() {
		return s.findComputed(k)
	}
	t := s.table.v
	if len(t) == 0 {
		return 0, nil, false
	}
	return s.findFrom(k, s.slotOf(k.Hash))
}

// findFrom is Find from a slot on, which is the code's own or one behind it.
func (s *Shard) findFrom(k *Key, slot int) (pos uint32, seg *Segment, ok bool) {
	for tag := uint32(k.Hash) &^ s.posMask; ; {
		e, at := s.tagged(tag, slot)
		if e == 0 {
			return 0, nil, false
		}
		if p := e&s.posMask - 1; s.holds(p, k) {
			if seg = s.segmentAt(p); seg.Space == k.Space {
				return p, seg, true
			}
		}
		if slot = at + 1; slot == len(s.table.v) {
			slot = 0
		}
	}
}

// tagged returns the first slot with the tag, from slot i on, and its index; an empty
// slot (0) ends the search.
func (s *Shard) tagged(tag uint32, i int) (e uint32, at int) {
	for t := s.table.v; ; {
		if e = t[i]; e == 0 || e&^s.posMask == tag {
			return e, i
		}
		if i++; i == len(t) {
			i = 0
		}
	}
}

// holds compares the whole code (I5: identity is never a hash).
func (s *Shard) holds(p uint32, k *Key) bool {
	w := s.words.v[p]
	if k.Word < WideMark {
		return w == k.Word && s.stateAt(p) != Void
	}
	return w >= WideMark && string(s.wideText(w)) == k.Wide && s.stateAt(p) != Void
}

// A wide word is WideMark | length<<40 | offset into the shard's texts.
func (s *Shard) wideText(w uint64) []byte {
	off, n := w&(1<<40-1), w>>40&0xFFFFF
	return s.wide.v[off : off+n]
}

// FindAll looks for keys[i] for every i in idx and puts its position into pos[i]
// and its segment's index into segs[i], or -1. It first touches all slots, then the
// words that their tags lead to, then compares: the cache misses of one shard overlap
// instead of queueing, which costs a tenth (some 13 ns each for 130).
func (s *Shard) FindAll(keys []Key, idx []int32, pos, segs []int32) {
	t := s.table.v
	if len(t) == 0 {
		for _, i := range idx {
			pos[i] = -1
		}
		return
	}
	const window = 64
	var slot [window]int32
	for len(idx) > 0 {
		part := idx[:min(window, len(idx))]
		idx = idx[len(part):]
		var sink uint64
		for j, i := range part {
			if keys[i].Computed() {
				slot[j] = -1
				sink += s.touchComputed(&keys[i])
				continue
			}
			at := s.slotOf(keys[i].Hash)
			slot[j] = int32(at)
			sink += uint64(t[at])
		}
		for j, i := range part {
			if slot[j] < 0 {
				continue
			}
			e, at := s.tagged(uint32(keys[i].Hash)&^s.posMask, int(slot[j]))
			slot[j] = int32(at)
			if p := e&s.posMask - 1; e != 0 {
				sink += s.words.v[p] + s.states.v[p/lanes]
			}
		}
		s.touched += sink
		for j, i := range part {
			var p uint32
			var seg *Segment
			var ok bool
			if slot[j] < 0 {
				p, seg, ok = s.findComputed(&keys[i])
			} else {
				p, seg, ok = s.findFrom(&keys[i], int(slot[j]))
			}
			if !ok {
				pos[i] = -1
				continue
			}
			pos[i], segs[i] = int32(p), s.byRun[seg.Run]
		}
	}
}

// place puts position p into the first free slot from the hash's own on.
func (s *Shard) place(hash uint64, p uint32) {
	t := s.table.v
	i := s.slotOf(hash)
	for t[i] != 0 {
		if i++; i == len(t) {
			i = 0
		}
	}
	t[i] = uint32(hash)&^s.posMask | (p + 1)
	s.used++
}

// reserve makes room for n more codes with wideBytes of text. With exact, the
// arrays get that size and no spare room: the caller knows what will come.
func (s *Shard) reserve(n, wideBytes int, exact bool) error {
	need := int(s.n) + n
	if need > computedFrom-2 {
		return ErrFull
	}
	s.words.grow(int(s.n), need, exact)
	words := (need + lanes - 1) / lanes
	s.states.grow((int(s.n)+lanes-1)/lanes, words, exact)
	s.wide.grow(s.wideN, s.wideN+wideBytes, exact)
	if s.used+n > s.limit || uint32(need+1) > s.posMask {
		load := grownLoad
		if exact {
			load = maxLoad
		}
		s.rebuild(max(minSlots, int(float64(s.used+n)/load)+2), need)
	}
	return nil
}

// rebuild makes a table of the given capacity for up to maxPos positions or what
// the load allows, whichever is more, and enters every live position anew.
func (s *Shard) rebuild(capacity, maxPos int) {
	s.table.free()
	s.table = makeArray[uint32](capacity)
	s.limit = int(float64(capacity) * maxLoad)
	voids := int(s.n) - s.used
	s.posMask = 1<<uint(bits.Len(uint(max(maxPos, s.limit+voids)+1))) - 1
	s.used = 0
	for i := range s.segs {
		seg := &s.segs[i]
		for p := seg.Base; p < seg.Base+seg.Len; p++ {
			if s.stateAt(p) != Void {
				s.place(s.hashAt(p, seg.Space), p)
			}
		}
	}
}

func (s *Shard) hashAt(p, space uint32) uint64 {
	if w := s.words.v[p]; w < WideMark {
		return HashPacked(space, w)
	} else {
		return HashWide(space, string(s.wideText(w)))
	}
}

// KeyAt returns the code at a position, with its text if it is wide or computed. The text
// of a wide code is a copy.
func (s *Shard) KeyAt(pos uint32, seg *Segment) Key {
	if pos >= computedFrom {
		return s.computedOf(seg).key(pos - seg.Base)
	}
	w := s.words.v[pos]
	if w < WideMark {
		return PackedKey(seg.Space, w)
	}
	return WideKey(seg.Space, string(s.wideText(w)))
}

// WordAt returns the packed word at pos, or the word of a wide or computed code's key
// and its text appended to dst.
func (s *Shard) WordAt(pos uint32, dst []byte) (word uint64, text []byte) {
	if pos >= computedFrom {
		c := s.computedAt(pos)
		k := c.key(pos - c.Base)
		return k.Word, append(dst, k.Wide...)
	}
	w := s.words.v[pos]
	if w < WideMark {
		return w, dst
	}
	return WideMark, append(dst, s.wideText(w)...)
}
