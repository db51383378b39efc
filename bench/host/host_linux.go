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
	"time"

	"golang.org/x/sys/unix"
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

// Settle writes what the page cache of dir's file system has to write, and returns when the
// processors of this machine have had little to do for a while, or after most.
func Settle(dir string, most time.Duration) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	end := time.Now().Add(most)
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return os.NewSyscallError("syncfs", err)
	}
	const window = 20 * time.Millisecond // the counters are in hundredths of a second
	for time.Now().Before(end) {
		before, err := busyTicks()
		if err != nil {
			return err
		}
		time.Sleep(window)
		after, err := busyTicks()
		if err != nil {
			return err
		}
		if after-before <= 1 {
			return nil
		}
	}
	return nil
}

// busyTicks returns what /proc/stat says all processors have worked, in hundredths of a
// second.
func busyTicks() (ticks int64, err error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	fields := strings.Fields(line)
	if len(fields) < 8 || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat: no line of all processors: %w", ErrUnsupported)
	}
	for i, f := range fields[1:8] { // user nice system idle iowait irq softirq
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if i != 3 && i != 4 {
			ticks += n
		}
	}
	return ticks, nil
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
