//go:build amd64 || arm64 || riscv64 || ppc64le || s390x || loong64

package shard_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"codepool/shard"
)

func heap() int64 {
	runtime.GC()
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	return int64(ms.HeapAlloc)
}

// TestHeapStaysSmall: large arrays are outside the Go heap.
func TestHeapStaysSmall(t *testing.T) {
	const n = 1 << 19
	keys := randomKeys(0, n, 1)
	hashes, words := split(keys)
	before := heap()
	p := newPool(t, 4)
	r := p.NewRun(1, 1, 0)
	if got, err := r.AddPacked(hashes, words); err != nil || got != n {
		t.Fatalf("added %d, error %v", got, err)
	}
	r.Activate(shard.Available, nil)
	total := p.Memory().Total()
	if grown := heap() - before; grown > total/16 {
		t.Errorf("the heap grew by %d bytes for a pool of %d", grown, total)
	}
	runtime.KeepAlive(keys)
	runtime.KeepAlive(hashes)
	runtime.KeepAlive(words)
}

// TestMappingsAreGivenBack grows and closes large pools; reserved memory that is
// never touched costs address space only, and that must come back.
func TestMappingsAreGivenBack(t *testing.T) {
	space := func() (pages int64) {
		b, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Skip(err)
		}
		if _, err := fmt.Sscan(string(b), &pages); err != nil {
			t.Fatal(err)
		}
		return pages
	}
	before := space()
	for range 50 {
		p := newPool(t, 2)
		for n := 1 << 20; n <= 4<<20; n += 1 << 20 {
			if err := p.Reserve(n); err != nil {
				t.Fatal(err)
			}
		}
		p.Close()
	}
	// One round reserves 130 MB in all and has 56 MB of it at its end.
	if grown := (space() - before) * int64(os.Getpagesize()); grown > 512<<20 {
		t.Errorf("address space grew by %d MB", grown>>20)
	}
}

// resident returns how many bytes of the process are in memory.
func resident() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var all, in int64
	_, _ = fmt.Sscan(string(b), &all, &in) // 0 shows that there is nothing to read
	return in * int64(os.Getpagesize())
}

// TestComputedMemory: a billion computed codes are address space until they change, and two
// bits each when all have.
func TestComputedMemory(t *testing.T) {
	const n = 1_000_000_000
	before := resident()
	p, r := computedPool(t, 64, n, shard.Available)
	if m := p.Memory(); m.Total() > 290<<20 || m.Total() < n/4 || m.Computed != n || m.Codes != 0 {
		t.Errorf("%d bytes: %+v", m.Total(), m)
	}
	if grown := resident() - before; grown > 16<<20 {
		t.Errorf("%d bytes are resident before a code was drawn", grown)
	}
	page := make([]byte, shard.PageCodes/2)
	for i := range page {
		page[i] = byte(shard.Redeemed) * 0x11
	}
	for first := uint32(0); first < 20*shard.PageCodes; first += shard.PageCodes {
		r.SetStates(first, shard.PageCodes, page)
	}
	if grown := resident() - before; grown > 18<<20 {
		t.Errorf("%d bytes are resident after the change of %d codes", grown, 20*shard.PageCodes)
	}
	if got := p.Available(1); got != n-20*shard.PageCodes {
		t.Errorf("stock %d", got)
	}
	if !p.Drop(1) {
		t.Fatal("refused")
	}
	if m := p.Memory(); m.States != 0 || m.Computed != 0 {
		t.Errorf("dropped, but there is %+v", m)
	}
}

// BenchmarkComputedRun mints a run, and loads states in which all codes are redeemed.
func BenchmarkComputedRun(b *testing.B) {
	for _, n := range []uint32{100_000_000, 1_000_000_000} {
		b.Run(fmt.Sprintf("mint/n=%d", n), func(b *testing.B) {
			for b.Loop() {
				p, _ := computedPool(b, 64, n, shard.Available)
				b.StopTimer()
				b.ReportMetric(float64(p.Memory().Total())/(1<<20), "MiB")
				p.Close()
				b.StartTimer()
			}
		})
		b.Run(fmt.Sprintf("load/n=%d", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				p, r := computedPool(b, 64, n, shard.Available)
				page := make([]byte, 1<<14)
				for i := range page {
					page[i] = byte(shard.Redeemed) * 0x11
				}
				before := resident()
				b.StartTimer()
				for first := uint32(0); first < n; first += 1 << 15 {
					r.SetStates(first, min(1<<15, n-first), page)
				}
				b.StopTimer()
				b.ReportMetric(float64(resident()-before)/(1<<20), "MiB-resident")
				p.Close()
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/code")
		})
	}
}
