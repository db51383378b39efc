package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"codepool/bench/systems"
)

// TestMain makes the test binary a child process of a job, as the program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childArg {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestQuick makes a small quick run of everything that needs no server: every job has a line
// of every system that can do it, every audit passes, and the reports are written.
func TestQuick(t *testing.T) {
	var names []string
	for _, k := range systems.All() {
		if k.Missing == nil {
			names = append(names, k.Name)
		}
	}
	page, md := filepath.Join(t.TempDir(), "page.html"), readme(t)
	code, out, errs := runBench(t, t.Context(), "-quick", "-n", "1000", "-rounds", "1", "-budget", "10ms", "-json",
		"-systems", strings.Join(names, ","), "-html", page, "-markdown", md)
	if code != exitOK {
		t.Errorf("exit %d: %s", code, errs)
	}
	lines := map[string]int{}
	for line := range strings.Lines(out) {
		var v struct {
			Job, System, Error string
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if v.Error != "" {
			t.Errorf("%s of %s: %s", v.Job, v.System, v.Error)
		}
		lines[v.Job+" "+v.System]++
	}
	for _, job := range []string{"redeem", "issue", "mint", "reject", "mixed", "latency", "memory", "disk", "reopen", "limit", "lease", "query", "retire", "universal", "packet", "signed", "order"} {
		if lines[job+" codepool"] == 0 {
			t.Errorf("no line of codepool for %s", job)
		}
	}
	for _, name := range names {
		if lines["redeem "+name] == 0 {
			t.Errorf("no line of %s", name)
		}
	}
	for _, file := range []string{page, md} {
		if text := read(t, file); !strings.Contains(text, "xsync") && len(names) > 3 || !strings.Contains(text, "codepool") {
			t.Errorf("%s has %d bytes and not every system", file, len(text))
		}
	}
}
