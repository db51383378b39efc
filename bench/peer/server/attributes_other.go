//go:build !unix && !race

package server

import "syscall"

// attributes are the system's own: a server that was started here would have to be ended
// by Close.
func attributes(*account, syscall.Signal) *syscall.SysProcAttr { return nil }
