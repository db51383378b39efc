package shard_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"codepool/shard"
)

// drawn is a code by where it is.
type drawn struct{ run, ord uint32 }

// drawSome draws from one shard and returns what came, in order.
func drawSome(t testing.TB, p *shard.Pool, i int, batch uint32, n int, to shard.State) (got []drawn) {
	t.Helper()
	in(t, p, i, func(s *shard.Shard) {
		if count := s.Draw(batch, n, to, func(seg *shard.Segment, pos uint32) {
			got = append(got, drawn{seg.Run, seg.Ordinal(pos)})
			if seg.Batch != batch || s.State(pos) != to {
				t.Fatalf("drew position %d of batch %d, %v", pos, seg.Batch, s.State(pos))
			}
		}); count != len(got) {
			t.Fatalf("draw says %d, called for %d", count, len(got))
		}
	})
	return got
}

// putBack makes drawn codes available again.
func putBack(t testing.TB, p *shard.Pool, i int, from shard.State, got []drawn) {
	t.Helper()
	in(t, p, i, func(s *shard.Shard) {
		for _, d := range got {
			seg := s.SegmentOf(d.run)
			if !s.Move(seg, seg.Position(d.ord), from, shard.Available) {
				t.Fatalf("%+v is not %v", d, from)
			}
		}
	})
}

// uniform fails the test if counts, of which there are cells in all, are further
// from equal than chance explains once in 30 000 (four standard deviations in the
// approximation of Wilson and Hilferty, 1931). Draws are seeded: it does not flake.
func uniform[K comparable](t *testing.T, what string, counts map[K]int, cells int) {
	t.Helper()
	total := 0
	for _, n := range counts {
		total += n
	}
	mean := float64(total) / float64(cells)
	if mean < 20 {
		t.Fatalf("%s: %.1f draws a cell prove nothing", what, mean)
	}
	chi := float64(cells-len(counts)) * mean // cells that never came
	for _, n := range counts {
		chi += (float64(n) - mean) * (float64(n) - mean) / mean
	}
	df := float64(cells - 1)
	limit := df * math.Pow(1-2/(9*df)+4*math.Sqrt(2/(9*df)), 3)
	low := df * math.Pow(1-2/(9*df)-4*math.Sqrt(2/(9*df)), 3)
	if chi > limit || chi < low {
		t.Errorf("%s: chi-square %.1f of %d cells, want %.1f to %.1f", what, chi, cells, low, limit)
	}
}

func TestDrawUniform(t *testing.T) {
	for _, c := range []struct {
		name    string
		runs    []int // codes in the runs of the batch
		held    int   // percent that are not available
		each    int   // codes a draw
		perCell int
	}{
		{"one small segment", []int{37}, 0, 1, 400},
		{"one word", []int{16}, 0, 1, 400},
		{"without counters, at the edge", []int{511}, 0, 1, 100},
		{"with counters, at the edge", []int{512}, 0, 1, 100},
		{"several runs", []int{1, 700, 3, 1500, 40, 1}, 0, 4, 60},
		{"several runs after moves", []int{1, 700, 3, 1500, 40, 1}, 40, 4, 60},
		{"few of many", []int{5000}, 99, 1, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			p := newPool(t, 1)
			p.Seed(3)
			addRun(t, p, 1, 9, randomKeys(0, 21, 1), shard.Available) // another batch: the next begins inside a word
			free := map[drawn]bool{}
			for i, n := range c.runs {
				id := uint32(i + 2)
				addRun(t, p, id, 1, randomKeys(0, n, uint64(id)), shard.Available)
				for ord := range uint32(n) {
					free[drawn{id, ord}] = true
				}
			}
			// Hold codes back by many moves to and fro.
			for range 5 {
				for i, n := range c.runs {
					for ord := range uint32(n) {
						d := drawn{uint32(i + 2), ord}
						in(t, p, 0, func(s *shard.Shard) {
							seg := s.SegmentOf(d.run)
							if rng.IntN(100) >= c.held {
								s.Move(seg, seg.Position(ord), shard.Leased, shard.Available)
								free[d] = true
							} else {
								s.Move(seg, seg.Position(ord), shard.Available, shard.Leased)
								delete(free, d)
							}
						})
					}
				}
			}
			checkInvariants(t, p)
			counts := map[drawn]int{}
			for range c.perCell * len(free) / c.each {
				got := drawSome(t, p, 0, 1, c.each, shard.Issued)
				for _, d := range got {
					if !free[d] {
						t.Fatalf("drew %+v, which is not free", d)
					}
					counts[d]++
				}
				putBack(t, p, 0, shard.Issued, got)
			}
			uniform(t, c.name, counts, len(free))
			checkInvariants(t, p)
		})
	}
}

