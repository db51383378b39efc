package store

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"codepool/store/internal/journal"
)

// indexRunsOnDisk returns the numbers of the runs that have pages, and of those that the
// manifest names as live.
func indexRunsOnDisk(t *testing.T, s *Store) (stored, live []uint32) {
	t.Helper()
	ids := map[uint32]bool{}
	err := s.eng.View(func(r journal.Reader) error {
		value, err := r.Get([]byte{keyManifest})
		if err != nil {
			return err
		}
		var m manifest
		if err := json.Unmarshal(value[4:], &m); err != nil {
			return err
		}
		for _, run := range m.Runs {
			live = append(live, run.ID)
		}
		return r.Scan([]byte{keyEntry}, nil, func(key, _ []byte) error {
			if len(key) != entryKeyLen {
				ids[be32(key[10:])] = true
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(live)
	return slices.Sorted(maps.Keys(ids)), live
}

// Whatever commit of a flush or a merge fails, a later flush removes what it left: pages
// of runs that are not published, or no longer.
func TestInterruptedIndexLeavesNothing(t *testing.T) {
	interrupted := 0
	for at := 1; ; at++ {
		dir := t.TempDir()
		s, f, codes := openFaulty(t, dir)
		step := func(s *Store, code string) error {
			if _, err := s.Redeem(soon(t), Redemption{Code: code, Key: code}); err != nil {
				return err
			}
			return s.Checkpoint(soon(t))
		}
		for i := range fanIn - 2 {
			if err := step(s, codes[i]); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		f.set(nil, func(pairs []journal.Pair) bool { // the at-th commit of what belongs to the index
			for _, p := range pairs {
				if p.Key[0] == keyManifest || p.Key[0] == keyEntry && len(p.Key) != entryKeyLen {
					n++
					return n == at
				}
			}
			return false
		})
		err := step(s, codes[fanIn])
		if err == nil {
			err = step(s, codes[fanIn+1]) // this one merges
		}
		f.set(nil, nil)
		if cerr := s.Close(); err == nil && cerr != nil {
			t.Fatal(cerr)
		}
		s, oerr := Open(dir, &Options{Durability: WeakNoSync})
		if oerr != nil {
			t.Fatal(oerr)
		}
		for i := range fanIn {
			if err := step(s, codes[20+i]); err != nil {
				t.Fatal(err)
			}
		}
		if stored, live := indexRunsOnDisk(t, s); !slices.Equal(stored, live) {
			t.Errorf("after commit %d failed: runs %v are stored, %v are live", at, stored, live)
		}
		if rep, err := s.Verify(t.Context()); err != nil || !rep.OK() {
			t.Errorf("after commit %d failed: %v, %v", at, rep.Problems, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if n < at { // nothing was left to fail
			break
		}
		interrupted++
	}
	if interrupted < 6 {
		t.Errorf("only %d commits were made to fail", interrupted)
	}
}
