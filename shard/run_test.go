package shard_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"codepool/shard"
)

func TestNew(t *testing.T) {
	for _, n := range []int{-1, 0, 3, 12, shard.MaxShards + 1, 2 * shard.MaxShards} {
		if p, err := shard.New(n); err == nil || p != nil {
			t.Errorf("New(%d) = %v, %v; want an error", n, p, err)
		}
	}
	for _, n := range []int{1, 2, 256, shard.MaxShards} {
		p, err := shard.New(n)
		if err != nil {
			t.Fatal(err)
		}
		if p.Shards() != n || p.Route(0) != 0 || p.Route(^uint64(0)) != n-1 || p.Route(1<<63) != n/2 || p.Route(1<<63-1) != (n-1)/2 {
			t.Errorf("New(%d): %d shards, routes %d to %d", n, p.Shards(), p.Route(0), p.Route(^uint64(0)))
		}
		if s := p.Lock(n - 1); s.Index() != n-1 {
			t.Errorf("New(%d): shard %d has index %d", n, n-1, s.Index())
		} else {
			s.Unlock()
		}
		p.Close()
		p.Close()
	}
}

func TestEmptyPool(t *testing.T) {
	p := newPool(t, 2)
	k := shard.PackedKey(0, 1)
	if st := stateOf(t, p, &k); st != shard.Void {
		t.Errorf("a code is %v in an empty pool", st)
	}
	in(t, p, p.Route(k.Hash), func(s *shard.Shard) {
		pos, segs := []int32{77}, []int32{77}
		s.FindAll([]shard.Key{k}, []int32{0}, pos, segs)
		if pos[0] != -1 {
			t.Errorf("a code is found at %d in an empty pool", pos[0])
		}
		s.FindAll(nil, nil, nil, nil)
		if s.SegmentOf(0) != nil || s.SegmentOf(9) != nil {
			t.Error("an empty shard has a segment")
		}
	})
	if p.Run(0) != nil || p.Run(9) != nil || p.Available(0) != 0 || p.Available(9) != 0 {
		t.Error("an empty pool knows a run or a batch")
	}
	if got := p.AvailableByShard(9, []int32{5}); !slices.Equal(got, []int32{5, 0, 0}) {
		t.Errorf("stock by shard: %v", got)
	}
	checkInvariants(t, p)
}

func TestEmptyRun(t *testing.T) {
	p := newPool(t, 4)
	r := p.NewRun(1, 1, 0)
	if n, err := r.AddPacked(nil, nil); n != 0 || err != nil {
		t.Errorf("added %d, error %v", n, err)
	}
	if r.ShardOf(0) != -1 {
		t.Errorf("ordinal 0 of an empty run is in shard %d", r.ShardOf(0))
	}
	if !r.Activate(shard.Available, nil) || p.Run(1) != r || r.Len() != 0 || r.ShardOf(0) != -1 {
		t.Errorf("an empty run is not active: %+v", r)
	}
	if first, end := r.Range(3); first != 0 || end != 0 {
		t.Errorf("range [%d,%d) of an empty run", first, end)
	}
	p.NewRun(2, 1, 0).Abandon()
	checkInvariants(t, p)
}

// TestRunOrder: codes for an earlier shard, or again for the same one, are refused
// and what was added before stays.
func TestRunOrder(t *testing.T) {
	p := newPool(t, 4)
	keys := randomKeys(0, 100, 1)
	cut := slices.IndexFunc(keys, func(k shard.Key) bool { return p.Route(k.Hash) == 2 })
	r := p.NewRun(1, 1, 0)
	if n, err := r.AddKeys(slices.Clone(keys[cut:])); err != nil || n != 100-cut {
		t.Fatalf("added %d, error %v", n, err)
	}
	if n, err := r.AddKeys(slices.Clone(keys[:cut])); err == nil || n != 0 {
		t.Errorf("added %d codes of earlier shards, error %v", n, err)
	}
	if n, err := r.AddKeys(slices.Clone(keys[99:])); err == nil || n != 0 {
		t.Errorf("added %d codes to the last shard again, error %v", n, err)
	}
	r.Activate(shard.Available, nil)
	if r.Len() != 100-cut || r.ShardOf(0) != 2 || p.Available(1) != int64(100-cut) {
		t.Errorf("run of %d codes from shard %d on, stock %d", r.Len(), r.ShardOf(0), p.Available(1))
	}
	checkInvariants(t, p)
}

