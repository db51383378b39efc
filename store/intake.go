package store

import (
	"context"
	"math/bits"
	"sync"
	"sync/atomic"

	"codepool/shard"
)

// The intake decides single redemptions together when many are under way. Each
// one alone waits for four or five cold cache lines, one after the other; decided in a
// lot, shard by shard, the same misses overlap (shard.FindAll), and a caller that parks
// has touched little stack.
//
//	caller:     lock its stripe; put the request into the open lot; unlock; park
//	            (who fills a lot decides it)
//	committer:  decide the open lots; write the open group; sync; …
//	decide:     group by shard; for each: lock, find, judge, move, append; then hang
//	            the lot on the last group that one of its answers depends on
//	group ends: open its lots, call their callbacks
//
// A stripe takes the codes of neighbouring shards, so that a lot visits few shards and
// finds many codes in each. There is no timer: a lot is decided when it is full or when
// the committer has nothing else to do, whichever comes first.
//
// With few callers a lot would only be a detour, and a refusal would wait for the disk
// with it; so a blocked caller comes here only when the last group answered crowdFrom
// requests (committer.crowded). Requests with a callback always do.
type intake struct {
	s       *Store
	shift   uint // hash bits below a stripe's number
	stripes []stripe
	spares  sync.Pool      // of *lot
	retries sync.WaitGroup // requests with a callback that are asked again
	full    sync.WaitGroup // lots that are being decided by who filled them
}

type stripe struct {
	mu struct {
		sync.Mutex
		open   *lot // nil: none was begun
		closed bool
	}
	_ [40]byte
}

const (
	// maxStripes is the number of stripes where there are as many shards: with 64 shards
	// a lot of lotSize finds 16 codes in each of 8, as RedeemAll of 1000 does.
	maxStripes = 8
	lotSize    = 128
)

// lot is a set of requests that are decided together. It is written under its stripe's
// lock until it is taken, then by who decides it, and read once its latch is open.
type lot struct {
	latch
	rs    []Redemption
	done  []func(Receipt, error) // nil for a blocked caller
	calls int                    // that are not nil
	sc    scratch
	at    int64        // when it was decided, µs
	codes string       // canonical texts, one after the other; sc.ends says where they end
	err   error        // why what the answers depend on is not durable
	upto  uint64       // with err: last record that is durable all the same
	group *group       // that it hangs on, if all callers are blocked
	holds atomic.Int32 // who still reads it: blocked callers, and finish
}

func newIntake(s *Store) *intake {
	n := min(maxStripes, s.opt.Shards)
	in := &intake{s: s, shift: 64 - uint(bits.Len(uint(n))-1), stripes: make([]stripe, n)}
	in.spares.New = func() any {
		l := &lot{rs: make([]Redemption, 0, lotSize), done: make([]func(Receipt, error), 0, lotSize)}
		l.sc.size(lotSize, s.pool.Shards())
		l.sc.views = make([]keyView, lotSize)
		l.init()
		return l
	}
	return in
}

// join puts a request into the open lot of its stripe and returns the lot and the
// request's place in it. The caller waits for the lot and then gives it back with
// leave, or has passed a callback and does neither.
func (in *intake) join(r *Redemption, k *shard.Key, seen *keyView, done func(Receipt, error)) (*lot, int, error) {
	st := &in.stripes[k.Hash>>in.shift]
	st.mu.Lock()
	if st.mu.closed {
		st.mu.Unlock()
		return nil, 0, ErrClosed
	}
	l := st.mu.open
	if l == nil {
		l = in.spares.Get().(*lot)
		l.holds.Store(1)
		st.mu.open = l
	}
	i := len(l.rs)
	l.rs, l.done = l.rs[:i+1], l.done[:i+1]
	l.rs[i], l.done[i] = *r, done
	l.sc.keys[i] = *k
	if r.Key != "" {
		l.sc.views[i] = *seen
	}
	if done != nil {
		l.calls++
	} else {
		l.holds.Add(1)
	}
	full := len(l.rs) == lotSize
	if full {
		st.mu.open = nil
		in.full.Add(1)
	}
	st.mu.Unlock()
	if full {
		in.decide(l)
		in.full.Done()
	} else if i == 0 {
		kick(in.s.com.work)
	}
	return l, i, nil
}

