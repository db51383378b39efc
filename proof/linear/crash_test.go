package linear

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

var errRestless = errors.New("the directory is never quiet")

// snapshot is a copy of a data directory to be made when the crash comes.
type snapshot struct {
	from, to string
	files    []string
}

// prepare does all that can be done before the crash, so that little time passes between
// an answer and it.
func (p *snapshot) prepare() (err error) {
	p.files, err = files(p.from)
	return errors.Join(err, os.RemoveAll(p.to), os.MkdirAll(filepath.Join(p.to, "journal"), 0o755))
}

// take copies the directory as a crash at this moment would leave it: what the operating
// system holds of the files. It calls crashed at the moment of the crash: what was answered
// before must be in the copy. The copy is made again, with a later crash, if files came or
// went meanwhile.
func (p *snapshot) take(crashed func()) error {
	for range 100 {
		err := p.copy(crashed)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		after, ferr := files(p.from)
		if ferr != nil || err == nil && slices.Equal(p.files, after) {
			return ferr
		}
		if err := p.prepare(); err != nil {
			return err
		}
	}
	return errRestless
}

func (p *snapshot) copy(crashed func()) error {
	for i, name := range p.files {
		if i == 1 { // the high-water mark may be older than the rest
			crashed()
		}
		if err := copyFile(filepath.Join(p.from, name), filepath.Join(p.to, name)); err != nil {
			return err
		}
	}
	return nil
}

// files lists the files of a data directory, relative to it: first the high-water mark,
// which may not be newer than the journal, then the part of the journal that is being
// written, so that little time passes between the two.
func files(dir string) (out []string, err error) {
	for _, pattern := range []string{"*", "*/*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if fi, err := os.Stat(n); err == nil && !fi.IsDir() {
				rel, err := filepath.Rel(dir, n)
				if err != nil {
					return nil, err
				}
				out = append(out, rel)
			}
		}
	}
	place := func(name string) int {
		switch {
		case name == "HIGHWATER":
			return 0
		case strings.HasSuffix(name, ".mem"):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b string) int { return place(a) - place(b) })
	return out, nil
}

// copyFile copies a file and leaves out what is zero, which most of the engine's files are.
func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	buf, zero := make([]byte, 64<<10), make([]byte, 64<<10)
	var size int64
	for {
		n, err := io.ReadFull(src, buf)
		if n > 0 && string(buf[:n]) != string(zero[:n]) {
			if _, err := dst.WriteAt(buf[:n], size); err != nil {
				return err
			}
		}
		size += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return dst.Truncate(size)
		} else if err != nil {
			return err
		}
	}
}
