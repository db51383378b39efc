package store

import (
	"fmt"
	"sync/atomic"
)

// pair is one key and its sealed value; a nil value deletes the key.
type pair struct {
	key, value []byte
}

// size is what a pair weighs in a commit, with the engine's own overhead. Badger
// bounds the number of pairs too, by 96 bytes each whatever their size.
func (p pair) size() int { return len(p.key) + len(p.value) + 128 }

// engine is the seam below the store: an ordered map of small keys to values of less
// than a mebibyte (above it Badger would move them out of its tree). Badger is behind
// it (journal.go); fault injection and other engines fit in front of or behind it.
// Implementations must be safe for concurrent use.
type engine interface {
	// write must take all pairs, all or none, in the order of the calls. They are
	// durable after the next sync that was called later, and readable at once. Pairs of
	// one call weigh at most maxCommit. The values may be reused after it returns.
	write(pairs []pair) error
	// sync must return nil only when everything written before the call is durable. It
	// may run beside write. After an error of either the outcome is unknown and the
	// caller must not go on.
	sync() error
	// get must return a copy of the value, or nil if there is none.
	get(key []byte) ([]byte, error)
	// view must give f a consistent picture of everything that was durable when it
	// was called; it is valid only during the call.
	view(f func(reader) error) error
	// maxCommit must return how many bytes one commit takes.
	maxCommit() int
	// sizes must return the bytes that the engine's files occupy and the memory it
	// keeps for writing.
	sizes() (disk, memory int64)
	// tidy must let the engine rewrite what it has, in the background until close, when
	// that saves room or reading. It must have room lent for all that it writes so. It is
	// called once at the most.
	tidy(room *headroom)
	// close must release everything. It is called once, after the last write.
	close() error
}

// reader is a consistent picture of the engine.
type reader interface {
	get(key []byte) ([]byte, error)
	// scan must call f for every key with the prefix that is not below from, in
	// order, until f returns an error; errStop ends it without one. Key and value are
	// valid only during the call. A damaged table may end early without an error:
	// callers must know how much to expect (see inventory).
	scan(prefix, from []byte, f func(key, value []byte) error) error
	// last must return the greatest key with the prefix that is not above from, and
	// its value, or nil.
	last(prefix, from []byte) (key, value []byte, err error)
}

// fuse stands in front of an engine and blows at the first failed write or sync,
// whoever made it: all share one log, and after a failed sync the next one may
// report success without having written what the first one lost. So nothing is
// committed any more (I8).
type fuse struct {
	engine
	blown atomic.Pointer[error]
}

func (f *fuse) write(pairs []pair) error {
	if err := f.failure(); err != nil {
		return err
	}
	return f.blow(f.engine.write(pairs))
}

func (f *fuse) sync() error {
	if err := f.failure(); err != nil {
		return err
	}
	if err := f.blow(f.engine.sync()); err != nil {
		return err
	}
	return f.failure() // one that failed meanwhile may have taken our error with it
}

// commit makes the pairs durable, in as few writes as they fit into and one sync.
func (f *fuse) commit(pairs []pair) error {
	if err := f.writeAll(pairs); err != nil {
		return err
	}
	return f.sync()
}

// writeAll writes the pairs in order, in as few writes as they fit into.
func (f *fuse) writeAll(pairs []pair) error {
	limit := f.maxCommit()
	for len(pairs) > 0 {
		n, weight := 0, 0
		for n < len(pairs) && (n == 0 || weight+pairs[n].size() <= limit) {
			weight += pairs[n].size()
			n++
		}
		if err := f.write(pairs[:n]); err != nil {
			return err
		}
		pairs = pairs[n:]
	}
	return nil
}

func (f *fuse) blow(err error) error {
	if err != nil {
		f.blown.CompareAndSwap(nil, &err)
	}
	return err
}

// failure returns why nothing is committed any more, or nil.
func (f *fuse) failure() error {
	if err := f.blown.Load(); err != nil {
		return *err
	}
	return nil
}

// refusal is failure as a caller sees it.
func (f *fuse) refusal() error {
	if err := f.failure(); err != nil {
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return nil
}
