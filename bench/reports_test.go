package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"codepool/bench/report"
)

// readme is a file with the markers and a text between them.
func readme(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "README.md")
	m := report.BenchMarkers()
	if err := os.WriteFile(file, []byte("before\n"+m.Begin+"\nstale\n"+m.End+"\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReportsOfARunAndOfItsSavedLines wants the same reports from what was measured and from
// what -json printed of it.
func TestReportsOfARunAndOfItsSavedLines(t *testing.T) {
	page, md := filepath.Join(t.TempDir(), "page.html"), readme(t)
	code, saved, errs := runBench(t, t.Context(), "-json", "-jobs", "mint,fsync", "-systems", "codepool,badger-batch", "-n", "1000",
		"-rounds", "1", "-budget", "20ms", "-html", page, "-markdown", md)
	if code != exitOK || errs != "" {
		t.Fatalf("exit %d, stderr %q", code, errs)
	}
	first, table := read(t, page), read(t, md)
	for _, want := range []string{"<!DOCTYPE html>", "badger-batch", "fdatasync", "a transaction deletes many codes unread"} {
		if !strings.Contains(first, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if !strings.HasPrefix(table, "before\n") || !strings.HasSuffix(table, "\nafter\n") || strings.Contains(table, "stale") || !strings.Contains(table, "| badger-batch |") {
		t.Errorf("the README is\n%s", table)
	}

	var out, errOut bytes.Buffer
	again, md2 := filepath.Join(t.TempDir(), "page.html"), readme(t)
	code = run(t.Context(), []string{"-from", "-", "-json", "-html", again, "-markdown", md2}, strings.NewReader(saved), &out, &errOut)
	if code != exitOK || errOut.Len() > 0 {
		t.Fatalf("exit %d, stderr %q", code, &errOut)
	}
	if out.String() != saved {
		t.Errorf("printed again:\n%s\nwant\n%s", &out, saved)
	}
	if got := read(t, md2); got != table {
		t.Errorf("the README of the saved lines is\n%s\nwant\n%s", got, table)
	}
	if !strings.Contains(read(t, again), "badger-batch") {
		t.Error("the page of the saved lines lacks a system")
	}
}

func TestFromAFile(t *testing.T) {
	const lines = `{"job":"header","go":"go1","date":"2025-03-04T05:06:07Z"}
{"job":"mint","system":"codepool","n":1000,"callers":1,"batch":1000,"ops_per_s":12345}
{"job":"disk","system":"codepool","n":1000,"callers":0,"batch":0,"note":"minted","error":"audit: one is missing"}
`
	file := filepath.Join(t.TempDir(), "lines.json")
	if err := os.WriteFile(file, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-from", file}, nil, &out, &errs); code != exitFailure || errs.Len() > 0 {
		t.Errorf("exit %d for a line with an error, stderr %q", code, &errs)
	}
	for _, want := range []string{"\nmint\n", "12,345", "\ndisk\n", "one is missing"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

// TestReportsThatCannotBeWritten are refused before anything is measured: nothing is printed
// and the working directory is never made.
func TestReportsThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain.md")
	if err := os.WriteFile(plain, []byte("no markers\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-html", filepath.Join(dir, "none", "page.html")}, "none"},
		{[]string{"-html", dir}, "not a regular file"},
		{[]string{"-markdown", filepath.Join(dir, "none.md")}, "none.md"},
		{[]string{"-markdown", plain}, "marker missing"},
		{[]string{"-html", filepath.Join(dir, "page.html"), "-markdown", plain}, "marker missing"},
	} {
		code, out, errs := runBench(t, t.Context(), append(c.args, "-jobs", "fsync", "-budget", "1h")...)
		if code != exitFailure || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, stdout %q, stderr %q", c.args, code, out, errs)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || read(t, plain) != "no markers\n" {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestBadFrom(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	for _, c := range []struct {
		args, stdin string
		code        int
		want        string
	}{
		{"-from - -gobench", "", exitUsage, "-gobench"},
		{"-from - -jobs mint", "", exitUsage, "-jobs"},
		{"-from - -systems codepool", "", exitUsage, "-systems"},
		{"-from - -n 5 -rounds 2", "", exitUsage, "-rounds"},
		{"-from - -budget 1s", "", exitUsage, "-budget"},
		{"-from - -dir x -volatile", "", exitUsage, "-volatile"},
		{"-from no-such-file", "", exitFailure, "no-such-file"},
		{"-from -", "", exitFailure, "header"},
		{"-from -", "{\"job\":\"header\"}\n", exitFailure, "no lines"},
		{"-from -", "{\"job\":\"header\"}\n{\"job\":", exitFailure, "line 2"},
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), append(strings.Fields(c.args), "-html", page), strings.NewReader(c.stdin), &out, &errs)
		if code != c.code || out.Len() > 0 || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", c.args, code, &out, &errs)
		}
		if _, err := os.Stat(page); err == nil {
			t.Errorf("%s: a page was written", c.args)
		}
	}
}
