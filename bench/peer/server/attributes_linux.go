//go:build !race

package server

import "syscall"

func attributes(as *account, atDeath syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: as.credential(), Pdeathsig: atDeath}
}
