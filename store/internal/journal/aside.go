package journal

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
)

// Opening changes the engine's files before recovery can tell whether all is there: the
// engine removes tables that its MANIFEST does not name, uses their numbers again, cuts
// off what it cannot read at the end of MANIFEST and logs, and makes tables of logs,
// which it removes. That is right after a crash, and wrong when a file is damaged: what
// is removed then is of use again with the right bytes in the damaged place. So what the
// engine may remove is kept in a folder beside until recovery has succeeded, and if it
// refuses, the engine's files become again what they were.
//
//	set aside   copy MANIFEST and logs and link unnamed tables into asideNew; sync;
//	            rename it asideDir; sync
//	put back    if there is asideDir: make the engine's files again what it holds; drop
//	drop        rename asideDir asideNew; sync; remove asideNew
//
// asideDir is there, and whole, from before the engine gets the directory until recovery
// has succeeded or all is back. No answer is given meanwhile, so an opening that was
// ended in between is undone by the next one. It must be dropped durably before the
// first answer: put back after a power cut it would take the answer back.
//
// Tables that the MANIFEST names need no link: only a merge removes them, and merges begin
// after recovery (Engine.Tidy).
const (
	asideDir = "journal-aside"
	asideNew = "journal-aside-new"
)

// SetAside keeps what the engine may remove. It does nothing after a clean close.
func SetAside(path string) error {
	engine, fresh := filepath.Join(path, Dir), filepath.Join(path, asideNew)
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	live, whole, err := liveTables(engine)
	if err != nil {
		return err
	}
	logs, tables, err := engineFiles(engine)
	if err != nil {
		return err
	}
	for name := range live {
		delete(tables, name)
	}
	if whole && len(logs)+len(tables) == 0 {
		return nil
	}
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return err
	}
	for name := range tables {
		if err := link(filepath.Join(engine, name), filepath.Join(fresh, name)); err != nil {
			return err
		}
	}
	logs[manifestFile] = true
	for name := range logs {
		// crash point: open: some files are set aside
		if err := copySparse(filepath.Join(engine, name), filepath.Join(fresh, name)); err != nil {
			return err
		}
	}
	if err := SyncDir(fresh); err != nil {
		return err
	}
	// crash point: open: files are about to be set aside
	if err := os.Rename(fresh, filepath.Join(path, asideDir)); err != nil {
		return err
	}
	return SyncDir(path)
}

// engineFiles returns the logs that are not empty and the tables.
func engineFiles(dir string) (logs, tables map[string]bool, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	logs, tables = map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case tableSuffix:
			tables[e.Name()] = true
		case logSuffix:
			fi, err := e.Info()
			if err != nil {
				return nil, nil, err
			}
			if fi.Size() > 0 {
				logs[e.Name()] = true
			}
		}
	}
	return logs, tables, nil
}

// PutBack makes the engine's files what they were when they were set aside, if they are.
// The engine must be closed. It may be ended anywhere and run again.
func PutBack(path string) error {
	engine, aside := filepath.Join(path, Dir), filepath.Join(path, asideDir)
	if _, err := os.Stat(aside); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	live, _, err := liveTables(aside)
	if err != nil {
		return &CorruptError{What: filepath.Join(asideDir, manifestFile), Why: err.Error()}
	}
	for name := range live {
		if _, err := os.Stat(filepath.Join(engine, name)); errors.Is(err, fs.ErrNotExist) {
			return &CorruptError{What: filepath.Join(Dir, name), Why: "it is gone"}
		}
	}
	back, tables, err := engineFiles(aside)
	if err != nil {
		return err
	}
	back[manifestFile] = true
	maps.Copy(back, tables)
	if err := removeOthers(engine, back, live); err != nil {
		return err
	}
	for name := range back {
		// crash point: open: some files are put back
		if err := replaceFile(filepath.Join(aside, name), filepath.Join(engine, name)); err != nil {
			return err
		}
	}
	if err := SyncDir(engine); err != nil {
		return err
	}
	// crash point: open: files are put back and still aside
	return DropAside(path)
}

// removeOthers removes logs and tables that the engine has made meanwhile. A table is
// else taken for one that a flush has left, and its number may be that of another one.
func removeOthers(engine string, back, live map[string]bool) error {
	logs, tables, err := engineFiles(engine)
	if err != nil {
		return err
	}
	for _, names := range []map[string]bool{logs, tables} {
		for name := range names {
			if !back[name] && !live[name] {
				err = errors.Join(err, os.Remove(filepath.Join(engine, name)))
			}
		}
	}
	return err
}

// replaceFile makes to another name of the file from, in one step.
func replaceFile(from, to string) error {
	if same, err := sameFile(from, to); same || err != nil {
		return err
	}
	between := filepath.Join(filepath.Dir(to), ".new-put-back") // the engine takes a name that ends in .mem for a log
	if err := os.Remove(between); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := link(from, between); err != nil {
		return err
	}
	// crash point: open: a file that is put back has not yet its name
	return os.Rename(between, to)
}

// link gives a file another name, or copies it where a file cannot have two.
func link(from, to string) error {
	if err := os.Link(from, to); err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return copySparse(from, to)
}

// sameFile reports whether both names are of one file; b may be missing.
func sameFile(a, b string) (bool, error) {
	fa, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	fb, err := os.Stat(b)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(fa, fb), err
}

// DropAside forgets what is aside, for good when it returns.
func DropAside(path string) error {
	fresh := filepath.Join(path, asideNew)
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	err := os.Rename(filepath.Join(path, asideDir), fresh)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = SyncDir(path)
	}
	if err != nil {
		return err
	}
	// crash point: open: what was aside is dropped and not removed
	_ = os.RemoveAll(fresh) // else the next opening does
	return nil
}

// copySparse copies a file so that it survives a power cut, without the zeros that a log
// is filled up with.
func copySparse(from, to string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	fi, err := src.Stat()
	if err != nil {
		return err
	}
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fi.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() { err = DiskFull(errors.Join(err, dst.Close())) }()
	const step = 256 << 10
	b, zeros := make([]byte, step), make([]byte, step)
	for at := int64(0); at < fi.Size(); at += step {
		n, err := src.ReadAt(b, at)
		if err != nil && err != io.EOF {
			return err
		}
		if !bytes.Equal(b[:n], zeros[:n]) {
			if _, err := dst.WriteAt(b[:n], at); err != nil {
				return err
			}
		}
	}
	if err := dst.Truncate(fi.Size()); err != nil {
		return err
	}
	return dst.Sync()
}
