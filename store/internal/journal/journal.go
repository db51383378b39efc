package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Dir and BallastFile are the journal's in a data directory, besides what is there only
// while it opens (aside.go).
const (
	Dir         = "journal" // the engine's files
	BallastFile = "BALLAST" // see Headroom
)

// Options are what the engine and its Headroom are opened with. There are no defaults.
type Options struct {
	Sync     bool  // Engine.Sync makes what was written durable; else it does nothing
	MemTable int64 // size of a write buffer, of which up to three exist, in bytes
	Reserve  int64 // what is kept free on the disk, in bytes; at least LeastReserve × MemTable
	Logger   *slog.Logger
}

// badgerEngine is Badger. Every option is set on purpose:
//
//   - SyncWrites, or off and walSync in its place where the system allows it: commit
//     returns after the write-ahead log is synced, once a transaction, which is why a
//     transaction here is a whole group.
//   - DetectConflicts off: the store's shard locks own conflicts.
//   - ValueThreshold at its maximum: values stay in the tree. The value log stays
//     empty, so that its sync errors (which Badger only logs) cannot matter, and its
//     file is kept at the least size because it is mapped and synced all the same.
//   - No compression, no block cache: values are packed already and read through
//     the page cache. Badger checks a block's checksum when it reads it, because it
//     panics on some damaged ones; the values have checksums of ours besides.
//   - No compactors: when tables are merged is decided in merges.go, and so nothing of
//     Badger's stalls a flush. BaseLevelSize without limit: there is level 0 and the last
//     level. Store lays its keys out (keyspace.go) so that what is new overlaps little of
//     what is old there.
//   - Small memtables, two waiting at the most: a library must not take 600 MB.
type badgerEngine struct {
	db     *badger.DB
	wal    *walSync // nil if Badger syncs
	merger *merger
	max    int
	memt   int64

	writing sync.Mutex // one transaction at a time
	unseen  int64      // bytes written since the merger was told; under writing

	// Badger panics when it is read after Close: views hold mu for reading, close
	// takes it after closing has told long scans to end.
	mu      sync.RWMutex
	closing atomic.Bool
}

// memTables is how many full write buffers may wait for the disk beside the one in use.
const memTables = 2

// Open opens the engine in a data directory, making it if it is missing. Damage that it
// meets is a *CorruptError, a full disk ErrDiskFull. After ErrStillAtWork, PutBack must wait
// for the next opening.
func Open(path string, o *Options) (e Engine, err error) {
	opening := false
	defer func() {
		if opening {
			err = fmt.Errorf("%w: %w", err, ErrStillAtWork)
		}
	}()
	defer caught(&err)
	dir := filepath.Join(path, Dir)
	if err := settleEmptyLogs(dir); err != nil {
		return nil, err
	}
	log := &badgerLogger{l: o.Logger}
	bo := badger.DefaultOptions(dir).
		WithSyncWrites(o.Sync && !ownSync).
		WithDetectConflicts(false).
		WithMemTableSize(o.MemTable).
		WithNumMemtables(memTables).
		WithValueThreshold(1 << 20).
		WithValueLogFileSize(1 << 20).
		WithBaseTableSize(8 << 20).
		WithBaseLevelSize(math.MaxInt64).
		WithNumLevelZeroTables(1). // Flatten merges if there are more
		WithNumLevelZeroTablesStall(math.MaxInt32).
		WithNumCompactors(0).
		WithNumGoroutines(2).
		WithBlockSize(4 << 10).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithCompression(options.None).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithVerifyValueChecksum(false).
		WithMetricsEnabled(false).
		WithNumVersionsToKeep(1).
		WithCompactL0OnClose(false).
		WithBypassLockGuard(true). // LOCK in the directory above is the store's
		WithLogger(log)
	// crash point: open: empty logs are settled
	opening = true
	db, err := badger.Open(bo)
	opening = false
	if noSpace(err) {
		return nil, DiskFull(err)
	}
	if err != nil {
		return nil, &CorruptError{What: "engine directory " + dir, Why: err.Error()}
	}
	b := &badgerEngine{db: db, merger: newMerger(db, log), max: int(db.MaxBatchSize()) * 9 / 10, memt: o.MemTable}
	if ownSync {
		if b.wal, err = openWAL(dir, o.Sync); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	return b, nil
}

// ErrStillAtWork says that Badger panicked while it opened, in which case nothing ends
// the goroutines that it has started: they may still remove files.
var ErrStillAtWork = errors.New("the next opening puts its files back")

func (b *badgerEngine) MaxCommit() int { return b.max }

func (b *badgerEngine) Sync() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closing.Load() {
		return ErrClosed
	}
	if b.wal == nil {
		return nil // Badger did it with the write, or nobody wants it
	}
	return b.wal.sync()
}

// Write hands the pairs to Badger as one transaction. Badger works on one at a time
// anyway; here that also means that nobody writes to the log while wal prepares it.
func (b *badgerEngine) Write(pairs []Pair) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closing.Load() {
		return ErrClosed
	}
	b.writing.Lock()
	defer b.writing.Unlock()
	if b.wal != nil {
		if err := b.wal.prepare(pairs); err != nil {
			return err
		}
	}
	txn := b.db.NewTransaction(true)
	defer txn.Discard()
	for _, p := range pairs {
		var err error
		if p.Value == nil {
			err = txn.Delete(p.Key)
		} else {
			err = txn.SetEntry(badger.NewEntry(p.Key, p.Value))
		}
		if err != nil {
			return engineError(err)
		}
	}
	err := engineError(txn.Commit())
	if err == nil && b.wal != nil {
		err = b.wal.wrote(pairs)
	}
	for _, p := range pairs {
		b.unseen += int64(p.Size())
	}
	if b.unseen >= b.memt/2 {
		b.unseen = 0
		b.merger.look()
	}
	return err
}

