package journal

import (
	"errors"
	"os"
	"syscall"
)

// allocate gives a file its blocks.
func allocate(f *os.File, size int64) error {
	for {
		err := syscall.Fallocate(int(f.Fd()), 0, 0, size)
		if errors.Is(err, syscall.EOPNOTSUPP) {
			return errors.ErrUnsupported
		}
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("fallocate", err)
		}
	}
}
