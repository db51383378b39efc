package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

//go:embed page.gohtml charts.gohtml style.css
var files embed.FS

// HTML writes the run as one page that needs nothing else: no scripts, no other files.
func HTML(w io.Writer, run Run) error {
	style, err := files.ReadFile("style.css")
	if err != nil {
		return err
	}
	t := template.New("page").Funcs(template.FuncMap{"f": func(v float64) string { return fmt.Sprintf("%.1f", v) }})
	if t, err = t.ParseFS(files, "page.gohtml", "charts.gohtml"); err != nil {
		return err
	}
	return t.ExecuteTemplate(w, "page", newPage(run, template.CSS(style)))
}

// page is what the template shows.
type page struct {
	Style    template.CSS
	Header   Header
	Facts    []fact
	Systems  []System
	Results  []Result
	Reached  int
	Judged   int
	Sections []pageSection
	Failed   int // lines with an error
}

// fact is one line of the header block.
type fact struct{ Name, Text string }

// pageSection is a job on the page.
type pageSection struct {
	ID, Name, What string
	Figures        []figureBlock
	Table          table
	Absent         string
}

// figureBlock is the charts of a group.
type figureBlock struct {
	Title  string
	Charts []chart
}

func newPage(run Run, style template.CSS) page {
	run = run.cleaned()
	p := page{Style: style, Header: run.Header, Facts: run.Header.facts(), Systems: run.described(), Results: Check(run, Targets())}
	for _, r := range p.Results {
		if r.Status != NotMeasured {
			p.Judged++
		}
		if r.Status == Reached {
			p.Reached++
		}
	}
	for _, l := range run.Lines {
		if l.Error != "" {
			p.Failed++
		}
	}
	for i, s := range run.sections() {
		ps := pageSection{ID: fmt.Sprintf("job-%d", i+1), Name: s.name, What: s.what, Table: s.table(), Absent: strings.Join(s.absent, ", ")}
		for k, g := range s.groups {
			id := fmt.Sprintf("c%d-%d", i+1, k+1)
			if b := s.block(g, id); len(b.Charts) > 0 {
				ps.Figures = append(ps.Figures, b)
			}
		}
		p.Sections = append(p.Sections, ps)
	}
	return p
}

// block draws what a group has.
func (s section) block(g group, id string) figureBlock {
	b := figureBlock{Title: g.title}
	if first := g.rows[0]; len(g.rows) > 1 && first.label != first.Line.System && first.label == first.load {
		b.Title = strings.Trim(first.Line.System+", "+b.Title, ", ")
	}
	if b.Title == "" {
		b.Title = s.name
	}
	name := s.name + ", " + b.Title
	if s.overSizes {
		if c, ok := g.curves(id+"-n", name+": "+strings.ToLower(g.metric.name)+" over size"); ok {
			b.Charts = append(b.Charts, c)
			return b
		}
	}
	if g.metric.value != nil && !g.metric.latency {
		b.Charts = append(b.Charts, g.bars(id, name+": "+strings.ToLower(g.metric.name)))
	}
	if s.latency {
		if c, ok := g.latencies(id+"-l", name+": latency of a call"); ok {
			b.Charts = append(b.Charts, c)
		}
	}
	return b
}

// baseFacts is how many facts come before the versions.
const baseFacts = 7

// facts are the header for a page: what every run has, then versions.
func (h Header) facts() []fact {
	facts := []fact{
		{"Date", h.Date.UTC().Format(time.RFC3339)},
		{"Commit", orUnknown(h.Commit)},
		{"Go", strings.TrimSpace(h.Go + " " + h.OS + "/" + h.Arch)},
		{"Processor", fmt.Sprintf("%d × %s", h.Cores, orUnknown(h.CPU))},
		{"Kernel", orUnknown(h.Kernel)},
		{"File system", orUnknown(h.FileSystem)},
		{"Rounds", fmt.Sprintf("%d, at most %s each", h.Rounds, seconds(h.Budget))},
	}
	for _, m := range []map[string]string{h.Servers, h.Modules} {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			facts = append(facts, fact{name, m[name]})
		}
	}
	return facts
}

// described are the systems of the run and those of its lines that nobody listed.
func (r Run) described() []System {
	out := make([]System, 0, len(r.Header.Systems))
	for _, s := range r.Header.Systems {
		out = append(out, r.system(s.Name))
	}
	for _, l := range r.Lines {
		if !slices.ContainsFunc(out, func(s System) bool { return s.Name == l.System }) {
			out = append(out, r.system(l.System))
		}
	}
	return out
}

// Bound is what a target asks for, for the page.
func (r Result) Bound() string { return r.bound() }

// ReachedText is the value in the target's unit.
func (r Result) ReachedText() string { return r.reached() }

// Mark is a sign beside the status, so that it does not hang on a colour.
func (s Status) Mark() string { return [...]string{"–", "✗", "✓"}[s] }

// Class names the status for a style.
func (s Status) Class() string { return [...]string{"unknown", "no", "yes"}[s] }

// Durable reports whether what the system answers is on the disk.
func (s System) Durable() bool { return s.durable() }
