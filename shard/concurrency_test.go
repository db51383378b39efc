package shard_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"codepool/shard"
)

// traffic is a pool under every operation at once. Batch 1, a third of which is computed,
// is there from the start; the others come while the rest goes on.
type traffic struct {
	t     testing.TB
	p     *shard.Pool
	keys  []shard.Key // of batch 1
	codes atomic.Int64
	// What the workers did with codes of batch 1, for conservation.
	drawn, redeemed, released atomic.Int64
	burned                    []atomic.Int32 // redemptions by code of keys
	nextRun                   atomic.Uint32
	stopped                   atomic.Bool // a worker met a closed pool
}

func newTraffic(t testing.TB, shards, n int) *traffic {
	tr := &traffic{t: t, p: newPool(t, shards), keys: randomKeys(3, n, 1), burned: make([]atomic.Int32, n)}
	whole := uint32(len(tr.keys) / 3)
	tr.keys = tr.keys[:n-int(whole)]
	addRun(t, tr.p, 1, 1, tr.keys, shard.Available)
	r, err := tr.p.NewComputedRun(2, 1, 0, whole, textOf(2))
	if err != nil {
		t.Fatal(err)
	}
	r.Activate(shard.Available, nil)
	for o := range whole {
		tr.keys = append(tr.keys, shard.ComputedKey(0, 2, whole, o))
	}
	tr.codes.Store(int64(n))
	tr.nextRun.Store(2)
	return tr
}

// lock returns a locked shard, or nil after noting that the pool is closed.
func (tr *traffic) lock(i int) *shard.Shard {
	s := tr.p.Lock(i)
	if s == nil {
		tr.stopped.Store(true)
	}
	return s
}

func (tr *traffic) move(rng *rand.Rand, from, to shard.State) (code int, ok bool) {
	code = rng.IntN(len(tr.keys))
	k := &tr.keys[code]
	s := tr.lock(tr.p.Route(k.Hash))
	if s == nil {
		return code, false
	}
	defer s.Unlock()
	pos, seg, ok := s.Find(k)
	if !ok {
		tr.t.Errorf("code %d is not found", code)
		return code, false
	}
	return code, s.Move(seg, pos, from, to)
}

func (tr *traffic) redeem(rng *rand.Rand) {
	if code, ok := tr.move(rng, shard.Issued, shard.Redeemed); ok {
		tr.burned[code].Add(1)
		tr.redeemed.Add(1)
	}
}

func (tr *traffic) release(rng *rand.Rand) {
	if _, ok := tr.move(rng, shard.Issued, shard.Available); ok {
		tr.released.Add(1)
	}
}

func (tr *traffic) draw(rng *rand.Rand) {
	if s := tr.lock(rng.IntN(tr.p.Shards())); s != nil {
		tr.drawn.Add(int64(s.Draw(1, 1+rng.IntN(8), shard.Issued, func(*shard.Segment, uint32) {})))
		s.Unlock()
	}
}

// add mints a run, in its own batch or in batch 2, half of it with codes that
// other runs add too; one in three is abandoned.
func (tr *traffic) add(rng *rand.Rand) {
	id := tr.nextRun.Add(1)
	batch := id + 1
	if id%2 == 0 {
		batch = 2
	}
	keys := append(randomKeys(7, 1+rng.IntN(100), rng.Uint64()), randomKeys(7, 20, rng.Uint64N(5))...)
	shard.SortKeys(keys)
	var r *shard.Run
	n, err := len(keys), error(nil)
	if id%5 == 0 {
		r, err = tr.p.NewComputedRun(id, batch, 7, uint32(n), textOf(id))
	} else {
		r = tr.p.NewRun(id, batch, 7)
		n, err = r.AddKeys(keys)
	}
	if err != nil {
		tr.stopped.Store(true)
		return
	}
	if id%3 == 0 {
		r.Abandon()
		return
	}
	if !r.Activate(shard.Available, nil) {
		tr.stopped.Store(true)
		return
	}
	tr.codes.Add(int64(n))
	if tr.p.Run(id) != r || r.Len() != n {
		tr.t.Errorf("run %d of %d codes is not known after it was activated", id, n)
	}
}

