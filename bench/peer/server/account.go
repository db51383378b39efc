//go:build !race

package server

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// account is one of the machine; nil is that of this process.
type account struct{ uid, gid int }

// lesser returns the account of that name if this process is root's, which some servers
// refuse to run as, else nil.
func lesser(name string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("the server does not run as root: start this as another user, or add the user %s: %w", name, err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	return &account{uid, gid}, nil
}

// mkdir makes a directory that only the account may enter.
func (a *account) mkdir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return a.own(dir)
}

func (a *account) own(dir string) error {
	if a == nil {
		return nil
	}
	return os.Chown(dir, a.uid, a.gid)
}
