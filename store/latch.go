package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// latch is an event that happens once: a group or a lot has its outcome. Callers whose
// context cannot end park on cond, the others on ready. Make it with init. What is
// written before open may be read after wait.
type latch struct {
	cond  sync.Cond
	ended atomic.Bool
	mu    struct {
		sync.Mutex
		ready chan struct{} // made by the first caller with a context
	}
}

func (l *latch) init() { l.cond.L = (*parking)(l) }

// parking is the lock of a latch's Cond. Cond.Wait takes its ticket, then calls Unlock,
// then sleeps; so a latch that opened before the ticket was taken is noticed in Unlock,
// and one that opens later wakes the ticket. No lock is held or even touched: eight
// thousand callers coming back would queue for it.
type parking latch

func (p *parking) Lock() {}

func (p *parking) Unlock() {
	if p.ended.Load() {
		p.cond.Broadcast()
	}
}

// wait returns nil when the latch is open, and ErrOutcomeUnknown when the context ends
// before. Callers park in it by the thousand, so the usual way has a small frame.
func (l *latch) wait(ctx context.Context) error {
	if ctx.Done() != nil {
		return l.waitOrGiveUp(ctx)
	}
	for !l.ended.Load() {
		l.cond.Wait()
	}
	return nil
}

func (l *latch) waitOrGiveUp(ctx context.Context) error {
	l.mu.Lock()
	if l.mu.ready == nil {
		l.mu.ready = make(chan struct{})
		if l.ended.Load() {
			close(l.mu.ready)
		}
	}
	ready := l.mu.ready
	l.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: stopped waiting for the disk: %w", ErrOutcomeUnknown, context.Cause(ctx))
	}
}

// open lets everybody through.
func (l *latch) open() {
	l.mu.Lock()
	l.ended.Store(true)
	if l.mu.ready != nil {
		close(l.mu.ready)
	}
	l.mu.Unlock()
	l.cond.Broadcast()
}

// shut makes an open latch ready for another event. REQUIRES: nobody waits any more.
func (l *latch) shut() {
	l.ended.Store(false)
	l.mu.ready = nil
}
