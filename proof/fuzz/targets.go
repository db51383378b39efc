package fuzz

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Target is a fuzz target of the source.
type Target struct {
	Package string // folder, relative to the root
	Name    string
	uses    map[string]bool // identifiers in its body
}

// Find returns all fuzz targets below root that this system builds, by package and name.
func Find(root string) (targets []Target, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && path != root && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		if match, err := build.Default.MatchFile(filepath.Split(path)); err != nil || !match {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && isTarget(f) {
				targets = append(targets, Target{filepath.ToSlash(folder), f.Name.Name, identifiers(f.Body)})
			}
		}
		return nil
	})
	slices.SortFunc(targets, func(a, b Target) int {
		return strings.Compare(a.Package+" "+a.Name, b.Package+" "+b.Name)
	})
	return targets, err
}

// isTarget reports whether f is func FuzzX(*testing.F).
func isTarget(f *ast.FuncDecl) bool {
	if f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") || f.Type.Params.NumFields() != 1 {
		return false
	}
	star, ok := f.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	sel, ok := star.X.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "F"
}

func identifiers(body *ast.BlockStmt) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			names[id.Name] = true
		}
		return true
	})
	return names
}

// area is a reader of bytes from outside, and a target that tests it by calling calls.
type area struct {
	name, pkg, target, calls string
	whole                    bool // it runs its whole time in CI, too
}

// areas must all have their target.
var areas = []area{
	{"canonical form", "gen", "FuzzCanonical", "canonical", true},
	{"signed codes", "gen", "FuzzSignedOpen", "open", false},
	{"import parser", "store", "FuzzImportLines", "lineReader", true},
	{"import into a store", "store", "FuzzImport", "Import", false},
	{"ledger entries: any bytes", "store", "FuzzEntry", "decodeEntry", true},
	{"ledger entries: written and read back", "store", "FuzzRecords", "writeRecords", false},
	{"run headers", "store", "FuzzRunHeader", "decodeRunHeader", false},
	{"code pages", "store", "FuzzCodePages", "readPages", true},
	{"state pages", "store", "FuzzStatePages", "readStates", true},
	{"checkpoint record", "store", "FuzzCheckpointRecord", "checkpointRecord", false},
	{"index postings", "store", "FuzzPostings", "decodePostings", false},
	{"index manifest, directory and filter", "store", "FuzzIndex", "load", false},
	{"high-water file", "store", "FuzzHighWater", "highWaterAt", false},
	{"recovery from any pairs", "store", "FuzzRecover", "recovered", false},
	{"backup reader: any bytes", "store", "FuzzRestore", "restore", true},
	{"backup reader: right checksums", "store", "FuzzRestoreForged", "restore", true},
	{"redemption stream", "cmd/codepool", "FuzzRedeemStream", "newLineParser", true},
}