// TestEqualHashes adds packed and wide codes of several namespaces whose hashes are
// equal in all 64 bits: identity is the whole code (I5).
func TestEqualHashes(t *testing.T) {
	const hash = 0xFEDC_BA98_7654_3210
	p := newPool(t, 8)
	var all []shard.Key
	for space := range uint32(6) {
		var keys []shard.Key
		if k, ok := packedWithHash(space, hash); ok {
			keys = append(keys, k)
		}
		for free := range uint32(5) {
			keys = append(keys, wideWithHash(space, free, hash))
		}
		keys = append(keys, keys...) // everything twice
		r := p.NewRun(space+1, 1, space)
		n, err := r.AddKeys(keys)
		if n != len(keys)/2 || err != nil {
			t.Fatalf("namespace %d: added %d of %d, error %v", space, n, len(keys)/2, err)
		}
		r.Activate(shard.Issued, nil)
		all = append(all, keys[:n]...)
	}
	if len(all) < 33 {
		t.Fatalf("only %d codes", len(all))
	}
	for i := range all {
		for j := range all {
			want := shard.Issued
			if j < i {
				want = shard.Redeemed
			}
			if st := stateOf(t, p, &all[j]); st != want {
				t.Fatalf("%d codes redeemed: code %d is %v, want %v", i, j, st, want)
			}
		}
		if !move(t, p, &all[i], shard.Issued, shard.Redeemed) || move(t, p, &all[i], shard.Issued, shard.Redeemed) {
			t.Errorf("code %d is not redeemed exactly once", i)
		}
	}
	for _, k := range []shard.Key{wideWithHash(0, 99, hash), wideWithHash(77, 1, hash)} {
		if st := stateOf(t, p, &k); st != shard.Void {
			t.Errorf("a code nobody minted is %v", st)
		}
	}
	checkInvariants(t, p)
}

// TestEqualText adds one packed code to two namespaces. The word was found by
// search: its hashes agree in all that a small table sees, the upper four bits
// (slot) and bits 4 to 31 (tag), so that only the comparison of namespaces is left.
func TestEqualText(t *testing.T) {
	const word = 0x4335b212
	keys := []shard.Key{shard.PackedKey(0, word), shard.PackedKey(1, word)}
	if differ := keys[0].Hash ^ keys[1].Hash; differ&0xF000_0000_FFFF_FFF0 != 0 {
		t.Fatalf("hashes differ in %#x", differ)
	}
	p := newPool(t, 1)
	addRun(t, p, 1, 1, keys[:1], shard.Issued)
	if st := stateOf(t, p, &keys[1]); st != shard.Void {
		t.Errorf("the other namespace's code is %v", st)
	}
	addRun(t, p, 2, 1, keys[1:], shard.Issued)
	for i := range keys {
		if !move(t, p, &keys[i], shard.Issued, shard.Redeemed) {
			t.Errorf("namespace %d: not found, or another was", i)
		}
	}
	checkInvariants(t, p)
}

