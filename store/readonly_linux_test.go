package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"codepool/store"
	"codepool/store/storetest"
)

// TestOpenReadOnly opens stores, one there and one to be made, on a file system that is
// mounted read-only; afterwards the one that was there is as it was.
func TestOpenReadOnly(t *testing.T) {
	base := t.TempDir()
	if err := syscall.Mount(base, base, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("cannot mount here: %v; see TestOpenForbidden", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(base, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	there := filepath.Join(base, "there")
	s := open(t, there, weak())
	var h history
	makeHistory(t, s, 0, &h)
	mustClose(t, s)
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("", base, "", syscall.MS_REMOUNT|syscall.MS_BIND|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	for _, path := range []string{there, filepath.Join(base, "new")} {
		_, err := store.Open(path, weak())
		wantErr(t, path, err, store.ErrReadOnly)
		if !strings.Contains(err.Error(), path) {
			t.Errorf("the error does not name the path: %v", err)
		}
	}
	remount(0)
	if _, err := os.Stat(filepath.Join(base, "new")); err == nil {
		t.Error("something was made")
	}
	h.holds(t, storetest.OpenAt(t, there, weak()))
}
