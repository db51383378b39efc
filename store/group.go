package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
)

// group is the set of operations that one sync makes durable.
type group struct {
	n       uint64 // groups count from 1
	buf     []byte // records of all entries, one after the other
	entries []entry
	extra   []pair // pairs to be written with the group
	last    uint64 // number of the last record
	at      int64  // time of the last record in the open entry
	waiters int

	// Callers park on cond through a read lock, which costs an atomic each and wakes
	// them all with one broadcast; those with a context park on ready.
	done  sync.RWMutex
	cond  *sync.Cond
	ended bool
	err   error
	ready chan struct{} // made by the first caller with a context
	calls []call
}

type entry struct {
	start, end int // in group.buf
	first      uint64
	records    int
}

// call is an answer to be given through a callback.
type call struct {
	receipt Receipt
	err     error
	done    func(Receipt, error)
}

func newGroup(n uint64) *group {
	g := &group{n: n}
	g.cond = sync.NewCond(g.done.RLocker())
	return g
}

// add appends records to the group's last entry, or to a new one.
func (g *group) add(first uint64, at int64, body []byte, records int) {
	var e *entry
	if n := len(g.entries); n > 0 {
		e = &g.entries[n-1]
		if e.records+records > entryRecords || e.end-e.start+len(body) > entryBytes {
			e = nil
		}
	}
	if e == nil {
		at0 := len(g.buf)
		g.buf = append(g.buf, make([]byte, entryHead)...)
		g.entries = append(g.entries, entry{start: at0, first: first})
		e = &g.entries[len(g.entries)-1]
		g.at = 0
	}
	if at != g.at {
		g.buf = append(g.buf, recTime)
		d := at - g.at
		g.buf = binary.AppendUvarint(g.buf, uint64(d)<<1^uint64(d>>63))
		g.at = at
	}
	g.buf = append(g.buf, body...)
	e.records += records
	e.end = len(g.buf)
	g.last = first + uint64(records) - 1
}

// wait returns when the group is durable (nil) or is known to have failed, or the
// context ends; both of the latter are ErrOutcomeUnknown.
func (g *group) wait(ctx context.Context) error {
	if ctx.Done() == nil {
		g.done.RLock()
		for !g.ended {
			g.cond.Wait()
		}
		err := g.err
		g.done.RUnlock()
		return err
	}
	g.done.RLock()
	ended, err, ready := g.ended, g.err, g.ready
	g.done.RUnlock()
	if ended {
		return err
	}
	if ready == nil {
		g.done.Lock()
		if g.ready == nil {
			g.ready = make(chan struct{})
			if g.ended {
				close(g.ready)
			}
		}
		ready = g.ready
		g.done.Unlock()
	}
	select {
	case <-ready:
		return g.err
	case <-ctx.Done():
		return fmt.Errorf("%w: stopped waiting for the disk: %w", ErrOutcomeUnknown, context.Cause(ctx))
	}
}

func (g *group) finished() bool {
	g.done.RLock()
	defer g.done.RUnlock()
	return g.ended
}

// end publishes the group's outcome to all who wait for it.
func (c *committer) end(g *group) {
	g.done.Lock()
	g.ended = true
	if g.ready != nil {
		close(g.ready)
	}
	g.done.Unlock()
	g.cond.Broadcast()
	for i := range g.calls {
		k := &g.calls[i]
		if g.err != nil {
			k.receipt, k.err = Receipt{}, g.err
		}
		c.answer(k)
		if i%256 == 255 {
			runtime.Gosched() // callbacks must not keep a whole time slice from the callers
		}
	}
	if len(g.calls) > 0 {
		clear(g.calls)
		c.mu.Lock()
		c.mu.spare.calls = g.calls[:0]
		c.mu.Unlock()
		g.calls = nil
	}
}

// answer calls a callback. A panic in it is the host's mistake, but on our goroutine
// it would end the host.
func (c *committer) answer(k *call) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("panic in a RedeemFunc callback", "panic", p)
		}
	}()
	k.done(k.receipt, k.err)
}
