package report

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func fileWith(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func content(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wantAlone fails if anything is beside the file, such as a temporary one.
func wantAlone(t *testing.T, file string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside %s: %v, %v", file, entries, err)
	}
}

func TestReplace(t *testing.T) {
	m := BenchMarkers()
	for _, c := range []struct{ name, old, want string }{
		{"something", "a\n" + m.Begin + "\nold\nold\n" + m.End + "\nb", "a\n" + m.Begin + "\n\nnew\n\n" + m.End + "\nb"},
		{"nothing", m.Begin + "\n" + m.End, m.Begin + "\n\nnew\n\n" + m.End},
		{"indented", "  " + m.Begin + " \n\t" + m.End + "\n", "  " + m.Begin + " \n\nnew\n\n\t" + m.End + "\n"},
		{"lines of Windows", "a\r\n" + m.Begin + "\r\nold\r\n" + m.End + "\r\n", "a\r\n" + m.Begin + "\r\n\r\nnew\r\n\r\n" + m.End + "\r\n"},
		{"a marker inside a sentence", "between `" + m.Begin + "` and\n" + m.Begin + "\n" + m.End + "\n", "between `" + m.Begin + "` and\n" + m.Begin + "\n\nnew\n\n" + m.End + "\n"},
	} {
		file := fileWith(t, c.old)
		for range 2 { // again changes nothing
			if err := errors.Join(CheckMarkers(file, m), Replace(file, m, "\nnew\n")); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if got := content(t, file); got != c.want {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
		}
		wantAlone(t, file)
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", c.name, info.Mode(), err)
		}
	}
}

func TestReplaceErrors(t *testing.T) {
	m := BenchMarkers()
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"empty", "", ErrMarkerMissing},
		{"no begin", m.End + "\n", ErrMarkerMissing},
		{"no end", "x\n" + m.Begin + "\n", ErrMarkerMissing},
		{"two begins", m.Begin + "\n" + m.Begin + "\n" + m.End + "\n", ErrMarkerDoubled},
		{"two ends", m.Begin + "\n" + m.End + "\n" + m.End + "\n", ErrMarkerDoubled},
		{"reversed", m.End + "\n" + m.Begin + "\n", ErrMarkersReversed},
		{"only in a sentence", "`" + m.Begin + "` `" + m.End + "`\n", ErrMarkerMissing},
	} {
		file := fileWith(t, c.text)
		if err := Replace(file, m, "new"); !errors.Is(err, c.want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err := CheckMarkers(file, m); !errors.Is(err, c.want) {
			t.Errorf("%s: checked: %v, want %v", c.name, err, c.want)
		}
		if got := content(t, file); got != c.text {
			t.Errorf("%s: the file is %q now", c.name, got)
		}
		wantAlone(t, file)
	}
	missing := filepath.Join(t.TempDir(), "none")
	if err := Replace(missing, m, "new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestReplaceFollowsALink(t *testing.T) {
	m := BenchMarkers()
	file := fileWith(t, m.Begin+"\n"+m.End+"\n")
	link := filepath.Join(t.TempDir(), "link.md")
	if err := os.Symlink(file, link); err != nil {
		t.Skip(err) // Windows without the right to make one
	}
	if err := Replace(link, m, "new"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 || !strings.Contains(content(t, file), "new") {
		t.Errorf("the link is %v, %v; the file %q", info.Mode(), err, content(t, file))
	}
}

func TestWriteFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.html")
	for _, text := range []string{"first", "second, longer"} {
		if err := errors.Join(CheckWritable(file), WriteFile(file, []byte(text))); err != nil || content(t, file) != text {
			t.Errorf("%q, %v", content(t, file), err)
		}
		wantAlone(t, file)
	}
	for name, bad := range map[string]string{
		"a directory":       filepath.Dir(file),
		"in no directory":   filepath.Join(filepath.Dir(file), "none", "page.html"),
		"in a file":         filepath.Join(file, "page.html"),
		"an empty name":     "",
		"a device":          os.DevNull,
		"a name of nothing": filepath.Dir(file) + string(filepath.Separator),
	} {
		if CheckWritable(bad) == nil || WriteFile(bad, nil) == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