// read does what a checkpoint and a status page do.
func (tr *traffic) read(rng *rand.Rand) {
	id := 1 + rng.Uint32N(tr.nextRun.Load())
	r := tr.p.Run(id)
	if r == nil {
		return
	}
	dst := make([]byte, r.Len()/2+1)
	for i := range tr.p.Shards() {
		s := tr.lock(i)
		if s == nil {
			return
		}
		if g := s.SegmentOf(id); g != nil {
			s.CopyStates(g, 0, uint32(r.Len()), 0, dst)
			first, end := r.Range(i)
			sum := uint32(0)
			for st, n := range g.Counts {
				sum += n
				if n > 0 && st == int(shard.Void) {
					tr.t.Errorf("run %d: %d void codes", id, n)
				}
			}
			if sum != g.Len || g.Len != end-first {
				tr.t.Errorf("run %d, shard %d: %d codes counted, %d in the segment, [%d,%d) in the run", id, i, sum, g.Len, first, end)
			}
		}
		s.TakeDirty(func(*shard.Segment, uint32, uint32) {})
		s.Unlock()
	}
	for ord := range r.Len() {
		if st := shard.State(dst[ord/2] >> (ord % 2 * 4) & 15); st < shard.Available || st > shard.Revoked {
			tr.t.Errorf("run %d, ordinal %d: state %v", id, ord, st)
		}
	}
	if n := tr.p.Available(r.Batch); n < 0 {
		tr.t.Errorf("batch %d: stock %d", r.Batch, n)
	}
	tr.p.Memory()
}

// run lets workers loose, each for so many operations or until the pool is closed.
func (tr *traffic) run(operations int) *sync.WaitGroup {
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 9))
			for i := 0; i < operations && !tr.stopped.Load(); i++ {
				switch n := rng.IntN(1000); {
				case n < 250:
					tr.draw(rng)
				case n < 750:
					tr.redeem(rng)
				case n < 990:
					tr.release(rng)
				case n < 995:
					tr.add(rng)
				default:
					tr.read(rng)
				}
			}
		})
	}
	return &wg
}

func TestConservation(t *testing.T) {
	tr := newTraffic(t, 8, 8000)
	tr.run(20_000).Wait()
	if tr.stopped.Load() {
		t.Fatal("a worker stopped")
	}
	checkInvariants(t, tr.p)
	byBatch := map[uint32]*[shard.NumStates]int64{}
	live := int64(0)
	for i := range tr.p.Shards() {
		in(t, tr.p, i, func(s *shard.Shard) {
			s.Segments(func(g *shard.Segment) bool {
				c := byBatch[g.Batch]
				if c == nil {
					c = new([shard.NumStates]int64)
					byBatch[g.Batch] = c
				}
				for st, n := range g.Counts {
					c[st] += int64(n)
					if shard.State(st) != shard.Void {
						live += int64(n)
					}
				}
				return true
			})
		})
	}
	if live != tr.codes.Load() {
		t.Errorf("%d codes, minted %d", live, tr.codes.Load())
	}
	for b, c := range byBatch {
		if got := tr.p.Available(b); got != c[shard.Available] {
			t.Errorf("batch %d: stock %d, available %d", b, got, c[shard.Available])
		}
	}
	issued := tr.drawn.Load() - tr.released.Load() - tr.redeemed.Load()
	want := [shard.NumStates]int64{shard.Available: int64(len(tr.keys)) - issued - tr.redeemed.Load(),
		shard.Issued: issued, shard.Redeemed: tr.redeemed.Load()}
	if *byBatch[1] != want {
		t.Errorf("batch 1: %v, want %v", *byBatch[1], want)
	}
	if tr.redeemed.Load() == 0 || tr.released.Load() == 0 {
		t.Error("nothing happened")
	}
	for i := range tr.burned {
		n, st := tr.burned[i].Load(), stateOf(t, tr.p, &tr.keys[i])
		if n > 1 || (n == 1) != (st == shard.Redeemed) {
			t.Errorf("code %d: redeemed %d times, now %v", i, n, st)
		}
	}
}

