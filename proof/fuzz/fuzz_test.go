package fuzz

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"codepool/proof/harness"
)

// span is how long each target runs.
var span = harness.Span{Short: 20 * time.Second, Race: time.Second, Long: 10 * time.Minute}

func findAll(t *testing.T) (root string, targets []Target) {
	t.Helper()
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	if targets, err = Find(root); err != nil {
		t.Fatal(err)
	}
	return root, targets
}

// Every area has a target, and it does what it is there for.
func TestAreas(t *testing.T) {
	_, targets := findAll(t)
	for _, a := range areas {
		i := slices.IndexFunc(targets, func(x Target) bool { return x.Package == a.pkg && x.Name == a.target })
		switch {
		case i < 0:
			t.Errorf("%s: there is no %s in %s", a.name, a.target, a.pkg)
		case !targets[i].uses[a.calls]:
			t.Errorf("%s: %s in %s does not use %s", a.name, a.target, a.pkg, a.calls)
		}
	}
}

// atOnce is how many targets run beside each other, each with one worker.
const atOnce = 2

func TestFuzz(t *testing.T) {
	if harness.RaceOn {
		t.Skip("the race detector sees the targets' seeds in the ordinary tests of their packages")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command: the fuzzer is a part of it")
	}
	root, targets := findAll(t)
	each := span.For(t)
	enough(t, len(targets), each)
	turn := make(chan struct{}, atOnce)
	for _, x := range targets {
		t.Run(x.Name, func(t *testing.T) {
			t.Parallel()
			turn <- struct{}{}
			defer func() { <-turn }()
			fuzz(t, root, x, each)
		})
	}
}

// enough fails the test at once if its time cannot be enough for the targets.
func enough(t *testing.T, targets int, each time.Duration) {
	deadline, ok := t.Deadline()
	const build, link = time.Minute, 10 * time.Second
	need := build + time.Duration((targets+atOnce-1)/atOnce)*(each+link)
	if left := time.Until(deadline); ok && left < need {
		t.Fatalf("%d targets of %v each take some %v and the test may take %v: run it with -timeout 0", targets, each, need, left.Round(time.Second))
	}
}

// summary is what the fuzzer prints last of its work.
var summary = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+) \(total: (\d+)\)`)

// fuzz runs one target.
func fuzz(t *testing.T, root string, x Target, each time.Duration) {
	kept := filepath.Join(root, filepath.FromSlash(x.Package), "testdata", "fuzz", x.Name)
	before := inputs(t, kept)
	ctx := t.Context()
	if deadline, ok := t.Deadline(); ok { // with time left to tell what happened
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-5*time.Second))
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-timeout", "0", "-run", "^$", "-fuzz", "^"+x.Name+"$",
		"-fuzztime", each.String(), "-fuzzminimizetime", "20x", "-parallel", "1", "./"+x.Package)
	cmd.Dir = root
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err == nil {
		tried := "its seeds and what earlier runs have kept took all the time"
		if found := summary.FindAllStringSubmatch(string(out), -1); found != nil {
			last := found[len(found)-1]
			tried = fmt.Sprintf("%s inputs tried, %s of interest, %s of them new", last[1], last[3], last[2])
		}
		t.Logf("%s in %s: %s", x.Name, x.Package, tried)
		return
	}
	var report strings.Builder
	after := inputs(t, kept)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, old := before[name]; !old {
			fmt.Fprintf(&report, "\nto repeat it write this into %s:\n%s", filepath.Join(kept, name), after[name])
		}
	}
	forget(t, kept, before, after)
	t.Fatalf("%s in %s: %v\n%s%s", x.Name, x.Package, err, told(string(out)), report.String())
}

// inputs reads the inputs that a target has in the source.
func inputs(t *testing.T, folder string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = string(text)
	}
	return all
}

// forget removes the inputs that a run has left in the source, and folders that are empty
// without them.
func forget(t *testing.T, folder string, before, after map[string]string) {
	t.Helper()
	for name := range after {
		if _, old := before[name]; !old {
			if err := os.Remove(filepath.Join(folder, name)); err != nil {
				t.Error(err)
			}
		}
	}
	for range 3 { // FuzzX, fuzz, testdata
		if os.Remove(folder) != nil {
			return // it is not empty, or not there
		}
		folder = filepath.Dir(folder)
	}
}

// told returns the fuzzer's report without its lines of progress, cut off.
func told(out string) string {
	var lines []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "fuzz: elapsed") {
			lines = append(lines, line)
		}
	}
	const most = 120
	return strings.Join(lines[:min(most, len(lines))], "")
}
