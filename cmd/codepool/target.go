package main

import (
	"io/fs"
	"os"
	"path/filepath"
)

// outside refuses a file to write that lies in the store's directory: the store would not
// survive it.
func (a *app) outside(path string) error {
	dir, err := os.Stat(a.data)
	if err != nil || path == "-" {
		return nil // where no store is, none can be hurt
	}
	ways := []string{path}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		ways = append(ways, real)
	}
	for _, way := range ways {
		if abs, err := filepath.Abs(way); err == nil && within(filepath.Dir(abs), dir) {
			return usage("%s lies in %s, which is the store's: name a file outside of it", path, a.data)
		}
	}
	return nil
}

// within reports whether an absolute path is a directory or lies below it, by whatever
// names. Of a path that does not exist counts what does.
func within(path string, dir fs.FileInfo) bool {
	for {
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			path = real
			break
		}
		if filepath.Dir(path) == path {
			return false
		}
		path = filepath.Dir(path)
	}
	for {
		if info, err := os.Stat(path); err == nil && os.SameFile(info, dir) {
			return true
		}
		if filepath.Dir(path) == path {
			return false
		}
		path = filepath.Dir(path)
	}
}
