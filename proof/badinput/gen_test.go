package badinput

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"

	"codepool/gen"
)

// canon asks for the canonical form of a text; what was there must stay as it was.
func canon(fold gen.Fold, text string) func(*world) error {
	return func(w *world) error {
		dst, err := gen.AppendCanonical([]byte("before"), text, fold)
		if string(dst) != "before" {
			w.fault("it left %q", dst)
		}
		return err
	}
}

var canonicalCases = []apiCase{
	{"crockford, a no-break space", canon(gen.Crockford, "7KQF\u00a02M9X"), gen.ErrAlphabet, "no such code"},
	{"crockford, an em dash", canon(gen.Crockford, "7KQF—2M9X"), gen.ErrAlphabet, ""},
	{"crockford, a minus sign", canon(gen.Crockford, "7KQF\u22122M9X"), gen.ErrAlphabet, ""},
	{"crockford, a soft hyphen", canon(gen.Crockford, "7KQF\u00ad2M9X"), gen.ErrAlphabet, ""},
	{"crockford, a sharp s", canon(gen.Crockford, "7Kß"), gen.ErrAlphabet, ""},
	{"crockford, a long s", canon(gen.Crockford, "7Kſ"), gen.ErrAlphabet, ""},
	{"crockford, a Kelvin sign", canon(gen.Crockford, "7\u212aQF"), gen.ErrAlphabet, ""},
	{"crockford, a Cyrillic A", canon(gen.Crockford, "7\u0410QF"), gen.ErrAlphabet, ""},
	{"crockford, Arabic digits", canon(gen.Crockford, "\u0667\u0662\u0669"), gen.ErrAlphabet, ""},
	{"crockford, an emoji", canon(gen.Crockford, "7K🎁F"), gen.ErrAlphabet, ""},
	{"crockford, a combining accent", canon(gen.Crockford, "E\u0301KQF"), gen.ErrAlphabet, ""},
	{"crockford, check symbols of the standard", canon(gen.Crockford, "7KQF~"), gen.ErrAlphabet, ""},
	{"crockford, quotes around it", canon(gen.Crockford, `"7KQF"`), gen.ErrAlphabet, ""},
	{"crockford, a slash", canon(gen.Crockford, "7KQF/2M9X"), gen.ErrAlphabet, ""},
	{"crockford, a percent escape", canon(gen.Crockford, "7KQF%2D2M9X"), gen.ErrAlphabet, ""},
	{"crockford, a line end inside", canon(gen.Crockford, "7KQF\n2M9X"), gen.ErrAlphabet, ""},
	{"crockford, masked", canon(gen.Crockford, "****-2M9X"), gen.ErrAlphabet, ""},
	{"crockford, hyphens only", canon(gen.Crockford, "-----"), gen.ErrEmpty, "empty"},
	{"crockford, an ideographic space only", canon(gen.Crockford, "\u3000"), gen.ErrEmpty, ""},
	{"crockford, 65 hyphens", canon(gen.Crockford, strings.Repeat("-", 65)), gen.ErrTooLong, "64 bytes"},
	{"crockford, 33 letters of two bytes", canon(gen.Crockford, strings.Repeat("é", 33)), gen.ErrTooLong, ""},

	{"upper, a right-to-left override", canon(gen.Upper, "AB\u202eCD"), gen.ErrAlphabet, ""},
	{"upper, a zero-width joiner", canon(gen.Upper, "AB\u200dCD"), gen.ErrAlphabet, ""},
	{"upper, a word joiner", canon(gen.Upper, "AB\u2060CD"), gen.ErrAlphabet, ""},
	{"upper, a line separator", canon(gen.Upper, "AB\u2028CD"), gen.ErrAlphabet, ""},
	{"upper, a narrow no-break space", canon(gen.Upper, "AB\u202fCD"), gen.ErrAlphabet, ""},
	{"upper, a private character", canon(gen.Upper, "AB\ue000"), gen.ErrAlphabet, ""},
	{"upper, a character that is none", canon(gen.Upper, "AB\ufffe"), gen.ErrAlphabet, ""},
	{"upper, an unassigned character", canon(gen.Upper, "AB\u0378"), gen.ErrAlphabet, ""},
	{"upper, a tag character", canon(gen.Upper, "AB\U000e0041"), gen.ErrAlphabet, ""},
	{"upper, a backspace", canon(gen.Upper, "AB\bC"), gen.ErrAlphabet, ""},
	{"upper, an overlong slash", canon(gen.Upper, "AB\xc0\xaf"), gen.ErrNotUTF8, "UTF-8"},
	{"upper, beyond the last character", canon(gen.Upper, "AB\xf4\x90\x80\x80"), gen.ErrNotUTF8, ""},
	{"upper, a sequence of five bytes", canon(gen.Upper, "AB\xf8\x88\x80\x80\x80"), gen.ErrNotUTF8, ""},
	{"upper, half an emoji", canon(gen.Upper, "AB\xf0\x9f\x8e"), gen.ErrNotUTF8, ""},
	{"upper, Latin-1", canon(gen.Upper, "caf\xe9"), gen.ErrNotUTF8, ""},
	{"upper, hyphens and tabs", canon(gen.Upper, "\t--\t"), gen.ErrEmpty, ""},

	{"exact, a line feed inside", canon(gen.Exact, "ab\ncd"), gen.ErrAlphabet, ""},
	{"exact, a vertical tab inside", canon(gen.Exact, "ab\vcd"), gen.ErrAlphabet, ""},
	{"exact, an escape sequence", canon(gen.Exact, "ab\x1b[2J"), gen.ErrAlphabet, ""},
	{"exact, a delete", canon(gen.Exact, "ab\x7fcd"), gen.ErrAlphabet, ""},
	{"exact, a next line inside", canon(gen.Exact, "ab\u0085cd"), gen.ErrAlphabet, ""},
	{"exact, an interlinear anchor", canon(gen.Exact, "ab\ufff9cd"), gen.ErrAlphabet, ""},
	{"exact, blanks only", canon(gen.Exact, "    "), gen.ErrEmpty, ""},
	{"exact, no-break spaces only", canon(gen.Exact, "\u00a0\u00a0"), gen.ErrEmpty, ""},
	{"exact, a surrogate inside", canon(gen.Exact, "ab\xed\xb0\x80"), gen.ErrNotUTF8, ""},
	{"the fold behind the last", canon(gen.Exact+1, "AB"), gen.ErrFormat, "not valid"},
	{"the greatest fold", canon(gen.Fold(255), "AB"), gen.ErrFormat, ""},
	{"an unknown fold and a text too long", canon(gen.Fold(3), strings.Repeat("A", 65)), gen.ErrFormat, ""},
}

