package shard_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"codepool/shard"
)

// computedPool returns a pool with one live computed run of n codes.
func computedPool(t testing.TB, shards int, n uint32, st shard.State) (*shard.Pool, *shard.Run) {
	t.Helper()
	p := newPool(t, shards)
	r, err := p.NewComputedRun(1, 1, 0, n, textOf(1))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Activate(st, nil) {
		t.Fatal("not activated")
	}
	return p, r
}

// BenchmarkComputedMove is BenchmarkMove for computed codes.
func BenchmarkComputedMove(b *testing.B) {
	for _, n := range []uint32{1 << 20, 10 << 20, 100_000_000} {
		p, _ := computedPool(b, 64, n, shard.Issued)
		keys := make([]shard.Key, 1<<20)
		for i := range keys {
			keys[i] = shard.ComputedKey(0, 1, n, rand.Uint32N(n))
		}
		b.Run(fmt.Sprintf("call=one/n=%d", n), func(b *testing.B) {
			moveOne(b, p, keys)
		})
		b.Run(fmt.Sprintf("call=1000/n=%d", n), func(b *testing.B) {
			moveMany(b, p, keys)
		})
	}
}

// BenchmarkComputedDraw is BenchmarkDraw for computed codes, where the part given in
// percent is in stock.
func BenchmarkComputedDraw(b *testing.B) {
	for _, n := range []uint32{1 << 20, 100_000_000} {
		for _, have := range []int{100, 50, 1} {
			p, r := computedPool(b, 64, n, shard.Available)
			thin(b, p, r, have)
			b.Run(fmt.Sprintf("n=%d/have=%d", n, have), func(b *testing.B) { drawMany(b, p, shard.Issued) })
			if have == 100 {
				b.Run(fmt.Sprintf("n=%d/have=%d/drawing", n, have), func(b *testing.B) { drawMany(b, p, shard.Drawing) })
			}
		}
	}
}

// thin redeems all but some percent of a run's codes.
func thin(t testing.TB, p *shard.Pool, r *shard.Run, have int) {
	if have == 100 {
		return
	}
	rng := rand.New(rand.NewPCG(1, 1))
	page := make([]byte, 1<<14)
	for first := 0; first < r.Len(); first += 2 * len(page) {
		for i := range page {
			page[i] = byte(shard.Redeemed) * 0x11
			if rng.IntN(100) < have {
				page[i] = byte(shard.Available) * 0x11
			}
		}
		if !r.SetStates(uint32(first), uint32(min(2*len(page), r.Len()-first)), page) {
			t.Fatal("closed")
		}
	}
}
