package shard_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"codepool/shard"
)

// TestComputedRoutes: a computed key routes to the shard that has its ordinal, and the
// shards share the ordinals out evenly, each once.
func TestComputedRoutes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, shards := range []int{1, 2, 64, 4096} {
		p := newPool(t, shards)
		for _, n := range []uint32{0, 1, 2, 3, 63, 64, 65, 100, 4095, 4096, 4097, 10_007, 1 << 24, 1<<24 + 1, 1 << 30, math.MaxUint32} {
			if int64(n) > int64(shards)<<30 || uint64(n) > math.MaxInt {
				continue
			}
			r, err := p.NewComputedRun(1, 1, 0, n, textOf(1))
			if err != nil {
				t.Fatal(err)
			}
			end := uint32(0)
			for i := range shards {
				lo, hi := r.Range(i)
				if lo != end || hi < lo || uint64(hi-lo) > uint64(n)/uint64(shards)+1 {
					t.Fatalf("%d codes in %d shards: [%d,%d) in shard %d after %d", n, shards, lo, hi, i, end)
				}
				end = hi
			}
			if end != n || r.Len() != int(n) || r.ShardOf(n) != -1 {
				t.Fatalf("%d codes in %d shards: run has %d, ranges %d", n, shards, r.Len(), end)
			}
			ordinals := []uint32{0, n / 2, n - 1}
			for i := range 10_007 {
				if n > 10_007 {
					ordinals = append(ordinals, rng.Uint32N(n))
				} else if i < int(n) {
					ordinals = append(ordinals, uint32(i))
				}
			}
			for i := range shards { // either side of every boundary
				lo, hi := r.Range(i)
				ordinals = append(ordinals, lo, hi-1)
			}
			for _, o := range ordinals {
				if o >= n {
					continue // of an empty run or range
				}
				k := shard.ComputedKey(0, 1, n, o)
				if fast := shard.NewComputedKeys(0, 1, n).Key(o); fast != k {
					t.Fatalf("ordinal %d of %d codes: key %+v without a division, %+v with one", o, n, fast, k)
				}
				at := p.Route(k.Hash)
				lo, hi := r.Range(at)
				if at != r.ShardOf(o) || o < lo || o >= hi || !k.Computed() {
					t.Fatalf("%d codes in %d shards: ordinal %d routes to %d, is in %d", n, shards, o, at, r.ShardOf(o))
				}
			}
			last := shard.ComputedKey(0, 1, n, n-1)
			if n > 0 && stateOf(t, p, &last) != shard.Pending {
				t.Fatalf("%d codes in %d shards: the last is %v", n, shards, stateOf(t, p, &last))
			}
			if n > 0 && shard.NewComputedKeys(0, 1, n).Key(n) != (shard.Key{}) {
				t.Fatal("an ordinal that the run does not have has a key")
			}
			if k := shard.ComputedKey(0, 1, n, n); k != (shard.Key{}) {
				t.Fatalf("ordinal %d of as many has key %+v", n, k)
			}
			r.Abandon()
			if n > 0 && stateOf(t, p, &last) != shard.Void {
				t.Fatalf("%d codes in %d shards: the last is %v after all was abandoned", n, shards, stateOf(t, p, &last))
			}
		}
		checkInvariants(t, p)
	}
}

