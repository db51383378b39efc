package store

import (
	"container/heap"
	"sync"
	"sync/atomic"

	"codepool/gen"
)

// shared is a shared batch in memory. What is behind the locks of its stripes is written
// while all of them are held, or, of a stripe, while that one is.
type shared struct {
	hash uint64 // of namespace, room and token
	sharedDef
	number atomic.Uint64 // of its creation in the ledger; 0 while it is being created
	mark   atomic.Uint64 // group of its creation

	stripes []shareStripe
	soldOut atomic.Bool // no share is left: written with all stripes held
	// Behind all stripes:
	ended   bool   // its end is in the ledger, and says what was left:
	endLeft int64  // shares,
	endSum  int64  // and what they were worth
	endBy   bool   // somebody ended it; else its time was over
	asOf    uint64 // of recovery: the last record that its state holds

	// Behind stripe 0, of shares that are worth different amounts: who has one, by its place.
	taken []uint64 // bits
	next  int      // no share before it is left
	sum   int64    // what they are worth

	undo  sync.Mutex  // held while one of its claims is taken back
	past  atomic.Bool // ended, for those who hold no stripe
	due   int64       // in the table's heap: when it is to be looked at
	place int         // in the table's heap
}

// nextTime is when a shared batch is to be looked at next.
func (sh *shared) nextTime() int64 {
	if !sh.past.Load() && sh.until < sh.free {
		return sh.until
	}
	return sh.free
}

// shareStripe has a part of the shares that are left. Claims of a user go to one stripe, so
// that those of many users do not meet; whoever finds its stripe empty takes all stripes, and
// then there is a share or there is none.
type shareStripe struct {
	mu   sync.Mutex
	left int64
	_    [48]byte
}

const (
	// hotShares is how many shares make it worth while to have shareStripes of them.
	hotShares    = 1024
	shareStripes = 16
)

func newShared(d sharedDef) *shared {
	sh := &shared{sharedDef: d, place: -1}
	n := 1
	if d.parts == nil && d.count >= hotShares {
		n = shareStripes
	}
	sh.stripes = make([]shareStripe, n)
	if d.parts != nil {
		sh.taken = make([]uint64, (len(d.parts)+63)/64)
	}
	sh.spread(d.count)
	return sh
}

// spread puts shares that are left evenly on the stripes. REQUIRES: all stripes.
func (sh *shared) spread(left int64) {
	n := int64(len(sh.stripes))
	for i := range sh.stripes {
		sh.stripes[i].left = (left + n - 1 - int64(i)) / n
	}
	sh.soldOut.Store(left == 0)
}

// lockAll locks all stripes, in order.
func (sh *shared) lockAll() {
	for i := range sh.stripes {
		sh.stripes[i].mu.Lock()
	}
}

func (sh *shared) unlockAll() {
	for i := range sh.stripes {
		sh.stripes[i].mu.Unlock()
	}
}

// leftLocked is how many shares are left. REQUIRES: all stripes.
func (sh *shared) leftLocked() (n int64) {
	for i := range sh.stripes {
		n += sh.stripes[i].left
	}
	return n
}

// lockStripe locks what has a share for a user, and returns its stripe and what unlocks it;
// nil if no share is left, and then nothing is locked.
func (sh *shared) lockStripe(user uint64) (st *shareStripe, all bool) {
	st = &sh.stripes[user&uint64(len(sh.stripes)-1)]
	st.mu.Lock()
	if st.left > 0 || sh.ended {
		return st, false
	}
	if len(sh.stripes) == 1 {
		st.mu.Unlock()
		return nil, false
	}
	st.mu.Unlock()
	if sh.soldOut.Load() {
		return nil, false
	}
	sh.lockAll()
	if sh.ended {
		return st, true
	}
	left := sh.leftLocked()
	if left == 0 {
		sh.soldOut.Store(true)
		sh.unlockAll()
		return nil, false
	}
	sh.spread(left)
	if st.left == 0 { // fewer are left than there are stripes
		for i := range sh.stripes {
			if sh.stripes[i].left > 0 {
				return &sh.stripes[i], true
			}
		}
	}
	return st, true
}

// takeLocked takes a share out of a stripe that has one, and returns its place and what it
// is worth. REQUIRES: the stripe.
func (sh *shared) takeLocked(st *shareStripe) (part int, amount int64) {
	st.left--
	if sh.parts == nil {
		return 0, 0
	}
	for sh.taken[sh.next/64]>>(sh.next%64)&1 != 0 {
		sh.next++
	}
	part, amount = sh.next, sh.parts[sh.next]
	sh.setTaken(part, true)
	return part, amount
}

// giveBackLocked undoes takeLocked. REQUIRES: the stripe, or all if the share was taken
// long ago.
func (sh *shared) giveBackLocked(st *shareStripe, part int) {
	st.left++
	if sh.parts != nil {
		sh.setTaken(part, false)
	}
}

// setTaken notes whether a share is taken. REQUIRES: stripe 0, of a split.
func (sh *shared) setTaken(part int, taken bool) {
	word, bit := &sh.taken[part/64], uint64(1)<<(part%64)
	if (*word&bit != 0) == taken {
		return
	}
	*word ^= bit
	if taken {
		sh.sum += sh.parts[part]
	} else {
		sh.sum -= sh.parts[part]
		sh.next = min(sh.next, part)
	}
}

