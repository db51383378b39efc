//go:build unix && !linux && !race

package server

import "syscall"

// attributes cannot make the server end with this process here.
func attributes(as *account, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: as.credential()}
}
