package gen

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"unicode/utf8"
)

// Format says how the codes of a batch look: an optional literal prefix, then
// Length characters of a class. Prefix and random characters are both part of the
// canonical code; the hyphens of the printed form are not.
//
// Zero fields take the defaults of WithDefaults, and every method reads the
// format through it. The zero Format is the default format.
type Format struct {
	Class  Class  `json:"class"`            // the alphabet; zero is Crockford32
	Length int    `json:"length"`           // random characters, without the prefix; 0 is the class's default
	Group  int    `json:"group,omitempty"`  // printed in groups of this many, joined by '-'; 0 is no groups
	Prefix string `json:"prefix,omitempty"` // in canonical form under the class's fold
}

// DefaultFormat returns the format of codes nobody asked anything special of:
// 12 Crockford characters (60 bits) printed in groups of 4, "7KQF-2M9X-T4WC".
func DefaultFormat() Format {
	return Format{Class: Crockford32, Length: packedLen, Group: 4}
}

// WithDefaults returns f with a zero Length replaced by the class's default: 12 for
// Crockford32, 4 for Digits to Alnum60. The zero Format becomes DefaultFormat.
// Any keeps 0: given codes have lengths of their own.
func (f Format) WithDefaults() Format {
	if f.Length != 0 { // the usual case: nothing is missing
		return f
	}
	if f == (Format{}) {
		return DefaultFormat()
	}
	if f.Class.known() {
		f.Length = classes[f.Class].length
	}
	return f
}

// Validate returns nil for a format that codes can have, else every violation,
// joined; each is an ErrFormat. A valid format's codes fit in MaxCode bytes
// canonical and in MaxInput bytes printed, so that they can be typed back.
func (f Format) Validate() error {
	f = f.WithDefaults()
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...))
	}

	if !f.Class.known() {
		refuse("unknown class %d: take one of %s", uint8(f.Class), classNames())
	}
	given := f.Class == Any
	switch {
	case given && f.Length != 0:
		refuse("length %d for class any: leave it 0, given codes have lengths of their own", f.Length)
	case !given && f.Length < 1:
		refuse("length %d: write 1 or more, or 0 for the default", f.Length)
	}
	f.refuseGroup(refuse)
	f.refusePrefix(refuse)

	if n := len(f.Prefix) + f.Length; f.Length > MaxCode || n > MaxCode {
		refuse("prefix of %d bytes and length %d: shorten them to %d in all", len(f.Prefix), f.Length, MaxCode)
	} else if n := f.printedLen(); n > MaxInput {
		refuse("codes of %d bytes with their hyphens cannot be typed back: "+
			"shorten them to %d in all, or write a larger group, or 0 for none", n, MaxInput)
	}
	return errors.Join(errs...)
}

// refuseGroup is the part of Validate that looks at Group.
func (f Format) refuseGroup(refuse func(string, ...any)) {
	switch {
	case f.Group < 0:
		refuse("group %d: write 1 or more, or 0 for no groups", f.Group)
	case f.Group > 0 && f.Class.Fold() == Exact:
		refuse("group %d: class %v keeps hyphens as part of a code: leave it 0", f.Group, f.Class)
	case f.Group > f.Length && f.Length > 0:
		refuse("group %d is longer than the code: write at most its length, %d", f.Group, f.Length)
	case f.Group > MaxCode:
		refuse("group %d is longer than any code: write at most %d", f.Group, MaxCode)
	}
}

