package store

import "context"

// Room for more: the bytes of decided operations that wait for the disk are bounded
// (Options.MaxPending), and nothing is decided that the disk has no room for.

// admit waits until there is room for another operation. It is called before any
// shard is locked: nobody waits for the disk with a shard in hand.
func (c *committer) admit(ctx context.Context) error {
	if err := c.refusal(); err != nil {
		return err
	}
	// A busy committer looks at the free space with each group; an idle one left the
	// answer to us.
	if err := c.dir.room(c.pending.Load() == 0); err != nil {
		return err
	}
	for c.pending.Load() > c.maxPending {
		g, err := c.full()
		if err != nil {
			return err
		}
		if g == nil {
			break
		}
		if _ = g.wait(ctx); ctx.Err() != nil {
			return context.Cause(ctx) // nothing was decided yet
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// full returns the group whose end is to be waited for before more is appended, nil if there
// is room. Only what the lock guards tells: the open group may have been taken, and become
// durable, since pending was read, and nobody would ever end the one after it.
func (c *committer) full() (*group, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refusalLocked(); err != nil {
		return nil, err
	}
	if int64(len(c.mu.open.buf)) <= c.maxPending {
		return nil, nil
	}
	kick(c.work) // who filled it may be in the middle of a call, and be the one that waits
	if len(c.mu.flying) > 0 {
		return c.mu.flying[0], nil
	}
	return c.mu.open, nil
}

// admitOne is admit for one of many operations of a call with more, that is between begin and
// finished: the committer must not wait for who waits for it.
func (c *committer) admitOne(ctx context.Context, more bool) error {
	if more && c.pending.Load() > c.maxPending {
		c.finished()
		defer c.begin()
	}
	return c.admit(ctx)
}
