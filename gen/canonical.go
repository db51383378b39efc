package gen

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxInput is the longest input text in bytes that is ever looked at. It is
// a bound on the work a stranger can cause, three to five times what people type.
const MaxInput = 64

// MaxCode is the longest canonical code in bytes. No fold lengthens a text, so
// MaxInput bounds it already.
const MaxCode = 64

// AppendCanonical appends the canonical form of text under fold to dst and returns
// the longer slice. It is the one function that decides which texts are the
// same code; see the package comment for the rules. It does not allocate when
// dst has room, and 64 bytes are always enough.
//
// When text has no canonical form, dst comes back unchanged with one of
// ErrTooLong, ErrNotUTF8, ErrEmpty and ErrAlphabet, or ErrFormat for an
// unknown fold. Where several apply, the first in this order is returned.
func AppendCanonical(dst []byte, text string, fold Fold) ([]byte, error) {
	if fold >= numFolds {
		return dst, ErrFormat
	}
	if len(text) > MaxInput {
		return dst, ErrTooLong
	}
	start := len(dst)
	out := slices.Grow(dst, len(text))[:start+len(text)]
	room := out[start:]
	table := &foldTables[fold]
	n := 0
	for i := 0; i < len(room); i++ {
		c := table[text[i]]
		if c == byteSlow {
			return foldSlow(dst, text, fold)
		}
		room[n] = c
		if c != byteDrop {
			n++
		}
	}
	if n == 0 {
		return dst, ErrEmpty
	}
	return out[:start+n], nil
}

// foldSlow is AppendCanonical for a text that has a byte the tables do not settle:
// one to trim, to keep as part of a longer rune, or to refuse.
// REQUIRES: fold < numFolds, len(text) <= MaxInput.
func foldSlow(dst []byte, text string, fold Fold) ([]byte, error) {
	if !utf8.ValidString(text) {
		return dst, ErrNotUTF8
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return dst, ErrEmpty
	}
	table := &foldTables[fold]
	start := len(dst)
	for _, r := range text {
		switch {
		case r >= utf8.RuneSelf:
			// IsPrint has no white space but ' ', no control or format characters.
			if fold == Crockford || !unicode.IsPrint(r) {
				return dst[:start], ErrAlphabet
			}
			dst = utf8.AppendRune(dst, r)
		case r == ' ' && fold == Exact:
			dst = append(dst, ' ')
		case table[r] == byteSlow:
			return dst[:start], ErrAlphabet
		case table[r] != byteDrop:
			dst = append(dst, table[r])
		}
	}
	if len(dst) == start {
		return dst, ErrEmpty
	}
	return dst, nil
}
