package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

// history is what a store answered, to be held against what is left after a crash.
type history struct {
	drawn    map[string]string // printed code → reference
	receipts []store.Receipt
	keyed    []store.Redemption
}

// makeHistory works on a store a little and notes its answers.
func makeHistory(t *testing.T, s *store.Store, round int, h *history) {
	t.Helper()
	if h.drawn == nil {
		h.drawn = map[string]string{}
	}
	b := mint(t, s, store.Batch{Name: fmt.Sprint("minted ", round), Count: 300, Reward: "r"})
	ref := fmt.Sprint("order ", round)
	codes := issue(t, s, b.ID, 100, ref)
	for _, c := range codes {
		h.drawn[c] = ref
	}
	for i, c := range codes[:20] {
		r := store.Redemption{Code: c, User: fmt.Sprint("u", i), Key: fmt.Sprint("k", round, "-", i)}
		h.keyed, h.receipts = append(h.keyed, r), append(h.receipts, redeem(t, s, r))
	}
	for _, r := range s.RedeemAll(t.Context(), redemptions(codes[20:50], "many")) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		h.receipts = append(h.receipts, r.Receipt)
	}
	given := store.ImportOptions{HandedOut: true, Ref: "printed cards"}
	importCodes(t, s, store.Batch{Name: "given"}, given, fmt.Sprint("CARD-", round), strings.Repeat("wide", 10)+fmt.Sprint(round))
	h.receipts = append(h.receipts, redeem(t, s, store.Redemption{Code: fmt.Sprint("card", round)}))
}

// holds checks every answer of a history on an open store.
func (h *history) holds(t *testing.T, s *store.Store) {
	t.Helper()
	sort.Slice(h.receipts, func(i, j int) bool { return h.receipts[i].Number < h.receipts[j].Number })
	if got := receipts(t, s, 0); !slices.EqualFunc(got, h.receipts, sameReceipt) {
		t.Errorf("the ledger has %d receipts, %d were given, or they differ", len(got), len(h.receipts))
		return
	}
	redeemed := map[string]bool{}
	for _, want := range h.receipts {
		redeemed[want.Code] = true
		wantErr(t, "redeem again", s.RedeemAll(t.Context(), []store.Redemption{{Code: want.Code}})[0].Err, store.ErrAlreadyRedeemed)
	}
	for printed, ref := range h.drawn {
		info, err := s.Lookup(t.Context(), "", printed)
		want := shard.Issued
		if redeemed[info.Code] {
			want = shard.Redeemed
		}
		if err != nil || info.Ref != ref || info.State != want || (info.Receipt != nil) != (want == shard.Redeemed) {
			t.Errorf("%s is %+v, %v; want %v for %q", printed, info, err, want, ref)
			return
		}
	}
	for i, r := range h.keyed {
		if got, err := s.Redeem(t.Context(), r); err != nil || got.Code == "" || got.User != r.User {
			t.Errorf("retry %d with key %q: %+v, %v", i, r.Key, got, err)
			return
		}
	}
}

