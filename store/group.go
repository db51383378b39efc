package store

import (
	"context"
	"encoding/binary"
	"sync/atomic"

	"codepool/store/internal/journal"
)

// group is the set of operations that one sync makes durable.
type group struct {
	latch        // opens when err is known
	n     uint64 // groups count from 1
	spare
	extra   []journal.Pair // pairs to be written with the group
	last    uint64         // number of the last record
	records uint64
	written bool  // by the engine; guarded by committer.mu until it is published
	at      int64 // time of the last record in the open entry
	lots    []*lot
	joined  int // callers that wait for it, by committer.append
	calls   int // requests in lots that are answered through a callback
	crowd   int // requests in lots
	err     error

	inside atomic.Int32  // callers in waitBriefly, and lots of blocked callers only
	back   chan struct{} // gets a token when the last of them has left it
}

// spare is the memory of a group, handed to a later one when it is done: groups of a
// busy store are alike, and making their buffers anew costs more than filling them.
type spare struct {
	buf     []byte // records of all entries, one after the other
	entries []entry
}

type entry struct {
	start, end int // in group.buf
	first      uint64
	records    int
}

func newGroup(n uint64, back chan struct{}) *group {
	g := &group{n: n, back: back}
	g.init()
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
	if err := g.latch.wait(ctx); err != nil {
		return err
	}
	return g.err
}

// waitBriefly is wait for a caller that has little to do until it is back with its next
// request: the committer gathers these.
func (g *group) waitBriefly(ctx context.Context) error {
	g.inside.Add(1)
	err := g.wait(ctx)
	g.left()
	return err
}

// left says that a caller, or all those of a lot, are under way again.
func (g *group) left() {
	if g.inside.Add(-1) == 0 && g.ended.Load() {
		kick(g.back)
	}
}
