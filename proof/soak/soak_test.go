package soak

import (
	"bufio"
	"context"
	"errors"
	"hash/maphash"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"codepool/proof/harness"
	"codepool/store"
)

var span = harness.Span{Short: 60 * time.Second, Race: 8 * time.Second, Long: 8 * time.Hour}

const (
	workers = 4
	// shiftsPerLife is how many shifts a directory lives.
	shiftsPerLife = 12
	// shiftRecords ends a shift, so that reading the ledger does not take all the time.
	shiftRecords = 1_500_000
	// longestShift ends a shift with little work.
	longestShift = 2 * time.Minute
	// longer is how many times as long as the others one shift of each life is: what piles
	// up in an open store shows there.
	longer, longerShift = 4, 5
)

func TestSoak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc to see memory and descriptors of the process")
	}
	seed := harness.Seed(t)
	long := span.For(t)
	k := &soak{t: t, seed: seed, sums: maphash.MakeSeed(), each: min(long/(shiftsPerLife+longer), longestShift)}
	for range workers { // before the first reading: the record does not grow
		k.room = append(k.room, make([]slot, 0, maxSlots))
	}
	k.watch = newWatch(t)
	defer k.watch.table()
	for end := time.Now().Add(long); time.Now().Before(end) && !t.Failed(); {
		k.life(end)
	}
	t.Logf("%d shifts in %d directories, %d records, %d backups restored", k.shift, k.lives, k.done, k.restored)
}

// soak is the state of the test.
type soak struct {
	t     *testing.T
	seed  uint64
	sums  maphash.Seed
	each  time.Duration // of a shift
	room  [][]slot      // of each lane
	watch *watch

	lives, shift, restored int
	done                   int64 // records
}

// life is the work in one directory.
func (k *soak) life(end time.Time) {
	dir := k.t.TempDir()
	var lanes []*lane
	for i := range workers {
		lanes = append(lanes, &lane{t: k.t, life: k.lives, id: i, seed: k.sums, slots: k.room[i][:0]})
	}
	var known ledger
	for n := 0; n < shiftsPerLife && time.Now().Before(end) && !k.t.Failed(); n++ {
		k.work(dir, lanes, n, &known)
	}
	k.lives++
	k.done += together(lanes).content.records
	if err := os.RemoveAll(dir); err != nil {
		k.t.Error(err)
	}
}

// options differ from shift to shift: one in four waits for the device.
func (k *soak) options() *store.Options {
	o := &store.Options{Durability: store.WeakNoSync, CheckpointEvery: 20_000, Shards: []int{64, 4, 16, 8}[k.shift%4]}
	if k.shift%4 == 3 {
		o.Durability = store.Durable
	}
	return o
}

// work opens the store, compares it with the record, lets the lanes work and closes it.
func (k *soak) work(dir string, lanes []*lane, n int, known *ledger) {
	ctx := k.t.Context()
	s, err := store.Open(dir, k.options())
	if err != nil {
		k.t.Fatal(err)
	}
	for i, l := range lanes {
		l.s, l.rng, l.full = s, harness.Rand(k.seed, k.shift*workers+i), false
	}
	k.watch.atStart(k.shift, dir, together(lanes).content)
	k.compare(ctx, s, lanes, known, n == shiftsPerLife-1)
	if n == 0 {
		lanes[0].mintBulk(ctx)
	}
	k.everyone(ctx, s, lanes, n)
	if n%4 == 2 && !k.t.Failed() {
		k.verify(ctx, s, "at the end of a shift")
		s = k.settle(dir, s, lanes)
		if restored, ok := k.restore(ctx, k.backUp(ctx, s), lanes); ok {
			k.watch.onDisk(k.shift, dir, together(lanes).content, restored)
		}
		for _, l := range lanes {
			l.s = s
		}
	}
	for range 2 { // what the index takes over leaves memory one checkpoint later
		if err := s.Checkpoint(ctx); err != nil {
			k.t.Error(err)
		}
	}
	k.compare(ctx, s, lanes, known, false)
	for _, l := range lanes {
		l.s = nil
	}
	now := together(lanes)
	k.watch.atEnd(k.shift, dir, now.content)
	k.close(s)
	s = nil
	k.watch.closed(k.shift, dir, now.content)
	k.shift++
}

// close closes the only open store and looks at what it lets go of at once.
func (k *soak) close(s *store.Store) {
	if err := s.Close(); err != nil {
		k.t.Error(err)
	}
	k.watch.released(k.shift)
	runtime.KeepAlive(s)
}

// settle closes and opens the store some times with little work in between, which gives
// the engine small tables and so reason to merge away what is dead. It returns it open.
func (k *soak) settle(dir string, s *store.Store, lanes []*lane) *store.Store {
	const times = 6
	for range times {
		k.close(s)
		var err error
		if s, err = store.Open(dir, k.options()); err != nil {
			k.t.Fatal(err)
		}
		for _, l := range lanes {
			if l.s = s; len(l.slots) > 0 {
				l.redeemSingly(k.t.Context())
			}
		}
	}
	return s
}

