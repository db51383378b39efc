package store_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"codepool/store"
	"codepool/store/storetest"
)

func sequence(t testing.TB, s *store.Store, name string) *store.Sequence {
	t.Helper()
	q, err := s.Sequence(name)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestSequence takes numbers of two names from many goroutines, singly and many at once, over
// lives that are closed and lives that crash, and after a restore: none comes twice, and
// each goroutine's rise.
func TestSequence(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	seen := map[string]map[uint64]bool{"a": {}, "b": {}}
	var mu sync.Mutex
	life := func(s *store.Store) {
		var wg sync.WaitGroup
		for name := range seen {
			one, two := sequence(t, s, name), sequence(t, s, name)
			for g := range 4 {
				q := one
				if g == 3 {
					q = two
				}
				wg.Go(func() {
					var mine []uint64
					for i := range 40 {
						n, err := q.Next(t.Context())
						many := make([]uint64, i*7%100)
						if err == nil {
							err = q.Fill(t.Context(), many)
						}
						if err != nil {
							t.Error(err)
							return
						}
						mine = append(append(mine, n), many...)
					}
					mu.Lock()
					defer mu.Unlock()
					for i, n := range mine {
						if seen[name][n] || i > 0 && n <= mine[i-1] {
							t.Errorf("sequence %q: %d came twice: %v, or does not rise", name, n, seen[name][n])
						}
						seen[name][n] = true
					}
				})
			}
		}
		wg.Wait()
	}
	for i := range 4 {
		life(s)
		s = reopened(t, s, dir, weak(), i%2 == 0)
		dir = s.Stats().Dir
	}
	life(restored(t, s))
	for name, numbers := range seen {
		most := uint64(0)
		for n := range numbers {
			most = max(most, n)
		}
		if n := uint64(len(numbers)); n < 35_000 || most > 8*n {
			t.Errorf("sequence %q: %d numbers, the greatest is %d: too many were skipped", name, n, most)
		}
	}
}

// TestSequenceExclusively has goroutines do nothing but take numbers: all are given out once,
// and none is left out while the store is open.
func TestSequenceExclusively(t *testing.T) {
	s := storetest.Open(t, weak())
	q := sequence(t, s, "a")
	const takers = 8
	each := fewer(100_000, 10_000)
	given := make([][]uint64, takers)
	var wg sync.WaitGroup
	for g := range takers {
		given[g] = make([]uint64, each)
		wg.Go(func() {
			for i := range given[g] {
				var err error
				if given[g][i], err = q.Next(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	times := make([]byte, takers*each)
	for _, mine := range given {
		for _, n := range mine {
			if n >= uint64(len(times)) {
				t.Fatalf("%d is given out, and not all below it", n)
			}
			if times[n]++; times[n] > 1 {
				t.Fatalf("%d is given out twice", n)
			}
		}
	}
}

// What is used little skips little.
func TestSequenceSkips(t *testing.T) {
	dir := t.TempDir()
	for life := range uint64(5) {
		s := open(t, dir, weak())
		if n, err := sequence(t, s, "a").Next(t.Context()); err != nil || n > 64*life {
			t.Errorf("the first number of life %d is %d, %v", life, n, err)
		}
		mustClose(t, s)
	}
}

func TestSequenceBadInput(t *testing.T) {
	s := storetest.Open(t, weak())
	for what, name := range map[string]string{"none": "", "bad": "a\n", "long": strings.Repeat("x", store.MaxText+1), "not UTF-8": "\xff"} {
		_, err := s.Sequence(name)
		wantErr(t, what, err, store.ErrInvalid)
	}
	for i := range store.MaxSequences {
		if _, err := sequence(t, s, fmt.Sprint(i)).Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := sequence(t, s, "one more").Next(t.Context())
	wantErr(t, "one more", err, store.ErrInvalid)
	q := sequence(t, s, "7")
	n, err := q.Next(t.Context())
	if err != nil || n != 64 {
		t.Errorf("%d, %v: a refusal moved another sequence", n, err)
	}
	wantErr(t, "no numbers", q.Fill(t.Context(), nil), nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errGone)
	_, err = q.Next(ctx)
	wantErr(t, "cancelled", err, errGone)
	mustClose(t, s)
	_, err = q.Next(t.Context())
	wantErr(t, "closed", err, store.ErrClosed)
	wantErr(t, "fill, closed", q.Fill(t.Context(), make([]uint64, 3)), store.ErrClosed)
}

// Numbers that are leased are given out on a full disk, others not; when there is room again
// it goes on.
func TestSequenceDiskFull(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, open(t, dir, weak()))
	full := weak()
	full.DiskReserve = math.MaxInt64 / 2
	s := open(t, dir, full)
	q := sequence(t, s, "a")
	for range 2 {
		_, err := q.Next(t.Context())
		wantErr(t, "next", err, store.ErrDiskFull)
	}
	orders := orderNumbers(t, s, 2, 9, nil)
	_, err := orders.New(t.Context(), 1)
	wantErr(t, "order number", err, store.ErrDiskFull)
	mustClose(t, s)
	s = storetest.OpenAt(t, dir, weak())
	if n, err := sequence(t, s, "a").Next(t.Context()); err != nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
}
