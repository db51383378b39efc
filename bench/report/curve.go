package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// curve is one system over the number of codes.
type curve struct {
	Class  string
	Loose  bool
	Path   string // points of a polyline
	Points []point
}

// point is one figure of a curve.
type point struct {
	X, Y   float64
	TextX  float64
	TextY  float64
	Figure string
	Anchor string
}

const (
	curveHeight = 210
	curveTop    = 28
	curveLeft   = 20
	curveRight  = chartWidth - 20
)

// curves draws the group's figure over n, one curve a system; ok says whether there are two
// sizes at least.
func (g group) curves(id, title string) (c chart, ok bool) {
	bySystem := make(map[string][]row)
	var names []string
	var sizes, values []float64
	for _, r := range g.rows {
		if !g.counts(r) || r.N <= 0 {
			continue
		}
		if bySystem[r.Line.System] == nil {
			names = append(names, r.Line.System)
		}
		bySystem[r.Line.System] = append(bySystem[r.Line.System], r)
		values = append(values, g.metric.value(r.Line))
		if n := float64(r.N); !slices.Contains(sizes, n) {
			sizes = append(sizes, n)
		}
	}
	if len(sizes) < 2 {
		return c, false
	}
	slices.Sort(sizes)
	c = chart{Kind: "curve", ID: id, Title: title, Height: curveHeight, Axis: curveHeight - axisHeight}
	x := newScale(sizes, curveLeft, curveRight, true)
	x.lo, x.hi = math.Log10(sizes[0]), math.Log10(sizes[len(sizes)-1])
	y := newScale(values, c.Axis, curveTop, false)
	c.Note = fmt.Sprintf("%s, upwards from 0, over the codes in the store, logarithmic; less is better", strings.ToLower(g.metric.name))
	for i, n := range sizes {
		if at := x.at(n); i == 0 || i == len(sizes)-1 || at-c.Ticks[len(c.Ticks)-1].X > 40 && x.at(sizes[len(sizes)-1])-at > 40 {
			c.Ticks = append(c.Ticks, tick{X: at, Value: n, Label: short(n)})
		}
	}
	var words []string
	for _, name := range names {
		rows := bySystem[name]
		slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.N, b.N) })
		s := rows[0].System
		k := curve{Class: class(s), Loose: !s.durable()}
		var path []string
		for i, r := range rows {
			v := g.metric.value(r.Line)
			p := point{X: x.at(float64(r.N)), Y: y.at(v), Figure: g.metric.text(v), Anchor: "middle"}
			p.TextX, p.TextY = p.X, p.Y-9
			switch {
			case p.X < 60:
				p.Anchor, p.TextX = "start", margin
			case p.X > chartWidth-60:
				p.Anchor, p.TextX = "end", chartWidth-margin
			}
			words = append(words, fmt.Sprintf("%s with %s codes: %s", name, short(float64(r.N)), p.Figure))
			if len(names) > 1 { // figures of several curves would lie on each other; the table has them
				p.Figure = ""
				if i == len(rows)-1 {
					p.Figure = cut(name, 20)
				}
			}
			path = append(path, fmt.Sprintf("%.1f,%.1f", p.X, p.Y))
			k.Points = append(k.Points, p)
		}
		k.Path = strings.Join(path, " ")
		c.Curves = append(c.Curves, k)
		c.Rows = append(c.Rows, mark{Label: cut(name, 30), Class: k.Class, Loose: k.Loose})
	}
	c.Desc = strings.Join(words, "; ") + "."
	return c, true
}