// A crash leaves what the operating system held of the files. Everything answered
// before it holds, wherever the checkpoints are (I2, I3).
func TestRecoverAfterCrash(t *testing.T) {
	for _, o := range []store.Options{{}, {CheckpointEvery: 1}, {CheckpointEvery: 40}, {Durability: store.WeakNoSync}} {
		t.Run(fmt.Sprintf("checkpoint=%d/durability=%d", o.CheckpointEvery, o.Durability), func(t *testing.T) {
			dir := t.TempDir()
			s := storetest.OpenAt(t, dir, &o)
			var h history
			for round := range 4 {
				makeHistory(t, s, round, &h)
				if round == 2 {
					if err := s.Checkpoint(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				h.holds(t, storetest.OpenAt(t, copyDir(t, dir), &o))
			}
		})
	}
}

// A crash of the store that recovered, and so on: recovery does not wear out.
func TestRecoverAgainAndAgain(t *testing.T) {
	dir := t.TempDir()
	var h history
	for round := range 6 {
		s := storetest.OpenAt(t, dir, weak())
		h.holds(t, s)
		makeHistory(t, s, round, &h)
		dir = copyDir(t, dir)
	}
	h.holds(t, storetest.OpenAt(t, dir, weak()))
}

// Stripes are a matter of one process: any number of them reads any directory.
func TestReopenWithOtherShards(t *testing.T) {
	dir := t.TempDir()
	var h history
	for round, shards := range []int{64, 1, 2, 4096, 1, 64} {
		o := weak()
		o.Shards = shards
		s := open(t, dir, o)
		if got := s.Stats().Shards; got != shards {
			t.Errorf("%d shards, want %d", got, shards)
		}
		h.holds(t, s)
		storetest.Verify(t, s)
		makeHistory(t, s, round, &h)
		if round%2 == 0 {
			mustClose(t, s)
		} else {
			crashed := copyDir(t, dir)
			mustClose(t, s)
			dir = crashed
		}
	}
	h.holds(t, storetest.OpenAt(t, dir, weak()))
}

// refusedOrWhole opens a damaged copy of dir: either every answer holds, or it is
// refused with a typed error, and what Open did to it cannot keep the missing files
// from being copied after all.
func refusedOrWhole(t *testing.T, dir, damaged string, h *history, missing ...string) {
	t.Helper()
	s, err := store.Open(damaged, weak())
	if err == nil {
		defer mustClose(t, s)
		if rep, err := s.Verify(t.Context()); err != nil || !rep.OK() {
			t.Errorf("opened, and Verify says %v %v", rep.Problems, err)
		}
		h.holds(t, s)
		return
	}
	if !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrFormat) {
		t.Errorf("refused with %v, want ErrCorrupt or ErrFormat", err)
	}
	for _, name := range missing {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(damaged, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := copyFile(filepath.Join(dir, name), filepath.Join(damaged, name)); err != nil {
			t.Fatal(err)
		}
	}
	s, err2 := store.Open(damaged, weak())
	if err2 != nil {
		t.Errorf("refused with %v; then completed, and refused with %v", err, err2)
		return
	}
	defer mustClose(t, s)
	h.holds(t, s)
}

// flushed makes a directory whose data is in tables as well as in a write-ahead log.
func flushed(t *testing.T) (dir string, h *history) {
	t.Helper()
	dir, h = t.TempDir(), &history{}
	s := open(t, dir, weak())
	makeHistory(t, s, 0, h)
	mustClose(t, s) // the engine writes a table
	s = open(t, dir, weak())
	makeHistory(t, s, 1, h)
	t.Cleanup(func() { mustClose(t, s) })
	return dir, h
}

func TestHalfCopiedOneMissing(t *testing.T) {
	dir, h := flushed(t)
	names := files(t, dir)
	if len(names) < 6 {
		t.Fatalf("only %v in the directory", names)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) { refusedOrWhole(t, dir, copyDir(t, dir, name), h, name) })
	}
	t.Run("journal", func(t *testing.T) {
		damaged := copyDir(t, dir)
		if err := os.RemoveAll(filepath.Join(damaged, "journal")); err != nil {
			t.Fatal(err)
		}
		journal := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return filepath.Dir(n) != "journal" })
		refusedOrWhole(t, dir, damaged, h, journal...)
	})
}

// A copy that was cut off: the first files are there, in either order.
func TestHalfCopiedCutOff(t *testing.T) {
	dir, h := flushed(t)
	names := files(t, dir)
	for n := 1; n < len(names); n++ {
		t.Run(fmt.Sprint("first ", n), func(t *testing.T) {
			refusedOrWhole(t, dir, copyDir(t, dir, names[n:]...), h, names[n:]...)
		})
		t.Run(fmt.Sprint("last ", n), func(t *testing.T) {
			missing := names[:len(names)-n]
			refusedOrWhole(t, dir, copyDir(t, dir, missing...), h, missing...)
		})
	}
}

