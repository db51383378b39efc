package store

import (
	"sort"
	"sync"
	"sync/atomic"

	"codepool/store/internal/journal"
)

// survey knows with which record each entry of the ledger begins, eight bytes an entry, so
// that a query gets an entry by its key: to look for the one before a number has the
// engine read a block of each of its tables. The first query asks for it; it is drawn up
// behind the callers, from keys alone, and carried on with each checkpoint. Until it
// reaches a number entries are looked for.
type survey struct {
	wanted atomic.Bool
	kick   chan struct{} // one token: somebody wants more of it

	mu     sync.RWMutex
	firsts []uint64 // ascending; the last entry's end is not known yet
}

// surveyPart is how many entries are read before others may have the maintainer.
const surveyPart = 1 << 16

// entry returns the number of the first record of the entry that holds a record, if the
// survey has come so far.
func (y *survey) entry(number uint64) (first uint64, known bool) {
	if !y.wanted.Swap(true) {
		kick(y.kick)
	}
	y.mu.RLock()
	defer y.mu.RUnlock()
	if len(y.firsts) == 0 || number < y.firsts[0] || number >= y.firsts[len(y.firsts)-1] {
		return 0, false
	}
	return y.firsts[lastUpTo(y.firsts, number)], true
}

// lastUpTo returns the index of the last of some ascending numbers that is not above number;
// it lies between the first and the last of them. Entries hold like numbers of records, so
// that a place in proportion is near (interpolation search), and the rest is looked for from
// there in steps that double.
func lastUpTo(sorted []uint64, number uint64) int {
	last := len(sorted) - 1
	lo := int(float64(number-sorted[0]) / float64(sorted[last]-sorted[0]) * float64(last))
	hi := lo
	for step := 8; lo > 0 && sorted[lo] > number; step *= 2 {
		lo, hi = max(lo-step, 0), lo
	}
	for step := 8; hi < last && sorted[hi] <= number; step *= 2 {
		lo, hi = hi, min(hi+step, last)
	}
	return lo + sort.Search(hi-lo, func(i int) bool { return sorted[lo+1+i] > number })
}

// carryOn reads on, up to record durable, and reports whether there is more.
func (y *survey) carryOn(eng *journal.Fuse, durable uint64) (more bool, err error) {
	if !y.wanted.Load() {
		return false, nil
	}
	y.mu.RLock()
	from := uint64(0)
	if n := len(y.firsts); n > 0 {
		from = y.firsts[n-1] + 1
	}
	y.mu.RUnlock()
	var found []uint64
	err = eng.View(func(v journal.Reader) error {
		return v.Scan([]byte{keyEntry}, entryKey(from), func(key, _ []byte) error {
			if len(key) != entryKeyLen {
				return nil // a part of the index
			}
			first := be64(key[1:])
			if first > durable {
				return journal.ErrStop
			}
			found = append(found, first)
			if more = len(found) == surveyPart; more {
				return journal.ErrStop
			}
			return nil
		})
	})
	y.mu.Lock()
	y.firsts = append(y.firsts, found...)
	y.mu.Unlock()
	return more, err
}
