package gen

import "errors"

// The errors of this package. Use errors.Is: those about formats and money come
// wrapped with what to write instead. Those about typed codes come bare, so that
// refusing bad input allocates nothing.
var (
	// ErrEmpty is returned when a text has no characters left after folding.
	ErrEmpty = errors.New("gen: the code is empty")

	// ErrTooLong is returned when a text is longer than MaxInput bytes. Nothing
	// of such a text is looked at.
	ErrTooLong = errors.New("gen: the code is longer than 64 bytes")

	// ErrNotUTF8 is returned when a text is not valid UTF-8.
	ErrNotUTF8 = errors.New("gen: the code is not valid UTF-8")

	// ErrAlphabet is returned when a text has a character that no code of its
	// fold can have.
	ErrAlphabet = errors.New("gen: the code has a character that no such code has")

	// ErrFormat is returned when a Format, Class or Fold, or the text of one, is
	// not valid, or when it cannot do what is asked of it, such as minting
	// codes of class Any.
	ErrFormat = errors.New("gen: format is not valid")

	// ErrSplit is returned when an amount cannot be split as a Split says, or when a
	// Policy, or the text of one, is not valid.
	ErrSplit = errors.New("gen: split is not valid")

	// ErrCurrency is returned when a text is not the code of an active currency
	// with a minor unit.
	ErrCurrency = errors.New("gen: unknown currency")

	// ErrAmount is returned when a text is not an amount of its currency.
	ErrAmount = errors.New("gen: amount is not valid")
)