// everyone lets the lanes work until the shift is over, beside a clerk.
func (k *soak) everyone(ctx context.Context, s *store.Store, lanes []*lane, n int) {
	var over atomic.Bool
	each, records := k.each, int64(shiftRecords)
	if n == longerShift {
		each, records = longer*each, longer*records
	}
	bell := time.AfterFunc(each, func() { over.Store(true) })
	defer bell.Stop()
	var work, clerk sync.WaitGroup
	for _, l := range lanes {
		work.Go(func() {
			for until := l.content.records + records/workers; !over.Load() && !l.full && l.content.records < until; {
				l.step(ctx)
			}
		})
	}
	quit := make(chan struct{})
	clerk.Go(func() { k.clerk(ctx, s, quit, n) })
	work.Wait()
	close(quit)
	clerk.Wait()
}

// clerk reads and keeps house while the others work.
func (k *soak) clerk(ctx context.Context, s *store.Store, quit chan struct{}, n int) {
	var seen ledger
	for turn := 0; ; turn++ {
		select {
		case <-quit:
			return
		default:
		}
		if err := seen.read(ctx, s, k.sums); err != nil {
			k.t.Errorf("receipts: %v", err)
		}
		if err := s.Checkpoint(ctx); err != nil {
			k.t.Errorf("checkpoint: %v", err)
		}
		if st := s.Stats(); st.Failure+st.CheckpointError+st.HighWaterError != "" || st.Codes.Minted != st.Codes.Available+st.Codes.Leased+st.Codes.Reserved+st.Codes.Issued+st.Codes.Redeemed+st.Codes.Revoked {
			k.t.Errorf("stats: %+v", st)
		}
		if n%2 == 1 && turn == 1 {
			k.restore(ctx, k.backUp(ctx, s), nil)
			k.verify(ctx, s, "beside writers")
		}
	}
}

// compare holds a store that nobody uses against the record.
func (k *soak) compare(ctx context.Context, s *store.Store, lanes []*lane, known *ledger, fromStart bool) {
	want := together(lanes)
	st := s.Stats()
	if st.Codes != want.counts || st.Ledger != uint64(want.content.records) || st.Durable != st.Ledger {
		k.t.Errorf("shift %d: the store has %+v and %d records, %d of them durable; acknowledged were %+v and %d", k.shift, st.Codes, st.Ledger, st.Durable, want.counts, want.content.records)
	}
	if fromStart {
		*known = ledger{}
	}
	if err := known.read(ctx, s, k.sums); err != nil || known.rows != want.rows || known.sum != want.sum {
		k.t.Errorf("shift %d: %d receipts with sum %x, %v; given were %d with sum %x", k.shift, known.rows, known.sum, err, want.rows, want.sum)
	}
	for _, l := range lanes {
		for i := range l.slots {
			if l.check(ctx, &l.slots[i]); i%512 == 0 {
				l.lookup(ctx, &l.slots[i])
			}
			if k.t.Failed() {
				return
			}
		}
	}
}

func (k *soak) verify(ctx context.Context, s *store.Store, when string) {
	if rep, err := s.Verify(ctx); err != nil || !rep.OK() {
		k.t.Errorf("shift %d: verified %s: %+v, %v", k.shift, when, rep, err)
	}
}

// backUp writes a backup into a file and returns its name.
func (k *soak) backUp(ctx context.Context, s *store.Store) string {
	f, err := os.Create(filepath.Join(k.t.TempDir(), "backup"))
	if err != nil {
		k.t.Error(err)
		return ""
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, err = s.Backup(ctx, w)
	if err = errors.Join(err, w.Flush(), f.Close()); err != nil {
		k.t.Errorf("backup: %v", err)
		return ""
	}
	return f.Name()
}

// restore restores a backup, verifies and closes it, removes both and returns a reading of
// the restored directory. With lanes it is compared with what they know.
func (k *soak) restore(ctx context.Context, backup string, lanes []*lane) (r reading, ok bool) {
	if backup == "" {
		return r, false
	}
	dir := filepath.Join(filepath.Dir(backup), "restored")
	defer os.RemoveAll(filepath.Dir(backup))
	f, err := os.Open(backup)
	if err != nil {
		k.t.Error(err)
		return r, false
	}
	_, err = store.Restore(ctx, dir, f)
	if err = errors.Join(err, f.Close()); err != nil {
		k.t.Errorf("restore: %v", err)
		return r, false
	}
	s, err := store.Open(dir, &store.Options{Durability: store.WeakNoSync})
	if err != nil {
		k.t.Errorf("open what was restored: %v", err)
		return r, false
	}
	k.verify(ctx, s, "restored")
	if lanes != nil {
		for _, l := range lanes {
			l.s = s
		}
		k.compare(ctx, s, lanes, &ledger{}, false)
	}
	if err := s.Close(); err != nil {
		k.t.Error(err)
	}
	k.restored++
	return takeOnce(k.t, dir), true
}
