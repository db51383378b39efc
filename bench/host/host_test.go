package host

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func TestDiskUseCountsEveryFile(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(dir, "x"), filepath.Join(sub, "y")} {
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(make([]byte, 64<<10)); err != nil {
			t.Fatal(err)
		}
		if err := Sync(f); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := DiskUse(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got < 128<<10 && FileSystemOf(dir).Type != "btrfs" && FileSystemOf(dir).Type != "zfs" {
		t.Errorf("DiskUse = %d, want at least %d", got, 128<<10)
	}
}

func TestMemoryUse(t *testing.T) {
	m, err := MemoryUse()
	if runtime.GOOS != "linux" {
		if err != ErrUnsupported {
			t.Fatalf("err = %v, want ErrUnsupported", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if m.RSS < 1<<20 || m.Peak < m.RSS || m.Anon > m.RSS {
		t.Errorf("implausible: %+v", m)
	}
}

func TestSettle(t *testing.T) {
	if err := Settle(t.TempDir(), time.Second); err != nil {
		t.Error(err)
	}
	if err := Settle(filepath.Join(t.TempDir(), "none"), time.Second); err == nil && runtime.GOOS == "linux" {
		t.Error("a directory that does not exist has settled")
	}
}

func TestFileSystemOf(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	if fs := FileSystemOf("/proc"); fs.Type != "proc" {
		t.Errorf("/proc is on %q", fs.Type)
	}
	if fs := FileSystemOf("."); fs.Type == "" {
		t.Error("the file system of the current directory is unknown")
	}
}
