package media

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// volume is a small file system.
type volume struct {
	dir   string // where it is mounted
	image string // the file that holds it; empty for tmpfs
	spare *filler
	guard *exec.Cmd
	held  io.Closer // what keeps guard from its work
}

// mountVolume makes and mounts a file system; the test's end unmounts it.
func mountVolume(t *testing.T, kind string, size int64) *volume {
	t.Helper()
	v, err := newVolume(t.TempDir(), kind, size+spareRoom)
	if err != nil {
		t.Fatalf("make a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := v.unmount(); err != nil {
			t.Error(err)
		}
	})
	if err := v.spare.grow(spareRoom); err != nil {
		t.Fatal(err)
	}
	return v
}

// newVolume makes and mounts a file system below base.
func newVolume(base, kind string, size int64) (*volume, error) {
	v := &volume{dir: filepath.Join(base, "mnt")}
	v.spare = v.filler("spare")
	if err := os.Mkdir(v.dir, 0o755); err != nil {
		return nil, err
	}
	// A process of its own unmounts it if this one ends without doing so.
	v.guard = exec.Command("sh", "-c", `cat >/dev/null; umount -l "$0" 2>/dev/null`, v.dir)
	v.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what ends our group does not end it
	var err error
	if v.held, err = v.guard.StdinPipe(); err == nil {
		err = v.guard.Start()
	}
	if err != nil {
		return nil, err
	}
	if kind == "tmpfs" {
		err = syscall.Mount("tmpfs", v.dir, "tmpfs", 0, fmt.Sprint("size=", size))
	} else {
		v.image = filepath.Join(base, "image")
		if err = os.WriteFile(v.image, nil, 0o600); err == nil {
			err = os.Truncate(v.image, size)
		}
		if err == nil {
			err = run("mkfs.ext4", "-q", "-F", "-m", "0", v.image)
		}
		if err == nil {
			err = run("mount", "-o", "loop", v.image, v.dir)
		}
	}
	if err != nil {
		_ = v.held.Close()
		_ = v.guard.Wait()
		return nil, err
	}
	return v, nil
}

// unmount unmounts it, which frees its loop device too.
func (v *volume) unmount() error {
	err := syscall.Unmount(v.dir, 0)
	if err != nil {
		err = fmt.Errorf("unmount %s: %w", v.dir, err)
	}
	_ = v.held.Close()
	_ = v.guard.Wait() // it does what is left to do
	if v.image == "" {
		return err
	}
	left, lerr := exec.Command("losetup", "-j", v.image).Output()
	if lerr != nil || len(left) > 0 {
		err = errors.Join(err, lerr, fmt.Errorf("the loop device is not free: %s", left))
		if dev, _, ok := strings.Cut(string(left), ":"); ok {
			_ = run("losetup", "-d", dev)
		}
	}
	return err
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// free returns the bytes that may still be written.
func (v *volume) free() int64 {
	var st syscall.Statfs_t
	if err := syscall.Statfs(v.dir, &st); err != nil {
		return -1
	}
	return int64(st.Bavail) * int64(st.Bsize)
}

// spareRoom is held back from the start, so that a store that has filled the file system
// by itself can be given room.
const spareRoom = 96 << 20

// enlarge gives room from the spare until n bytes are free.
func (v *volume) enlarge(n int64) error {
	for v.free() < n {
		if v.spare.size == 0 {
			return fmt.Errorf("%d bytes free, want %d, and no room is held back any more", v.free(), n)
		}
		if err := v.spare.shrink(n - v.free()); err != nil {
			return err
		}
	}
	return nil
}

// filler is a file that takes room away and gives it back.
type filler struct {
	path string
	size int64
}

func (v *volume) filler(name string) *filler { return &filler{path: filepath.Join(v.dir, name)} }

// grow takes n bytes more, or as many as there is room for, which is no error.
func (f *filler) grow(n int64) error {
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE, 0o644)
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	} else if err != nil {
		return err
	}
	for step := n; n > 0 && step >= 1024 && err == nil; step = min(step, n) {
		err = syscall.Fallocate(int(file.Fd()), 0, f.size, step)
		switch {
		case err == nil:
			f.size += step
			n -= step
		case errors.Is(err, syscall.ENOSPC):
			step, err = step/2, nil
		}
	}
	return errors.Join(err, file.Close())
}

// growToEnd takes every byte that is left.
func (f *filler) growToEnd() error {
	if err := f.grow(1 << 40); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE, 0o644)
	for err == nil {
		if _, err = file.WriteAt([]byte{1}, f.size); err == nil {
			// A file system may promise room for what is not written yet and then not have it.
			f.size, err = f.size+1, file.Sync()
		}
	}
	if file != nil {
		err = errors.Join(err, file.Close())
	}
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	}
	return err
}

// growUntil leaves n bytes free.
func (f *filler) growUntil(v *volume, n int64) error {
	if more := v.free() - n; more > 0 {
		return f.grow(more)
	}
	return nil
}

// shrink gives n bytes back, or all.
func (f *filler) shrink(n int64) error {
	if f.size = max(f.size-n, 0); f.size == 0 {
		err := os.Remove(f.path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	return os.Truncate(f.path, f.size)
}
