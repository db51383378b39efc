// Package host tells the facts of the machine that a figure depends on, and the few
// things about a process and a disk that Go's library does not: memory in use, blocks
// allocated, the file system of a directory, a sync of data alone, a wait until all is quiet.
//
// What a platform cannot tell is an empty string or an ErrUnsupported, never a guess.
package host

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// ErrUnsupported is returned when the platform does not tell.
var ErrUnsupported = errors.New("not available on this platform")

// Memory is what the kernel counts for this process, in bytes.
type Memory struct {
	RSS  int64 `json:"rss"`  // resident now
	Peak int64 `json:"peak"` // the most that was resident
	Anon int64 `json:"anon"` // resident, without mapped files
}

// FileSystem is where a directory lives.
type FileSystem struct {
	Type     string // "ext4"; empty if unknown
	Volatile bool   // kept in memory: a sync proves nothing
}

// DiskUse returns the bytes allocated to all files under root: blocks, not lengths,
// where the platform tells them. Files that vanish meanwhile are passed over.
func DiskUse(root string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err == nil {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil && info.Mode().IsRegular() {
				sum += allocated(info)
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return sum, err
}

// Sync makes what was written to f durable, without its times where the platform
// allows it.
func Sync(f *os.File) error { return datasync(f) }

// SyncName is the name of what Sync does.
const SyncName = syncName

// Commit returns the version of the source: stamped by the build, else asked of git
// in the current directory, else "".
func Commit() string {
	var rev, dirty string
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				rev = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = "-dirty"
			}
		}
	}
	if rev == "" {
		out, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*").Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	return rev[:min(12, len(rev))] + dirty
}

// Modules returns the version of each of the named modules that is linked in.
func Modules(paths ...string) map[string]string {
	versions := make(map[string]string)
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return versions
	}
	for _, dep := range info.Deps {
		for _, p := range paths {
			if dep.Path == p {
				versions[p] = dep.Version
			}
		}
	}
	return versions
}

// CPU returns the processor's model, or the architecture.
func CPU() string {
	if model := cpuModel(); model != "" {
		return model
	}
	return runtime.GOARCH
}