// refusePrefix is the part of Validate that looks at Prefix.
func (f Format) refusePrefix(refuse func(string, ...any)) {
	if f.Prefix == "" || !f.Class.known() {
		return
	}
	if f.Class == Any {
		refuse("prefix %q for class any: leave it out, given codes are whole", f.Prefix)
		return
	}
	fold := f.Class.Fold()
	var buf [MaxCode]byte
	canon, err := AppendCanonical(buf[:0], f.Prefix, fold)
	switch {
	case errors.Is(err, ErrTooLong):
		// The length of the whole code is refused already.
	case errors.Is(err, ErrAlphabet) && fold == Crockford:
		refuse("prefix %q: class %v has only the characters %s", f.Prefix, f.Class, crockfordAlphabet)
	case err != nil:
		refuse("prefix %q: %w: write printable characters", f.Prefix, err)
	case string(canon) != f.Prefix:
		refuse("prefix %q is read as %q: write it so", f.Prefix, canon)
	}
}

// mintable reports whether f has codes that can be counted and made. Validate may
// still refuse its prefix or group.
func (f Format) mintable() bool {
	return f.Class.known() && f.Class != Any && f.Length >= 1 && f.Length <= MaxCode
}

// Space returns the number of different codes of the format. It is 0 when none
// can be made: for Any, and for a class or length that Validate refuses.
func (f Format) Space() *big.Int {
	f = f.WithDefaults()
	if !f.mintable() {
		return new(big.Int)
	}
	size := big.NewInt(int64(len(f.Class.Alphabet())))
	return size.Exp(size, big.NewInt(int64(f.Length)), nil)
}

// Bits returns the base-2 logarithm of Space: the entropy of a code in bits. It
// is 0 when Space is.
func (f Format) Bits() float64 {
	f = f.WithDefaults()
	if !f.mintable() {
		return 0
	}
	return float64(f.Length) * math.Log2(float64(len(f.Class.Alphabet())))
}

// CanonicalLen returns the length of a canonical code in bytes, prefix included. It
// is 0 for Any, whose codes differ in length.
func (f Format) CanonicalLen() int {
	f = f.WithDefaults()
	return len(f.Prefix) + f.Length
}

// Packs reports whether Pack takes every code of the format. It is false for Any,
// though single codes of it may pack.
func (f Format) Packs() bool {
	f = f.WithDefaults()
	if !f.mintable() {
		return false
	}
	_, ok := kindOf(traits(f.Prefix)|traits(f.Class.Alphabet()), f.CanonicalLen())
	return ok
}

// grouped reports whether printed codes have hyphens.
func (f Format) grouped() bool {
	return f.Group > 0 && f.Class.Fold() != Exact
}

// printedLen returns the length of a printed code in bytes, 0 for Any.
// REQUIRES: f has its defaults.
func (f Format) printedLen() int {
	n := len(f.Prefix) + f.Length
	if f.grouped() && f.Length > 0 {
		n += (f.Length - 1) / f.Group
		if f.Prefix != "" {
			n++
		}
	}
	return n
}

// AppendPrinted appends the form of a canonical code that people are shown and
// returns the longer slice: "PREFIX-" and groups if the format has groups, else
// canon as it is. Text without the prefix, or of another length, is grouped from
// its start; groups count characters, not bytes. A given code that hyphens would
// make longer than MaxInput is not grouped, so that it can be typed back. canon
// must not overlap dst's free room.
func (f Format) AppendPrinted(dst, canon []byte) []byte {
	f = f.WithDefaults()
	if !f.grouped() {
		return append(dst, canon...)
	}
	start, rest := len(dst), canon
	if n := len(f.Prefix); n > 0 && len(canon) > n && string(canon[:n]) == f.Prefix {
		dst = append(append(dst, f.Prefix...), '-')
		rest = canon[n:]
	}
	for len(rest) > f.Group {
		n := 0
		for chars := 0; n < len(rest); n++ {
			if utf8.RuneStart(rest[n]) {
				if chars == f.Group {
					break
				}
				chars++
			}
		}
		if n == len(rest) {
			break
		}
		dst = append(append(dst, rest[:n]...), '-')
		rest = rest[n:]
	}
	dst = append(dst, rest...)
	if len(dst)-start > MaxInput {
		return append(dst[:start], canon...)
	}
	return dst
}
