package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

// TestBadInput is the table of what a store is given wrongly: the error each gets.
// Nothing may change, and the store goes on.
func TestBadInput(t *testing.T) {
	clk := newClock()
	o := weak()
	o.Clock = clk.Now
	s := storetest.OpenAt(t, t.TempDir(), o)
	ctx := t.Context()
	codes := issued(t, s, "b", 20)
	stock := mint(t, s, store.Batch{Name: "stock", Count: 10})
	importCodes(t, s, store.Batch{Name: "given"}, store.ImportOptions{}, "A", "B")
	redeem(t, s, store.Redemption{Code: codes[19], User: "u", Key: "used"})
	long := strings.Repeat("x", 10<<10)

	redeemIt := func(r store.Redemption) func() error {
		return func() error {
			_, err := s.Redeem(ctx, r)
			all := s.RedeemAll(ctx, []store.Redemption{r})[0].Err
			var called error
			done := make(chan struct{})
			s.RedeemFunc(ctx, r, func(_ store.Receipt, err error) { called = err; close(done) })
			<-done
			if fmt.Sprint(err) != fmt.Sprint(all) || fmt.Sprint(err) != fmt.Sprint(called) {
				t.Errorf("Redeem says %v, RedeemAll %v, RedeemFunc %v", err, all, called)
			}
			return err
		}
	}
	mintIt := func(b store.Batch) func() error { return func() error { _, err := s.Mint(ctx, b); return err } }
	importIt := func(text string, o store.ImportOptions) func() error {
		return func() error {
			_, err := s.Import(ctx, store.Batch{Name: "bad"}, strings.NewReader(text), o)
			return err
		}
	}
	issueIt := func(id store.BatchID, n int, d store.Draw) func() error {
		return func() error { _, err := s.Issue(ctx, id, n, d); return err }
	}
	lookupIt := func(ns, code string) func() error {
		return func() error { _, err := s.Lookup(ctx, ns, code); return err }
	}
	digits := gen.Format{Class: gen.Digits, Length: 4}
	for _, tc := range []struct {
		name string
		do   func() error
		want error
		says string // in the error's text
	}{
		{"redeem empty", redeemIt(store.Redemption{}), store.ErrUnknownCode, ""},
		{"redeem blanks", redeemIt(store.Redemption{Code: " - -\t"}), store.ErrUnknownCode, ""},
		{"redeem too long", redeemIt(store.Redemption{Code: strings.Repeat("A", 65)}), store.ErrUnknownCode, ""},
		{"redeem 10 KB", redeemIt(store.Redemption{Code: long}), store.ErrUnknownCode, ""},
		{"redeem not UTF-8", redeemIt(store.Redemption{Code: "\xff\xfe\xfd"}), store.ErrUnknownCode, ""},
		{"redeem a NUL", redeemIt(store.Redemption{Code: "A\x00"}), store.ErrUnknownCode, ""},
		{"redeem foreign letters", redeemIt(store.Redemption{Code: "ЖЖЖЖ-ЖЖЖЖ-ЖЖЖЖ"}), store.ErrUnknownCode, ""},
		{"redeem unknown", redeemIt(store.Redemption{Code: "7KQF-2M9X-T4WC"}), store.ErrUnknownCode, ""},
		{"redeem unknown namespace", redeemIt(store.Redemption{Code: codes[0], Namespace: "nowhere"}), store.ErrUnknownCode, ""},
		{"redeem from stock", redeemIt(store.Redemption{Code: "A"}), store.ErrNotIssued, ""},
		{"redeem twice", redeemIt(store.Redemption{Code: codes[19]}), store.ErrAlreadyRedeemed, ""},
		{"redeem, used key", redeemIt(store.Redemption{Code: codes[0], User: "u", Key: "used"}), store.ErrKeyConflict, "used"},
		{"redeem, long user", redeemIt(store.Redemption{Code: codes[0], User: long}), store.ErrInvalid, "User has 10240 bytes"},
		{"redeem, long key", redeemIt(store.Redemption{Code: codes[0], Key: long}), store.ErrInvalid, "Key has 10240 bytes"},
		{"redeem, user not UTF-8", redeemIt(store.Redemption{Code: codes[0], User: "\xff"}), store.ErrInvalid, "User is not valid UTF-8"},
		{"redeem, control in key", redeemIt(store.Redemption{Code: codes[0], Key: "a\nb"}), store.ErrInvalid, "control"},

		{"check empty", func() error { return s.Check(ctx, store.Redemption{}) }, store.ErrUnknownCode, ""},
		{"check long user", func() error { return s.Check(ctx, store.Redemption{Code: codes[0], User: long}) }, store.ErrInvalid, "User"},
		{"lookup empty", lookupIt("", ""), store.ErrUnknownCode, ""},
		{"lookup too long", lookupIt("", long), store.ErrUnknownCode, ""},
		{"lookup unknown namespace", lookupIt("nowhere", codes[0]), store.ErrUnknownCode, ""},

		{"issue zero", issueIt(stock.ID, 0, store.To("x")), store.ErrInvalid, "0"},
		{"issue negative", issueIt(stock.ID, -1, store.To("x")), store.ErrInvalid, "-1"},
		{"issue too many at once", issueIt(stock.ID, store.MaxIssue+1, store.To("x")), store.ErrInvalid, fmt.Sprint(store.MaxIssue)},
		{"issue more than there are", issueIt(stock.ID, 11, store.To("x")), store.ErrEmpty, "11"},
		{"issue from batch 0", issueIt(0, 1, store.To("x")), store.ErrUnknownBatch, ""},
		{"issue from an unknown batch", issueIt(99, 1, store.To("x")), store.ErrUnknownBatch, "99"},
		{"issue to 10 KB", issueIt(stock.ID, 1, store.To(long)), store.ErrInvalid, "Ref has 10240 bytes"},
		{"issue with a key of 10 KB", issueIt(stock.ID, 1, store.To("x").Once(long)), store.ErrInvalid, "Key"},
		{"issue to not UTF-8", issueIt(stock.ID, 1, store.To("\xff")), store.ErrInvalid, "Ref"},
		{"batch unknown", func() error { _, err := s.Batch(99); return err }, store.ErrUnknownBatch, "99"},
		{"batch name unknown", func() error { _, err := s.BatchNamed("nobody"); return err }, store.ErrUnknownBatch, "nobody"},

		{"mint nothing", mintIt(store.Batch{Name: "x"}), store.ErrInvalid, "count is 0"},
		{"mint less than nothing", mintIt(store.Batch{Name: "x", Count: -5}), store.ErrInvalid, "count is -5"},
		{"mint too many", mintIt(store.Batch{Name: "x", Count: store.MaxBatch + 1}), store.ErrInvalid, "count is"},
		{"mint more than the format holds", mintIt(store.Batch{Name: "x", Count: 5001, Format: digits}), store.ErrSpace, "10000"},
		{"mint an unknown class", mintIt(store.Batch{Name: "x", Count: 1, Format: gen.Format{Class: 99}}), store.ErrInvalid, ""},
		{"mint any", mintIt(store.Batch{Name: "x", Count: 1, Format: gen.Format{Class: gen.Any}}), store.ErrInvalid, "any"},
		{"mint codes of 65", mintIt(store.Batch{Name: "x", Count: 1, Format: gen.Format{Length: 65}}), store.ErrInvalid, ""},
		{"window reversed", mintIt(store.Batch{Name: "x", Count: 1, NotBefore: clk.now, NotAfter: clk.now.Add(-time.Hour)}), store.ErrInvalid, "window"},
		{"window empty", mintIt(store.Batch{Name: "x", Count: 1, NotBefore: clk.now, NotAfter: clk.now}), store.ErrInvalid, "window"},
		{"window beyond the calendar", mintIt(store.Batch{Name: "x", Count: 1, NotAfter: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)}), store.ErrInvalid, ""},
		{"name of 10 KB", mintIt(store.Batch{Name: long, Count: 1}), store.ErrInvalid, "Name has 10240 bytes"},
		{"name not UTF-8", mintIt(store.Batch{Name: "\xff", Count: 1}), store.ErrInvalid, "Name"},
		{"name with blanks around it", mintIt(store.Batch{Name: " x", Count: 1}), store.ErrInvalid, "white space"},
		{"name taken", mintIt(store.Batch{Name: "stock", Count: 10}), store.ErrBatchExists, "stock"},
		{"name taken by an import", mintIt(store.Batch{Name: "given", Count: 10}), store.ErrBatchExists, "given"},
		{"everything at once", mintIt(store.Batch{Name: " ", Remark: long, Owner: "\xff", NotBefore: clk.now, NotAfter: clk.now}), store.ErrInvalid, "Remark"},

		{"import a comma too many", importIt("code,user\nC,1\nD,2,3\n", store.ImportOptions{}), store.ErrBadLine, "line 3"},
		{"import a comma too few", importIt("code,user\nC\n", store.ImportOptions{}), store.ErrBadLine, "line 2"},
		{"import a comma without header", importIt("C\nD,E\n", store.ImportOptions{}), store.ErrBadLine, "line 2"},
		{"import two columns without header", importIt("C,D\n", store.ImportOptions{}), store.ErrBadLine, "line 1"},
		{"import BOM", importIt("\ufeffcode\nC\n", store.ImportOptions{}), store.ErrBadLine, "byte-order mark"},
		{"import BOM inside", importIt("C\n\ufeffD\n", store.ImportOptions{}), store.ErrBadLine, "byte-order mark"},
		{"import UTF-16", importIt("\xff\xfeC\x00\n\x00", store.ImportOptions{AllowBOM: true}), store.ErrBadLine, "UTF-16"},
		{"import UTF-16 big", importIt("\xfe\xff\x00C\x00\n", store.ImportOptions{}), store.ErrBadLine, "UTF-16"},
		{"import not UTF-8", importIt("C\n\xc3\x28\n", store.ImportOptions{}), store.ErrBadLine, "line 2"},
		{"import a long line", importIt("C\n"+long+"\n", store.ImportOptions{}), store.ErrBadLine, "line 2"},
		{"import 65 bytes", importIt(strings.Repeat("C", 65), store.ImportOptions{}), store.ErrBadLine, "line 1"},
		{"import an open quote", importIt("C\n\"D\n", store.ImportOptions{}), store.ErrBadLine, "line 2"},
		{"import a blank code", importIt("code,user\n ,1\n", store.ImportOptions{}), store.ErrBadLine, "line 2"},
		{"import ref without handing out", importIt("C\n", store.ImportOptions{Ref: "x"}), store.ErrInvalid, "Ref"},
		{"import long ref", importIt("C\n", store.ImportOptions{Ref: long, HandedOut: true}), store.ErrInvalid, "Ref"},
		{"import wrong alphabet", func() error {
			_, err := s.Import(ctx, store.Batch{Name: "bad", Format: digits}, strings.NewReader("1234\n12A4\n"), store.ImportOptions{})
			return err
		}, store.ErrBadLine, "line 2"},
		{"import wrong length", func() error {
			_, err := s.Import(ctx, store.Batch{Name: "bad", Format: digits}, strings.NewReader("1234\n12345\n"), store.ImportOptions{})
			return err
		}, store.ErrBadLine, "line 2"},
		{"import into other terms", func() error {
			_, err := s.Import(ctx, store.Batch{Name: "given", Reward: "other"}, strings.NewReader("C\n"), store.ImportOptions{})
			return err
		}, store.ErrBatchExists, "given"},
		{"import from a failing reader", func() error {
			_, err := s.Import(ctx, store.Batch{Name: "bad"}, io.MultiReader(strings.NewReader("C\n"), failingReader{}), store.ImportOptions{})
			return err
		}, errPipe, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, batches := s.Stats(), len(s.Batches())
			err := tc.do()
			wantErr(t, tc.name, err, tc.want)
			if err != nil && (!strings.Contains(err.Error(), tc.says) || len(err.Error()) > 2000) {
				t.Errorf("the error should mention %q and be short: %v", tc.says, err)
			}
			after := s.Stats()
			if after.Codes != before.Codes || after.Ledger != before.Ledger || len(s.Batches()) != batches {
				t.Errorf("it changed the store from %+v to %+v", before, after)
			}
		})
	}
	storetest.Verify(t, s)
	redeem(t, s, store.Redemption{Code: codes[0]})
	issue(t, s, stock.ID, 10, "x")
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errPipe }

