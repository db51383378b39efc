package gen_test

import (
	"encoding/json"
	"errors"
	"flag"
	"math"
	"math/big"
	"strings"
	"testing"

	"codepool/gen"
)

var classes = []gen.Class{
	gen.Crockford32, gen.Digits, gen.Letters, gen.LettersCase, gen.Alnum, gen.AlnumCase, gen.Alnum60, gen.Any,
}

func TestClasses(t *testing.T) {
	for _, tt := range []struct {
		class    gen.Class
		ctype    int
		name     string
		alphabet string
		fold     gen.Fold
		length   int
	}{
		{gen.Crockford32, 0, "crockford", crockford, gen.Crockford, 12},
		{gen.Digits, 1, "digits", digitChars, gen.Upper, 4},
		{gen.Letters, 2, "letters", upperChars, gen.Upper, 4},
		{gen.LettersCase, 3, "letters-case", upperChars + lowerChars, gen.Exact, 4},
		{gen.Alnum, 4, "alnum", digitChars + upperChars, gen.Upper, 4},
		{gen.AlnumCase, 5, "alnum-case", digitChars + upperChars + lowerChars, gen.Exact, 4},
		{gen.Alnum60, 0, "alnum-60", digitChars + "ABCDEFGHJKLMNPQRSTUVWXYZ" + lowerChars, gen.Exact, 4},
		{gen.Any, 0, "any", "", gen.Upper, 0},
	} {
		if tt.class.String() != tt.name || tt.class.Alphabet() != tt.alphabet || tt.class.Fold() != tt.fold {
			t.Errorf("%v: alphabet %q, fold %v", tt.class, tt.class.Alphabet(), tt.class.Fold())
		}
		if c, err := gen.ParseClass(tt.name); c != tt.class || err != nil {
			t.Errorf("ParseClass(%q) = %v, %v", tt.name, c, err)
		}
		if tt.ctype != 0 {
			if c, err := gen.ClassOf(tt.ctype); c != tt.class || err != nil {
				t.Errorf("ClassOf(%d) = %v, %v", tt.ctype, c, err)
			}
		}
		// "bits 0 means 4 characters"
		if f := (gen.Format{Class: tt.class}).WithDefaults(); f.Length != tt.length {
			t.Errorf("%v: default length %d, want %d", tt.class, f.Length, tt.length)
		}
		text, err := tt.class.MarshalText()
		back := gen.Class(99)
		if err != nil || back.UnmarshalText(text) != nil || back != tt.class {
			t.Errorf("%v marshals to %q, %v and back to %v", tt.class, text, err, back)
		}
	}

	for _, ctype := range []int{-1, 0, 6} {
		if _, err := gen.ClassOf(ctype); !errors.Is(err, gen.ErrFormat) {
			t.Errorf("ClassOf(%d): %v", ctype, err)
		}
	}
	class := gen.Alnum
	for _, name := range []string{"", "Digits", "base62", "1"} {
		if _, err := gen.ParseClass(name); !errors.Is(err, gen.ErrFormat) {
			t.Errorf("ParseClass(%q): %v", name, err)
		}
		if err := class.UnmarshalText([]byte(name)); err == nil || class != gen.Alnum {
			t.Errorf("%q unmarshals to %v, %v", name, class, err)
		}
	}
	unknown := gen.Class(8)
	if _, err := unknown.MarshalText(); !errors.Is(err, gen.ErrFormat) ||
		unknown.String() != "Class(8)" || unknown.Alphabet() != "" {
		t.Errorf("unknown class: %v, %q, %v", unknown, unknown.Alphabet(), err)
	}
}

func TestZeroFormatIsDefault(t *testing.T) {
	want := gen.Format{Class: gen.Crockford32, Length: 12, Group: 4}
	if got := (gen.Format{}).WithDefaults(); got != want || gen.DefaultFormat() != want {
		t.Errorf("got %v and %v, want %v", got, gen.DefaultFormat(), want)
	}
	if f := (gen.Format{Length: 12}); f.WithDefaults() != f {
		t.Errorf("a format with a length becomes %v", f.WithDefaults())
	}
}