// Each file cut to a part of its length.
func TestHalfCopiedFile(t *testing.T) {
	dir, h := flushed(t)
	for _, name := range files(t, dir) {
		for part := range int64(fewer(4, 2)) {
			t.Run(fmt.Sprintf("%s/%d of 4", filepath.Base(name), part), func(t *testing.T) {
				damaged := copyDir(t, dir)
				path := filepath.Join(damaged, name)
				fi, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(path, fi.Size()*part/4); err != nil {
					t.Fatal(err)
				}
				refusedOrWhole(t, dir, damaged, h, name)
			})
		}
	}
}

// The high-water mark knows more than a log that lost its end (I2).
func TestLostEndOfLogIsNoticed(t *testing.T) {
	dir := t.TempDir()
	s := storetest.OpenAt(t, dir, weak())
	codes := issued(t, s, "b", 10)
	early := copyDir(t, dir)
	redeem(t, s, store.Redemption{Code: codes[0]})
	mark, err := os.ReadFile(filepath.Join(dir, "HIGHWATER"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(early, "HIGHWATER"), mark, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(early, weak())
	wantErr(t, "a journal older than the high-water mark", err, store.ErrCorrupt)
	if err != nil && !strings.Contains(err.Error(), "durable") {
		t.Errorf("the error does not say what is lost: %v", err)
	}
	torn := slices.Clone(mark) // a torn write spoils one slot, no more
	torn[8] ^= 0xFF
	c := copyDir(t, dir)
	if err := os.WriteFile(filepath.Join(c, "HIGHWATER"), torn, 0o644); err != nil {
		t.Fatal(err)
	}
	mustClose(t, open(t, c, weak()))
	for i := range torn {
		torn[i] ^= 0x55
	}
	if err := os.WriteFile(filepath.Join(c, "HIGHWATER"), torn, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(c, weak())
	wantErr(t, "no readable slot", err, store.ErrCorrupt)
}

// A crash can leave a write-ahead log with no bytes.
func TestEmptyLog(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	var h history
	makeHistory(t, s, 0, &h)
	mustClose(t, s)
	logs, err := filepath.Glob(filepath.Join(dir, "journal", "*.mem"))
	if err != nil {
		t.Fatal(err)
	}
	next := "00001.mem"
	if len(logs) > 0 {
		last := filepath.Base(logs[len(logs)-1])
		var n int
		if _, err := fmt.Sscanf(last, "%05d.mem", &n); err != nil {
			t.Fatal(err)
		}
		next = fmt.Sprintf("%05d.mem", n+1)
	}
	if err := os.WriteFile(filepath.Join(dir, "journal", next), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s = storetest.OpenAt(t, dir, weak())
	h.holds(t, s)
	makeHistory(t, s, 1, &h)
	c := copyDir(t, dir) // the same beside a log that is in use
	if err := os.WriteFile(filepath.Join(c, "journal", "00099.mem"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	h.holds(t, storetest.OpenAt(t, c, weak()))
	old := copyDir(t, dir) // killed while the engine deletes a log that is in a table: it truncates it first
	if err := os.WriteFile(filepath.Join(old, "journal", "00000.mem"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	h.holds(t, storetest.OpenAt(t, old, weak()))
	values, err := filepath.Glob(filepath.Join(dir, "journal", "*.vlog"))
	if err != nil || len(values) == 0 {
		t.Fatal(values, err)
	}
	for _, name := range []string{filepath.Base(values[0]), "000000.vlog", "009999.vlog"} { // the same for the value log
		c := copyDir(t, dir)
		if err := os.WriteFile(filepath.Join(c, "journal", name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		h.holds(t, storetest.OpenAt(t, c, weak()))
	}
}
