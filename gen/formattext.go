package gen

import (
	"fmt"
	"strconv"
	"strings"
)

// String returns the short form of f that ParseFormat reads,
//
//	class:length[:group[:prefix]]
//
// such as "crockford:12:4", "alnum:8" or "digits:16:4:VIP", with defaults filled in.
func (f Format) String() string {
	f = f.WithDefaults()
	s := f.Class.String()
	if f.Length != 0 || f.Group != 0 || f.Prefix != "" {
		s += ":" + strconv.Itoa(f.Length)
	}
	if f.Group != 0 || f.Prefix != "" {
		s += ":" + strconv.Itoa(f.Group)
	}
	if f.Prefix != "" {
		s += ":" + f.Prefix
	}
	return s
}

// ParseFormat reads the short form of a format, as String writes it, and returns it
// with defaults filled in. A number left out or empty is 0, so "alnum" has
// the default length and "digits:16::VIP" no groups; "crockford" alone is
// DefaultFormat. A prefix may contain ':'.
//
// The error is an ErrFormat; it names every part that is wrong and what to write
// instead.
func ParseFormat(s string) (Format, error) {
	parts := strings.SplitN(s, ":", 4)
	var f Format
	var err error
	if f.Class, err = ParseClass(parts[0]); err != nil {
		return Format{}, err
	}
	if len(parts) > 1 {
		if f.Length, err = parseNumber("length", parts[1]); err != nil {
			return Format{}, err
		}
	}
	if len(parts) > 2 {
		if f.Group, err = parseNumber("group", parts[2]); err != nil {
			return Format{}, err
		}
	}
	if len(parts) > 3 {
		f.Prefix = parts[3]
	}
	if err := f.Validate(); err != nil {
		return Format{}, err
	}
	return f.WithDefaults(), nil
}

// Set makes a *Format a flag.Value: it is ParseFormat, and leaves f alone on error.
func (f *Format) Set(s string) error {
	parsed, err := ParseFormat(s)
	if err == nil {
		*f = parsed
	}
	return err
}

// parseNumber reads a part of a format's short form; empty is 0.
func parseNumber(name, s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%w: %s %q is not a number: write class:length:group:prefix, "+
			"such as crockford:12:4, alnum:8 or digits:16:4:VIP", ErrFormat, name, s)
	}
	return n, nil
}