// verbs are all calls that take a context.
func verbs(s *store.Store, code string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"redeem": func(ctx context.Context) error { _, err := s.Redeem(ctx, store.Redemption{Code: code}); return err },
		"redeem all": func(ctx context.Context) error {
			return s.RedeemAll(ctx, []store.Redemption{{Code: code}, {Code: "?"}})[0].Err
		},
		"redeem func": func(ctx context.Context) (err error) {
			done := make(chan struct{})
			s.RedeemFunc(ctx, store.Redemption{Code: code}, func(_ store.Receipt, e error) { err = e; close(done) })
			<-done
			return err
		},
		"issue":      func(ctx context.Context) error { _, err := s.Issue(ctx, 1, 1, store.To("x")); return err },
		"issue once": func(ctx context.Context) error { _, err := s.Issue(ctx, 1, 1, store.To("x").Once("k")); return err },
		"mint": func(ctx context.Context) error {
			_, err := s.Mint(ctx, store.Batch{Name: "late", Count: 1})
			return err
		},
		"import": func(ctx context.Context) error {
			_, err := s.Import(ctx, store.Batch{Name: "late"}, strings.NewReader("X\n"), store.ImportOptions{})
			return err
		},
		"check":      func(ctx context.Context) error { return s.Check(ctx, store.Redemption{Code: code}) },
		"lookup":     func(ctx context.Context) error { _, err := s.Lookup(ctx, "", code); return err },
		"verify":     func(ctx context.Context) error { _, err := s.Verify(ctx); return err },
		"backup":     func(ctx context.Context) error { _, err := s.Backup(ctx, io.Discard); return err },
		"checkpoint": func(ctx context.Context) error { return s.Checkpoint(ctx) },
		"receipts": func(ctx context.Context) (last error) {
			for _, err := range s.Receipts(ctx, 0) {
				last = err
			}
			return last
		},
	}
}

