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
