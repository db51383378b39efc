package journal

import "sync/atomic"

// Pair is one key and its value; a nil value deletes the key.
type Pair struct {
	Key, Value []byte
}

// Size is what a pair weighs in a commit, with the engine's own overhead. Badger
// bounds the number of pairs too, by 96 bytes each whatever their size.
func (p Pair) Size() int { return len(p.Key) + len(p.Value) + 128 }

// Engine is the seam below the store: an ordered map of small keys to values of less
// than a mebibyte (above it Badger would move them out of its tree). Badger is behind
// it (Open); fault injection and other engines fit in front of or behind it.
// Implementations must be safe for concurrent use.
type Engine interface {
	// Write must take all pairs, all or none, in the order of the calls. They are
	// durable after the next Sync that was called later, and readable at once. Pairs of
	// one call weigh at most MaxCommit. The values may be reused after it returns.
	Write(pairs []Pair) error
	// Sync must return nil only when everything written before the call is durable. It
	// may run beside Write. After an error of either the outcome is unknown and the
	// caller must not go on.
	Sync() error
	// Get must return a copy of the value, or nil if there is none.
	Get(key []byte) ([]byte, error)
	// View must give f a consistent picture of everything that was durable when it
	// was called; it is valid only during the call.
	View(f func(Reader) error) error
	// MaxCommit must return how many bytes one commit takes.
	MaxCommit() int
	// Sizes must return the bytes that the engine's files occupy and the memory it
	// keeps for writing.
	Sizes() (disk, memory int64)
	// Tidy must let the engine rewrite what it has, in the background until Close, when
	// that saves room or reading. It must have room lent for all that it writes so. It is
	// called once at the most.
	Tidy(room *Headroom)
	// Close must release everything. It is called once, after the last write.
	Close() error
}

// Reader is a consistent picture of the engine.
type Reader interface {
	// Get must return a copy of the value, or nil if there is none.
	Get(key []byte) ([]byte, error)
	// Read must call f with the value, which is valid only during the call, and return its
	// error; found is false, and f is not called, if there is none.
	Read(key []byte, f func(value []byte) error) (found bool, err error)
	// Scan must call f for every key with the prefix that is not below from, in
	// order, until f returns an error; ErrStop ends it without one. Key and value are
	// valid only during the call. A damaged table may end early without an error:
	// callers must know how much to expect.
	Scan(prefix, from []byte, f func(key, value []byte) error) error
	// Last must return the greatest key with the prefix that is not above from, and
	// its value, or nil. Both are valid until the next call.
	Last(prefix, from []byte) (key, value []byte, err error)
}

// Fuse stands in front of an engine and blows at the first failed write or sync,
// whoever made it: all share one log, and after a failed sync the next one may
// report success without having written what the first one lost. So nothing is
// committed any more (I8 of the store). Its zero value with an Engine is ready; it must not
// be copied.
type Fuse struct {
	Engine
	blown atomic.Pointer[error]
}

// Write is Engine.Write until the fuse has blown.
func (f *Fuse) Write(pairs []Pair) error {
	if err := f.Failure(); err != nil {
		return err
	}
	return f.blow(f.Engine.Write(pairs))
}

// Sync is Engine.Sync until the fuse has blown.
func (f *Fuse) Sync() error {
	if err := f.Failure(); err != nil {
		return err
	}
	if err := f.blow(f.Engine.Sync()); err != nil {
		return err
	}
	return f.Failure() // one that failed meanwhile may have taken our error with it
}

// Commit makes the pairs durable, in as few writes as they fit into and one sync.
func (f *Fuse) Commit(pairs []Pair) error {
	if err := f.WriteAll(pairs); err != nil {
		return err
	}
	return f.Sync()
}

// WriteAll writes the pairs in order, in as few writes as they fit into.
func (f *Fuse) WriteAll(pairs []Pair) error {
	limit := f.MaxCommit()
	for len(pairs) > 0 {
		n, weight := 0, 0
		for n < len(pairs) && (n == 0 || weight+pairs[n].Size() <= limit) {
			weight += pairs[n].Size()
			n++
		}
		if err := f.Write(pairs[:n]); err != nil {
			return err
		}
		pairs = pairs[n:]
	}
	return nil
}

func (f *Fuse) blow(err error) error {
	if err != nil {
		f.blown.CompareAndSwap(nil, &err)
	}
	return err
}

// Failure returns why nothing is committed any more, or nil.
func (f *Fuse) Failure() error {
	if err := f.blown.Load(); err != nil {
		return *err
	}
	return nil
}