// flush decides all open lots.
func (in *intake) flush() {
	for i := range in.stripes {
		st := &in.stripes[i]
		st.mu.Lock()
		l := st.mu.open
		st.mu.open = nil
		st.mu.Unlock()
		if l != nil {
			in.decide(l)
		}
	}
}

// close refuses further requests and decides those that came in before.
func (in *intake) close() {
	for i := range in.stripes {
		st := &in.stripes[i]
		st.mu.Lock()
		st.mu.closed = true
		st.mu.Unlock()
	}
	in.flush()
	in.full.Wait()                                          // what it leaves to the notifier is done below
	for again := true; again; again = in.s.com.runNotes() { // a callback's request may have to be asked again
		in.retries.Wait()
	}
}

// decide decides the requests of a lot and has it answered when that is durable.
func (in *intake) decide(l *lot) {
	s, sc, n := in.s, &l.sc, len(l.rs)
	l.at = s.now()
	sc.size(n, s.pool.Shards())
	sc.keyed = false
	for i := range n {
		sc.shards[i] = int32(s.pool.Route(sc.keys[i].Hash))
		sc.keyed = sc.keyed || l.rs[i].Key != ""
	}
	last := s.burnEach(sc, l.rs, l.at)
	l.codes = sc.texts()
	s.com.answerAfter(last, l)
}

// outcome puts the answer to request i, which was r, into rec, or asks for it to be made
// again. REQUIRES: the lot is open.
func (l *lot) outcome(i int, r *Redemption, rec *Receipt) (again bool, err error) {
	v := &l.sc.res[i]
	switch {
	case v.again:
		return true, nil
	case l.err != nil && !certain(v.err) && (v.err != nil || v.number > l.upto):
		return false, l.err
	case v.err != nil:
		return false, v.err
	}
	v.b.fill(rec, v.number, r, instant(l.at))
	rec.Code = l.sc.text(l.codes, i)
	return false, nil
}

// leave gives a lot back when nobody else reads it.
func (in *intake) leave(l *lot) {
	if l.holds.Add(-1) > 0 {
		return
	}
	g := l.group
	clear(l.rs) // the host's texts
	clear(l.done)
	clear(l.sc.keys)
	clear(l.sc.views)
	clear(l.sc.res)
	l.sc.size(lotSize, in.s.pool.Shards())
	l.rs, l.done, l.calls, l.codes, l.err, l.upto, l.group = l.rs[:0], l.done[:0], 0, "", nil, 0, nil
	l.shut()
	in.spares.Put(l)
	if g != nil {
		g.left()
	}
}

// later asks for a request by itself, by the time that it has if one was read, and answers
// through its callback. Not in a lot: close
// waits for it before the last lots are answered.
func (in *intake) later(r Redemption, at reading, done func(Receipt, error)) {
	in.retries.Go(func() {
		var rec Receipt
		err := in.s.redeemAlone(context.Background(), &r, &at, &rec)
		if err == ErrUnknownCode && in.s.shares.some.Load() {
			rec, err = in.s.claimAlone(context.Background(), r.asClaim(), &at)
		}
		err = in.s.explained(err, r.Namespace, r.Code)
		in.s.com.later(func() { in.s.com.answer(done, rec, err) })
	})
}

// finish answers everybody in a lot. Callbacks come one after the other: it runs on the
// committer's notifier if there are any.
func (in *intake) finish(l *lot) {
	l.open()
	if l.calls > 0 {
		for i, done := range l.done {
			if done == nil {
				continue
			}
			var rec Receipt
			again, err := l.outcome(i, &l.rs[i], &rec)
			r := &l.rs[i]
			if again || err == ErrUnknownCode && in.s.mayBeToken(r) { // rare, and it may have to wait: not here
				in.later(*r, reading{l.at, true}, done)
				continue
			}
			in.s.com.answer(done, rec, in.s.explained(err, r.Namespace, r.Code))
		}
	}
	in.leave(l)
}
