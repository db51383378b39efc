package crash

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"codepool/store"
)

// side finds a batch with some codes in stock for work beside that of the workers, or mints the
// next one. Its name begins with that of def. false says that the store has failed.
func (c *child) side(ctx context.Context, def store.Batch) (id store.BatchID, ok bool) {
	n, open := 0, false
	for _, b := range c.s.Batches() {
		if !strings.HasPrefix(b.Name, def.Name) {
			continue
		}
		if b.Complete && b.Counts.Available > 3 {
			return b.ID, true
		}
		n, open = n+1, !b.Complete
	}
	if open { // an earlier run left it unfinished
		n--
	}
	def.Name = fmt.Sprint(def.Name, "-", n)
	c.mint.Lock()
	defer c.mint.Unlock()
	before := c.failed.Load()
	b, err := c.s.Mint(ctx, def)
	if err != nil {
		return 0, c.fails("mint", err, before)
	}
	say(lineMinted, b.Name, fmt.Sprint(b.Counts.Minted))
	return b.ID, true
}

// aside does some work again and again with a batch that has stock, until the store fails.
func (c *child) aside(ctx context.Context, def store.Batch, do func(id store.BatchID, i int) error) {
	id, ok := c.side(ctx, def)
	for i := 0; ok; i++ {
		before := c.failed.Load()
		switch err := do(id, i); {
		case errors.Is(err, store.ErrEmpty), errors.Is(err, store.ErrUnknownBatch):
			id, ok = c.side(ctx, def)
		case err != nil:
			ok = c.fails("work with "+def.Name, err, before)
		}
	}
}
