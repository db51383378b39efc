package codepool_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestDependencies holds the module to three libraries: whoever links the store
// gets those and nothing else.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Module  struct{ Path string }
		Require []struct {
			Path     string
			Indirect bool
		}
		Replace []struct{ New struct{ Path string } }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, r := range mod.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	slices.Sort(direct)
	want := []string{"github.com/bits-and-blooms/bloom/v3", "github.com/cespare/xxhash/v2", "github.com/dgraph-io/badger/v4"}
	if !slices.Equal(direct, want) || mod.Module.Path != "codepool" || len(mod.Replace) != 0 {
		t.Errorf("module %s requires %v, want codepool and %v without a replacement", mod.Module.Path, direct, want)
	}
}

// TestImports holds every package to its place: who may import what.
func TestImports(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		if d.IsDir() {
			switch { // modules of their own
			case path == "cmd/codepool" || path == "bench" || path == "proof" || d.Name() == "testdata" || path != "." && strings.HasPrefix(d.Name(), "."):
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		test := strings.HasSuffix(path, "_test.go")
		for _, imp := range f.Imports {
			name, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			if why := misplaced(path, name, test); why != "" {
				t.Errorf("%s imports %s: %s", path, name, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}

// misplaced says why a file may not import a package, or nothing.
func misplaced(file, name string, test bool) string {
	pkg, _, _ := strings.Cut(file, "/")
	own := strings.HasPrefix(name, "codepool/")
	std := !own && !strings.Contains(strings.SplitN(name, "/", 2)[0], ".")
	switch {
	case name == "codepool/bench" || strings.HasPrefix(name, "codepool/bench/") || strings.HasPrefix(name, "codepool/cmd") || strings.HasPrefix(name, "codepool/proof"):
		return "nothing imports the modules above the store"
	case pkg == "gen" && name == "codepool/shard" || pkg == "shard" && name == "codepool/gen":
		return "gen and shard do not know each other"
	case test:
		return ""
	case pkg == "gen" && !std:
		return "gen is made of the standard library"
	case pkg == "shard" && own:
		return "shard knows no other package"
	case path.Dir(file) == "store/internal/journal" && own:
		return "the journal knows no other package"
	case strings.HasPrefix(name, "github.com/dgraph-io/") && path.Dir(file) != "store/internal/journal":
		return "only store/internal/journal knows the engine"
	case strings.HasPrefix(name, "github.com/bits-and-blooms/") && file != "store/gate.go":
		return "only store/gate.go knows the filter library"
	case !std && !own && !strings.HasPrefix(name, "github.com/cespare/xxhash/") && !strings.HasPrefix(name, "github.com/dgraph-io/badger/") && !strings.HasPrefix(name, "github.com/bits-and-blooms/bloom/"):
		return "the module has three dependencies"
	}
	return ""
}
