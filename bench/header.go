package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"codepool/bench/host"
)

// header says where and of what the figures are.
type header struct {
	Job        string            `json:"job"` // always "header"
	Date       time.Time         `json:"date"`
	Commit     string            `json:"commit,omitempty"`
	Go         string            `json:"go"`
	OS         string            `json:"os"`
	Arch       string            `json:"arch"`
	CPU        string            `json:"cpu"`
	Cores      int               `json:"cores"` // that Go uses
	Kernel     string            `json:"kernel,omitempty"`
	FileSystem string            `json:"file_system,omitempty"`
	Volatile   bool              `json:"volatile,omitempty"` // the file system is in memory: nothing was durable
	Rounds     int               `json:"rounds"`
	Budget     float64           `json:"budget_seconds"`
	Modules    map[string]string `json:"modules,omitempty"`
}

func describeHost(dir string, o *options) header {
	fs := host.FileSystemOf(dir)
	return header{
		Job:        "header",
		Date:       time.Now().UTC().Truncate(time.Second),
		Commit:     host.Commit(),
		Go:         runtime.Version(),
		OS:         runtime.GOOS,
		Arch:       runtime.GOARCH,
		CPU:        host.CPU(),
		Cores:      runtime.GOMAXPROCS(0),
		Kernel:     host.Kernel(),
		FileSystem: fs.Type,
		Volatile:   fs.Volatile,
		Rounds:     o.rounds,
		Budget:     o.budget.Seconds(),
		Modules: host.Modules("github.com/dgraph-io/badger/v4", "github.com/bits-and-blooms/bloom/v3",
			"github.com/HdrHistogram/hdrhistogram-go"),
	}
}

// String is the header for people, on two lines.
func (h header) String() string {
	fs := h.FileSystem
	if h.Volatile {
		fs += " (in memory: nothing here is durable)"
	}
	var parts []string
	for _, s := range []string{fmt.Sprintf("%d × %s", h.Cores, h.CPU), h.Kernel, fs} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return fmt.Sprintf("%s  commit %s  %s %s/%s\n%s", h.Date.Format(time.RFC3339), orUnknown(h.Commit),
		h.Go, h.OS, h.Arch, strings.Join(parts, ", "))
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
