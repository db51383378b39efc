package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"codepool/store"
	"codepool/store/internal/journal"
)

// soon is a context that turns a call that would hang for ever into an error.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// engineHolds reads MANIFEST, tables and logs.
func engineHolds(t *testing.T, dir string) map[string]string {
	t.Helper()
	logs, tables, err := journal.EngineFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{journal.ManifestFile: ""}
	maps.Copy(all, mapTo(logs))
	maps.Copy(all, mapTo(tables))
	for name := range all {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		all[name] = string(b)
	}
	return all
}

func mapTo(names map[string]bool) map[string]string {
	m := map[string]string{}
	for name := range names {
		m[name] = ""
	}
	return m
}

// writeEngine makes a directory hold what engineHolds returned, and nothing else.
func writeEngine(t *testing.T, dir string, all map[string]string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range all {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// crashedWithoutTable makes a store with two tables and a log, as a crash leaves it, whose
// MANIFEST has lost the entry of the second table. It returns the whole MANIFEST too.
func crashedWithoutTable(t *testing.T) (dir, manifest string) {
	t.Helper()
	dir = t.TempDir()
	var was map[string]string
	for i := range 3 {
		s, err := store.Open(dir, &store.Options{Durability: store.WeakNoSync})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Mint(soon(t), store.Batch{Name: fmt.Sprint(i), Count: 100}); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			was = engineHolds(t, filepath.Join(dir, journal.Dir))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	manifest = was[journal.ManifestFile]
	was[journal.ManifestFile] = manifest[:len(manifest)-3]
	writeEngine(t, filepath.Join(dir, journal.Dir), was)
	if len(was) != 4 {
		t.Fatalf("%v", slices.Sorted(maps.Keys(was)))
	}
	return dir, manifest
}

// openEngine has the engine do to its files what it does when it opens.
func openEngine(t *testing.T, dir string) {
	t.Helper()
	eng, err := journal.Open(dir, &journal.Options{MemTable: 8 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := eng.Close(); err != nil {
		t.Fatal(err)
	}
}

// An opening that is ended anywhere, while it sets aside, while the engine is at work or
// while it puts back, is undone by the next one.
func TestOpeningEndedAnywhere(t *testing.T) {
	dir, manifest := crashedWithoutTable(t)
	engine := filepath.Join(dir, journal.Dir)
	was := engineHolds(t, engine)
	refuse := func(what string) {
		t.Helper()
		if s, err := store.Open(dir, &store.Options{Durability: store.WeakNoSync}); !errors.Is(err, store.ErrCorrupt) {
			if err == nil {
				s.Close()
			}
			t.Fatalf("%s: %v, want ErrCorrupt", what, err)
		}
		if got := engineHolds(t, engine); !maps.Equal(got, was) {
			t.Fatalf("%s: the engine has %v, it had %v, or they differ", what, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(was)))
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "journal-*")); len(left) > 0 {
			t.Fatalf("%s: %v is left", what, left)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, journal.AsideNew), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, journal.AsideNew, journal.ManifestFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	refuse("ended while it set aside")

	for n := range len(was) + 1 {
		if err := journal.SetAside(dir); err != nil {
			t.Fatal(err)
		}
		openEngine(t, dir)
		if got := engineHolds(t, engine); maps.Equal(got, was) {
			t.Fatal("the engine changes nothing: this test is of no use")
		}
		for _, name := range slices.Sorted(maps.Keys(was))[:n] {
			aside := filepath.Join(dir, journal.AsideDir, name)
			if _, err := os.Stat(aside); err != nil {
				continue // a table that the MANIFEST names
			}
			if err := journal.ReplaceFile(aside, filepath.Join(engine, name)); err != nil {
				t.Fatal(err)
			}
		}
		refuse(fmt.Sprintf("ended when %d files were back", n))
	}
	if err := os.WriteFile(filepath.Join(engine, journal.ManifestFile), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(dir, &store.Options{Durability: store.WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	if rep, err := s.Verify(soon(t)); err != nil || !rep.OK() || rep.Codes != 300 {
		t.Errorf("%+v, %v", rep, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A MANIFEST that was set aside and is damaged since, or names a table that is gone, is no
// reason to change anything.
func TestAsideDamaged(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, dir string)
	}{
		{"MANIFEST aside", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, journal.AsideDir, journal.ManifestFile), []byte("Bdgr"), 0o644); err != nil {
				t.Fatal(err)
			}
		}},
		{"MANIFEST aside is gone", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, journal.AsideDir, journal.ManifestFile)); err != nil {
				t.Fatal(err)
			}
		}},
		{"a table is gone", func(t *testing.T, dir string) {
			live, _, err := journal.LiveTables(filepath.Join(dir, journal.AsideDir))
			if err != nil || len(live) != 1 {
				t.Fatalf("%v, %v", live, err)
			}
			for name := range live {
				if err := os.Remove(filepath.Join(dir, journal.Dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := crashedWithoutTable(t)
			if err := journal.SetAside(dir); err != nil {
				t.Fatal(err)
			}
			openEngine(t, dir)
			c.damage(t, dir)
			was, aside := engineHolds(t, filepath.Join(dir, journal.Dir)), engineHolds(t, filepath.Join(dir, journal.AsideDir))
			s, err := store.Open(dir, &store.Options{Durability: store.WeakNoSync})
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("open: %v, want ErrCorrupt", err)
			}
			if got := engineHolds(t, filepath.Join(dir, journal.Dir)); !maps.Equal(got, was) {
				t.Errorf("the engine has %v, it had %v, or they differ", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(was)))
			}
			if got := engineHolds(t, filepath.Join(dir, journal.AsideDir)); !maps.Equal(got, aside) {
				t.Errorf("aside is %v, it was %v, or they differ", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(aside)))
			}
		})
	}
}
