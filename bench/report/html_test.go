package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"codepool/bench/workload"

	"golang.org/x/net/html"
)

// hostile is a text that breaks out of whatever does not escape it.
const hostile = "\"'><script>alert(1)</script>]]>&amp;`|*_[x](y)\x00\x01\u202e\xff\n<!-- bench:end -->\n</style></svg></title>"

// hostileRun has hostile texts wherever there are texts.
func hostileRun() Run {
	run := runOfMany()
	h := &run.Header
	h.CPU, h.Kernel, h.FileSystem, h.Commit, h.Go = hostile, hostile, hostile, hostile, hostile
	h.Modules, h.Servers = map[string]string{hostile: hostile}, map[string]string{"server": hostile}
	h.Systems = append(h.Systems, System{Name: hostile, Durability: hostile, About: hostile})
	run.Lines = append(run.Lines,
		workload.Line{Job: hostile, System: hostile, OpsPerS: 10, Note: hostile, P50us: 3, P99us: 4, Extra: map[string]float64{hostile: 3}},
		workload.Line{Job: "redeem", System: hostile, Callers: 64, Batch: 1, OpsPerS: 10, MinOpsPerS: 1, MaxOpsPerS: 20, P50us: 3, P99us: 4, P999us: 5},
		workload.Line{Job: "redeem", System: hostile, Callers: 64, Batch: 1, Error: hostile},
		workload.Line{Job: "growth", System: hostile, N: 10, Callers: 4, Batch: 1000, Note: hostile, OpsPerS: 3},
		workload.Line{Job: "growth", System: hostile, N: 20, Callers: 4, Batch: 1000, Note: hostile, OpsPerS: 4})
	return run
}

// oddRuns have too few lines, or figures that are no figures.
func oddRuns() map[string]Run {
	with := func(lines ...workload.Line) Run { return Run{Header: Header{Systems: systemsOfRun()}, Lines: lines} }
	line := func(system string, v float64) workload.Line {
		return workload.Line{Job: "redeem", System: system, Callers: 1, Batch: 1, OpsPerS: v, MinOpsPerS: v, MaxOpsPerS: v, P50us: v, P99us: v, P999us: v,
			BytesPerCode: v, Seconds: v, Extra: map[string]float64{"ratio_wake": v, "ns_per_op": v}}
	}
	runs := map[string]Run{
		"nothing":      {},
		"no lines":     with(),
		"one system":   with(line("codepool", 5)),
		"unknown":      {Lines: []workload.Line{line("whoever", 5)}},
		"all failed":   with(workload.Line{Job: "redeem", System: "codepool", Error: "broken"}),
		"no codepool":  with(line("redis", 5), line("bbolt", 6)),
		"no size":      with(workload.Line{Job: "growth", System: "codepool", OpsPerS: 3}, workload.Line{Job: "growth", System: "codepool", N: -1, OpsPerS: 4}),
		"curves":       with(grown("codepool", 1e6, 500), grown("codepool", 1e7, 600), grown("redis", 1e6, 800), grown("redis", 1e7, 900)),
		"far apart":    with(line("codepool", math.MaxFloat64), line("redis", math.SmallestNonzeroFloat64)),
		"whiskers":     with(workload.Line{Job: "redeem", System: "codepool", OpsPerS: 5, MinOpsPerS: 1e-300, MaxOpsPerS: 1e300}),
		"out of order": with(workload.Line{Job: "redeem", System: "codepool", OpsPerS: 5, MinOpsPerS: 7, MaxOpsPerS: 3, P50us: 9, P99us: 8, P999us: 7}),
	}
	for _, v := range []float64{0, math.NaN(), math.Inf(1), math.Inf(-1), -5, 1, 10, 999.5, 1e15, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		runs[fmt.Sprint(v)] = with(line("codepool", v), line("redis", 5), line("map+mutex", v), grown("codepool", 1e6, v), grown("codepool", 1e7, v))
	}
	return runs
}

func grown(system string, n int64, ns float64) workload.Line {
	return workload.Line{Job: "growth", System: system, N: n, Callers: 4, Batch: 1000, OpsPerS: 1e9 / ns, Extra: map[string]float64{"ns_per_op": ns}}
}

// everyRun is all runs of the tests.
func everyRun() map[string]Run {
	runs := oddRuns()
	runs["many"], runs["hostile"] = runOfMany(), hostileRun()
	return runs
}

func render(t *testing.T, run Run) (text string, doc *html.Node) {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, run); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), doc
}

