package store

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
)

// tokenIndex finds shared batches by token: open addressing with linear probing over
// pointers. Who reads takes no lock and has two cache misses, the slot and the shared batch,
// which many claims together can overlap (touch); a map of Go has five, with a key of three
// strings. Its zero value is empty and ready.
type tokenIndex struct {
	mu      sync.Mutex // held while it changes
	slots   atomic.Pointer[[]atomic.Pointer[shared]]
	n, used int // taken slots; and those that were
}

// wasTaken is in a slot whose shared batch has gone: those behind it are found across it.
var wasTaken = new(shared)

// tokenLoad bounds the slots that are or were taken, in eighths.
const tokenLoad = 5

// tokenHash hashes a token with its room and namespace. The top bits choose a stripe.
func tokenHash[T string | []byte](namespace, room string, token T) uint64 {
	h := xxhash.Sum64([]byte(token))
	for _, s := range [...]string{namespace, room} {
		// Multiplied in between: a room must not stand for a namespace.
		if h = bits.RotateLeft64(h, 23) * 0x9E3779B185EBCA87; s != "" {
			h ^= xxhash.Sum64String(s)
		}
	}
	return h ^ h>>29
}

// get returns who has a token, nil if nobody has. It takes no lock.
func (x *tokenIndex) get(hash uint64, namespace, room string, token []byte) *shared {
	p := x.slots.Load()
	if p == nil {
		return nil
	}
	slots := *p
	for i := int(hash) & (len(slots) - 1); ; i = (i + 1) & (len(slots) - 1) {
		sh := slots[i].Load()
		if sh == nil {
			return nil
		}
		if sh.hash == hash && sh.token == string(token) && sh.room == room && sh.namespace == namespace {
			return sh
		}
	}
}

// touch returns what is in the first slot of a hash.
func (x *tokenIndex) touch(hash uint64) *shared {
	if p := x.slots.Load(); p != nil {
		return (*p)[int(hash)&(len(*p)-1)].Load()
	}
	return nil
}

// put adds a shared batch whose token nobody has. REQUIRES: mu.
func (x *tokenIndex) put(sh *shared) {
	var slots []atomic.Pointer[shared]
	if p := x.slots.Load(); p != nil {
		slots = *p
	}
	if (x.used+1)*8 > len(slots)*tokenLoad {
		slots = x.grow(slots)
	}
	i := int(sh.hash) & (len(slots) - 1)
	for slots[i].Load() != nil {
		i = (i + 1) & (len(slots) - 1)
	}
	slots[i].Store(sh)
	x.n, x.used = x.n+1, x.used+1
}

// grow makes room for as many again as there are, without the slots that were taken.
// Readers of the old slots find what was there.
func (x *tokenIndex) grow(old []atomic.Pointer[shared]) []atomic.Pointer[shared] {
	size := 8
	for (2*x.n+1)*8 > size*tokenLoad {
		size *= 2
	}
	slots := make([]atomic.Pointer[shared], size)
	for i := range old {
		if sh := old[i].Load(); sh != nil && sh != wasTaken {
			j := int(sh.hash) & (size - 1)
			for slots[j].Load() != nil {
				j = (j + 1) & (size - 1)
			}
			slots[j].Store(sh)
		}
	}
	x.used = x.n
	x.slots.Store(&slots)
	return slots
}

// remove takes a shared batch out, if it is there, and reports whether it was. REQUIRES: mu.
func (x *tokenIndex) remove(sh *shared) bool {
	p := x.slots.Load()
	if p == nil {
		return false
	}
	slots := *p
	for i := int(sh.hash) & (len(slots) - 1); slots[i].Load() != nil; i = (i + 1) & (len(slots) - 1) {
		if slots[i].Load() == sh {
			slots[i].Store(wasTaken)
			x.n--
			return true
		}
	}
	return false
}

// each calls f for all.
func (x *tokenIndex) each(f func(*shared)) {
	if p := x.slots.Load(); p != nil {
		for i := range *p {
			if sh := (*p)[i].Load(); sh != nil && sh != wasTaken {
				f(sh)
			}
		}
	}
}
