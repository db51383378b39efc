package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"codepool/bench/workload"
)

// The errors of Read.
var (
	// ErrNoHeader is returned when the first line is not the header of a run.
	ErrNoHeader = errors.New("report: the first line is not the header of a run: want what -json prints")
	// ErrNoLines is returned when a run has a header and nothing else.
	ErrNoLines = errors.New("report: the run has no lines")
)

// longest is the longest line that Read takes, in bytes.
const longest = 16 << 20

// Read parses what -json prints: a header, then a line each result, with the figures of its
// job as further numbers. Empty lines are skipped. Headers of further runs may follow, so that
// files can be put together; the first counts. The error names the line.
func Read(r io.Reader) (Run, error) {
	var run Run
	known := fieldNames(reflect.TypeFor[workload.Line]())
	in := bufio.NewScanner(r)
	in.Buffer(nil, longest)
	seen := false
	for n := 1; in.Scan(); n++ {
		text := bytes.TrimSpace(in.Bytes())
		if len(text) == 0 {
			continue
		}
		l, err := readLine(text, known)
		switch {
		case !seen && (err != nil || l.Job != "header"):
			return Run{}, ErrNoHeader
		case l.Job == "header":
			var h Header
			if err := json.Unmarshal(text, &h); err != nil {
				return Run{}, fmt.Errorf("report: line %d: %w", n, err)
			}
			if !seen {
				run.Header, seen = h, true
			}
			continue
		case err != nil:
			return Run{}, fmt.Errorf("report: line %d: %w", n, err)
		}
		run.Lines = append(run.Lines, l)
	}
	switch {
	case in.Err() != nil:
		return Run{}, fmt.Errorf("report: %w", in.Err())
	case !seen:
		return Run{}, ErrNoHeader
	case len(run.Lines) == 0:
		return Run{}, ErrNoLines
	}
	return run, nil
}

// readLine is the opposite of workload.Line's MarshalJSON. Of a header it reads the job.
func readLine(text []byte, known map[string]bool) (workload.Line, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return workload.Line{}, err
	}
	var job string
	if json.Unmarshal(fields["job"], &job) == nil && job == "header" {
		return workload.Line{Job: job}, nil
	}
	var l workload.Line
	if err := json.Unmarshal(text, &l); err != nil {
		return l, err
	}
	if l.Job == "" || l.System == "" {
		return l, errors.New("no job or no system")
	}
	for name, raw := range fields {
		if known[name] {
			continue
		}
		var v float64
		if err := json.Unmarshal(raw, &v); err != nil {
			return l, fmt.Errorf("%s: %w", name, err)
		}
		if l.Extra == nil {
			l.Extra = make(map[string]float64)
		}
		l.Extra[name] = v
	}
	return l, nil
}

// fieldNames are the names in JSON of a struct's fields.
func fieldNames(t reflect.Type) map[string]bool {
	names := make(map[string]bool)
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
			names[name] = true
		}
	}
	return names
}
