package overlay

import (
	"fmt"
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

const pointsFile = `package store

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

// EnablePoints turns the crash points of the store into calls and returns their names.
func (o *Overlay) EnablePoints() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(o.root, "store", "*.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, path := range files {
		file := "store/" + filepath.Base(path)
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := o.Text(file)
		if err != nil {
			return nil, err
		}
		here := pointLine.FindAllStringSubmatch(text, -1)
		for _, m := range here {
			if slices.Contains(names, m[2]) {
				return nil, fmt.Errorf("%s: crash point %q is there twice", file, m[2])
			}
			names = append(names, m[2])
		}
		if len(here) > 0 {
			o.Put(file, pointLine.ReplaceAllString(text, `${1}crashPoint("$2")`))
		}
	}
	o.Put("store/crashpoint.go", pointsFile)
	return names, nil
}
