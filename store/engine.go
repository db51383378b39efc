package store

// pair is one key and its sealed value; a nil value deletes the key.
type pair struct {
	key, value []byte
}

// size is what a pair weighs in a commit, with the engine's own overhead.
func (p pair) size() int { return len(p.key) + len(p.value) + 64 }

// engine is the seam below the store: an ordered map of small keys to values of up
// to maxValue bytes. Badger is behind it (journal.go); fault injection and other
// engines fit in front of or behind it. Implementations must be safe for
// concurrent use.
type engine interface {
	// commit must make all pairs durable, all or none, before it returns nil. After
	// an error the outcome is unknown and the caller must not commit again. Pairs of
	// one call weigh at most maxCommit.
	commit(pairs []pair) error
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
	// close must release everything. It is called once, after the last commit.
	close() error
}

// reader is a consistent picture of the engine.
type reader interface {
	get(key []byte) ([]byte, error)
	// scan must call f for every key with the prefix that is not below from, in
	// order, until f returns an error; errStop ends it without one. Key and value are
	// valid only during the call.
	scan(prefix, from []byte, f func(key, value []byte) error) error
	// last must return the greatest key with the prefix that is not above from, and
	// its value, or nil.
	last(prefix, from []byte) (key, value []byte, err error)
}

// maxValue bounds a value: above it the engine would move it out of its tree.
const maxValue = 1<<20 - 4096
