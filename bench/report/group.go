package report

import (
	"slices"
	"strconv"
	"strings"

	"codepool/bench/workload"
)

// section is one job with its lines, in groups.
type section struct {
	job
	groups []group
	lines  []workload.Line
	absent []string // systems of the run that have no line here
}

// group is lines that can be compared.
type group struct {
	title  string // the load that they share
	metric metric // by which they are compared; its value is nil if they have no figure
	rows   []row
}

// row is a line and how it is labelled.
type row struct {
	workload.Line
	System System
	load   string // what sets it apart from others of the group
	label  string // of a chart
}

// loadField is one field of a line's load.
type loadField struct {
	name string
	text func(workload.Line) string // nothing where it is not set
}

func loadFields() []loadField {
	counted := func(n int64, one, many string) string {
		switch {
		case n <= 0:
			return ""
		case n == 1:
			return one
		}
		return Count(float64(n)) + " " + many
	}
	return []loadField{
		{"callers", func(l workload.Line) string { return counted(int64(l.Callers), "1 caller", "callers") }},
		{"batch", func(l workload.Line) string { return counted(int64(l.Batch), "1 a call", "a call") }},
		{"note", func(l workload.Line) string { return l.Note }},
		{"n", func(l workload.Line) string { return counted(l.N, "1 code", "codes") }},
	}
}

// sections orders the lines of a run by job, as the jobs were run, and then by load.
func (r Run) sections() []section {
	var out []section
	at := make(map[string]int)
	for _, l := range r.Lines {
		i, ok := at[l.Job]
		if !ok {
			i = len(out)
			at[l.Job] = i
			out = append(out, section{job: describeJob(l.Job)})
		}
		out[i].lines = append(out[i].lines, l)
	}
	for i := range out {
		s := &out[i]
		s.groups = r.groups(s.job, s.lines)
		if !slices.ContainsFunc(s.lines, func(l workload.Line) bool { return !r.system(l.System).Reference }) {
			continue // no system was to be measured here
		}
		for _, known := range r.Header.Systems {
			if !slices.ContainsFunc(s.lines, func(l workload.Line) bool { return l.System == known.Name }) {
				s.absent = append(s.absent, known.Name)
			}
		}
	}
	return out
}

func (r Run) groups(j job, lines []workload.Line) []group {
	var keys []string
	byKey := make(map[string][]workload.Line)
	for _, l := range lines {
		var key strings.Builder
		for _, f := range loadFields() {
			if slices.Contains(j.key, f.name) {
				key.WriteString(strconv.Quote(f.text(l)))
			}
		}
		k := key.String()
		if _, ok := byKey[k]; !ok {
			keys = append(keys, k)
		}
		byKey[k] = append(byKey[k], l)
	}
	var out []group
	for _, k := range keys {
		out = append(out, r.group(j, byKey[k]))
	}
	return out
}

// group puts what all lines agree on into the title, and the rest into the rows.
func (r Run) group(j job, lines []workload.Line) group {
	var g group
	var shared []string
	loads := make([][]string, len(lines))
	for _, f := range loadFields() {
		first := f.text(lines[0])
		if !slices.ContainsFunc(lines, func(l workload.Line) bool { return f.text(l) != first }) {
			if first != "" {
				shared = append(shared, first)
			}
			continue
		}
		for i, l := range lines {
			if text := f.text(l); text != "" {
				loads[i] = append(loads[i], text)
			}
		}
	}
	g.title = strings.Join(shared, ", ")
	for i, l := range lines {
		load := strings.Join(loads[i], ", ")
		label := l.System
		switch {
		case load != "" && alone(lines):
			label = load
		case load != "":
			label += " (" + load + ")"
		}
		g.rows = append(g.rows, row{Line: l, System: r.system(l.System), load: load, label: label})
	}
	for _, m := range j.metrics {
		if slices.ContainsFunc(lines, func(l workload.Line) bool { return m.value(l) > 0 }) {
			g.metric = m
			break
		}
	}
	return g
}

// alone reports whether all lines are of one system, which then need not be named in each.
func alone(lines []workload.Line) bool {
	return !slices.ContainsFunc(lines, func(l workload.Line) bool { return l.System != lines[0].System })
}

// counts reports whether the row's figure can be compared.
func (g group) counts(r row) bool {
	return g.metric.value != nil && r.Error == "" && g.metric.value(r.Line) > 0
}

// best returns the index of the best durable row that is no reference, -1 if there are not
// two systems to choose from.
func (g group) best() int {
	best := -1
	others := make(map[string]bool)
	for i, r := range g.rows {
		if !g.counts(r) || !r.System.durable() || r.System.Reference {
			continue
		}
		others[r.Line.System] = true
		if best < 0 || g.better(r, g.rows[best]) {
			best = i
		}
	}
	if len(others) < 2 {
		return -1
	}
	return best
}

func (g group) better(a, b row) bool {
	va, vb := g.metric.value(a.Line), g.metric.value(b.Line)
	if g.metric.lower {
		return va < vb
	}
	return va > vb
}

// relative is the row's figure ÷ that of codepool in the same group, 0 if there is none.
// Where codepool has several lines in the group, its best counts.
func (g group) relative(r row) float64 {
	var ours *row
	for i := range g.rows {
		if o := &g.rows[i]; o.Line.System == own && g.counts(*o) && (ours == nil || g.better(*o, *ours)) {
			ours = o
		}
	}
	if ours == nil || !g.counts(r) {
		return 0
	}
	return finite(g.metric.value(r.Line) / g.metric.value(ours.Line))
}