func TestCloseUnderTraffic(t *testing.T) {
	for round := range 10 {
		tr := newTraffic(t, 8, 500+round*500)
		wg := tr.run(1 << 30)
		for tr.drawn.Load()+tr.redeemed.Load() < int64(100*round) {
			tr.redeem(rand.New(rand.NewPCG(1, uint64(tr.drawn.Load()))))
		}
		var closing sync.WaitGroup
		for range 2 { // closing twice is allowed, at the same time too
			closing.Go(tr.p.Close)
		}
		closing.Wait()
		wg.Wait()
		for i := range tr.p.Shards() {
			if s := tr.p.Lock(i); s != nil {
				t.Fatalf("shard %d can be locked after Close", i)
			}
		}
		r := tr.p.NewRun(tr.nextRun.Load()+1, 1, 0)
		hashes, words := split(randomKeys(0, 10, 1))
		if n, err := r.AddPacked(hashes, words); n != 0 || err == nil {
			t.Errorf("added %d codes to a closed pool, error %v", n, err)
		}
		if n, err := r.AddKeys(randomKeys(0, 10, 1)); n != 0 || err == nil {
			t.Errorf("added %d codes to a closed pool, error %v", n, err)
		}
		if err := tr.p.Reserve(100); err == nil {
			t.Error("reserved in a closed pool")
		}
		if old := tr.p.Run(1); old.Activate(shard.Available, nil) {
			t.Error("activated in a closed pool")
		}
		if m := tr.p.Memory(); m != (shard.Memory{}) {
			t.Errorf("a closed pool has %+v", m)
		}
		r.Abandon()
	}
}

// TestAddConcurrently adds the same codes from many goroutines: each becomes part
// of exactly one run.
func TestAddConcurrently(t *testing.T) {
	const runs, n = 8, 5000
	p := newPool(t, 16)
	keys := randomKeys(0, n, 1)
	var added atomic.Int64
	var wg sync.WaitGroup
	for id := range uint32(runs) {
		wg.Go(func() {
			hashes, words := split(keys)
			r := p.NewRun(id+1, id+1, 0)
			got, err := r.AddPacked(hashes, words)
			if err != nil {
				t.Error(err)
			}
			added.Add(int64(got))
			r.Activate(shard.Available, nil)
		})
	}
	wg.Wait()
	sum := int64(0)
	for id := range uint32(runs) {
		sum += p.Available(id + 1)
		if r := p.Run(id + 1); r == nil || int64(r.Len()) != p.Available(id+1) {
			t.Errorf("run %d: %+v, stock %d", id+1, r, p.Available(id+1))
		}
	}
	if added.Load() != n || sum != n {
		t.Errorf("added %d, stock %d, want %d", added.Load(), sum, n)
	}
	checkInvariants(t, p)
}

// TestNewBatchConcurrently begins many runs of one new batch at the same time: they
// must share its stock. The numbers are high because the directory of stocks is
// then slow to copy, and the goroutines meet there.
func TestNewBatchConcurrently(t *testing.T) {
	p := newPool(t, 1)
	for batch := uint32(100_000); batch < 100_020; batch++ {
		var wg sync.WaitGroup
		for i := range uint32(8) {
			wg.Go(func() {
				id := (batch-100_000)*8 + i + 1
				key := shard.PackedKey(batch, uint64(id))
				r := p.NewRun(id, batch, batch)
				if _, err := r.AddKeys([]shard.Key{key}); err != nil {
					t.Error(err)
				}
				r.Activate(shard.Available, nil)
			})
		}
		wg.Wait()
		if n := p.Available(batch); n != 8 {
			t.Fatalf("batch %d: stock %d, want 8", batch, n)
		}
	}
	checkInvariants(t, p)
}
