package gen_test

import (
	"math"
	"strings"
	"testing"

	"codepool/gen"
)

func TestGuessRisk(t *testing.T) {
	for _, tt := range []struct {
		live    int64
		format  string
		guesses float64
		hits    float64 // by hand: live × guesses × 8766 ÷ space
	}{
		{1_000_000, "crockford:12", 4_000_000, 0.0304131899},             // 3.5064e16 ÷ 2^60
		{1_000_000, "crockford:12", 0, 0.0304131899},                     // the default
		{1_000_000, "crockford:12", math.NaN(), 0.0304131899},            //
		{1_000_000, "crockford:12", math.Inf(1), 0.0304131899},           //
		{1_000_000, "crockford:16", 4_000_000, 2.9004278e-8},             // ÷ 2^80
		{1_000_000_000, "crockford:12:4:VP", 4_000_000, 30.4131899},      // a prefix is no secret
		{576, "alnum-case:3", 100, 2118.5995},                            // 576 × 876,600 ÷ 238,328
		{1, "digits:4", 1000, 876.6},                                     // 8,766,000 ÷ 10,000
		{10_000, "digits:4", 1000, 8_766_000},                            // every guess hits
		{math.MaxInt64, "digits:4", 1000, 8_766_000},                     // no more than every guess
		{1, "any", 1000, 8_766_000},                                      // unknown space
		{0, "digits:4", 1000, 0}, {0, "any", 1000, 0}, {-5, "any", 1, 0}, // nothing to hit
	} {
		f := parseFormat(t, tt.format)
		r := gen.GuessRisk(tt.live, f, tt.guesses)
		if math.Abs(r.HitsPerYear-tt.hits) > 1e-6*tt.hits {
			t.Errorf("%d live %s, %v guesses: %v hits, want %v", tt.live, tt.format, tt.guesses, r.HitsPerYear, tt.hits)
		}
		if r.Format != f || r.Live != max(tt.live, 0) || r.GuessesPerHour <= 0 {
			t.Errorf("%d live %s: %+v", tt.live, tt.format, r)
		}
	}
}

func TestAcceptable(t *testing.T) {
	// 0.01 × 2^60 ÷ (4,000,000 × 8766) = 328,804.97 default codes.
	for live, want := range map[int64]bool{0: true, 328_804: true, 328_805: false, 1_000_000: false} {
		r := gen.GuessRisk(live, gen.DefaultFormat(), gen.DefaultGuessesPerHour)
		if r.Acceptable(gen.DefaultHitsPerYear) != want || r.Acceptable(0) != want || r.Acceptable(-1) != want {
			t.Errorf("%d live: %v is acceptable: %v", live, r, !want)
		}
		if !r.Acceptable(1) {
			t.Errorf("%d live: %v is above 1", live, r)
		}
	}
}

func TestMinLength(t *testing.T) {
	for _, tt := range []struct {
		live           int64
		format         string
		guesses, limit float64
		want           int
	}{
		{328_804, "crockford", 0, 0, 12},
		{1_000_000, "crockford", 0, 0, 13},
		{50_000_000, "crockford", 0, 0, 14},
		{1, "digits", 0, 0, 13},         // 3.5064e10 ÷ 0.01 = 3.5e12
		{1_000_000, "digits", 0, 0, 19}, // 3.5e18
		{1_000_000, "digits:16:4", 0, 0, 19},
		{1_000_000, "alnum-case", 0, 0, 11}, // 62^10 = 8.4e17
		{1, "digits", 1, 8766, 1},           // one of ten codes, every hit allowed
		{1, "crockford", 1, 8766, 4},        // not shorter than its group
		{11, "digits", 1, 8766, 2},          // eleven codes do not fit in ten
		{math.MaxInt64, "digits", 0, 0, 32}, // 3.2e31
		{math.MaxInt64, "digits:1:1:" + strings.Repeat("A", 60), 0, 0, 0},
		{1, "crockford", 0, 1e-300, 0}, // no such length
		{1, "any", 0, 0, 0},
	} {
		f := parseFormat(t, tt.format)
		got := f.MinLength(tt.live, tt.guesses, tt.limit)
		if got != tt.want {
			t.Errorf("%d live %s, %v guesses, limit %v: %d, want %d", tt.live, tt.format, tt.guesses, tt.limit, got, tt.want)
		}
		if f.Length = got; got > 0 {
			if err := f.Validate(); err != nil {
				t.Errorf("%s: proposes %v: %v", tt.format, f, err)
			}
		}
	}
}

// What Explain proposes is acceptable, and only just.
func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		live   int64
		format string
		limit  float64
		says   string
		not    string
	}{
		{1_000_000, "crockford", 0, "make them 13 characters long (crockford:13:4), or keep at most 328,804 live, " +
			"or let at most 1,315,219 guesses an hour through", ""},
		{1_000_000, "crockford", 0, "1,000,000 live codes of crockford:12:4 in a space of 1.15e+18, " +
			"4,000,000 guesses an hour: 0.0304 hits expected in a year (one in 33 years); the limit is 0.01", ""},
		{1_000_000, "crockford", 1, "; the limit is 1", "make"},
		{1000, "crockford", 0, "(one in 32,880 years); the limit is 0.01", "make"},
		{0, "crockford", 0, "no hits expected", "make"},
		{5000, "digits:4", 0, "17,532,000,000 hits expected in a year; the limit is 0.01: make them 17 characters long (digits:17)", "at most"},
		{5, "digits:4:0:" + strings.Repeat("A", 60), 0, "take a class with more characters", "make"},
		{5, "any", 0, "space is unknown", "make"},
	} {
		r := gen.GuessRisk(tt.live, parseFormat(t, tt.format), 0)
		got := r.Explain(tt.limit)
		if !strings.Contains(got, tt.says) || tt.not != "" && strings.Contains(got, tt.not) {
			t.Errorf("%d live %s: %q; want it to say %q", tt.live, tt.format, got, tt.says)
		}
		if tt.limit == 0 && got != r.String() {
			t.Errorf("String is %q, Explain %q", r, got)
		}
	}
	for _, r := range []gen.Risk{
		gen.GuessRisk(328_804, gen.DefaultFormat(), 0),
		gen.GuessRisk(1_000_000, gen.DefaultFormat(), 1_315_219),
		gen.GuessRisk(1_000_000, gen.Format{Length: 13}, 0),
	} {
		if !r.Acceptable(0) {
			t.Errorf("what Explain proposed is not acceptable: %v", r)
		}
	}
}
