package journal

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

// walSync makes Badger's write-ahead logs durable in its stead, and makes syncing
// them cheap (docs/decisions has the measurements).
//
// With SyncWrites a Badger commit syncs two files, the log and the value log, which
// is always empty here. So commits run without, and walSync syncs the log alone.
// Badger writes a transaction's entries into the mapping of one log before Commit
// returns, numbers its logs upwards without gaps, and removes a log only after the
// table made from it is synced and in the synced manifest. So what a commit wrote is
// durable when every log from the last one we synced to the newest is synced.
//
// A log is a sparse file: each sync of new blocks would also write the file system's
// own journal, and wait for whatever else is in it (a table of 8 MiB, say). So the
// blocks ahead of Badger's are filled with zeros, some at a time, and most syncs then
// find their blocks allocated and written. Zeros are only ever written over zeros,
// while no commit is at work: the content of the log does not change.
//
// Blocks that are there already have a second use: where the disk is full, an entry that
// is written to the mapping of a hole ends the process. So they are written ahead also when
// nothing is synced.
type walSync struct {
	dir     string
	durable bool
	mu      sync.Mutex // guards what follows; held briefly, and while zeros are written
	fid     int        // number of the log in f
	f       *os.File
	old     []*os.File // logs before it that are not synced since Badger left them
	end     int64      // no entry of the log ends beyond this
	pad     int64      // zeros were written up to here

	syncing sync.Mutex // one sync at a time
	err     error      // of the first failed sync: a later one may not report it again; guarded by syncing
}

const ownSync = true

const (
	walSuffix = logSuffix
	walHead   = 64 // more than the head of a log
	// walTxn and walEntry are more than Badger adds to a transaction and to an entry.
	walTxn, walEntry = 128, 64
	// walPad is how many zeros are written at a time: enough for some thousand
	// groups of a lone caller, a few milliseconds' work of the device.
	walPad = 1 << 20
)

// openWAL syncs what an earlier process left unsynced in the page cache, so that
// nothing is answered from records a power cut could still take back.
func openWAL(dir string, durable bool) (*walSync, error) {
	w := &walSync{dir: dir, durable: durable}
	fids, err := walFiles(dir)
	if err != nil {
		return nil, err
	}
	for _, fid := range fids {
		if err := w.turn(fid); err != nil && !errors.Is(err, fs.ErrNotExist) { // a table may have replaced it just now
			return nil, err
		}
	}
	if w.f == nil {
		return nil, &CorruptError{What: "engine directory " + dir, Why: "it has no write-ahead log"}
	}
	w.pad = walHead // the newest is new: Badger begins one when it opens
	return w, w.sync()
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

// turn opens log fid after the present one and makes its name durable, if that is wanted.
func (w *walSync) turn(fid int) error {
	f, err := os.OpenFile(filepath.Join(w.dir, fmt.Sprintf("%05d%s", fid, walSuffix)), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	switch {
	case w.f == nil:
	case w.durable:
		w.old = append(w.old, w.f)
	default:
		_ = w.f.Close() // nothing was written through it but zeros
	}
	w.f, w.fid, w.end, w.pad = f, fid, walHead, 0
	if !w.durable {
		return nil
	}
	return SyncDir(w.dir)
}

// prepare is called before a commit of that weight, with no commit at work.
func (w *walSync) prepare(pairs []Pair) error {
	need := int64(walTxn)
	for _, p := range pairs {
		need += int64(len(p.Key) + len(p.Value) + walEntry)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end += need
	if w.pad == 0 || w.end <= w.pad {
		return nil
	}
	return w.padLocked(w.end-need, w.end)
}

var zeros [64 << 10]byte

// padLocked writes zeros from the end of the entries on, if there are zeros now.
func (w *walSync) padLocked(from, need int64) error {
	fi, err := w.f.Stat()
	if err != nil {
		return err
	}
	from = max(from, w.pad)
	upto := min(need+walPad, fi.Size()) // never beyond the mapping
	buf := make([]byte, len(zeros))
	for at := from; at < upto; {
		part := buf[:min(int64(len(buf)), upto-at)]
		if _, err := w.f.ReadAt(part, at); err != nil {
			return err
		}
		if string(part) != string(zeros[:len(part)]) {
			w.pad = 1 << 62 // not as we know it: leave this log alone
			return nil
		}
		if _, err := w.f.WriteAt(zeros[:len(part)], at); err != nil {
			return err
		}
		at += int64(len(part))
	}
	w.pad = max(upto, w.pad)
	return nil
}

// wrote is called after a commit of that weight, before another: if Badger has begun
// a new log for it, that is the one to go on with.
func (w *walSync) wrote(pairs []Pair) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	turned := false
	for {
		next, err := w.nextLocked()
		if err != nil {
			return err
		}
		if next < 0 {
			break
		}
		if err := w.turn(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		turned = true
	}
	if turned {
		for _, p := range pairs {
			w.end += int64(len(p.Key) + len(p.Value) + walEntry)
		}
		w.end += walTxn
	}
	if w.pad == 0 { // a log that Badger began in a commit is padded from the next on
		w.pad = w.end
	}
	return nil
}

// nextLocked returns the number of the log after ours, -1 if there is none.
func (w *walSync) nextLocked() (int, error) {
	if err := syscall.Access(filepath.Join(w.dir, fmt.Sprintf("%05d%s", w.fid+1, walSuffix)), 0); err == nil {
		return w.fid + 1, nil
	}
	// Usually ours is the newest. If tables have replaced both, which happens in
	// order, ours has no name any more, and the first log that is left comes next.
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

// sync returns when everything committed before the call is durable, if it is wanted.
func (w *walSync) sync() error {
	if !w.durable {
		return nil
	}
	w.syncing.Lock()
	defer w.syncing.Unlock()
	if w.err != nil {
		return w.err
	}
	w.mu.Lock()
	old, f := w.old, w.f
	w.old = nil
	w.mu.Unlock()
	for _, o := range old {
		if w.err = errors.Join(fdatasync(o), o.Close()); w.err != nil {
			return w.err
		}
	}
	w.err = fdatasync(f)
	return w.err
}

func (w *walSync) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.f.Close()
	for _, o := range w.old {
		err = errors.Join(err, o.Close())
	}
	return err
}

func fdatasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
