package store_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"codepool/store"
	"codepool/store/storetest"
)

func TestUnknownFormatIsNamed(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, open(t, dir, weak()))
	for _, tc := range []struct{ text, in string }{
		{"codepool store, format 2\n", "format 2"},
		{"codepool store, format 999", "format 999"},
		{"something else", "something else"},
		{"", ""},
	} {
		c := copyDir(t, dir)
		if err := os.WriteFile(filepath.Join(c, "CODEPOOL"), []byte(tc.text), 0o644); err != nil {
			t.Fatal(err)
		}
		before := listing(t, c)
		_, err := store.Open(c, weak())
		wantErr(t, fmt.Sprintf("format %q", tc.text), err, store.ErrFormat)
		if err != nil && (!strings.Contains(err.Error(), tc.in) || !strings.Contains(err.Error(), c)) {
			t.Errorf("the error names neither %q nor the directory: %v", tc.in, err)
		}
		if listing(t, c) != before {
			t.Errorf("the refused directory was changed")
		}
	}
}

func TestOpenForeignDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "letters.txt"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	_, err := store.Open(dir, weak())
	wantErr(t, "a directory with other files", err, store.ErrFormat)
	if err != nil && !strings.Contains(err.Error(), "letters.txt") {
		t.Errorf("the error does not name what it found: %v", err)
	}
	if listing(t, dir) != before {
		t.Error("the directory was changed")
	}
}

func TestOpenMakesDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := storetest.OpenAt(t, dir, weak())
	if got := s.Stats().Dir; got != dir {
		t.Errorf("Stats.Dir is %q", got)
	}
}

func TestLockedInProcess(t *testing.T) {
	dir := t.TempDir()
	s := storetest.OpenAt(t, dir, weak())
	wantLocked(t, dir)
	codes := issued(t, s, "b", 1)
	redeem(t, s, store.Redemption{Code: codes[0]}) // the holder is not disturbed
	_, err := store.Restore(t.Context(), dir, strings.NewReader(""))
	if !errors.Is(err, store.ErrLocked) && !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("restore into an open store: %v", err)
	}
	mustClose(t, s)
	mustClose(t, open(t, dir, weak()))
}

// wantLocked opens a directory that this test or its child holds.
func wantLocked(t *testing.T, dir string) *store.LockError {
	t.Helper()
	_, err := store.Open(dir, weak())
	wantErr(t, "a locked directory", err, store.ErrLocked)
	var le *store.LockError
	if !errors.As(err, &le) {
		t.Fatalf("%v is no LockError", err)
	}
	if le.Dir != dir || le.Holder == "" || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), le.Holder) {
		t.Errorf("the error names no path or no holder: %v", err)
	}
	return le
}

const lockChildEnv = "CODEPOOL_LOCK_CHILD"

// TestLockChild is the other process of TestLockedByProcess.
func TestLockChild(t *testing.T) {
	dir := os.Getenv(lockChildEnv)
	if dir == "" {
		t.Skip("only as a child process")
	}
	s := open(t, dir, weak())
	fmt.Println("open")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until the parent closes it
	mustClose(t, s)
}

func TestLockedByProcess(t *testing.T) {
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLockChild$", "-test.count=1")
	child.Env = append(os.Environ(), lockChildEnv+"="+dir)
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewScanner(stdout)
	for out.Scan() && out.Text() != "open" {
	}
	le := wantLocked(t, dir)
	if pid := fmt.Sprint(child.Process.Pid); !strings.Contains(le.Holder, pid) {
		t.Errorf("holder %q does not name process %s", le.Holder, pid)
	}
	if err := stdin.Close(); err != nil {
		t.Error(err)
	}
	for out.Scan() { // until the child ends
	}
	if err := child.Wait(); err != nil {
		t.Errorf("child: %v", err)
	}
	mustClose(t, open(t, dir, weak()))
}
