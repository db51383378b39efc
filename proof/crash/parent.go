package crash

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// process is a child as its parent sees it.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when its output is at an end

	mu struct {
		sync.Mutex
		lines []string
		more  *sync.Cond
		end   bool
	}
	stderr strings.Builder
}

// start begins a child. program is what to run; "" is this very program.
func start(program string, cfg childConfig, env ...string) (*process, error) {
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(program), ended: make(chan struct{})}
	p.mu.more = sync.NewCond(&p.mu)
	p.cmd.Env = append(append(os.Environ(), childEnv+"="+string(text), "GORACE=atexit_sleep_ms=0"), env...)
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.read(out)
	return p, nil
}

// read takes the child's lines as they come. A last line without its end was cut off by a
// kill between two answers of the kernel, and was not given.
func (p *process) read(out io.Reader) {
	r := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := r.ReadString('\n')
		p.mu.Lock()
		if err == nil {
			p.mu.lines = append(p.mu.lines, strings.TrimSuffix(line, "\n"))
		} else {
			p.mu.end = true
		}
		p.mu.more.Broadcast()
		p.mu.Unlock()
		if err != nil {
			close(p.ended)
			return
		}
	}
}

// await returns when the child has written n lines or has ended, and how many it has.
func (p *process) await(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.mu.lines) < n && !p.mu.end {
		p.mu.more.Wait()
	}
	return len(p.mu.lines)
}

// awaitKind returns when the child has written a line of a kind or has ended, and how many
// lines it has written until then.
func (p *process) awaitKind(kind string) int {
	for n := 1; ; n++ {
		have := p.await(n)
		p.mu.Lock()
		found := have < n || strings.HasPrefix(p.mu.lines[n-1], kind+" ")
		p.mu.Unlock()
		if found {
			return min(n, have)
		}
	}
}

// soFar returns how many lines have been read by now.
func (p *process) soFar() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.mu.lines)
}

// kill sends SIGKILL; all lines that were in the pipe by then count.
func (p *process) kill() { _ = p.cmd.Process.Kill() }

// wait returns all lines and how the child ended.
func (p *process) wait() ([]string, error) {
	<-p.ended
	err := p.cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.lines, err
}

// waitOrKill is wait for a child that should end by itself within some time; then it is
// killed.
func (p *process) waitOrKill(d time.Duration) ([]string, error) {
	timer := time.AfterFunc(d, p.kill)
	defer timer.Stop()
	return p.wait()
}

// wrong returns what a child complained of, or wrote to stderr before it died on its own.
func (p *process) wrong(lines []string) error {
	for _, line := range lines {
		if strings.HasPrefix(line, lineWrong+" ") {
			return fmt.Errorf("child: %s", line[2:])
		}
	}
	if text := p.stderr.String(); text != "" {
		if len(text) > 4000 {
			text = text[:4000] + "…"
		}
		return fmt.Errorf("child wrote to stderr: %s", text)
	}
	return nil
}
