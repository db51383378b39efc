package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"codepool/shard"
	"codepool/store/internal/journal"
)

// Store is an open store. All methods are safe for concurrent use. A Store must not
// be copied.
type Store struct {
	opt    Options
	path   string
	dir    *directory
	eng    *journal.Fuse
	com    *committer
	pool   *shard.Pool
	gate   *gate
	intake *intake

	rootSpace space
	spaces    atomic.Pointer[map[string]*space]
	batches   atomic.Pointer[[]*batch] // by number; entry 0 is unused
	keys      *keyTable
	users     *keyTable   // users of batches with a limit (limit.go)
	limits    atomic.Bool // there is such a batch
	signs     atomic.Bool // there is a signed batch
	restoring bool        // a restore has it open, to see whether it opens
	leases    *leaseTable
	shares    *shareTable
	// texts keeps tokens and codes apart: it is held for reading while a token is taken, for
	// writing while codes are added.
	texts sync.RWMutex
	// sharesOver is held by whoever ends shared batches whose time is over.
	sharesOver sync.Mutex
	cursors    cursors
	sequences  sequences
	bell       bell
	index      *index
	survey     survey
	retired    atomic.Pointer[registry] // nil: no batch is retired

	mu struct {
		sync.Mutex // guards what follows and growth of spaces and batches
		byName     map[string]*batch
		runs       []runHeader         // by number; entry 0 is unused
		staged     map[uint32]struct{} // runs that are being added: maybe durable, not yet live
	}

	// adding is held, as one token, by the one Mint or Import at work: each takes tens
	// of megabytes for a while.
	adding chan struct{}
	// draws is held for reading from the journaling of a draw until memory shows it, for
	// writing while a batch changes, and taken by a checkpoint to choose a number below
	// which memory is complete.
	draws     sync.RWMutex
	changing  chan struct{}     // held, as one token, by the one change of a batch at work
	drawKeys  [64]chan struct{} // by key hash, one token each: one draw a key at a time
	maint     *maintainer
	lapse     *lapser
	closed    atomic.Bool
	closing   chan struct{} // closed together with it
	closeOnce sync.Once
	closeErr  error
	opened    time.Time
	recovered Recovery

	statePages     map[statePageID]pageStamp // found by recovery; the maintainer's from then on
	lastCheckpoint uint64                    // number of the checkpoint that recovery found
}

// Recovery says what Open did.
type Recovery struct {
	Checkpoint uint64        `json:"checkpoint"` // ledger number up to which state was loaded
	Replayed   uint64        `json:"replayed"`   // records read after it
	Took       time.Duration `json:"took"`
}

// Open opens the store in a directory, making it if it is missing or empty. Only one
// Store can have it open (ErrLocked). A nil Options means the defaults. Open reads
// the codes, their states at the last checkpoint and the ledger since, and checks
// all of it: ErrFormat, ErrCorrupt and ErrInvalid say what is wrong; nothing that was
// stored is lost by the attempt.
func Open(dir string, o *Options) (*Store, error) {
	var opt Options
	if o != nil {
		opt = *o
	}
	opt = opt.withDefaults()
	if err := opt.validate(); err != nil {
		return nil, err
	}
	d, fresh, err := openDirectory(dir, true, &opt)
	if err != nil {
		return nil, err
	}
	s, err := open(d, fresh, false, &opt)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return s, nil
}

