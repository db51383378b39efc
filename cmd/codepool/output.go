package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
	"github.com/rivo/uniseg"
)

// The few escape sequences in use; only standard error has colours.
const (
	red   = "\x1b[31m"
	bold  = "\x1b[1m"
	reset = "\x1b[0m"
)

func (a *app) paint(style, text string) string {
	if !a.color {
		return text
	}
	return style + text + reset
}

// note writes a remark to standard error, unless --quiet or --json is set. What was
// printed before it comes out before it.
func (a *app) note(format string, args ...any) {
	if !a.quiet && !a.json {
		_ = a.out.Flush() // its error comes back when run flushes
		fmt.Fprintf(a.errw, format+"\n", args...)
	}
}

// warn writes a warning to standard error, whatever is set.
func (a *app) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if a.json {
		a.writeJSON(a.errw, map[string]string{"warning": text})
		return
	}
	fmt.Fprintf(a.errw, "%s %s\n", a.paint(bold, "warning:"), clean(text))
}

// writeJSON writes v on one line.
func (a *app) writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// show writes a result: v as JSON if --json is set, else what text prints.
func (a *app) show(v any, text func(w io.Writer)) error {
	if a.json {
		return a.writeJSON(a.out, v)
	}
	text(a.out)
	return nil // a.out keeps its first error until it is flushed
}

// table collects rows and writes them with aligned columns. Columns whose heading
// begins with '>' are aligned to the right.
type table struct {
	head  []string
	rows  [][]string
	width []int // of the columns, once something is written
}

func newTable(head ...string) *table { return &table{head: head} }

func (t *table) row(cells ...string) {
	for i := range cells {
		cells[i] = clean(cells[i])
	}
	t.rows = append(t.rows, cells)
}

// write writes the rows; those that are added later can be written after them.
func (t *table) write(w io.Writer) {
	width, right, begun := t.width, make([]bool, len(t.head)), t.width != nil
	if !begun {
		width = make([]int, len(t.head))
	}
	head := make([]string, len(t.head))
	for i, h := range t.head {
		head[i], right[i] = strings.TrimPrefix(h, ">"), strings.HasPrefix(h, ">")
	}
	lines := t.rows
	t.rows, t.width = nil, width
	if !begun && strings.Join(head, "") != "" {
		lines = append([][]string{head}, lines...)
	}
	for _, cells := range lines {
		for i, c := range cells {
			width[i] = max(width[i], uniseg.StringWidth(c))
		}
	}
	for _, cells := range lines {
		var line strings.Builder
		for i, c := range cells {
			pad := strings.Repeat(" ", width[i]-uniseg.StringWidth(c))
			switch {
			case right[i]:
				line.WriteString(pad + c + "  ")
			default:
				line.WriteString(c + pad + "  ")
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// facts is a table of names and values; values that are empty are left out.
type facts struct{ table }

func newFacts() *facts { return &facts{table{head: []string{"", ""}}} }

func (f *facts) add(name, format string, args ...any) {
	if value := fmt.Sprintf(format, args...); value != "" {
		f.row(name, value)
	}
}

// clean makes characters that a terminal would act on or hide visible.
func clean(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// many writes a number with commas.
func many[T ~int | ~int64 | ~uint64](n T) string { return humanize.Comma(int64(n)) }

// size writes a number of bytes.
func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// plural writes "1 code", "2 codes".
func plural[T ~int | ~int64 | ~uint64](n T, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return many(n) + " " + noun
}

// perSecond writes a rate with three digits.
func perSecond(rate float64) string {
	value, prefix := humanize.ComputeSI(rate)
	digits := 2
	if value >= 100 {
		digits = 0
	} else if value >= 10 {
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + prefix + "/s"
}

// rate returns n per second.
func rate(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// short rounds a duration to three digits or so.
func short(d time.Duration) string {
	for unit := time.Second; unit > time.Nanosecond; unit /= 1000 {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}

// instantText writes a time as RFC 3339 in UTC, a zero one as "".
func instantText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// spanText writes a length of time as one types it, a zero one as "".
func spanText(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	if d%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d%time.Hour == 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// windowText writes when a batch's codes are valid, "" for always.
func windowText(from, until time.Time) string {
	switch {
	case from.IsZero() && until.IsZero():
		return ""
	case from.IsZero():
		return "until " + instantText(until)
	case until.IsZero():
		return "from " + instantText(from)
	}
	return instantText(from) + " until " + instantText(until)
}
