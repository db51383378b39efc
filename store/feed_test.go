package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"codepool/store"
	"codepool/store/storetest"
)

// TestFollow reads the feed while it is written, from several consumers: each gets every
// receipt once and in order, without asking again.
func TestFollow(t *testing.T) {
	s := storetest.Open(t, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 3000})
	codes := issue(t, s, b.ID, 3000, "x")
	n := fewer(3000, 600)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var readers, writers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			last, seen := uint64(0), 0
			for r, err := range s.Follow(ctx, 0) {
				if err != nil {
					t.Error(err)
					return
				}
				if r.Number <= last {
					t.Errorf("number %d behind %d", r.Number, last)
				}
				last = r.Number
				if seen++; seen == n {
					return
				}
			}
		})
	}
	for w := range 3 {
		writers.Go(func() {
			for i := w; i < n; i += 3 {
				redeem(t, s, store.Redemption{Code: codes[i], User: fmt.Sprint(w)})
			}
		})
	}
	writers.Wait()
	readers.Wait()
	// It waits, and ends with its context.
	waiting, stop := context.WithCancel(t.Context())
	done := make(chan error)
	last := s.Stats().Ledger
	go func() { done <- firstErr(s.Follow(waiting, last)) }()
	stop()
	wantErr(t, "ended", <-done, context.Canceled)
	go func() { done <- firstErr(s.Follow(t.Context(), last)) }()
	mustClose(t, s)
	wantErr(t, "closed", <-done, store.ErrClosed)
}

// TestCursor consumes the feed in several lives, some of which end before they have
// acknowledged: nothing is missed.
func TestCursor(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 100})
	codes := issue(t, s, b.ID, 100, "x")
	got := map[uint64]int{}
	for life := range 10 {
		for _, c := range codes[life*10 : life*10+10] {
			redeem(t, s, store.Redemption{Code: c})
		}
		n := 0
		for r, err := range s.Receipts(ctx, s.Cursor("rewards")) {
			if err != nil {
				t.Fatal(err)
			}
			got[r.Number]++
			if n++; n%3 == 0 {
				if err := s.Advance(ctx, "rewards", r.Number); err != nil {
					t.Fatal(err)
				}
			}
		}
		at := s.Cursor("rewards")
		s = reopened(t, s, dir, weak(), life%2 == 0)
		dir = s.Stats().Dir
		if s.Cursor("rewards") != at || at == 0 {
			t.Errorf("life %d: the cursor is at %d, it was at %d", life, s.Cursor("rewards"), at)
		}
	}
	if len(got) != 100 {
		t.Errorf("%d of 100 receipts came", len(got))
	}
	for n, times := range got {
		if times > 2 { // at most two stood behind the cursor at the end of a life
			t.Errorf("receipt %d came %d times", n, times)
		}
	}
	at := s.Cursor("rewards")
	wantErr(t, "back", s.Advance(ctx, "rewards", 1), nil)
	if s.Cursor("rewards") != at {
		t.Error("the cursor went back")
	}
	for what, c := range map[string]struct {
		name   string
		number uint64
		want   error
	}{
		"the future": {"rewards", s.Stats().Ledger + 1, store.ErrBeyond}, "far": {"rewards", 1<<64 - 1, store.ErrBeyond},
		"no name": {"", 1, store.ErrInvalid}, "a bad name": {"a\n", 1, store.ErrInvalid}, "a long name": {strings.Repeat("x", store.MaxText+1), 1, store.ErrInvalid},
	} {
		wantErr(t, what, s.Advance(ctx, c.name, c.number), c.want)
	}
	for i := range store.MaxCursors {
		err := s.Advance(ctx, fmt.Sprint("c", i), 1)
		if i < store.MaxCursors-1 && err != nil || i == store.MaxCursors-1 && !errors.Is(err, store.ErrInvalid) {
			t.Fatalf("cursor %d: %v", i, err)
		}
	}
	if n := len(s.Cursors()); n != store.MaxCursors {
		t.Errorf("%d cursors", n)
	}
	wantErr(t, "drop", s.DropCursor(ctx, "c0"), nil)
	wantErr(t, "drop again", s.DropCursor(ctx, "c0"), nil)
	wantErr(t, "one more", s.Advance(ctx, "more", 1), nil)
	s2 := restored(t, s)
	if s2.Cursor("rewards") != at || len(s2.Cursors()) != store.MaxCursors {
		t.Errorf("a restored store has the cursor at %d and %d cursors", s2.Cursor("rewards"), len(s2.Cursors()))
	}
	mustClose(t, s)
	wantErr(t, "closed", s.Advance(ctx, "rewards", 1), store.ErrClosed)
	wantErr(t, "drop, closed", s.DropCursor(ctx, "rewards"), store.ErrClosed)
}
