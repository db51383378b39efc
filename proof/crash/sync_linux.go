package crash

import (
	"os"
	"syscall"
)

// datasync makes what was written to the file durable.
func datasync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
