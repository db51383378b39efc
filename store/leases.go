package store

import (
	"container/heap"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"codepool/shard"
)

// lease is a lease, a hold or a quarantine that has not ended.
type lease struct {
	number uint64
	until  int64 // µs; it holds iff now < until
	b      *batch
	codes  []drawnCode // by run and ordinal
	from   shard.State // where they go back to
	kind   leaseKind
	user   string // of a hold
	place  int    // in the heap
}

// leaseKind is what a lease is.
type leaseKind byte

const (
	leasing leaseKind = iota // codes that were drawn for a time
	holding                  // one code that is reserved for user
	resting                  // one code of a reusable batch that was released
	burned                   // one that was redeemed
)

// String names what callers can end.
func (k leaseKind) String() string {
	if k == holding {
		return "reservation"
	}
	return "lease"
}

// isOver is ErrLeaseOver for one of this kind.
func (k leaseKind) isOver(number uint64) error {
	return inWords(ErrLeaseOver, "the time of %v %d is over", k, number)
}

// state is that of the lease's codes.
func (l *lease) state() shard.State {
	switch l.kind {
	case holding:
		return shard.Held
	case burned:
		return shard.Redeemed
	}
	return shard.Leased
}

// over is the kind of the record that ends it when its time is over.
func (l *lease) over() byte {
	if l.kind == burned {
		return recReturn
	}
	return recOver
}

// rest is the quarantine of a code that record number redeemed at a time.
func (b *batch) rest(number uint64, at int64, c drawnCode) *lease {
	return &lease{number: number, until: at + b.Quarantine.Microseconds(), b: b, codes: []drawnCode{c}, from: shard.Available, kind: burned}
}

// leaseTable has the leases and holds that have not ended. Whoever takes one out is the
// only one to end it, and puts it in again if that fails.
//
// A checkpoint writes the numbers in it; what a lease is stands in the ledger.
type leaseTable struct {
	mu     sync.Mutex
	live   map[uint64]*lease
	due    leaseHeap
	ending *lease        // taken out because its time is over, and its codes not moved yet
	next   atomic.Int64  // when the first is over, and that one's; forever if there is none
	some   chan struct{} // one token: another lease is the first

	over sync.Mutex // held by whoever ends what is over: others wait until it is where it belongs
}

func newLeaseTable() *leaseTable {
	t := &leaseTable{live: map[uint64]*lease{}, some: make(chan struct{}, 1)}
	t.next.Store(forever)
	return t
}

// errNoLease says that a lease is not in the table: it has ended, or never was.
var errNoLease = errors.New("no such lease")

func (t *leaseTable) add(l *lease) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live[l.number] = l
	heap.Push(&t.due, l)
	t.setNextLocked()
	if l.place == 0 {
		kick(t.some)
	}
}

// take takes a lease out whose time is not over.
func (t *leaseTable) take(number uint64, kind leaseKind, at int64) (*lease, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.live[number]
	switch {
	case l == nil || l.kind != kind:
		return nil, errNoLease
	case at >= l.until:
		return nil, ErrLeaseOver
	}
	t.removeLocked(l)
	return l, nil
}

// takeOver takes out a lease whose time is over, nil if there is none. Until moved is called
// it counts as the next one. REQUIRES: over.
func (t *leaseTable) takeOver(at int64) *lease {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.due) == 0 || at < t.due[0].until {
		return nil
	}
	t.ending = t.due[0]
	t.removeLocked(t.ending)
	return t.ending
}

// moved says that the codes of the lease that takeOver returned are where they belong, or
// that it is in the table again.
func (t *leaseTable) moved() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ending = nil
	t.setNextLocked()
}

func (t *leaseTable) setNextLocked() {
	next := int64(forever)
	if len(t.due) > 0 {
		next = t.due[0].until
	}
	if t.ending != nil {
		next = min(next, t.ending.until)
	}
	t.next.Store(next)
}

// count counts the leases that f picks.
func (t *leaseTable) count(f func(*lease) bool) (n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.live {
		if f(l) {
			n++
		}
	}
	return n
}

// drop forgets a lease, if it is there: for recovery.
func (t *leaseTable) drop(number uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.live[number]; l != nil {
		t.removeLocked(l)
	}
}

// removeCode takes a code that is revoked out of its lease, and returns the lease; nil if
// none has it. It looks at all leases: that is rare.
func (t *leaseTable) removeCode(c drawnCode) *lease {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.live {
		i, found := slices.BinarySearchFunc(l.codes, c, drawnCode.compare)
		if !found {
			continue
		}
		l.codes = slices.Delete(slices.Clone(l.codes), i, i+1)
		if l.kind != leasing {
			t.removeLocked(l)
		}
		return l
	}
	return nil
}

