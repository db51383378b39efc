package store

import (
	"context"
	"fmt"
	"time"

	"codepool/shard"
)

// Event is a kind of change of a batch.
type Event byte

// The changes of a batch.
const (
	EventPaused Event = iota + 1
	EventResumed
	EventRescheduled
	EventRevoked
	EventRetired
)

var eventNames = map[Event]string{EventPaused: "paused", EventResumed: "resumed", EventRescheduled: "rescheduled", EventRevoked: "revoked", EventRetired: "retired"}

func (e Event) String() string {
	if n := eventNames[e]; n != "" {
		return n
	}
	return fmt.Sprintf("event %d", byte(e))
}

// BatchChange says who changes a batch and why, for the ledger; both may be empty.
type BatchChange struct {
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Pause stops drawing from a batch and redeeming its codes (ErrPaused) until Resume. It
// returns when that is durable; from then on nothing is drawn or redeemed. Pausing a
// batch that is paused does nothing. ErrRevoked refuses one that is revoked,
// ErrUnknownBatch one that does not exist. Release, Undo and Revoke go on.
func (s *Store) Pause(ctx context.Context, id BatchID, c BatchChange) error {
	return s.changeBatch(ctx, id, c, EventPaused, func(t *terms) error {
		t.Paused = true
		return nil
	})
}

// Resume ends a Pause; on a batch that is not paused it does nothing. ErrRevoked refuses one
// that is revoked.
func (s *Store) Resume(ctx context.Context, id BatchID, c BatchChange) error {
	return s.changeBatch(ctx, id, c, EventResumed, func(t *terms) error {
		t.Paused = false
		return nil
	})
}

// Reschedule gives a batch another window: its codes are valid iff notBefore ≤ now <
// notAfter; a zero time leaves that end open. ErrInvalid refuses a window that is empty,
// ErrRevoked a batch that is revoked.
func (s *Store) Reschedule(ctx context.Context, id BatchID, notBefore, notAfter time.Time, c BatchChange) error {
	return s.changeBatch(ctx, id, c, EventRescheduled, func(t *terms) error {
		if err := checkWindow(notBefore, notAfter); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		w := windowOf(notBefore, notAfter)
		t.From, t.Until = w.From, w.Until
		return nil
	})
}

// RevokeBatch withdraws all codes of a batch that are not redeemed, for ever, in a time
// that does not depend on how many they are. From then on they are revoked, also those
// whose redemption is undone later, and nothing is minted or imported into the batch.
// Revoking a batch that is revoked does nothing.
func (s *Store) RevokeBatch(ctx context.Context, id BatchID, c BatchChange) error {
	return s.changeBatch(ctx, id, c, EventRevoked, func(t *terms) error {
		t.Revoked = true
		return nil
	})
}

// changeBatch journals other terms of a batch and makes them those by which requests are
// decided, such that the ledger's order is that of the decisions: what was decided by the
// old ones is in the ledger before the change.
//
//	flag the batch as changing    from now on requests ask again
//	pass through every shard      those that did not see the flag have journaled
//	keep draws out; journal; set the terms, which ends the flag
//	mark every shard              refusals by the new terms wait until they are durable
//
// It holds up requests for the batch for as long as that takes, not for the disk.
func (s *Store) changeBatch(ctx context.Context, id BatchID, c BatchChange, event Event, edit func(*terms) error) error {
	if err := s.mayAsk(ctx, label{"By", c.By}, label{"Reason", c.Reason}); err != nil {
		return err
	}
	b := s.batchByID(id)
	if b == nil {
		return fmt.Errorf("%w: number %d", ErrUnknownBatch, id)
	}
	if err := s.com.admit(ctx); err != nil {
		return err
	}
	at := s.now()
	if event == EventRetired && !b.retired() {
		if err := s.writeDerived(ctx, b, at); err != nil {
			return s.refusal(ctx, err)
		}
		// crash point: retire: the pages of its codes are written, its record is not
	}
	select { // one change at a time: whoever has the token does not wait for the disk
	case s.changing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	g, err := s.changeLocked(b, event, at, c, edit)
	<-s.changing
	switch {
	case g != nil:
		return g.wait(ctx)
	case err != nil:
		return s.refusal(ctx, err)
	}
	return s.com.waitAll(ctx) // whoever did it before may not have an answer yet
}

// refusal returns why a batch is not changed when what it follows from is durable.
func (s *Store) refusal(ctx context.Context, err error) error {
	if certain(err) {
		return err
	}
	return s.afterAll(ctx, err)
}

// changeLocked does it, and returns the group to wait for, nil if there was nothing to
// do. REQUIRES: the token of changes.
func (s *Store) changeLocked(b *batch, event Event, at int64, c BatchChange, edit func(*terms) error) (*group, error) {
	old := b.terms()
	t := old
	if err := edit(&t); err != nil {
		return nil, err
	}
	switch {
	case event == EventRevoked && old.Revoked, event == EventRetired && old.Retired:
		return nil, nil
	case old.Retired:
		return nil, b.isRetired()
	case old.Revoked && event != EventRetired:
		return nil, b.isRevoked()
	case t == old:
		return nil, nil
	}
	b.now.flags.Or(flagChanging)
	if !s.eachShard(func(*shard.Shard) {}) {
		b.now.set(old)
		return nil, ErrClosed
	}
	body := appendTerms(nil, event, t, c.By, c.Reason)
	s.draws.Lock()
	var g *group
	var err error
	if event == EventRetired {
		err = s.mayRetire(b, at)
	}
	if err == nil {
		_, g, err = s.com.append(at, body, 1, nil, false)
	}
	if err != nil {
		t = old
	}
	if g != nil {
		s.eachShard(func(sh *shard.Shard) { sh.Mark = max(sh.Mark, g.n) })
	}
	t.Returned = t.Returned || b.returned() // before the flag was set; now nothing goes back
	b.now.set(t)
	s.draws.Unlock()
	return g, err
}

// eachShard passes through every shard; false means that the store is closed.
func (s *Store) eachShard(f func(*shard.Shard)) bool {
	for i := range s.pool.Shards() {
		sh := s.pool.Lock(i)
		if sh == nil {
			return false
		}
		f(sh)
		sh.Unlock()
	}
	return true
}
