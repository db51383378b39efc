package journal

import (
	"errors"
	"os"
	"sync"
	"testing"
)

// That the ballast is given up, to close the engine, is no reason to say that the disk is
// full: requests may be under way.
func TestRoomWithoutBallast(t *testing.T) {
	h := NewHeadroom(t.TempDir(), plain())
	h.Serve()
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
				if err := h.Check(true); err != nil {
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
	if err := h.End(); err != nil {
		t.Error(err)
	}
	close(over)
	wg.Wait()
	if err := h.Check(true); err != nil {
		t.Errorf("at the end: %v", err)
	}
	if _, err := os.Stat(h.file()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ballast at the end: %v", err)
	}
}

// A merge needs twice the room that it may take, and writes need that much more until it
// ends.
func TestLend(t *testing.T) {
	h := NewHeadroom(t.TempDir(), plain())
	if h.lend(1) {
		t.Error("lent before there is an engine")
	}
	h.Serve()
	if err := h.Check(true); err != nil {
		t.Fatal(err)
	}
	free, need := h.Figures()
	if h.lend(free - need) {
		t.Error("lent all that there is")
	}
	n := (free - need) / 4 // others work on this disk too
	if !h.lend(n) {
		t.Error("not lent")
	}
	if _, got := h.Figures(); got != need+n {
		t.Errorf("writes need %d, want %d more than %d", got, n, need)
	}
	if err := h.Check(true); err != nil {
		t.Errorf("while room is lent: %v", err)
	}
	h.mu.Lock()
	h.lent = 1 << 60
	h.until.Store(0)
	h.mu.Unlock()
	if err := h.Check(true); !errors.Is(err, ErrDiskFull) {
		t.Errorf("with more lent than there is: %v", err)
	}
	h.giveBack()
	if err := h.Check(false); err != nil { // a full disk is looked at each time
		t.Errorf("when it is given back: %v", err)
	}
	if _, got := h.Figures(); got != need {
		t.Errorf("writes need %d, want %d", got, need)
	}
	if err := h.End(); err != nil {
		t.Fatal(err)
	}
	if h.lend(1) {
		t.Error("lent after the end")
	}
}