// TestComputedKeyIsItsOwn: no packed or wide code is found by a computed key, nor the
// other way round.
func TestComputedKeyIsItsOwn(t *testing.T) {
	p := newPool(t, 1)
	r, err := p.NewComputedRun(1, 1, 0, 1, func(uint32) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	r.Activate(shard.Issued, nil)
	k := shard.ComputedKey(0, 1, 1, 0)
	for _, other := range []shard.Key{{}, {Word: k.Word &^ (1 << 59)}, shard.WideKey(0, ""), {Word: shard.WideMark}, {Word: k.Word, Space: 1}} {
		if st := stateOf(t, p, &other); st != shard.Void {
			t.Errorf("key %+v finds the computed code, %v", other, st)
		}
	}
	keys := []shard.Key{shard.WideKey(0, ""), shard.PackedKey(0, 0), shard.PackedKey(0, shard.WideMark-1)}
	shard.SortKeys(keys)
	stored := p.NewRun(2, 2, 0)
	if n, err := stored.AddKeys(keys); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	stored.Activate(shard.Revoked, nil)
	if st := stateOf(t, p, &k); st != shard.Issued {
		t.Errorf("the computed code is %v", st)
	}
	p.Drop(1)
	if st := stateOf(t, p, &k); st != shard.Void {
		t.Errorf("a dropped computed code is %v", st)
	}
}

// TestComputedTakesNumber: the number of an abandoned run is free for one of the other kind,
// and dropping a batch beside it does not mix them up.
func TestComputedTakesNumber(t *testing.T) {
	p := newPool(t, 1)
	stored := p.NewRun(1, 1, 0)
	if _, err := stored.AddKeys(randomKeys(0, 10, 1)); err != nil {
		t.Fatal(err)
	}
	stored.Abandon()
	r, err := p.NewComputedRun(1, 1, 0, 10, textOf(1))
	if err != nil {
		t.Fatal(err)
	}
	r.Activate(shard.Issued, nil)
	addRun(t, p, 2, 2, randomKeys(0, 10, 2), shard.Issued)
	p.Drop(2)
	checkInvariants(t, p)
	k := shard.ComputedKey(0, 1, 10, 9)
	if st := stateOf(t, p, &k); st != shard.Issued {
		t.Errorf("the computed code is %v after another batch was dropped", st)
	}
	p.Drop(1)
	if st := stateOf(t, p, &k); st != shard.Void {
		t.Errorf("the dropped code is %v", st)
	}
	keys := randomKeys(0, 10, 1)
	addRun(t, p, 1, 1, keys, shard.Issued)
	if st := stateOf(t, p, &keys[3]); st != shard.Issued || stateOf(t, p, &k) != shard.Void {
		t.Errorf("a stored code with the number of a dropped run is %v, the dropped one %v", st, stateOf(t, p, &k))
	}
	checkInvariants(t, p)
}

// TestComputedRefused: what cannot be is an error and changes nothing.
func TestComputedRefused(t *testing.T) {
	p := newPool(t, 1)
	if r, err := p.NewComputedRun(1<<27, 1, 0, 1, textOf(1)); err == nil || r != nil {
		t.Errorf("run 2^27: %+v, error %v", r, err)
	}
	if r, err := p.NewComputedRun(1, 1, 0, 1<<30+1, textOf(1)); !errors.Is(err, shard.ErrFull) || r != nil {
		t.Errorf("2^30+1 codes in a shard: %+v, error %v", r, err)
	}
	half, err := p.NewComputedRun(1, 1, 0, 1<<29, textOf(1))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // room that was given back is room again
		if _, err := p.NewComputedRun(2, 1, 0, 1<<29+1, textOf(2)); !errors.Is(err, shard.ErrFull) {
			t.Errorf("2^30+1 codes in two runs: error %v, want ErrFull", err)
		}
		rest, err := p.NewComputedRun(2, 1, 0, 1<<29, textOf(2))
		if err != nil {
			t.Fatal(err)
		}
		half.Abandon()
		half = rest
		if half, err = p.NewComputedRun(1, 1, 0, 1<<29, textOf(1)); err != nil {
			t.Fatal(err)
		}
		rest.Abandon()
	}
	if hashes, words := split(randomKeys(0, 1, 1)); true {
		if n, err := half.AddPacked(hashes, words); n != 0 || err == nil {
			t.Errorf("added %d codes to a computed run, error %v", n, err)
		}
	}
	half.Abandon()
	keys := []shard.Key{shard.ComputedKey(0, 1, 1, 0)}
	if n, err := p.NewRun(1, 1, 0).AddKeys(keys); n != 0 || err == nil {
		t.Errorf("added %d computed codes, error %v", n, err)
	}
	if m := p.Memory(); m.Codes != 0 || m.Computed != 0 || m.States != 0 {
		t.Errorf("refused and abandoned, but there is %+v", m)
	}
	p.Close()
	if r, err := p.NewComputedRun(1, 1, 0, 1, textOf(1)); err == nil || r != nil {
		t.Errorf("a run in a closed pool: %+v, error %v", r, err)
	}
	two := newPool(t, 2) // of which one has room, and the other has not
	if _, err := two.NewComputedRun(1, 1, 0, 1<<31-1, textOf(1)); strconv.IntSize == 64 && err != nil {
		t.Fatal(err)
	}
	if _, err := two.NewComputedRun(2, 1, 0, 2, textOf(2)); strconv.IntSize == 64 && !errors.Is(err, shard.ErrFull) {
		t.Errorf("error %v, want ErrFull", err)
	}
	if m := two.Memory(); strconv.IntSize == 64 && m.Computed != 1<<31-1 {
		t.Errorf("a refused run left something: %+v", m)
	}
}

