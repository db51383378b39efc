package report

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The errors of Replace; the file is unchanged then.
var (
	// ErrMarkerMissing is returned when a marker is not a line of the file.
	ErrMarkerMissing = errors.New("marker missing")
	// ErrMarkerDoubled is returned when a marker is a line of the file more than once.
	ErrMarkerDoubled = errors.New("marker more than once")
	// ErrMarkersReversed is returned when the end comes before the begin.
	ErrMarkersReversed = errors.New("end marker before begin marker")
	// ErrNotAFile is returned when what is to be written is there and no regular file.
	ErrNotAFile = errors.New("not a regular file")
)

// Markers are the lines between which a report stands. Each must be a line of its own;
// spaces around it do not matter.
type Markers struct{ Begin, End string }

// BenchMarkers are those of a README of this project.
func BenchMarkers() Markers { return Markers{"<!-- bench:begin -->", "<!-- bench:end -->"} }

// Replace puts text between the markers of a file, in place of what stood there, at once or
// not at all: a crash leaves the old or the new file. Lines end as those of the file do.
func Replace(file string, m Markers, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin, end, err := m.find(old)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	text = "\n" + strings.Trim(text, "\n") + "\n\n"
	if bytes.HasSuffix(old[:begin], []byte("\r\n")) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return WriteFile(file, slices.Concat(old[:begin], []byte(text), old[end:]))
}

// CheckMarkers reports what Replace would find wrong with the markers of the file, or with
// writing it.
func CheckMarkers(file string, m Markers) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if _, _, err := m.find(text); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return CheckWritable(file)
}

// find returns where the line after the begin and the line of the end start.
func (m Markers) find(text []byte) (begin, end int, err error) {
	begin, end = -1, -1
	at := 0
	for line := range bytes.Lines(text) {
		switch strings.TrimSpace(string(line)) {
		case m.Begin:
			if begin >= 0 {
				return 0, 0, fmt.Errorf("%w: %s", ErrMarkerDoubled, m.Begin)
			}
			begin = at + len(line)
		case m.End:
			if end >= 0 {
				return 0, 0, fmt.Errorf("%w: %s", ErrMarkerDoubled, m.End)
			}
			end = at
		}
		at += len(line)
	}
	switch {
	case begin < 0:
		return 0, 0, fmt.Errorf("%w: %s", ErrMarkerMissing, m.Begin)
	case end < 0:
		return 0, 0, fmt.Errorf("%w: %s", ErrMarkerMissing, m.End)
	case end < begin:
		return 0, 0, ErrMarkersReversed
	}
	return begin, end, nil
}

// WriteFile writes a file at once or not at all, through a temporary one beside it. A link is
// followed; the mode of a file that is there is kept.
func WriteFile(file string, text []byte) (err error) {
	file, mode, err := target(file)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

// CheckWritable reports why WriteFile could not write the file, if it could not.
func CheckWritable(file string) error {
	file, _, err := target(file)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-")
	if err != nil {
		return err
	}
	return errors.Join(tmp.Close(), os.Remove(tmp.Name()))
}

// target follows links, and returns the mode that the file has or is to have.
func target(file string) (string, fs.FileMode, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && file != "":
		return file, 0o644, nil
	case err != nil:
		return "", 0, err
	case !info.Mode().IsRegular():
		return "", 0, fmt.Errorf("%s: %w", file, ErrNotAFile)
	}
	real, err := filepath.EvalSymlinks(file)
	return real, info.Mode().Perm(), err
}
