package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// engineHolds reads MANIFEST, tables and logs.
func engineHolds(t *testing.T, dir string) map[string]string {
	t.Helper()
	logs, tables, err := engineFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{manifestFile: ""}
	maps.Copy(all, mapTo(logs))
	maps.Copy(all, mapTo(tables))
	for name := range all {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
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
		s, err := Open(dir, &Options{Durability: WeakNoSync})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Mint(soon(t), Batch{Name: fmt.Sprint(i), Count: 100}); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			was = engineHolds(t, filepath.Join(dir, engineDir))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	manifest = was[manifestFile]
	was[manifestFile] = manifest[:len(manifest)-3]
	writeEngine(t, filepath.Join(dir, engineDir), was)
	if len(was) != 4 {
		t.Fatalf("%v", slices.Sorted(maps.Keys(was)))
	}
	return dir, manifest
}

// openEngine has the engine do to its files what it does when it opens.
func openEngine(t *testing.T, dir string) {
	t.Helper()
	o := (&Options{Durability: WeakNoSync}).withDefaults()
	eng, err := openBadger(filepath.Join(dir, engineDir), &o)
	if err != nil {
		t.Fatal(err)
	}
	if err := eng.close(); err != nil {
		t.Fatal(err)
	}
}

// An opening that is ended anywhere, while it sets aside, while the engine is at work or
// while it puts back, is undone by the next one.
func TestOpeningEndedAnywhere(t *testing.T) {
	dir, manifest := crashedWithoutTable(t)
	engine := filepath.Join(dir, engineDir)
	was := engineHolds(t, engine)
	refuse := func(what string) {
		t.Helper()
		if s, err := Open(dir, &Options{Durability: WeakNoSync}); !errors.Is(err, ErrCorrupt) {
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
	if err := os.Mkdir(filepath.Join(dir, asideNew), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, asideNew, manifestFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	refuse("ended while it set aside")

	for n := range len(was) + 1 {
		if err := setAside(dir); err != nil {
			t.Fatal(err)
		}
		openEngine(t, dir)
		if got := engineHolds(t, engine); maps.Equal(got, was) {
			t.Fatal("the engine changes nothing: this test is of no use")
		}
		for _, name := range slices.Sorted(maps.Keys(was))[:n] {
			aside := filepath.Join(dir, asideDir, name)
			if _, err := os.Stat(aside); err != nil {
				continue // a table that the MANIFEST names
			}
			if err := replaceFile(aside, filepath.Join(engine, name)); err != nil {
				t.Fatal(err)
			}
		}
		refuse(fmt.Sprintf("ended when %d files were back", n))
	}
	if err := os.WriteFile(filepath.Join(engine, manifestFile), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, &Options{Durability: WeakNoSync})
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

// When a merge has removed tables meanwhile, the MANIFEST that was set aside is of no use.
// What is aside and nowhere else is kept; the engine's files are left to the engine.
func TestAsideIsKeptAfterMerge(t *testing.T) {
	dir, _ := crashedWithoutTable(t)
	engine := filepath.Join(dir, engineDir)
	was := engineHolds(t, engine)
	if err := setAside(dir); err != nil {
		t.Fatal(err)
	}
	openEngine(t, dir)
	live, _, err := liveTables(filepath.Join(dir, asideDir))
	if err != nil || len(live) != 1 {
		t.Fatalf("%v, %v", live, err)
	}
	for name := range live {
		if err := os.Remove(filepath.Join(engine, name)); err != nil {
			t.Fatal(err)
		}
	}
	now := engineHolds(t, engine)
	if err := putBack(dir); err != nil {
		t.Fatal(err)
	}
	kept := engineHolds(t, filepath.Join(dir, keptDir+"1"))
	for name, b := range was {
		switch got := engineHolds(t, engine); {
		case filepath.Ext(name) == logSuffix:
			if got[name] != b {
				t.Errorf("%s is not back", name)
			}
		case got[name] != now[name]:
			t.Errorf("%s is another", name)
		case !live[name] && kept[name] != b:
			t.Errorf("%s is not kept", name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, asideDir)); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", asideDir, err)
	}
}
