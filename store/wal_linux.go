package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// walSync makes Badger's write-ahead logs durable in its stead. With SyncWrites a
// Badger commit syncs two files: the log and the value log, which for us is always
// empty; the second sync costs half as much as the first, for nothing (see
// docs/decisions). So commits run without, and walSync syncs the log alone.
//
// Badger writes a transaction's entries into the mapping of one log before Commit
// returns, numbers its logs upwards without gaps, and removes a log only after the
// table made from it is synced and in the synced manifest. So what a commit wrote
// is durable when every log from the last one we synced to the newest is synced.
type walSync struct {
	dir string
	mu  sync.Mutex
	fid int      // number of the log in f
	f   *os.File // nil before the first commit
}

const ownSync = true

const walSuffix = ".mem"

// openWAL syncs what an earlier process left unsynced in the page cache, so that
// nothing is answered from records a power cut could still take back.
func openWAL(dir string) (*walSync, error) {
	w := &walSync{dir: dir}
	fids, err := walFiles(dir)
	if err != nil {
		return nil, err
	}
	for _, fid := range fids {
		if err := w.turn(fid); err != nil && !errors.Is(err, fs.ErrNotExist) { // a table may have replaced it just now
			return nil, err
		}
		if w.f != nil {
			if err := fdatasync(w.f); err != nil {
				return nil, err
			}
		}
	}
	if w.f == nil {
		return nil, &CorruptError{What: "engine directory " + dir, Why: "it has no write-ahead log"}
	}
	return w, nil
}

// walFiles returns the numbers of the logs in order.
func walFiles(dir string) (fids []int, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), walSuffix); ok {
			if fid, err := strconv.Atoi(name); err == nil {
				fids = append(fids, fid)
			}
		}
	}
	slices.Sort(fids)
	return fids, err
}

// turn opens log fid in place of the present one and makes its name durable.
func (w *walSync) turn(fid int) error {
	f, err := os.OpenFile(filepath.Join(w.dir, fmt.Sprintf("%05d%s", fid, walSuffix)), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if w.f != nil {
		err = w.f.Close()
	}
	w.f, w.fid = f, fid
	return errors.Join(err, syncDir(w.dir))
}

// sync returns when everything committed before the call is durable.
func (w *walSync) sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		if err := fdatasync(w.f); err != nil {
			return err
		}
		err := w.turn(w.fid + 1)
		if errors.Is(err, fs.ErrNotExist) {
			next, err := w.afterRemoval()
			if err != nil || next < 0 {
				return err
			}
			err = w.turn(next)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
	}
}

// afterRemoval is asked when the log after ours does not exist. Usually ours is the
// newest: -1. If tables have replaced both, which happens in order, ours has no name
// any more, and the first log that is left is returned.
func (w *walSync) afterRemoval() (int, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(w.f.Fd()), &st); err != nil || st.Nlink > 0 {
		return -1, os.NewSyscallError("fstat", err)
	}
	fids, err := walFiles(w.dir)
	if i := slices.IndexFunc(fids, func(f int) bool { return f > w.fid }); i >= 0 {
		return fids[i], err
	}
	return -1, err
}

func (w *walSync) close() error { return w.f.Close() }

func fdatasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
