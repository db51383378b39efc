package shard

import (
	"fmt"
	"math"
)

// Run is a set of codes added together, in the order of their hashes; its parts
// are the shards' segments. Between Pool.NewRun and Activate its codes are Pending:
// they block their text and answer nothing. A Run is used by one goroutine until
// it is activated and never changes after.
type Run struct {
	ID, Batch, Space uint32
	pool             *Pool
	text             func(ordinal uint32) string // of a computed run's codes
	starts           []uint32                    // first ordinal in each shard; the last entry is the count
	next             int                         // shard to be added to next
	initial          State                       // of its codes when they become live
}

// NewRun begins a run. The caller numbers runs from 1 without gaps of note.
func (p *Pool) NewRun(id, batch, space uint32) *Run {
	p.ensureStock(batch)
	return &Run{ID: id, Batch: batch, Space: space, pool: p, starts: make([]uint32, 1, len(p.shards)+1)}
}

// Len returns the number of codes in the run.
func (r *Run) Len() int { return int(r.starts[len(r.starts)-1]) }

// Reserve makes room for n more codes spread evenly over all shards: for a caller that knows
// what a batch will hold. There is no spare, unless what is added is so little beside what
// is there that every batch would have all of it moved.
func (p *Pool) Reserve(n int) error {
	// Four standard deviations above the mean of a binomial split.
	each := float64(n) / float64(len(p.shards))
	room := int(each+4*math.Sqrt(each)) + 1
	for i := range p.shards {
		s := p.Lock(i)
		if s == nil {
			return errClosed
		}
		err := s.reserve(room, 0, room >= int(s.n)/ExactFrom)
		s.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// ExactFrom is how many codes may be there for each that is to come so that room for them is
// made without spare.
const ExactFrom = 4

// AddPacked adds packed codes, sorted by hash, that all route to the run's next
// shard or to later ones; hashes[i] belongs to words[i]. A code that exists already
// in the namespace, or stands twice, is left out: both slices are compacted to
// what was added, whose number is returned.
func (r *Run) AddPacked(hashes, words []uint64) (int, error) {
	for _, w := range words {
		if w >= WideMark {
			return 0, fmt.Errorf("shard: %#x is not a packed code", w)
		}
	}
	out := 0
	for at := 0; at < len(hashes); {
		sh := r.pool.Route(hashes[at])
		end := at + 1
		for end < len(hashes) && r.pool.Route(hashes[end]) == sh {
			end++
		}
		_, err := r.addTo(sh, end-at, 0, func(s *Shard, i int) (uint64, bool) {
			k := Key{Hash: hashes[at+i], Word: words[at+i], Space: r.Space}
			if _, _, dup := s.Find(&k); dup {
				return 0, false
			}
			s.words.v[s.n] = k.Word
			hashes[out], words[out] = k.Hash, k.Word
			out++
			return k.Hash, true
		})
		if err != nil {
			return out, err
		}
		at = end
	}
	return out, nil
}

// AddKeys is AddPacked for packed and wide codes mixed. It compacts keys.
func (r *Run) AddKeys(keys []Key) (int, error) {
	out := 0
	for at := 0; at < len(keys); {
		sh := r.pool.Route(keys[at].Hash)
		end, text := at, 0
		for end < len(keys) && r.pool.Route(keys[end].Hash) == sh {
			if keys[end].Computed() {
				return out, fmt.Errorf("shard: %#x is a computed code, which cannot be added", keys[end].Word)
			}
			if n := len(keys[end].Wide); n > maxWideLen {
				return out, fmt.Errorf("shard: a wide code of %d bytes: at most %d are allowed", n, maxWideLen)
			}
			text += len(keys[end].Wide)
			end++
		}
		_, err := r.addTo(sh, end-at, text, func(s *Shard, i int) (uint64, bool) {
			k := &keys[at+i]
			if _, _, dup := s.Find(k); dup {
				return 0, false
			}
			s.words.v[s.n] = k.Word
			if k.Word >= WideMark {
				s.words.v[s.n] = WideMark | uint64(len(k.Wide))<<40 | uint64(s.wideN)
				s.wideN += copy(s.wide.v[s.wideN:], k.Wide)
			}
			keys[out] = *k
			out++
			return keys[out-1].Hash, true
		})
		if err != nil {
			return out, err
		}
		at = end
	}
	return out, nil
}

// addTo opens the run's segment in shard sh and offers it n codes; add writes the
// word at s.n and returns the hash, or reports that the code is left out.
func (r *Run) addTo(sh, n, text int, add func(s *Shard, i int) (hash uint64, ok bool)) (int, error) {
	if r.text != nil {
		return 0, fmt.Errorf("shard: nothing can be added to run %d, which is computed", r.ID)
	}
	if sh < r.next {
		return 0, fmt.Errorf("shard: codes of a run must come in the order of their hashes")
	}
	s := r.pool.Lock(sh)
	if s == nil {
		return 0, errClosed
	}
	defer s.Unlock()
	if err := s.reserve(n, text, false); err != nil {
		return 0, err
	}
	for r.next <= sh { // shards that got nothing are empty ranges
		r.starts = append(r.starts, r.starts[r.next])
		r.next++
	}
	seg := s.openSegment(r)
	seg.First = r.starts[sh]
	s.fillStates(s.n, uint32(n), Pending) // before the loop: a second copy must find the first
	for i := range n {
		seg.Len++
		if hash, ok := add(s, i); ok {
			s.place(hash, s.n)
			s.n++
		} else {
			seg.Len--
		}
	}
	added := seg.Len
	s.fillStates(s.n, uint32(n)-added, Void)
	seg.Counts[Pending] = added
	r.starts[sh+1] += added
	if added == 0 {
		s.dropLastSegment()
	}
	return int(added), nil
}

// Activate makes the run's codes live, all in state initial, or as packed in
// states (two in a byte by ordinal, low half first) when that is not nil, and makes
// the run known to the pool. It returns false when the pool is closed.
func (r *Run) Activate(initial State, states []byte) bool {
	for len(r.starts) <= len(r.pool.shards) {
		r.starts = append(r.starts, r.starts[len(r.starts)-1])
	}
	r.initial = initial
	r.pool.runs.set(r.ID, r)
	return r.eachSegment(func(s *Shard, seg *Segment) {
		if seg.isComputed() {
			s.activateComputed(s.computedOf(seg), initial, states)
		} else {
			s.activateStored(seg, initial, states)
		}
		s.link(seg)
	})
}

func (s *Shard) activateStored(seg *Segment, initial State, states []byte) {
	if states == nil {
		s.fillStates(seg.Base, seg.Len, initial)
	} else {
		for p := seg.Base; p < seg.Base+seg.Len; p++ {
			s.putState(p, stateOf(states, seg.Ordinal(p)))
		}
	}
	s.recount(seg)
}

// Abandon takes back the codes of a run that was never activated. Their texts are
// free again; their memory returns when the pool is closed, or at once if they are computed.
func (r *Run) Abandon() {
	for len(r.starts) <= len(r.pool.shards) {
		r.starts = append(r.starts, r.starts[len(r.starts)-1])
	}
	r.eachSegment(func(s *Shard, seg *Segment) {
		if seg.isComputed() {
			s.dropComputed(func(c *computed) bool { return c.run == r })
			return
		}
		s.fillStates(seg.Base, seg.Len, Void)
		seg.Counts = [NumStates]uint32{Void: seg.Len}
		s.byRun[r.ID] = -1
	})
}

func (r *Run) eachSegment(f func(*Shard, *Segment)) bool {
	for i := range r.pool.shards {
		if r.starts[i] == r.starts[i+1] {
			continue
		}
		s := r.pool.Lock(i)
		if s == nil {
			return false
		}
		if seg := s.SegmentOf(r.ID); seg != nil {
			f(s, seg)
		}
		s.Unlock()
	}
	return true
}

// Run returns an activated run, or nil.
func (p *Pool) Run(id uint32) *Run { return p.runs.get(id) }

// ShardOf returns the shard that holds an ordinal, or -1 if the run has no such code.
func (r *Run) ShardOf(ordinal uint32) int {
	lo, hi := 0, len(r.starts)-1
	if ordinal >= r.starts[hi] {
		return -1
	}
	for hi-lo > 1 { // starts[lo] <= ordinal < starts[hi]
		if mid := int(uint(lo+hi) >> 1); r.starts[mid] <= ordinal {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// Range returns the ordinals of the run that shard i holds.
func (r *Run) Range(i int) (first, end uint32) { return r.starts[i], r.starts[i+1] }
