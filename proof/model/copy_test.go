package model

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// copyDir copies the directory as a crash would leave it: what the operating system holds of
// the files at this moment. A file is copied after the other, so the copy is made again if
// meanwhile one came, went or changed its length: the engine's tables and its list of them
// would not fit together, which no crash leaves behind.
func (m *model) copyDir() string {
	for range 1000 {
		to := m.nextDir()
		before, err := sizes(m.dir)
		if err == nil {
			err = os.MkdirAll(filepath.Join(to, "journal"), 0o755)
		}
		for name := range before {
			if err == nil {
				err = copyFile(filepath.Join(m.dir, name), filepath.Join(to, name))
			}
		}
		after, err2 := sizes(m.dir)
		if err = errors.Join(err, err2); err == nil && maps.Equal(before, after) {
			return to
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			m.failf("copy: %v", err)
		}
		_ = os.RemoveAll(to)
	}
	m.failf("the directory is never quiet")
	return ""
}

// sizes lists the files of a directory, relative to it, with their lengths.
func sizes(dir string) (map[string]int64, error) {
	out := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		if err == nil {
			rel, _ := filepath.Rel(dir, path)
			out[rel] = fi.Size()
		}
		return err
	})
	return out, err
}

// copyFile copies a file without its holes: the engine's files are mostly that.
func copyFile(from, to string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	fi, err := src.Stat()
	if err != nil {
		return err
	}
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	if err := dst.Truncate(fi.Size()); err != nil {
		return err
	}
	for at := int64(0); ; {
		start, end, err := data(src, at, fi.Size())
		if err != nil || start >= fi.Size() {
			return err
		}
		if _, err := io.Copy(io.NewOffsetWriter(dst, start), io.NewSectionReader(src, start, end-start)); err != nil {
			return err
		}
		at = end
	}
}

// data returns where the next data of a file begins and ends, from a place on. Where the
// system does not tell, all of it is data.
func data(f *os.File, at, size int64) (start, end int64, err error) {
	if runtime.GOOS != "linux" {
		return at, size, nil
	}
	const seekData, seekHole = 3, 4
	start, err = f.Seek(at, seekData)
	if errors.Is(err, syscall.ENXIO) {
		return size, size, nil
	}
	if err == nil {
		end, err = f.Seek(start, seekHole)
	}
	return start, end, err
}
