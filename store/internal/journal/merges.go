package journal

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/y"
)

// merger merges the engine's new tables with the old ones, in the background, one merge
// after another.
//
// Badger's own compactors merge when the new tables are many, whether the disk has room
// for what that writes or not; where it has none the process ends (see Headroom). So they
// are off, and a merge begins when it is worth its work and Headroom lends the room. Until
// then new tables pile up, which makes reads slower and costs nothing else. So while much is
// written a merge also waits, as long as there is room to spare: beside one, which takes a
// processor and the disk, writers are only half as fast.
type merger struct {
	db      *badger.DB
	log     *badgerLogger
	room    *Headroom
	rest    time.Duration
	written atomic.Int64 // when much was written last, in ns of Unix time

	wake, quit, done chan struct{}
	started          bool
	endOnce          sync.Once
}

const (
	// mergeFrom is how many new tables there are at least when some are merged.
	mergeFrom = 4
	// mergeWorth is how many bytes of old tables a merge may rewrite for each byte that
	// new tables have. It bounds the work, and the share of the disk that new tables and
	// what is stale in them take.
	mergeWorth = 8
	// mergeRest is how long less than half a write buffer was written when a merge begins, and
	// mergeAtOnce with how many new tables it waits no longer: some 250 MiB.
	mergeRest   = 250 * time.Millisecond
	mergeAtOnce = 32
	// mergeSpare is how many times what a merge of so many would need there must be room for
	// where a merge waits.
	mergeSpare = 4
)

func newMerger(db *badger.DB, log *badgerLogger) *merger {
	return &merger{db: db, log: log, rest: mergeRest, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
}

// start lets merges begin. It is called once, before end.
func (m *merger) start(room *Headroom) {
	m.room, m.started = room, true
	m.look()
	go m.run()
}

// look makes the merger look at the tables, after much was written; it does not wait.
func (m *merger) look() {
	m.written.Store(time.Now().UnixNano())
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// end waits for a merge under way and lets no further one begin.
func (m *merger) end() {
	m.endOnce.Do(func() {
		close(m.quit)
		if m.started {
			<-m.done
		}
	})
}

func (m *merger) run() {
	defer close(m.done)
	var rested <-chan time.Time
	for {
		select {
		case <-m.quit:
			return
		case <-m.wake:
		case <-rested:
		}
		rested = nil
		for more := true; more; {
			if wait := m.waits(time.Now()); wait > 0 {
				rested = time.After(wait)
				break
			}
			more = m.once()
			select {
			case <-m.quit:
				return
			default:
			}
		}
	}
}

// waits returns how long the next merge, if there is one, is put off for the writers' sake.
func (m *merger) waits(now time.Time) time.Duration {
	tables := m.db.Tables()
	n, fresh := nextMerge(tables), newest(tables)
	if n == 0 || fresh >= mergeAtOnce || !m.room.spare(mergeSpare*n*mergeAtOnce/int64(fresh)) {
		return 0
	}
	return m.rest - now.Sub(time.Unix(0, m.written.Load()))
}

// newest counts the new tables; they are in the order of their levels.
func newest(tables []badger.TableInfo) int {
	if n := slices.IndexFunc(tables, func(t badger.TableInfo) bool { return t.Level > 0 }); n >= 0 {
		return n
	}
	return len(tables)
}

// once does the next merge, or reports that there is none to do now.
func (m *merger) once() bool {
	n := nextMerge(m.db.Tables())
	if n == 0 || !m.room.lend(n) {
		return false
	}
	defer m.room.giveBack()
	began := time.Now()
	if err := m.merge(); err != nil {
		m.log.l.Warn("tables were not merged; tried again when more is written", "error", err)
		return false
	}
	m.log.l.Debug("tables merged", "bytes", n, "took", time.Since(began))
	return true
}

// nextMerge returns how many bytes the next merge reads, which is the most that it can
// write, or 0 if it is not worth it yet. Badger merges new tables from the oldest on, as
// long as each overlaps those before it, with all old ones between their least and
// greatest key.
func nextMerge(tables []badger.TableInfo) int64 {
	split := newest(tables)
	if split < mergeFrom {
		return 0
	}
	var fresh, top, bottom int64
	var least, greatest []byte
	joined := true
	for i, t := range tables[:split] {
		fresh += int64(t.OnDiskSize)
		left, right := y.ParseKey(t.Left), y.ParseKey(t.Right)
		switch joined = joined && (i == 0 || bytes.Compare(left, greatest) <= 0 && bytes.Compare(least, right) <= 0); {
		case !joined:
			continue
		case i == 0:
			least, greatest = left, right
		}
		if bytes.Compare(left, least) < 0 {
			least = left
		}
		if bytes.Compare(right, greatest) > 0 {
			greatest = right
		}
		top += int64(t.OnDiskSize)
	}
	for _, t := range tables[split:] {
		if bytes.Compare(y.ParseKey(t.Left), greatest) <= 0 && bytes.Compare(least, y.ParseKey(t.Right)) <= 0 {
			bottom += int64(t.OnDiskSize)
		}
	}
	if bottom > mergeWorth*fresh {
		return 0
	}
	return top + bottom
}

// flattenGoesOn is how the message begins that Flatten gives before each merge, on the
// goroutine that called it.
const flattenGoesOn = "Attempting to compact"

// errOneMerge leaves Flatten before its second merge.
var errOneMerge = errors.New("one merge is done")

// merge does one merge. Badger's only way to ask for one is Flatten, which goes on as long
// as there are new tables, though each further merge may rewrite much for little and would
// need room of its own. So its second one ends in a panic of our logger; Flatten holds
// nothing at that point.
func (m *merger) merge() (err error) {
	defer func() {
		if p := recover(); p != nil && p != any(errOneMerge) {
			err = &CorruptError{What: "engine", Why: fmt.Sprint("a merge gave up: ", p)}
		}
	}()
	m.log.flattens.Store(1)
	return engineError(m.db.Flatten(1))
}
