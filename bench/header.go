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
			"github.com/cockroachdb/pebble/v2", "github.com/jackc/pgx/v5", "github.com/mattn/go-sqlite3", "github.com/puzpuzpuz/xsync/v4",
			"github.com/redis/rueidis", "go.etcd.io/bbolt", "modernc.org/sqlite", "github.com/HdrHistogram/hdrhistogram-go"),
		Servers: serverVersions(o.kinds),
		Systems: describeSystems(o.kinds),
	}
}

// serverVersions asks the servers that are measured.
func serverVersions(kinds []peer.Kind) map[string]string {
	versions := make(map[string]string)
	for _, k := range kinds {
		if k.Version != nil {
			program, version := k.Version()
			versions[program] = version
		}
	}
	return versions
}

// describeSystems says how reports present the systems.
func describeSystems(kinds []peer.Kind) []report.System {
	var out []report.System
	for _, k := range kinds {
		out = append(out, report.System{Name: k.Name, Durability: k.Durability.String(), About: k.About})
	}
	return out
}
