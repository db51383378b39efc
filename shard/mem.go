package shard

import "unsafe"

// heapBelow is the size in bytes under which an array is left to the Go heap: a
// mapping is at least a page and a system call, and a small array is no burden to
// the collector (it holds no pointers).
const heapBelow = 64 << 10

// hugeFrom is the size in bytes from which an array asks for huge pages. At 50 M
// codes the arrays pass the reach of the second-level TLB many times over; below
// this size the unused end of a huge page would cost more than it saves.
const hugeFrom = 8 << 20

// growSlack is the spare room of a grown array, one part in growSlack.
const growSlack = 8

type element interface{ ~uint8 | ~uint32 | ~uint64 }

// array is a slice of numbers outside the Go heap when it is large. Its zero value
// is empty and ready.
type array[T element] struct {
	v      []T
	mapped []byte // the mapping below v, nil when v is on the heap
}

// makeArray returns n zeroed elements.
func makeArray[T element](n int) array[T] {
	var zero T
	size := n * int(unsafe.Sizeof(zero))
	if size >= heapBelow {
		if m := mapMemory(size, size >= hugeFrom); m != nil {
			return array[T]{v: unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m))), n), mapped: m}
		}
	}
	return array[T]{v: make([]T, n)}
}

func (a *array[T]) free() {
	if a.mapped != nil {
		unmapMemory(a.mapped)
	}
	*a = array[T]{}
}

// grow makes room for n elements in all, keeping the first used ones.
func (a *array[T]) grow(used, n int, exact bool) {
	if n <= len(a.v) {
		return
	}
	if !exact {
		n += max(n/growSlack, 64)
	}
	b := makeArray[T](n)
	copy(b.v, a.v[:used])
	a.free()
	*a = b
}

func (a *array[T]) bytes() int64 {
	var zero T
	return int64(len(a.v)) * int64(unsafe.Sizeof(zero))
}