// TestZeroKey: the zero Key has no code's hash, so it finds nothing, not even the
// packed word 0.
func TestZeroKey(t *testing.T) {
	p := newPool(t, 2)
	keys := []shard.Key{shard.PackedKey(0, 0), shard.PackedKey(0, 1), shard.WideKey(0, "")}
	shard.SortKeys(keys)
	r := p.NewRun(1, 1, 0)
	if n, err := r.AddKeys(keys); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	r.Activate(shard.Issued, nil)
	if st := stateOf(t, p, &shard.Key{}); st != shard.Void {
		t.Errorf("the zero key finds a code that is %v", st)
	}
	for i := range keys {
		if st := stateOf(t, p, &keys[i]); st != shard.Issued {
			t.Errorf("code %+v is %v", keys[i], st)
		}
	}
}

// TestLongTexts: wide codes differ in their last byte, far beyond what is hashed.
func TestLongTexts(t *testing.T) {
	p := newPool(t, 1)
	var keys []shard.Key
	for _, n := range []int{0, 1, 8, 254, 255} {
		keys = append(keys, shard.WideKey(0, strings.Repeat("x", n)))
		if n > 0 {
			keys = append(keys, shard.WideKey(0, strings.Repeat("x", n-1)+"y"))
		}
	}
	shard.SortKeys(keys)
	r := p.NewRun(1, 1, 0)
	if n, err := r.AddKeys(keys); n != len(keys) || err != nil {
		t.Fatal(n, err)
	}
	r.Activate(shard.Issued, nil)
	for i := range keys {
		if !move(t, p, &keys[i], shard.Issued, shard.Redeemed) {
			t.Errorf("text of %d bytes is not found, or another was", len(keys[i].Wide))
		}
	}
	checkInvariants(t, p)
}

func TestSegmentsStops(t *testing.T) {
	p := newPool(t, 1)
	for id := range uint32(3) {
		addRun(t, p, id+1, 1, randomKeys(0, 5, uint64(id)), shard.Available)
	}
	in(t, p, 0, func(s *shard.Shard) {
		var ids []uint32
		s.Segments(func(g *shard.Segment) bool {
			ids = append(ids, g.Run)
			return len(ids) < 2
		})
		if !slices.Equal(ids, []uint32{1, 2}) {
			t.Errorf("segments of runs %v", ids)
		}
	})
}

// TestNoAllocations: looking up, moving and drawing leave nothing to the collector.
func TestNoAllocations(t *testing.T) {
	p := newPool(t, 1)
	keys := randomKeys(0, 1000, 1)
	addRun(t, p, 1, 1, keys, shard.Available)
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
	buf := make([]byte, 0, 64)
	for name, f := range map[string]func(){
		"Find":    func() { s.Find(&keys[3]) },
		"FindAll": func() { s.FindAll(keys, idx, pos, segs) },
		"Move":    func() { s.Move(seg, at, shard.Available, shard.Leased) },
		"Draw":    func() { s.Draw(1, 1, shard.Issued, func(*shard.Segment, uint32) {}) },
		"WordAt":  func() { s.WordAt(at, buf) },
	} {
		if n := testing.AllocsPerRun(50, f); n != 0 {
			t.Errorf("%s: %.0f allocations", name, n)
		}
	}
}

// TestCopyWhileActivated: a checkpoint may copy a run that is live in some shards and
// not yet in the others. What it writes must be what the ledger says of the run.
func TestCopyWhileActivated(t *testing.T) {
	for _, initial := range []shard.State{shard.Available, shard.Issued} {
		p := newPool(t, 2)
		r := p.NewRun(1, 1, 0)
		hashes, words := split(randomKeys(0, 100, 1))
		if n, err := r.AddPacked(hashes, words); n != 100 || err != nil {
			t.Fatalf("added %d, error %v", n, err)
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

// want fails the test unless the codes of shard 1 are in that state in a page.
func want(t *testing.T, page []byte, r *shard.Run, st shard.State) {
	t.Helper()
	first, end := r.Range(1)
	if first == end {
		t.Fatal("there is no code in shard 1")
	}
	for o := first; o < end; o++ {
		if got := shard.State(page[o/2]>>(o&1*4)) & 15; got != st {
			t.Fatalf("code %d is %v, want %v", o, got, st)
		}
	}
}
