package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// save prints a run as -json does.
func save(t *testing.T, run Run) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	if err := enc.Encode(run.Header); err != nil {
		t.Fatal(err)
	}
	for _, l := range run.Lines {
		if err := enc.Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestReadIsTheOppositeOfSaving(t *testing.T) {
	for name, run := range map[string]Run{"many": runOfMany(), "standing": standing()} {
		run.Header.Job = "header"
		saved := save(t, run)
		got, err := Read(strings.NewReader(saved))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again := save(t, got); again != saved {
			t.Errorf("%s: saved again it is\n%s\nwant\n%s", name, again, saved)
		}
		if !reflect.DeepEqual(got.Header, run.Header) || len(got.Lines) != len(run.Lines) {
			t.Errorf("%s: header %+v, %d lines", name, got.Header, len(got.Lines))
		}
		for i := range run.Lines {
			run.Lines[i] = run.Lines[i].Rounded()
		}
		var before, after bytes.Buffer
		if err := errors.Join(HTML(&before, run), HTML(&after, got), Markdown(&before, run), Markdown(&after, got)); err != nil {
			t.Fatal(err)
		}
		if before.String() != after.String() {
			t.Errorf("%s: the page or the tables of the saved run differ", name)
		}
	}
}

func TestReadSeveral(t *testing.T) {
	run := standing()
	run.Header.Job, run.Header.Commit = "header", "first"
	other := run
	other.Header.Commit = "second"
	got, err := Read(strings.NewReader("\n" + save(t, run) + "\n\r\n" + save(t, other)))
	if err != nil || got.Header.Commit != "first" || len(got.Lines) != 2*len(run.Lines) {
		t.Errorf("commit %s, %d lines, %v", got.Header.Commit, len(got.Lines), err)
	}
}

func TestReadBadInput(t *testing.T) {
	const header = `{"job":"header","go":"go1"}` + "\n"
	for _, c := range []struct {
		name, text string
		is         error
		want       string
	}{
		{"nothing", "", ErrNoHeader, ""},
		{"blank", " \n\n", ErrNoHeader, ""},
		{"a table", "2025-01-01  commit x\n", ErrNoHeader, ""},
		{"no header", `{"job":"redeem","system":"x"}`, ErrNoHeader, ""},
		{"no lines", header, ErrNoLines, ""},
		{"half a line", header + `{"job":"redeem","system"`, nil, "line 2"},
		{"a text for a figure", header + `{"job":"redeem","system":"x","ops_per_s":"many"}`, nil, "line 2"},
		{"a text for a figure of the job", header + "\n" + `{"job":"redeem","system":"x","ratio_y":"much"}`, nil, "line 3: ratio_y"},
		{"too large a number", header + `{"job":"redeem","system":"x","ops_per_s":1e999}`, nil, "line 2"},
		{"no system", header + `{"job":"redeem"}`, nil, "no system"},
		{"no object", header + `[]`, nil, "line 2"},
		{"a header that is none", `{"job":"header","cores":"two"}`, nil, "line 1"},
		{"a line without end", header + strings.Repeat("x", longest+1), nil, "too long"},
	} {
		run, err := Read(strings.NewReader(c.text))
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) || len(run.Lines) > 0 {
			t.Errorf("%s: %v, want %v %q", c.name, err, c.is, c.want)
		}
	}
}
