package main

import (
	"context"
	"io"
	"runtime"
	"runtime/debug"

	"codepool/store"

	"github.com/spf13/cobra"
)

// buildInfo is what the program knows about itself.
type buildInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a tree with changes
	Time     string `json:"time,omitempty"`     // of the revision
	Format   int    `json:"data_format"`
	Badger   string `json:"badger,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "version",
		Short:             "Tell what this program was built from",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return a.does(cmd, func(context.Context, []string) error {
		v := readBuildInfo()
		return a.show(v, func(w io.Writer) {
			f := newFacts()
			f.add("codepool", "%s", v.Version)
			f.add("revision", "%s", v.Revision)
			f.add("of", "%s", v.Time)
			f.add("data format", "%d", v.Format)
			f.add("badger", "%s", v.Badger)
			f.add("go", "%s, %s", v.Go, v.Platform)
			f.write(w)
		})
	})
}

func readBuildInfo() buildInfo {
	v := buildInfo{
		Version: "(unknown)", Format: store.FormatVersion,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = b.Main.Version
	for _, s := range b.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	if v.Modified {
		v.Revision += " with changes"
	}
	for _, m := range b.Deps {
		if m.Path == "github.com/dgraph-io/badger/v4" {
			v.Badger = m.Version
		}
	}
	return v
}
