package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"codepool/bench/report"
	"codepool/bench/workload"
)

// tablePrinter writes one aligned table a job.
type tablePrinter struct {
	w     io.Writer
	lines []workload.Line
}

func (p *tablePrinter) header(h report.Header) error {
	_, err := fmt.Fprintln(p.w, h)
	return err
}

func (p *tablePrinter) line(l workload.Line) error {
	p.lines = append(p.lines, l)
	return nil
}

func (p *tablePrinter) flush() error {
	defer func() { p.lines = nil }()
	if len(p.lines) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(p.w, "\n%s\n", p.lines[0].Job); err != nil {
		return err
	}
	t := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', tabwriter.AlignRight)
	used := slices.DeleteFunc(columns(), func(c column) bool {
		return !slices.ContainsFunc(p.lines, func(l workload.Line) bool { return c.cell(l) != "" })
	})
	for _, c := range used {
		fmt.Fprint(t, c.title, "\t")
	}
	for _, l := range p.lines {
		fmt.Fprintln(t)
		for _, c := range used {
			fmt.Fprint(t, c.cell(l), "\t")
		}
	}
	fmt.Fprintln(t)
	if err := t.Flush(); err != nil {
		return err
	}
	for _, l := range p.lines {
		if err := p.rest(l); err != nil {
			return err
		}
	}
	return nil
}

// column is one figure of a table; those that are empty in all lines are left out.
type column struct {
	title string
	cell  func(workload.Line) string
}

func columns() []column {
	return []column{
		{"system", func(l workload.Line) string { return l.System }},
		{"note", func(l workload.Line) string { return l.Note }},
		{"n", func(l workload.Line) string { return report.Count(float64(l.N)) }},
		{"callers", func(l workload.Line) string { return report.Count(float64(l.Callers)) }},
		{"batch", func(l workload.Line) string { return report.Count(float64(l.Batch)) }},
		{"ops/s", func(l workload.Line) string { return report.Count(l.OpsPerS) }},
		{"min", func(l workload.Line) string { return report.Count(l.MinOpsPerS) }},
		{"max", func(l workload.Line) string { return report.Count(l.MaxOpsPerS) }},
		{"p50 µs", func(l workload.Line) string { return report.Figure(l.P50us) }},
		{"p99 µs", func(l workload.Line) string { return report.Figure(l.P99us) }},
		{"p99.9 µs", func(l workload.Line) string { return report.Figure(l.P999us) }},
		{"B/code", func(l workload.Line) string { return report.Figure(l.BytesPerCode) }},
		{"seconds", func(l workload.Line) string { return report.Figure(l.Seconds) }},
	}
}

// rest writes what has no column.
func (p *tablePrinter) rest(l workload.Line) error {
	if len(l.Extra) == 0 && l.Error == "" {
		return nil
	}
	fmt.Fprintf(p.w, "  %s", l.System)
	for _, f := range []struct {
		name  string
		value int64
	}{{"n", l.N}, {"callers", int64(l.Callers)}, {"batch", int64(l.Batch)}} {
		if f.value > 0 {
			fmt.Fprintf(p.w, " %s=%s", f.name, report.Count(float64(f.value)))
		}
	}
	if l.Note != "" {
		fmt.Fprintf(p.w, " %s", l.Note)
	}
	sep := ": "
	for _, name := range slices.Sorted(maps.Keys(l.Extra)) {
		fmt.Fprintf(p.w, "%s%s %s", sep, name, strconv.FormatFloat(l.Extra[name], 'g', 4, 64))
		sep = ", "
	}
	if l.Error != "" {
		fmt.Fprintf(p.w, "%serror: %s", sep, strings.ReplaceAll(l.Error, "\n", "; "))
	}
	_, err := fmt.Fprintln(p.w)
	return err
}
