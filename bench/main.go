// Command bench measures codepool beside what people would otherwise use: every figure is
// durable, every system is audited after its run. README.md says what the jobs and fields
// mean.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"codepool/bench/host"
	"codepool/bench/report"
	"codepool/bench/systems"
	"codepool/bench/workload"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailure     = 1 // a line carries an error, or a job could not run
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// childArg, as the first argument, makes the process a child of a job.
const childArg = "-child"

// run is main without the process around it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == childArg {
		return exit(ctx, stderr, workload.Child(ctx, systems.All(), args[1:], stdin, stdout))
	}
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\nRun 'bench -h' for the flags.\n", err)
		return exitUsage
	}
	ok, err := o.run(ctx, stdin, stdout, stderr)
	if err == nil && !ok {
		return exitFailure
	}
	return exit(ctx, stderr, err)
}

// exit turns an error into a message and an exit code.
func exit(ctx context.Context, stderr io.Writer, err error) int {
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "bench: interrupted")
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "bench: %v\n", err)
	return exitFailure
}

// run measures, or reads what was measured before, and writes the reports that were asked for;
// ok says whether every line is sound.
func (o *options) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) (ok bool, err error) {
	if err := o.checkReports(); err != nil {
		return false, err
	}
	var r report.Run
	if o.from != "" {
		r, ok, err = o.replay(stdin, stdout)
	} else {
		r, ok, err = o.measure(ctx, stdout, stderr)
	}
	if err != nil {
		return false, err
	}
	return ok, o.writeReports(r)
}

// measure runs the jobs in a temporary directory and reports whether every line is sound.
func (o *options) measure(ctx context.Context, stdout, stderr io.Writer) (r report.Run, ok bool, err error) {
	dir, err := workDir(o.dir, o.volatile)
	if err != nil {
		return r, false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	for _, err := range o.missing {
		fmt.Fprintf(stderr, "bench: left out: %v\n", err)
	}
	progress := newProgress(stderr, len(o.jobs))
	env := &workload.Env{
		Dir: dir, Kinds: o.kinds, Rounds: o.rounds, Budget: o.budget, Settle: o.settle,
		Child: childProcess, Log: progress.logf, Progress: progress.trials,
	}
	out := o.printer(stdout)
	r.Header = describeHost(dir, o)
	if err := out.header(r.Header); err != nil {
		return r, false, err
	}
	ok = true
	for _, job := range o.jobs {
		var writeErr error
		err := job.Run(ctx, env, func(l workload.Line) {
			ok = ok && l.Error == ""
			progress.clear()
			r.Lines = append(r.Lines, l.Rounded())
			writeErr = errors.Join(writeErr, out.line(l))
		})
		progress.jobDone()
		progress.clear()
		if err = errors.Join(err, writeErr, out.flush()); err != nil {
			return r, false, fmt.Errorf("job %s: %w", job.Name(), err)
		}
	}
	return r, ok, nil
}

// workDir makes the directory that everything is written to, on a disk.
func workDir(base string, volatile bool) (string, error) {
	if base == "" {
		base = defaultBase()
	}
	if fs := host.FileSystemOf(base); fs.Volatile && !volatile {
		return "", fmt.Errorf("%s is on %s, which is memory: durable figures need a disk; "+
			"name a directory on one with -dir, or pass -volatile to measure anyway", base, fs.Type)
	}
	return os.MkdirTemp(base, "codepool-bench-")
}

// defaultBase is the system's directory for temporary files if that is on a disk, else the
// current one.
func defaultBase() string {
	if dir := os.TempDir(); !host.FileSystemOf(dir).Volatile {
		return dir
	}
	return "."
}

// childProcess makes a command that runs this program as a child of a job.
func childProcess(ctx context.Context, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.CommandContext(ctx, self, append([]string{childArg}, args...)...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// names splits a list of names.
func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
