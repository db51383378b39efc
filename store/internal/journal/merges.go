package journal

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
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
// then new tables pile up, which makes reads slower and costs nothing else.
type merger struct {
	db   *badger.DB
	log  *badgerLogger
	room *Headroom

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
)

func newMerger(db *badger.DB, log *badgerLogger) *merger {
	return &merger{db: db, log: log, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
}

// start lets merges begin. It is called once, before end.
func (m *merger) start(room *Headroom) {
	m.room, m.started = room, true
	m.look()
	go m.run()
}

// look makes the merger look at the tables; it does not wait.
func (m *merger) look() {
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
	for {
		select {
		case <-m.quit:
			return
		case <-m.wake:
		}
		for m.once() {
			select {
			case <-m.quit:
				return
			default:
			}
		}
	}
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
	split := slices.IndexFunc(tables, func(t badger.TableInfo) bool { return t.Level > 0 }) // they are in order
	if split < 0 {
		split = len(tables)
	}
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