func (b *badgerEngine) Tidy(room *Headroom) { b.merger.start(room) }

func (b *badgerEngine) Get(key []byte) (value []byte, err error) {
	err = b.View(func(r Reader) error {
		value, err = r.Get(key)
		return err
	})
	return value, err
}

func (b *badgerEngine) View(f func(Reader) error) (err error) {
	defer caught(&err)
	if !b.mu.TryRLock() { // Close is waiting, perhaps for a view that this one is within
		return ErrClosed
	}
	defer b.mu.RUnlock()
	if b.closing.Load() {
		return ErrClosed
	}
	txn := b.db.NewTransaction(false)
	defer txn.Discard()
	r := &badgerReader{txn: txn, closing: &b.closing}
	defer r.end()
	return f(r)
}

func (b *badgerEngine) Sizes() (disk, memory int64) {
	_ = filepath.WalkDir(b.db.Opts().Dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if fi, err := d.Info(); err == nil {
				disk += allocated(fi)
			}
		}
		return nil // a file that vanished during the walk is not an error
	})
	return disk, b.memt * (memTables + 1)
}

func (b *badgerEngine) Close() error {
	b.closing.Store(true)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.merger.end()
	err := engineError(b.db.Close())
	if b.wal != nil {
		err = errors.Join(err, b.wal.close())
	}
	return err
}

type badgerReader struct {
	txn     *badger.Txn
	closing *atomic.Bool
	// back is kept for the next Last: to make an iterator over all tables costs more than
	// to move it.
	back               *badger.Iterator
	prefix, key, value []byte
}

func (r *badgerReader) Get(key []byte) (value []byte, err error) {
	_, err = r.Read(key, func(v []byte) error { value = bytes.Clone(v); return nil })
	return value, err
}

func (r *badgerReader) Read(key []byte, f func(value []byte) error) (found bool, err error) {
	item, err := r.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return false, nil
	} else if err != nil {
		return false, readError(err)
	}
	var failed error
	err = item.Value(func(v []byte) error { failed = f(v); return nil })
	if err != nil {
		return true, readError(err)
	}
	return true, failed
}

// ErrStop ends a scan early without an error.
var ErrStop = errors.New("stop")

func (r *badgerReader) Scan(prefix, from []byte, f func(key, value []byte) error) error {
	o := badger.DefaultIteratorOptions
	o.Prefix, o.PrefetchValues = prefix, false
	it := r.txn.NewIterator(o)
	defer it.Close()
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	for it.Seek(from); it.Valid(); it.Next() {
		if r.closing.Load() {
			return ErrClosed
		}
		item := it.Item()
		var stop error
		if err := item.Value(func(v []byte) error { stop = f(item.Key(), v); return nil }); err != nil {
			return readError(err)
		}
		if errors.Is(stop, ErrStop) {
			return nil
		} else if stop != nil {
			return stop
		}
	}
	return nil
}

func (r *badgerReader) Last(prefix, from []byte) (key, value []byte, err error) {
	if r.back == nil || !bytes.Equal(r.prefix, prefix) {
		r.end()
		o := badger.DefaultIteratorOptions
		o.Prefix, o.PrefetchValues, o.Reverse = prefix, false, true
		r.back, r.prefix = r.txn.NewIterator(o), bytes.Clone(prefix)
	}
	r.back.Seek(from)
	if !r.back.Valid() {
		return nil, nil, nil
	}
	r.value, err = r.back.Item().ValueCopy(r.value)
	r.key = r.back.Item().KeyCopy(r.key)
	return r.key, r.value, readError(err)
}

// end closes the iterator, before the transaction ends.
func (r *badgerReader) end() {
	if r.back != nil {
		r.back.Close()
		r.back = nil
	}
}

// engineError keeps Badger's error types from leaving this package.
func engineError(err error) error {
	if err == nil {
		return nil
	}
	return errors.New("engine: " + err.Error())
}

// readError is engineError for reads: what was written cannot be had back.
func readError(err error) error {
	if err == nil {
		return nil
	}
	return &CorruptError{What: "engine", Why: err.Error()}
}

// caught turns a panic of the engine over damaged data into an error.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = &CorruptError{What: "engine", Why: fmt.Sprint("it gave up: ", p)}
	}
}

// badgerLogger passes Badger's messages on: warnings and errors as they are, the
// rest at debug level.
type badgerLogger struct {
	l        *slog.Logger
	flattens atomic.Int32 // merges that Flatten may still begin; see merger.merge
}

func (b *badgerLogger) log(level slog.Level, format string, args []any) {
	b.l.Log(context.Background(), level, strings.TrimSpace(fmt.Sprintf(format, args...)), "from", "engine")
}

func (b *badgerLogger) Errorf(f string, a ...any)   { b.log(slog.LevelError, f, a) }
func (b *badgerLogger) Warningf(f string, a ...any) { b.log(slog.LevelWarn, f, a) }
func (b *badgerLogger) Debugf(string, ...any)       {}

func (b *badgerLogger) Infof(f string, a ...any) {
	if strings.HasPrefix(f, flattenGoesOn) && b.flattens.Add(-1) < 0 {
		panic(errOneMerge)
	}
	b.log(slog.LevelDebug, f, a)
}
