//go:build unix

package host

import (
	"io/fs"
	"syscall"
)

// allocated counts blocks of 512 bytes, the unit of st_blocks on every unix.
func allocated(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return info.Size()
}
