package badinput

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"

	"codepool/gen"
	"codepool/store"
)

// given imports one good code, with something else wrong.
func given(b store.Batch, o store.ImportOptions) func(*world) error {
	if b.Name == "" {
		b.Name = "new"
	}
	return importText(b, "NEW1\n", o)
}

// from imports from a reader.
func from(r func() io.Reader) func(*world) error {
	return importReader(store.Batch{Name: "new"}, func(*world) io.Reader { return r() }, store.ImportOptions{})
}

var importCases = []apiCase{
	{"name of 1025 bytes", given(store.Batch{Name: tooLong}, store.ImportOptions{}), store.ErrInvalid, "Name has 1025 bytes"},
	{"name with a blank behind it", given(store.Batch{Name: "new "}, store.ImportOptions{}), store.ErrInvalid, "white space"},
	{"namespace that is not UTF-8", given(store.Batch{Namespace: "\xff"}, store.ImportOptions{}), store.ErrInvalid, "Namespace"},
	{"reward with a line feed", given(store.Batch{Reward: "a\nb"}, store.ImportOptions{}), store.ErrInvalid, "Reward"},
	{"window reversed", given(store.Batch{NotBefore: day(2030, 1, 2), NotAfter: day(2030, 1, 1)}, store.ImportOptions{}), store.ErrInvalid, "window"},
	{"window until year 10000", given(store.Batch{NotAfter: day(10000, 1, 1)}, store.ImportOptions{}), store.ErrInvalid, "10000"},
	{"format of an unknown class", given(store.Batch{Format: gen.Format{Class: 99}}, store.ImportOptions{}), store.ErrInvalid, "unknown class 99"},
	{"format of any with a length", given(store.Batch{Format: gen.Format{Class: gen.Any, Length: 4}}, store.ImportOptions{}), store.ErrInvalid, "length 4 for class any"},
	{"format of any with a prefix", given(store.Batch{Format: gen.Format{Class: gen.Any, Prefix: "N"}}, store.ImportOptions{}), store.ErrInvalid, `prefix "N"`},
	{"format of 65 characters", given(store.Batch{Format: gen.Format{Class: gen.Alnum, Length: 65}}, store.ImportOptions{}), store.ErrInvalid, "64 in all"},
	{"reference without handing out", given(store.Batch{}, store.ImportOptions{Ref: "shop"}), store.ErrInvalid, "Ref is set but HandedOut is not"},
	{"reference of 1025 bytes", given(store.Batch{}, store.ImportOptions{HandedOut: true, Ref: tooLong}), store.ErrInvalid, "Ref has 1025 bytes"},
	{"reference that is not UTF-8", given(store.Batch{}, store.ImportOptions{HandedOut: true, Ref: "\xff"}), store.ErrInvalid, "Ref is not valid UTF-8"},
	{"reference with a delete", given(store.Batch{}, store.ImportOptions{HandedOut: true, Ref: "a\x7f"}), store.ErrInvalid, "Ref holds"},

	{"a reader that fails at once", from(func() io.Reader { return &faulty{err: errPipe} }), errPipe, "broken"},
	{"a reader that fails after a line", from(func() io.Reader { return &faulty{text: "NEW1\n", err: errPipe} }), errPipe, ""},
	{"a reader that fails in a line", from(func() io.Reader { return &faulty{text: "NEW1\nNE", err: errPipe} }), errPipe, ""},
	{"a reader that fails with its last bytes", from(func() io.Reader { return &faulty{text: "NEW1\nNEW2\n", err: errPipe, with: true} }), errPipe, ""},
	{"a reader that fails in the first bytes", from(func() io.Reader { return &faulty{text: "N", err: errPipe} }), errPipe, ""},
	{"a reader that ends too early", from(func() io.Reader { return &faulty{text: "NEW1\nNEW2", err: io.ErrUnexpectedEOF} }), io.ErrUnexpectedEOF, ""},
	{"a reader that ends too early, at once", from(func() io.Reader { return &faulty{text: "NE", err: io.ErrUnexpectedEOF} }), io.ErrUnexpectedEOF, ""},
	{"a closed pipe", from(func() io.Reader { r, w := io.Pipe(); _ = w.CloseWithError(io.ErrClosedPipe); return r }), io.ErrClosedPipe, ""},
	{"a packed file that was cut off", from(func() io.Reader {
		var b strings.Builder
		z := gzip.NewWriter(&b)
		for range 1000 {
			_, _ = z.Write([]byte("NEW1\nNEW2\n"))
		}
		_ = z.Close()
		r, err := gzip.NewReader(strings.NewReader(b.String()[:b.Len()-9]))
		if err != nil {
			return &faulty{err: err}
		}
		return r
	}), io.ErrUnexpectedEOF, ""},
	{"a reader that is idle after a line", from(func() io.Reader { return &idle{text: "NEW1\n"} }), io.ErrNoProgress, ""},
	{"a reader that panics", func(w *world) (err error) {
		defer func() {
			if recover() != nil {
				err = errPipe
			}
			// The store must not be left waiting for its end.
			if _, ierr := w.s.Import(w.present, store.Batch{Name: "\xff"}, strings.NewReader(""), store.ImportOptions{}); !errors.Is(ierr, store.ErrInvalid) {
				w.fault("the next import gets %v", ierr)
			}
			if _, ierr := w.s.Import(w.present, store.Batch{Name: "new"}, strings.NewReader("\xff"), store.ImportOptions{}); !errors.Is(ierr, store.ErrBadLine) {
				w.fault("the next import gets %v", ierr)
			}
		}()
		_, err = w.s.Import(w.present, store.Batch{Name: "new"}, &panics{after: 1}, store.ImportOptions{})
		return err
	}, errPipe, ""},
	{"a context that ends while it reads", func(w *world) error {
		ctx, cancel := context.WithCancelCause(w.present)
		_, err := w.s.Import(ctx, store.Batch{Name: "new"}, readFunc(func(p []byte) (int, error) {
			cancel(errPipe)
			return copy(p, "NEW1\n"), io.EOF
		}), store.ImportOptions{})
		return err
	}, errPipe, ""},
	{"no reader", importReader(store.Batch{Name: "new"}, func(*world) io.Reader { return nil }, store.ImportOptions{}), store.ErrInvalid, "reader"},
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// stream imports a text as given codes of any kind.
func stream(text string) func(*world) error {
	return lineOf(importText(store.Batch{Name: "new"}, text, store.ImportOptions{}))
}

// marked imports a text that may begin with a byte-order mark.
func marked(text string) func(*world) error {
	return lineOf(importText(store.Batch{Name: "new"}, text, store.ImportOptions{AllowBOM: true}))
}

// codesOf imports a text whose codes have a format.
func codesOf(f gen.Format, text string) func(*world) error {
	return lineOf(importText(store.Batch{Name: "new", Format: f}, text, store.ImportOptions{}))
}

// lineOf wants the error to be a *LineError.
func lineOf(do func(*world) error) func(*world) error {
	return func(w *world) error {
		err := do(w)
		var le *store.LineError
		if !errors.As(err, &le) || le.Line < 1 || le.Err == nil {
			w.fault("the line is not told: %+v", le)
		}
		return err
	}
}

var (
	digits1 = gen.Format{Class: gen.Digits, Length: 1}
	digits4 = gen.Format{Class: gen.Digits, Length: 4}
	vip4    = gen.Format{Class: gen.Digits, Length: 4, Prefix: "VIP"}
)

var streamCases = []apiCase{
	{"a blank line of blanks", stream("NEW1\n   \nNEW2\n"), store.ErrBadLine, "line 2: … empty"},
	{"a line of hyphens", stream("NEW1\n-----\n"), store.ErrBadLine, "line 2: … empty"},
	{"a line of 65 bytes", stream("NEW1\nNEW2\n" + strings.Repeat("N", 65) + "\n"), store.ErrBadLine, "line 3: … longer than 64 bytes"},
	{"a code in 65 bytes with blanks", stream(strings.Repeat(" ", 61) + "NEW1\n"), store.ErrBadLine, "line 1: … longer than 64"},
	{"a megabyte without a line end", stream(strings.Repeat("N", 1<<20)), store.ErrBadLine, "line 1: … longer than 64"},
	{"a tab between two codes", stream("NEW1\tNEW2\n"), store.ErrBadLine, "line 1"},
	{"a NUL in a code", stream("NEW1\nNE\x00W2\n"), store.ErrBadLine, "line 2"},
	{"an escape in a code", stream("NEW\x1b[0m\n"), store.ErrBadLine, "line 1"},
	{"a zero-width space in a code", stream("NE\u200bW1\n"), store.ErrBadLine, "line 1"},
	{"a no-break space in a code", stream("NE\u00a0W1\n"), store.ErrBadLine, "line 1"},
	{"a right-to-left mark in a code", stream("NEW1\n\u200fNEW2\n"), store.ErrBadLine, "line 2"},
	{"line ends of CR only", stream("NEW1\rNEW2\rNEW3\r"), store.ErrBadLine, "line 1"},
	{"the fourth line, behind blank ones", stream("NEW1\n\n\n\xff\n"), store.ErrBadLine, "line 4: … UTF-8"},
	{"the third line, with CR LF", stream("NEW1\r\nNEW2\r\nNE\x01W3\r\n"), store.ErrBadLine, "line 3"},
	{"the last line, without an end", stream("NEW1\nNEW2\nNEW3,x"), store.ErrBadLine, "line 3: … number of fields"},
	{"Latin-1", stream("NEW1\nCAF\xc9\n"), store.ErrBadLine, "line 2: … not valid UTF-8"},
	{"an overlong letter", stream("NEW\xc1\x81\n"), store.ErrBadLine, "not valid UTF-8"},
	{"half a character at the end", stream("NEW1\nNEW\xe7\xba"), store.ErrBadLine, "line 2"},
	{"half a byte-order mark", stream("\xef\xbbNEW1\n"), store.ErrBadLine, "line 1"},
	{"a byte-order mark only", stream("\ufeff"), store.ErrBadLine, "line 1: … byte-order mark (U+FEFF)"},
	{"a byte-order mark before a header", stream("\ufeffcode,user\nNEW1,u\n"), store.ErrBadLine, "save it as UTF-8 without one, or allow it"},
	{"two byte-order marks", marked("\ufeff\ufeffNEW1\n"), store.ErrBadLine, "line 1: … byte-order mark"},
	{"a byte-order mark behind the first line", marked("NEW1\n\ufeffNEW2\n"), store.ErrBadLine, "line 2: … byte-order mark"},
	{"a byte-order mark at the end of a code", marked("NEW1\ufeff\n"), store.ErrBadLine, "line 1"},
	{"UTF-16, with its mark", marked("\xff\xfeN\x00E\x00W\x00\n\x00"), store.ErrBadLine, "the stream is UTF-16: save it as UTF-8"},
	{"UTF-16, the other way", marked("\xfe\xff\x00N\x00E\x00\n"), store.ErrBadLine, "UTF-16"},
	{"UTF-16, without a mark", stream("N\x00E\x00W\x00\n\x00"), store.ErrBadLine, "line 1"},
	{"UTF-32", stream("\xff\xfe\x00\x00N\x00\x00\x00"), store.ErrBadLine, "line 1"},
	{"a ZIP file", stream("PK\x03\x04\x14\x00\x08\x08"), store.ErrBadLine, "line 1"},
	{"a packed file", stream("\x1f\x8b\x08\x00\x00\x00"), store.ErrBadLine, "line 1"},

	{"a quote inside a code", stream("NEW1\nNE\"W2\n"), store.ErrBadLine, "line 2: … quote"},
	{"text behind a quote", stream("\"NEW1\"x\n"), store.ErrBadLine, "line 1: … quote"},
	{"a quote that is never closed", stream("NEW1\n\"NEW2\nNEW3\n"), store.ErrBadLine, "line 2: … quote"},
	{"a code over two lines", stream("NEW1\n\"NE\nW2\"\n"), store.ErrBadLine, "line 2"},
	{"an empty code in quotes", stream("NEW1\n\"\"\n"), store.ErrBadLine, "line 2: … empty"},
	{"two columns and no header", stream("NEW1,ann\nNEW2,ben\n"), store.ErrBadLine, `line 1: 2 fields and no header with a column "code"`},
	{"a header with other names", stream("voucher,user\nNEW1,ann\n"), store.ErrBadLine, `no header with a column "code"`},
	{"a header in the second line", stream("NEW1,ann\ncode,user\n"), store.ErrBadLine, "line 1"},
	{"a column too few", stream("code,user,day\nNEW1,ann\n"), store.ErrBadLine, "line 2: the line has another number of fields than the first one"},
	{"a column too many, at the end", stream("code,user\nNEW1,ann\nNEW2,ben,\n"), store.ErrBadLine, "line 3: … number of fields"},
	{"a comma behind the only column", stream("code\nNEW1,\n"), store.ErrBadLine, "line 2: … number of fields"},
	{"an empty code beside a user", stream("code,user\nNEW1,ann\n,ben\n"), store.ErrBadLine, "line 3: … empty"},
	{"a code of another column", stream("user,code\nann,NEW1\nNEW2,\n"), store.ErrBadLine, "line 3: … empty"},
	{"a quote that is open in another column", stream("code,remark\nNEW1,\"so it \"was\"\n"), store.ErrBadLine, "line 2: … quote"},

	{"letters for digits", codesOf(digits4, "1234\n12O4\n"), store.ErrBadLine, `line 2: … 'O' is not in format digits:4`},
	{"wide digits", codesOf(digits4, "1234\n１２\n"), store.ErrBadLine, "line 2"},
	{"a sign before digits", codesOf(digits4, "+123\n"), store.ErrBadLine, "'+' is not in format"},
	{"a decimal point among digits", codesOf(digits4, "12.4\n"), store.ErrBadLine, "'.' is not in format"},
	{"a digit too few", codesOf(digits4, "1234\n123\n"), store.ErrBadLine, "line 2: code has 3 characters, format digits:4 wants 4"},
	{"a digit too many", codesOf(digits4, "1234\n1234\n12345\n"), store.ErrBadLine, "line 3: code has 5 characters"},
	{"leading zeros that a spreadsheet took", codesOf(digits4, "code\n0123\n124\n"), store.ErrBadLine, "line 3: code has 3"},
	{"a prefix missing", codesOf(vip4, "VIP1234\n1234567\n"), store.ErrBadLine, `line 2: code lacks the prefix "VIP"`},
	{"a prefix only", codesOf(vip4, "VIP\n"), store.ErrBadLine, "code has 3 characters"},
	{"another prefix", codesOf(vip4, "VIQ1234\n"), store.ErrBadLine, "lacks the prefix"},
	{"letters behind a prefix", codesOf(vip4, "VIP12A4\n"), store.ErrBadLine, "'A' is not in format digits:4:0:VIP"},
	{"a hyphen where hyphens count", codesOf(gen.Format{Class: gen.AlnumCase, Length: 8}, "aBcD-123\n"), store.ErrBadLine, "'-' is not in format"},
	{"a blank inside where case counts", codesOf(gen.Format{Class: gen.LettersCase, Length: 4}, "aB D\n"), store.ErrBadLine, "' ' is not in format"},
	{"a digit among letters", codesOf(gen.Format{Class: gen.LettersCase, Length: 4}, "aBcD\naB3D\n"), store.ErrBadLine, "line 2: … '3'"},
	{"the letter U", codesOf(gen.DefaultFormat(), "7KQF-2M9X-T4WU\n"), store.ErrBadLine, "line 1"},
	{"13 characters for 12", codesOf(gen.DefaultFormat(), "7KQF-2M9X-T4WC\n7KQF-2M9X-T4WC-7\n"), store.ErrBadLine, "line 2: code has 13 characters"},
	{"an accent among letters", codesOf(gen.Format{Class: gen.Letters, Length: 4}, "CAFÉ\n"), store.ErrBadLine, "line 1"},
	{"a reader that is idle from the start", from(func() io.Reader { return &idle{} }), io.ErrNoProgress, ""},
	{"two columns that are both the code", stream("code,code\nNEW1,NEW2\n"), store.ErrBadLine, "line 1"},
}
