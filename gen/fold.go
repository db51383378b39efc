package gen

import "fmt"

// Fold says how typed text becomes the canonical form. The package comment has
// the table of rules. The zero Fold is Crockford.
type Fold uint8

const (
	// Crockford folds to upper case, drops spaces and hyphens, reads O as 0 and
	// I and L as 1, and refuses all else outside of Crockford's base-32
	// alphabet: U, punctuation, anything beyond ASCII.
	// See https://www.crockford.com/base32.html; its check symbols are not used.
	Crockford Fold = iota

	// Upper folds ASCII letters to upper case and drops spaces and hyphens.
	// Other printable characters stay.
	Upper

	// Exact keeps the text; only white space around it is trimmed.
	Exact

	numFolds = iota
)

var foldNames = [numFolds]string{"crockford", "upper", "exact"}

// String returns the fold's name: "crockford", "upper" or "exact".
func (f Fold) String() string {
	if f < numFolds {
		return foldNames[f]
	}
	return fmt.Sprintf("Fold(%d)", uint8(f))
}

// MarshalText returns the fold's name, or ErrFormat for an unknown fold.
func (f Fold) MarshalText() ([]byte, error) {
	if f >= numFolds {
		return nil, fmt.Errorf("%w: unknown fold %d", ErrFormat, uint8(f))
	}
	return []byte(foldNames[f]), nil
}

// UnmarshalText sets f from a name that MarshalText gives. For any other text
// it returns ErrFormat and leaves f alone.
func (f *Fold) UnmarshalText(text []byte) error {
	for i, name := range foldNames {
		if string(text) == name {
			*f = Fold(i)
			return nil
		}
	}
	return fmt.Errorf("%w: unknown fold %q: write crockford, upper or exact", ErrFormat, text)
}

// What a fold's table says of a byte, unless it gives the byte to write.
const (
	byteSlow = 0 // foldSlow decides: white space, control, beyond ASCII, refused
	byteDrop = 1 // not part of the canonical form
)

// foldTables maps a typed byte to the canonical one, or to byteSlow or byteDrop.
// Neither is a printable character, so the three never collide.
var foldTables = [numFolds][256]byte{
	Crockford: crockfordTable(),
	Upper:     upperTable(),
	Exact:     exactTable(),
}

func crockfordTable() (t [256]byte) {
	for i := range len(crockfordAlphabet) {
		c := crockfordAlphabet[i]
		t[c], t[lower(c)] = c, c
	}
	for _, alias := range []string{"O0", "I1", "L1"} {
		t[alias[0]], t[lower(alias[0])] = alias[1], alias[1]
	}
	t[' '], t['-'] = byteDrop, byteDrop
	return t
}

func upperTable() (t [256]byte) {
	t = exactTable()
	for c := byte('A'); c <= 'Z'; c++ {
		t[lower(c)] = c
	}
	t[' '], t['-'] = byteDrop, byteDrop
	return t
}

func exactTable() (t [256]byte) {
	// ' ' is left to foldSlow: it is kept inside of a text, trimmed around it.
	for c := byte('!'); c <= '~'; c++ {
		t[c] = c
	}
	return t
}

// lower returns the lower-case form of an upper-case ASCII letter, and any other
// byte unchanged.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
