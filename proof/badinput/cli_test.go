package badinput

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"codepool/proof/harness"
	"codepool/store"
)

// The exit codes of the program that the cases expect; cmd/codepool/exit.go is where they are
// promised.
const (
	failure, wrongUse, unknown, redeemed, empty, locked, refused = 1, 2, 3, 4, 5, 6, 7
)

// cliCase is one wrong call of the program, which is run with --json.
type cliCase struct {
	name   string
	line   string // as a shell reads it: [NAME=value…] argument…
	exit   int
	reason string // the word of the error object
	says   string // in its text; several parts are divided by " … "

	in    string // standard input
	out   string // what standard output must say; "" is nothing at all
	own   bool   // the line itself asks for JSON
	plain bool   // nothing asks for JSON, or it cannot be heard: the error is text
	full  bool   // standard output is a full disk
	costs bool   // what was decided before the mistake came up stands
	next  string // what it must say to try, which no error leaves out; several parts as in says
}

// bad is a case without more; reading and printing add to it.
func bad(name, line string, exit int, reason, says string) cliCase {
	return cliCase{name: name, line: line, exit: exit, reason: reason, says: says}
}

// misuse is a case of a wrong command line.
func misuse(name, line, says string) cliCase {
	return bad(name, line, wrongUse, "usage", says)
}

func (c cliCase) reading(in string) cliCase    { c.in = in; return c }
func (c cliCase) printing(out string) cliCase  { c.out = out; return c }
func (c cliCase) asText() cliCase              { c.plain = true; return c }
func (c cliCase) asking() cliCase              { c.own = true; return c }
func (c cliCase) onFullDisk() cliCase          { c.full = true; return c }
func (c cliCase) costing() cliCase             { c.costs = true; return c }
func (c cliCase) advising(next string) cliCase { c.next = next; return c }

// program is the program under test.
type program struct {
	path string
	// starting is held while a process of it is started; world.whileOpen says why.
	starting sync.RWMutex
}

// buildProgram builds the program of the source.
func buildProgram(t *testing.T) *program {
	t.Helper()
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "codepool")
	if runtime.GOOS == "windows" {
		bin += ".exe"
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "codepool/cmd/codepool")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return &program{path: bin}
}

// picture is what a refused command line must not change.
type picture struct {
	files string // paths and sizes of all but the store
	store string // of the store
	sum   string
}

// picture looks at the world. While the store's files are those of the picture before, it
// holds what it held; else it is opened.
func (w *world) picture(before picture) (picture, error) {
	p := picture{files: listing(w.dir, dataDir), store: storeFiles(filepath.Join(w.dir, dataDir)), sum: before.sum}
	if p.store == before.store {
		return p, nil
	}
	var err error
	if w.s != nil {
		p.sum = sum(w.s)
	} else if err = w.whileOpen(func(s *store.Store) error { p.sum = sum(s); return nil }); err == nil {
		p.store = storeFiles(filepath.Join(w.dir, dataDir))
	}
	return p, err
}

// errorObject is what the program writes to standard error with --json.
type errorObject struct {
	Error  string `json:"error"`
	Reason string `json:"reason"`
	Exit   int    `json:"exit"`
	Try    string `json:"try"`
}

// tryCLI runs a case and returns what is wrong with how it ended.
func (w *world) tryCLI(t *testing.T, c cliCase) []string {
	t.Helper()
	w.wrong = nil
	before, err := w.picture(w.seen)
	if err != nil {
		t.Fatal(err)
	}
	exit, out, errOut := w.run(t, c)
	t.Logf("%s", errOut)
	if exit != c.exit {
		w.fault("exit code %d, want %d", exit, c.exit)
	}
	if c.out == "" && out != "" || !strings.Contains(out, c.out) {
		w.fault("standard output is %.300q, want %q", out, c.out)
	}
	text := errOut
	if !c.plain {
		text = w.object(c, exit, errOut)
	} else if !strings.HasPrefix(errOut, "error: ") || !strings.Contains(errOut, "\ntry:   ") {
		w.fault("standard error has no error and what to try: %q", errOut)
	}
	if !saysAll(text, c.says) {
		w.fault("the error should say %q: %s", c.says, text)
	}
	if w.seen, err = w.picture(before); err != nil {
		w.fault("the store does not open any more: %v", err)
	}
	if w.seen.files != before.files {
		w.fault("files were changed:\n%s", newLines(before.files, w.seen.files))
	}
	if w.seen.sum != before.sum && !c.costs {
		w.fault("it changed the store:\n%s", newLines(before.sum, w.seen.sum))
	}
	return w.wrong
}

// object reads the error object, checks it and returns its text.
func (w *world) object(c cliCase, exit int, errOut string) string {
	var e errorObject
	d := json.NewDecoder(strings.NewReader(errOut))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil || d.More() || strings.Count(errOut, "\n") != 1 {
		w.fault("standard error is not one error object on one line: %q", errOut)
	}
	if e.Reason != c.reason || e.Exit != exit {
		w.fault("reason %q and exit %d, want %q and %d", e.Reason, e.Exit, c.reason, exit)
	}
	if e.Try == "" {
		w.fault("it does not say what to try: %s", errOut)
	}
	if !saysAll(e.Try, c.next) {
		w.fault("it should advise %q: %s", c.next, e.Try)
	}
	if len(e.Error) > 1000 {
		w.fault("the error has %d bytes", len(e.Error))
	}
	return e.Error
}

// run runs the program.
func (w *world) run(t *testing.T, c cliCase) (exit int, out, errOut string) {
	t.Helper()
	env, args := words(w.names.Replace(c.line))
	if !c.plain && !c.own {
		args = append([]string{"--json"}, args...)
	}
	cmd := exec.CommandContext(t.Context(), w.program.path, args...)
	cmd.Dir = w.dir
	cmd.Env = append([]string{"HOME=" + w.dir, "TMPDIR=" + os.TempDir(), "PATH=" + os.Getenv("PATH")}, env...)
	if runtime.GOOS == "windows" {
		cmd.Env = append(os.Environ(), env...)
	}
	cmd.Stdin = strings.NewReader(w.names.Replace(c.in))
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if c.full {
		f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skipf("no full disk here: %v", err)
		}
		defer f.Close()
		cmd.Stdout = f
	}
	w.program.starting.Lock()
	err := cmd.Start()
	w.program.starting.Unlock()
	if err == nil {
		err = cmd.Wait()
	}
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		exit = e.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return exit, stdout.String(), stderr.String()
}

// words divides a line as a shell does. Single quotes keep a word together. Words with an
// equals sign before the first other one are variables of the environment.
func words(line string) (env, args []string) {
	var word strings.Builder
	begun, quoted := false, false
	end := func() {
		if !begun {
			return
		}
		if text := word.String(); len(args) == 0 && strings.HasPrefix(text, "CODEPOOL_") && strings.Contains(text, "=") {
			env = append(env, text)
		} else {
			args = append(args, text)
		}
		word.Reset()
		begun = false
	}
	for i := range len(line) {
		switch c := line[i]; {
		case c == '\'':
			quoted, begun = !quoted, true
		case c == ' ' && !quoted:
			end()
		default:
			begun = true
			word.WriteByte(c)
		}
	}
	end()
	return env, args
}
