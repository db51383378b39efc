package store_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"codepool/store"
)

// engineState reads what the engine holds data in: MANIFEST, tables and logs.
func engineState(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"MANIFEST", "*.sst", "*.mem"} {
		names, err := filepath.Glob(filepath.Join(dir, "journal", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[filepath.Base(name)] = string(b)
		}
	}
	return all
}

func sameState(t *testing.T, what string, dir string, want map[string]string) {
	t.Helper()
	if got := engineState(t, dir); !maps.Equal(got, want) {
		t.Errorf("%s: the engine has %v, it had %v, or they differ", what, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "journal-*")); len(left) > 0 {
		t.Errorf("%s: %v is left", what, left)
	}
}

// crashedLate leaves a store with several tables and a log, as a crash does.
func crashedLate(t *testing.T) (dir string, h *history) {
	t.Helper()
	dir, h = t.TempDir(), &history{}
	for round := range 3 {
		s := open(t, dir, weak())
		makeHistory(t, s, round, h)
		mustClose(t, s)
	}
	s := open(t, dir, weak())
	makeHistory(t, s, 3, h)
	defer mustClose(t, s)
	return copyDir(t, dir), h
}

// The engine takes a damaged MANIFEST for one whose last entries a crash has cut off: it
// removes the tables that they named and gives their numbers to others. When recovery
// then refuses, all is as it was, and the right MANIFEST makes the store whole again.
func TestRefusalChangesNothing(t *testing.T) {
	dir, h := crashedLate(t)
	path := filepath.Join(dir, "journal", "MANIFEST")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refusals := 0
	damage := func(what string, b []byte) {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		was := engineState(t, dir)
		s, err := store.Open(dir, weak())
		if err == nil {
			mustClose(t, s)
			t.Fatalf("%s: it is not refused", what)
		}
		wantErr(t, what, err, store.ErrCorrupt)
		refusals++
		sameState(t, what, dir, was)
	}
	for at := 8; at < len(whole); at += 7 {
		damage(fmt.Sprint("cut to ", at), whole[:at])
	}
	for at := 8; at < len(whole)-8; at += 5 {
		b := slices.Clone(whole)
		b[at] ^= 16
		damage(fmt.Sprintf("bit of byte %d of %d", at, len(whole)), b)
	}
	if err := os.WriteFile(path, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, weak())
	h.holds(t, s)
	mustClose(t, s)
	t.Logf("%d refusals", refusals)
}

// A bit of the log is wrong only when it is read, as a bad cable or memory makes it: the
// engine cuts the log off there. The next opening must find the rest again.
func TestRefusalKeepsLog(t *testing.T) {
	dir, h := crashedLate(t)
	logs, _ := filepath.Glob(filepath.Join(dir, "journal", "*.mem"))
	if len(logs) != 1 {
		t.Fatalf("logs %v", logs)
	}
	b, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	at := int64(len(bytes.TrimRight(b, "\x00"))) / 2 // behind entries that it makes a table of
	flipBit(t, logs[0], at, 3)
	was := engineState(t, dir)
	_, err = store.Open(dir, weak())
	wantErr(t, "open with a damaged log", err, store.ErrCorrupt)
	sameState(t, "damaged log", dir, was)
	flipBit(t, logs[0], at, 3)
	s := open(t, dir, weak())
	h.holds(t, s)
	mustClose(t, s)
	sameState(t, "afterwards", dir, engineState(t, dir))
}
