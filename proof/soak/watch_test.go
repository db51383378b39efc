package soak

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"codepool/proof/harness"
)

// Bounds. The last number of a comment is what was measured when the bound was set.
const (
	mib = 1 << 20

	// closedHeap is how far the heap may be from that of the first shifts while no store
	// is open; 0.1 MiB.
	closedHeap = 1 * mib
	// closedRSS is the same for resident memory; 3 MiB.
	closedRSS = 24 * mib
	// engineHeap is the heap of an open engine without content: its write buffer and its
	// tables' indexes; 11 MiB.
	engineHeap = 20 * mib
	// codeHeap, bulkHeap, wideHeap, runHeap and recordHeap are the heap of what a store
	// holds: a code and its place in table and gate (17 bytes), the same where the shards'
	// arrays are large and outside of the heap (6), the text of a wide code, a run or batch
	// with its part in each shard (6 KiB), a record in the index (0.3 bytes).
	codeHeap, bulkHeap, wideHeap, runHeap, recordHeap = 40, 10, 100, 16 << 10, 1
	// endingHeap is how much an open store may hold beyond what it did when it was opened
	// and what came since: buffers of groups; 1 MiB.
	endingHeap = 8 * mib
	// mapped is what an open store maps beside its tables and codes: up to three logs.
	mapped = 96 * mib
	// openFiles is how many descriptors an open store has beside one for each file.
	openFiles = 16

	// debrisShare and debrisBytes are how much larger than a restored directory's tables
	// those of a directory in use may be once merging has come to its end; 1.0 and 0.1 MiB.
	debrisShare, debrisBytes = 1.1, 2 * mib
	// codeDisk, recordDisk, drawDisk and runDisk are bytes of what is live: a code with its
	// state, a record with its text and postings, a code in a draw, a run or batch.
	codeDisk, wideDisk, recordDisk, drawDisk, runDisk, engineDisk = 12, 40, 50, 14, 1 << 10, 8 * mib
	// tableBytes is the least average size of a file.
	tableBytes, fewFiles = 256 << 10, 24
)

// content is what a store holds.
type content struct {
	codes, bulk, wide, runs, records, drawn int64
}

func (c content) heap() int64 {
	return c.codes*codeHeap + c.bulk*bulkHeap + c.wide*wideHeap + c.runs*runHeap + c.records*recordHeap
}

func (c content) disk() int64 {
	return (c.codes+c.bulk)*codeDisk + c.wide*wideDisk + c.runs*runDisk + c.records*recordDisk + c.drawn*drawDisk
}

// row is a line of the table.
type row struct {
	at      time.Duration
	shift   int
	phase   string
	content content
	reading
}

// watch takes readings and holds them to their bounds.
type watch struct {
	t     *testing.T
	begun time.Time
	rows  []row // of bounded number: the table must not be what piles up
	every int   // rows of every so many shifts are kept

	start  reading // before the first store
	warm   int     // readings that set base
	base   reading // the most while closed, in the first shifts
	opened struct {
		reading
		content content
	} // the last one after a store was opened
}

// warmUp is how many shifts set the base.
const warmUp = 2

func newWatch(t *testing.T) *watch {
	w := &watch{t: t, begun: time.Now(), rows: make([]row, 0, mostRows), every: 1}
	w.start = take(t, "", func(reading) bool { return true })
	w.note(0, "start", content{}, w.start)
	return w
}

// mostRows is the length of the table.
const mostRows = 240

// note adds a row; when the table is full it keeps those of every second shift.
func (w *watch) note(shift int, phase string, c content, r reading) {
	if len(w.rows) == mostRows {
		w.every *= 2
		w.rows = slices.DeleteFunc(w.rows, func(r row) bool { return r.shift%w.every != 0 })
	}
	if shift%w.every == 0 {
		w.rows = append(w.rows, row{time.Since(w.begun), shift, phase, c, r})
	}
}

// memory tells whether memory is what it is in use.
func memory() bool { return !harness.RaceOn }

// atEnd reads an open store that nobody uses.
func (w *watch) atEnd(shift int, dir string, c content) {
	explained := w.opened.heap + endingHeap + c.heap() - w.opened.content.heap()
	r := take(w.t, dir, func(r reading) bool { return r.heap <= explained || !memory() || w.warm < warmUp })
	w.note(shift, "ending", c, r)
	if memory() && w.warm >= warmUp && r.heap > explained {
		w.t.Errorf("shift %d: at its end the heap is %s; when it was opened it was %s, and what came since explains %s", shift, inMiB(r.heap), inMiB(w.opened.heap), inMiB(explained))
	}
	w.checkOpen(shift, r, c)
}

