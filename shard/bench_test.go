package shard_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"codepool/shard"
)

// filled returns a pool of n issued codes in one batch and the codes' keys.
func filled(b *testing.B, shards, n int, st shard.State) (*shard.Pool, []shard.Key) {
	b.Helper()
	p, err := shard.New(shards)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	if err := p.Reserve(n); err != nil {
		b.Fatal(err)
	}
	var keys []shard.Key
	const round = 1 << 20
	for id := uint32(1); n > 0; id++ {
		part := make([]shard.Key, min(n, round))
		for i := range part {
			part[i] = shard.PackedKey(0, rand.Uint64()>>4)
		}
		slices.SortFunc(part, func(a, b shard.Key) int {
			if a.Hash < b.Hash {
				return -1
			}
			return 1
		})
		hashes, words := make([]uint64, len(part)), make([]uint64, len(part))
		for i, k := range part {
			hashes[i], words[i] = k.Hash, k.Word
		}
		r := p.NewRun(id, 1, 0)
		if _, err := r.AddPacked(hashes, words); err != nil {
			b.Fatal(err)
		}
		r.Activate(st, nil)
		keys = append(keys, part...)
		n -= len(part)
	}
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return p, keys
}

func BenchmarkMove(b *testing.B) {
	for _, n := range []int{1 << 20, 10 << 20} {
		p, keys := filled(b, 64, n, shard.Issued)
		b.Run(fmt.Sprintf("call=one/n=%d", n), func(b *testing.B) { moveOne(b, p, keys) })
		b.Run(fmt.Sprintf("call=1000/n=%d", n), func(b *testing.B) { moveMany(b, p, keys) })
		m := p.Memory()
		b.Logf("n=%d: %.2f B/code (table %.2f words %.2f states %.2f)", n, float64(m.Total())/float64(n), float64(m.Table)/float64(n), float64(m.Words)/float64(n), float64(m.States)/float64(n))
	}
}

// moveOne redeems codes one by one, or takes that back.
func moveOne(b *testing.B, p *shard.Pool, keys []shard.Key) {
	i := 0
	for b.Loop() {
		k := &keys[i%len(keys)]
		i++
		s := p.Lock(p.Route(k.Hash))
		if pos, seg, ok := s.Find(k); ok {
			if !s.Move(seg, pos, shard.Issued, shard.Redeemed) {
				s.Move(seg, pos, shard.Redeemed, shard.Issued)
			}
		}
		s.Unlock()
	}
}

// moveMany is moveOne for a thousand codes together, shard by shard.
func moveMany(b *testing.B, p *shard.Pool, keys []shard.Key) {
	by := make([][]int32, p.Shards())
	pos, segs := make([]int32, 1000), make([]int32, 1000)
	at := 0
	for b.Loop() {
		if at+1000 > len(keys) {
			at = 0
		}
		ks := keys[at : at+1000]
		at += 1000
		for i := range by {
			by[i] = by[i][:0]
		}
		for i := range ks {
			r := p.Route(ks[i].Hash)
			by[r] = append(by[r], int32(i))
		}
		for r, idx := range by {
			s := p.Lock(r)
			s.FindAll(ks, idx, pos, segs)
			for _, i := range idx {
				seg := s.SegmentByIndex(segs[i])
				if !s.Move(seg, uint32(pos[i]), shard.Issued, shard.Redeemed) {
					s.Move(seg, uint32(pos[i]), shard.Redeemed, shard.Issued)
				}
			}
			s.Unlock()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/code")
}

func BenchmarkDraw(b *testing.B) {
	p, _ := filled(b, 64, 1<<20, shard.Available)
	drawMany(b, p, shard.Issued)
}

// drawMany draws 16 codes at a time and puts them back.
func drawMany(b *testing.B, p *shard.Pool, to shard.State) {
	var got []uint32
	for b.Loop() {
		got = got[:0]
		s := p.Lock(rand.IntN(64))
		var seg *shard.Segment
		s.Draw(1, 16, to, func(g *shard.Segment, pos uint32) { seg = g; got = append(got, pos) })
		for _, pos := range got {
			s.Move(seg, pos, to, shard.Available)
		}
		s.Unlock()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16, "ns/code")
}

func BenchmarkAddPacked(b *testing.B) {
	const n = 1 << 20
	hashes, words := make([]uint64, n), make([]uint64, n)
	ks := make([]shard.Key, n)
	for i := range ks {
		ks[i] = shard.PackedKey(0, rand.Uint64()>>4)
	}
	slices.SortFunc(ks, func(a, b shard.Key) int {
		if a.Hash < b.Hash {
			return -1
		}
		return 1
	})
	for b.Loop() {
		b.StopTimer()
		for i, k := range ks {
			hashes[i], words[i] = k.Hash, k.Word
		}
		p, _ := shard.New(64)
		b.StartTimer()
		p.Reserve(n)
		r := p.NewRun(1, 1, 0)
		if got, err := r.AddPacked(hashes, words); err != nil || got != n {
			b.Fatal(got, err)
		}
		r.Activate(shard.Available, nil)
		b.StopTimer()
		p.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/code")
}