// TestComputedDirty: pages of a computed run are dirty by themselves, at the boundaries of
// ordinals, not of shards.
func TestComputedDirty(t *testing.T) {
	const n, page = 10*shard.PageCodes + 7, uint32(shard.PageCodes)
	p, r := computedPool(t, 4, n, shard.Available)
	type part struct{ first, end uint32 }
	dirty := func() (parts []part) {
		for i := range p.Shards() {
			in(t, p, i, func(s *shard.Shard) {
				s.TakeDirty(func(g *shard.Segment, first, end uint32) {
					if lo, hi := r.Range(i); g.Run != 1 || first < lo || end > hi {
						t.Errorf("[%d,%d) in shard %d, which has [%d,%d)", first, end, i, lo, hi)
					}
					parts = append(parts, part{first, end})
				})
			})
		}
		return parts
	}
	_, cut := r.Range(1)
	for _, c := range []struct {
		ordinals []uint32
		want     []part
	}{
		{nil, nil},
		{[]uint32{0}, []part{{0, page}}},
		{[]uint32{page - 1, page}, []part{{0, page}, {page, 2 * page}}},
		{[]uint32{cut - 1}, []part{{cut / page * page, cut}}},
		{[]uint32{cut, cut + 5}, []part{{cut, (cut/page + 1) * page}}},
		{[]uint32{n - 1}, []part{{10 * page, n}}},
	} {
		for _, o := range c.ordinals {
			k := shard.ComputedKey(0, 1, n, o)
			if !move(t, p, &k, shard.Available, shard.Issued) && !move(t, p, &k, shard.Issued, shard.Redeemed) {
				t.Fatalf("ordinal %d is not moved", o)
			}
		}
		if got := dirty(); !slices.Equal(got, c.want) {
			t.Errorf("after changes of %v: %v, want %v", c.ordinals, got, c.want)
		}
	}
	if r.SetStates(0, 3, []byte{0x44, 0x44}); dirty() != nil {
		t.Error("states that were loaded are said to be dirty")
	}
}

// TestComputedPages writes states page by page and loads them into a pool with other shards.
func TestComputedPages(t *testing.T) {
	const n, page = 3001, 200
	states := []shard.State{shard.Available, shard.Leased, shard.Issued, shard.Redeemed, shard.Revoked, shard.Held}
	p, r := computedPool(t, 4, n, shard.Available)
	again, loaded := computedPool(t, 64, n, shard.Available)
	for o := range uint32(n) {
		k := shard.ComputedKey(0, 1, n, o)
		move(t, p, &k, shard.Available, states[int(o)%len(states)])
	}
	for first := uint32(0); first < n; first += page {
		end := min(first+page, n)
		body := make([]byte, page/2)
		for i := range p.Shards() {
			in(t, p, i, func(s *shard.Shard) { s.CopyStates(s.SegmentOf(1), first, end, first, body) })
		}
		if !loaded.SetStates(first, end-first, body) {
			t.Fatal("refused")
		}
	}
	for o := range uint32(n) {
		k := shard.ComputedKey(0, 1, n, o)
		if got, want := stateOf(t, again, &k), states[int(o)%len(states)]; got != want || r.ShardOf(o) != p.Route(k.Hash) {
			t.Fatalf("ordinal %d is %v, was %v", o, got, want)
		}
	}
	if got, want := again.Available(1), p.Available(1); got != want || got != (n+5)/6 {
		t.Errorf("stock %d, was %d", got, want)
	}
	checkInvariants(t, again)
}

