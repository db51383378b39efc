package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"codepool/bench/peer"
)

// Charts are drawn 360 units wide, as narrow as the narrowest telephone, and stand beside
// each other where there is room: so their letters are as large everywhere.
const (
	chartWidth = 360
	margin     = 8
	plotFrom   = margin
	plotTo     = chartWidth - margin
	rowHeight  = 38
	barHeight  = 12
	axisHeight = 26
)

// chart is a drawing, its geometry worked out.
type chart struct {
	Kind   string // "bars", "latency" or "curve"
	ID     string
	Title  string
	Desc   string
	Height float64
	Axis   float64 // where the axis lies
	Ticks  []tick
	Rows   []mark
	Curves []curve
	Log    bool
	Note   string // what the axis is
	Soon   bool   // a row is synced later
	Memory bool   // a row is in memory
	Other  bool   // nobody said how durable a row is
}

// mark is one row of bars or latencies.
type mark struct {
	Label, Full string // Full is the label uncut
	Figure      string
	Class       string // own, peer, reference
	Loose       bool   // not synced before the answer
	Text, Y     float64
	X, Width    float64 // of the bar
	Low, High   float64 // ends of the whisker; equal: none
	Points      [3]float64
	Shown       bool // there is a figure
	Failed      bool
}

// Mid is the middle of the bar.
func (m mark) Mid() float64 { return m.Y + barHeight/2 }

// Whisker is the path from least to most.
func (m mark) Whisker() string {
	y := m.Mid()
	return fmt.Sprintf("M%.1f %.1fV%.1fM%.1f %.1fH%.1fM%.1f %.1fV%.1f", m.Low, y-4, y+4, m.Low, y, m.High, m.High, y-4, y+4)
}

// Diamond is the mark of p99.
func (m mark) Diamond() string {
	x, y := m.Points[1], m.Mid()
	return fmt.Sprintf("M%.1f %.1fL%.1f %.1fL%.1f %.1fL%.1f %.1fZ", x, y-5, x+5, y, x, y+5, x-5, y)
}

// Stop is the mark of p99.9, a stroke across the line.
func (m mark) Stop() string {
	return fmt.Sprintf("M%.1f %.1fV%.1f", m.Points[2], m.Mid()-6, m.Mid()+6)
}

// Classes are those of the rows that are hatched.
func (c chart) Classes() []string {
	var out []string
	for _, m := range c.Rows {
		if m.Loose && !slices.Contains(out, m.Class) {
			out = append(out, m.Class)
		}
	}
	return out
}

// Top is where the lines of the axis begin.
func (c chart) Top() float64 {
	if c.Kind == "curve" {
		return curveTop
	}
	return 0
}

// LabelY is where the figures of the axis stand.
func (c chart) LabelY() float64 { return c.Axis + 16 }

// class of a system, for its colour.
func class(s System) string {
	switch {
	case s.Name == own:
		return "own"
	case s.Reference:
		return "reference"
	}
	return "peer"
}

// sorted returns the rows, best first, those without a figure last.
func (g group) sorted() []row {
	rows := slices.Clone(g.rows)
	slices.SortStableFunc(rows, func(a, b row) int {
		ca, cb := g.counts(a), g.counts(b)
		switch {
		case ca != cb:
			return cmp.Compare(boolRank(ca), boolRank(cb))
		case ca && g.better(a, b):
			return -1
		case ca && g.better(b, a):
			return 1
		}
		return 0
	})
	return rows
}