// elements returns the descendants with one of the names.
func elements(n *html.Node, names ...string) (out []*html.Node) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && slices.Contains(names, d.Data) {
			out = append(out, d)
		}
	}
	return out
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// TestEveryFigureIsInACell looks for each line's row, and for its figures in that row.
func TestEveryFigureIsInACell(t *testing.T) {
	run := runOfMany()
	_, doc := render(t, run)
	rows := make(map[string][]string) // by section and system
	for _, s := range elements(doc, "section") {
		job := textOf(elements(s, "h2")[0])
		for _, tr := range elements(s, "tr") {
			cells := elements(tr, "th", "td")
			var text []string
			for _, c := range cells {
				text = append(text, textOf(c))
			}
			name, _, _ := strings.Cut(text[0], " ")
			rows[job+" "+name] = append(rows[job+" "+name], "|"+strings.Join(text, "|")+"|")
		}
	}
	for _, l := range run.Lines {
		wants := []string{Count(l.OpsPerS), Figure(l.P50us), Figure(l.P99us), Figure(l.P999us), Figure(l.BytesPerCode), Figure(l.Seconds), Count(float64(l.N))}
		if l.MinOpsPerS > 0 {
			wants = append(wants, Count(l.MinOpsPerS)+"–"+Count(l.MaxOpsPerS))
		}
		for _, v := range l.Extra {
			wants = append(wants, Figure(v))
		}
		if !slices.ContainsFunc(rows[l.Job+" "+l.System], func(row string) bool {
			for _, w := range wants {
				if w != "" && !strings.Contains(row, "|"+w+"|") {
					return false
				}
			}
			return true
		}) {
			t.Errorf("no row has all of %q: %s %s", wants, l.Job, l.System)
		}
		if l.Error != "" && !strings.Contains(textOf(doc), l.Error) {
			t.Errorf("the error %q is not shown", l.Error)
		}
	}
	for _, s := range run.Header.Systems {
		if len(rows["Systems "+s.Name]) != 1 || !strings.Contains(rows["Systems "+s.Name][0], s.About) {
			t.Errorf("%s is not described: %q", s.Name, rows["Systems "+s.Name])
		}
	}
	for _, want := range []string{"2025-03-04T05:06:07Z", "0123456789ab", "2 × Processor 9000", "linux 6.1", "ext4", "7.0.15", "v4.9.6"} {
		if !strings.Contains(textOf(doc), want) {
			t.Errorf("the header lacks %q", want)
		}
	}
	if s := textOf(doc); !strings.Contains(s, "No line of: badger-txn, bbolt, sqlite-modernc, redis-everysec, map+mutex, disk.") {
		t.Error("the systems that mint has no line of are not named")
	}
}

// TestPageIsClosed wants nothing fetched and nothing run, whatever the texts are.
func TestPageIsClosed(t *testing.T) {
	for name, run := range everyRun() {
		text, doc := render(t, run)
		if n := elements(doc, "script", "link", "img", "iframe", "object", "embed", "use", "image", "base", "form"); len(n) > 0 {
			t.Errorf("%s: %s in the page", name, n[0].Data)
		}
		for n := range doc.Descendants() {
			for _, a := range n.Attr {
				switch v := strings.ToLower(a.Val); {
				case strings.HasPrefix(a.Key, "on"), strings.Contains(v, "http:"), strings.Contains(v, "https:"), strings.Contains(v, "//"):
					t.Errorf("%s: attribute %s=%q", name, a.Key, a.Val)
				case a.Key == "href" && !strings.HasPrefix(v, "#"), a.Key == "src":
					t.Errorf("%s: fetches %s=%q", name, a.Key, a.Val)
				}
			}
		}
		if len(elements(doc, "style")) != 1 || strings.Contains(textOf(elements(doc, "style")[0]), "@import") {
			t.Errorf("%s: not one style", name)
		}
		if strings.ContainsAny(text, "\x00\x01\u202e") || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "ZgotmplZ") {
			t.Errorf("%s: a text that no page may hold", name)
		}
	}
}

