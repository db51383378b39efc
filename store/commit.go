package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
)

// The committer makes decided operations durable in groups.
//
// Invariants:
//
//	C1  A record is appended while the lock of the shard it changes is held, so the
//	    order of the ledger is, for every code, the order in which memory decided.
//	C2  At most one group is being written; the next one fills meanwhile. A group is
//	    written as soon as the one before it is durable. There is no timer.
//	C3  Groups become durable in the order of their numbers, so "group n is durable"
//	    is one comparison.
//	C4  After a failed commit no group is written any more (I8).
//
//	append:  lock; number records; copy into the open group; unlock
//	run:     for { take the open group; engine.commit; publish; wake its callers }
//
// Rejected: letting each caller write if nobody else does (a leader). It saves two
// hand-overs for a single caller but then the writer's own context cannot be
// honoured, and the callers behind it wait for its scheduling.
type committer struct {
	eng engine
	dir *directory // high-water mark and free space; nil in tests of the committer alone

	mu struct {
		sync.Mutex
		open   *group
		flying *group // being written, nil if none
		next   uint64 // number of the next record
		failed error  // why C4 holds
		closed bool
		spare  spare
	}
	durable       atomic.Uint64 // number of the last durable group
	durableRecord atomic.Uint64 // number of the last durable record
	pending       atomic.Int64  // bytes in the open group
	maxPending    int64

	work     chan struct{} // one token: the open group is not empty
	wake     chan *group   // large groups whose callers are woken beside the next commit
	stopped  chan struct{} // closed when run has ended
	notified chan struct{} // closed when the waker has ended
	onCommit func()        // called after each group by the committer; must not block
	log      *slog.Logger

	records atomic.Uint64 // in durable groups since start
}

// spare is the memory of a finished group, for the next one: groups of a busy store
// are alike, and making their buffers anew each time costs more than filling them.
type spare struct {
	buf     []byte
	entries []entry
	calls   []call
}

// wakeInline is the number of waiting callers up to which the committer wakes them
// itself: handing a few over costs more than waking them.
const wakeInline = 64

func newCommitter(eng engine, dir *directory, lastRecord uint64, maxPending int, log *slog.Logger) *committer {
	c := &committer{
		eng: eng, dir: dir, maxPending: int64(maxPending),
		work: make(chan struct{}, 1), wake: make(chan *group, 4),
		stopped: make(chan struct{}), notified: make(chan struct{}),
		onCommit: func() {}, log: log,
	}
	c.mu.next = lastRecord + 1
	c.durableRecord.Store(lastRecord)
	c.mu.open = newGroup(1)
	return c
}

func (c *committer) start() {
	go c.run()
	go c.notify()
}

