package media

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"codepool/proof/harness"
	"codepool/store"
)

const (
	leastMemTable = 8 << 20
	leastReserve  = 6 * leastMemTable // the least that Options allows
	ballast       = 3 * leastMemTable // what a store keeps in a file while it is open
	smallest      = leastReserve + ballast + 4<<20
)

var largest = int64(fewer(400, 80)) << 20

// TestEnospc fills file systems under a working store.
func TestEnospc(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount file systems")
	}
	var kinds []string
	for _, kind := range []string{"tmpfs", "ext4"} {
		v, err := newVolume(t.TempDir(), kind, 16<<20)
		if err != nil {
			t.Logf("no %s: %v", kind, err)
			continue
		}
		if err := v.unmount(); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, kind)
	}
	if len(kinds) == 0 {
		t.Skip("no file system can be mounted here")
	}
	seed, all := harness.Seed(t), tally{}
	defer all.log(t)
	for round := range (harness.Size{Short: 10, Race: 1, Long: 200}).N(t) {
		r := harness.Rand(seed, round)
		kind := kinds[round%len(kinds)]
		size := drawSize(r)
		t.Run(fmt.Sprintf("%d-%s-%dMiB", round, kind, size>>20), func(t *testing.T) { fillOne(t, r, kind, size, all) })
		if all[inVain] != nil {
			return // each further one would wait as long
		}
	}
}

// drawSize draws the size of a file system, small ones more often.
func drawSize(r *rand.Rand) int64 {
	size := int64(smallest)
	for size < largest && r.IntN(3) > 0 {
		size = size * 5 / 4
	}
	return min(size+r.Int64N(size/4), largest)
}

// fillOne lives through one file system.
func fillOne(t *testing.T, r *rand.Rand, kind string, size int64, all tally) {
	w := &world{t: t, r: r, tally: all, codes: map[string]*code{}, in: map[string][]*code{}, receipts: map[uint64]Receipt{}, other: t.TempDir()}
	if kind == "ext4" {
		size += (size+spareRoom)/12 + 8<<20 // for its own needs
	}
	w.vol = mountVolume(t, kind, size)
	w.child = startChild(t)
	t.Cleanup(func() { w.child.end() }) // before the unmounting
	w.place = Place{Dir: filepath.Join(w.vol.dir, "data"), Durability: store.Durability(r.IntN(2)), MemTableSize: leastMemTable, CheckpointEvery: 500 + r.Int64N(5000)}
	most := max(w.vol.free()-ballast-3<<20, leastReserve) // that leaves room to work
	w.place.DiskReserve = leastReserve
	if r.IntN(3) > 0 {
		w.place.DiskReserve += r.Int64N(most - leastReserve + 1)
	}
	t.Logf("%d bytes free, reserve %d, durability %d, checkpoint every %d", w.vol.free(), w.place.DiskReserve, w.place.Durability, w.place.CheckpointEvery)

	w.tooSmall()
	w.mustOpen("open")
	w.mint("first mint", w.newBatch(1000+r.Int64N(20_000)))
	w.begin(w.plan(100, 10))("first draw")
	for range fewer(2, 1) + r.IntN(2) {
		w.cycle()
		if all[inVain] != nil {
			return
		}
	}
	w.proves("end")
	w.holds("end", 300)
	w.close("close at the end")
	w.mustOpen("open at the end")
	w.proves("end")
	w.holds("end", 300)
	w.close("close at the end")
}

// tooSmall opens a new store where there is not room enough: that is refused, and what
// is left of it is not in the way of the next.
func (w *world) tooSmall() {
	rest := w.vol.filler("rest")
	for _, free := range []int64{w.r.Int64N(w.place.DiskReserve), 0} {
		phase := "new store, below the reserve"
		if free == 0 {
			phase = "new store, last byte"
		}
		w.sink(rest, free)
		f, lived := w.tryOpen(phase)
		if lived {
			w.tally.add(phase, outcomeOf(f))
		}
		if lived && !f.full() {
			w.t.Errorf("%s: with %d bytes free: %v, want ErrDiskFull", phase, w.vol.free(), f)
		}
		if w.open {
			w.close(phase)
		}
	}
	if err := rest.shrink(rest.size); err != nil {
		w.t.Fatal(err)
	}
}

// cycle fills the file system, looks at the store on it, and gives the room back.
func (w *world) cycle() {
	w.t.Helper()
	own := w.r.IntN(2) == 0
	rest := w.vol.filler("rest")
	defer func() {
		for rest.size > 0 {
			if err := rest.shrink(1 + w.r.Int64N(w.place.DiskReserve)); err != nil {
				w.t.Fatal(err)
			}
		}
		if err := w.vol.enlarge(w.needed() + 8<<20); err != nil {
			w.t.Fatal(err)
		}
		w.resume()
	}()
	how := "filled beside it"
	if own {
		how = "filled by its own work"
	}
	if !w.fill(how, rest, own) {
		return
	}
	// The file takes the reserve when what is under way has had it.
	if !w.quiet(how) {
		return
	}
	if err := rest.growUntil(w.vol, w.place.DiskReserve/2); err != nil {
		w.t.Fatal(err)
	}
	if !w.untilRefused(how) || !w.quiet(how) {
		return
	}
	depth, left := "last byte", int64(0)
	if w.r.IntN(2) == 0 {
		depth, left = "below the reserve", w.r.Int64N(w.place.DiskReserve/2)
	}
	w.sink(rest, left)
	w.refusesAll(depth)
	w.reads("reads, " + depth)
	if !w.open {
		return
	}
	switch w.r.IntN(4) {
	case 0, 1:
		w.close("close, " + depth)
		w.sink(rest, left) // what closing gave back is gone too
		w.reopen(depth)
	case 2: // the ballast is there yet
		w.kill()
		w.reopen("killed, " + depth)
	}
}

