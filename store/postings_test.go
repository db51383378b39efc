package store

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSortedPostings sorts postings of few and of many hashes, that lie evenly or close
// together, and merges them.
func TestSortedPostings(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{0, 1, 2, 3, 63, 64, 65, 1000, 70_000} {
		for name, hash := range map[string]func() uint64{
			"even":       rng.Uint64,
			"three":      func() uint64 { return rng.Uint64N(3) << 60 },
			"close":      func() uint64 { return 7<<61 | rng.Uint64N(1000) },
			"one":        func() uint64 { return 1<<64 - 1 },
			"few places": func() uint64 { return rng.Uint64N(5)<<61 | rng.Uint64N(1<<20) },
		} {
			var p []posting
			for i := range n {
				p = append(p, posting{hash(), uint64(i + 1)})
			}
			want := slices.Clone(p)
			slices.SortFunc(want, func(a, b posting) int {
				return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.number, b.number))
			})
			got := sortedPostings(p)
			if !slices.Equal(got, want) {
				t.Errorf("%d, %s: not in order", n, name)
			}
			older, newer := sortedPostings(p[:n/3]), sortedPostings(p[n/3:])
			if !slices.Equal(mergePieces(older, newer), want) {
				t.Errorf("%d, %s: not in order after a merge", n, name)
			}
		}
	}
}

func BenchmarkSortedPostings(b *testing.B) {
	for _, n := range []int{1000, tailPiece} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := make([]posting, n)
			for i := range p {
				p[i] = posting{codeHash(1, uint32(i)), uint64(i)}
			}
			for b.Loop() {
				sortedPostings(p)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/posting")
		})
	}
}