// admit waits until there is room for another operation. It is called before any
// shard is locked: nobody waits for the disk with a shard in hand.
func (c *committer) admit(ctx context.Context) error {
	if err := c.dir.room(); err != nil {
		return err
	}
	for c.pending.Load() > c.maxPending {
		c.mu.Lock()
		g := c.mu.flying
		if g == nil {
			g = c.mu.open
		}
		err := c.refusalLocked()
		c.mu.Unlock()
		if err != nil {
			return err
		}
		if err := g.wait(ctx); err != nil && isContextError(context.Cause(ctx)) {
			return context.Cause(ctx) // nothing was decided yet
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// refusalLocked says why nothing can be appended, or nil.
func (c *committer) refusalLocked() error {
	switch {
	case c.mu.closed:
		return ErrClosed
	case c.mu.failed != nil:
		return fmt.Errorf("%w: %w", ErrFailed, c.mu.failed)
	}
	return nil
}

// append puts records, already encoded without time marks, into the open group. It
// returns the number of the first and the group, or why nothing was appended; then
// the caller takes back what it changed in memory. The body must be one entry's
// worth at most.
func (c *committer) append(at int64, body []byte, records int, extra []pair) (uint64, *group, error) {
	c.mu.Lock()
	if err := c.refusalLocked(); err != nil {
		c.mu.Unlock()
		return 0, nil, err
	}
	g := c.mu.open
	first := c.mu.next
	c.mu.next += uint64(records)
	g.add(first, at, body, records)
	g.extra = append(g.extra, extra...)
	g.waiters++
	c.pending.Store(int64(len(g.buf)))
	idle := c.mu.flying == nil
	c.mu.Unlock()
	if idle {
		c.kick()
	}
	return first, g, nil
}

// appendCall is append for one record whose answer goes to a callback.
func (c *committer) appendCall(at int64, body []byte, k call) (uint64, *group, error) {
	c.mu.Lock()
	if err := c.refusalLocked(); err != nil {
		c.mu.Unlock()
		return 0, nil, err
	}
	g := c.mu.open
	first := c.mu.next
	c.mu.next++
	g.add(first, at, body, 1)
	k.receipt.Number = first
	g.calls = append(g.calls, k)
	c.pending.Store(int64(len(g.buf)))
	idle := c.mu.flying == nil
	c.mu.Unlock()
	if idle {
		c.kick()
	}
	return first, g, nil
}

// callAfter gives an answer once group n is durable; at once if it is. A group
// that never becomes durable turns the answer into ErrOutcomeUnknown.
func (c *committer) callAfter(n uint64, k call) {
	if c.durable.Load() < n {
		c.mu.Lock()
		if g := c.groupLocked(n); g != nil && !g.finished() {
			g.calls = append(g.calls, k)
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
	if c.durable.Load() < n {
		k.receipt, k.err = Receipt{}, c.unknown()
	}
	c.answer(&k)
}

func (c *committer) kick() {
	select {
	case c.work <- struct{}{}:
	default:
	}
}

// waitFor returns when group n is durable.
func (c *committer) waitFor(ctx context.Context, n uint64) error {
	if c.durable.Load() >= n {
		return nil
	}
	c.mu.Lock()
	g := c.groupLocked(n)
	c.mu.Unlock()
	if g != nil {
		return g.wait(ctx)
	}
	if c.durable.Load() >= n {
		return nil
	}
	return c.unknown()
}

// waitRecord returns when the record is durable.
func (c *committer) waitRecord(ctx context.Context, number uint64) error {
	for c.durableRecord.Load() < number {
		c.mu.Lock()
		g := c.mu.open
		if f := c.mu.flying; f != nil && f.last >= number {
			g = f
		}
		c.mu.Unlock()
		if c.durableRecord.Load() >= number {
			break
		}
		if err := g.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// waitAll returns when everything appended so far is durable.
func (c *committer) waitAll(ctx context.Context) error {
	c.mu.Lock()
	last := c.mu.next - 1
	c.mu.Unlock()
	return c.waitRecord(ctx, last)
}

func (c *committer) groupLocked(n uint64) *group {
	if f := c.mu.flying; f != nil && f.n == n {
		return f
	}
	if c.mu.open.n == n {
		return c.mu.open
	}
	return nil
}

func (c *committer) unknown() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.failed != nil {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, c.mu.failed)
	}
	return ErrOutcomeUnknown
}

// run is the committing goroutine; it ends when the committer is closed and the
// open group is empty, or never to be written (C4).
func (c *committer) run() {
	defer close(c.stopped)
	defer close(c.wake)
	for range c.work {
		for c.step() {
		}
		c.mu.Lock()
		end := c.mu.closed
		c.mu.Unlock()
		if end {
			return
		}
	}
}

// step writes the open group, if it holds anything.
func (c *committer) step() bool {
	c.mu.Lock()
	g := c.mu.open
	if len(g.entries) == 0 && len(g.calls) == 0 {
		c.mu.Unlock()
		return false
	}
	c.mu.flying = g
	c.mu.open = newGroup(g.n + 1)
	c.mu.open.buf, c.mu.open.entries, c.mu.open.calls = c.mu.spare.buf, c.mu.spare.entries, c.mu.spare.calls
	c.mu.spare = spare{}
	c.pending.Store(0)
	failed := c.mu.failed
	c.mu.Unlock()

	err := failed
	if err == nil {
		err = c.write(g)
	}
	if err == nil {
		c.durableRecord.Store(max(g.last, c.durableRecord.Load()))
		c.durable.Store(g.n)
		for _, e := range g.entries {
			c.records.Add(uint64(e.records))
		}
	} else {
		g.err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	c.mu.Lock()
	if err != nil && c.mu.failed == nil {
		c.mu.failed = err
	}
	c.mu.flying = nil
	c.mu.spare.buf, c.mu.spare.entries = g.buf[:0], g.entries[:0] // the engine has copied them
	c.mu.Unlock()
	if g.waiters+len(g.calls) > wakeInline {
		c.wake <- g
	} else {
		c.end(g)
	}
	c.onCommit()
	return true
}

// write puts the group's entries and extra pairs into as few commits as fit.
func (c *committer) write(g *group) error {
	pairs := make([]pair, 0, len(g.entries)+len(g.extra))
	pairs = append(pairs, g.extra...)
	for _, e := range g.entries {
		v := g.buf[e.start:e.end]
		binary.LittleEndian.PutUint64(v[4:], e.first)
		binary.LittleEndian.PutUint32(v[12:], uint32(e.records))
		k := entryKey(e.first)
		sealInPlace(k, v)
		pairs = append(pairs, pair{k, v})
	}
	if err := commitAll(c.eng, pairs); err != nil {
		return err
	}
	if g.last > 0 {
		c.dir.mark(g.last)
	}
	return nil
}

// commitAll commits the pairs in order, in as few commits as they fit into.
func commitAll(eng engine, pairs []pair) error {
	limit := eng.maxCommit()
	for len(pairs) > 0 {
		n, weight := 0, 0
		for n < len(pairs) && (n == 0 || weight+pairs[n].size() <= limit) {
			weight += pairs[n].size()
			n++
		}
		if err := eng.commit(pairs[:n]); err != nil {
			return err
		}
		pairs = pairs[n:]
	}
	return nil
}

// notify wakes the callers of large groups beside the next commit.
func (c *committer) notify() {
	defer close(c.notified)
	for g := range c.wake {
		c.end(g)
	}
}

// close refuses new records, writes what is open and ends the goroutines.
func (c *committer) close() {
	c.mu.Lock()
	c.mu.closed = true
	c.mu.Unlock()
	c.kick()
	<-c.stopped
	<-c.notified
}

// failure returns why the committer stopped serving, or nil.
func (c *committer) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.failed
}

// lastRecord returns the number of the last record appended.
func (c *committer) lastRecord() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.next - 1
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
