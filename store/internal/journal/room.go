package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Headroom keeps room on the disk for what the engine does on its own. The engine writes
// its files through mappings: if the disk has no block for a page of one, the process ends
// with SIGBUS, in a goroutine that no caller can guard. So:
//
//   - writes are refused while less is free than the reserve, and a merge of tables begins
//     only where there is twice what it may write beside that (merges.go): once for the
//     merge, and once because it is held back from writes until the merge ends;
//   - beside that, room enough to flush the write buffers is kept in a file, the ballast.
//     It is given up to close the engine and to open it again, which then works also where
//     another program took everything else. Without it there are no writes.
//
// The least reserve is for what was decided before writes were refused: up to four write
// buffers are flushed, one after another.
//
// All methods are safe for concurrent use, except that MakeRoom must come first. A Headroom
// must not be copied.
type Headroom struct {
	dir     string
	reserve int64
	want    int64 // size of the ballast; 0 where a file cannot be given its blocks in advance

	full  atomic.Bool
	until atomic.Int64 // the last look holds until then, ns; written under mu

	mu      sync.Mutex // held while looking; guards what follows
	serving bool       // there is an engine, and it is not about to be closed
	held    int64      // bytes of ballast that are there
	lent    int64      // bytes held back for a merge under way
	kept    bool       // what there is of the ballast stays for the next opening
}

const (
	// lookEvery is how long a look at the free space holds while there is more than twice
	// what is needed; with less, each question is one.
	lookEvery = 20 * time.Millisecond
	// ballastBuffers is how many write buffers the ballast can take: the one in use, one
	// that is being flushed, and what is made beside them.
	ballastBuffers = 3
	// LeastReserve is how many write buffers the reserve must take.
	LeastReserve = 6
	// openingRoom is for the files that the engine makes when it opens.
	openingRoom = 2 << 20
)

// NewHeadroom returns the headroom of a data directory. It makes no ballast and lends
// nothing before Serve.
func NewHeadroom(path string, o *Options) *Headroom {
	reserve := min(o.Reserve, 1<<62) // sums with it stay in range
	h := &Headroom{dir: path, reserve: reserve, want: ballastBuffers * o.MemTable}
	if fi, err := os.Stat(h.file()); err == nil { // left by a process that was killed
		h.held = allocated(fi)
	}
	return h
}

func (h *Headroom) file() string { return filepath.Join(h.dir, BallastFile) }

// Check refuses writes (ErrDiskFull) while there is too little room. With look, it looks
// anew if the last look is old; while the disk is full it always does. A nil Headroom
// refuses nothing.
func (h *Headroom) Check(look bool) error {
	if h == nil || !look && !h.full.Load() {
		return nil
	}
	if h.old() { // whoever comes meanwhile waits for the look: what it finds holds for all
		h.mu.Lock()
		if h.old() {
			h.lookLocked()
		}
		h.mu.Unlock()
	}
	if h.full.Load() {
		free, need := h.Figures()
		return fmt.Errorf("%w: %s has %d MiB free, writes need %d MiB (Options.DiskReserve)", ErrDiskFull, h.dir, free>>20, need>>20)
	}
	return nil
}

func (h *Headroom) old() bool { return time.Now().UnixNano() >= h.until.Load() }

// lookLocked compares what is free with what is needed, and makes the ballast if it is not
// there and there is room for it.
func (h *Headroom) lookLocked() {
	free, err := freeSpace(h.dir)
	need := h.need()
	if err == nil && h.serving && h.held < h.want && free >= need {
		h.takeBallast()
		need = h.need()
		free, err = freeSpace(h.dir)
	}
	h.full.Store(err == nil && free < need)
	until := time.Now()
	if free/2 > need {
		until = until.Add(lookEvery)
	}
	h.until.Store(until.UnixNano())
}

// Serve is called when there is an engine.
func (h *Headroom) Serve() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.serving = true
	h.until.Store(0)
}

// need is how much must be free for writes.
func (h *Headroom) need() int64 {
	return h.reserve + max(h.want-h.held, 0) + h.lent
}

// lend holds n bytes back for a merge, until giveBack, or reports that there is no room
// for it.
func (h *Headroom) lend(n int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.serving || !h.spareLocked(n) {
		return false
	}
	h.lent += n
	h.until.Store(0)
	return true
}

// spare reports whether there is room for n bytes of merges.
func (h *Headroom) spare(n int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.spareLocked(n)
}

func (h *Headroom) spareLocked(n int64) bool {
	free, err := freeSpace(h.dir)
	return err != nil || (free-h.need())/2 >= n
}

func (h *Headroom) giveBack() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lent = 0
	h.until.Store(0)
}

// Figures returns what is free and how much must be so that writes are taken.
func (h *Headroom) Figures() (free, need int64) {
	free, _ = freeSpace(h.dir)
	h.mu.Lock()
	defer h.mu.Unlock()
	return free, h.need()
}

func (h *Headroom) takeBallast() {
	f, err := os.OpenFile(h.file(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		err = errors.Join(allocate(f, h.want), f.Close())
	}
	switch {
	case err == nil:
		h.held = h.want
	case errors.Is(err, errors.ErrUnsupported): // then the reserve must do
		h.want = 0
		fallthrough
	default:
		h.held = 0
		_ = os.Remove(h.file())
	}
}

// dropBallast gives up the ballast.
func (h *Headroom) dropBallast() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = 0
	h.until.Store(0)
	if err := os.Remove(h.file()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// MakeRoom gives the engine the ballast, and reports ErrDiskFull if that and what is free is
// not enough for what is done first: the logs that a crash left are set aside and flushed.
func (h *Headroom) MakeRoom() error {
	logs, err := openingWork(filepath.Join(h.dir, Dir))
	if err != nil {
		return err
	}
	need := 2*logs + openingRoom
	free, err := freeSpace(h.dir)
	if err == nil && free+h.held < need {
		h.kept = true
		return fmt.Errorf("%w: %s has %d MiB free, opening the store needs %d MiB", ErrDiskFull, h.dir, free>>20, (need-h.held)>>20+1)
	}
	return h.dropBallast()
}

// End gives up the ballast for good, so that the engine can be closed, and lets no merge
// begin any more.
func (h *Headroom) End() error {
	if h.kept {
		return nil
	}
	h.mu.Lock()
	h.serving = false
	h.mu.Unlock()
	return h.dropBallast()
}