// checkOpen checks what holds of every open store.
func (w *watch) checkOpen(shift int, r reading, c content) {
	if most := w.start.fds + openFiles + r.files; r.fds > most {
		w.t.Errorf("shift %d: %d descriptors beside %d files: %q", shift, r.fds, r.files, descriptors(w.t))
	}
	if most := w.base.rss + r.heap + r.disk + c.heap() + mapped; memory() && w.warm >= warmUp && r.rss > most {
		w.t.Errorf("shift %d: %s of memory are resident, heap, files and content explain %s", shift, inMiB(r.rss), inMiB(most))
	}
}

// released checks that a store that was closed just now has let go of its descriptors. The
// store must still be referred to: a file that nobody refers to is closed by the collector.
func (w *watch) released(shift int) {
	r := w.start
	for begun := time.Now(); time.Since(begun) < time.Second; runtime.Gosched() {
		if r.fds = len(descriptors(w.t)); r.fds <= w.start.fds {
			return
		}
	}
	w.t.Errorf("shift %d: a store was closed and %d descriptors are open, %d were at the start: %q", shift, r.fds, w.start.fds, descriptors(w.t))
}

// closed reads the process while no store is open.
func (w *watch) closed(shift int, dir string, c content) {
	r := take(w.t, dir, func(r reading) bool {
		return r.goroutines <= w.start.goroutines && r.fds <= w.start.fds && (!memory() || w.warm < warmUp || r.heap <= w.base.heap+closedHeap && r.rss <= w.base.rss+closedRSS)
	})
	w.note(shift, "closed", c, r)
	if r.goroutines != w.start.goroutines {
		w.t.Errorf("shift %d: %d goroutines while no store is open, %d at the start: %s", shift, r.goroutines, w.start.goroutines, creators())
	}
	if r.fds != w.start.fds {
		w.t.Errorf("shift %d: %d descriptors while no store is open, %d at the start: %q", shift, r.fds, w.start.fds, descriptors(w.t))
	}
	if w.warm++; w.warm <= warmUp {
		w.base.heap, w.base.rss = max(w.base.heap, r.heap), max(w.base.rss, r.rss)
	} else if memory() {
		if r.heap > w.base.heap+closedHeap {
			w.t.Errorf("shift %d: the heap is %s while no store is open, after the first shifts it was %s", shift, inMiB(r.heap), inMiB(w.base.heap))
		}
		if r.rss > w.base.rss+closedRSS {
			w.t.Errorf("shift %d: %s are resident while no store is open, after the first shifts it was %s", shift, inMiB(r.rss), inMiB(w.base.rss))
		}
	}
	if most := fewFiles + int(r.disk/tableBytes); r.files > most {
		w.t.Errorf("shift %d: %d files of %s in the directory, want %d at most", shift, r.files, inMiB(r.disk), most)
	}
}

// atStart reads a store that was opened just now.
func (w *watch) atStart(shift int, dir string, c content) {
	explained := w.base.heap + engineHeap + c.heap()
	r := take(w.t, dir, func(r reading) bool { return r.heap <= explained || !memory() || w.warm < warmUp })
	w.note(shift, "opened", c, r)
	w.opened.reading, w.opened.content = r, c
	if memory() && w.warm >= warmUp && r.heap > explained {
		w.t.Errorf("shift %d: newly opened the heap is %s, its content explains %s", shift, inMiB(r.heap), inMiB(explained))
	}
	w.checkOpen(shift, r, c)
}

// onDisk compares the directory of an open store that nobody uses with one that was
// restored from its backup and closed.
func (w *watch) onDisk(shift int, dir string, c content, restored reading) {
	w.note(shift, "restored", c, restored)
	most := int64(debrisShare*float64(restored.tables)) + debrisBytes
	if r := take(w.t, dir, func(r reading) bool { return r.tables <= most }); r.tables > most {
		w.t.Errorf("shift %d: the directory has %s in tables; restored from its backup it has %s, so at most %s are explained", shift, inMiB(r.tables), inMiB(restored.tables), inMiB(most))
	}
	if most := c.disk() + engineDisk; restored.disk > most {
		w.t.Errorf("shift %d: a restored directory has %s, its content explains %s", shift, inMiB(restored.disk), inMiB(most))
	}
}

func inMiB(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/mib) }

// table prints the readings.
func (w *watch) table() {
	var b strings.Builder
	fmt.Fprintf(&b, "%9s %5s %-8s %9s %9s %9s %9s %10s %4s %5s %9s\n", "time", "shift", "phase", "codes", "records", "heap MiB", "rss MiB", "goroutines", "fds", "files", "disk MiB")
	for _, r := range w.rows {
		fmt.Fprintf(&b, "%9s %5d %-8s %9d %9d %9.2f %9.1f %10d %4d %5d %9.1f\n", r.at.Round(100*time.Millisecond), r.shift, r.phase, r.content.codes+r.content.bulk, r.content.records,
			float64(r.heap)/mib, float64(r.rss)/mib, r.goroutines, r.fds, r.files, float64(r.disk)/mib)
	}
	w.t.Logf("readings:\n%s", b.String())
}
