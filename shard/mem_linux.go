//go:build linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64)

package shard

import "syscall"

// mapMemory returns size zeroed bytes outside the Go heap, or nil if the system
// has none to give; the caller then falls back to the heap.
func mapMemory(size int, huge bool) []byte {
	m, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	if huge {
		_ = syscall.Madvise(m, syscall.MADV_HUGEPAGE) // advice only: without it pages are small
	}
	return m
}

func unmapMemory(m []byte) {
	// The mapping was made by mapMemory and is unmapped once; an error here could
	// only mean it is gone already.
	_ = syscall.Munmap(m)
}
