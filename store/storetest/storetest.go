// Package storetest opens stores for tests and holds them to their promises when
// the test ends. Programs that embed the store can use it in their own tests.
package storetest

import (
	"bytes"
	"context"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"codepool/store"
)

// Open opens a store in a new temporary directory. When the test ends, and unless
// it has closed the store itself, the store is verified; then it is closed, and no
// goroutine of it may be left. At most one Options can be given; without one the
// answers of the store are not synced to the device (store.WeakNoSync), which no
// test in the same process can tell apart.
//
// Open must be called from the goroutine that runs the test. Stores of one test may
// overlap: they are closed in the opposite order, and goroutines are looked for when
// the last one is closed, as nobody can tell whose they are before.
func Open(t testing.TB, opts ...*store.Options) *store.Store {
	t.Helper()
	return OpenAt(t, t.TempDir(), opts...)
}

// OpenAt is Open in a given directory, such as one that an earlier store left.
func OpenAt(t testing.TB, dir string, opts ...*store.Options) *store.Store {
	t.Helper()
	o := &store.Options{Durability: store.WeakNoSync}
	switch len(opts) {
	case 0:
	case 1:
		o = opts[0]
	default:
		t.Fatalf("storetest: %d Options given, want one at most", len(opts))
	}
	before := goroutines()
	s, err := store.Open(dir, o)
	if err != nil {
		t.Fatalf("storetest: open: %v", err)
	}
	inUse.Add(1)
	t.Cleanup(func() { finish(t, s, before) })
	return s
}

// inUse counts the stores that were opened here and are not finished.
var inUse atomic.Int32

// Verify fails the test unless the store verifies without a problem.
func Verify(t testing.TB, s *store.Store) store.VerifyReport {
	t.Helper()
	rep, err := s.Verify(context.Background())
	if err != nil {
		t.Errorf("storetest: verify: %v", err)
	}
	for _, p := range rep.Problems {
		t.Errorf("storetest: verify: %s", p)
	}
	return rep
}

// finish verifies and closes the store and looks for goroutines it left behind.
func finish(t testing.TB, s *store.Store, before map[int]string) {
	t.Helper()
	if s.Check(context.Background(), store.Redemption{Code: "-"}) != store.ErrClosed {
		Verify(t, s)
	}
	if err := s.Close(); err != nil {
		t.Errorf("storetest: close: %v", err)
	}
	if inUse.Add(-1) > 0 {
		return
	}
	// What the store has ended may still have to be scheduled once more.
	const tries, yields = 400, 50
	var left []string
	for range tries {
		if left = leaked(before); len(left) == 0 {
			return
		}
		for range yields {
			runtime.Gosched()
		}
	}
	for _, stack := range left {
		t.Errorf("storetest: goroutine left behind:\n%s", stack)
	}
}

// leaked returns the stacks of goroutines of store and engine that are new.
func leaked(before map[int]string) (stacks []string) {
	for id, stack := range goroutines() {
		if _, old := before[id]; old {
			continue
		}
		if strings.Contains(stack, "\ncodepool/store.(") || strings.Contains(stack, "created by codepool/store.") || strings.Contains(stack, "github.com/dgraph-io/") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// goroutines returns the stacks of all goroutines by their number.
func goroutines() map[int]string {
	buf := make([]byte, 1<<16)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	out := map[int]string{}
	for stack := range bytes.SplitSeq(buf, []byte("\n\n")) {
		head, ok := bytes.CutPrefix(stack, []byte("goroutine "))
		if !ok {
			continue
		}
		number, _, _ := bytes.Cut(head, []byte(" "))
		if id, err := strconv.Atoi(string(number)); err == nil {
			out[id] = string(stack)
		}
	}
	return out
}
