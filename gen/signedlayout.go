package gen

import (
	"errors"
	"fmt"
	"math"
)

// Layout says how signed codes look and what is in them. A code is one number,
// written in Length characters of Class behind the literal prefix:
//
//	┌──────────┬──────────────┬──────────────────────────┐
//	│ key id   │ tag, masked  │ plan and serial, masked  │
//	│ KeyBits  │ TagBits      │ PlanBits + SerialBits    │
//	└──────────┴──────────────┴──────────────────────────┘
//
// Length is the least that the bits fit in: room to spare belongs to the tag. All
// fields but Group, which is for printing, are part of what is signed, so that a
// code of one layout is refused under every other. The zero Layout is not valid:
// begin with DefaultLayout.
type Layout struct {
	Class      Class  `json:"class"`              // the alphabet; not Any
	Length     int    `json:"length"`             // characters, without the prefix
	Group      int    `json:"group,omitempty"`    // as in Format
	Prefix     string `json:"prefix,omitempty"`   // as in Format
	PlanBits   int    `json:"plan_bits"`          // 0 to 32
	SerialBits int    `json:"serial_bits"`        // 1 to 64; with PlanBits no more than 64
	KeyBits    int    `json:"key_bits,omitempty"` // 0 to 32; 0 leaves the key's id out of the code
	TagBits    int    `json:"tag_bits"`           // 8 to 64
}

// The limits of a layout. Plan and serial make one half of what is masked and the
// tag the other, and a half is a word.
const (
	minTagBits  = 8 // fewer are no protection at all
	maxHalfBits = 64
	maxPlanBits = 32 // a plan is a uint32
	maxKeyBits  = 32 // and so is a key's id
	maxBits     = 128
)

// DefaultLayout returns the layout of signed codes nobody asked anything special of:
// 16 Crockford characters in groups of 4, 80 bits. 16 are for the plan (65,536
// plans), 30 for the serial (1,073,741,824 codes of each) and 34 for the tag: one
// guess in 17,179,869,184 passes for a code.
func DefaultLayout() Layout {
	return Layout{Class: Crockford32, Length: 16, Group: 4, PlanBits: 16, SerialBits: 30, TagBits: 34}
}

// ArticleLayout returns the layout of a published design: 15 bits of plan, 30 of
// serial and 13 of tag, in 10 of 60 characters (60⁹ < 2⁵⁸ < 60¹⁰). It is for those
// who are bound to codes of that size. It is weak: 13 bits let one guess in 8,192
// pass, some 500 an hour at DefaultGuessesPerHour, and with eight keys one in
// 1,024. What such a guess says is a random plan and serial; only the state that is
// kept of each serial, and a limit on guesses, stand between it and a reward.
// Whoever is free to choose takes DefaultLayout, or 12 of these
// characters and a tag of 25 bits.
func ArticleLayout() Layout {
	return Layout{Class: Alnum60, Length: 10, PlanBits: 15, SerialBits: 30, TagBits: 13}
}

// Format returns the format that codes of the layout have, to print them by and to
// judge guesses by: nobody without a key does better than by random texts, and
// GuessRisk says how often one of those hits a code that is live. A key's id is no
// secret: where there are KeyBits, hits are up to 2^KeyBits times as many.
func (l Layout) Format() Format {
	return Format{Class: l.Class, Length: l.Length, Group: l.Group, Prefix: l.Prefix}
}

// ForgeryOdds returns the chance that a guessed code is opened: 2^-TagBits, times the
// number of keys if codes do not name theirs. What it is opened as is then random,
// and is not necessarily a plan and serial that anybody made.
func (l Layout) ForgeryOdds(keys int) float64 {
	keys = max(keys, 0)
	if l.KeyBits > 0 {
		keys = min(keys, 1)
	}
	return min(1, math.Ldexp(float64(keys), -l.TagBits))
}

// Validate returns nil for a layout that codes can have, else every violation,
// joined; each is an ErrFormat.
func (l Layout) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...))
	}
	if l.Class == Any {
		refuse("class any has no alphabet to sign in: write another")
	} else if l.Length < 1 {
		refuse("length %d of a layout: write 1 or more", l.Length)
	} else if err := l.Format().Validate(); err != nil {
		errs = append(errs, err)
	}
	l.refuseBits(refuse)
	if len(errs) == 0 {
		switch bits, least := l.bits(), l.leastLength(); {
		case least > l.Length:
			refuse("%d bits in %d characters of class %v: write length %d, or fewer bits", bits, l.Length, l.Class, least)
		case least < l.Length:
			refuse("%d bits leave characters of length %d unused: write length %d, or more tag bits", bits, l.Length, least)
		}
	}
	return errors.Join(errs...)
}

// refuseBits is the part of Validate that looks at each number of bits.
func (l Layout) refuseBits(refuse func(string, ...any)) {
	if l.PlanBits < 0 || l.PlanBits > maxPlanBits {
		refuse("%d bits of plan: write 0 to %d", l.PlanBits, maxPlanBits)
	}
	if l.SerialBits < 1 || l.SerialBits > maxHalfBits {
		refuse("%d bits of serial: write 1 to %d", l.SerialBits, maxHalfBits)
	} else if l.PlanBits <= maxPlanBits && l.PlanBits+l.SerialBits > maxHalfBits {
		refuse("%d bits of plan and %d of serial: write at most %d in all", l.PlanBits, l.SerialBits, maxHalfBits)
	}
	if l.KeyBits < 0 || l.KeyBits > maxKeyBits {
		refuse("%d bits of key id: write 0 to %d", l.KeyBits, maxKeyBits)
	}
	if l.TagBits < minTagBits || l.TagBits > maxHalfBits {
		refuse("%d bits of tag: write %d to %d", l.TagBits, minTagBits, maxHalfBits)
	}
	if bits := l.bits(); bits > maxBits && l.KeyBits <= maxKeyBits && l.TagBits <= maxHalfBits && l.payloadBits() <= maxHalfBits {
		refuse("%d bits in all: write at most %d", bits, maxBits)
	}
}

// payloadBits returns the size of plan and serial.
func (l Layout) payloadBits() int { return l.PlanBits + l.SerialBits }

// bits returns the size of a code's number.
func (l Layout) bits() int { return l.KeyBits + l.TagBits + l.payloadBits() }

// leastLength returns how many characters of the class the bits need.
// REQUIRES: the class is mintable, bits <= maxBits.
func (l Layout) leastLength() int {
	f := Format{Class: l.Class, Length: 1}
	for f.Space().BitLen() <= l.bits() {
		f.Length++
	}
	return f.Length
}
