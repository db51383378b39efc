package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"codepool/cmd/codepool/internal/receipts"
	"codepool/store"
)

// drawnStore makes a store with a batch of ten codes, three of which are drawn for "order".
func drawnStore(t *testing.T) (dir string, codes []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	s, err := store.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Mint(t.Context(), store.Batch{Name: "b", Count: 10})
	if err != nil {
		t.Fatal(err)
	}
	if codes, err = s.Issue(t.Context(), b.ID, 3, store.To("order")); err != nil {
		t.Fatal(err)
	}
	return dir, codes
}

func countsIn(t *testing.T, dir string) store.Counts {
	t.Helper()
	s, err := store.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return s.Batches()[0].Counts
}

// runHere runs a command as if a person at a terminal had typed it, and then an answer.
func runHere(t *testing.T, ctx context.Context, typed string, args ...string) (*bytes.Buffer, error) {
	t.Helper()
	a, errw := testApp(t, typed)
	root := a.root()
	root.SetArgs(append(args, "--quiet"))
	return errw, root.ExecuteContext(ctx)
}

// Revoke asks a person, says what would be withdrawn, and does nothing without a yes.
func TestRevokeAsks(t *testing.T) {
	dir, codes := drawnStore(t)
	file := filepath.Join(t.TempDir(), "leaked.csv")
	if err := os.WriteFile(file, []byte(codes[0]+"\n\n"+codes[1]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sources := []struct {
		args    []string
		asked   string
		revoked int64 // in all, once it is done
	}{
		{[]string{codes[0]}, "Withdraw " + codes[0] + " for ever? [y/N] ", 1},
		{[]string{"--file", file}, "Withdraw the 2 codes in " + file + " for ever? (1 line cannot be read.) [y/N] ", 2},
		{[]string{"--ref", "order"}, "Withdraw the 1 code that order still has for ever? [y/N] ", 3},
		{[]string{"--batch", "b"}, "Withdraw what is not redeemed of batch b, 7 codes, for ever? [y/N] ", 10},
	}
	done := int64(0)
	for _, src := range sources {
		args := append([]string{"revoke", "--data", dir}, src.args...)
		for _, no := range []string{"n\n", "\n", ""} {
			errw, err := runHere(t, t.Context(), no, args...)
			if !errors.Is(err, errNotYes) || errw.String() != src.asked {
				t.Errorf("%v: asked %q, %v", src.args, errw, err)
			}
		}
		if c := countsIn(t, dir); c.Revoked != done {
			t.Fatalf("%v: %d are revoked without a yes, %d were", src.args, c.Revoked, done)
		}
		if errw, err := runHere(t, t.Context(), "y\n", args...); errors.Is(err, errNotYes) || errw.String() != src.asked {
			t.Errorf("%v: asked %q, %v", src.args, errw, err)
		}
		done = src.revoked
		if c := countsIn(t, dir); c.Revoked != done {
			t.Fatalf("%v: %d are revoked, want %d", src.args, c.Revoked, done)
		}
	}
}

// A name cannot play tricks with the terminal on which it is asked about.
func TestConfirmIsClean(t *testing.T) {
	a, errw := testApp(t, "n\n")
	if err := a.confirm(t.Context(), false, "Withdraw \x1b[2Jx?"); !errors.Is(err, errNotYes) || strings.Contains(errw.String(), "\x1b") {
		t.Errorf("%q, %v", errw, err)
	}
}

// Asking ends with the context: Ctrl-C is an answer.
func TestConfirmEndsWithContext(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	a := &app{in: r, errw: io.Discard}
	a.tty.in, a.tty.err = true, true
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Millisecond, func() { cancel(errInterrupted) })
	if err := a.confirm(ctx, false, "Really?"); !errors.Is(err, errInterrupted) {
		t.Fatal(err)
	}
}

// Whoever interrupts a change is told how to go on: it may be done.
func TestInterruptedChanges(t *testing.T) {
	dir, codes := drawnStore(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	for _, args := range [][]string{
		{"release", codes[0]}, {"undo", codes[0]}, {"revoke", "--force", codes[0]}, {"release", "--ref", "order"}, {"revoke", "--force", "--ref", "order"}, {"revoke", "--force", "--batch", "b"},
		{"redeem", codes[0]}, {"reserve", codes[0], "--for", "1h"}, {"confirm", "2"}, {"cancel", "2"}, {"ack", "2"}, {"giveback", "2"},
		{"issue", "b", "1"}, {"issue", "b", "1", "--lease", "1h"}, {"issue", "b", "1", "--take"}, {"export", "b", "1", "--account", "ann"},
		{"pause", "b"}, {"resume", "b"}, {"retire", "--force", "b"}, {"reschedule", "b", "--not-after", "2999-01-01"}, {"cursor", "set", "mailer", "1"},
	} {
		_, err := runHere(t, ctx, "", append(args, "--data", dir)...)
		if f, ok := errors.AsType[*failure](err); !ok || exitCode(err) != exitInterrupted || f.try == "" {
			t.Errorf("%v: %v, %+v", args, err, f)
		}
	}
}

// What is not UTF-8 is no code, no reference and no reason, and changes nothing.
func TestChangesOfInvalidText(t *testing.T) {
	dir, codes := drawnStore(t)
	file := filepath.Join(t.TempDir(), "codes")
	if err := os.WriteFile(file, []byte("\xff\n"+codes[0]+"\xff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := countsIn(t, dir)
	for _, tt := range []struct {
		args []string
		exit int
	}{
		{[]string{"revoke", "--force", "\xff"}, exitUnknownCode},
		{[]string{"revoke", "--force", codes[0] + "\xff", codes[1] + "\xff"}, exitUnknownCode},
		{[]string{"revoke", "--force", codes[0], "--by", "\xff"}, exitUsage},
		{[]string{"revoke", "--force", codes[0], codes[1], "--reason", "\xff"}, exitUsage},
		{[]string{"revoke", "--force", codes[0], "--key", "\xff"}, exitUsage},
		{[]string{"revoke", "--force", codes[0], "--namespace", "\xff"}, exitUnknownCode},
		{[]string{"revoke", "--force", "--file", file}, exitFailure},
		{[]string{"revoke", "--force", "--ref", "\xff"}, exitUsage},
		{[]string{"revoke", "--force", "--batch", "\xff"}, exitFailure},
		{[]string{"revoke", "--force", "--batch", "b", "--reason", "\xff"}, exitUsage},
		{[]string{"revoke", "--force", codes[0], "--reason", strings.Repeat("x", store.MaxText+1)}, exitUsage},
		{[]string{"release", "\xff"}, exitUnknownCode},
		{[]string{"release", "--ref", "\xff"}, exitUsage},
		{[]string{"release", "--file", file}, exitFailure},
		{[]string{"undo", "\xff"}, exitUnknownCode},
		{[]string{"pause", "b", "--by", "\xff"}, exitUsage},
		{[]string{"reschedule", "b", "--not-before", "\xff"}, exitFailure}, // run makes it usage
		{[]string{"ref", "\xff"}, exitUsage},
		{[]string{"receipts", "--user", "\xff"}, exitUsage},
	} {
		if _, err := runHere(t, t.Context(), "", append(tt.args, "--data", dir)...); err == nil || exitCode(err) != tt.exit {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
	if after := countsIn(t, dir); after != before {
		t.Errorf("now %+v, before %+v", after, before)
	}
}

func TestParseChangeLines(t *testing.T) {
	head := "code," + strings.Join(exportColumns, ",")
	for _, tt := range []struct {
		text string
		want []store.Redemption // a zero one is a malformed line
	}{
		{"A\nB,ann\n\"C\"\n", []store.Redemption{{Code: "A"}, {}, {Code: "C"}}},
		{"namespace,Key,BY,code\nn,k,ann,A\n,,,B\n", []store.Redemption{{Code: "A", User: "ann", Key: "k", Namespace: "n"}, {Code: "B"}}},
		{head + "\nA,b,,,'=x,ann,shop,e1\nB\n", []store.Redemption{{Code: "A"}, {}}},
		{"kind,code,kind\nx,A,y\n", []store.Redemption{{Code: "A"}}},
	} {
		p := newChangeParser(strings.NewReader(tt.text), false)
		var got []store.Redemption
		for {
			it, err := p.next()
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%q: %v", tt.text, err)
			}
			if got = append(got, it.red); (it.err != nil) != (it.red == store.Redemption{}) {
				t.Errorf("%q: line %d: %+v, %v", tt.text, it.line, it.red, it.err)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: %+v, want %+v", tt.text, got, tt.want)
		}
	}
	for _, text := range []string{"code,user\n", "code,by,by\n", "code,Code\n", "code,colour\n", bom + "A\n"} {
		if _, err := newChangeParser(strings.NewReader(text), false).next(); !errors.Is(err, errBadLine) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWindowEnd(t *testing.T) {
	day := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{"open": {}, "None": {}, "2027-01-31": day} {
		var e windowEnd
		if err := e.Set(text); err != nil || !e.or(day.AddDate(1, 0, 0)).Equal(want) {
			t.Errorf("%q: %v, %v", text, e.Time, err)
		}
	}
	for _, text := range []string{"", "soon", "openn"} {
		var e windowEnd
		if err := e.Set(text); err == nil || !e.or(day).Equal(day) {
			t.Errorf("%q was taken", text)
		}
	}
}

// A listing is written in parts that are aligned as far as one knows.
func TestTableInParts(t *testing.T) {
	tab, b := newTable("name", ">n"), bytes.Buffer{}
	for _, row := range [][]string{{"long name", "5"}, {"x", "10"}, {"y", "1000"}} {
		tab.row(row...)
		tab.write(&b)
	}
	if want := "name       n\nlong name  5\nx          10\ny          1000\n"; b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
}

// Of a thousand codes that a file names each is done once, by calls of many.
func TestReleaseMany(t *testing.T) {
	dir, _ := drawnStore(t)
	s, err := store.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Mint(t.Context(), store.Batch{Name: "many", Count: 5000})
	if err != nil {
		t.Fatal(err)
	}
	codes, err := s.Issue(t.Context(), b.ID, 3*streamBatch+1, store.To("order"))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	file := filepath.Join(t.TempDir(), "codes")
	if err := os.WriteFile(file, []byte(strings.Join(codes, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := runHere(t, t.Context(), "", "release", "--file", file, "--data", dir); err != nil {
		t.Fatal(err)
	}
	_, err = runHere(t, t.Context(), "", append([]string{"release", "--data", dir}, codes[:2000]...)...)
	if exitCode(err) != exitRefused || reason(err) != "not_issued" {
		t.Fatal(err)
	}
	s, err = store.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if b, err = s.Batch(b.ID); err != nil || b.Counts.Available != 5000 {
		t.Fatal(b.Counts, err)
	}
}

// What a listing may show of a code is decided by its state, which is mostly known without
// reading the disk.
func TestStateOf(t *testing.T) {
	ctx := t.Context()
	s, err := store.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	past := time.Now().Add(-time.Hour)
	for _, def := range []store.Batch{{Name: "plain"}, {Name: "stock", FromStock: true}, {Name: "over", NotAfter: time.Now().Add(time.Hour)}, {Name: "later"}, {Name: "paused"}} {
		def.Count, def.Namespace = 9, def.Name
		b, err := s.Mint(ctx, def)
		if err != nil {
			t.Fatal(err)
		}
		codes, err := s.Issue(ctx, b.ID, 4, store.To("r"))
		if err != nil {
			t.Fatal(err)
		}
		change := func(i int) store.Change { return store.Change{Code: codes[i], Namespace: def.Name} }
		_, err1 := s.Redeem(ctx, store.Redemption{Code: codes[1], Namespace: def.Name})
		_, err2 := s.Revoke(ctx, change(2))
		_, err3 := s.Release(ctx, change(3))
		switch def.Name {
		case "over":
			err = s.Reschedule(ctx, b.ID, time.Time{}, past, store.BatchChange{})
		case "later":
			err = s.Reschedule(ctx, b.ID, time.Now().Add(time.Hour), time.Time{}, store.BatchChange{})
		case "paused":
			err = s.Pause(ctx, b.ID, store.BatchChange{})
		}
		if err := errors.Join(err, err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		name, err := receipts.Batches{}.Of(s, b.ID)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"issued", "redeemed", "revoked", "available"} {
			if got, err := receipts.StateOf(ctx, s, name, codes[i]); err != nil || got != want {
				t.Errorf("%s: %s, %v, want %s", def.Name, got, err, want)
			}
		}
	}
}