// TestPageCanBeReadAloud wants every drawing named, every heading of a table scoped, every
// link and label to lead somewhere, and no identifier twice.
func TestPageCanBeReadAloud(t *testing.T) {
	for name, run := range everyRun() {
		_, doc := render(t, run)
		ids := make(map[string]*html.Node)
		for n := range doc.Descendants() {
			if id := attribute(n, "id"); id != "" {
				if ids[id] != nil {
					t.Errorf("%s: %s twice", name, id)
				}
				ids[id] = n
			}
		}
		for n := range doc.Descendants() {
			refs := strings.Fields(attribute(n, "aria-labelledby"))
			if link := attribute(n, "href"); link != "" {
				refs = append(refs, link[1:])
			}
			if _, pattern, ok := strings.Cut(attribute(n, "fill"), "url(#"); ok {
				refs = append(refs, strings.TrimSuffix(pattern, ")"))
			}
			for _, id := range refs {
				if ids[id] == nil {
					t.Errorf("%s: %s refers to %s, which is not there", name, n.Data, id)
				}
			}
		}
		for _, svg := range elements(doc, "svg") {
			title, desc := elements(svg, "title"), elements(svg, "desc")
			if attribute(svg, "role") != "img" || len(title) != 1 || len(desc) != 1 || textOf(title[0]) == "" || textOf(desc[0]) == "" {
				t.Errorf("%s: a drawing without role, title or description", name)
			}
		}
		for _, th := range elements(doc, "th") {
			if !slices.Contains([]string{"col", "row", "rowgroup"}, attribute(th, "scope")) {
				t.Errorf("%s: the heading %q has no scope", name, textOf(th))
			}
		}
		for _, table := range elements(doc, "table") { // wide ones scroll, by keys too
			if box := table.Parent; attribute(box, "role") != "region" || attribute(box, "tabindex") != "0" || attribute(box, "aria-labelledby") == "" {
				t.Errorf("%s: a table in no region that keys can scroll", name)
			}
		}
		if attribute(elements(doc, "html")[0], "lang") == "" {
			t.Errorf("%s: no language", name)
		}
	}
}

var svgText = regexp.MustCompile(`(?s)<svg.*?</svg>`)

// TestDrawingsAreXML wants every drawing to stand alone, and its shapes inside it.
func TestDrawingsAreXML(t *testing.T) {
	drawings := 0
	for name, run := range everyRun() {
		text, _ := render(t, run)
		for _, svg := range svgText.FindAllString(text, -1) {
			drawings++
			checkDrawing(t, name, svg)
		}
	}
	if drawings < 50 {
		t.Errorf("only %d drawings", drawings)
	}
}

var number = regexp.MustCompile(`-?[0-9]+(\.[0-9]+)?`)

// letter is more than the mean width of a letter of 12 units.
const letter = 7.4

func checkDrawing(t *testing.T, name, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	var height float64
	var label string
	var anchor string
	var x, y float64
	rightOf := make(map[float64]float64) // end of the label on each text line
	bars := make(map[float64]bool)       // where bars begin
	inText, inDefs := false, false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v in\n%s", name, err, svg)
		}
		switch e := token.(type) {
		case xml.CharData:
			if inText {
				label += string(e)
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "defs":
				inDefs = false
			case "text":
				inText = false
				w := float64(len([]rune(label))) * letter
				from := map[string]float64{"": x, "start": x, "middle": x - w/2, "end": x - w}[anchor]
				if from < -0.1 || from+w > chartWidth+0.1 {
					t.Errorf("%s: the text %q from %.1f to %.1f leaves the drawing", name, label, from, from+w)
				}
				if anchor == "end" && from < rightOf[y] {
					t.Errorf("%s: the figure %q lies on its label", name, label)
				}
				if anchor == "" {
					rightOf[y] = from + w
				}
				for top := range bars {
					if y > top && y < top+barHeight {
						t.Errorf("%s: the text %q lies on a bar", name, label)
					}
				}
			}
		case xml.StartElement:
			at := make(map[string]string)
			for _, a := range e.Attr {
				at[a.Name.Local] = a.Value
			}
			switch e.Name.Local {
			case "svg":
				height, _ = strconv.ParseFloat(strings.Fields(at["viewBox"])[3], 64)
			case "defs":
				inDefs = true
			case "text":
				inText, label, anchor = true, "", at["text-anchor"]
				x, _ = strconv.ParseFloat(at["x"], 64)
				y, _ = strconv.ParseFloat(at["y"], 64)
				if y < 0 || y > height {
					t.Errorf("%s: a text at height %.1f of %.1f", name, y, height)
				}
			case "rect", "line", "circle", "path", "polyline":
				if inDefs {
					continue
				}
				for key, v := range at {
					if key == "class" || key == "fill" {
						continue
					}
					for i, s := range number.FindAllString(v, -1) {
						n, err := strconv.ParseFloat(s, 64)
						limit := float64(chartWidth)
						if strings.HasPrefix(key, "y") || key == "cy" || key == "points" && i%2 == 1 {
							limit = height
						}
						if err != nil || n < 0 || n > max(limit, height) || (key == "x" || key == "cx" || key == "x1" || key == "x2") && n > limit {
							t.Errorf("%s: %s %s=%q leaves the drawing", name, e.Name.Local, key, v)
						}
					}
				}
				if e.Name.Local == "rect" {
					left, _ := strconv.ParseFloat(at["x"], 64)
					top, _ := strconv.ParseFloat(at["y"], 64)
					w, _ := strconv.ParseFloat(at["width"], 64)
					bars[top] = true
					if left+w > plotTo+0.1 {
						t.Errorf("%s: a bar ends at %.1f", name, left+w)
					}
				}
			}
		}
	}
}
