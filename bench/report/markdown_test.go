package report

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func markdown(t *testing.T, run Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := Markdown(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var escaped = regexp.MustCompile(`\\.`)

// TestMarkdownTablesAreEven wants as many cells in every row as the table has columns.
func TestMarkdownTablesAreEven(t *testing.T) {
	for name, run := range everyRun() {
		text := markdown(t, run)
		width, rows := 0, 0
		for line := range strings.Lines(text) {
			line = escaped.ReplaceAllString(strings.TrimSuffix(line, "\n"), "x")
			if !strings.HasPrefix(line, "|") {
				width = 0
				continue
			}
			n := strings.Count(line, "|")
			if rows++; width == 0 {
				width = n
			}
			if n != width || !strings.HasSuffix(line, "|") || strings.Contains(line, "| |") {
				t.Errorf("%s: %d cells of %d in %q", name, n-1, width-1, line)
			}
		}
		if rows < 2+len(Targets()) {
			t.Errorf("%s: %d rows", name, rows)
		}
		if strings.Contains(text, "<") || strings.ContainsAny(text, "\x00\x01\u202e\r") || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Errorf("%s: a text that no README may hold:\n%s", name, text)
		}
	}
}

func TestMarkdownShowsEverything(t *testing.T) {
	run := runOfMany()
	text := markdown(t, run)
	lines := strings.Split(text, "\n")
	for _, want := range []string{
		"| codepool | **247 k/s** | **412 k/s** | **617 k/s** |",
		"| bbolt | 28.3 k/s | 47.1 k/s | error 1 |",
		"| redis | 37.5 k/s | 62.6 k/s | — |",
		"| redis-everysec † | 82.5 k/s | 137 k/s | 206 k/s |",
		"| map+mutex ‡ | 914 k/s | 1.52 M/s | 2.28 M/s |",
		"| disk § | 398 k/s | 663 k/s | 994 k/s |",
		"| redis | **12.5 B** |",
		"| 50,000,000 codes, 4 callers, 1,000 a call | 1,100 ns |",
		"| redis | **250 µs · 750 µs · 2.8 ms** |",
		"1. redeem, bbolt, 64 callers, 1 a call: audit: redeemed 9, acknowledged 10",
		"No line of: badger-txn, bbolt, sqlite-modernc, redis-everysec, map+mutex, disk.",
		"Versions: redis 7.0.15, github.com/dgraph-io/badger/v4 v4.9.6.",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
	for _, l := range run.Lines {
		if !strings.Contains(text, "**"+l.Job+"**") {
			t.Errorf("no table of %s", l.Job)
		}
	}
	for _, r := range Check(run, Targets()) {
		if !strings.Contains(text, "| "+r.What+" | "+r.Status.Mark()+" "+r.Status.String()+" |") {
			t.Errorf("no row of the target %q", r.What)
		}
	}
}
