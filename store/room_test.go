package store

import (
	"errors"
	"os"
	"sync"
	"testing"
)

// That the ballast is given up, to close the engine, is no reason to say that the disk is
// full: requests may be under way.
func TestRoomWithoutBallast(t *testing.T) {
	o := Options{}.withDefaults()
	h := newHeadroom(t.TempDir(), &o)
	h.serve(func() int64 { return 0 })
	var wg sync.WaitGroup
	over := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if err := h.check(true); err != nil {
					t.Errorf("while the ballast is given up: %v", err)
					return
				}
			}
		})
	}
	for range 500 {
		if err := h.dropBallast(); err != nil {
			t.Error(err)
		}
	}
	if err := h.end(); err != nil {
		t.Error(err)
	}
	close(over)
	wg.Wait()
	if err := h.check(true); err != nil {
		t.Errorf("at the end: %v", err)
	}
	if _, err := os.Stat(h.file()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ballast at the end: %v", err)
	}
}

// What merges may write anew counts, and writes go on when it is less again.
func TestRoomForMerges(t *testing.T) {
	o := Options{}.withDefaults()
	h := newHeadroom(t.TempDir(), &o)
	merged := int64(1) << 60
	h.serve(func() int64 { return merged })
	if err := h.check(true); !errors.Is(err, ErrDiskFull) {
		t.Errorf("with a merge larger than any disk: %v", err)
	}
	merged = 0
	if err := h.check(false); err != nil { // a full disk is looked at each time
		t.Errorf("with nothing to merge: %v", err)
	}
	if err := h.end(); err != nil {
		t.Fatal(err)
	}
}
