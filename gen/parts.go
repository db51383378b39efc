package gen

import (
	"cmp"
	crand "crypto/rand"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
)

// smallSplit is for how many parts there is room on the stack where parts need some
// beside dst.
const smallSplit = 64

// sources has generators for AppendParts: ChaCha8, cryptographically strong, each with
// a seed of its own from the system. See https://c2sp.org/chacha8rand.
var sources = sync.Pool{New: func() any {
	var seed [32]byte
	crand.Read(seed[:]) // never fails
	return rand.New(rand.NewChaCha8(seed))
}}

// AppendParts splits s at random and appends the parts to dst, in the order in which they
// are to be claimed. On error, which is that of Validate, dst comes back unchanged.
// It is safe for concurrent use. It does not allocate when dst has room, up to 64
// parts; above that, Ratio and a cap on LineCut do.
func (s Split) AppendParts(dst []int64) ([]int64, error) {
	r := sources.Get().(*rand.Rand)
	defer sources.Put(r)
	return s.appendPartsFrom(dst, r)
}

// appendPartsFrom is AppendParts with another source of randomness. Numbers are drawn by
// r's methods, which favour none.
func (s Split) appendPartsFrom(dst []int64, r *rand.Rand) ([]int64, error) {
	if err := s.Validate(); err != nil {
		return dst, err
	}
	start, n := len(dst), s.parts()
	dst = slices.Grow(dst, n)
	most := s.Most
	if most == 0 {
		most = s.Total
	}
	each, rest := s.Total/int64(n), s.Total%int64(n)
	switch s.Policy {
	case DoubleMean:
		dst = appendDoubleMean(dst, s.Total, n, most, r)
	case LineCut:
		dst = appendLineCut(dst, s.Total, n, r)
		limitParts(dst[start:], most, r)
	case Even:
		for i := range int64(n) {
			if i < rest {
				dst = append(dst, each+1)
			} else {
				dst = append(dst, each)
			}
		}
	case Rest:
		dst = append(dst, each+rest)
		for range n - 1 {
			dst = append(dst, each)
		}
	case Ratio:
		dst = appendShares(dst, s.Total, s.Ratios)
	}
	shuffle(dst[start:], r)
	return dst, nil
}

// shuffle puts parts in random order, each order equally likely: Fisher and Yates' way,
// algorithm P in Knuth, The Art of Computer Programming, volume 2, 3.4.2.
func shuffle(parts []int64, r *rand.Rand) {
	for i := len(parts) - 1; i > 0; i-- {
		j := r.IntN(i + 1)
		parts[i], parts[j] = parts[j], parts[i]
	}
}

// appendDoubleMean appends n parts of total by DoubleMean, none above most.
// REQUIRES: n <= total <= n*most.
func appendDoubleMean(dst []int64, total int64, n int, most int64, r *rand.Rand) []int64 {
	left := uint64(total)
	for n := uint64(n); n > 1; n-- {
		// 2*left/n-1 is at most left-(n-1) as long as n <= left, so the others
		// can have 1 each. They can take no more than most each, which is
		// a bound from below. The mean of what is left lies between the bounds.
		low, high := uint64(1), min(2*left/n-1, uint64(most))
		if over, others := bits.Mul64(uint64(most), n-1); over == 0 && others < left {
			low = left - others
		}
		part := low + r.Uint64N(high-low+1)
		dst = append(dst, int64(part))
		left -= part
	}
	return append(dst, int64(left))
}

// appendLineCut appends n parts of total, each way to split equally likely.
// REQUIRES: 1 <= n <= total.
func appendLineCut(dst []int64, total int64, n int, r *rand.Rand) []int64 {
	start := len(dst)
	dst = append(appendCuts(dst, total-1, n-1, r), total)
	parts := dst[start:]
	for i := n - 1; i > 0; i-- {
		parts[i] -= parts[i-1]
	}
	return dst
}

// appendCuts appends n distinct numbers of 1 … limit in ascending order, each set of
// them equally likely.
// REQUIRES: n <= limit.
//
// It draws n numbers and drops those that were drawn before. What is left is a random
// set of its size, and it grows to n by one random number of those not in it at a time,
// by rank: so nothing is tried twice, however full the line is.
func appendCuts(dst []int64, limit int64, n int, r *rand.Rand) []int64 {
	start := len(dst)
	for range n {
		dst = append(dst, 1+r.Int64N(limit))
	}
	slices.Sort(dst[start:])
	dst = dst[:start+len(slices.Compact(dst[start:]))]
	for {
		cuts := dst[start:]
		if len(cuts) == n {
			return dst
		}
		rank := r.Int64N(limit - int64(len(cuts))) // of the new cut among the free numbers, from 0
		// Below cuts[i] there are cuts[i]-1-i free numbers.
		i := sort.Search(len(cuts), func(i int) bool { return cuts[i]-1-int64(i) > rank })
		dst = slices.Insert(dst, start+i, 1+rank+int64(i))
	}
}

// limitParts takes what is above most from parts and deals it to the others, as the
// comment of Split says.
// REQUIRES: the parts add up to len(parts)*most at most.
func limitParts(parts []int64, most int64, r *rand.Rand) {
	var room [smallSplit]int64
	shares := room[:0]
	for {
		over, open := int64(0), 0 // what is to be dealt, and to how many
		for i, part := range parts {
			if part > most {
				over += part - most
				parts[i] = most
			} else if part < most {
				open++
			}
		}
		if over == 0 {
			return
		}
		// A line cut gives each at least 1, which is taken back.
		shares = appendLineCut(shares[:0], over+int64(open), open, r)
		next := 0
		for i, part := range parts {
			if part < most {
				parts[i] += shares[next] - 1
				next++
			}
		}
	}
}

// appendShares appends the shares of total in proportion to ratios by the method of
// largest remainders. Products are of 128 bits, so that none overflows.
// REQUIRES: ratios are positive and add up to an int64.
func appendShares(dst []int64, total int64, ratios []int64) []int64 {
	sum := uint64(0)
	for _, ratio := range ratios {
		sum += uint64(ratio)
	}
	type fraction struct {
		over uint64 // what was cut off, of sum
		part int
	}
	var room [smallSplit]fraction
	fractions := room[:0]
	start, left := len(dst), total
	for i, ratio := range ratios {
		high, low := bits.Mul64(uint64(total), uint64(ratio))
		share, over := bits.Div64(high, low, sum)
		dst = append(dst, int64(share))
		left -= int64(share)
		fractions = append(fractions, fraction{over, i})
	}
	// The fractions add up to whole units, fewer than there are parts.
	slices.SortFunc(fractions, func(a, b fraction) int {
		return cmp.Or(cmp.Compare(b.over, a.over), cmp.Compare(a.part, b.part))
	})
	for _, f := range fractions[:left] {
		dst[start+f.part]++
	}
	return dst
}
