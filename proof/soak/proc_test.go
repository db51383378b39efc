package soak

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// reading is what the process and the store's directory take at one moment.
type reading struct {
	heap, rss  int64 // bytes
	goroutines int
	fds        int
	files      int   // in the data directory
	disk       int64 // their bytes
	tables     int64 // of them in the engine's tables, which do not change once written
}

// patience is how long a reading is taken again that is beyond its bound. What the store
// has ended may still have to be scheduled; and its engine merges tables in the background
// and keeps the memory for that (16 MiB for each of up to three builders) until some of its
// ticks of two seconds found it unused.
const patience = time.Minute

// take takes readings until one of them is within bounds, and returns the last.
func take(t *testing.T, dir string, within func(reading) bool) (r reading) {
	t.Helper()
	debug.FreeOSMemory()
	for begun := time.Now(); ; {
		runtime.GC()
		if r = takeOnce(t, dir); within(r) || time.Since(begun) > patience {
			return r
		}
		for range 1000 {
			runtime.Gosched()
		}
	}
}

func takeOnce(t *testing.T, dir string) (r reading) {
	t.Helper()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.heap, r.goroutines = int64(m.HeapAlloc), runtime.NumGoroutine()
	r.rss = resident(t)
	r.fds = len(descriptors(t))
	r.files, r.disk, r.tables = size(t, dir)
	return r
}

// resident returns VmRSS.
func resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("/proc/self/status has no VmRSS")
	return 0
}

// descriptors returns what each open descriptor is, without the one that lists them.
func descriptors(t *testing.T) (out []string) {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", n.Name())); err == nil {
			out = append(out, to)
		}
	}
	return out
}

// size counts the files below a directory, their bytes and those in tables; what vanishes
// meanwhile does not count.
func size(t *testing.T, dir string) (files int, total, tables int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if fi, err := d.Info(); err == nil {
				files++
				total += fi.Size()
				if filepath.Ext(path) == ".sst" {
					tables += fi.Size()
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, total, tables
}

// creators counts goroutines by who created them.
func creators() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	count := map[string]int{}
	for stack := range bytes.SplitSeq(buf, []byte("\n\n")) {
		by := "the runtime"
		if _, after, ok := bytes.Cut(stack, []byte("created by ")); ok {
			line, _, _ := bytes.Cut(after, []byte("\n"))
			line, _, _ = bytes.Cut(line, []byte(" in goroutine"))
			by = string(line)
		}
		count[by]++
	}
	return fmt.Sprint(count)
}
