package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"codepool/store/internal/journal"
)

// The committer makes decided operations durable in groups.
//
// Invariants:
//
//	C1  A record is appended while the lock of the shard it changes is held, so the
//	    order of the ledger is, for every code, the order in which memory decided.
//	C2  When a sync ends, the open group is written and the next sync covers it and all
//	    that were written before. There is no timer. While a sync is under way a group
//	    that has grown large is written beside it, so that little is left to write
//	    between two syncs.
//	C3  Groups become durable in the order of their numbers, so "group n is durable"
//	    is one comparison.
//	C4  After a failed write or sync none is tried again (I8).
//
//	append:  lock; number records; copy into the open group; unlock
//	run:     for { decide what waits in lots (intake.go); let long calls finish;
//	               write the open group; engine.Sync; publish what was written; wake;
//	               gather }
//	early:   for { write the open group, because it is large and a sync is under way }
//	notify:  for { wake the callers of large groups, call callbacks }
//
// What makes groups large decides how fast the store is, since a sync costs the same for
// one record as for thousands. So the committer lets a call with many records finish
// before it takes the group (letFinish), and gathers the few callers it has just woken
// into the next one (gather). It waits only for goroutines that can run, and not for
// longer than patience; there is no timer that a lone caller would wait for.
//
// Rejected: letting each caller write if nobody else does (a leader). It saves two
// hand-overs for a single caller but then the writer's own context cannot be
// honoured, and the callers behind it wait for its scheduling.
type committer struct {
	eng *journal.Fuse
	dir *directory // high-water mark and free space; nil in tests of the committer alone

	mu struct {
		sync.Mutex
		open   *group
		flying []*group // taken and not yet durable, oldest first
		busy   bool     // run is at work and will look at the open group again
		next   uint64   // number of the next record
		closed bool
		spares []spare
	}
	durable       atomic.Uint64 // number of the last durable group
	durableRecord atomic.Uint64 // number of the last durable record
	pending       atomic.Int64  // bytes in the open group
	maxPending    int64

	writing  sync.Mutex    // held while a group is taken and written: groups are written in order
	work     chan struct{} // one token: there is something to do
	large    chan struct{} // one token: the open group is large
	back     chan struct{} // one token: all callers that were woken are under way again
	wake     chan struct{} // one token: notes has something
	bell     *time.Timer   // rings when patience is over; stopped between waits
	stopped  chan struct{} // closed when run and early have ended
	notified chan struct{} // closed when the notifier has ended
	onCommit func()        // called after each group by the committer; must not block
	flush    func()        // called before the open group is taken: decides what waits for it
	finish   func(*lot)    // answers a lot
	log      *slog.Logger

	notes struct {
		sync.Mutex
		list []func() // to be done by the notifier, in order
	}
	begun, done atomic.Int64 // calls with many records
	crowd       atomic.Bool  // many requests were under way when the last group ended

	records atomic.Uint64 // in durable groups since start
}

func newCommitter(eng *journal.Fuse, dir *directory, lastRecord uint64, maxPending int, log *slog.Logger) *committer {
	c := &committer{
		eng: eng, dir: dir, maxPending: int64(maxPending),
		work: make(chan struct{}, 1), large: make(chan struct{}, 1),
		back: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		stopped: make(chan struct{}), notified: make(chan struct{}),
		onCommit: func() {}, flush: func() {}, log: log,
		bell: time.NewTimer(time.Hour),
	}
	c.bell.Stop()
	c.mu.next = lastRecord + 1
	c.durableRecord.Store(lastRecord)
	c.mu.open = newGroup(1, c.back)
	return c
}

func (c *committer) start() {
	go c.run()
	go c.notify()
}

// refusalLocked says why nothing can be appended, or nil.
func (c *committer) refusalLocked() error {
	if c.mu.closed {
		return ErrClosed
	}
	return c.refusal()
}

// append puts records, already encoded without time marks, into the open group. It
// returns the number of the first and the group, or why nothing was appended; then
// the caller takes back what it changed in memory. The body must be one entry's
// worth at most. With more, the caller will append again and then kick: an idle
// committer does not start on the first piece of many.
func (c *committer) append(at int64, body []byte, records int, extra []journal.Pair, more bool) (uint64, *group, error) {
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
	if !more {
		g.joined++
	}
	c.pending.Store(int64(len(g.buf)))
	busy, large := c.mu.busy, len(g.buf) > earlyBytes
	c.mu.Unlock()
	if !busy && !more {
		kick(c.work)
	} else if busy && large {
		kick(c.large)
	}
	return first, g, nil
}

