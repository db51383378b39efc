package store

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"codepool/gen"
	"codepool/store/internal/journal"
)

// pairsIn returns every pair of an engine.
func pairsIn(t *testing.T, eng journal.Engine) memEngine {
	t.Helper()
	m := memEngine{}
	err := eng.View(func(v journal.Reader) error {
		return v.Scan(nil, nil, func(key, value []byte) error { return m.Write([]journal.Pair{{Key: key, Value: value}}) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m memEngine) ofKind(kind byte) (keys []string) {
	for k := range m {
		if k[0] == kind {
			keys = append(keys, k)
		}
	}
	return keys
}

// twoCheckpoints makes a store of three runs and returns what it held after two
// checkpoints that changed every state page, with work between and behind them.
func twoCheckpoints(t *testing.T, dir string) (first, second memEngine) {
	t.Helper()
	s, err := Open(dir, &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	work := func() memEngine {
		for id := BatchID(1); id <= 3; id++ {
			codes, err := s.Issue(soon(t), id, 10, To("order"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Redeem(soon(t), Redemption{Code: codes[0]}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Checkpoint(soon(t)); err != nil {
			t.Fatal(err)
		}
		return pairsIn(t, s.eng)
	}
	for i, length := range []int{12, 12, 16} { // those of 16 have pages
		if _, err := s.Mint(soon(t), Batch{Name: fmt.Sprint(i), Count: 100, Format: gen.Format{Length: length}}); err != nil {
			t.Fatal(err)
		}
	}
	first, second = work(), work()
	if _, err := s.Issue(soon(t), 1, 1, To("behind")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return first, second
}

// A state page of an earlier checkpoint is whole in itself. Open must not take it for
// the present one: a redeemed code would be on sale again (I1, I4).
func TestStaleStatePage(t *testing.T) {
	dir := t.TempDir()
	first, _ := twoCheckpoints(t, dir)
	keys := first.ofKind(keyStates)
	if len(keys) != 3 {
		t.Fatalf("%d state pages, want 3", len(keys))
	}
	o := (&Options{Durability: WeakNoSync}).withDefaults()
	eng, err := journal.Open(dir, o.journal())
	if err != nil {
		t.Fatal(err)
	}
	if err := eng.Write([]journal.Pair{{Key: []byte(keys[0]), Value: first[keys[0]]}}); err != nil {
		t.Fatal(err)
	}
	if err := eng.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, &o)
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("open with a state page of an earlier checkpoint: %v, want ErrCorrupt", err)
	}
}

// A crash between the pages of a checkpoint and its record leaves any of the pages
// beside the record before. That is lawful; any page of the time before beside the new
// record is not.
func TestStatePagesAndRecord(t *testing.T) {
	first, second := twoCheckpoints(t, t.TempDir())
	pages := first.ofKind(keyStates)
	for some := range 1 << len(pages) {
		mixed := maps.Clone(second)
		for i, k := range pages {
			if some>>i&1 == 0 {
				mixed[k] = first[k]
			}
		}
		_, err := recovered(t, mixed)
		if all := some == 1<<len(pages)-1; all != (err == nil) {
			t.Errorf("record of the second checkpoint, pages %b of it: %v", some, err)
		}
		mixed[string(keyCheckpoint)] = first[string(keyCheckpoint)]
		s, err := recovered(t, mixed)
		if err != nil {
			t.Errorf("record of the first checkpoint, pages %b of the second: %v", some, err)
			continue
		}
		if rep, err := s.Verify(t.Context()); err != nil || !rep.OK() {
			t.Errorf("pages %b of the second: %+v, %v", some, rep.Problems, err)
		}
		tryAgain(t, s, mixed, pages, some)
	}
}

// tryAgain writes the checkpoint that a crash had ended, and only some of its pages
// the first time.
func tryAgain(t *testing.T, s *Store, at memEngine, pages []string, some int) {
	t.Helper()
	before := maps.Clone(at)
	s.maint = &maintainer{s: s, pages: s.statePages, number: s.lastCheckpoint}
	dirty := func() {
		s.maint.undone = map[statePageID]struct{}{}
		for p := range s.maint.pages {
			s.maint.undone[p] = struct{}{}
		}
	}
	dirty()
	if err := s.writeStates(t.Context()); err != nil {
		t.Fatal(err)
	}
	once := maps.Clone(at)
	at[pages[some%len(pages)]] = before[pages[some%len(pages)]]
	if _, err := recovered(t, maps.Clone(at)); err != nil {
		t.Errorf("pages %b of the second, all but one written again: %v", some, err)
	}
	maps.Copy(at, once)
	dirty()
	s.maint.done.Store(0)
	if err := s.checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := at[pages[0]]
	s, err := recovered(t, maps.Clone(at))
	if err != nil {
		t.Fatalf("pages %b of the second, written again: %v", some, err)
	}
	if rep, err := s.Verify(t.Context()); err != nil || !rep.OK() {
		t.Errorf("pages %b of the second, written again: %+v, %v", some, rep.Problems, err)
	}
	at[pages[0]] = once[pages[0]]
	if some&1 == 0 {
		at[pages[0]] = before[pages[0]]
	}
	if _, err := recovered(t, at); (err == nil) != (string(at[pages[0]]) == string(last)) {
		t.Errorf("pages %b of the second, written again, and one put back: %v", some, err)
	}
}

// Batches, run headers and code pages of another store are whole in themselves too, as a
// table of it brings them, and so is a code page that a mint left which was given up.
func TestForeignBatchesAndRuns(t *testing.T) {
	_, mine := twoCheckpoints(t, t.TempDir())
	_, other := twoCheckpoints(t, t.TempDir())
	for _, kinds := range []string{"B", "R", "P", "RP", "BRP"} {
		mixed := maps.Clone(mine)
		for _, kind := range []byte(kinds) {
			for _, k := range other.ofKind(kind) {
				mixed[k] = other[k]
			}
		}
		if _, err := recovered(t, mixed); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s of another store: %v, want ErrCorrupt", kinds, err)
		}
	}
	if _, err := recovered(t, mine); err != nil {
		t.Error(err)
	}
}
