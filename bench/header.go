package main

import (
	"runtime"
	"time"

	"codepool/bench/host"
	"codepool/bench/peer"
	"codepool/bench/report"
)

// describeHost says where and of what the figures are.
func describeHost(dir string, o *options) report.Header {
	fs := host.FileSystemOf(dir)
	return report.Header{
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
		Systems: describeSystems(o.kinds),
	}
}

// describeSystems says how reports present the systems.
func describeSystems(kinds []peer.Kind) []report.System {
	var out []report.System
	for _, k := range kinds {
		out = append(out, report.System{Name: k.Name, Durability: k.Durability.String(), About: k.About})
	}
	return out
}
