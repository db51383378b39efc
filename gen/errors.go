package gen

import "errors"

// The errors of this package. Use errors.Is: those about formats, layouts, keys, numbers
// and money come wrapped with what to write instead. Those about typed text come
// bare, so that refusing bad input allocates nothing.
var (
	// ErrEmpty is returned when a text has no characters left after folding.
	ErrEmpty = errors.New("gen: the code is empty")

	// ErrTooLong is returned when a text is longer than MaxInput bytes. Nothing
	// of such a text is looked at.
	ErrTooLong = errors.New("gen: the code is longer than 64 bytes")

	// ErrNotUTF8 is returned when a text is not valid UTF-8.
	ErrNotUTF8 = errors.New("gen: the code is not valid UTF-8")

	// ErrAlphabet is returned when a text has a character that no code of its
	// fold, or of its layout, can have.
	ErrAlphabet = errors.New("gen: the code has a character that no such code has")

	// ErrFormat is returned when a Format, Layout, Class or Fold, or the text of
	// one, is not valid, or when it cannot do what is asked of it, such as minting
	// codes of class Any.
	ErrFormat = errors.New("gen: format is not valid")

	// ErrSplit is returned when an amount cannot be split as a Split says, or when a
	// Policy, or the text of one, is not valid.
	ErrSplit = errors.New("gen: split is not valid")

	// ErrSalt is returned when a text is no salt of a commitment.
	ErrSalt = errors.New("gen: salt is not valid")

	// ErrCurrency is returned when a text is not the code of an active currency
	// with a minor unit.
	ErrCurrency = errors.New("gen: unknown currency")

	// ErrAmount is returned when a text is not an amount of its currency.
	ErrAmount = errors.New("gen: amount is not valid")

	// ErrNotSigned is returned when a text is no code of a Signer's layout: it has
	// another length or another prefix.
	ErrNotSigned = errors.New("gen: the code has not the length and prefix of a signed code")

	// ErrForged is returned when the tag of a signed code does not fit its plan
	// and serial: nobody who has one of the keys made it.
	ErrForged = errors.New("gen: the code was not signed with any of the keys")

	// ErrUnknownKey is returned when a signed code names a key that the Signer does
	// not have: it was dropped, or there never was one.
	ErrUnknownKey = errors.New("gen: the code names a signing key that is not known")

	// ErrRange is returned when a plan or a serial is greater than its layout has
	// bits for.
	ErrRange = errors.New("gen: the number is too great for a signed code")

	// ErrSignKey is returned when keys cannot sign: there are none or too many, or
	// a secret is short, or two have one id or one secret.
	ErrSignKey = errors.New("gen: signing keys are not valid")

	// ErrOrderLayout is returned when an OrderLayout is not valid, or its secret
	// is too short.
	ErrOrderLayout = errors.New("gen: layout of order numbers is not valid")

	// ErrOrderRange is returned when a day, a type or a sequence number has no
	// place in the layout.
	ErrOrderRange = errors.New("gen: out of the order numbers' range")

	// ErrOrderLength is returned when an order number has more or fewer digits
	// than its layout.
	ErrOrderLength = errors.New("gen: the order number has too many or too few digits")

	// ErrCheckDigit is returned when the check digit does not fit the others: a
	// digit is wrong, or two are swapped.
	ErrCheckDigit = errors.New("gen: the order number has a wrong digit, or two swapped")

	// ErrOrderDay is returned when the date in an order number is none of the
	// calendar, though the check digit fits.
	ErrOrderDay = errors.New("gen: the order number has a date that does not exist")
)