func TestCancelledContext(t *testing.T) {
	s := storetest.Open(t)
	b := mint(t, s, store.Batch{Name: "b", Count: 20})
	code := issue(t, s, b.ID, 1, "x")[0]
	reason := errors.New("the player left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	before := s.Stats()
	for name, call := range verbs(s, code) {
		if err := call(ctx); !errors.Is(err, reason) && !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: %v", name, err)
		}
	}
	if after := s.Stats(); after.Ledger != before.Ledger || after.Batches != before.Batches || after.Codes != before.Codes {
		t.Errorf("cancelled calls changed the store from %+v to %+v", before, after)
	}
	redeem(t, s, store.Redemption{Code: code})
}

func TestClosedStore(t *testing.T) {
	s := storetest.Open(t)
	code := issued(t, s, "b", 20)[0]
	mustClose(t, s)
	for name, call := range verbs(s, code) {
		wantErr(t, name+" on a closed store", call(t.Context()), store.ErrClosed)
	}
	if st := s.Stats(); st.Batches != 1 {
		t.Errorf("Stats of a closed store: %+v", st)
	}
	if _, err := s.Batch(1); err != nil || len(s.Batches()) != 1 {
		t.Errorf("batches of a closed store: %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	bad := map[string]store.Options{
		"Shards":            {Shards: 3},
		"Shards is -1":      {Shards: -1},
		"Shards is 1048576": {Shards: 1 << 20},
		"Durability":        {Durability: 7},
		"MemTableSize":      {MemTableSize: 1 << 20},
		"CheckpointEvery":   {CheckpointEvery: -1},
		"MaxPending":        {MaxPending: 10},
		"DiskReserve":       {DiskReserve: 1},
		"GuessesPerHour":    {GuessesPerHour: -1},
		"GuessLimit":        {GuessLimit: -0.5},
	}
	for says, o := range bad {
		dir := filepath.Join(t.TempDir(), "none")
		_, err := store.Open(dir, &o)
		wantErr(t, says, err, store.ErrInvalid)
		if err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("the error does not name %s: %v", says, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the directory was made all the same", says)
		}
	}
	_, err := store.Open(t.TempDir(), &store.Options{Shards: 3, MaxPending: 1, GuessLimit: -1, Durability: 9})
	for _, name := range []string{"Shards", "MaxPending", "GuessLimit", "Durability"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("of several violations %s is not named: %v", name, err)
		}
	}
}

func TestOpenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(file, weak())
	wantErr(t, "a file", err, store.ErrInvalid)
	if _, err := store.Open(filepath.Join(file, "below"), weak()); err == nil {
		t.Error("a directory below a file was opened")
	}
}

// Root may write everywhere; where tests run as root the directory is on a read-only
// file system (readonly_linux_test.go).
func TestOpenForbidden(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere; see TestOpenReadOnly")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	for _, path := range []string{dir, filepath.Join(dir, "new")} {
		_, err := store.Open(path, weak())
		wantErr(t, path, err, store.ErrReadOnly)
	}
}
