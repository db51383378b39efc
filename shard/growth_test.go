package shard_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"codepool/shard"
)

// TestGrowInSmallSteps adds runs of a few codes through many rebuilds of the table
// and finds every code after each.
func TestGrowInSmallSteps(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, shards := range []int{1, 16} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			p := newPool(t, shards)
			var all []shard.Key
			rebuilds, slots := 0, int64(0)
			for id := uint32(1); len(all) < 20_000; id++ {
				keys := randomKeys(0, 1+rng.IntN(1+len(all)/20), uint64(id))
				if id%3 == 0 { // wide ones too
					for i := range keys {
						keys[i] = shard.WideKey(0, fmt.Sprintf("%d/%d", id, i))
					}
					shard.SortKeys(keys)
				}
				r := p.NewRun(id, 1, 0)
				if n, err := r.AddKeys(keys); err != nil || n != len(keys) {
					t.Fatalf("added %d of %d, error %v", n, len(keys), err)
				}
				r.Activate(shard.Issued, nil)
				all = append(all, keys...)
				m := p.Memory()
				if m.Codes != int64(len(all)) || m.Slots*17 < m.Codes*20 { // load above 0.85
					t.Fatalf("%d codes: memory %+v", len(all), m)
				}
				if m.Slots == slots {
					continue
				}
				slots = m.Slots
				rebuilds++
				for i := range all {
					if st := stateOf(t, p, &all[i]); st != shard.Issued {
						t.Fatalf("code %d of %d is %v after rebuild %d", i, len(all), st, rebuilds)
					}
				}
			}
			checkInvariants(t, p)
			if rebuilds < 10 {
				t.Errorf("%d rebuilds, want many", rebuilds)
			}
		})
	}
}

// TestGrowPositions fills a pool with abandoned runs: positions pass every power of
// two while there are few codes, so the position mask must widen by itself, and
// the table must forget them.
func TestGrowPositions(t *testing.T) {
	for _, size := range []int{1, 2, 90} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			p := newPool(t, 1)
			keep := randomKeys(0, 7, 1)
			addRun(t, p, 1, 1, keep, shard.Issued)
			again := randomKeys(0, size, 2)
			const runs = 300
			for id := uint32(2); id < runs; id++ {
				r := p.NewRun(id, 1, 0)
				hashes, words := split(again)
				if n, err := r.AddPacked(hashes, words); n != size || err != nil {
					t.Fatalf("run %d: added %d of %d, error %v", id, n, size, err)
				}
				if size < 10 || id%16 == 0 {
					if err := p.CheckInvariants(); err != nil {
						t.Fatalf("run %d: %v", id, err)
					}
				}
				r.Abandon()
				for i := range keep {
					if st := stateOf(t, p, &keep[i]); st != shard.Issued {
						t.Fatalf("run %d: code %d is %v", id, i, st)
					}
				}
				if st := stateOf(t, p, &again[int(id)%size]); st != shard.Void {
					t.Fatalf("run %d: an abandoned code is %v", id, st)
				}
			}
			addRun(t, p, runs, 1, again, shard.Available)
			checkInvariants(t, p)
			if p.Available(1) != int64(size) {
				t.Errorf("stock %d, want %d", p.Available(1), size)
			}
			if m := p.Memory(); m.Slots > int64(max(runs*size/2, 200)) {
				t.Errorf("%d codes, %d positions: memory %+v", size+len(keep), runs*size, m)
			}
		})
	}
}

// TestReserveExact: what was reserved is enough, and no more.
func TestReserveExact(t *testing.T) {
	for _, shards := range []int{1, 64} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			const n = 100_000
			p := newPool(t, shards)
			if err := p.Reserve(n); err != nil {
				t.Fatal(err)
			}
			before := p.Memory()
			if spare := before.Words - 8*n; spare < 0 || spare > 8*n/6 {
				t.Errorf("reserved %+v for %d codes", before, n)
			}
			for i, keys := range [][]shard.Key{randomKeys(0, n/2, 1), randomKeys(0, n/2, 2)} {
				addRun(t, p, uint32(i+1), 1, keys, shard.Available)
			}
			after := p.Memory()
			if after.Words != before.Words || after.States != before.States || after.Table != before.Table {
				t.Errorf("reserved %+v, but adding grew it to %+v", before, after)
			}
			if after.Codes != n {
				t.Errorf("%d codes, want %d", after.Codes, n)
			}
			checkInvariants(t, p)
			if err := p.Reserve(10); err != nil { // beside codes
				t.Fatal(err)
			}
			checkInvariants(t, p)
		})
	}
}

// TestReserveLittle: many small batches beside a large one seldom move what is there.
func TestReserveLittle(t *testing.T) {
	const large, small, batches = 50_000, 100, 400
	p := newPool(t, 1)
	if err := p.Reserve(large); err != nil {
		t.Fatal(err)
	}
	addRun(t, p, 1, 1, randomKeys(0, large, 1), shard.Available)
	moved, before := 0, p.Memory()
	for i := range uint64(batches) {
		if err := p.Reserve(small); err != nil {
			t.Fatal(err)
		}
		addRun(t, p, uint32(i+2), 1, randomKeys(0, small, i+2), shard.Available)
		m := p.Memory()
		if m.Table != before.Table || m.Words != before.Words || m.States != before.States {
			moved++
		}
		before = m
	}
	// A table grows by a third, words and states by an eighth: five times from 50,000 to 90,000, and
	// not at one time.
	if moved > 20 {
		t.Errorf("arrays grew with %d of %d batches", moved, batches)
	}
	if m := p.Memory(); m.Total() > 22*m.Codes {
		t.Errorf("%d bytes for %d codes", m.Total(), m.Codes)
	}
	checkInvariants(t, p)
}

func TestReserveTooMuch(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("memory ends before a shard is full")
	}
	p := newPool(t, 2)
	if err := p.Reserve(math.MaxInt >> 20); !errors.Is(err, shard.ErrFull) {
		t.Errorf("error %v, want ErrFull", err)
	}
	if m := p.Memory(); m.Words+m.Table+m.States != 0 {
		t.Errorf("refused, but took %+v", m)
	}
}

// TestMemoryPerCode is the promise of doc.go at a million codes.
func TestMemoryPerCode(t *testing.T) {
	const n, limit = 1 << 20, 16.0
	p := newPool(t, 64)
	if err := p.Reserve(n); err != nil {
		t.Fatal(err)
	}
	addRun(t, p, 1, 1, randomKeys(0, n, 1), shard.Available)
	m := p.Memory()
	if m.Codes != n {
		t.Errorf("%d codes, want %d", m.Codes, n)
	}
	if per := float64(m.Total()) / n; per > limit {
		t.Errorf("%.2f bytes a code, want at most %.0f: %+v", per, limit, m)
	}
	t.Logf("%.2f bytes a code: %+v", float64(m.Total())/n, m)
}