// shareTable finds shared batches by token and by number.
type shareTable struct {
	stripes [tokenStripes]tokenIndex
	some    atomic.Bool // there is or was a token of no room: Redeem may be meant for one
	folds   atomic.Uint32
	next    atomic.Int64 // when the first has to be looked at; forever if none
	kick    chan struct{}

	mu    sync.Mutex // guards the rest
	due   shareHeap  // by when each is to be looked at: at its end, then when its token is free
	byNum map[uint64]*shared
	rooms map[roomID]int64 // random tokens that are taken
}

// roomID names what random tokens share.
type roomID struct {
	namespace, room string
	format          gen.Format
}

const tokenStripes = 64

func newShareTable(kick chan struct{}) *shareTable {
	t := &shareTable{byNum: map[uint64]*shared{}, rooms: map[roomID]int64{}, kick: kick}
	t.next.Store(forever)
	return t
}

// stripe is where a token is found by its hash.
func (t *shareTable) stripe(hash uint64) *tokenIndex { return &t.stripes[hash>>58] }

// reserve gives a token to a shared batch, if it is free at a time.
func (t *shareTable) reserve(sh *shared, at int64) bool {
	sh.hash = tokenHash(sh.namespace, sh.room, sh.token)
	st := t.stripe(sh.hash)
	st.mu.Lock()
	defer st.mu.Unlock()
	old := st.get(sh.hash, sh.namespace, sh.room, []byte(sh.token))
	if old != nil && (old.number.Load() == 0 || at < old.free) {
		return false
	}
	if old != nil {
		st.remove(old)
		t.forget(old)
	}
	st.put(sh)
	t.folds.Or(1 << sh.fold)
	if sh.random {
		t.mu.Lock()
		t.rooms[sh.roomID()]++
		t.mu.Unlock()
	}
	return true
}

// release takes a token back that reserve gave, or whose time is over.
func (t *shareTable) release(sh *shared) {
	st := t.stripe(sh.hash)
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.remove(sh) {
		t.forget(sh)
	}
}

// forget takes a shared batch out of all but its token's stripe.
func (t *shareTable) forget(sh *shared) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byNum, sh.number.Load())
	if sh.place >= 0 {
		heap.Remove(&t.due, sh.place)
		t.setNextLocked()
	}
	if sh.random {
		if id := sh.roomID(); t.rooms[id] > 1 {
			t.rooms[id]--
		} else {
			delete(t.rooms, id)
		}
	}
}

// full reports whether no random token of that format is free in the room.
func (t *shareTable) full(d *sharedDef) bool {
	space := d.format.Space()
	t.mu.Lock()
	defer t.mu.Unlock()
	return space.IsInt64() && t.rooms[d.roomID()] >= space.Int64()
}

// publish makes a shared batch, which has its number, known to all.
func (t *shareTable) publish(sh *shared, number uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sh.number.Store(number)
	t.byNum[number] = sh
	if sh.room == "" {
		t.some.Store(true)
	}
	t.scheduleLocked(sh)
}

// scheduleLocked puts a shared batch where its next time is. REQUIRES: mu.
func (t *shareTable) scheduleLocked(sh *shared) {
	if sh.place >= 0 {
		heap.Remove(&t.due, sh.place)
	}
	if sh.nextTime() != forever {
		heap.Push(&t.due, sh)
	}
	t.setNextLocked()
	if sh.place == 0 {
		kick(t.kick)
	}
}

func (t *shareTable) setNextLocked() {
	next := int64(forever)
	if len(t.due) > 0 {
		next = t.due[0].due
	}
	t.next.Store(next)
}

// first returns the first shared batch whose next time has come, nil if there is none.
func (t *shareTable) first(at int64) *shared {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.due) == 0 || at < t.due[0].due {
		return nil
	}
	return t.due[0]
}

// reschedule is scheduleLocked for one whose end is in the ledger now.
func (t *shareTable) reschedule(sh *shared) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byNum[sh.number.Load()] == sh {
		t.scheduleLocked(sh)
	}
}

// byNumber returns a shared batch that is in memory, nil if it is not.
func (t *shareTable) byNumber(number uint64) *shared {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byNum[number]
}

// size is how many there are in memory.
func (t *shareTable) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byNum)
}

// all returns those created up to a record.
func (t *shareTable) all(upto uint64) []*shared {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]*shared, 0, len(t.byNum))
	for n, sh := range t.byNum {
		if n <= upto {
			out = append(out, sh)
		}
	}
	return out
}

// shareHeap orders shared batches by their next times.
type shareHeap []*shared

func (h shareHeap) Len() int           { return len(h) }
func (h shareHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h shareHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}
func (h *shareHeap) Push(x any) {
	sh := x.(*shared)
	sh.due, sh.place = sh.nextTime(), len(*h)
	*h = append(*h, sh)
}
func (h *shareHeap) Pop() any {
	last := len(*h) - 1
	sh := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	sh.place = -1
	return sh
}