func parseClass(name string) func(*world) error {
	return func(*world) error { _, err := gen.ParseClass(name); return err }
}

func classOf(ctype int) func(*world) error {
	return func(*world) error { _, err := gen.ClassOf(ctype); return err }
}

func parseFormat(text string) func(*world) error {
	return func(w *world) error {
		f, err := gen.ParseFormat(text)
		kept := gen.Format{Class: gen.Alnum, Length: 9}
		if serr := kept.Set(text); serr == nil || f != (gen.Format{}) || kept != (gen.Format{Class: gen.Alnum, Length: 9}) {
			w.fault("parsed to %+v; Set leaves %+v, %v", f, kept, serr)
		}
		return err
	}
}

func validate(f gen.Format) func(*world) error {
	return func(w *world) error {
		if _, err := gen.NewGenerator(f); err == nil {
			w.fault("a generator of it is made")
		}
		return f.Validate()
	}
}

// fromJSON reads a format; errors of the JSON package have no name of ours.
func fromJSON(text string) func(*world) error {
	return func(*world) error { var f gen.Format; return json.Unmarshal([]byte(text), &f) }
}

var formatCases = []apiCase{
	{"class in capitals", parseClass("CROCKFORD"), gen.ErrFormat, "write one of crockford, digits"},
	{"class with a blank", parseClass("digits "), gen.ErrFormat, `"digits "`},
	{"class with an underscore", parseClass("alnum_case"), gen.ErrFormat, `"alnum_case"`},
	{"class by its Go name", parseClass("Crockford32"), gen.ErrFormat, ""},
	{"class as String writes an unknown one", parseClass("Class(7)"), gen.ErrFormat, "Class(7)"},
	{"class with a NUL", parseClass("any\x00"), gen.ErrFormat, `\x00`},
	{"ctype below the first", classOf(0), gen.ErrFormat, "ctype 0 … 1 digits"},
	{"ctype above the last", classOf(6), gen.ErrFormat, "ctype 6"},
	{"ctype negative", classOf(math.MinInt), gen.ErrFormat, "unknown"},
	{"ctype greatest", classOf(math.MaxInt), gen.ErrFormat, "unknown"},
	{"text of class 255", func(*world) error { _, err := gen.Class(255).MarshalText(); return err }, gen.ErrFormat, "class 255"},
	{"text of fold 255", func(*world) error { _, err := gen.Fold(255).MarshalText(); return err }, gen.ErrFormat, "fold 255"},
	{"fold with a blank", func(*world) error { f := gen.Exact; return f.UnmarshalText([]byte("exact ")) }, gen.ErrFormat, "write crockford, upper or exact"},

	{"format of JSON, class as a number", fromJSON(`{"class":1}`), errAny, "class"},
	{"format of JSON, length as text", fromJSON(`{"class":"digits","length":"8"}`), errAny, "length"},
	{"format of JSON, length with a fraction", fromJSON(`{"class":"digits","length":8.5}`), errAny, "length"},
	{"format of JSON, class in capitals", fromJSON(`{"class":"DIGITS"}`), gen.ErrFormat, "DIGITS"},

	{"format, no class", parseFormat(":12"), gen.ErrFormat, `unknown class ""`},
	{"format, divided by a blank", parseFormat("crockford 12"), gen.ErrFormat, `"crockford 12"`},
	{"format, divided by a slash", parseFormat("digits/8"), gen.ErrFormat, ""},
	{"format, length with a blank", parseFormat("digits: 8"), gen.ErrFormat, `length " 8" is not a number`},
	{"format, length with a fraction", parseFormat("digits:8.5"), gen.ErrFormat, `"8.5"`},
	{"format, length in hexadecimal", parseFormat("digits:0x10"), gen.ErrFormat, `"0x10"`},
	{"format, length with an underscore", parseFormat("digits:1_0"), gen.ErrFormat, `"1_0"`},
	{"format, length of twenty digits", parseFormat("digits:99999999999999999999"), gen.ErrFormat, "not a number"},
	{"format, length in wide digits", parseFormat("digits:８"), gen.ErrFormat, "not a number"},
	{"format, group with a letter", parseFormat("digits:8:4g"), gen.ErrFormat, `group "4g"`},
	{"format, group below zero", parseFormat("digits:8:-1"), gen.ErrFormat, "group -1"},
	{"format, any with a length", parseFormat("any:8"), gen.ErrFormat, "length 8 for class any"},
	{"format, any with a prefix", parseFormat("any:::VIP"), gen.ErrFormat, "prefix \"VIP\" for class any"},
	{"format, groups where case matters", parseFormat("letters-case:8:4"), gen.ErrFormat, "keeps hyphens"},
	{"format, the length as the prefix", parseFormat("crockford:12:4:L2"), gen.ErrFormat, `"L2" is read as "12"`},

	{"length 65 of digits", validate(gen.Format{Class: gen.Digits, Length: 65}), gen.ErrFormat, "64 in all"},
	{"length 0 less one", validate(gen.Format{Class: gen.Letters, Length: -1}), gen.ErrFormat, "length -1"},
	{"length least", validate(gen.Format{Length: math.MinInt}), gen.ErrFormat, "write 1 or more"},
	{"prefix and length of 65", validate(gen.Format{Class: gen.Digits, Length: 62, Prefix: "VIP"}), gen.ErrFormat, "prefix of 3 bytes and length 62"},
	{"64 with their hyphens are 66", validate(gen.Format{Class: gen.Digits, Length: 64, Group: 32}), gen.ErrFormat, "65 bytes with their hyphens"},
	{"prefix and its hyphen are too much", validate(gen.Format{Class: gen.Digits, Length: 61, Group: 61, Prefix: "VIP"}), gen.ErrFormat, "65 bytes"},
	{"group of one and 33 characters", validate(gen.Format{Class: gen.Digits, Length: 33, Group: 1}), gen.ErrFormat, "65 bytes"},
	{"group least", validate(gen.Format{Length: 12, Group: math.MinInt}), gen.ErrFormat, "group -"},
	{"group greatest", validate(gen.Format{Length: 12, Group: math.MaxInt}), gen.ErrFormat, "at most its length, 12"},
	{"group one longer than the code", validate(gen.Format{Class: gen.Alnum, Length: 8, Group: 9}), gen.ErrFormat, "group 9 is longer"},
	{"group of any too long", validate(gen.Format{Class: gen.Any, Group: 65}), gen.ErrFormat, "at most 64"},
	{"class behind the last", validate(gen.Format{Class: gen.Any + 1, Length: 8}), gen.ErrFormat, "unknown class 8"},
	{"prefix in small letters", validate(gen.Format{Class: gen.Letters, Length: 8, Prefix: "vip"}), gen.ErrFormat, `"vip" is read as "VIP"`},
	{"prefix with its hyphen", validate(gen.Format{Class: gen.Alnum, Length: 8, Prefix: "VIP-"}), gen.ErrFormat, `"VIP-" is read as "VIP"`},
	{"prefix with a blank before it", validate(gen.Format{Class: gen.AlnumCase, Length: 8, Prefix: " vip"}), gen.ErrFormat, `is read as "vip"`},
	{"prefix with letter O", validate(gen.Format{Length: 12, Prefix: "GO"}), gen.ErrFormat, `"GO" is read as "G0"`},
	{"prefix beyond ASCII", validate(gen.Format{Length: 12, Prefix: "红"}), gen.ErrFormat, "only the characters"},
	{"prefix of a blank", validate(gen.Format{Class: gen.Digits, Length: 8, Prefix: " "}), gen.ErrFormat, "empty"},
	{"prefix with an unseen character", validate(gen.Format{Class: gen.Digits, Length: 8, Prefix: "V\u200bP"}), gen.ErrFormat, "printable"},
	{"three things at once", validate(gen.Format{Class: gen.Any, Length: 3, Group: 65, Prefix: "V"}), gen.ErrFormat, "length 3 … group 65 … prefix \"V\""},
}