// kick leaves a token.
func kick(c chan struct{}) {
	select {
	case c <- struct{}{}:
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
		for _, f := range c.mu.flying {
			if f.last >= number {
				g = f
				break
			}
		}
		lost := g.last < number // neither is open nor flying
		alone := g == c.mu.open && g.joined == 0
		c.mu.Unlock()
		if c.durableRecord.Load() >= number {
			break
		}
		if lost {
			return c.unknown()
		}
		if alone { // it is of the caller's own call, which is not at its end
			kick(c.work)
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

// openGroup returns the number of the group that has the last record, or a later one.
func (c *committer) openGroup() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mu.open.entries) == 0 {
		return c.mu.open.n - 1
	}
	return c.mu.open.n
}

func (c *committer) groupLocked(n uint64) *group {
	for _, f := range c.mu.flying {
		if f.n == n {
			return f
		}
	}
	if c.mu.open.n == n {
		return c.mu.open
	}
	return nil
}

func (c *committer) unknown() error {
	if err := c.eng.Failure(); err != nil {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return ErrOutcomeUnknown
}

const (
	// earlyBytes is the size from which a group is written while another is synced: the
	// engine's overhead for a write, some 20 µs, is small against what it takes then.
	earlyBytes = 16 << 10
	// maxSpares bounds the memory kept for groups to come.
	maxSpares = 4
)

// run is the committing goroutine; it ends when the committer is closed and nothing
// is left to write.
func (c *committer) run() {
	var early sync.WaitGroup
	quit := make(chan struct{})
	early.Go(func() { c.early(quit) })
	defer close(c.stopped)
	defer early.Wait()
	defer close(quit)
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

// step writes the open group and syncs and publishes all that are written. It
// returns false when there is nothing to do.
func (c *committer) step() bool {
	c.flush()
	c.letFinish()
	c.writeOpen()
	c.mu.Lock()
	groups := slices.Clone(c.mu.flying)
	for i, g := range groups {
		if !g.written {
			groups = groups[:i]
			break
		}
	}
	c.mu.busy = len(c.mu.flying) > 0 || len(c.mu.open.entries) > 0
	busy := c.mu.busy
	c.mu.Unlock()
	if len(groups) == 0 {
		return busy
	}
	err := c.eng.Sync()
	// crash point: commit: the sync is over and nobody knows
	select {
	case <-c.back: // of callers that came back on their own
	default:
	}
	crowd := 0
	c.mu.Lock()
	for _, g := range groups {
		crowd += g.joined + g.crowd
	}
	c.mu.Unlock()
	c.crowd.Store(crowd >= crowdFrom || crowd >= crowdUntil && c.crowd.Load())
	if err == nil { // before the answers: none may be above the mark
		c.dir.mark(groups[len(groups)-1].last)
		// crash point: commit: the high-water mark is written
	}
	inline := true
	for _, g := range groups {
		inline = c.publish(g, err) && inline
	}
	// crash point: commit: the answers are out
	c.onCommit()
	if inline && crowd > 1 && crowd <= gatherMost {
		c.gather(groups)
	}
	return true
}

// begin says that a call with many records has begun to append them, finished that it
// has appended the last one.
func (c *committer) begin() { c.begun.Add(1) }

func (c *committer) finished() {
	c.done.Add(1)
	kick(c.back)
}

// letFinish waits for calls that are in the middle of their records: a call that is cut
// in two waits for two syncs. It waits for as many as are under way now, not for those
// that begin meanwhile.
func (c *committer) letFinish() {
	under := c.begun.Load()
	c.await(func() bool { return c.done.Load() >= under })
}

// patience is how long the committer waits for anybody, some ten times what it takes on
// an idle machine. Without a bound one caller that a busy host does not schedule would
// keep all others from the disk.
const patience = 2 * time.Millisecond

// await waits until cond is true, which is looked at again with every token in back, or
// patience is over.
func (c *committer) await(cond func() bool) {
	if cond() {
		return
	}
	c.bell.Reset(patience)
	defer c.bell.Stop()
	for !cond() {
		select {
		case <-c.back:
		case <-c.bell.C:
			return
		}
	}
}

// early writes groups that grow large during a sync.
func (c *committer) early(quit chan struct{}) {
	for {
		select {
		case <-c.large:
			c.writeOpen()
			kick(c.work) // the sync that it was to be written beside may be over
		case <-quit:
			return
		}
	}
}

// writeOpen takes the open group, if it holds anything, and writes it.
func (c *committer) writeOpen() {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	g := c.mu.open
	if len(g.entries) == 0 {
		c.mu.Unlock()
		return
	}
	c.mu.busy = true
	c.mu.flying = append(c.mu.flying, g)
	c.mu.open = newGroup(g.n+1, c.back)
	if n := len(c.mu.spares); n > 0 {
		c.mu.open.spare, c.mu.spares = c.mu.spares[n-1], c.mu.spares[:n-1]
	}
	c.pending.Store(0)
	c.mu.Unlock()

	// crash point: commit: a group is taken and not written
	_ = c.dir.room(true)
	err := c.write(g)
	c.mu.Lock()
	g.err, g.written = err, true
	c.mu.Unlock()
	// crash point: commit: a group is written and not synced
}

// write hands the group's entries and extra pairs to the engine.
func (c *committer) write(g *group) error {
	pairs := make([]journal.Pair, 0, len(g.entries)+len(g.extra))
	pairs = append(pairs, g.extra...)
	for _, e := range g.entries {
		v := g.buf[e.start:e.end]
		binary.LittleEndian.PutUint64(v[4:], e.first)
		binary.LittleEndian.PutUint32(v[12:], uint32(e.records))
		k := entryKey(e.first)
		sealInPlace(k, v)
		pairs = append(pairs, journal.Pair{Key: k, Value: v})
	}
	return c.eng.WriteAll(pairs)
}

// close refuses new records, writes what is open and ends the goroutines. What they
// have not answered yet is left to runNotes.
func (c *committer) close() {
	c.mu.Lock()
	c.mu.closed = true
	c.mu.Unlock()
	kick(c.work)
	<-c.stopped
	<-c.notified
}

// failure returns why the store stopped serving, or nil.
func (c *committer) failure() error { return c.eng.Failure() }

// refusal is failure as a caller sees it.
func (c *committer) refusal() error {
	if err := c.failure(); err != nil {
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return nil
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
