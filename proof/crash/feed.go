package crash

import (
	"context"
	"errors"
	"fmt"

	"codepool/store"
)

// A consumer follows the receipts and moves its cursor, which stands where it was moved to.

const (
	feedCursor = "rewards"
	feedStep   = 128 // receipts between two moves
)

func (c *child) feed(ctx context.Context) {
	last, n := c.s.Cursor(feedCursor), 0
	for r, err := range c.s.Follow(ctx, last) {
		before := c.failed.Load()
		if err == nil && r.Number <= last {
			err = fmt.Errorf("receipt %d comes behind %d", r.Number, last)
		}
		if n++; err == nil && n%feedStep == 0 {
			err = c.s.Advance(ctx, feedCursor, r.Number)
		}
		if err != nil {
			c.fails("feed", err, before)
			return
		}
		if last = r.Number; n%feedStep == 0 {
			say(lineAdvanced, fmt.Sprint(last))
		}
	}
}

// auditFeed judges the cursor: nothing that it has behind it is asked for, and it is moved
// nowhere but to receipts that there are.
func (a *auditor) auditFeed(ctx context.Context, s *store.Store) {
	at := s.Cursor(feedCursor)
	if at < a.cursor || at > s.Stats().Ledger {
		a.wrong("the cursor was moved to %d and is at %d; the ledger ends at %d", a.cursor, at, s.Stats().Ledger)
	}
	a.cursor = at
	if err := s.Advance(ctx, feedCursor, s.Stats().Ledger+1); !errors.Is(err, store.ErrBeyond) {
		a.wrong("the cursor is moved beyond the ledger: %v", err)
	}
}
