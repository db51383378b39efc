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

// whole is how long each target of the areas that CI must cover runs, part how long each of
// the others does. In a long run, or with a time that is given, all run equally long.
var (
	whole = harness.Span{Short: 20 * time.Second, Long: 10 * time.Minute}
	part  = harness.Span{Short: 2 * time.Second, Long: 10 * time.Minute}
)

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
		t.Skip("not under the race detector: it sees the targets' seeds in the tests of their packages, and a fuzzer that is ten times as slow finds next to nothing")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command: the fuzzer is built by it")
	}
	t.Log("there is no seed: Go's fuzzer takes none. A failure is repeated by its input, which is printed with it")
	root, targets := findAll(t)
	spans := spansOf(t, targets)
	programs := buildAll(t, root, targets)
	enough(t, spans)
	turn := make(chan struct{}, atOnce)
	for i, x := range targets {
		t.Run(x.Name, func(t *testing.T) {
			t.Parallel()
			turn <- struct{}{}
			defer func() { <-turn }()
			fuzz(t, root, programs[x.Package], x, spans[i])
		})
	}
}

// spansOf returns how long each target runs.
func spansOf(t *testing.T, targets []Target) (spans []time.Duration) {
	t.Helper()
	for _, x := range targets {
		span := part
		for _, a := range areas {
			if a.whole && a.pkg == x.Package && a.target == x.Name {
				span = whole
			}
		}
		spans = append(spans, span.For(t))
	}
	return spans
}

// toEnd is the time in which a fuzzer that is interrupted ends its worker, which may hang,
// and itself; after that it is killed.
const toEnd = 10 * time.Second

// enough fails the test at once if its time cannot be enough for the targets.
func enough(t *testing.T, spans []time.Duration) {
	t.Helper()
	deadline, ok := t.Deadline()
	if !ok {
		return
	}
	need := 2 * toEnd
	for _, span := range spans {
		need += (span + time.Second) / atOnce
	}
	if left := time.Until(deadline); left < need {
		t.Fatalf("%d targets take some %v and the test has %v left: run it with -timeout 0", len(spans), need, left.Round(time.Second))
	}
}

// summary is what the fuzzer prints last of its work.
var summary = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+) \(total: (\d+)\)`)

// timeIsUp is all that the fuzzer says besides its progress when it takes the end of its own
// time for a failure, as it does now and then on a busy machine before Go 1.27
// (https://go.dev/issue/75804). An input that fails is told, whatever the time is.
var timeIsUp = regexp.MustCompile(`^--- FAIL: \w+ \([0-9.]+s\)\n +context deadline exceeded\nFAIL\n$`)

// fuzz runs one target.
func fuzz(t *testing.T, root, program string, x Target, span time.Duration) {
	folder := filepath.Join(root, filepath.FromSlash(x.Package))
	kept := filepath.Join(folder, "testdata", "fuzz", x.Name)
	before := inputs(t, kept)
	ctx := t.Context()
	if deadline, ok := t.Deadline(); ok { // with time left to tell what happened
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-toEnd-toEnd/2))
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, program, "-test.run", "^$", "-test.fuzz", "^"+x.Name+"$", "-test.fuzztime", span.String(),
		"-test.fuzzminimizetime", "20x", "-test.parallel", "1", "-test.fuzzcachedir", cache(t, root, x))
	cmd.Dir, cmd.WaitDelay = folder, toEnd
	cmd.Cancel = func() error { // the fuzzer ends its worker; killed, it would leave one that hangs
		if cmd.Process.Signal(os.Interrupt) == nil {
			return nil
		}
		return cmd.Process.Kill() // a system without signals
	}
	out, err := cmd.CombinedOutput()
	after := inputs(t, kept)
	if timeIsUp.MatchString(told(string(out))) && len(after) == len(before) {
		err = nil
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		tried := "its seeds and what earlier runs have kept took all the time"
		if found := summary.FindAllStringSubmatch(string(out), -1); found != nil {
			last := found[len(found)-1]
			tried = fmt.Sprintf("%s inputs tried, %s of interest, %s of them new", last[1], last[3], last[2])
		}
		t.Logf("%s in %s, %v: %s", x.Name, x.Package, span, tried)
		return
	}
	var report strings.Builder
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

// A fuzzer whose time is up is told from one that has found something.
func TestTimeIsUp(t *testing.T) {
	const progress, up = "fuzz: elapsed: 25s, execs: 361 (0/sec), new interesting: 6 (total: 13)\n", "    context deadline exceeded\nFAIL\n"
	for out, want := range map[string]bool{
		progress + "--- FAIL: FuzzX (25.09s)\n" + up:                                                                                                   true,
		progress + "--- FAIL: FuzzX (25.09s)\n    Failing input written to testdata/fuzz/FuzzX/1\n" + up:                                               false,
		progress + "--- FAIL: FuzzX (25.09s)\n    fuzzing process hung or terminated unexpectedly while minimizing: context deadline exceeded\nFAIL\n": false,
	} {
		if got := timeIsUp.MatchString(told(out)); got != want {
			t.Errorf("%v for\n%s", got, out)
		}
	}
}
