//go:build !(linux && (amd64 || arm64 || riscv64 || ppc64le || s390x || loong64))

package shard

// On other systems the arrays stay on the Go heap.

func mapMemory(int, bool) []byte { return nil }

func unmapMemory([]byte) {}
