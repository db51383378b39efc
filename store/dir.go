package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"codepool/store/internal/journal"
)

// A store's directory:
//
//	CODEPOOL     "codepool store, format 1": written last when a store is made, so a
//	             directory without it was never a whole store
//	LOCK         held while the store is open; its text says by whom
//	HIGHWATER    the greatest ledger number known to be durable
//	RESTORING    only while a restore is at work
//	BALLAST      room that is kept while the store is open (package journal)
//	journal/     the engine's files (package journal)
//	journal-aside/, journal-aside-new/  only while a store opens (package journal)
const (
	formatFile    = "CODEPOOL"
	lockFile      = "LOCK"
	highWaterFile = "HIGHWATER"
	restoringFile = "RESTORING" // there while a restore is at work

	// FormatVersion is the version of the data directory and of backups.
	FormatVersion = 1
	formatPrefix  = "codepool store, format "
)

// directory is an open and locked data directory.
type directory struct {
	path string
	lock *os.File

	highWater *os.File
	slot      int64     // next slot of the high-water file to write; committer only
	synced    time.Time // last sync of the high-water file; committer only
	clock     func() time.Time

	journal   *journal.Options // with a write buffer that fits what a crash has left
	head      *journal.Headroom
	markError atomic.Pointer[error]
}

// openDirectory locks the directory and checks its format. With create, a missing
// or empty one is made ready, except for the format file.
func openDirectory(path string, create bool, o *Options) (d *directory, fresh bool, err error) {
	if path == "" {
		return nil, false, invalid("the data directory has no name")
	}
	fi, err := os.Stat(path)
	switch {
	case err == nil && !fi.IsDir():
		return nil, false, invalid("data directory %s is a file", path)
	case errors.Is(err, syscall.ENOTDIR):
		return nil, false, invalid("data directory %s lies below a file", path)
	case errors.Is(err, fs.ErrNotExist) && create:
		if err := makeDir(path); err != nil {
			return nil, false, fmt.Errorf("make data directory: %w", readOnly(err))
		}
	case err != nil:
		return nil, false, fmt.Errorf("open data directory: %w", err)
	}
	fresh, err = checkFormat(path)
	if err != nil {
		return nil, false, err
	}
	if fresh && !create {
		return nil, false, fmt.Errorf("%w: %s holds no store", ErrFormat, path)
	}
	d = &directory{path: path, clock: time.Now}
	// crash point: open: the directory is there and not locked
	if d.lock, err = lockPath(filepath.Join(path, lockFile)); err != nil {
		if errors.Is(err, errLockHeld) {
			holder, _ := os.ReadFile(filepath.Join(path, lockFile))
			return nil, false, &LockError{Dir: path, Holder: firstLine(string(holder))}
		}
		return nil, false, fmt.Errorf("lock data directory: %w", readOnly(err))
	}
	if err := d.sign(o); err != nil {
		return nil, false, errors.Join(err, unlockPath(d.lock))
	}
	d.head = journal.NewHeadroom(path, d.journal)
	return d, fresh, nil
}

// sign writes into LOCK who holds it, for people, and how large the write buffer is, for
// the next opening: the logs of a crash must be read into one that is as large.
func (d *directory) sign(o *Options) error {
	d.journal = o.journal()
	text, err := os.ReadFile(filepath.Join(d.path, lockFile))
	if err == nil {
		err = d.journal.Fit(d.path, signedBuffer(string(text)))
	}
	if err != nil {
		return err
	}
	host, _ := os.Hostname()
	holder := fmt.Sprintf("process %d on %s since %s\n%s%d\n", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339), bufferWord, d.journal.MemTable)
	// Over what is there: on a full disk a block that was given up would not come back.
	if _, err := d.lock.WriteAt([]byte(holder), 0); err != nil {
		return fmt.Errorf("lock data directory: %w", journal.DiskFull(err))
	}
	if err := errors.Join(d.lock.Truncate(int64(len(holder))), d.lock.Sync()); err != nil {
		return fmt.Errorf("lock data directory: %w", journal.DiskFull(err))
	}
	return nil
}

const bufferWord = "write buffer "

// signedBuffer returns the size of the write buffer that a LOCK file names, 0 if none.
func signedBuffer(text string) (n int64) {
	if _, word, ok := strings.Cut(text, bufferWord); ok {
		n, _ = strconv.ParseInt(firstLine(word), 10, 64)
	}
	return n
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}

// makeDir makes a directory, with those above it that are missing, so that a power cut does
// not take it back.
func makeDir(path string) error {
	made := missing(path)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	for _, dir := range made {
		if err := journal.SyncDir(filepath.Dir(dir)); err != nil && !errors.Is(err, fs.ErrPermission) { // it may be writable and not readable
			return err
		}
	}
	return nil
}

// missing returns the path and those above it that do not exist, the lowest first.
func missing(path string) (dirs []string) {
	for path = filepath.Clean(path); ; path = filepath.Dir(path) {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return dirs
		}
		dirs = append(dirs, path)
	}
}

// readOnly names the reason if it is that nothing may be written.
func readOnly(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return err
}