// open recovers the store in a locked directory. fresh says that it has no format
// file yet; then it must hold no data either, unless a restore has just put it there.
func open(d *directory, fresh, restoring bool, opt *Options) (s *Store, err error) {
	start := time.Now()
	if fresh {
		if err := d.room(true); err != nil {
			return nil, err
		}
	}
	if fresh && !restoring {
		// A first opening that did not finish leaves no tables; the engine would remove
		// those that its MANIFEST does not name.
		if tables, err := journal.HasTables(d.path); err != nil || tables {
			return nil, errors.Join(inPart(d.path), err)
		}
	}
	if !fresh {
		if err := journal.PutBack(d.path); err != nil { // of an Open that was ended in between
			return nil, fmt.Errorf("put files of the engine back: %w", journal.DiskFull(err))
		}
		if err := journal.CheckFile(d.path, highWaterFile); err != nil {
			return nil, err
		}
		if err := journal.Check(d.path); err != nil {
			return nil, err
		}
		if err := d.head.MakeRoom(); err != nil {
			return nil, err
		}
		if err := journal.SetAside(d.path); err != nil {
			return nil, fmt.Errorf("set files of the engine aside: %w", journal.DiskFull(err))
		}
		defer func() {
			if err != nil && !errors.Is(err, journal.ErrStillAtWork) {
				err = errors.Join(err, journal.PutBack(d.path))
			}
		}()
	}
	// crash point: open: files are set aside
	high, err := d.openHighWater()
	if err != nil {
		return nil, err
	}
	engine, err := journal.Open(d.path, d.journal)
	if err != nil {
		return nil, err
	}
	eng := &journal.Fuse{Engine: engine}
	d.head.Serve()
	// crash point: open: the engine is open
	s = &Store{opt: *opt, path: d.path, dir: d, eng: eng, restoring: restoring, opened: start, adding: make(chan struct{}, 1), changing: make(chan struct{}, 1), closing: make(chan struct{}), statePages: map[statePageID]pageStamp{}, keys: new(keyTable), users: new(keyTable), leases: newLeaseTable()}
	s.shares = newShareTable(s.leases.some)
	for i := range s.drawKeys {
		s.drawKeys[i] = make(chan struct{}, 1)
	}
	s.survey.kick = make(chan struct{}, 1)
	s.spaces.Store(&map[string]*space{})
	s.batches.Store(&[]*batch{nil})
	s.mu.byName = map[string]*batch{}
	s.mu.runs = make([]runHeader, 1)
	s.mu.staged = map[uint32]struct{}{}
	if s.pool, err = shard.New(opt.Shards); err == nil {
		s.gate = newGate(opt.Shards)
		s.index = &index{eng: eng, room: func() error { return d.room(true) }, limitOf: s.limitOf}
		err = s.recover(high)
	}
	if err == nil && fresh {
		if len(*s.batches.Load()) > 1 && !restoring {
			err = inPart(d.path)
		} else {
			// crash point: open: a new store is about to be named one
			err = d.writeFormat()
		}
	}
	if err == nil {
		// crash point: open: recovered, files are still aside
		err = journal.DropAside(d.path)
	}
	if err != nil {
		if s.pool != nil {
			s.pool.Close()
		}
		return nil, errors.Join(err, d.head.End(), eng.Close())
	}
	// crash point: open: recovered
	eng.Tidy(d.head) // only now: nothing must be aside, see package journal
	_ = d.room(true) // what it refuses is refused when it is asked for
	s.recovered.Took = time.Since(start)
	s.intake = newIntake(s)
	s.com.flush, s.com.finish = s.intake.flush, s.intake.finish
	s.maint = startMaintainer(s)
	due := s.com.onCommit
	s.com.onCommit = func() { due(); s.bell.ring() }
	first, err := sessionPair(s.com.mu.next, opt.Clock())
	if err != nil {
		return nil, errors.Join(err, d.head.End(), eng.Close())
	}
	s.com.mu.open.extra = append(s.com.mu.open.extra, first) // with the first group
	s.com.start()
	s.lapse = startLapser(s)
	return s, nil
}

// inPart refuses a directory with data that is not named a store.
func inPart(path string) error {
	return fmt.Errorf("%w: %s holds data but no %s file: it was copied in part", ErrFormat, path, formatFile)
}

// Close writes a checkpoint and releases everything. Calls that are waiting return
// with their answers; later ones get ErrClosed. A second Close does nothing and
// returns what the first one did.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.closed.Store(true)
		close(s.closing)
		s.adding <- struct{}{} // a mint or import stops at its next step
		s.lapse.stop()
		s.sequences.close()
		s.maint.stop()
		s.com.close()
		s.intake.close()
		if s.com.failure() == nil {
			s.closeErr = s.checkpoint(context.Background())
			if errors.Is(s.closeErr, ErrDiskFull) {
				s.opt.Logger.Warn("no checkpoint at close; the next opening replays more", "error", s.closeErr)
				s.closeErr = nil
			}
		}
		// crash point: close: the last checkpoint is written
		s.pool.Close()
		s.closeErr = errors.Join(s.closeErr, s.dir.head.End()) // the engine may need it
		s.closeErr = errors.Join(s.closeErr, s.eng.Close(), s.dir.close())
	})
	return s.closeErr
}

// now reads the clock, in microseconds, and ends the leases whose time is over by it: what
// is decided next finds their codes where they belong.
func (s *Store) now() int64 {
	at := s.opt.Clock().UnixMicro()
	if at >= s.leases.next.Load() {
		s.endOver(at)
	}
	return at
}

// reading is the time by which a request is judged. It is read from the clock when it is
// first needed, and stays, however often the request is asked again.
type reading struct {
	at   int64 // µs
	done bool
}

func (r *reading) by(s *Store) int64 {
	if !r.done {
		r.at, r.done = s.now(), true
	}
	return r.at
}

func (s *Store) batch(id uint32) *batch { return (*s.batches.Load())[id] }

// addBatchLocked makes a batch known. REQUIRES: s.mu.
func (s *Store) addBatchLocked(b *batch) {
	all := *s.batches.Load()
	for len(all) < int(b.ID) {
		all = append(all, nil)
	}
	all = append(all, b) // readers of the shorter slice do not see behind its end
	b.space.folds.add(b.Format.Class.Fold())
	if b.PerUser > 0 {
		s.limits.Store(true)
	}
	s.batches.Store(&all)
	s.mu.byName[b.Name] = b
}
