package crash

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

// volume is an ext4 file system in a file whose power can be cut.
type volume struct {
	image, at string
	commit    int // seconds between commits of the file system's own journal
	mounted   bool
}

const volumeSize = 768 << 20 // sparse: only what is used takes room

// newVolume makes a file system and mounts it. An error says why that cannot be done here.
func newVolume(dir string, commit int) (*volume, error) {
	v := &volume{image: filepath.Join(dir, "image"), at: filepath.Join(dir, "mount"), commit: commit}
	if err := os.MkdirAll(v.at, 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(v.image)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(volumeSize); err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", v.image).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mkfs.ext4: %w: %s", err, out)
	}
	return v, v.mount()
}

func (v *volume) mount() error {
	out, err := exec.Command("mount", "-t", "ext4", "-o", fmt.Sprintf("loop,commit=%d", v.commit), v.image, v.at).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mount: %w: %s", err, strings.TrimSpace(string(out)))
	}
	v.mounted = true
	return nil
}

func (v *volume) unmount() error {
	if !v.mounted {
		return nil
	}
	if err := syscall.Unmount(v.at, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", v.at, err)
	}
	v.mounted = false
	return nil
}

// The ioctl of ext4 that ends a file system at once (fs/ext4/ioctl.c). With this flag its
// journal is not flushed: what was not synced is lost, as if the power had gone.
const (
	ext4Shutdown = 0x8004587d // _IOR('X', 125, __u32)
	noLogFlush   = 2
)

// cut ends the file system. Whoever uses it gets errors from now on.
func (v *volume) cut() error {
	f, err := os.Open(v.at)
	if err != nil {
		return err
	}
	defer f.Close()
	flag := uint32(noLogFlush)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), ext4Shutdown, uintptr(unsafe.Pointer(&flag))); errno != 0 {
		return fmt.Errorf("shut the file system down: %w", errno)
	}
	return nil
}

// restart mounts the file system again, as after a power cut.
func (v *volume) restart() error {
	if err := v.unmount(); err != nil {
		return err
	}
	return v.mount()
}