// checkFormat reports whether the directory is empty, and refuses one that holds
// anything but a store of a known version.
func checkFormat(path string) (fresh bool, err error) {
	text, err := os.ReadFile(filepath.Join(path, formatFile))
	if err == nil {
		line := strings.TrimSpace(string(text))
		if line == fmt.Sprint(formatPrefix, FormatVersion) {
			return false, nil
		}
		if strings.HasPrefix(line, formatPrefix) {
			return false, fmt.Errorf("%w: %s is %q, this program reads %q", ErrFormat, path, line, fmt.Sprint(formatPrefix, FormatVersion))
		}
		return false, fmt.Errorf("%w: %s: %s says %.60q", ErrFormat, path, formatFile, line)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("read format of data directory: %w", err)
	}
	names, err := os.ReadDir(path)
	if err != nil {
		return false, fmt.Errorf("read data directory: %w", err)
	}
	for _, e := range names {
		switch e.Name() {
		case lockFile, highWaterFile, journal.Dir: // left by a first Open that did not finish
		case "lost+found":
		case restoringFile:
			return false, fmt.Errorf("%w: a restore into %s did not finish: empty the directory and restore again", ErrFormat, path)
		default:
			if strings.HasPrefix(e.Name(), newPrefix) {
				continue // a format file that was not finished
			}
			return false, fmt.Errorf("%w: %s is not empty and holds no store (found %q)", ErrFormat, path, e.Name())
		}
	}
	return true, nil
}

// writeFormat makes the directory a store.
func (d *directory) writeFormat() error {
	if left, err := filepath.Glob(filepath.Join(d.path, newPrefix+"*")); err == nil {
		for _, f := range left {
			_ = os.Remove(f) // of an Open that was killed; harmless if it stays
		}
	}
	return writeFileSync(filepath.Join(d.path, formatFile), []byte(fmt.Sprintln(fmt.Sprint(formatPrefix, FormatVersion))))
}

// newPrefix begins the name of a file that is not finished.
const newPrefix = ".new-"

// writeFileSync writes a small file so that after a crash it is whole or absent.
func writeFileSync(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), newPrefix+"*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	// crash point: files: a small file is written and has no name
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	// crash point: files: a small file has its name
	if err == nil {
		err = journal.SyncDir(filepath.Dir(path))
	}
	return err
}

// The high-water file has two slots of 24 bytes, one device block apart: magic,
// number, checksum. A torn write spoils one; the other holds the number before.
const (
	slotSize     = 24
	slotDistance = 4096
	slotMagic    = 0x4850_5743_4F44_4501
	// highWaterSync is how often the file is synced while the store writes. Between
	// syncs the operating system holds it, which survives the end of the process.
	highWaterSync = time.Second
)

// openHighWater opens the file, or makes it, and returns the number it holds.
func (d *directory) openHighWater() (uint64, error) {
	f, err := os.OpenFile(filepath.Join(d.path, highWaterFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return 0, fmt.Errorf("open high-water mark: %w", err)
	}
	d.highWater = f
	var best uint64
	any, bad := false, 0
	for i := range int64(2) {
		var b [slotSize]byte
		if n, _ := f.ReadAt(b[:], i*slotDistance); n < slotSize {
			continue
		}
		magic, number := binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])
		if magic == 0 && number == 0 {
			continue
		}
		if magic != slotMagic || binary.LittleEndian.Uint32(b[16:]) != checksum(b[:8], b[8:16]) {
			bad++
			continue
		}
		if any = true; number >= best {
			best, d.slot = number, 1-i
		}
	}
	if !any && bad > 0 {
		return 0, &CorruptError{What: highWaterFile, Why: "no slot is readable"}
	}
	if !any {
		// Allocate both blocks now: on a full disk the mark must still be writable.
		if _, err := f.WriteAt(make([]byte, slotDistance+slotSize), 0); err != nil {
			return 0, fmt.Errorf("write high-water mark: %w", err)
		}
		if err := f.Sync(); err != nil {
			return 0, fmt.Errorf("sync high-water mark: %w", err)
		}
	}
	return best, nil
}

// mark notes that all records up to number are durable. It is called after each
// sync, costs one small write to the page cache and never raises the mark above
// what is durable.
func (d *directory) mark(number uint64) {
	if d == nil || d.highWater == nil {
		return
	}
	var b [slotSize]byte
	binary.LittleEndian.PutUint64(b[:], slotMagic)
	binary.LittleEndian.PutUint64(b[8:], number)
	binary.LittleEndian.PutUint32(b[16:], checksum(b[:8], b[8:16]))
	_, err := d.highWater.WriteAt(b[:], d.slot*slotDistance)
	d.slot = 1 - d.slot
	if now := d.clock(); err == nil && now.Sub(d.synced) >= highWaterSync {
		d.synced = now
		err = d.highWater.Sync()
	}
	if err != nil { // a lower mark only detects less
		d.markError.Store(&err)
	}
}

// room refuses writes while there is too little of it (journal.Headroom).
func (d *directory) room(look bool) error {
	if d == nil {
		return nil
	}
	return d.head.Check(look)
}

// close syncs the mark and unlocks; a second call does nothing.
func (d *directory) close() error {
	if d.lock == nil {
		return nil
	}
	err := d.head.End()
	if d.highWater != nil {
		err = errors.Join(err, d.highWater.Sync(), d.highWater.Close())
	}
	err = errors.Join(err, unlockPath(d.lock))
	d.lock = nil
	return err
}
