//go:build !race

package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A server that does not answer or end by then is killed.
const (
	startWithin = 10 * time.Minute // recovery counts
	endWithin   = 2 * time.Minute  // the last checkpoint counts
)

// process is a server that runs.
type process struct {
	name  string
	log   string // file with what it says
	os    *os.Process
	ended chan struct{}
	err   error // how it ended; to be read when ended is closed
}

// start runs cmd with its output in the file log. The server gets the signal atDeath when
// this process is killed, where the system can do that.
func start(cmd *exec.Cmd, as *account, log string, atDeath syscall.Signal) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	isolate(cmd, as, atDeath)
	cmd.Stdout, cmd.Stderr = out, out
	p := &process{name: filepath.Base(cmd.Path), log: log, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// To Linux the parent is the thread that started it: keep that one.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	p.os = cmd.Process
	return p, nil
}

// isolate gives cmd no environment but a PATH, no part in what a terminal sends to this
// process, and the account.
func isolate(cmd *exec.Cmd, as *account, atDeath syscall.Signal) {
	cmd.Dir = "/" // the current one may be closed to the account
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.SysProcAttr = attributes(as, atDeath)
}

// ready calls ask until it succeeds, and returns an error with the last lines of the log
// if the server ends before that.
func (p *process) ready(ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 16*time.Millisecond) {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return p.died()
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w; its log ends: %s", p.name, err, p.lastLines())
		case <-time.After(pause):
		}
	}
}

// end calls ask, which must make the server end, and waits for that. It is an error if the
// server had ended before, or had to be killed.
func (p *process) end(ask func() error) error {
	select {
	case <-p.ended:
		return p.died()
	default:
	}
	err := ask()
	if err == nil {
		select {
		case <-p.ended:
			if p.err != nil {
				err = p.died()
			}
			return err
		case <-time.After(endWithin):
			err = fmt.Errorf("%s did not end within %v; its log ends: %s", p.name, endWithin, p.lastLines())
		}
	}
	return errors.Join(err, p.kill())
}

// kill ends the server where it stands.
func (p *process) kill() error {
	if err := p.os.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.ended
	return nil
}

// died is the error of a server that ended by itself.
func (p *process) died() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s ended: %s; its log ends: %s", p.name, how, p.lastLines())
}

// lastLines returns the end of the log.
func (p *process) lastLines() string {
	const lines = 8
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
