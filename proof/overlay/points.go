package overlay

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A crash point is a comment in the source of the store:
//
//	// crash point: commit: a group is written and not synced
//
// In an ordinary build it is nothing. EnablePoints turns each into a call, as
// go.etcd.io/gofail does with its comments; that library's failpoints cannot end a process
// as SIGKILL does, without deferred calls.
var pointLine = regexp.MustCompile(`(?m)^(\s*)// crash point: (.+)$`)

// Variables of a program with points enabled.
const (
	CrashAtEnv  = "CODEPOOL_CRASH_AT"  // name of the point at which the process kills itself
	CrashNthEnv = "CODEPOOL_CRASH_NTH" // at which of its hits, from 1
	StallAtEnv  = "CODEPOOL_STALL_AT"  // name of a point at which every hit waits
	StallForEnv = "CODEPOOL_STALL_FOR" // for how long, as 5ms
)

// pointsFile is what the calls need, behind the package clause. Each package counts for
// itself: a name is in one of them only.
const pointsFile = `

import (
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	crashAt     = os.Getenv("` + CrashAtEnv + `")
	crashNth, _ = strconv.ParseInt(os.Getenv("` + CrashNthEnv + `"), 10, 64)
	stallAt     = os.Getenv("` + StallAtEnv + `")
	stallFor, _ = time.ParseDuration(os.Getenv("` + StallForEnv + `"))
	crashHits   atomic.Int64
)

func crashPoint(name string) {
	if name == stallAt {
		time.Sleep(stallFor)
	}
	if name == crashAt && crashHits.Add(1) == crashNth {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}
`

// EnablePoints turns the crash points of the store and of the packages below it into calls
// and returns their names.
func (o *Overlay) EnablePoints() ([]string, error) {
	var names []string
	err := filepath.WalkDir(filepath.Join(o.root, "store"), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := filepath.Rel(o.root, path)
		if err != nil {
			return err
		}
		here, err := o.enablePoints(filepath.ToSlash(file))
		for _, name := range here {
			if slices.Contains(names, name) {
				return fmt.Errorf("%s: crash point %q is there twice", file, name)
			}
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// enablePoints is EnablePoints for one file; its package is given what the calls need.
func (o *Overlay) enablePoints(file string) (names []string, err error) {
	text, err := o.Text(file)
	if err != nil {
		return nil, err
	}
	for _, m := range pointLine.FindAllStringSubmatch(text, -1) {
		names = append(names, m[2])
	}
	if len(names) == 0 {
		return nil, nil
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.PackageClauseOnly)
	if err != nil {
		return nil, err
	}
	o.Put(file, pointLine.ReplaceAllString(text, `${1}crashPoint("$2")`))
	o.Put(path.Join(path.Dir(file), "crashpoint.go"), "package "+f.Name.Name+pointsFile)
	return names, nil
}
