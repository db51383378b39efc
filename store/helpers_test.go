package store_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"codepool/store"
)

// weak are options for tests that do not ask for a power cut: no sync is waited for.
func weak() *store.Options { return &store.Options{Durability: store.WeakNoSync} }

// fewer returns n, or some of it under the race detector, which is ten times as slow.
func fewer(n, underRace int) int {
	if store.RaceOn {
		return underRace
	}
	return n
}

// clock is a settable clock.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// mint mints, and fails the test if that does not work.
func mint(t testing.TB, s *store.Store, b store.Batch) store.BatchInfo {
	t.Helper()
	info, err := s.Mint(t.Context(), b)
	if err != nil {
		t.Fatalf("mint %q: %v", b.Name, err)
	}
	return info
}

// issue draws n codes for a reference.
func issue(t testing.TB, s *store.Store, id store.BatchID, n int, ref string) []string {
	t.Helper()
	codes, err := s.Issue(t.Context(), id, n, store.To(ref))
	if err != nil {
		t.Fatalf("issue %d to %q: %v", n, ref, err)
	}
	return codes
}

// issued mints a batch of n codes and issues all of them.
func issued(t testing.TB, s *store.Store, name string, n int) []string {
	t.Helper()
	return issue(t, s, mint(t, s, store.Batch{Name: name, Count: int64(n), Reward: "reward of " + name}).ID, n, "order of "+name)
}

func redeem(t testing.TB, s *store.Store, r store.Redemption) store.Receipt {
	t.Helper()
	rec, err := s.Redeem(t.Context(), r)
	if err != nil {
		t.Fatalf("redeem %+v: %v", r, err)
	}
	return rec
}

func importCodes(t testing.TB, s *store.Store, b store.Batch, o store.ImportOptions, codes ...string) store.ImportReport {
	t.Helper()
	rep, err := s.Import(t.Context(), b, strings.NewReader(strings.Join(codes, "\n")), o)
	if err != nil {
		t.Fatalf("import %q: %v", b.Name, err)
	}
	return rep
}

// wantErr fails the test unless err is, in the sense of errors.Is, want; nil wants none.
func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

func open(t testing.TB, dir string, o *store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(dir, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

func mustClose(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// receipts collects the ledger's redemptions after a number.
func receipts(t testing.TB, s *store.Store, after uint64) (out []store.Receipt) {
	t.Helper()
	for r, err := range s.Receipts(t.Context(), after) {
		if err != nil {
			t.Fatalf("receipts: %v", err)
		}
		out = append(out, r)
	}
	return out
}

// sameReceipt compares two receipts; times by instant.
func sameReceipt(a, b store.Receipt) bool {
	at := a.At.Equal(b.At)
	a.At, b.At = time.Time{}, time.Time{}
	return at && a == b
}

// copyDir copies a data directory as a crash would leave it: what the operating
// system holds of the files at this moment, except for those left out. One file is
// copied after the other, so the copy is made again if meanwhile one came, went or
// changed its length: the engine's tables and its list of them would not fit together,
// which no crash leaves behind.
func copyDir(t testing.TB, from string, leaveOut ...string) string {
	t.Helper()
	for range 100 {
		to := filepath.Join(t.TempDir(), "copy")
		before := sizes(t, from)
		err := os.MkdirAll(filepath.Join(to, "journal"), 0o755)
		for name := range before {
			if err == nil && !slices.Contains(leaveOut, name) {
				err = copyFile(filepath.Join(from, name), filepath.Join(to, name))
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err == nil && maps.Equal(before, sizes(t, from)) {
			return to
		}
	}
	t.Fatal("the directory is never quiet")
	return ""
}

// sizes are the lengths of the files of a data directory.
func sizes(t testing.TB, dir string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, name := range files(t, dir) {
		if fi, err := os.Stat(filepath.Join(dir, name)); err == nil {
			out[name] = fi.Size()
		}
	}
	return out
}

// files lists the files of a data directory, relative to it.
func files(t testing.TB, dir string) (out []string) {
	t.Helper()
	for _, pattern := range []string{"*", "*/*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if fi, err := os.Stat(n); err == nil && !fi.IsDir() {
				rel, _ := filepath.Rel(dir, n)
				out = append(out, rel)
			}
		}
	}
	return out
}

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

// listing is a picture of a directory: every path with its size.
func listing(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		size := int64(0)
		if fi, err := d.Info(); err == nil && !d.IsDir() {
			size = fi.Size()
		}
		fmt.Fprintln(&b, rel, size)
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return b.String()
}

// redemptions makes one keyless request a code.
func redemptions(codes []string, user string) []store.Redemption {
	rs := make([]store.Redemption, len(codes))
	for i, c := range codes {
		rs[i] = store.Redemption{Code: c, User: user}
	}
	return rs
}

// withoutLock drops the lock file, which every Open may leave, from a listing.
func withoutLock(listing string) string {
	var b strings.Builder
	for line := range strings.Lines(listing) {
		if !strings.HasPrefix(line, "LOCK ") {
			b.WriteString(line)
		}
	}
	return b.String()
}
