package report

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var colour = regexp.MustCompile(`--(\w+): #([0-9a-f]{6}|[0-9a-f]{3});`)

// themes are the colours of the style: light, dark and printed.
func themes(t *testing.T) map[string]map[string]string {
	t.Helper()
	style, err := files.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]map[string]string)
	names := []string{"light", "dark", "print"}
	for i, part := range strings.Split(string(style), ":root {")[1:] {
		block, _, _ := strings.Cut(part, "}")
		out[names[i]] = make(map[string]string)
		for _, m := range colour.FindAllStringSubmatch(block, -1) {
			out[names[i]][m[1]] = m[2]
		}
	}
	if len(out) != 3 {
		t.Fatalf("%d themes", len(out))
	}
	return out
}

// luminance is the relative luminance of WCAG 2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = strings.Repeat(hex[:1], 2) + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:], 2)
	}
	v, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	part := func(shift int) float64 {
		c := float64(v>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}

// TestContrast wants 4.5 for texts and 3 for shapes, as WCAG 2 does at level AA.
func TestContrast(t *testing.T) {
	for theme, c := range themes(t) {
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"ink", "ground", 4.5}, {"ink", "card", 4.5}, {"ink", "tint", 4.5}, {"ink", "warn", 4.5},
			{"soft", "ground", 4.5}, {"soft", "card", 4.5},
			{"link", "ground", 4.5}, {"link", "tint", 4.5}, {"own", "card", 4.5},
			{"yes", "card", 4.5}, {"no", "card", 4.5},
			{"peer", "card", 3}, {"reference", "card", 3}, {"peer", "under", 3}, {"reference", "warn", 3},
		} {
			if c[pair.front] == "" || c[pair.back] == "" {
				t.Fatalf("%s: no colour %s or %s", theme, pair.front, pair.back)
			}
			a, b := luminance(t, c[pair.front]), luminance(t, c[pair.back])
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < pair.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", theme, pair.front, pair.back, ratio, pair.least)
			}
		}
	}
}

func TestFigures(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Count(0), ""}, {Count(999), "999"}, {Count(1234567), "1,234,567"}, {Count(-123), "-123"}, {Count(-123456), "-123,456"}, {Count(1e300), "1.000e+300"},
		{Figure(0), ""}, {Figure(1.23456), "1.23"}, {Figure(12345.6), "12,346"}, {Figure(-0.5), "-0.5"},
		{short(0), "0"}, {short(999), "999"}, {short(999.6), "1 k"}, {short(1234567), "1.23 M"}, {short(999_700_000), "1 G"}, {short(0.00001), "1.0e-05"},
		{seconds(1.5), "1.5 s"}, {seconds(0.25), "250 ms"}, {seconds(0.0009996), "1 ms"}, {microseconds(211.8), "212 µs"}, {microseconds(2_715_812), "2.72 s"},
		{perSecond(1234), "1.23 k/s"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestScales(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []float64
		log    bool
		labels string
	}{
		{"near each other", []float64{100, 2000}, false, "0 500 1 k 1.5 k 2 k"},
		{"far apart", []float64{100, 3001}, true, "10 100 1 k 10 k"},
		{"one", []float64{7}, false, "0 2 4 6 8"},
		{"none", []float64{0, math.NaN(), math.Inf(1), -1}, false, "0 0.25 0.5 0.75 1"},
	} {
		s := newScale(c.values, 0, 100, false)
		var labels []string
		for _, mark := range s.ticks() {
			labels = append(labels, mark.Label)
		}
		if got := strings.Join(labels, " "); s.log != c.log || got != c.labels {
			t.Errorf("%s: log %v, %q; want %v, %q", c.name, s.log, got, c.log, c.labels)
		}
		for _, v := range c.values {
			if v > 0 && !math.IsInf(v, 0) && (s.at(v) <= 0 || s.at(v) > 100) {
				t.Errorf("%s: %v lies at %v", c.name, v, s.at(v))
			}
		}
	}
	if s := newScale([]float64{10, 1000}, 0, 100, true); s.at(100) <= s.at(10) || s.at(1000) != 100 || s.at(0) != 0 {
		t.Errorf("10, 100, 1000 and 0 lie at %v, %v, %v, %v", s.at(10), s.at(100), s.at(1000), s.at(0))
	}
}
