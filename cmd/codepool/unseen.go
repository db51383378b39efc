package main

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"codepool/gen"
	"codepool/store"
)

// unseen notes the characters of a file that nobody sees, such as a zero-width space: an
// import refuses them, and whoever looks at the line wonders why. The file is written to
// it as it is read.
type unseen struct {
	line int          // lines that have ended
	rest []byte       // the begin of a character
	at   map[int]rune // the first one of a line, by its number from 1
}

// maxUnseen is how many lines are noted: an import ends with the first that is bad.
const maxUnseen = 1000

func (u *unseen) Write(p []byte) (int, error) {
	text := append(u.rest, p...)
	for len(text) > 0 && utf8.FullRune(text) {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		switch {
		case r == '\n':
			u.line++
		case r == '\r', r == utf8.RuneError, unicode.IsPrint(r), len(u.at) == maxUnseen:
		default:
			if u.at == nil {
				u.at = map[int]rune{}
			}
			if _, ok := u.at[u.line+1]; !ok {
				u.at[u.line+1] = r
			}
		}
	}
	u.rest = append(u.rest[:0], text...)
	return len(p), nil
}

// name adds to the error of an import the character that it is about, if it is one that
// nobody sees.
func (u *unseen) name(err error) error {
	bad, ok := errors.AsType[*store.LineError](err)
	if !ok || !errors.Is(err, gen.ErrAlphabet) {
		return err
	}
	if r, ok := u.at[bad.Line]; ok {
		return fmt.Errorf("%w: %U, which nobody sees", err, r)
	}
	return err
}
