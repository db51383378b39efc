package report

import (
	"maps"
	"slices"
	"strconv"

	"codepool/bench/workload"
)

// table holds all figures of a section; columns that are empty in all rows are left out.
type table struct {
	Caption string
	Columns []string // after the first, which names the system
	Groups  []tableGroup
}

// tableGroup is the rows of a load.
type tableGroup struct {
	Title string
	Rows  []tableRow
}

// tableRow is a line.
type tableRow struct {
	System string
	Mark   string // what the durability is, if not synced
	Class  string
	Best   bool
	Cells  []string
	Error  string
}

// tableColumn is one figure.
type tableColumn struct {
	title string
	cell  func(group, row) string
}

func tableColumns(lines []workload.Line) []tableColumn {
	line := func(f func(workload.Line) string) func(group, row) string {
		return func(_ group, r row) string { return f(r.Line) }
	}
	columns := []tableColumn{
		{"form", func(_ group, r row) string { return r.load }},
		{"ops/s", line(func(l workload.Line) string { return Count(l.OpsPerS) })},
		{"min–max", line(func(l workload.Line) string {
			if l.MinOpsPerS == 0 && l.MaxOpsPerS == 0 {
				return ""
			}
			return Count(l.MinOpsPerS) + "–" + Count(l.MaxOpsPerS)
		})},
		{"÷ codepool", func(g group, r row) string { return Figure(g.relative(r)) }},
		{"p50 µs", line(func(l workload.Line) string { return Figure(l.P50us) })},
		{"p99 µs", line(func(l workload.Line) string { return Figure(l.P99us) })},
		{"p99.9 µs", line(func(l workload.Line) string { return Figure(l.P999us) })},
		{"B/code", line(func(l workload.Line) string { return Figure(l.BytesPerCode) })},
		{"seconds", line(func(l workload.Line) string { return Figure(l.Seconds) })},
		{"n", line(func(l workload.Line) string { return Count(float64(l.N)) })},
		{"rounds", line(func(l workload.Line) string { return Count(float64(l.Rounds)) })},
	}
	names := make(map[string]bool)
	for _, l := range lines {
		for name := range l.Extra {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		columns = append(columns, tableColumn{name, line(func(l workload.Line) string {
			v, ok := l.Extra[name]
			switch {
			case !ok:
				return ""
			case v == 0:
				return "0"
			case v >= 1e-4 || v < 0:
				return Figure(v)
			}
			return strconv.FormatFloat(v, 'e', 2, 64)
		})})
	}
	return columns
}

func (s section) table() table {
	t := table{Caption: s.name + ": all figures, medians of the rounds"}
	all := tableColumns(s.lines)
	used := slices.DeleteFunc(all, func(c tableColumn) bool {
		for _, g := range s.groups {
			for _, r := range g.rows {
				if c.cell(g, r) != "" {
					return false
				}
			}
		}
		return true
	})
	for _, c := range used {
		t.Columns = append(t.Columns, c.title)
	}
	for _, g := range s.groups {
		tg := tableGroup{Title: g.title}
		best := g.best()
		for i, r := range g.rows {
			tr := tableRow{System: r.Line.System, Class: class(r.System), Best: i == best, Error: r.Error}
			if !r.System.durable() {
				tr.Mark = r.System.Durability
			}
			for _, c := range used {
				tr.Cells = append(tr.Cells, c.cell(g, r))
			}
			tg.Rows = append(tg.Rows, tr)
		}
		t.Groups = append(t.Groups, tg)
	}
	return t
}

// Span is the number of columns with the first.
func (t table) Span() int { return len(t.Columns) + 1 }
