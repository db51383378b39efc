package store

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"sync"

	"codepool/store/internal/journal"
)

// The ledger is the event feed: a consumer reads the receipts behind its cursor, does what
// they ask for, and advances the cursor. It gets each receipt at least once, in order and
// without gaps, whatever crashes.

// Follow yields redemptions as Receipts does, and then waits for further ones. It ends
// with an error: that of ctx, ErrClosed, or ErrFailed when the store has stopped and all that
// is durable was given.
func (s *Store) Follow(ctx context.Context, after uint64) iter.Seq2[Receipt, error] {
	return func(yield func(Receipt, error) bool) {
		for {
			seen := s.bell.listen()
			for ended := false; !ended; {
				part, next, err := s.receiptsFrom(ctx, after)
				for _, r := range part {
					if !yield(r, nil) {
						return
					}
				}
				if err != nil {
					yield(Receipt{}, err)
					return
				}
				ended, after = next == after, next
			}
			if err := s.com.refusal(); err != nil {
				yield(Receipt{}, err)
				return
			}
			select {
			case <-seen:
			case <-ctx.Done():
			case <-s.closing:
			}
		}
	}
}

// receiptsFrom is receiptsAfter for a caller who may have gone, or the store.
func (s *Store) receiptsFrom(ctx context.Context, after uint64) (part []Receipt, upto uint64, err error) {
	if s.closed.Load() {
		return nil, after, ErrClosed
	}
	if ctx.Err() != nil {
		return nil, after, context.Cause(ctx)
	}
	return s.receiptsAfter(after)
}

// bell wakes those who wait for the next group.
type bell struct {
	mu sync.Mutex
	ch chan struct{} // closed by the next ring; nil while nobody listens
}

// listen returns a channel that is closed when a group that ends after the call has ended.
func (b *bell) listen() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
	b.mu.Unlock()
}

// MaxCursors is how many cursors a store keeps.
const MaxCursors = 500

// cursors are the named places up to which consumers have done what receipts ask for. All
// are one pair of the engine.
type cursors struct {
	mu     sync.Mutex // held while they are written
	byName map[string]uint64
}

// Cursor returns the number up to which the consumer of that name has acknowledged, 0 if
// it has never.
func (s *Store) Cursor(name string) uint64 {
	s.cursors.mu.Lock()
	defer s.cursors.mu.Unlock()
	return s.cursors.byName[name]
}

// Cursors returns all of them by name.
func (s *Store) Cursors() map[string]uint64 {
	s.cursors.mu.Lock()
	defer s.cursors.mu.Unlock()
	return maps.Clone(s.cursors.byName)
}

// Advance acknowledges the receipts up to a number for the consumer of that name, and
// returns when that is durable: Follow from Cursor goes on behind it, also after a crash. A
// number that is not above the cursor changes nothing. ErrBeyond refuses a number that no
// record has yet, ErrInvalid a name that cannot be, or one cursor too many.
func (s *Store) Advance(ctx context.Context, name string, number uint64) error {
	if err := s.mayMoveCursor(ctx, name); err != nil {
		return err
	}
	if last := s.com.durableRecord.Load(); number > last {
		return fmt.Errorf("%w: cursor %q to %d, and the ledger ends at %d", ErrBeyond, name, number, last)
	}
	return s.cursors.change(s.eng, func(all map[string]uint64) error {
		if _, known := all[name]; !known && len(all) >= MaxCursors {
			return invalid("cursor %q: there are %d already, drop one that is not used", name, len(all))
		}
		all[name] = max(all[name], number)
		return nil
	})
}

// DropCursor forgets a cursor: the consumer of that name would begin at the first receipt.
// One that does not exist is no error.
func (s *Store) DropCursor(ctx context.Context, name string) error {
	if err := s.mayMoveCursor(ctx, name); err != nil {
		return err
	}
	return s.cursors.change(s.eng, func(all map[string]uint64) error {
		delete(all, name)
		return nil
	})
}

func (s *Store) mayMoveCursor(ctx context.Context, name string) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if err := checkLabel("Name", name); err != nil {
		return err
	}
	return s.com.admit(ctx)
}

// change writes the cursors as edit makes them, if it changes any.
func (c *cursors) change(eng *journal.Fuse, edit func(map[string]uint64) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := maps.Clone(c.byName)
	if err := edit(all); err != nil {
		return err
	}
	if maps.Equal(all, c.byName) {
		return nil
	}
	if err := commitJSON(eng, keyCursors, all); err != nil {
		return err
	}
	c.byName = all
	return nil
}

func (c *cursors) load(v journal.Reader) error {
	c.byName = map[string]uint64{}
	if err := loadJSON(v, keyCursors, &c.byName); err != nil {
		return err
	}
	if c.byName == nil {
		return corrupt([]byte{keyCursors}, "it is no list of cursors")
	}
	return nil
}
