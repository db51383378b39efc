package report

import (
	"strings"
	"testing"
)

// TestBarsSayWhoIsDurable looks at the bars of one load: their order, colours and marks.
func TestBarsSayWhoIsDurable(t *testing.T) {
	run := runOfMany().cleaned()
	c := run.sections()[0].groups[2].bars("id", "title") // 64 callers
	var labels []string
	for i, m := range c.Rows {
		labels = append(labels, m.Label)
		loose := strings.HasSuffix(m.Label, " †") || strings.HasSuffix(m.Label, " ‡")
		name, _, _ := strings.Cut(m.Label, " ")
		want := map[string]string{"codepool": "own", "disk": "reference"}[name]
		if want == "" {
			want = "peer"
		}
		if m.Class != want || m.Loose != loose || loose != !run.system(name).durable() {
			t.Errorf("%s: class %s, loose %v", m.Label, m.Class, m.Loose)
		}
		if i > 0 && m.Shown && m.Width >= c.Rows[i-1].Width {
			t.Errorf("%s is not shorter than the one above", m.Label)
		}
		if m.Shown && !(m.Low < m.X+m.Width && m.X+m.Width < m.High) {
			t.Errorf("%s: the whisker from %.1f to %.1f does not hold %.1f", m.Label, m.Low, m.High, m.X+m.Width)
		}
	}
	if got, want := strings.Join(labels, ", "), "map+mutex ‡, disk, codepool, redis-everysec †, badger-batch, sqlite-modernc, badger-txn, bbolt"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if last := c.Rows[len(c.Rows)-1]; !last.Failed || last.Shown || last.Figure != "error" || !c.Log || !c.Soon || !c.Memory || c.Other {
		t.Errorf("the failed one is %+v", last)
	}
	for _, want := range []string{"bbolt: error", "map+mutex, in memory: 2.28 M/s", "redis-everysec, synced later: 206 k/s"} {
		if !strings.Contains(c.Desc, want) {
			t.Errorf("no %q in the description %q", want, c.Desc)
		}
	}
	text, _ := render(t, runOfMany())
	if !strings.Contains(text, `class="bar loose-peer"`) || strings.Count(text, `<pattern id="c1-1-peer"`) != 1 || !strings.Contains(text, `fill="url(#c1-1-peer)"`) {
		t.Error("no bar is hatched")
	}
}

func TestLatenciesAscend(t *testing.T) {
	c, ok := runOfMany().cleaned().sections()[0].groups[0].latencies("id", "title")
	if !ok || len(c.Rows) != 9 || c.Rows[0].Label != "codepool" || c.Rows[0].Figure != "212 µs · 1.64 ms · 15.3 ms" {
		t.Fatalf("%+v", c)
	}
	for i, m := range c.Rows {
		if !(m.Points[0] < m.Points[1] && m.Points[1] < m.Points[2]) || i > 0 && m.Points[1] <= c.Rows[i-1].Points[1] {
			t.Errorf("%s: points at %v", m.Label, m.Points)
		}
	}
}

func TestCurveRises(t *testing.T) {
	for _, s := range runOfMany().cleaned().sections() {
		if s.name != "growth" {
			continue
		}
		c, ok := s.groups[0].curves("id", "title")
		if !ok || len(c.Curves) != 1 || len(c.Curves[0].Points) != 3 || len(c.Ticks) != 3 {
			t.Fatalf("%+v", c)
		}
		p := c.Curves[0].Points
		if !(p[0].X < p[1].X && p[1].X < p[2].X && p[0].Y > p[1].Y && p[1].Y > p[2].Y) || p[2].Figure != "1,100 ns" {
			t.Errorf("points %+v", p)
		}
		return
	}
	t.Fatal("no growth")
}

// TestOneSystemIsNamedOnce wants the variants of one system told apart by what differs.
func TestOneSystemIsNamedOnce(t *testing.T) {
	run := oddRuns()["curves"].cleaned()
	run.Lines = run.Lines[:2]
	g := run.sections()[0].groups[0]
	if len(g.rows) != 2 || g.rows[0].label != "1,000,000 codes" || g.rows[1].label != "10,000,000 codes" {
		t.Errorf("%+v", g.rows)
	}
}
