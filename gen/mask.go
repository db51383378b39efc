package gen

import (
	"strings"
	"unicode/utf8"
)

// Mask returns a canonical code with all but its end hidden, for consoles and logs:
// "****-****-T4WC". The last four characters show, of a code shorter than
// twelve no more than a third, and of one or two nothing. Groups of four count from
// the end, whatever the code's format.
func Mask(canon string) string {
	n := utf8.RuneCountInString(canon)
	shown := min(4, n/3)
	var b strings.Builder
	b.Grow(len(canon) + n/4)
	left := n // characters still to write
	for _, r := range canon {
		if left < n && left%4 == 0 {
			b.WriteByte('-')
		}
		if left > shown {
			r = '*'
		}
		b.WriteRune(r)
		left--
	}
	return b.String()
}
