package workload

import (
	"context"
	"os"
	"os/exec"
	"time"

	"codepool/bench/peer"
)

// Env is where and how the jobs run.
type Env struct {
	// Dir is an existing directory on the disk to measure. Every job works in
	// subdirectories of it and removes them.
	Dir string
	// Kinds are the systems to measure. References (a bare sync, the scheduler, a bare
	// Bloom filter) run always.
	Kinds []peer.Kind
	// Rounds is how often each trial is repeated, at least 1.
	Rounds int
	// Budget ends a trial that has not used up its codes.
	Budget time.Duration
	// Settle is how long is waited, at the most, until what was done before a trial has come to
	// its end: dirty pages of the file system, what systems do in the background. 0: not at all.
	Settle time.Duration
	// Child makes a command that runs Child with args in another process. Jobs that
	// need one fail if it is nil.
	Child func(ctx context.Context, args ...string) *exec.Cmd
	// Log gets progress, one line a call; nil is silent.
	Log func(format string, args ...any)
	// Progress gets how many trials of the job are over, and of how many; nil is silent. Jobs
	// that do not consist of trials do not call it.
	Progress func(done, total int)
}

// Job is a configured workload.
type Job interface {
	// Name is what -jobs calls it.
	Name() string
	// Run measures and passes each result to emit. A failed trial or audit is in the
	// line's Error; Run itself fails if it could not go on, with ctx's error if that is why.
	Run(ctx context.Context, e *Env, emit func(Line)) error
}

func (e *Env) logf(format string, args ...any) {
	if e.Log != nil {
		e.Log(format, args...)
	}
}

// part returns the Env of the i-th of n equal parts of a job, so that progress counts through
// all of them.
func (e *Env) part(i, n int) *Env {
	p := *e
	if e.Progress != nil {
		p.Progress = func(done, total int) { e.Progress(i*total+done, n*total) }
	}
	return &p
}

// has reports whether the named system is to be measured.
func (e *Env) has(name string) bool {
	for _, k := range e.Kinds {
		if k.Name == name {
			return true
		}
	}
	return false
}

// tempDir makes a directory and returns it with the function that removes it.
func (e *Env) tempDir(name string) (string, func(), error) {
	dir, err := os.MkdirTemp(e.Dir, name+"-")
	return dir, func() { os.RemoveAll(dir) }, err
}
