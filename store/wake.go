package store

import "fmt"

// How the outcome of a group reaches those who wait for it. Few callers are woken by the
// committer itself; many, and callbacks, by the notifier beside the next commit.

const (
	// wakeInline is the number of callers in lots up to which the committer wakes them
	// itself. Waking more takes longer than a sync and is done beside it.
	wakeInline = 2048
	// gatherMost is the number of woken callers up to which gather waits for them: more
	// take longer to come back than a sync takes.
	gatherMost = 512
	// A group that answered crowdFrom requests says that callers come in crowds, one
	// with fewer than crowdUntil that they no longer do. 64 callers are gathered into one
	// group without lots; 1024 are 1.3 times as fast with them.
	crowdFrom, crowdUntil = 256, 128
)

// publish makes the outcome of one group known. It returns false if it left some of the
// answers to the notifier.
func (c *committer) publish(g *group, err error) (inline bool) {
	if g.err != nil {
		err = g.err
	}
	if err == nil {
		c.durableRecord.Store(g.last)
		c.durable.Store(g.n)
		c.records.Add(g.records)
	} else {
		g.err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	c.mu.Lock()
	c.mu.flying = c.mu.flying[1:]
	if len(c.mu.spares) < maxSpares {
		c.mu.spares = append(c.mu.spares, spare{g.buf[:0], g.entries[:0]})
	}
	c.mu.Unlock()
	g.open() // here, never by the notifier: a callback may wait for it in admit
	if g.calls > 0 || g.crowd > wakeInline {
		c.later(func() { c.answerLots(g) })
		return false
	}
	c.answerLots(g)
	return true
}

// answerLots answers the lots that hung on a group.
func (c *committer) answerLots(g *group) {
	for _, l := range g.lots {
		if g.err != nil {
			l.err, l.upto = g.err, c.durableRecord.Load()
		}
		c.finish(l)
	}
}

// later has something done by the notifier, beside the next commit. It never blocks.
func (c *committer) later(f func()) {
	c.notes.Lock()
	c.notes.list = append(c.notes.list, f)
	c.notes.Unlock()
	kick(c.wake)
}

// notify is the notifying goroutine; it ends after run.
func (c *committer) notify() {
	defer close(c.notified)
	for {
		select {
		case <-c.wake:
			c.runNotes()
		case <-c.stopped:
			return
		}
	}
}

// runNotes does what was left for the notifier and reports whether there was anything.
func (c *committer) runNotes() bool {
	c.notes.Lock()
	list := c.notes.list
	c.notes.list = nil
	c.notes.Unlock()
	for _, f := range list {
		f()
	}
	return len(list) > 0
}

// gather waits until all callers that were woken are under way again: what they ask for
// next is in the next group then, not in the one after it. Each has only to be
// scheduled, and a group that is written without them costs a whole sync. Not with
// callbacks, which may wait for the committer themselves.
func (c *committer) gather(groups []*group) {
	c.await(func() bool {
		for _, g := range groups {
			if g.inside.Load() > 0 {
				return false
			}
		}
		return true
	})
}

// answerAfter has a lot answered once group n is durable; at once if it is.
func (c *committer) answerAfter(n uint64, l *lot) {
	if c.durable.Load() < n {
		c.mu.Lock()
		if g := c.groupLocked(n); g != nil {
			g.lots = append(g.lots, l)
			g.calls += l.calls
			g.crowd += len(l.rs)
			if l.calls == 0 {
				g.inside.Add(1)
				l.group = g
			}
			c.mu.Unlock()
			kick(c.work)
			return
		}
		c.mu.Unlock()
		if c.durable.Load() < n {
			l.err, l.upto = c.unknown(), c.durableRecord.Load()
		}
	}
	if l.calls > 0 {
		c.later(func() { c.finish(l) })
	} else {
		c.finish(l)
	}
}

// answer calls a callback. A panic in it is the host's mistake, but on our goroutine
// it would end the host.
func (c *committer) answer(done func(Receipt, error), r Receipt, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("panic in a RedeemFunc callback", "panic", p)
		}
	}()
	done(r, err)
}
