package journal

import (
	"io/fs"
	"syscall"
	"unsafe"
)

// SyncDir has no counterpart: directory entries are journaled by NTFS.
func SyncDir(string) error { return nil }

func allocated(fi fs.FileInfo) int64 { return fi.Size() }

var getDiskFreeSpaceEx = syscall.NewLazyDLL("kernel32.dll").NewProc("GetDiskFreeSpaceExW")

func freeSpace(path string) (int64, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	var free uint64
	if ok, _, err := getDiskFreeSpaceEx.Call(uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&free)), 0, 0); ok == 0 {
		return 0, err
	}
	return int64(free), nil
}