func fillPacked(f gen.Format, n int) func(*world) error {
	return func(w *world) error {
		g, err := gen.NewGenerator(f)
		if err != nil {
			return err
		}
		return g.FillPacked(make([]uint64, n))
	}
}

// generate makes codes from a source until it fails.
func generate(f gen.Format, r io.Reader, packed bool) func(*world) error {
	return func(w *world) error {
		g, err := gen.NewGeneratorFrom(f, r)
		if err != nil {
			return errors.New("no generator")
		}
		for range 1000 {
			if packed {
				err = g.FillPacked(make([]uint64, 100))
			} else if dst, aerr := g.AppendCode([]byte("before")); aerr != nil {
				if err = aerr; string(dst) != "before" {
					w.fault("it left %q", dst)
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

var generatorCases = []apiCase{
	{"packed codes of 16", fillPacked(gen.Format{Length: 16}, 1), gen.ErrFormat, "use AppendCode"},
	{"packed codes of 13 letters", fillPacked(gen.Format{Class: gen.Letters, Length: 13}, 1), gen.ErrFormat, "letters:13"},
	{"packed codes of 19 digits", fillPacked(gen.Format{Class: gen.Digits, Length: 19}, 1), gen.ErrFormat, "digits:19"},
	{"packed codes of 11 with case", fillPacked(gen.Format{Class: gen.AlnumCase, Length: 11}, 1), gen.ErrFormat, "alnum-case:11"},
	{"packed codes behind a wide prefix", fillPacked(gen.Format{Class: gen.Digits, Length: 4, Prefix: "é"}, 1), gen.ErrFormat, "é"},
	{"packed codes, none of them", fillPacked(gen.Format{Length: 16}, 0), gen.ErrFormat, "pack"},
	{"a generator of given codes", func(*world) error { _, err := gen.NewGenerator(gen.Format{Class: gen.Any}); return err }, gen.ErrFormat, "given, not made"},
	{"a generator of given codes in groups", func(*world) error { _, err := gen.NewGenerator(gen.Format{Class: gen.Any, Group: 4}); return err }, gen.ErrFormat, "write another class"},
	{"a source that fails", generate(gen.Format{}, &faulty{err: errPipe}, true), errPipe, "random source"},
	{"a source that fails, code by code", generate(gen.Format{}, &faulty{err: errPipe}, false), errPipe, "random source"},
	{"a source that ends at once", generate(gen.Format{}, strings.NewReader(""), true), io.EOF, "random source"},
	{"a source that ends in a block", generate(gen.Format{}, strings.NewReader("some bytes"), false), io.ErrUnexpectedEOF, "random source"},
	{"a source that ends in a later block", generate(gen.Format{Class: gen.Digits, Length: 9}, strings.NewReader(strings.Repeat("r", 2000)), true), io.ErrUnexpectedEOF, ""},
	{"a source that fails in a later block", generate(gen.Format{Length: 16}, &faulty{text: strings.Repeat("r", 2000), err: errPipe}, false), errPipe, ""},
}

func pack(text string) func(*world) error {
	return func(*world) error { _, ok := gen.Pack([]byte(text)); return no(ok) }
}

func packCrockford(text string) func(*world) error {
	return func(*world) error { _, ok := gen.PackCrockford(text); return no(ok) }
}

func unpack(v uint64) func(*world) error {
	return func(w *world) error {
		out, ok := gen.AppendUnpacked([]byte("before"), v)
		if string(out) != "before" {
			w.fault("it left %q", out)
		}
		return no(ok)
	}
}

// firstWide is the packed value behind the last that is made, and mixed the first of the
// kind with letters of both cases (gen/pack.go).
const (
	lowerStart = 1<<60 + (36*36*36*36*36*36*36*36*36*36*36*36*36-36)/35
	digitStart = lowerStart + (36*36*36*36*36*36*36*36*36*36*36*36*36-36)/35
	mixedStart = digitStart + (10*1_000_000_000_000_000_000-10_000_000_000_000)/9
	packedEnd  = mixedStart + (62*62*62*62*62*62*62*62*62*62*62-62)/61
)

var packCases = []apiCase{
	{"nothing", pack(""), errNo, ""},
	{"13 letters", pack("ABCDEFGHJKMNP"), errNo, ""},
	{"19 digits", pack("1234567890123456789"), errNo, ""},
	{"11 of both cases", pack("aBcDeFgHiJk"), errNo, ""},
	{"a hyphen", pack("7KQF-2M9X"), errNo, ""},
	{"a letter beyond ASCII", pack("CAFÉ"), errNo, ""},
	{"a NUL", pack("A\x00"), errNo, ""},
	{"64 bytes", pack(strings.Repeat("A", 64)), errNo, ""},
	{"a code of 11", packCrockford("7KQF-2M9X-T4W"), errNo, ""},
	{"a code of 13", packCrockford("7KQF-2M9X-T4WC-7"), errNo, ""},
	{"a code of 12 with U", packCrockford("7KQF-2M9X-T4WU"), errNo, ""},
	{"a code with wide digits", packCrockford("７KQF-2M9X-T4W"), errNo, ""},
	{"a code of 12 with a NUL", packCrockford("7KQF2M9XT4W\x00"), errNo, ""},
	{"14 bytes with other marks", packCrockford("7KQF_2M9X_T4WC"), errNo, ""},
	{"a code in 65 bytes", packCrockford(strings.Repeat(" ", 53) + "7KQF2M9XT4WC"), errNo, ""},
	{"the value behind the last", unpack(packedEnd), errNo, ""},
	{"the limit", unpack(gen.PackedLimit), errNo, ""},
	{"the greatest value", unpack(math.MaxUint64), errNo, ""},
	{"a digit as a small letter", unpack(lowerStart), errNo, ""},
	{"a letter as one of both cases", unpack(mixedStart + 10), errNo, ""},
	{"twelve Crockford characters as capitals", unpack(lowerStart - 1 - 36*36*36*36*36*36*36*36*36*36*36), errNo, ""},
}
