//go:build unix

package store

import (
	"errors"
	"os"
)

var errLockHeld = errors.New("lock is held")

// lockPath takes an exclusive advisory lock that ends with the process.
func lockPath(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// unlockPath gives the lock up before it closes the file: a process that the host is just
// starting holds a copy of the descriptor until it runs, and the lock with it.
func unlockPath(f *os.File) error {
	return errors.Join(funlock(f), f.Close())
}
