package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"codepool/store"
)

// freshDir is a data directory that does not exist yet. A call that makes a store there
// and then is refused takes it away again.
type freshDir struct {
	path  string
	above []string // directories above it that do not exist either, the lowest first
}

// lookForFresh returns nil if there is something in the directory's place.
func lookForFresh(path string) *freshDir {
	f := &freshDir{path: filepath.Clean(path)}
	gone := func(dir string) bool {
		_, err := os.Lstat(dir)
		return errors.Is(err, fs.ErrNotExist)
	}
	if !gone(f.path) {
		return nil
	}
	for dir := filepath.Dir(f.path); gone(dir) && filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		f.above = append(f.above, dir)
	}
	return f
}

// remove takes away the store, which is closed and was empty. Somebody may have opened it
// since: so it first gets a name that nobody knows, and is looked at once more. What
// cannot be removed stays: an empty store does no harm.
func (f *freshDir) remove() {
	aside := freeName(filepath.Join(filepath.Dir(f.path), "."+filepath.Base(f.path)+".refused"))
	if os.Rename(f.path, aside) != nil {
		return
	}
	s, err := store.Open(aside, nil)
	empty := err == nil && isEmpty(s)
	if err == nil {
		err = s.Close()
	}
	if err != nil || !empty {
		_ = os.Rename(aside, f.path)
		return
	}
	_ = os.RemoveAll(aside)
	for _, dir := range f.above {
		if os.Remove(dir) != nil { // something else is in it
			return
		}
	}
}

// isEmpty reports whether nothing was ever made in a store.
func isEmpty(s *store.Store) bool {
	st := s.Stats()
	return st.Batches == 0 && st.Ledger == 0 && st.Sequences == 0
}
