package badinput

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

// world is a store with codes in every state, and what one needs to call it wrongly. Its
// codes have names that the cases write in place of them ($ISSUED).
type world struct {
	dir     string // where the program runs; the store is in codepool-data below it
	program *program
	s       *store.Store
	backup  []byte
	names   *strings.Replacer
	numbers map[string]uint64 // of leases and reservations (lend_test.go), of claims (sharing_test.go)
	shared  []store.SharedRef // (sharing_test.go)
	ahead   atomic.Int64      // of the true time is the store's
	temp    func() string     // a new empty directory
	wrong   []string          // what the present case found
	seen    picture           // after the last case
	present context.Context
}

const dataDir = "codepool-data"

func weak() *store.Options { return &store.Options{Durability: store.WeakNoSync} }

// openWorld makes a world whose store is open.
func openWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), present: t.Context()}
	opt := weak()
	opt.Clock = w.now
	w.s = storetest.OpenAt(t, filepath.Join(w.dir, dataDir), opt)
	w.fill(t)
	return w
}

// placeWorld makes a world for the program: its store is closed.
func placeWorld(t *testing.T, p *program) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), program: p, present: t.Context()}
	err := w.whileOpen(func(s *store.Store) error {
		w.s = s
		defer func() { w.s = nil }()
		w.fill(t)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.writeFiles(t)
	return w
}

// whileOpen opens the store of the world, which is closed, for the time of a call. No process
// may be started meanwhile: until it runs its own program it has what this process has
// open, the store's lock among it.
func (w *world) whileOpen(use func(*store.Store) error) error {
	w.program.starting.RLock()
	defer w.program.starting.RUnlock()
	s, err := store.Open(filepath.Join(w.dir, dataDir), weak())
	if err != nil {
		return err
	}
	return errors.Join(use(s), s.Close())
}

// hold opens the store of a world for the program until the test ends.
func (w *world) hold(t *testing.T) {
	t.Helper()
	s, err := store.Open(filepath.Join(w.dir, dataDir), weak())
	if err != nil {
		t.Fatal(err)
	}
	w.s = s
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// fill puts batches and codes into the store:
//
//	launch    minted: $ISSUED and $OTHER drawn with key draw-1 for order-1; $SPENT redeemed by
//	          ann with key req-1; $UNDONE redeemed with req-2 and undone by desk with undo-1;
//	          $RELEASED drawn and released by desk with back-1; 7 in stock with it
//	given     imported, in stock: GIVEN1
//	past      imported as handed out, window over: PAST1
//	over      minted, of account ann, window over, 4 in stock
//	later     imported as handed out, window not begun: LATER1
//	exact     imported as handed out, case matters: aBcD1234
//	shop      namespace shop, imported as handed out: SHOP1
//	cut       minting 5 was cut off before the first
//	small     namespace small, imported in stock: all ten digits
func (w *world) fill(t *testing.T) {
	t.Helper()
	s, ctx := w.s, t.Context()
	must := func(err error) { // ends the test, also inside of whileOpen
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	launch, err := s.Mint(ctx, store.Batch{Name: "launch", Count: 12, Reward: "coins:5"})
	must(err)
	first, err := s.Issue(ctx, launch.ID, 2, store.To("order-1").Once("draw-1"))
	must(err)
	more, err := s.Issue(ctx, launch.ID, 4, store.To("order-2"))
	must(err)
	for key, code := range map[string]string{"req-1": more[0], "req-2": more[1]} {
		_, err = s.Redeem(ctx, store.Redemption{Code: code, User: "ann", Key: key})
		must(err)
	}
	_, err = s.Undo(ctx, store.Change{Code: more[1], By: "desk", Key: "undo-1"})
	must(err)
	_, err = s.Release(ctx, store.Change{Code: more[2], By: "desk", Key: "back-1"})
	must(err)
	past, future := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err = s.Mint(ctx, store.Batch{Name: "over", Count: 4, Owner: "ann", NotAfter: past})
	must(err)
	for _, in := range []struct {
		b         store.Batch
		code      string
		handedOut bool
	}{
		{store.Batch{Name: "given"}, "GIVEN1", false},
		{store.Batch{Name: "past", NotAfter: past}, "PAST1", true},
		{store.Batch{Name: "later", NotBefore: future}, "LATER1", true},
		{store.Batch{Name: "exact", Format: gen.Format{Class: gen.AlnumCase, Length: 8}}, "aBcD1234", true},
		{store.Batch{Name: "shop", Namespace: "shop"}, "SHOP1", true},
	} {
		_, err = s.Import(ctx, in.b, strings.NewReader(in.code), store.ImportOptions{HandedOut: in.handedOut})
		must(err)
	}
	cut := &ends{ctx, func() bool { _, err := s.BatchNamed("cut"); return err == nil }}
	if _, err := s.Mint(cut, store.Batch{Name: "cut", Count: 5}); err == nil {
		t.Fatal("a mint that should have been cut off came to its end")
	}
	_, err = s.Import(ctx, store.Batch{Name: "small", Namespace: "small", Format: gen.Format{Class: gen.Digits, Length: 1}},
		strings.NewReader("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"), store.ImportOptions{})
	must(err)
	var b strings.Builder
	_, err = s.Backup(ctx, &b)
	must(err)
	w.backup = []byte(b.String())
	w.temp = t.TempDir
	w.names = strings.NewReplacer("$ISSUED", first[0], "$OTHER", first[1], "$SPENT", more[0], "$UNDONE", more[1],
		"$RELEASED", more[2], "$LONG", tooLong)
}

// tooLong is a label that is one byte too long, longest one that is not.
var (
	tooLong = strings.Repeat("x", store.MaxText+1)
	longest = tooLong[1:]
)

// ends is a context that ends as soon as a condition holds.
type ends struct {
	context.Context
	when func() bool
}

func (e *ends) Err() error {
	if e.when() {
		return context.Canceled
	}
	return nil
}

// fault notes that the present case did what it must not.
func (w *world) fault(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// sum is what no refused input may change: the ledger, the counts, the cursors and the batches.
func sum(s *store.Store) string {
	st := s.Stats()
	var b strings.Builder
	fmt.Fprintf(&b, "ledger: %d records\ncodes: %+v\ncursors: %v", st.Ledger, st.Codes, s.Cursors())
	for _, info := range s.Batches() {
		fmt.Fprintf(&b, "\nbatch %d: %+v, %+v, imported %v, complete %v, paused %v, revoked %v, made %v", info.ID, info.Batch, info.Counts, info.Imported, info.Complete, info.Paused, info.Revoked, info.Created)
	}
	return b.String()
}

// listing is a picture of a directory: its paths with their sizes. Locks, which every opening
// writes, are left out, and what is below skip.
func listing(dir, skip string) string {
	return walk(dir, func(rel string, info os.FileInfo) string {
		if rel == skip || info.Name() == "LOCK" {
			return ""
		}
		return fmt.Sprint(rel, " ", info.Size())
	})
}

// storeFiles is a picture of a store's files that is the same after an opening that changed
// nothing: paths, sizes and times of change. An opening begins a new value log, which stays
// empty (store/internal/journal), and touches the engine's manifest.
func storeFiles(dir string) string {
	return walk(dir, func(rel string, info os.FileInfo) string {
		switch {
		case info.Name() == "LOCK", filepath.Ext(rel) == ".vlog":
			return ""
		case info.Name() == "MANIFEST":
			text, err := os.ReadFile(filepath.Join(dir, rel))
			return fmt.Sprintf("%s %x %v", rel, text, err)
		}
		return fmt.Sprint(rel, " ", info.Size(), " ", info.ModTime().UnixNano())
	})
}

// walk writes a line for each path below dir, as line gives it; "" leaves it out.
func walk(dir string, line func(rel string, info os.FileInfo) string) string {
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || rel == "." {
			return err
		}
		text := line(rel, dirless{info})
		switch {
		case text != "":
			lines = append(lines, text)
		case d.IsDir():
			return filepath.SkipDir
		}
		return nil
	})
	if err != nil {
		return err.Error()
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// dirless is a file's description in which a directory has no size and no time: they follow
// from what is in it.
type dirless struct{ os.FileInfo }

func (d dirless) Size() int64 {
	if d.IsDir() {
		return 0
	}
	return d.FileInfo.Size()
}

func (d dirless) ModTime() time.Time {
	if d.IsDir() {
		return time.Unix(0, 0)
	}
	return d.FileInfo.ModTime()
}

// newLines are the lines of after that before lacks, and the other way round.
func newLines(before, after string) string {
	old, now := strings.Split(before, "\n"), strings.Split(after, "\n")
	var out []string
	for _, l := range now {
		if !slices.Contains(old, l) {
			out = append(out, "+ "+l)
		}
	}
	for _, l := range old {
		if !slices.Contains(now, l) {
			out = append(out, "- "+l)
		}
	}
	return strings.Join(out, "\n")
}
