package store

import (
	"cmp"
	"math/bits"
	"slices"

	"codepool/shard"
)

// sort computes the words' hashes and brings both into hash order. Two passes spread the
// hashes by some of their bits, the second within the first-level cache, until about one is
// in each place, and insertions end it. The words come back out of their hashes, so that half
// as much is moved and their memory is free for what is between the passes.
func (c *runCodes) sort(space uint32) {
	n := bits.Len(uint(len(c.words))) // at most bits.Len(maxMade), which is bits.Len(mintRound)
	first, second := uint(n/2), uint(max(n-1-n/2, 0))
	var top, within [maxPlaces + 1]uint32
	for i, w := range c.words {
		h := shard.HashPacked(space, w)
		c.hashes[i] = h
		top[h>>(64-first)+1]++
	}
	scatter(c.words, c.hashes, top[:1<<first+1], 0, first)
	from := uint32(0)
	for _, end := range top[:1<<first] {
		part, sorted := c.words[from:end], c.hashes[from:end]
		at := within[:1<<second+1]
		clear(at)
		for _, h := range part {
			at[h<<first>>(64-second)+1]++
		}
		scatter(sorted, part, at, first, second)
		insertionSort(sorted)
		from = end
	}
	for i, h := range c.hashes {
		c.words[i] = shard.PackedOf(space, h)
	}
}

// maxPlaces is how many places a pass has for what it spreads.
const maxPlaces = 1 << 10

// scatter copies src to dst in the order of some bits of the hashes, take behind the first
// skip. at has for each place how many belong into those before it, from 1 on, and is
// left with where each place ends.
func scatter(dst, src []uint64, at []uint32, skip, take uint) {
	for i := 1; i < len(at); i++ {
		at[i] += at[i-1]
	}
	for _, h := range src {
		b := h << skip >> (64 - take)
		dst[at[b]] = h
		at[b]++
	}
}

func insertionSort(a []uint64) {
	for i := 1; i < len(a); i++ {
		x, j := a[i], i
		for j > 0 && a[j-1] > x {
			a[j] = a[j-1]
			j--
		}
		a[j] = x
	}
}

// sortKeys brings keys of any width into hash order.
func sortKeys(keys []shard.Key) *runCodes {
	slices.SortStableFunc(keys, func(a, b shard.Key) int { return cmp.Compare(a.Hash, b.Hash) })
	return &runCodes{keys: keys}
}
