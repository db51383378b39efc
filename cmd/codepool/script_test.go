package main

import (
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"codepool/cmd/codepool/internal/natstest"
	"codepool/store"

	"github.com/rogpeppe/go-internal/testscript"
)

// raceOptions spares each process built with the race detector the second that it
// waits at its end by default.
const raceOptions = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"codepool": main})
}

// sideBySide are the scripts whose commands do several things at once. Under the race
// detector, which makes each of their processes several times as slow, it is these that run.
var sideBySide = []string{"backup", "bench", "demo", "export", "feed", "import", "locked", "pay", "redeem", "share", "stream"}

// TestScripts runs the real program, one process for each line. Scripts know these
// commands of their own:
//
//	exits N PROGRAM ARG…   runs a program and checks its exit code
//	line VAR N             sets VAR to line N of the last standard output
//	fact VAR NAME          sets VAR to the value of a fact in the last standard output
//	lines N                checks how many lines the last standard output has
//	nats VAR               starts a NATS server and sets VAR to its URL
//	hold DIR, release      opens a store in the test's process, closes it again
func TestScripts(t *testing.T) {
	var some []string // all of Dir if there are none
	if raceOn {
		for _, name := range sideBySide {
			some = append(some, "testdata/script/"+name+".txt")
		}
	}
	dir := "testdata/script"
	if some != nil {
		dir = ""
	}
	testscript.Run(t, testscript.Params{
		Dir: dir, Files: some,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Values[heldKey{}] = &held{}
			env.Setenv("GORACE", raceOptions)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   cmdExits,
			"line":    cmdLine,
			"fact":    cmdFact,
			"lines":   cmdLines,
			"nats":    cmdNats,
			"hold":    cmdHold,
			"release": cmdRelease,
		},
	})
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N program arg…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func stdoutLines(ts *testscript.TestScript) []string {
	text := ts.ReadFile("stdout")
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func cmdLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: line VAR N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	lines := stdoutLines(ts)
	if n < 1 || n > len(lines) {
		ts.Fatalf("standard output has %d lines", len(lines))
	}
	ts.Setenv(args[0], lines[n-1])
}

func cmdFact(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fact VAR NAME")
	}
	for _, line := range stdoutLines(ts) {
		if value, ok := strings.CutPrefix(line, args[1]+" "); ok {
			ts.Setenv(args[0], strings.TrimSpace(value))
			return
		}
	}
	ts.Fatalf("standard output has no %s", args[1])
}

func cmdLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lines N")
	}
	if got := len(stdoutLines(ts)); strconv.Itoa(got) != args[0] {
		ts.Fatalf("standard output has %d lines, want %s", got, args[0])
	}
}

func cmdNats(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: nats VAR")
	}
	server, err := natstest.New(ts.MkAbs("nats"))
	ts.Check(err)
	ts.Defer(func() { ts.Check(server.Stop()) })
	ts.Setenv(args[0], server.URL)
}

// heldKey is where a script keeps the store that its test process has open.
type heldKey struct{}

// held is what hold opened; scripts run in parallel, each with its own.
type held struct{ s *store.Store }

func cmdHold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hold DIR")
	}
	s, err := store.Open(ts.MkAbs(args[0]), nil)
	ts.Check(err)
	ts.Value(heldKey{}).(*held).s = s
	ts.Defer(func() { s.Close() })
}

func cmdRelease(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: release")
	}
	ts.Check(ts.Value(heldKey{}).(*held).s.Close())
}
