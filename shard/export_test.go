package shard

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// The tests of package shard_test reach the inside of a pool only through this file.

// CheckInvariants recomputes everything a pool derives and reports the first
// difference. REQUIRES: nobody else uses the pool.
func (p *Pool) CheckInvariants() error { return checkInvariants(p) }

// StockBlock is how many computed codes share a counter, PageCodes how many are dirty together.
const (
	StockBlock = stockBlock
	PageCodes  = pageCodes
)

// Seed makes the pool's draws reproducible.
func (p *Pool) Seed(seed uint64) {
	for i := range p.shards {
		var b [32]byte
		for j := range b {
			b[j] = byte(seed >> (j % 8 * 8))
		}
		b[8], b[9] = byte(i), byte(i>>8)
		p.shards[i].rng = rand.NewChaCha8(b)
	}
}

// sortKeys puts keys into the order in which runs take them.
func sortKeys(keys []Key) {
	slices.SortStableFunc(keys, func(a, b Key) int { return cmp.Compare(a.Hash, b.Hash) })
}

// SortKeys is sortKeys for package shard_test.
func SortKeys(keys []Key) { sortKeys(keys) }
