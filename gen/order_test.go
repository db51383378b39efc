package gen_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"codepool/gen"
)

var secret = []byte("0123456789abcdef")

func codec(t testing.TB, typeDigits, sequenceDigits int) *gen.OrderCodec {
	t.Helper()
	c, err := gen.NewOrderCodec(gen.OrderLayout{TypeDigits: typeDigits, SequenceDigits: sequenceDigits}, secret)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func date(year int, month time.Month, day int) gen.Day {
	return gen.DayOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

func number(t testing.TB, c *gen.OrderCodec, day gen.Day, typ int, seq uint64) int64 {
	t.Helper()
	n, err := c.Number(day, typ, seq)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Numbers are kept by others for years: those of a layout and secret never change.
func TestOrderNumbersAreFixed(t *testing.T) {
	for _, tc := range []struct {
		types, digits int
		day           gen.Day
		typ           int
		seq           uint64
		want          string
	}{
		{2, 9, date(2026, 11, 26), 42, 0, "261126421753547414"},
		{2, 9, date(2026, 11, 26), 42, 1, "261126428730439350"},
		{2, 9, date(2026, 11, 27), 42, 0, "261127428454668396"},
		{2, 9, date(2000, 1, 1), 0, 999_999_999, "000101001105967330"},
		{0, 1, date(2099, 12, 31), 0, 9, "99123194"},
		{0, 11, date(2026, 11, 26), 0, 5, "261126251069074271"},
		{6, 5, date(2026, 11, 26), 999_999, 99_999, "261126999999597655"},
	} {
		c := codec(t, tc.types, tc.digits)
		n := number(t, c, tc.day, tc.typ, tc.seq)
		if got := c.Text(n); got != tc.want {
			t.Errorf("%+v: %s, want %s", tc, got, tc.want)
		}
		if want := (gen.Order{Number: n, Day: tc.day, Type: tc.typ, Sequence: tc.seq}); parse(t, c, c.Text(n)) != want {
			t.Errorf("%s is read as %+v, want %+v", c.Text(n), parse(t, c, c.Text(n)), want)
		}
	}
}

func parse(t testing.TB, c *gen.OrderCodec, text string) gen.Order {
	t.Helper()
	o, err := c.Parse(text)
	if err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	return o
}

// layouts are all shapes of a layout: shortest, longest, without a type, all type.
var layouts = [][2]int{{0, 1}, {1, 1}, {0, 2}, {2, 3}, {0, 11}, {6, 5}, {2, 9}}

// TestOrderNumberBijection gives every sequence number of a day, small layouts exhausted:
// each gives another number, has its date and type in front, and is read back.
func TestOrderNumberBijection(t *testing.T) {
	for _, l := range append(layouts, [2]int{1, 4}) {
		c := codec(t, l[0], l[1])
		perDay, step := c.Layout().PerDay(), uint64(1)
		if perDay > 10_000 {
			step = perDay/2_000 + 7
		}
		for day, front := range map[gen.Day]string{date(2026, 11, 26): "261126", date(2004, 2, 29): "040229"} {
			typ := 0
			if l[0] > 0 {
				typ = 7
				front += strings.Repeat("0", l[0]-1) + "7"
			}
			seen := map[int64]bool{}
			for seq := uint64(0); seq < perDay; seq += step {
				n := number(t, c, day, typ, seq)
				text := c.Text(n)
				if seen[n] || !strings.HasPrefix(text, front) || len(text) != c.Layout().Digits() {
					t.Fatalf("%v: sequence number %d gives %s, twice: %v", c.Layout(), seq, text, seen[n])
				}
				seen[n] = true
				want := gen.Order{Number: n, Day: day, Type: typ, Sequence: seq}
				if got, err := c.ParseNumber(n); err != nil || got != want {
					t.Fatalf("%v: %s is read as %+v, %v, want %+v", c.Layout(), text, got, err, want)
				}
			}
		}
	}
}

// TestOrderNumberEdits makes every edit of sampled numbers: no change of one character, to
// whatever byte, and no swap of two neighbours gives another valid number; nor does a
// character too many or too few.
func TestOrderNumberEdits(t *testing.T) {
	for _, l := range layouts {
		c := codec(t, l[0], l[1])
		for i := range 40 {
			day, typ := date(2000, 1, 1)+gen.Day(i*913), 0
			if l[0] > 0 {
				typ = i % 10
			}
			text := c.Text(number(t, c, day, typ, uint64(i)*2_654_435_761%c.Layout().PerDay()))
			refused := func(edit string) {
				if o, err := c.Parse(edit); err == nil {
					t.Errorf("%s became %q, which is read as %+v", text, edit, o)
				}
			}
			for at := range len(text) {
				for char := range 256 {
					if byte(char) != text[at] {
						refused(text[:at] + string([]byte{byte(char)}) + text[at+1:])
					}
				}
				for _, char := range []string{"０", "１", "٣", "O", "\u200b"} {
					refused(text[:at] + char + text[at+1:])
				}
				refused(text[:at] + text[at+1:])
				for char := '0'; char <= '9'; char++ {
					refused(text[:at] + string(char) + text[at:])
				}
				if at > 0 && text[at] != text[at-1] {
					refused(text[:at-1] + text[at:at+1] + text[at-1:at] + text[at+1:])
				}
			}
		}
	}
}

// TestOrderNumberDigits exhausts the edits of digits over all numbers of many days of the
// least layout, so that the check is in each of its states at each place.
func TestOrderNumberDigits(t *testing.T) {
	c := codec(t, 0, 1)
	digits, checked := c.Layout().Digits(), 0
	for day := date(2000, 1, 1); day <= date(2099, 12, 31); day += 61 {
		for seq := range uint64(10) {
			n := number(t, c, day, 0, seq)
			for at, place := 0, int64(1); at < digits; at, place = at+1, place*10 {
				digit, next := n/place%10, n/place/10%10
				for d := range int64(10) {
					if d != digit {
						checked++
						if _, err := c.ParseNumber(n + (d-digit)*place); !errors.Is(err, gen.ErrCheckDigit) {
							t.Fatalf("%08d, digit %d from the end is %d: %v", n, at, d, err)
						}
					}
				}
				if at < digits-1 && digit != next {
					if _, err := c.ParseNumber(n + (next-digit)*place + (digit-next)*place*10); !errors.Is(err, gen.ErrCheckDigit) {
						t.Fatalf("%08d, digit %d from the end and the one before swapped: %v", n, at, err)
					}
				}
			}
		}
	}
	if checked < 400_000 {
		t.Errorf("%d edits", checked)
	}
}

// TestOrderNumbersHideSequence looks at the numbers of one day in the order in which they were made, as
// somebody would who orders every second: differences of neighbours are those of random
// numbers, another day, type or secret has others, and the last numbers say nothing about how
// many there were.
func TestOrderNumbersHideSequence(t *testing.T) {
	const n = 20_000
	c, day := codec(t, 2, 9), date(2026, 11, 26)
	other, err := gen.NewOrderCodec(gen.OrderLayout{}, []byte("another secret of 24 byte"))
	if err != nil {
		t.Fatal(err)
	}
	size := float64(c.Layout().PerDay())
	for name, of := range map[string]func(seq uint64) int64{
		"a day":           func(seq uint64) int64 { return number(t, c, day, 42, seq) },
		"days":            func(seq uint64) int64 { return number(t, c, date(2000, 1, 1)+gen.Day(seq), 42, 0) },
		"types":           func(seq uint64) int64 { return number(t, c, day, int(seq%100), seq/100) },
		"far on":          func(seq uint64) int64 { return number(t, c, day, 42, seq*49_999) },
		"alike in a half": func(seq uint64) int64 { return number(t, c, day, 42, seq*31_623) }, // √10⁹: see permute.go
		"another secret":  func(seq uint64) int64 { return number(t, other, day, 42, seq) },
		"type after type": func(seq uint64) int64 { return number(t, c, day, int(seq%2), seq) },
	} {
		var buckets [64]int // of the difference to the one before, modulo the size
		up, same, before := 0, 0, -1.0
		sum := 0.0
		for seq := range uint64(n) {
			x := float64(of(seq) / 10 % int64(size))
			sum += x / size
			if before >= 0 {
				d := math.Mod(x-before+size, size)
				buckets[int(d*64/size)]++
				if x > before {
					up++
				}
				if d < 1000 {
					same++
				}
			}
			before = x
		}
		chi := 0.0
		for _, b := range buckets {
			e := float64(n-1) / 64
			chi += (float64(b) - e) * (float64(b) - e) / e
		}
		// 63 degrees of freedom: mean 63, deviation 11.2.
		if chi > 63+5*11.2 || chi < 63-4*11.2 {
			t.Errorf("%s: differences are not those of random numbers: chi² is %.1f, want some 63", name, chi)
		}
		if math.Abs(float64(up)/n-0.5) > 0.02 || math.Abs(sum/n-0.5) > 0.02 {
			t.Errorf("%s: %d of %d numbers are above the one before, their mean is %.3f of the space", name, up, n, sum/n)
		}
		if same > 3 {
			t.Errorf("%s: %d numbers are next to the one before", name, same)
		}
	}
	for seq := range uint64(100) {
		if number(t, c, day, 42, seq)%1e10 == number(t, other, day, 42, seq)%1e10 {
			t.Errorf("sequence number %d is permuted alike under two secrets", seq)
		}
	}
}

func TestOrderBadInput(t *testing.T) {
	for _, tc := range []struct {
		types, digits, secret int
		want                  string
	}{
		{2, 9, 15, "secret of 15 bytes: take 16"},
		{2, 9, 0, "secret of 0 bytes"},
		{-1, 9, 16, "-1 digits for the type: write 0 to 6"},
		{7, 4, 16, "7 digits for the type"},
		{2, 0, 16, "0 digits for the sequence: write 1 to 11"},
		{2, -5, 16, "-5 digits for the sequence"},
		{0, 12, 16, "12 digits for the sequence"},
		{3, 9, 16, "12 digits for type and sequence: a number of more than 18 does not fit an int64, write 11 at most"},
		{math.MaxInt, math.MinInt, 1, "secret of 1 bytes"},
	} {
		_, err := gen.NewOrderCodec(gen.OrderLayout{TypeDigits: tc.types, SequenceDigits: tc.digits}, make([]byte, tc.secret))
		if !errors.Is(err, gen.ErrOrderLayout) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc, err)
		}
	}
	if c, err := gen.NewOrderCodec(gen.OrderLayout{}, secret); err != nil || c.Layout() != gen.DefaultOrderLayout() || c.Layout().Digits() != 18 {
		t.Errorf("the zero layout: %v", err)
	}

	c := codec(t, 2, 9)
	day := date(2026, 11, 26)
	for name, tc := range map[string]struct {
		day gen.Day
		typ int
		seq uint64
	}{
		"the day before": {date(1999, 12, 31), 0, 0}, "the day after": {date(2100, 1, 1), 0, 0}, "no day": {0, 0, 0},
		"least day": {math.MinInt64, 0, 0}, "last day": {math.MaxInt64, 0, 0},
		"type below": {day, -1, 0}, "type above": {day, 100, 0}, "type far above": {day, math.MaxInt, 0},
		"sequence above": {day, 0, 1_000_000_000}, "sequence far above": {day, 0, math.MaxUint64},
	} {
		if n, err := c.Number(tc.day, tc.typ, tc.seq); !errors.Is(err, gen.ErrOrderRange) || n != 0 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}

	good := c.Text(number(t, c, day, 42, 7))
	for text, want := range map[string]error{
		"": gen.ErrEmpty, "  - ": gen.ErrEmpty, strings.Repeat("1", 65): gen.ErrTooLong, "\xff" + good: gen.ErrNotUTF8,
		good + "A": gen.ErrAlphabet, "+" + good: gen.ErrAlphabet, good[:17] + "١": gen.ErrAlphabet, good[:6] + "\t" + good[6:]: gen.ErrAlphabet,
		good[:6] + "." + good[6:]: gen.ErrAlphabet, "0x" + good: gen.ErrAlphabet,
		good[1:]: gen.ErrOrderLength, good + "0": gen.ErrOrderLength, "0" + good: gen.ErrOrderLength, "0": gen.ErrOrderLength,
		strings.Repeat("9", 64): gen.ErrOrderLength, strings.Repeat("0", 17): gen.ErrOrderLength,
		strings.Repeat("0", 18): gen.ErrOrderDay, // a run of zeros has the check digit 0
	} {
		if o, err := c.Parse(text); err != want || o != (gen.Order{}) {
			t.Errorf("Parse(%q): %+v, %v, want %v", text, o, err, want)
		}
	}
	for n, want := range map[int64]error{-1: gen.ErrOrderLength, math.MinInt64: gen.ErrOrderLength, 1e18: gen.ErrOrderLength, math.MaxInt64: gen.ErrOrderLength, 0: gen.ErrOrderDay} {
		if o, err := c.ParseNumber(n); err != want || o != (gen.Order{}) {
			t.Errorf("ParseNumber(%d): %+v, %v, want %v", n, o, err, want)
		}
	}
	for _, text := range []string{good, " " + good + "\n", good[:6] + "-" + good[6:8] + " " + good[8:], strings.Join(strings.Split(good, ""), "-")} {
		if parse(t, c, text).Number != parse(t, c, good).Number {
			t.Errorf("%q is another number than %q", text, good)
		}
	}
}

// Dates that do not exist are refused where the check digit fits; every ninth year is tried.
func TestOrderNumberDates(t *testing.T) {
	c := codec(t, 0, 1)
	days, want := 0, 0
	for n := int64(0); n < 1_000_000; n++ {
		if n%10_000 == 0 {
			if n/10_000%9 != 0 {
				n += 9_999
				continue
			}
			want += int(date(2001+int(n/10_000), 1, 1) - date(2000+int(n/10_000), 1, 1))
		}
		for d := range int64(10) { // one of the check digits fits
			o, err := c.ParseNumber(n*100 + d)
			if err == gen.ErrCheckDigit {
				continue
			}
			text := fmt.Sprintf("20%02d-%02d-%02d", n/10_000, n/100%100, n%100)
			if day, bad := time.Parse(time.DateOnly, text); bad != nil {
				if err != gen.ErrOrderDay {
					t.Fatalf("%s: %v, %v", text, o.Day, err)
				}
			} else if days++; err != nil || o.Day.String() != text || o.Day.Time() != day {
				t.Fatalf("%s: %v, %v", text, o.Day, err)
			}
		}
	}
	if days != want {
		t.Errorf("%d days are read, want %d", days, want)
	}
}

func TestDay(t *testing.T) {
	for _, name := range []string{"UTC", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Skipf("no time zones here: %v", err)
		}
		for at := time.Date(1967, 12, 30, 1, 0, 0, 0, zone); at.Year() < 1972; at = at.Add(5*time.Hour + 59*time.Minute) {
			d := gen.DayOf(at)
			if want := at.Format(time.DateOnly); d.String() != want || d.Time().Format(time.DateOnly) != want || gen.DayOf(d.Time()) != d {
				t.Fatalf("%v: %v", at, d)
			}
		}
	}
	if gen.DayOf(time.Unix(0, 0).UTC()) != 0 || gen.DayOf(time.Unix(-1, 0).UTC()) != -1 || gen.DayOf(time.Unix(86399, 0).UTC()) != 0 {
		t.Error("days do not begin at midnight")
	}
	var d gen.Day
	if err := d.UnmarshalText([]byte("2026-11-26")); err != nil || d != date(2026, 11, 26) {
		t.Errorf("%v, %v", d, err)
	}
	for _, text := range []string{"", "2026-02-29", "2026-1-1", "20261126", "2026-11-26 ", strings.Repeat("9", 100)} {
		if err := d.UnmarshalText([]byte(text)); err == nil || d != date(2026, 11, 26) {
			t.Errorf("%q: %v, %v", text, d, err)
		}
	}
}
