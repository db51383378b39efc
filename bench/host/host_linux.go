package host

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const syncName = "fdatasync"

func datasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

// Kernel returns the kernel's release.
func Kernel() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return "linux " + strings.TrimSpace(string(b))
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// MemoryUse reads /proc/self/status.
func MemoryUse() (Memory, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return Memory{}, err
	}
	var m Memory
	fields := map[string]*int64{"VmRSS": &m.RSS, "VmHWM": &m.Peak, "RssAnon": &m.Anon}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		p := fields[name]
		if p == nil {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return Memory{}, fmt.Errorf("/proc/self/status: %s: %w", name, err)
		}
		*p = kib << 10
	}
	if m.RSS == 0 {
		return Memory{}, fmt.Errorf("/proc/self/status: no VmRSS: %w", ErrUnsupported)
	}
	return m, nil
}

// FileSystemOf returns the file system that holds dir, from the mount table.
func FileSystemOf(dir string) FileSystem {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return FileSystem{}
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return FileSystem{}
	}
	var best, kind string
	for lines := bufio.NewScanner(bytes.NewReader(mounts)); lines.Scan(); {
		// 36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/root rw
		left, right, ok := strings.Cut(lines.Text(), " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if !ok || len(l) < 5 || len(r) < 1 {
			continue
		}
		point := unescapeMount(l[4])
		if within(dir, point) && len(point) >= len(best) {
			best, kind = point, r[0] // the last of several mounts on one point wins
		}
	}
	return FileSystem{Type: kind, Volatile: kind == "tmpfs" || kind == "ramfs" || kind == "rootfs"}
}

// within reports whether dir is point or lies under it.
func within(dir, point string) bool {
	return point == "/" || dir == point || strings.HasPrefix(dir, point+"/")
}

// unescapeMount undoes the kernel's octal escapes for blanks and backslashes.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
