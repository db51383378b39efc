package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"codepool/bench/peer"
)

// Markdown writes the run as tables for a README: one a job, systems down, loads across, the
// best durable system of each load in bold.
func Markdown(w io.Writer, run Run) error {
	var b strings.Builder
	run = run.cleaned()
	run.markdownHeader(&b)
	markdownTargets(&b, Check(run, Targets()))
	var m marks
	for _, s := range run.sections() {
		s.markdown(&b, &m)
	}
	m.write(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Run) markdownHeader(b *strings.Builder) {
	h := r.Header
	fmt.Fprintf(b, "Measured %s at commit %s: %s, %s %s/%s, %d rounds.\n", h.Date.UTC().Format("2006-01-02"),
		escape(orUnknown(h.Commit)), escape(h.machine()), escape(h.Go), escape(h.OS), escape(h.Arch), h.Rounds)
	var versions []string
	for _, f := range h.facts()[baseFacts:] {
		versions = append(versions, escape(f.Name+" "+f.Text))
	}
	if len(versions) > 0 {
		fmt.Fprintf(b, "Versions: %s.\n", strings.Join(versions, ", "))
	}
}

func markdownTargets(b *strings.Builder, results []Result) {
	b.WriteString("\n**Targets**\n\n| target | met | reached | wanted | beside |\n|---|---|---:|---:|---|\n")
	for _, r := range results {
		beside := r.Beside
		if r.Status == NotMeasured {
			beside = r.Why
		}
		fmt.Fprintf(b, "| %s | %s %s | %s | %s | %s |\n", escape(r.What), r.Status.Mark(), r.Status, orDash(r.reached()), r.bound(), orDash(escape(beside)))
	}
}

// marks are the footnotes of all tables.
type marks struct {
	soon, memory, other, bound bool
	errors                     []string
}

// of returns the sign of a system.
func (m *marks) of(s System) string {
	sign := ""
	if s.Reference {
		sign, m.bound = " §", true
	}
	switch {
	case s.durable():
		return sign
	case s.Durability == peer.Soon.String():
		m.soon = true
		return sign + " †"
	case s.Durability == peer.Volatile.String():
		m.memory = true
		return sign + " ‡"
	}
	m.other = true
	return sign + " ?"
}

func (m *marks) write(b *strings.Builder) {
	var notes []string
	for _, n := range []struct {
		used bool
		text string
	}{
		{true, "**Bold**: the best system that is durable before it answers."},
		{m.soon, "†: synced later than it answers."},
		{m.memory, "‡: in memory, never synced."},
		{m.other, "?: nobody said how durable it is."},
		{m.bound, "§: a bound, no store of codes."},
	} {
		if n.used {
			notes = append(notes, n.text)
		}
	}
	fmt.Fprintf(b, "\n%s\n", strings.Join(notes, " "))
	if len(m.errors) > 0 {
		b.WriteString("\nErrors, whose figures do not count:\n\n")
		for i, text := range m.errors {
			fmt.Fprintf(b, "%d. %s\n", i+1, text)
		}
	}
}

// markdown writes a section as a table. Where one system did everything its loads go down,
// since there are more of them than fit across.
func (s section) markdown(b *strings.Builder, m *marks) {
	fmt.Fprintf(b, "\n**%s**", escape(s.name))
	if s.what != "" {
		fmt.Fprintf(b, ": %s", s.what)
	}
	b.WriteString("\n\n")
	columns, rows := s.columns(), s.names()
	cells := make(map[[2]string][]string)
	signs := make(map[string]string)
	for _, c := range columns {
		best := c.group.best()
		for _, i := range c.rows {
			r := c.group.rows[i]
			at := [2]string{r.Line.System, c.title}
			cells[at] = append(cells[at], m.cell(c.group, r, i == best))
			signs[r.Line.System] = m.of(r.System)
		}
	}
	name := func(system string) string { return escape(system) + signs[system] }
	if len(rows) == 1 {
		fmt.Fprintf(b, "| load | %s |\n|---|---:|\n", name(rows[0]))
		for _, c := range columns {
			fmt.Fprintf(b, "| %s | %s |\n", c.title, strings.Join(cells[[2]string{rows[0], c.title}], ", "))
		}
	} else {
		b.WriteString("| system |")
		for _, c := range columns {
			fmt.Fprintf(b, " %s |", c.title)
		}
		b.WriteString("\n|---|" + strings.Repeat("---:|", len(columns)) + "\n")
		for _, system := range rows {
			fmt.Fprintf(b, "| %s |", name(system))
			for _, c := range columns {
				fmt.Fprintf(b, " %s |", orDash(strings.Join(cells[[2]string{system, c.title}], ", ")))
			}
			b.WriteString("\n")
		}
	}
	if len(s.absent) > 0 {
		fmt.Fprintf(b, "\nNo line of: %s.\n", escape(strings.Join(s.absent, ", ")))
	}
}

// markdownColumn is a load, or a part of it: rows of one group.
type markdownColumn struct {
	title string // escaped
	group group
	rows  []int
}

// columns are the groups; one in which a system has several lines is parted, by what sets
// them apart.
func (s section) columns() []markdownColumn {
	var out []markdownColumn
	for _, g := range s.groups {
		count := make(map[string]int)
		several := false
		for _, r := range g.rows {
			count[r.Line.System]++
			several = several || count[r.Line.System] > 1
		}
		title := g.title
		if title == "" {
			title = "all"
		}
		if !several {
			c := markdownColumn{title: escape(title), group: g}
			for i := range g.rows {
				c.rows = append(c.rows, i)
			}
			out = append(out, c)
			continue
		}
		first := len(out)
		for i, r := range g.rows {
			name := escape(strings.Trim(r.load+", "+g.title, ", "))
			k := slices.IndexFunc(out[first:], func(c markdownColumn) bool { return c.title == name })
			if k < 0 {
				k = len(out) - first
				out = append(out, markdownColumn{title: name, group: g})
			}
			out[first+k].rows = append(out[first+k].rows, i)
		}
	}
	return out
}

// names are the systems of a section, in the order of its lines.
func (s section) names() []string {
	var out []string
	for _, l := range s.lines {
		if !slices.Contains(out, l.System) {
			out = append(out, l.System)
		}
	}
	return out
}

// cell is the figure of a row, its latencies where these are what matters.
func (m *marks) cell(g group, r row, best bool) string {
	var text string
	switch {
	case r.Error != "":
		m.errors = append(m.errors, escape(r.Job+", "+describeLine(r.Line)+": "+r.Error))
		return "error " + strconv.Itoa(len(m.errors))
	case !g.counts(r):
		return ""
	case g.metric.latency:
		text = microseconds(r.P50us) + " · " + microseconds(r.P99us) + " · " + microseconds(r.P999us)
	default:
		text = g.metric.text(g.metric.value(r.Line))
	}
	if best {
		return "**" + text + "**"
	}
	return text
}

func orDash(s string) string {
	if s == "" {
		return "—"
	}
	return s
}

// escape makes a text one that Markdown shows as it is, inside a cell of a table too.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch r {
		case '\\', '`', '*', '_', '[', ']', '|', '~', '#', '$':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
