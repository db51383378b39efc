package badinput

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"codepool/store"
)

// apiCase is one wrong call of the Go API.
type apiCase struct {
	name string
	do   func(w *world) error
	want error  // in the sense of errors.Is
	says string // in the error's text; several parts are divided by " … "
}

var (
	// errAny is wanted where no error of a package's own exists for the mistake.
	errAny = errors.New("an error of any kind")
	// errNo stands for the answer of a function that says no by a bool.
	errNo = errors.New("no")
	// errPanic is what a case gets that panics.
	errPanic = errors.New("panic")
	// errPipe is the error of failing readers and writers.
	errPipe = errors.New("the pipe is broken")
)

// hangs is after which time a call counts as one that never returns.
const hangs = time.Minute

// tryAPI runs a case and returns what is wrong with how it ended.
func (w *world) tryAPI(t *testing.T, c apiCase) []string {
	t.Helper()
	w.wrong, w.temp, w.present = nil, t.TempDir, t.Context()
	before := sum(w.s) + w.sharedState()
	ended := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				ended <- fmt.Errorf("%w: %v", errPanic, p)
			}
		}()
		ended <- c.do(w)
	}()
	var err error
	select {
	case err = <-ended:
	case <-time.After(hangs):
		t.Fatalf("no answer after %v", hangs)
	}
	switch {
	case err == nil:
		w.fault("no error, want %v", c.want)
	case c.want == errAny && errors.Is(err, errPanic), c.want != errAny && !errors.Is(err, c.want):
		w.fault("got error %q, want %q", err, c.want)
	case len(err.Error()) > 2000:
		w.fault("the error has %d bytes", len(err.Error()))
	}
	if err != nil {
		if !saysAll(err.Error(), c.says) {
			w.fault("the error should say %q: %v", c.says, err)
		}
		t.Logf("%v", err)
	}
	if after := sum(w.s) + w.sharedState(); after != before {
		w.fault("it changed the store:\n%s", newLines(before, after))
	}
	return w.wrong
}

// saysAll reports whether a text has all parts of what it should say, in their order.
func saysAll(text, parts string) bool {
	for part := range strings.SplitSeq(parts, " … ") {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}

// no turns the bool of a function into an error.
func no(ok bool) error {
	if ok {
		return nil
	}
	return errNo
}

// redeem asks in the three ways there are; all must get the same answer.
func redeem(r store.Redemption) func(*world) error {
	return func(w *world) error {
		r := r
		r.Code = w.names.Replace(r.Code)
		_, err := w.s.Redeem(w.present, r)
		all := w.s.RedeemAll(w.present, []store.Redemption{r})[0].Err
		done := make(chan error, 1)
		w.s.RedeemFunc(w.present, r, func(_ store.Receipt, err error) { done <- err })
		called := <-done
		if fmt.Sprint(err) != fmt.Sprint(all) || fmt.Sprint(err) != fmt.Sprint(called) {
			w.fault("Redeem says %v, RedeemAll %v, RedeemFunc %v", err, all, called)
		}
		return err
	}
}

func check(r store.Redemption) func(*world) error {
	return func(w *world) error {
		r.Code = w.names.Replace(r.Code)
		return w.s.Check(w.present, r)
	}
}

func lookup(namespace, code string) func(*world) error {
	return func(w *world) error {
		_, err := w.s.Lookup(w.present, namespace, w.names.Replace(code))
		return err
	}
}

func release(r store.Change) func(*world) error {
	return func(w *world) error {
		r.Code = w.names.Replace(r.Code)
		rec, err := w.s.Release(w.present, r)
		if err != nil && rec != (store.Changed{}) {
			w.fault("a record beside the error: %+v", rec)
		}
		return err
	}
}

func undo(r store.Change) func(*world) error {
	return func(w *world) error {
		r.Code = w.names.Replace(r.Code)
		rec, err := w.s.Undo(w.present, r)
		if err != nil && rec != (store.Changed{}) {
			w.fault("a record beside the error: %+v", rec)
		}
		return err
	}
}

// issue draws from a batch by name.
func issue(batch string, n int, d store.Draw) func(*world) error {
	return func(w *world) error {
		b, err := w.s.BatchNamed(batch)
		if err != nil {
			return fmt.Errorf("no batch to try: %v", err)
		}
		return issueFrom(b.ID, n, d)(w)
	}
}

func issueFrom(id store.BatchID, n int, d store.Draw) func(*world) error {
	return func(w *world) error {
		codes, err := w.s.Issue(w.present, id, n, d)
		if err != nil && len(codes) > 0 {
			w.fault("%d codes beside the error", len(codes))
		}
		return err
	}
}

func mint(b store.Batch) func(*world) error {
	return func(w *world) error { _, err := w.s.Mint(w.present, b); return err }
}

func importText(b store.Batch, text string, o store.ImportOptions) func(*world) error {
	return importReader(b, func(*world) io.Reader { return strings.NewReader(text) }, o)
}

func importReader(b store.Batch, r func(*world) io.Reader, o store.ImportOptions) func(*world) error {
	return func(w *world) error {
		report, err := w.s.Import(w.present, b, r(w), o)
		if err != nil && (report.Lines != 0 || report.Added != 0) {
			w.fault("a report beside the error: %+v", report)
		}
		return err
	}
}

// A faulty reader gives a text and then fails.
type faulty struct {
	text string
	err  error
	with bool // the error comes with the last bytes
}

func (f *faulty) Read(p []byte) (int, error) {
	n := copy(p, f.text)
	f.text = f.text[n:]
	if n == 0 || f.with && f.text == "" {
		return n, f.err
	}
	return n, nil
}

// idle is a reader that returns neither bytes nor an error, as no reader may; it gives up
// in the end, so that what never asks itself whether to go on is seen.
type idle struct {
	text  string
	calls int
}

const idleCalls = 100_000

func (i *idle) Read(p []byte) (int, error) {
	n := copy(p, i.text)
	i.text = i.text[n:]
	if i.calls++; i.calls > idleCalls {
		return n, errors.New("it was asked for ever")
	}
	return n, nil
}

// panics is a reader and writer of a host with a mistake in it.
type panics struct{ after int }

func (p *panics) Read(b []byte) (int, error) {
	if p.after == 0 {
		panic("the host's reader")
	}
	p.after--
	return copy(b, "GIVEN2\n"), nil
}

func (p *panics) Write(b []byte) (int, error) {
	if p.after == 0 {
		panic("the host's writer")
	}
	p.after--
	return len(b), nil
}

// fullAfter is a writer with room for some bytes.
type fullAfter struct {
	room int
	err  error // nil: it takes less than it was given and says nothing
}

func (f *fullAfter) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	f.room -= n
	if n < len(p) {
		return n, f.err
	}
	return n, nil
}

// over is a context that has ended, for a reason.
func over(reason error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(reason)
	return ctx
}
