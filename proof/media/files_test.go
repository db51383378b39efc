package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// blob is a file: what it holds up to its last byte that is not zero, and its length.
// The engine's logs are mostly holes.
type blob struct {
	Used []byte
	Size int64
}

// tree is a data directory: its files by their names, relative to it.
type tree map[string]blob

// readTree reads a directory.
func readTree(dir string) (tree, error) {
	t := tree{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		t[filepath.ToSlash(name)] = blobOf(b)
		return err
	})
	return t, err
}

func blobOf(b []byte) blob {
	used := len(b)
	for used > 0 && b[used-1] == 0 {
		used--
	}
	return blob{slices.Clone(b[:used]), int64(len(b))}
}

// readLive reads the directory of a store that is open, as a crash would leave it: what
// the operating system holds of the files. It reads again if files came or went. The
// high-water mark comes first in the order of names, so it is never ahead of the logs.
func readLive(dir string) (tree, error) {
	for range 1000 {
		t, err := readTree(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		again, err2 := namesOf(dir)
		if err == nil && err2 == nil && slices.Equal(again, t.names()) {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%s is never quiet", dir)
}

func namesOf(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	slices.Sort(names)
	return names, err
}

func (t tree) names() (names []string) {
	for name := range t {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// write makes the directory.
func (t tree) write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "journal"), 0o755); err != nil {
		return err
	}
	for name, b := range t {
		if err := b.write(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return nil
}

func (b blob) write(path string) error {
	if err := os.WriteFile(path, b.Used, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, b.Size)
}

// Kinds of files in a data directory.
const (
	kindTable     = "table"
	kindLog       = "log"
	kindValueLog  = "value log"
	kindManifest  = "engine's manifest"
	kindKeys      = "key registry"
	kindDiscard   = "discard statistics"
	kindHighWater = "high-water mark"
	kindFormat    = "format file"
	kindLock      = "lock file"
	kindBallast   = "ballast"
)

var fileKinds = []string{kindTable, kindLog, kindValueLog, kindManifest, kindKeys, kindDiscard, kindHighWater, kindFormat, kindLock, kindBallast}

// kindOf tells what kind of file a name stands for.
func kindOf(name string) string {
	switch base := name[strings.LastIndexByte(name, '/')+1:]; {
	case strings.HasSuffix(base, ".sst"):
		return kindTable
	case strings.HasSuffix(base, ".mem"):
		return kindLog
	case strings.HasSuffix(base, ".vlog"):
		return kindValueLog
	default:
		return map[string]string{
			"MANIFEST": kindManifest, "KEYREGISTRY": kindKeys, "DISCARD": kindDiscard,
			"HIGHWATER": kindHighWater, "CODEPOOL": kindFormat, "LOCK": kindLock, "BALLAST": kindBallast,
		}[base]
	}
}

// ofKind returns the names of the files of a kind, in order.
func (t tree) ofKind(kind string) (names []string) {
	for _, name := range t.names() {
		if kindOf(name) == kind {
			names = append(names, name)
		}
	}
	return names
}