// putCode undoes removeCode.
func (t *leaseTable) putCode(l *lease, c drawnCode) {
	t.mu.Lock()
	i, _ := slices.BinarySearchFunc(l.codes, c, drawnCode.compare)
	l.codes = slices.Insert(l.codes, i, c)
	t.mu.Unlock()
	if l.kind != leasing {
		t.add(l)
	}
}

func (t *leaseTable) removeLocked(l *lease) {
	delete(t.live, l.number)
	heap.Remove(&t.due, l.place)
	t.setNextLocked()
}

// hold returns a hold that has not ended, and its code, and leaves it there; nil if there is
// none. Whoever revokes the code takes it out of the hold.
func (t *leaseTable) hold(number uint64) (l *lease, code drawnCode) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l = t.live[number]; l == nil || l.kind != holding || len(l.codes) == 0 {
		return nil, code
	}
	return l, l.codes[0]
}

// has reports whether a lease of a kind has not ended.
func (t *leaseTable) has(number uint64, kind leaseKind) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.live[number]
	return l != nil && l.kind == kind
}

// numbers returns those up to a number, in no order.
func (t *leaseTable) numbers(upto uint64) []uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]uint64, 0, len(t.live))
	for n := range t.live {
		if n <= upto {
			out = append(out, n)
		}
	}
	return out
}

// pictureOfLeases returns the numbers up to upto, and the last record that they may have
// ended with: nobody is between table and journal.
func (s *Store) pictureOfLeases(upto uint64) (numbers []uint64, last uint64) {
	s.draws.Lock()
	defer s.draws.Unlock()
	return s.leases.numbers(upto), s.com.lastRecord()
}

// endOver ends the leases whose time is over at a time. It journals and does not wait: the
// next group has it. While nothing is written they stay.
func (s *Store) endOver(at int64) {
	s.leases.over.Lock()
	defer s.leases.over.Unlock()
	for s.com.refusal() == nil && s.dir.room(false) == nil {
		if !s.endFirst(at) {
			return
		}
	}
}

// endOvers is for those who only look, and need no clock where there is no lease.
func (s *Store) endOvers() {
	if s.leases.next.Load() != forever {
		s.now()
	}
}

// endFirst ends the first lease whose time is over, and reports whether there was one.
// REQUIRES: leases.over.
func (s *Store) endFirst(at int64) bool {
	s.draws.RLock()
	defer s.draws.RUnlock()
	l := s.leases.takeOver(at)
	if l == nil {
		return false
	}
	defer s.leases.moved()
	_, g, err := s.com.append(at, appendEnd(nil, l.over(), l.from, l, "", ""), 1, nil, false)
	if err != nil {
		s.leases.add(l)
		return false
	}
	s.putLeased(l, l.from, g.n)
	return true
}

// lapser ends leases and shared batches whose time is over while nobody asks for anything.
type lapser struct {
	quit, stopped chan struct{}
}

// The clock is the store's, which need not be that of timers: while there are leases it
// is read at least every lapseMost.
const (
	lapseLeast = 10 * time.Millisecond
	lapseMost  = time.Second
)

func startLapser(s *Store) *lapser {
	l := &lapser{quit: make(chan struct{}), stopped: make(chan struct{})}
	go func() {
		defer close(l.stopped)
		timer := time.NewTimer(lapseMost)
		defer timer.Stop()
		for {
			at := int64(0)
			if min(s.leases.next.Load(), s.shares.next.Load()) != forever {
				if at = s.now(); at >= s.shares.next.Load() {
					s.endShares(at)
				}
			}
			if next := min(s.leases.next.Load(), s.shares.next.Load()); next != forever {
				timer.Reset(max(time.Duration(min(next-at, lapseMost.Microseconds()))*time.Microsecond, lapseLeast))
			} else {
				timer.Stop()
			}
			select {
			case <-l.quit:
				return
			case <-s.leases.some:
			case <-timer.C:
			}
		}
	}()
	return l
}

func (l *lapser) stop() {
	close(l.quit)
	<-l.stopped
}

// leaseHeap orders leases by when they are over.
type leaseHeap []*lease

func (h leaseHeap) Len() int           { return len(h) }
func (h leaseHeap) Less(i, j int) bool { return h[i].until < h[j].until }
func (h leaseHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}
func (h *leaseHeap) Push(x any) {
	l := x.(*lease)
	l.place = len(*h)
	*h = append(*h, l)
}
func (h *leaseHeap) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return l
}