func TestFormatFigures(t *testing.T) {
	for _, tt := range []struct {
		format string
		space  string
		bits   float64
		length int
		packs  bool
	}{
		{"crockford", "1152921504606846976", 60, 12, true},
		{"crockford:16:4", "1208925819614629174706176", 80, 16, false},
		{"crockford:10:5:VX", "1125899906842624", 50, 12, true},
		{"crockford:13", "36893488147419103232", 65, 13, false},
		{"digits", "10000", 13.287712, 4, true},
		{"digits:18", "1000000000000000000", 59.794705, 18, true},
		{"digits:19", "10000000000000000000", 63.116634, 19, false},
		{"digits:9:3:VIP", "1000000000", 29.897353, 12, true},
		{"digits:10:5:VIP", "10000000000", 33.219281, 13, false},
		{"digits:10:5:777", "10000000000", 33.219281, 13, true},
		{"letters", "456976", 18.801759, 4, true},
		{"letters:12", "95428956661682176", 56.405276, 12, true},
		{"letters:13", "2481152873203736576", 61.105716, 13, false},
		{"letters-case:10", "144555105949057024", 57.004397, 10, true},
		{"letters-case:11", "7516865509350965248", 62.704837, 11, false},
		{"alnum:8", "2821109907456", 41.359400, 8, true},
		{"alnum:8:0:_", "2821109907456", 41.359400, 9, false},
		{"alnum:8:0:红", "2821109907456", 41.359400, 11, false},
		{"alnum:12", "4738381338321616896", 62.039100, 12, true},
		{"alnum-case:3", "238328", 17.862589, 3, true}, // 62³
		{"alnum-case:10", "839299365868340224", 59.541963, 10, true},
		{"alnum-case:11", "52036560683837093888", 65.496159, 11, false},
		{"alnum-60:10", "604661760000000000", 59.068906, 10, true}, // 60¹⁰
		{"any", "0", 0, 0, false},
	} {
		f := parseFormat(t, tt.format)
		if got := f.Space(); got.String() != tt.space {
			t.Errorf("%v: space %v, want %v", f, got, tt.space)
		}
		if got := f.Bits(); math.Abs(got-tt.bits) > 1e-6 {
			t.Errorf("%v: %.6f bits, want %.6f", f, got, tt.bits)
		}
		if f.CanonicalLen() != tt.length || f.Packs() != tt.packs {
			t.Errorf("%v: length %d, packs %v; want %d, %v", f, f.CanonicalLen(), f.Packs(), tt.length, tt.packs)
		}
	}
	for _, f := range []gen.Format{{Class: 8, Length: 4}, {Length: -1}, {Length: math.MaxInt}} {
		if f.Space().Cmp(new(big.Int)) != 0 || f.Bits() != 0 || f.Packs() {
			t.Errorf("%v is not valid but has space %v, %v bits", f, f.Space(), f.Bits())
		}
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		format gen.Format
		says   []string // what each line of the error has; none: valid
	}{
		{gen.Format{}, nil},
		{gen.DefaultFormat(), nil},
		{gen.Format{Length: 64}, nil},
		{gen.Format{Length: 52, Group: 4}, nil}, // 64 bytes printed
		{gen.Format{Length: 4, Group: 4}, nil},
		{gen.Format{Class: gen.Any}, nil},
		{gen.Format{Class: gen.Any, Group: 4}, nil},
		{gen.Format{Class: gen.Digits, Length: 16, Group: 4, Prefix: "VIP"}, nil},
		{gen.Format{Class: gen.Alnum, Length: 8, Prefix: "红包"}, nil},
		{gen.Format{Class: gen.AlnumCase, Length: 8, Prefix: "vip-A b"}, nil},

		{gen.Format{Class: 8, Length: 4}, []string{"unknown class 8"}},
		{gen.Format{Length: -1}, []string{"length -1"}},
		{gen.Format{Length: 65}, []string{"length 65"}},
		{gen.Format{Length: math.MaxInt}, []string{"64 in all"}},
		{gen.Format{Length: 62, Prefix: "VPP"}, []string{"64 in all"}},
		{gen.Format{Length: 53, Group: 4}, []string{"typed back"}},
		{gen.Format{Length: 12, Group: -4}, []string{"group -4"}},
		{gen.Format{Length: 12, Group: 13}, []string{"group 13"}},
		{gen.Format{Class: gen.AlnumCase, Length: 8, Group: 4}, []string{"keeps hyphens"}},
		{gen.Format{Class: gen.Any, Length: 4}, []string{"length 4"}},
		{gen.Format{Class: gen.Any, Group: 65}, []string{"group 65"}},
		{gen.Format{Class: gen.Any, Prefix: "A"}, []string{`prefix "A"`}},
		{gen.Format{Length: 12, Prefix: "VIP"}, []string{`"V1P"`}},
		{gen.Format{Length: 12, Prefix: "SUN"}, []string{"only the characters 0123"}},
		{gen.Format{Class: gen.Digits, Prefix: "vip"}, []string{`"VIP"`}},
		{gen.Format{Class: gen.Digits, Prefix: "V-P"}, []string{`"VP"`}},
		{gen.Format{Class: gen.Digits, Prefix: "V\tP"}, []string{"printable"}},
		{gen.Format{Class: gen.Digits, Prefix: "--"}, []string{"empty"}},
		{gen.Format{Class: gen.Digits, Prefix: "V\xff"}, []string{"UTF-8"}},
		{gen.Format{Class: gen.AlnumCase, Prefix: "vip "}, []string{`"vip"`}},
		{gen.Format{Class: gen.Digits, Prefix: strings.Repeat("A", 65)}, []string{"prefix of 65 bytes"}},
		// every violation at once
		{gen.Format{Length: -1, Group: -1, Prefix: "vip"}, []string{"length -1", "group -1", `"V1P"`}},
		{gen.Format{Class: 9, Length: 99, Group: -2}, []string{"class 9", "group -2", "64 in all"}},
	} {
		err := tt.format.Validate()
		if len(tt.says) == 0 {
			if err != nil {
				t.Errorf("%+v: %v", tt.format, err)
			}
			continue
		}
		if !errors.Is(err, gen.ErrFormat) {
			t.Errorf("%+v: %v", tt.format, err)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(tt.says) {
			t.Errorf("%+v: %d violations, want %d: %v", tt.format, len(lines), len(tt.says), err)
		}
		for i, line := range lines {
			if i < len(tt.says) && !strings.Contains(line, tt.says[i]) {
				t.Errorf("%+v: %q does not say %q", tt.format, line, tt.says[i])
			}
		}
		if _, err := gen.NewGenerator(tt.format); !errors.Is(err, gen.ErrFormat) {
			t.Errorf("%+v: a generator is made: %v", tt.format, err)
		}
	}
}

func TestAppendPrinted(t *testing.T) {
	for _, tt := range []struct{ format, canon, want string }{
		{"crockford", "7KQF2M9XT4WC", "7KQF-2M9X-T4WC"},
		{"crockford:12", "7KQF2M9XT4WC", "7KQF2M9XT4WC"},
		{"crockford:14:4", "7KQF2M9XT4WC77", "7KQF-2M9X-T4WC-77"},
		{"digits:16:4:VIP", "VIP1234567812345678", "VIP-1234-5678-1234-5678"},
		{"digits:6:0:VIP", "VIP123456", "VIP123456"},
		{"alnum-case:8:0:v-", "v-aB3xY901", "v-aB3xY901"},
		{"any", "红包2024", "红包2024"},
		{"any:0:4", "红包20241", "红包20-241"}, // characters, not bytes
		{"any:0:4", strings.Repeat("A", 52), strings.Repeat("AAAA-", 12) + "AAAA"},
		{"any:0:4", strings.Repeat("A", 53), strings.Repeat("A", 53)}, // too long to type back
		// of another format
		{"crockford", "", ""},
		{"crockford", "7KQ", "7KQ"},
		{"crockford", "7KQF2", "7KQF-2"},
		{"digits:16:4:VIP", "VIP", "VIP"},
		{"digits:16:4:VIP", "VI", "VI"},
		{"digits:16:4:VIP", "VIP1", "VIP-1"},
		{"digits:16:4:VIP", "XIP12345", "XIP1-2345"},
	} {
		got := parseFormat(t, tt.format).AppendPrinted([]byte("is "), []byte(tt.canon))
		if string(got) != "is "+tt.want {
			t.Errorf("%s: %q prints as %q, want %q", tt.format, tt.canon, got, tt.want)
		}
	}
}

func TestFormatText(t *testing.T) {
	for text, want := range map[string]gen.Format{
		"crockford":          gen.DefaultFormat(),
		"crockford:12:4":     gen.DefaultFormat(),
		"crockford:16:4":     {Length: 16, Group: 4},
		"crockford:12":       {Length: 12},
		"alnum":              {Class: gen.Alnum, Length: 4},
		"alnum:8":            {Class: gen.Alnum, Length: 8},
		"alnum::2":           {Class: gen.Alnum, Length: 4, Group: 2},
		"digits:16:4:VIP":    {Class: gen.Digits, Length: 16, Group: 4, Prefix: "VIP"},
		"digits:16::V:P":     {Class: gen.Digits, Length: 16, Prefix: "V:P"},
		"letters-case:6:0:a": {Class: gen.LettersCase, Length: 6, Prefix: "a"},
		"any":                {Class: gen.Any},
		"any:0:4":            {Class: gen.Any, Group: 4},
	} {
		got, err := gen.ParseFormat(text)
		if got != want || err != nil {
			t.Errorf("ParseFormat(%q) = %+v, %v; want %+v", text, got, err, want)
		}
		if back, err := gen.ParseFormat(got.String()); back != want || err != nil {
			t.Errorf("%q prints as %q, which is %+v, %v", text, got, back, err)
		}
	}
	for text, says := range map[string]string{
		"":                "write one of crockford, digits, letters",
		"base64:8":        `unknown class "base64": write one of`,
		"12":              `unknown class "12"`,
		"alnum:eight":     `length "eight" is not a number: write class:length`,
		"alnum:8:x":       `group "x" is not a number`,
		"alnum:-8":        "length -8: write 1 or more",
		"alnum:99":        "shorten them to 64",
		"digits:16:4:vip": `write it so`,
		"digits:16:4:VIP\xff\x00" + strings.Repeat("A", 100): "64 in all",
	} {
		_, err := gen.ParseFormat(text)
		if !errors.Is(err, gen.ErrFormat) || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseFormat(%q): %v; want it to say %q", text, err, says)
		}
	}
}

