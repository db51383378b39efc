package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"codepool/gen"
	"codepool/store"
)

func TestAsksForJSON(t *testing.T) {
	t.Setenv("CODEPOOL_JSON", "")
	for line, want := range map[string]bool{
		"": false, "stats": false, "stats --json": true, "--json=1 stats": true, "--json --json=false": false, "--json=maybe": false, "redeem -- --json": false, "--jsonx": false,
	} {
		if got := asksForJSON(strings.Fields(line)); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
	for value, want := range map[string]bool{"true": true, "1": true, "false": false, "yes": false} {
		t.Setenv("CODEPOOL_JSON", value)
		if got := asksForJSON([]string{"stats"}); got != want {
			t.Errorf("CODEPOOL_JSON=%s: %v", value, got)
		}
	}
	if t.Setenv("CODEPOOL_JSON", "true"); asksForJSON([]string{"--json=false"}) {
		t.Error("the environment won over a flag")
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"DATA", "DATA", 0}, {"DAAT", "DATA", 2}, {"DTA", "DATA", 1}, {"kitten", "sitting", 3}} {
		if got := distance(c.from, c.to); got != c.want {
			t.Errorf("from %q to %q: %d, want %d", c.from, c.to, got, c.want)
		}
	}
}

// A name that no setting is near to is somebody else's.
func TestEnvironmentOfOthers(t *testing.T) {
	a, _ := testApp(t, "")
	root := a.root()
	t.Setenv("CODEPOOL_SERVICE_HOST", "10.0.0.1")
	t.Setenv("CODEPOOL_PORT", "tcp://10.0.0.1:80")
	t.Setenv("CODEPOOL_MINT_OWNER", "ann")
	t.Setenv("CODEPOOL_QUITE", "")
	t.Setenv("CODEPOOL_ID", "7") // as near to CODEPOOL_BY as any name of two letters
	if err := checkEnvironment(root); err != nil {
		t.Error(err)
	}
	if t.Setenv("CODEPOOL_QUITE", "true"); !errors.Is(checkEnvironment(root), errUsage) {
		t.Error("a mistyped setting went unnoticed")
	}
}

// Nothing is written into the store's directory, by whatever name it is called.
func TestOutside(t *testing.T) {
	dir := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	for _, d := range []string{at("store", "journal"), at("beside")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	refused := []string{at("store", "x"), at("store", "journal", "x"), at("store", "none", "x"), at("beside", "..", "store", "x")}
	allowed := []string{"-", at("x"), at("store"), at("store2"), at("beside", "x"), at("none", "x")}
	if runtime.GOOS != "windows" {
		for name, to := range map[string]string{"way": at("store"), "deep": at("store", "journal"), "file": at("store", "CODEPOOL"), "out": at("beside")} {
			if err := os.Symlink(to, at(name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(at("store", "CODEPOOL"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		refused = append(refused, at("way", "x"), at("deep", "x"), at("file"))
		allowed = append(allowed, at("out", "x"))
	}
	for _, data := range []string{at("store"), at("way")} {
		if _, err := os.Stat(data); err != nil {
			continue
		}
		a := &app{data: data}
		for _, path := range refused {
			if err := a.outside(path); !errors.Is(err, errUsage) {
				t.Errorf("%s for a store in %s: %v", path, data, err)
			}
		}
		for _, path := range allowed {
			if err := a.outside(path); err != nil {
				t.Errorf("%s for a store in %s: %v", path, data, err)
			}
		}
	}
}

// A store that a refused call made goes, with the directories above it; one that somebody
// has filled since stays, and so does what else is there.
func TestFreshDir(t *testing.T) {
	dir := t.TempDir()
	openAt := func(path string) *store.Store {
		s, err := store.Open(path, &store.Options{Durability: store.WeakNoSync})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	gone := func(path string) bool { _, err := os.Lstat(path); return errors.Is(err, fs.ErrNotExist) }
	if lookForFresh(dir) != nil {
		t.Error("a directory that is there is no fresh one")
	}

	f := lookForFresh(filepath.Join(dir, "a", "b", "store"))
	openAt(f.path).Close()
	if f.remove(); !gone(filepath.Join(dir, "a")) {
		t.Error("an empty store is left")
	}

	f = lookForFresh(filepath.Join(dir, "a", "store"))
	openAt(f.path).Close()
	if err := os.WriteFile(filepath.Join(dir, "a", "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if f.remove(); !gone(f.path) || gone(filepath.Join(dir, "a", "file")) {
		t.Error("the store is left, or something else is gone")
	}

	f = lookForFresh(filepath.Join(dir, "filled"))
	s := openAt(f.path)
	if _, err := s.Mint(t.Context(), store.Batch{Name: "b", Count: 5}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	f.remove()
	s = openAt(f.path)
	if len(s.Batches()) != 1 {
		t.Error("a batch is gone")
	}
	f.remove() // while it is open
	s.Close()
	if s = openAt(f.path); len(s.Batches()) != 1 {
		t.Error("a batch is gone with a store that was open")
	}
	s.Close()
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestUnseen(t *testing.T) {
	text := "code\r\nplain 红包\r\na\u200bb\u200c\n\xff\nx\u00a0y\n\tz"
	for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
		var u unseen
		if _, err := io.Copy(io.Discard, io.TeeReader(r, &u)); err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(u.at), fmt.Sprint(map[int]rune{3: 0x200b, 5: 0xa0, 6: '\t'}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		bad := &store.LineError{Line: 3, Err: gen.ErrAlphabet}
		if err := u.name(bad); !errors.Is(err, gen.ErrAlphabet) || !strings.Contains(err.Error(), "U+200B") {
			t.Error(err)
		}
		if err := u.name(&store.LineError{Line: 2, Err: gen.ErrAlphabet}); strings.Contains(err.Error(), "U+") {
			t.Error(err)
		}
	}
}

// What cannot be written is told once.
func TestWriteErrorsOnce(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no full disk here")
	}
	for _, n := range []int{10, 3 << 20} {
		err := writeFile("/dev/full", false, func(w io.Writer) error {
			_, err := w.Write(bytes.Repeat([]byte("x"), n))
			return err
		})
		if err == nil || strings.Count(err.Error(), "no space") != 1 || reason(err) != "disk_full" {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
