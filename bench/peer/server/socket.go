//go:build !race

package server

import (
	"fmt"
	"os"
	"strings"
)

// maxSocketDir is the longest path that leaves room for a socket's name: the whole is at
// most 103 bytes on macOS, 107 on Linux.
const maxSocketDir = 80

// socketDir makes a directory for a socket that only the account may enter. It is not where
// the data are, because the path must be short, and open to the account.
func socketDir(as *account) (string, error) {
	var err error
	for _, base := range []string{"/tmp", os.TempDir()} {
		var dir string
		if dir, err = os.MkdirTemp(base, "codepool-"); err != nil {
			continue
		}
		// The path becomes a part of settings, where these have a meaning.
		if len(dir) > maxSocketDir || strings.ContainsAny(dir, " ,'\"\\") {
			err = fmt.Errorf("%s: not usable for a socket: set TMPDIR to a short path without blanks and quotes", dir)
		} else {
			err = as.own(dir)
		}
		if err == nil {
			return dir, nil
		}
		os.Remove(dir)
	}
	return "", err
}