func boolRank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// bars draws the group's figure.
func (g group) bars(id, title string) chart {
	rows := g.sorted()
	c := chart{Kind: "bars", ID: id, Title: title}
	var values []float64
	for _, r := range rows {
		if g.counts(r) {
			values = append(values, g.metric.value(r.Line), g.metric.low(r.Line), g.metric.high(r.Line))
		}
	}
	s := newScale(values, plotFrom, plotTo, false)
	c.axis(s, len(rows), strings.ToLower(g.metric.name), g.metric.lower)
	var words []string
	for i, r := range rows {
		m := c.row(i, r, 34)
		switch {
		case r.Error != "":
			m.Failed, m.Figure = true, "error"
		case !g.counts(r):
			m.Figure = "not measured"
		default:
			v := g.metric.value(r.Line)
			m.Shown, m.Figure = true, g.metric.text(v)
			m.X, m.Width = s.from, max(s.at(v)-s.from, 1)
			if lo, hi := g.metric.low(r.Line), g.metric.high(r.Line); lo > 0 && hi > lo {
				m.Low, m.High = s.at(lo), s.at(hi)
			}
		}
		words = append(words, m.Full+": "+m.Figure)
		c.Rows = append(c.Rows, m)
	}
	c.Desc = strings.Join(words, "; ") + "."
	return c
}

// latencies draws p50, p99 and p99.9 of the group's rows; ok says whether there are any.
func (g group) latencies(id, title string) (c chart, ok bool) {
	rows := slices.Clone(g.rows)
	has := func(r row) bool { return r.Error == "" && r.P50us > 0 && r.P99us > 0 }
	if !slices.ContainsFunc(rows, has) {
		return c, false
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(boolRank(has(a)), boolRank(has(b))), cmp.Compare(a.P99us, b.P99us))
	})
	c = chart{Kind: "latency", ID: id, Title: title}
	var values []float64
	for _, r := range rows {
		if has(r) {
			values = append(values, r.P50us/1e6, r.P99us/1e6, r.P999us/1e6)
		}
	}
	s := newScale(values, plotFrom+4, plotTo-4, true)
	c.axis(s, len(rows), "latency of a call", true)
	for i := range c.Ticks {
		if e := c.Ticks[i].Value; math.Abs(e) < 15 {
			c.Ticks[i].Label = seconds(math.Pow(10, e))
		} else {
			c.Ticks[i].Label += " s"
		}
	}
	var words []string
	for i, r := range rows {
		m := c.row(i, r, 19)
		switch {
		case r.Error != "":
			m.Failed, m.Figure = true, "error"
		case !has(r):
			m.Figure = "not measured"
		default:
			m.Shown = true
			p999 := max(r.P999us, r.P99us)
			m.Figure = microseconds(r.P50us) + " · " + microseconds(r.P99us) + " · " + microseconds(p999)
			m.Points = [3]float64{s.at(r.P50us / 1e6), s.at(r.P99us / 1e6), s.at(p999 / 1e6)}
		}
		words = append(words, m.Full+": "+m.Figure)
		c.Rows = append(c.Rows, m)
	}
	c.Desc = "p50, p99 and p99.9. " + strings.Join(words, "; ") + "."
	return c, true
}

// axis gives the chart its height and its marks.
func (c *chart) axis(s scale, rows int, what string, lower bool) {
	c.Axis = float64(rows*rowHeight) + 4
	c.Height = c.Axis + axisHeight
	c.Ticks, c.Log = s.ticks(), s.log
	kind := "linear"
	if s.log {
		kind = "logarithmic"
	}
	better := "more is better"
	if lower {
		better = "less is better"
	}
	c.Note = fmt.Sprintf("%s, %s scale, %s", what, kind, better)
}

// row places the i-th row and names it.
func (c *chart) row(i int, r row, letters int) mark {
	m := mark{Full: r.label, Class: class(r.System), Text: float64(i*rowHeight) + 15, Y: float64(i*rowHeight) + 21}
	sign := ""
	switch {
	case r.System.durable():
	case r.System.Durability == peer.Soon.String():
		sign, m.Loose, c.Soon = " †", true, true
	case r.System.Durability == peer.Volatile.String():
		sign, m.Loose, c.Memory = " ‡", true, true
	default:
		sign, m.Loose, c.Other = " ?", true, true
	}
	m.Label = cut(m.Full, letters-utf8.RuneCountInString(sign)) + sign
	if m.Loose {
		m.Full += ", " + r.System.Durability
	}
	return m
}

// cut shortens a text to a number of letters.
func cut(s string, letters int) string {
	if r := []rune(s); len(r) > letters {
		return string(r[:letters-1]) + "…"
	}
	return s
}
