//go:build !linux

package host

import (
	"os"
	"runtime"
)

const syncName = "fsync"

func datasync(f *os.File) error { return f.Sync() }

// Kernel returns the operating system's name.
func Kernel() string { return runtime.GOOS }

func cpuModel() string { return "" }

// MemoryUse returns ErrUnsupported.
func MemoryUse() (Memory, error) { return Memory{}, ErrUnsupported }

// FileSystemOf returns the zero FileSystem.
func FileSystemOf(string) FileSystem { return FileSystem{} }
