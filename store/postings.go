package store

import (
	"cmp"
	"math/bits"
	"slices"
)

// sortedPostings returns postings, which are in the order of their numbers, in that of their
// hashes; equal ones stay as they are. One pass spreads them by their upper bits, until there are
// a few in each place, and insertions end it. A place with many, as of a user who is
// everywhere, is sorted by comparing.
func sortedPostings(p []posting) []posting {
	out := make([]posting, len(p))
	take := uint(min(max(bits.Len(uint(len(p)))-2, 0), maxSpread))
	at := make([]uint32, 1<<take+1)
	for _, x := range p {
		at[x.hash>>(64-take)+1]++
	}
	for i := 1; i < len(at); i++ {
		at[i] += at[i-1]
	}
	for _, x := range p {
		b := x.hash >> (64 - take)
		out[at[b]] = x
		at[b]++
	}
	from := uint32(0)
	for _, end := range at[:1<<take] {
		sortPlace(out[from:end])
		from = end
	}
	return out
}

// maxSpread is how many bits postings are spread by: 64 KiB of counters.
const maxSpread = 14

func sortPlace(p []posting) {
	if len(p) > 64 {
		slices.SortStableFunc(p, func(a, b posting) int { return cmp.Compare(a.hash, b.hash) })
		return
	}
	for i := 1; i < len(p); i++ {
		x, j := p[i], i
		for j > 0 && p[j-1].hash > x.hash {
			p[j] = p[j-1]
			j--
		}
		p[j] = x
	}
}

// mergePieces merges sorted postings; a is older, so that equal hashes keep the order of
// numbers.
func mergePieces(a, b []posting) []posting {
	out := make([]posting, len(a)+len(b))
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		if a[i].hash <= b[j].hash {
			out[i+j] = a[i]
			i++
		} else {
			out[i+j] = b[j]
			j++
		}
	}
	copy(out[i+j:], a[i:])
	copy(out[i+j+len(a)-i:], b[j:])
	return out
}
