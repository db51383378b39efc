package badinput

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeFiles puts the files that the cases name beside the store.
func (w *world) writeFiles(t *testing.T) {
	t.Helper()
	for name, text := range map[string]string{
		"codes.txt":            "NEW1\nNEW2\n",
		"full/photo.jpg":       "x",
		"future/CODEPOOL":      "codepool store, format 99\n",
		"foreign/CODEPOOL":     "something else",
		"unfinished/RESTORING": "a restore is at work\n",
		"half/CODEPOOL":        "codepool store, format 1\n",
		"good.backup":          string(w.backup),
		"cut.backup":           string(w.backup[:len(w.backup)/2]),
		"long.backup":          string(w.backup) + "\n",
		"flipped.backup":       strings.Replace(string(w.backup), "launch", "lounge", 1),
		"future.backup":        strings.Replace(string(w.backup), "format 1", "format 2", 1),
		"junk":                 "this is no backup\n",
		"nothing":              "",
		"taken.csv":            "somebody's\n",
	} {
		w.write(t, name, text)
	}
	for name, text := range configFiles {
		w.write(t, name, text)
	}
	for _, dir := range []string{"bare", "folder"} {
		if err := os.Mkdir(filepath.Join(w.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// commands are all that open a store that must be there, each with good arguments.
var commands = []struct{ name, line string }{
	{"issue", "issue launch 1 --ref late"},
	{"redeem", "redeem $ISSUED"},
	{"redeem a stream", "redeem --file codes.txt"},
	{"check", "check $ISSUED"},
	{"show", "show $ISSUED"},
	{"export", "export launch 1 --account late --id late"},
	{"export into a file", "export launch 1 --account late --id late --out new.csv"},
	{"codes", "codes launch"},
	{"ledger", "ledger"},
	{"batches", "batches"},
	{"batches of one", "batches launch"},
	{"stats", "stats"},
	{"verify", "verify"},
	{"backup", "backup new.backup"},
	{"backup into a pipe", "backup -"},
}

// noStoreCases run every command where there is no store.
var noStoreCases = func() (cases []cliCase) {
	for _, c := range commands {
		cases = append(cases, bad(c.name, c.line+" --data nowhere", failure, "no_store", "no store there: directory nowhere does not exist"))
	}
	return append(cases,
		bad("the demo's child", "demo-child --data nowhere", failure, "no_store", "nowhere does not exist").reading("0\n"),
		bad("a directory that is empty", "stats --data bare", failure, "no_store", "directory bare is empty"),
		bad("a directory that is a file", "stats --data codes.txt", failure, "no_store", "codes.txt is a file, not a directory"),
		bad("read a store below a file", "stats --data codes.txt/store", failure, "no_store", "codes.txt"),
		bad("a directory two levels away", "redeem $ISSUED --data no/where", failure, "no_store", "directory no/where does not exist"),
		misuse("a directory without a name", "stats --data ''", "--data is empty"),
		bad("a file of the store in its place", "stats --data codepool-data/CODEPOOL", failure, "no_store", "is a file, not a directory"),
		bad("a name with a blank behind it", "stats --data 'codepool-data '", failure, "no_store", "does not exist"),
		bad("a name that is not UTF-8", "stats --data \xff", failure, "no_store", "does not exist"),
	)
}()

// lockedCases run every command on a store that somebody has open.
var lockedCases = func() (cases []cliCase) {
	for _, c := range commands {
		cases = append(cases, bad(c.name, c.line, locked, "locked", "store codepool-data is locked by process"))
	}
	return append(cases,
		bad("mint", "mint --name new --count 5", locked, "locked", "is locked by process"),
		bad("import", "import codes.txt --name new", locked, "locked", "is locked by process"),
		bad("restore over it", "restore good.backup --force", locked, "locked", "restore: store codepool-data is locked by process"),
		bad("restore over it from a pipe", "restore - --force", locked, "locked", "is locked by process").reading("x"),
		bad("the demo's child", "demo-child", locked, "locked", "is locked by process").reading("0\n"),
	)
}()

// directoryCLICases name directories that hold something else than a store.
var directoryCLICases = []cliCase{
	bad("read somebody's files", "batches --data full", failure, "unknown_format", `full is not empty and holds no store (found "photo.jpg")`),
	bad("mint into somebody's files", "mint --name new --count 5 --data full", failure, "unknown_format", "holds no store"),
	bad("import into somebody's files", "import codes.txt --name new --data full", failure, "unknown_format", "holds no store"),
	bad("redeem in the directory above", "redeem $ISSUED --data .", failure, "unknown_format", ". is not empty and holds no store"),
	bad("read the engine's directory", "stats --data codepool-data/journal", failure, "unknown_format", "holds no store"),
	bad("read another format", "batches --data future", failure, "unknown_format", `"codepool store, format 99", this program reads "codepool store, format 1"`),
	bad("mint into another format", "mint --name new --count 5 --data future", failure, "unknown_format", "format 99"),
	bad("redeem a stream in another format", "redeem - --data future", failure, "unknown_format", "format 99").reading("A\n"),
	bad("verify another program's directory", "verify --data foreign", failure, "unknown_format", `CODEPOOL says "something else"`),
	bad("read a restore that did not finish", "stats --data unfinished", failure, "unknown_format", "empty the directory and restore again").advising("codepool restore BACKUP --data unfinished, when"),
	bad("mint into a restore that did not finish", "mint --name new --count 5 --data unfinished", failure, "unknown_format", "did not finish"),
	bad("read half a store", "stats --data half", failure, "corrupt", "HIGHWATER is missing or empty: the directory was copied in part"),
	bad("back up half a store", "backup new.backup --data half", failure, "corrupt", "HIGHWATER is missing"),
	bad("mint into half a store", "mint --name new --count 5 --data half", failure, "corrupt", "HIGHWATER is missing"),
	bad("mint into a file", "mint --name new --count 5 --data codes.txt", wrongUse, "invalid", "data directory codes.txt is a file"),
	bad("import into a file", "import codes.txt --name new --data codes.txt", wrongUse, "invalid", "data directory codes.txt is a file"),
	bad("mint into a store below a file", "mint --name new --count 5 --data codes.txt/store", wrongUse, "invalid", "codes.txt"),
	bad("mint into a store without a name", "mint --name new --count 5 --data ''", wrongUse, "usage", "--data"),
	bad("import a mistake into a new store", "import junk --name new --format digits:4 --data new", failure, "bad_line", "line 1"),
	bad("restore into a file", "restore good.backup --data codes.txt", wrongUse, "invalid", "data directory codes.txt is a file"),
	bad("restore into somebody's files", "restore good.backup --data full", failure, "not_empty", "restore into full: directory is not empty"),
	bad("restore into a restore that did not finish", "restore good.backup --data unfinished", failure, "not_empty", "empty the directory and restore again"),
	misuse("restore into another format without force", "restore good.backup --data future", "future holds a store. Replace it by the backup? Nobody is here to say yes: add --force if you mean it"),
	misuse("restore over the store without force", "restore good.backup", "codepool-data holds a store … add --force if you mean it"),
	misuse("restore over the store from a pipe without force", "restore -", "with the backup on standard input nobody can be asked: add --force").reading("x"),
	bad("restore what is not there", "restore nofile --data new", failure, "no_file", "restore: open nofile: no such file").advising("the same with a file"),
	bad("restore a folder", "restore folder --data new", failure, "failure", "folder: is a directory"),
	bad("restore a text", "restore junk --data new", failure, "unknown_format", "restore into new: unknown data format: the stream is not a codepool backup"),
	bad("restore nothing", "restore nothing --data new", failure, "unknown_format", "not a codepool backup"),
	bad("restore nothing from a pipe", "restore - --data new", failure, "unknown_format", "not a codepool backup"),
	bad("restore half a backup", "restore cut.backup --data new", failure, "corrupt", "data is corrupt: backup: the stream is cut off"),
	bad("restore half a backup from a pipe", "restore - --data new", failure, "corrupt", "cut off").reading("codepool backup, format 1\nD"),
	bad("restore a backup and a line end", "restore long.backup --data new", failure, "corrupt", "something follows its end"),
	bad("restore a backup with another name in it", "restore flipped.backup --data new", failure, "corrupt", "fails its checksum"),
	bad("restore a backup of another format", "restore future.backup --data new", failure, "unknown_format", "format 2"),
	bad("restore the store's own format file", "restore codepool-data/CODEPOOL --data new", failure, "unknown_format", "not a codepool backup"),
	bad("restore a text over the store", "restore junk --force", failure, "unknown_format", "restore into codepool-data: … not a codepool backup"),
	bad("restore half a backup over the store", "restore cut.backup --force", failure, "corrupt", "cut off"),
	bad("restore into an empty directory what is no backup", "restore junk --data bare", failure, "unknown_format", "not a codepool backup"),
}