// TestComputedDraw draws from stocks that are full, half empty on either side, and almost
// empty, in one block and in several.
func TestComputedDraw(t *testing.T) {
	for _, c := range []struct {
		name    string
		n, have int // codes, and how many of them are in stock, here and there
		stored  int // codes of a stored run of the batch
		perCell int
	}{
		{"one", 1, 1, 0, 400},
		{"a word", 32, 32, 0, 400},
		{"a word and one", 33, 17, 0, 400},
		{"full", 2*shard.StockBlock + 5, 2*shard.StockBlock + 5, 0, 22},
		{"half", 2 * shard.StockBlock, shard.StockBlock, 0, 22},
		{"just below half", 2 * shard.StockBlock, shard.StockBlock - 1, 0, 22},
		{"few", 7*shard.StockBlock + 31, 60, 0, 200},
		{"beside stored codes", 1000, 300, 700, 25},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			p := newPool(t, 1)
			p.Seed(5)
			other, err := p.NewComputedRun(3, 3, 0, 50, textOf(3)) // another batch: the next begins behind it
			if err != nil {
				t.Fatal(err)
			}
			other.Activate(shard.Available, nil)
			if c.stored > 0 {
				addRun(t, p, 2, 1, randomKeys(0, c.stored, 1), shard.Available)
			}
			r, err := p.NewComputedRun(1, 1, 0, uint32(c.n), textOf(1))
			if err != nil {
				t.Fatal(err)
			}
			r.Activate(shard.Available, nil)
			free := map[drawn]bool{}
			for i, o := range rng.Perm(c.n) {
				if i < c.have {
					free[drawn{1, uint32(o)}] = true
					continue
				}
				k := shard.ComputedKey(0, 1, uint32(c.n), uint32(o))
				move(t, p, &k, shard.Available, []shard.State{shard.Redeemed, shard.Revoked, shard.Leased}[i%3])
			}
			for o := range uint32(c.stored) {
				free[drawn{2, o}] = true
			}
			counts := map[drawn]int{}
			for range c.perCell * len(free) {
				got := drawSome(t, p, 0, 1, 1, shard.Drawing)
				if len(got) != 1 || !free[got[0]] {
					t.Fatalf("drew %+v, which is not free", got)
				}
				counts[got[0]]++
				putBack(t, p, 0, shard.Drawing, got)
			}
			uniform(t, c.name, counts, len(free))
			got := drawSome(t, p, 0, 1, c.n+c.stored, shard.Issued) // all
			for _, d := range got {
				if !free[d] {
					t.Fatalf("drew %+v twice, or it is not free", d)
				}
				delete(free, d)
			}
			if len(free) != 0 || p.Available(1) != 0 || p.Available(3) != 50 {
				t.Errorf("%d codes were not drawn; stock %d and %d", len(free), p.Available(1), p.Available(3))
			}
			checkInvariants(t, p)
		})
	}
}

// TestComputedNoAllocations is TestNoAllocations for computed codes.
func TestComputedNoAllocations(t *testing.T) {
	p, _ := computedPool(t, 1, 5000, shard.Available)
	keys := make([]shard.Key, 1000)
	for i := range keys {
		keys[i] = shard.ComputedKey(0, 1, 5000, uint32(i))
	}
	idx, pos, segs := make([]int32, len(keys)), make([]int32, len(keys)), make([]int32, len(keys))
	for i := range idx {
		idx[i] = int32(i)
	}
	s := p.Lock(0)
	defer s.Unlock()
	at, seg, ok := s.Find(&keys[500])
	if !ok {
		t.Fatal("not found")
	}
	for name, f := range map[string]func(){
		"Find":    func() { s.Find(&keys[3]) },
		"FindAll": func() { s.FindAll(keys, idx, pos, segs) },
		"Move": func() {
			s.Move(seg, at, shard.Available, shard.Leased)
			s.Move(seg, at, shard.Leased, shard.Available)
		},
		"Draw":        func() { s.Draw(1, 1, shard.Issued, func(*shard.Segment, uint32) {}) },
		"ComputedKey": func() { shard.ComputedKey(0, 1, 5000, 77) },
	} {
		if n := testing.AllocsPerRun(50, f); n != 0 {
			t.Errorf("%s: %.0f allocations", name, n)
		}
	}
}

// TestCopyWhileComputedActivated is TestCopyWhileActivated for a computed run.
func TestCopyWhileComputedActivated(t *testing.T) {
	for _, initial := range []shard.State{shard.Available, shard.Issued} {
		p := newPool(t, 2)
		r, err := p.NewComputedRun(1, 1, 0, 100, textOf(1))
		if err != nil {
			t.Fatal(err)
		}
		last := p.Lock(1)
		page := make([]byte, 50)
		last.CopyStates(last.SegmentOf(1), 0, 100, 0, page)
		want(t, page, r, shard.Available) // nobody knows of the run
		done := make(chan bool)
		go func() { done <- r.Activate(initial, nil) }()
		for p.Run(1) == nil {
			runtime.Gosched()
		}
		last.CopyStates(last.SegmentOf(1), 0, 100, 0, page)
		last.Unlock()
		want(t, page, r, initial)
		if !<-done {
			t.Error("the run was not activated")
		}
		checkInvariants(t, p)
	}
}