func TestFormatFlag(t *testing.T) {
	f := gen.DefaultFormat()
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(new(strings.Builder))
	fs.Var(&f, "format", "")
	if err := fs.Parse([]string{"-format", "nonsense"}); err == nil || f != gen.DefaultFormat() {
		t.Errorf("a bad flag: %v, %v", f, err)
	}
	if err := fs.Parse([]string{"-format", "alnum:8"}); err != nil || f.String() != "alnum:8" {
		t.Errorf("a good flag: %v, %v", f, err)
	}
}

func TestFormatJSON(t *testing.T) {
	for text, want := range map[string]gen.Format{
		`{"class":"crockford","length":12,"group":4}`:              gen.DefaultFormat(),
		`{"class":"digits","length":6,"group":3,"prefix":"VIP"}`:   {Class: gen.Digits, Length: 6, Group: 3, Prefix: "VIP"},
		`{"class":"any","length":0}`:                               {Class: gen.Any},
		`{"class":"alnum-case","length":10,"prefix":"vip-2024 x"}`: {Class: gen.AlnumCase, Length: 10, Prefix: "vip-2024 x"},
	} {
		var got gen.Format
		if err := json.Unmarshal([]byte(text), &got); got != want || err != nil {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
		if back, err := json.Marshal(want); string(back) != text || err != nil {
			t.Errorf("%+v is %s, %v; want %s", want, back, err, text)
		}
	}
	var f gen.Format
	if err := json.Unmarshal([]byte(`{"class":"base64"}`), &f); !errors.Is(err, gen.ErrFormat) {
		t.Errorf("an unknown class: %v", err)
	}
}
