package shard

import "math/bits"

// Computed codes have two bits of state: in stock is zero, so that memory nobody has
// written to is a full stock. The last value stands for Revoked and for all states in
// which few codes are at a time; a map has these.
const (
	pairs    = 32 // states in a word
	pairOnes = 0x5555_5555_5555_5555
	otherTwo = 3

	// stockBlock is how many codes share a counter: a draw looks at 32 words at most,
	// and the counters of a billion codes take 4 MB.
	stockBlock = 1024
)

var (
	ofTwo = [4]State{Available, Issued, Redeemed, Revoked}
	twoOf = [NumStates]uint64{Void: otherTwo, Available: 0, Leased: otherTwo, Issued: 1, Redeemed: 2,
		Revoked: otherTwo, Pending: otherTwo, Drawing: otherTwo, Held: otherTwo}
)

// at returns the state of the code at a place in the segment.
func (c *computed) at(i uint32) State {
	if !c.live() {
		return Pending
	}
	two := c.states.v[i/pairs] >> (i % pairs * 2) & 3
	if two == otherTwo {
		if st, ok := c.rare[i]; ok {
			return st
		}
	}
	return ofTwo[two]
}

// put sets a state. REQUIRES: the segment is live.
func (c *computed) put(i uint32, st State) {
	w, sh := &c.states.v[i/pairs], i%pairs*2
	if *w>>sh&3 == otherTwo {
		delete(c.rare, i)
	}
	two := twoOf[st]
	*w = *w&^(3<<sh) | two<<sh
	if two == otherTwo && st != Revoked {
		if c.rare == nil {
			c.rare = make(map[uint32]State)
		}
		c.rare[i] = st
	}
}

// move is Shard.Move without the counters.
func (c *computed) move(i uint32, from, to State) bool {
	if c.at(i) != from {
		return false
	}
	c.put(i, to)
	page := c.pageOf(i)
	c.pages[page/64] |= 1 << (page % 64)
	return true
}

// activate makes the segment live, all of it in one state.
func (c *computed) activate(initial State) {
	c.states = makeArray[uint64](int(c.Len-1)/pairs + 1)
	c.stock = makeArray[uint32](int(c.Len-1)/stockBlock + 1)
	c.Counts = [NumStates]uint32{}
	c.Counts[initial] = c.Len
	if initial == Available {
		for b := range c.stock.v {
			// Counter b is the sum of as many blocks up to b as the lowest bit of b+1 says.
			end := uint32(b+1) * stockBlock
			c.stock.v[b] = min(end, c.Len) - (end - uint32((b+1)&-(b+1))*stockBlock)
		}
		return
	}
	for i := range c.Len {
		c.put(i, initial)
	}
}

// load sets the states of ordinals from first up to but not including end; ordinal o is
// at half o-origin of states. It returns by how much the stock has grown.
func (c *computed) load(first, end, origin uint32, states []byte) (grown int32) {
	for o := first; o < end; {
		block := (o - c.First) / stockBlock
		before := c.Counts[Available]
		for n := min(end-o, (block+1)*stockBlock-(o-c.First)); n > 0; o, n = o+1, n-1 {
			i, to := o-c.First, stateOf(states, o-origin)
			if from := c.at(i); from != to {
				c.put(i, to)
				c.Counts[from]--
				c.Counts[to]++
			}
		}
		if by := c.Counts[Available] - before; by != 0 {
			c.add(block, by)
			grown += int32(by)
		}
	}
	return grown
}

// activateComputed is activate, and load if states is not nil, for a segment of the shard.
func (s *Shard) activateComputed(c *computed, initial State, states []byte) {
	c.activate(initial)
	s.pool.stock(c.Batch).avail[s.index].Add(int32(c.Counts[Available]))
	if states != nil {
		s.loadComputed(c, c.First, c.First+c.Len, 0, states)
	}
}

// loadComputed is load for a segment of the shard.
func (s *Shard) loadComputed(c *computed, first, end, origin uint32, states []byte) {
	s.pool.stock(c.Batch).avail[s.index].Add(c.load(first, end, origin, states))
}

// count notes that the code at a place has come into stock or left it.
func (c *computed) count(i uint32, in bool) {
	if in {
		c.add(i/stockBlock, 1)
	} else {
		c.add(i/stockBlock, ^uint32(0))
	}
}

// add adds to the counter of a block, modulo 2^32, so that it can take away, too [Fenwick,
// "A new data structure for cumulative frequency tables", 1994].
func (c *computed) add(block, by uint32) {
	t := c.stock.v
	for b := int(block) + 1; b <= len(t); b += b & -b {
		t[b-1] += by
	}
}

// chooseComputed returns the place of an available code, each with the same chance; rank is
// a random one. While half of them are in stock it is two random places, on average, that
// are looked at; then the rank decides. Either way no code is preferred.
func (s *Shard) chooseComputed(c *computed, rank uint32) uint32 {
	if c.Counts[Available] < c.Len/2 {
		return c.selectAvailable(rank)
	}
	for {
		if i := s.below(c.Len); c.at(i) == Available {
			return i
		}
	}
}

// selectAvailable returns the place of the rank-th available code.
// REQUIRES: rank < c.Counts[Available], so what the last word has behind the last code is
// not reached.
func (c *computed) selectAvailable(rank uint32) uint32 {
	t, block := c.stock.v, 0
	for step := 1 << (bits.Len(uint(len(t))) - 1); step > 0; step /= 2 {
		if next := block + step; next <= len(t) && rank >= t[next-1] {
			block, rank = next, rank-t[next-1]
		}
	}
	for word := uint32(block) * (stockBlock / pairs); word < uint32(len(c.states.v)); word++ {
		w := c.states.v[word]
		z := ^(w | w>>1) & pairOnes // the low bit of each pair that is available
		if n := uint32(bits.OnesCount64(z)); rank >= n {
			rank -= n
			continue
		}
		for ; rank > 0; rank-- {
			z &= z - 1
		}
		return word*pairs + uint32(bits.TrailingZeros64(z))/2
	}
	panic("shard: counters and states disagree") // unreachable, as for stored codes
}
