package store

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// limitMemory lets the fuzzer's process have no more than some 4 GiB on top of what it
// has: an input that asks for more ends this process and not others on the machine.
func limitMemory(f *testing.F) {
	if !fuzzing() {
		return
	}
	const room = 4 << 30
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		f.Fatal(err)
	}
	pages, _, _ := strings.Cut(string(text), " ")
	n, err := strconv.ParseUint(pages, 10, 64)
	if err != nil {
		f.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		f.Fatal(err)
	}
	limit.Cur = min(limit.Max, n*uint64(os.Getpagesize())+room)
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		f.Fatal(err)
	}
}