// TestDrawSets draws three of five at a time: each of the ten sets must come equally
// often, so no code depends on those drawn with it. They come in the order of positions.
func TestDrawSets(t *testing.T) {
	p := newPool(t, 1)
	p.Seed(4)
	addRun(t, p, 1, 1, randomKeys(0, 2, 1), shard.Available)
	addRun(t, p, 2, 1, randomKeys(0, 3, 2), shard.Available)
	counts := map[string]int{}
	for range 10 * 1200 {
		got := drawSome(t, p, 0, 1, 3, shard.Leased)
		if !slices.IsSortedFunc(got, func(a, b drawn) int { return cmp.Or(cmp.Compare(a.run, b.run), cmp.Compare(a.ord, b.ord)) }) {
			t.Fatalf("drew %v, not in the order of positions", got)
		}
		counts[fmt.Sprint(got)]++
		putBack(t, p, 0, shard.Leased, got)
	}
	uniform(t, "sets", counts, 10)
}

func TestDrawAll(t *testing.T) {
	p := newPool(t, 4)
	want := map[drawn]bool{}
	for i, n := range []int{900, 1, 30, 4000} {
		id := uint32(i + 1)
		addRun(t, p, id, 7, randomKeys(uint32(i), n, 1), shard.Available)
		for ord := range uint32(n) {
			want[drawn{id, ord}] = true
		}
	}
	addRun(t, p, 10, 8, randomKeys(0, 50, 99), shard.Available)
	pending := p.NewRun(11, 7, 0)
	if _, err := pending.AddKeys(randomKeys(0, 60, 98)); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		var stock int
		for j, n := range p.AvailableByShard(7, nil) {
			if j == i {
				stock = int(n)
			}
		}
		if got := drawSome(t, p, i, 7, 0, shard.Issued); len(got) != 0 {
			t.Errorf("drew %v, want nothing", got)
		}
		got := drawSome(t, p, i, 7, stock/3, shard.Issued)
		got = append(got, drawSome(t, p, i, 7, 1_000_000, shard.Issued)...) // more than there is
		if len(got) != stock {
			t.Errorf("shard %d: drew %d of %d", i, len(got), stock)
		}
		for _, d := range got {
			if !want[d] {
				t.Fatalf("drew %+v, which is not in stock or was drawn before", d)
			}
			delete(want, d)
		}
		if got := drawSome(t, p, i, 7, 5, shard.Issued); len(got) != 0 {
			t.Errorf("shard %d: drew %v from an empty stock", i, got)
		}
		if got := drawSome(t, p, i, 1234, 5, shard.Issued); len(got) != 0 {
			t.Errorf("shard %d: drew %v from an unknown batch", i, got)
		}
	}
	if len(want) != 0 || p.Available(7) != 0 || p.Available(8) != 50 {
		t.Errorf("%d codes were not drawn; stock %d and %d", len(want), p.Available(7), p.Available(8))
	}
	checkInvariants(t, p)
}

// TestDrawExclusive draws a batch empty from many goroutines.
func TestDrawExclusive(t *testing.T) {
	const n, workers = 30_000, 8
	p := newPool(t, 8)
	addRun(t, p, 1, 1, randomKeys(0, n-500, 1), shard.Available)
	addRun(t, p, 2, 1, randomKeys(0, 500, 2), shard.Available)
	var times [3][n]atomic.Int32
	var total atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 5))
			for p.Available(1) > 0 {
				s := p.Lock(rng.IntN(8))
				total.Add(int64(s.Draw(1, 1+rng.IntN(40), shard.Issued, func(seg *shard.Segment, pos uint32) {
					times[seg.Run][seg.Ordinal(pos)].Add(1)
				})))
				s.Unlock()
			}
		})
	}
	wg.Wait()
	if total.Load() != n {
		t.Errorf("drew %d of %d", total.Load(), n)
	}
	for run, count := range []int{1: n - 500, 2: 500} {
		for ord := range count {
			if got := times[run][ord].Load(); got != 1 {
				t.Errorf("run %d, ordinal %d: drawn %d times", run, ord, got)
			}
		}
	}
	checkInvariants(t, p)
}

// TestSeedsDiffer: two pools, and two shards of a pool, must not draw alike.
func TestSeedsDiffer(t *testing.T) {
	var seen []string
	for range 2 {
		p := newPool(t, 2)
		var keys []shard.Key
		for sh := range uint64(2) {
			for i := uint64(0); len(keys) < 200*int(sh+1); i++ {
				if k, ok := packedWithHash(0, sh<<63|i<<40); ok {
					keys = append(keys, k)
				}
			}
		}
		addRun(t, p, 1, 1, keys, shard.Available)
		for sh := range 2 {
			got := drawSome(t, p, sh, 1, 20, shard.Issued)
			for i := range got {
				got[i].ord -= uint32(200 * sh)
			}
			seen = append(seen, fmt.Sprint(got))
		}
	}
	for i := range seen {
		for j := range i {
			if seen[i] == seen[j] {
				t.Errorf("draws %d and %d are the same: %s", i, j, seen[i])
			}
		}
	}
}
