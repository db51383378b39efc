package gen

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	// DefaultGuessesPerHour is how fast the planner takes an attacker to guess:
	// some 1,100 a second, day and night.
	DefaultGuessesPerHour = 4_000_000

	// DefaultHitsPerYear is how many guesses may be expected to hit a live code in
	// a year: one in a hundred years.
	DefaultHitsPerYear = 0.01

	// hoursPerYear is that of a Julian year, 365.25 days.
	hoursPerYear = 8766
)

// Risk is what GuessRisk expects of an attacker who tries random codes.
type Risk struct {
	Live           int64   `json:"live"`             // live codes
	Format         Format  `json:"format"`           // of the codes
	Space          float64 `json:"space"`            // different codes; 0 is unknown (class Any)
	GuessesPerHour float64 `json:"guesses_per_hour"` // tried codes
	HitsPerYear    float64 `json:"hits_per_year"`    // expected number of hits
}

// GuessRisk returns how often guessing at random is expected to hit one of live
// codes of format f:
//
//	hits a year = live ÷ space × guesses an hour × 8766 hours
//
// (8766 hours are 365.25 days.) At most every guess hits, and for class Any, whose
// space nobody knows, every guess does. guessesPerHour that is not above 0 means
// DefaultGuessesPerHour. The result is always finite.
func GuessRisk(live int64, f Format, guessesPerHour float64) Risk {
	f = f.WithDefaults()
	live = max(live, 0)
	guessesPerHour = positiveOr(guessesPerHour, DefaultGuessesPerHour)
	space, _ := f.Space().Float64()
	share := 0.0 // of all guesses that hit
	if live > 0 {
		share = min(1, float64(live)/space) // +Inf for an unknown space
	}
	return Risk{
		Live:           live,
		Format:         f,
		Space:          space,
		GuessesPerHour: guessesPerHour,
		HitsPerYear:    share * guessesPerHour * hoursPerYear,
	}
}

// Acceptable reports whether no more than limit hits are expected in a year. A limit
// that is not above 0 means DefaultHitsPerYear.
func (r Risk) Acceptable(limit float64) bool {
	return r.HitsPerYear <= positiveOr(limit, DefaultHitsPerYear)
}

// String is Explain with the default limit.
func (r Risk) String() string { return r.Explain(DefaultHitsPerYear) }

// Explain says the risk in words with its numbers and, when it is above limit, what
// to change. A limit that is not above 0 means DefaultHitsPerYear.
func (r Risk) Explain(limit float64) string {
	limit = positiveOr(limit, DefaultHitsPerYear)
	if r.Space == 0 {
		return fmt.Sprintf("%s live codes of %v: their space is unknown, so nothing protects them but "+
			"a limit on guesses", count(float64(r.Live)), r.Format)
	}
	s := fmt.Sprintf("%s live codes of %v in a space of %s, %s guesses an hour: %s",
		count(float64(r.Live)), r.Format, count(r.Space), count(r.GuessesPerHour), hits(r.HitsPerYear))
	if r.Acceptable(limit) {
		return s + fmt.Sprintf("; the limit is %.3g", limit)
	}
	var remedies []string
	if n := r.Format.MinLength(r.Live, r.GuessesPerHour, limit); n > 0 {
		longer := r.Format
		longer.Length = n
		remedies = append(remedies, fmt.Sprintf("make them %d characters long (%v)", n, longer))
	}
	allowed := limit / r.HitsPerYear // the share of codes, or of guesses, that is acceptable
	if n := math.Floor(min(float64(r.Live), r.Space) * allowed); n >= 1 {
		remedies = append(remedies, fmt.Sprintf("keep at most %s live", count(n)))
	}
	if n := math.Floor(r.GuessesPerHour * allowed); n >= 1 {
		remedies = append(remedies, fmt.Sprintf("let at most %s guesses an hour through", count(n)))
	}
	if len(remedies) == 0 {
		remedies = append(remedies, "take a class with more characters")
	}
	return s + fmt.Sprintf("; the limit is %.3g: ", limit) + strings.Join(remedies, ", or ")
}

// MinLength returns the smallest Length with which f, otherwise as it is, holds live
// codes with no more than limit expected hits in a year. It is 0 when no
// valid format of the class does, and for Any. guessesPerHour and limit that are not
// above 0 mean the defaults.
func (f Format) MinLength(live int64, guessesPerHour, limit float64) int {
	f = f.WithDefaults()
	for f.Length = 1; f.Length <= MaxCode; f.Length++ {
		r := GuessRisk(live, f, guessesPerHour)
		if f.Validate() == nil && r.Space >= float64(live) && r.Acceptable(limit) {
			return f.Length
		}
	}
	return 0
}

// positiveOr returns x if it is a number above 0, else the default.
func positiveOr(x, def float64) float64 {
	if x > 0 && !math.IsInf(x, 1) {
		return x
	}
	return def
}

// count writes a number for people: all its digits with commas up to 10^15, else
// three digits and an exponent.
func count(x float64) string {
	if x >= 1e15 {
		return fmt.Sprintf("%.2e", x)
	}
	if x != math.Floor(x) {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	s := strconv.FormatFloat(x, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// hits writes an expected number of hits in a year; below one, also as years for one.
func hits(x float64) string {
	switch {
	case x == 0:
		return "no hits expected"
	case x < 1:
		return fmt.Sprintf("%.3g hits expected in a year (one in %s years)", x, count(math.Round(1/x)))
	}
	return count(math.Round(x)) + " hits expected in a year"
}
