package workload

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// Line is one result: who was measured doing what, and the figures. Zero figures were
// not measured.
type Line struct {
	Job     string `json:"job"`
	System  string `json:"system"`
	N       int64  `json:"n"`       // codes in the system
	Callers int    `json:"callers"` // goroutines
	Batch   int    `json:"batch"`   // codes a call; 0 where calls are not the measure

	OpsPerS      float64 `json:"ops_per_s,omitempty"` // median over rounds
	P50us        float64 `json:"p50_us,omitempty"`    // latencies of calls, medians over rounds
	P99us        float64 `json:"p99_us,omitempty"`
	P999us       float64 `json:"p999_us,omitempty"`
	BytesPerCode float64 `json:"bytes_per_code,omitempty"`
	Seconds      float64 `json:"seconds,omitempty"` // measured time, median over rounds
	Rounds       int     `json:"rounds,omitempty"`
	MinOpsPerS   float64 `json:"min_ops_per_s,omitempty"`
	MaxOpsPerS   float64 `json:"max_ops_per_s,omitempty"`
	Note         string  `json:"note,omitempty"`  // tells apart lines that agree in all else
	Error        string  `json:"error,omitempty"` // why the figures do not count

	// Extra are figures of one job: ratios, allocations, parts of a whole.
	Extra map[string]float64 `json:"-"`
	// Samples are the rounds the figures come from.
	Samples []Sample `json:"-"`
}

// MarshalJSON writes one flat object: the fields, then Extra by name.
func (l Line) MarshalJSON() ([]byte, error) {
	type plain Line
	l = l.Rounded()
	b, err := json.Marshal(plain(l))
	if err != nil {
		return nil, err
	}
	b = b[:len(b)-1]
	for _, name := range slices.Sorted(maps.Keys(l.Extra)) {
		b = append(b, ',')
		b = strconv.AppendQuote(b, name)
		b = append(b, ':')
		b = strconv.AppendFloat(b, l.Extra[name], 'f', -1, 64)
	}
	return append(b, '}'), nil
}

// Rounded is the line as it is saved: what is made of it, such as the ratio of two lines, is
// the same before and after.
func (l Line) Rounded() Line {
	for _, f := range []*float64{&l.OpsPerS, &l.P50us, &l.P99us, &l.P999us, &l.BytesPerCode, &l.Seconds, &l.MinOpsPerS, &l.MaxOpsPerS} {
		*f = round(*f)
	}
	l.Extra = maps.Clone(l.Extra)
	for name, v := range l.Extra {
		l.Extra[name] = round(v)
	}
	return l
}

// describe names what tells the line apart from others of its system.
func describe(l Line) string {
	s := fmt.Sprintf("n=%d callers=%d batch=%d", l.N, l.Callers, l.Batch)
	if l.Note != "" {
		s += " " + l.Note
	}
	return s
}

// set puts a figure into Extra; one that could not be formed is left out.
func (l *Line) set(name string, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	if l.Extra == nil {
		l.Extra = make(map[string]float64)
	}
	l.Extra[name] = v
}

// fail records the first error of a line.
func (l *Line) fail(err error) {
	if err != nil && l.Error == "" {
		l.Error = err.Error()
	}
}

// round keeps five significant digits; no figure here has more.
func round(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	scale := math.Pow(10, 4-math.Floor(math.Log10(math.Abs(v))))
	if scale <= 1 {
		return math.Round(v)
	}
	return math.Round(v*scale) / scale
}
