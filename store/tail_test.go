package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// hashesFor are ways in which hashes lie: evenly, or many in few places.
func hashesFor(rng *rand.Rand) map[string]func() uint64 {
	return map[string]func() uint64{
		"even":       rng.Uint64,
		"three":      func() uint64 { return rng.Uint64N(3) << 60 },
		"close":      func() uint64 { return 7<<61 | rng.Uint64N(1000)<<(64-hashBits) },
		"one":        func() uint64 { return 1<<64 - 1 },
		"few places": func() uint64 { return rng.Uint64N(5)<<61 | rng.Uint64N(1<<20)<<(64-hashBits) },
	}
}

// TestTail looks for hashes in tails of all sizes, while they grow and at their end, and
// takes them out in order.
func TestTail(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{0, 1, 3, 64, 65, looseWords, looseWords + 1, 70_000} {
		for name, hash := range hashesFor(rng) {
			tl := &tail{from: 1<<40 + 1}
			want := map[uint64][]uint64{} // by hash as on disk
			find := func(h uint64) {
				numbers := tl.find(h, nil)
				slices.Sort(numbers)
				if !slices.Equal(numbers, want[h>>(64-hashBits)]) {
					t.Errorf("%d, %s: found %v, want %v", n, name, numbers, want[h>>(64-hashBits)])
				}
			}
			for i := range n {
				h, number := hash(), tl.from+uint64(i/2) // two of a record
				tl.add(h, number)
				want[h>>(64-hashBits)] = append(want[h>>(64-hashBits)], number)
				if i%1000 == 999 {
					find(h)
					find(hash())
				}
			}
			find(hash())
			upto := tl.from + uint64(n/3)
			var all []posting
			for i := range tailBuckets {
				all = tl.take(i, upto, all)
			}
			count := 0
			for h, numbers := range want {
				for _, number := range numbers {
					if number <= upto {
						count++
						if _, ok := slices.BinarySearchFunc(all, posting{h, number}, comparePostings); !ok {
							t.Fatalf("%d, %s: record %d is missing", n, name, number)
						}
					}
				}
			}
			if !slices.IsSortedFunc(all, comparePostings) || len(all) != count {
				t.Errorf("%d, %s: %d taken, want %d in order", n, name, len(all), count)
			}
		}
	}
}

// Of the keys those are told that a flush up to a record covers: a run must not have more
// than it has postings.
func TestTailKeys(t *testing.T) {
	tl := &tail{from: 7}
	for number := tl.from; number < 10; number++ {
		tl.add(number<<50, number)
		tl.addKey(number<<60, number)
	}
	if got, want := tl.keysUpto(8), []uint64{7 << 60, 8 << 60}; !slices.Equal(got, want) {
		t.Errorf("keys up to record 8: %x, want %x", got, want)
	}
	if got := tl.find(9<<60, nil); !slices.Equal(got, []uint64{9}) {
		t.Errorf("the key of record 9 is in records %v", got)
	}
}

func comparePostings(a, b posting) int {
	return slices.Compare([]uint64{a.hash, a.number}, []uint64{b.hash, b.number})
}

func BenchmarkTail(b *testing.B) {
	for _, n := range []int{100_000, 4_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var part []posting
			for b.Loop() {
				t := tail{from: 1}
				for i := range n {
					t.add(codeHash(1, uint32(i)), uint64(i+1))
				}
				for i := range tailBuckets {
					part = t.take(i, 1<<40, part[:0])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/posting")
		})
	}
}