// sink leaves so many bytes free.
func (w *world) sink(rest *filler, left int64) {
	w.t.Helper()
	err := rest.growUntil(w.vol, left)
	if left == 0 {
		err = rest.growToEnd()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// reopen opens the store on the full disk: it works for reading, or says ErrDiskFull.
func (w *world) reopen(depth string) {
	w.t.Helper()
	phase := "open, " + depth
	f, lived := w.tryOpen(phase)
	if !lived {
		return
	}
	w.tally.add(phase, outcomeOf(f))
	if !f.ok() && !f.full() {
		w.t.Errorf("%s: with %d bytes free: %v", phase, w.vol.free(), f)
	}
	if w.open {
		w.refusesAll(phase)
	}
	if w.open {
		w.reads("reads after " + phase)
	}
}

// needed is how much room writes need while the engine rests: the reserve, and the ballast
// if it is not there.
func (w *world) needed() int64 {
	need := w.place.DiskReserve
	if _, err := os.Stat(filepath.Join(w.place.Dir, "BALLAST")); err != nil {
		need += ballast
	}
	return need
}

// mergeable is how much room a merge may take.
func (w *world) mergeable() (n int64) {
	w.t.Helper()
	tables, err := filepath.Glob(filepath.Join(w.place.Dir, "journal", "*.sst"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range tables {
		if fi, err := os.Stat(name); err == nil { // the engine may have removed it
			n += fi.Size()
		}
	}
	return n
}

// fill works until writes are refused, or reports false. With own it is the work alone
// that fills the disk, else a file that grows beside it.
func (w *world) fill(how string, rest *filler, own bool) bool {
	w.t.Helper()
	pad, burns := 10, 64
	if own {
		pad, burns = 1000, 1000
	}
	// Between two looks at the free space the file takes less than the reserve.
	step := w.place.DiskReserve / 64
	for range fillTries {
		if own && w.r.IntN(16) == 0 {
			if full := w.mint(how, w.newBatch(1+w.r.Int64N(200_000))); full {
				return w.open
			}
		}
		finish := w.begin(w.plan(burns, pad))
		if !own {
			if err := rest.grow(step); err != nil {
				w.t.Fatal(err)
			}
		}
		if _, full := finish(how); full > 0 && w.open && !w.stuck {
			w.tally.add(how, "ErrDiskFull")
			return true
		} else if !w.open || w.stuck {
			return false
		}
		if len(w.in["issued"]) == 0 && w.stock() == 0 && w.mint(how, w.newBatch(20_000)) {
			return w.open
		}
	}
	w.tally.add(inVain, "refusal")
	w.t.Errorf("%s: with %d bytes free writes are not refused", how, w.vol.free())
	return false
}

// fillTries bounds the parts of work that fill a file system, of some two megabytes each
// or beside a file that grows by half a megabyte each time.
const fillTries = 4000

// untilRefused makes small requests until one is refused: a look at the free space holds
// for a while.
func (w *world) untilRefused(phase string) bool {
	w.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		done, full := w.begin(w.plan(1, 10))(phase)
		if full > 0 || !w.open || w.stuck || done == 0 && w.mint(phase, w.newBatch(100)) {
			return w.open && !w.stuck
		}
	}
	w.tally.add(inVain, "refusal")
	w.t.Errorf("%s: with %d bytes free writes are not refused", phase, w.vol.free())
	return false
}

// patience is how long the store may take to notice that room went or came.
const patience = time.Minute

// inVain is the phase under which it is counted that this was not enough.
const inVain = "waited in vain"

// resume expects writes to work again, after the store was opened again if need be.
func (w *world) resume() {
	w.t.Helper()
	if w.tally[inVain] != nil {
		return
	}
	if w.open && w.stuck { // reported; what it acknowledged still counts
		w.close("close after a wrong error")
	}
	if !w.open {
		w.mustOpen("open when there is room again")
	}
	w.holds("after the disk was full", 200)
	if !w.open {
		w.t.Fatal("the store does not live on")
	}
	for deadline := time.Now().Add(patience); ; {
		done, full := w.begin(w.plan(50, 10))("resume")
		if !w.open {
			w.t.Fatal("the store does not live on")
		}
		if done > 0 && full == 0 {
			break
		}
		if full > 0 && time.Now().After(deadline) {
			w.tally.add(inVain, "resumption")
			w.t.Fatalf("with %d bytes free, and %d needed, writes do not resume", w.vol.free(), w.needed())
		}
		if done+full == 0 && w.mint("resume", w.newBatch(100)) && time.Now().After(deadline) {
			w.t.Fatal("nothing can be minted")
		}
	}
	w.tally.add("resume", "done")
	for _, b := range w.batches {
		if b.whole {
			continue
		}
		if before := b.minted; w.mint("resume", b) && b.minted == before && w.vol.free() > w.needed()+w.mergeable()+16<<20 {
			w.t.Errorf("with %d bytes free a mint that the full disk cut short does not go on", w.vol.free())
		}
	}
	w.holds("resume", 100)
}
