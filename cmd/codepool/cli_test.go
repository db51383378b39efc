package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
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
)

func TestNeutral(t *testing.T) {
	for cell, want := range map[string]string{
		"":                   "",
		"7KQF-2M9X":          "7KQF-2M9X",
		"a=b":                "a=b",
		"=1+1":               "'=1+1",
		"+1":                 "'+1",
		"-1":                 "'-1",
		"@SUM(A1)":           "'@SUM(A1)",
		"  =1":               "'  =1",
		"\t=1":               "'\t=1",
		"\r=1":               "'\r=1",
		"\n=1":               "'\n=1",
		"＝1":                 "'＝1",
		"＠x":                 "'＠x",
		`=HYPERLINK("http")`: `'=HYPERLINK("http")`,
		"'=1":                "'=1",
	} {
		if got := neutral(cell); got != want {
			t.Errorf("neutral(%q) is %q, want %q", cell, got, want)
		}
	}
}

// Whatever a cell holds, the file has it in one cell that no spreadsheet runs.
func FuzzNeutral(f *testing.F) {
	for _, s := range []string{"=1", " -x", "a,b", "\"", "\n", "＋"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		got := neutral(cell)
		if strings.TrimPrefix(got, "'") != cell && got != cell {
			t.Fatalf("neutral(%q) is %q", cell, got)
		}
		if strings.IndexAny(strings.TrimLeft(got, " "), formulaStarts) == 0 {
			t.Fatalf("%q is a formula", got)
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.Write([]string{"x", got}); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if strings.ContainsAny(got, "\r") { // a reader of CSV turns \r\n into \n
			return
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != 1 || len(rows[0]) != 2 || rows[0][1] != got {
			t.Fatalf("%q came back as %q, %v", got, rows, err)
		}
	})
}

func TestParseAmount(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "500": 500, "1_000_000": 1e6, "10k": 10_000, "10K": 10_000, "2M": 2_000_000, "1_5k": 15_000, "4294967296": 1 << 32,
	} {
		if got, err := parseAmount(text); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "0", "-1", "0k", "k", "1.5M", "1e6", "0x10", "1,000", "_1", "1_", "1__0", "1 k", "1G", "١", "9223372036854775807k", "9223372036854775808",
	} {
		if got, err := parseAmount(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}

func TestInstant(t *testing.T) {
	for text, want := range map[string]string{
		"2027-01-31": "2027-01-31T00:00:00Z", "2027-01-31T18:00:00+01:00": "2027-01-31T17:00:00Z",
	} {
		var i instant
		if err := i.Set(text); err != nil || i.String() != want {
			t.Errorf("%q is %v, %v", text, i.String(), err)
		}
	}
	for _, text := range []string{"", "soon", "31.01.2027", "2027-02-30", "2027-01-31 18:00"} {
		if err := new(instant).Set(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestSpan(t *testing.T) {
	for text, want := range map[string]string{
		"10m": "10m", "90s": "1m30s", "1h30m": "1h30m", "36h": "36h", "7d": "7d", "168h": "7d", "1.5h": "1h30m", "1us": "1µs", "106751d": "106751d", "1h0m5s": "1h0m5s",
	} {
		var d span
		if err := d.Set(text); err != nil || d.String() != want {
			t.Errorf("%q is %v, %v", text, &d, err)
		}
		if again := (span{}); again.Set(d.String()) != nil || again.Set(d.String()) == nil && again != d {
			t.Errorf("%q does not read back", &d)
		}
	}
	for _, text := range []string{"", "0", "0s", "0d", "-1m", "-1d", "d", "1.5d", "10", "106752d", "99999999999999999999d", "1w", "soon"} {
		if err := new(span).Set(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// Every error of the store has a name, an exit code and, where there is something
// to do, advice.
func TestErrorKinds(t *testing.T) {
	seen := map[error]bool{}
	for _, k := range kinds {
		if k.err == nil || k.reason == "" || k.exit == exitOK || seen[k.err] {
			t.Errorf("bad line of the table: %+v", k)
		}
		seen[k.err] = true
	}
	for err, want := range map[error]int{
		store.ErrUnknownCode: 3, store.ErrAlreadyRedeemed: 4, store.ErrEmpty: 5, store.ErrLocked: 6, &store.LockError{}: 6,
		store.ErrNotIssued: 7, store.ErrNotOwner: 7, store.ErrExpired: 7, store.ErrNotYetValid: 7, store.ErrPaused: 7, store.ErrReserved: 7, store.ErrUserLimit: 7, store.ErrNoKey: 7, store.ErrUnknownLease: 1, store.ErrLeaseEnded: 7, store.ErrLeaseOver: 7, store.ErrBeyond: 7, store.ErrNoUser: 7, store.ErrNotRedeemed: 7, store.ErrSoldOut: 5, store.ErrNoToken: 5, store.ErrTaken: 7, store.ErrOwnShare: 7, store.ErrNotMember: 7, store.ErrNotSender: 7, store.ErrShareEnded: 7, store.ErrNotEnded: 7, store.ErrNotClaimed: 7, errNoReveal: 1, errOtherSplit: 1, errNoRef: 1, errNoCursor: 1, store.ErrRevoked: 7, store.ErrKeyConflict: 7,
		store.ErrInvalid: 2, store.ErrCorrupt: 1, errInterrupted: 130, errors.New("other"): 1, gen.ErrFormat: 2,
		&failure{err: store.ErrEmpty, exit: 1}: 1, &failure{doing: "x", err: store.ErrEmpty}: 5,
	} {
		if got := exitCode(fmt.Errorf("wrapped: %w", err)); got != want {
			t.Errorf("%v exits with %d, want %d", err, got, want)
		}
	}
}

// testApp is an app that takes its pipes for terminals.
func testApp(t *testing.T, typed string) (*app, *bytes.Buffer) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, typed); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { r.Close() })
	var errw bytes.Buffer
	a := &app{in: r, out: bufio.NewWriter(io.Discard), errw: &errw}
	a.tty.in, a.tty.out, a.tty.err = true, true, true
	return a, &errw
}

func TestConfirm(t *testing.T) {
	for typed, want := range map[string]error{"y\n": nil, " YES \n": nil, "n\n": errNotYes, "\n": errNotYes, "": errNotYes, "y": nil} {
		a, errw := testApp(t, typed)
		if err := a.confirm(t.Context(), false, "Really?"); !errors.Is(err, want) {
			t.Errorf("%q: %v", typed, err)
		}
		if errw.String() != "Really? [y/N] " {
			t.Errorf("asked %q", errw)
		}
	}
	a, errw := testApp(t, "y\n")
	a.tty.in = false
	if err := a.confirm(t.Context(), false, "Really?"); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), "--force") {
		t.Errorf("without a terminal: %v", err)
	}
	if err := a.confirm(t.Context(), true, "Really?"); err != nil || errw.Len() > 0 {
		t.Errorf("with --force: %v, %q", err, errw)
	}
}

func TestProgressIsForPeople(t *testing.T) {
	t.Setenv("CI", "")
	t.Setenv("TERM", "xterm")
	a, _ := testApp(t, "")
	if !a.showsProgress() {
		t.Error("no progress on a terminal")
	}
	for name, change := range map[string]func(a *app, t *testing.T){
		"quiet":  func(a *app, _ *testing.T) { a.quiet = true },
		"json":   func(a *app, _ *testing.T) { a.json = true },
		"no tty": func(a *app, _ *testing.T) { a.tty.err = false },
		"ci":     func(_ *app, t *testing.T) { t.Setenv("CI", "true") },
		"dumb":   func(_ *app, t *testing.T) { t.Setenv("TERM", "dumb") },
	} {
		t.Run(name, func(t *testing.T) {
			a, errw := testApp(t, "")
			change(a, t)
			stop := a.follow("x", 10, func() int64 { return 5 })
			stop()
			if a.showsProgress() || errw.Len() > 0 {
				t.Errorf("progress: %q", errw)
			}
		})
	}
}

func TestSignals(t *testing.T) {
	signals := make(chan os.Signal)
	calls := make(chan string)
	go onSignals(signals, func() { calls <- "stop" }, func() { calls <- "abort" })
	for _, want := range []string{"stop", "abort"} {
		signals <- os.Interrupt
		if got := <-calls; got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	write := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			_, werr := io.WriteString(w, text)
			return errors.Join(werr, err)
		}
	}
	broken := errors.New("broken")
	if err := writeFile(path, false, write("half", broken)); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if err := writeFile(path, false, write("one", nil)); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(path, false, write("two", nil)); !errors.Is(err, errExists) {
		t.Fatal(err)
	}
	if err := writeFile(path, true, write("half", broken)); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "one" {
		t.Fatalf("%q, %v", text, err)
	}
	if err := writeFile(path, true, write("two", nil)); err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Fatalf("left behind: %v, %v", names, err)
	}
}

// Reading from what may block for good ends with the context.
func TestInputEndsWithContext(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	a := &app{in: r}
	in, _, err := a.input(ctx, "-")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cancel(errInterrupted)
	if _, err := io.ReadAll(in); !errors.Is(err, errInterrupted) {
		t.Fatal(err)
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain 红包": "plain 红包", "a\x1b[31mb": `a\x1b[31mb`, "a\u202eb": `a\u202eb`, "\n": `\n`, "\u0085": `\u0085`,
	} {
		if got := clean(text); got != want {
			t.Errorf("clean(%q) is %q", text, got)
		}
	}
}

func TestTable(t *testing.T) {
	tab := newTable("name", ">n")
	tab.row("红包", "5")
	tab.row("x", "1,000")
	var b bytes.Buffer
	tab.write(&b)
	want := "name      n\n红包      5\nx     1,000\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 850: "850ns", 12_341: "12.34µs", 211_114_321: "211.11ms", 24_634_000_000: "24.63s", 90 * time.Second: "1m30s",
	} {
		if got := short(d); got != want {
			t.Errorf("%d is %s, want %s", d, got, want)
		}
	}
}

func TestShellQuote(t *testing.T) {
	for word, want := range map[string]string{"a-b/c.d": "a-b/c.d", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "红": "'红'"} {
		if got := shellQuote(word); got != want {
			t.Errorf("%q is %s", word, got)
		}
	}
}
