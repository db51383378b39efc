package store

import (
	"fmt"
	"slices"
	"testing"

	"codepool/store/internal/journal"
)

// TestIndexRunPages writes runs whose directory and filter lie on one page and on several,
// with pages of postings as they are now and as they were, loads them, finds what is in them
// and drops them.
func TestIndexRunPages(t *testing.T) {
	for _, c := range []struct{ page, count, keys, directories, filters int }{
		{page: 0, count: oldPage + 1, keys: 10, directories: 1, filters: 1},
		{page: postingsPage, count: 3 * postingsPage, keys: 0, directories: 1, filters: 0},
		{page: postingsPage, count: 0, keys: 0, directories: 1, filters: 0},
		{page: 1, count: wordsPage, keys: 1, directories: 1, filters: 1},
		{page: 1, count: 2*wordsPage + 1, keys: 2 * wordsPage, directories: 3, filters: 1},
		{page: 2, count: 8 * wordsPage, keys: 8 * wordsPage, directories: 4, filters: 2},
	} {
		if RaceOn && c.keys > wordsPage { // no goroutines here, and as slow as all the rest together
			continue
		}
		t.Run(fmt.Sprintf("%d postings by %d", c.count, c.page), func(t *testing.T) {
			s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			x := s.index
			hash := func(i int) uint64 { return uint64(i+1) << (64 - hashBits) }
			var keys []uint64
			for i := range c.keys {
				keys = append(keys, hash(i))
			}
			w, err := x.newWriter(0, 1, uint64(max(c.count, 1)), c.count, keys)
			if err != nil {
				t.Fatal(err)
			}
			w.run.Page = c.page
			for i := range c.count {
				if err := w.add(posting{hash(i) >> (64 - hashBits), uint64(i + 1)}); err != nil {
					t.Fatal(err)
				}
			}
			wrote, err := w.close()
			if err != nil {
				t.Fatal(err)
			}
			r := *wrote
			r.fences, r.filter = nil, nil
			if err := s.eng.View(r.load); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(r.fences, wrote.fences) || (c.keys > 0) != (r.filter != nil) {
				t.Errorf("%d fences, %d were written; filter %v", len(r.fences), len(wrote.fences), r.filter != nil)
			}
			for i := 0; i < c.count; i += 1 + c.count/1000 {
				numbers, err := x.search(s.eng, &r, hash(i), nil)
				if err != nil || !slices.Equal(numbers, []uint64{uint64(i + 1)}) {
					t.Fatalf("posting %d: %v, %v", i, numbers, err)
				}
				if i < c.keys && !r.filter.has(hash(i), hash(i)) {
					t.Fatalf("key %d is not in the filter", i)
				}
			}
			if got := pairsOf(t, s, &r); got != [3]int{c.directories, c.filters, r.pages()} {
				t.Errorf("pages of directory, filter and postings: %v", got)
			}
			if err := x.drop(&r); err != nil {
				t.Fatal(err)
			}
			if got := pairsOf(t, s, &r); got != [3]int{} {
				t.Errorf("left of a run that was dropped: %v", got)
			}
		})
	}
}

// pairsOf counts what is stored of a run: of its directory, its filter and its postings.
func pairsOf(t *testing.T, s *Store, r *indexRun) (n [3]int) {
	t.Helper()
	if err := s.eng.View(func(v journal.Reader) error {
		for i, part := range []byte{partDirectory, partFilter, partPostings} {
			key := r.key(part, 0)
			if err := v.Scan(key[:len(key)-4], nil, func(_, _ []byte) error { n[i]++; return nil }); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}
