package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"codepool/shard"
)

// group is the set of operations that one sync makes durable.
type group struct {
	n uint64 // groups count from 1
	spare
	extra   []pair // pairs to be written with the group
	last    uint64 // number of the last record
	records uint64
	written bool  // by the engine; guarded by committer.mu until it is published
	at      int64 // time of the last record in the open entry
	waiters int

	// Callers park on cond; those with a context park on ready. err is written before
	// ended and read after it.
	cond  sync.Cond
	ended atomic.Bool
	err   error
	mu    struct {
		sync.Mutex
		ready chan struct{} // made by the first caller with a context
	}
}

// spare is the memory of a group, handed to a later one when it is done: groups of a
// busy store are alike, and making their buffers anew costs more than filling them.
type spare struct {
	buf     []byte // records of all entries, one after the other
	entries []entry
	calls   []call
}

// parking is the lock of a group's Cond. Cond.Wait takes its ticket, then calls Unlock,
// then sleeps; so a group that ended before the ticket was taken is noticed in Unlock,
// and one that ends later wakes the ticket. No lock is held or even touched: eight
// thousand callers coming back would queue for it.
type parking group

func (p *parking) Lock() {}

func (p *parking) Unlock() {
	if p.ended.Load() {
		p.cond.Broadcast()
	}
}

type entry struct {
	start, end int // in group.buf
	first      uint64
	records    int
}

// call is an answer to be given through a callback: what its receipt is made of, or
// why there is none.
type call struct {
	done      func(Receipt, error)
	err       error
	receipt   *Receipt // ready made, if not nil
	b         *batch
	key       shard.Key
	user, idk string
	number    uint64
	at        int64
}

func newGroup(n uint64) *group {
	g := &group{n: n}
	g.cond.L = (*parking)(g)
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
	g.records += uint64(records)
}

// wait returns when the group is durable (nil) or is known to have failed, or the
// context ends; both of the latter are ErrOutcomeUnknown.
func (g *group) wait(ctx context.Context) error {
	if ctx.Done() == nil {
		for !g.ended.Load() {
			g.cond.Wait()
		}
		return g.err
	}
	g.mu.Lock()
	if g.mu.ready == nil {
		g.mu.ready = make(chan struct{})
		if g.ended.Load() {
			close(g.mu.ready)
		}
	}
	ready := g.mu.ready
	g.mu.Unlock()
	select {
	case <-ready:
		return g.err
	case <-ctx.Done():
		return fmt.Errorf("%w: stopped waiting for the disk: %w", ErrOutcomeUnknown, context.Cause(ctx))
	}
}

// end publishes the group's outcome to all who wait for it.
func (c *committer) end(g *group) {
	g.mu.Lock()
	g.ended.Store(true)
	if g.mu.ready != nil {
		close(g.mu.ready)
	}
	g.mu.Unlock()
	g.cond.Broadcast()
	for i := range g.calls {
		k := &g.calls[i]
		if g.err != nil {
			k.err = g.err
		}
		c.answer(k)
	}
	clear(g.calls)
	c.mu.Lock()
	if len(c.mu.spares) < maxSpares {
		c.mu.spares = append(c.mu.spares, spare{g.buf[:0], g.entries[:0], g.calls[:0]})
	}
	c.mu.Unlock()
}

// answer calls a callback. A panic in it is the host's mistake, but on our goroutine
// it would end the host.
func (c *committer) answer(k *call) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("panic in a RedeemFunc callback", "panic", p)
		}
	}()
	switch {
	case k.err != nil:
		k.done(Receipt{}, k.err)
	case k.receipt != nil:
		k.done(*k.receipt, nil)
	default:
		r := k.b.receipt(k.number, k.user, k.idk, k.at)
		r.Code = canonText(&k.key)
		k.done(r, nil)
	}
}
