package report

import (
	"math"
	"strconv"
	"strings"
)

// Count prints a whole number in groups of three, nothing for 0.
func Count(v float64) string {
	if v == 0 {
		return ""
	}
	if math.Abs(v) >= 1e15 {
		return strconv.FormatFloat(v, 'e', 3, 64)
	}
	s := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v < 0 {
		return "-" + s
	}
	return s
}

// Figure prints three significant digits, whole numbers from 100 on, nothing for 0.
func Figure(v float64) string {
	switch {
	case v == 0:
		return ""
	case math.Abs(v) >= 100:
		return Count(v)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// short prints three significant digits with k, M, G or T, "0" for 0.
func short(v float64) string {
	units := []string{"", " k", " M", " G", " T"}
	u := 0
	for math.Abs(v) >= 999.5 && u < len(units)-1 {
		v /= 1000
		u++
	}
	switch {
	case math.Abs(v) >= 999.5:
		return strings.Replace(strconv.FormatFloat(v*1e12, 'e', 1, 64), "e+", "e", 1)
	case math.Abs(v) >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64) + units[u]
	case v != 0 && math.Abs(v) < 1e-4:
		return strconv.FormatFloat(v, 'e', 1, 64)
	}
	s := strconv.FormatFloat(v, 'g', 3, 64)
	return s + units[u]
}

// seconds prints a time in the unit that suits it.
func seconds(v float64) string {
	switch {
	case v >= 0.9995:
		return short(v) + " s"
	case v >= 0.0009995:
		return short(v*1e3) + " ms"
	}
	return short(v*1e6) + " µs"
}

// microseconds prints a time that is given in them.
func microseconds(v float64) string { return seconds(v / 1e6) }

// perSecond prints a rate.
func perSecond(v float64) string { return short(v) + "/s" }
