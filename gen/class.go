package gen

import (
	"fmt"
	"strings"
)

// Class is a named alphabet that codes are drawn from. The zero Class is
// Crockford32, the default.
type Class uint8

const (
	Crockford32 Class = iota // 32: no I, L, O, U; hard to misread, read without case
	Digits                   // 10: 0-9
	Letters                  // 26: A-Z, read without case
	LettersCase              // 52: A-Z and a-z
	Alnum                    // 36: digits and A-Z, read without case
	AlnumCase                // 62: digits, A-Z and a-z
	Alnum60                  // 60: digits, A-Z and a-z without O and I
	Any                      // given (imported) codes of any text; cannot be minted

	numClasses = iota
)

const (
	digits       = "0123456789"
	upperLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lowerLetters = "abcdefghijklmnopqrstuvwxyz"
)

// classes has what each class is made of; length is the default number of
// random characters.
var classes = [numClasses]struct {
	name     string
	alphabet string
	fold     Fold
	length   int
}{
	Crockford32: {"crockford", crockfordAlphabet, Crockford, 12},
	Digits:      {"digits", digits, Upper, 4},
	Letters:     {"letters", upperLetters, Upper, 4},
	LettersCase: {"letters-case", upperLetters + lowerLetters, Exact, 4},
	Alnum:       {"alnum", digits + upperLetters, Upper, 4},
	AlnumCase:   {"alnum-case", digits + upperLetters + lowerLetters, Exact, 4},
	Alnum60:     {"alnum-60", digits + "ABCDEFGHJKLMNPQRSTUVWXYZ" + lowerLetters, Exact, 4},
	Any:         {"any", "", Upper, 0},
}

// ClassOf returns the class of a redemption-code service's ctype: 1 digits, 2
// letters without case, 3 letters with case, 4 letters and digits without case,
// 5 with case. For any other number it returns ErrFormat.
func ClassOf(ctype int) (Class, error) {
	if ctype < 1 || ctype > 5 {
		return 0, fmt.Errorf("%w: ctype %d is unknown: write 1 digits, 2 letters, 3 letters with case, "+
			"4 letters and digits, or 5 letters and digits with case", ErrFormat, ctype)
	}
	return Digits + Class(ctype-1), nil
}

// ParseClass returns the class of a name that String gives. For any other text it
// returns ErrFormat.
func ParseClass(name string) (Class, error) {
	for c := range classes {
		if classes[c].name == name {
			return Class(c), nil
		}
	}
	return 0, fmt.Errorf("%w: unknown class %q: write one of %s", ErrFormat, name, classNames())
}

func classNames() string {
	var names []string
	for c := range classes {
		names = append(names, classes[c].name)
	}
	return strings.Join(names, ", ")
}

// known reports whether c is one of the constants.
func (c Class) known() bool { return c < numClasses }

// String returns the class's name, such as "crockford" or "alnum-case".
func (c Class) String() string {
	if c.known() {
		return classes[c].name
	}
	return fmt.Sprintf("Class(%d)", uint8(c))
}

// MarshalText returns the class's name, or ErrFormat for an unknown class.
func (c Class) MarshalText() ([]byte, error) {
	if !c.known() {
		return nil, fmt.Errorf("%w: unknown class %d", ErrFormat, uint8(c))
	}
	return []byte(classes[c].name), nil
}

// UnmarshalText sets c from a name, like ParseClass. On error it leaves c alone.
func (c *Class) UnmarshalText(text []byte) error {
	parsed, err := ParseClass(string(text))
	if err == nil {
		*c = parsed
	}
	return err
}

// Alphabet returns the characters of the class in ascending order, all ASCII. It is
// empty for Any and for an unknown class.
func (c Class) Alphabet() string {
	if !c.known() {
		return ""
	}
	return classes[c].alphabet
}

// Fold returns how typed codes of the class are read. Case matters to LettersCase,
// AlnumCase and Alnum60 only, and to an unknown class.
func (c Class) Fold() Fold {
	if !c.known() {
		return Exact
	}
	return classes[c].fold
}
