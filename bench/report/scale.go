package report

import (
	"math"
	"strconv"
)

// scale maps figures to a stretch of a chart.
type scale struct {
	log      bool
	lo, hi   float64 // values, or their decimal logarithms
	from, to float64 // where they lie
}

// tick is a mark on an axis.
type tick struct {
	X     float64
	Value float64 // its logarithm on a logarithmic scale
	Label string
}

// Anchor is how the label lies to the mark, so that it stays inside the chart.
func (t tick) Anchor() string {
	switch {
	case t.X < 30:
		return "start"
	case t.X > chartWidth-30:
		return "end"
	}
	return "middle"
}

// wide is the ratio of figures from which a linear axis hides the small ones.
const wide = 30

// decades bounds a logarithmic axis: what is smaller lies at its begin.
const decades = 12

// newScale fits the positive figures. A linear one begins at 0; a logarithmic one a decade
// at least below the least, so that this has a length, unless that is more decades than fit.
func newScale(values []float64, from, to float64, forceLog bool) scale {
	lo, hi := math.Inf(1), 0.0
	for _, v := range values {
		if finite(v) > 0 {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if hi == 0 {
		return scale{hi: 1, from: from, to: to}
	}
	s := scale{from: from, to: to, log: forceLog || hi/lo >= wide || hi > 1e15 || hi < 1e-9}
	if !s.log {
		step := niceStep(hi / 4)
		s.hi = math.Ceil(hi/step-1e-9) * step
		return s
	}
	s.hi = math.Ceil(math.Log10(hi))
	s.lo = math.Floor(math.Log10(lo))
	if math.Log10(lo)-s.lo < 0.05 {
		s.lo--
	}
	if s.lo >= s.hi {
		s.lo = s.hi - 1
	}
	s.lo = max(s.lo, s.hi-decades)
	return s
}

// niceStep is 1, 2, 2.5 or 5 times a power of ten, not below v.
func niceStep(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if v <= m*unit*(1+1e-9) {
			return m * unit
		}
	}
	return 10 * unit
}

// at is where a figure lies; what is outside lies at the end.
func (s scale) at(v float64) float64 {
	if s.log {
		if v <= 0 {
			return s.from
		}
		v = math.Log10(v)
	}
	share := (v - s.lo) / (s.hi - s.lo)
	return s.from + min(max(share, 0), 1)*(s.to-s.from)
}

// ticks are at most five marks.
func (s scale) ticks() []tick {
	var out []tick
	if !s.log {
		step := niceStep(s.hi / 4)
		for i := 0; float64(i)*step <= s.hi*(1+1e-9); i++ {
			v := float64(i) * step
			out = append(out, tick{s.at(v), v, short(v)})
		}
		return out
	}
	every := math.Ceil((s.hi - s.lo) / 4)
	for e := s.lo; e <= s.hi; e += every {
		x := s.from + (e-s.lo)/(s.hi-s.lo)*(s.to-s.from)
		out = append(out, tick{x, e, power(e)})
	}
	return out
}

// power is ten to the given exponent, in words.
func power(e float64) string {
	if math.Abs(e) > 14 {
		return "1e" + strconv.Itoa(int(e))
	}
	return short(math.Pow(10, e))
}
