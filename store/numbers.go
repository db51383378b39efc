package store

import (
	"math/bits"
	"sync/atomic"
)

// numbers finds records' numbers by a hash: open addressing with linear probing, so that
// a question costs one cache miss, where a built-in map has two or three. Its zero value is
// empty and ready. It is used under a lock, but for place: so what is read there is written
// by atomic stores.
type numbers struct {
	slots atomic.Pointer[[]numberSlot]
	n     int
	more  map[uint64][]uint64 // further numbers of a hash
}

type numberSlot struct{ hash, number uint64 } // number 0: free

// numbersLoad bounds the occupied slots, in eighths.
const numbersLoad = 5

// home is the first slot in which a hash can be.
func home(hash uint64, slots int) int {
	// The top bits choose the stripe of a keyTable: all hashes of a table share them.
	i, _ := bits.Mul64(hash<<stripeBits, uint64(slots))
	return int(i)
}

// place is the first slot of a hash, or nil. It takes no lock; only atomic loads may follow.
func (t *numbers) place(hash uint64) *uint64 {
	p := t.slots.Load()
	if p == nil {
		return nil
	}
	return &(*p)[home(hash, len(*p))].hash
}

// find returns the slot of a hash or the free one where it would be.
func find(slots []numberSlot, hash uint64) *numberSlot {
	for i := home(hash, len(slots)); ; {
		s := &slots[i]
		if s.number == 0 || s.hash == hash {
			return s
		}
		if i++; i == len(slots) {
			i = 0
		}
	}
}

// appendTo appends the numbers of a hash to dst.
func (t *numbers) appendTo(dst []uint64, hash uint64) []uint64 {
	if t.n == 0 {
		return dst
	}
	if n := find(*t.slots.Load(), hash).number; n != 0 {
		dst = append(dst, n)
		if t.more != nil {
			dst = append(dst, t.more[hash]...)
		}
	}
	return dst
}

// add gives a hash a further number, which must not be 0.
func (t *numbers) add(hash, number uint64) {
	s := find(t.room(), hash)
	if s.number != 0 {
		if t.more == nil {
			t.more = map[uint64][]uint64{}
		}
		t.more[hash] = append(t.more[hash], number)
		return
	}
	atomic.StoreUint64(&s.hash, hash)
	s.number = number
	t.n++
}

// room returns the slots, of which one more can be occupied.
func (t *numbers) room() []numberSlot {
	var old []numberSlot
	if p := t.slots.Load(); p != nil {
		old = *p
	}
	if t.n*8 < len(old)*numbersLoad {
		return old
	}
	grown := make([]numberSlot, max(16, 2*len(old)))
	for _, s := range old {
		if s.number != 0 {
			*find(grown, s.hash) = s
		}
	}
	t.slots.Store(&grown)
	return grown
}

// moveTo leaves t empty and gives what it has to another, which loses what it had.
func (t *numbers) moveTo(o *numbers) {
	o.slots.Store(t.slots.Load())
	o.n, o.more = t.n, t.more
	t.slots.Store(nil)
	t.n, t.more = 0, nil
}
