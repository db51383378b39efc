// Package natstest runs real NATS servers for tests, each a process of its own with
// JetStream, on a port of the loopback.
package natstest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
)

// Process is a server.
type Process struct {
	URL string
	// Dir is where it keeps its streams. It may be exchanged while it does not run.
	Dir string

	port string
	args []string
	cmd  *exec.Cmd
	read chan struct{} // closed when all that it writes is read
}

// New starts a server that keeps its streams in a directory; further arguments are its own.
func New(dir string, args ...string) (*Process, error) {
	p := &Process{Dir: dir, port: "-1", args: args}
	return p, p.start()
}

// start starts it, on the same port as before, and returns when it listens.
func (p *Process) start() error {
	path, err := program()
	if err != nil {
		return err
	}
	cmd := exec.Command(path, append([]string{"-js", "-sd", p.Dir, "-a", "127.0.0.1", "-p", p.port}, p.args...)...)
	log, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.read = cmd, make(chan struct{})
	from := bufio.NewReader(log)
	port, text := listening(from)
	go func() {
		defer close(p.read)
		_, _ = io.Copy(io.Discard, from) // so that it never waits for a reader
	}()
	if port == "" {
		return errors.Join(fmt.Errorf("nats-server does not start:\n%s", text), p.Stop())
	}
	p.port, p.URL = port, "nats://127.0.0.1:"+port
	return nil
}

// Stop ends it as kill -9 does. It does nothing if it does not run.
func (p *Process) Stop() error {
	if p.cmd == nil {
		return nil
	}
	err := p.cmd.Process.Kill()
	<-p.read
	_ = p.cmd.Wait() // it was killed
	p.cmd = nil
	return err
}

// Server is a server of a test.
type Server struct {
	*Process
	t testing.TB
}

// Start starts a server that is stopped when the test ends.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	p, err := New(filepath.Join(t.TempDir(), "jetstream"), args...)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{p, t}
	t.Cleanup(s.Kill)
	return s
}

// Kill ends it as kill -9 does.
func (s *Server) Kill() {
	s.t.Helper()
	if err := s.Stop(); err != nil {
		s.t.Fatal(err)
	}
}

// Restart starts a server that was killed, on the same port, and returns when it listens.
func (s *Server) Restart() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

// Connect returns a connection of the test's own, with further options.
func (s *Server) Connect(options ...nats.Option) *nats.Conn {
	s.t.Helper()
	nc, err := nats.Connect(s.URL, options...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	return nc
}

// program builds the server that go.mod names, without the race detector: all test
// programs use the same one, which is in the cache of builds.
var program = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "tool", "-n", "nats-server").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build nats-server: %w\n%s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
})

var listens = regexp.MustCompile(`Listening for client connections on 127\.0\.0\.1:(\d+)`)

// listening reads what a server writes until it is ready, and returns the port, or "" if it
// ends before, with what it wrote.
func listening(from *bufio.Reader) (port, text string) {
	for {
		line, err := from.ReadString('\n')
		text += line
		if found := listens.FindStringSubmatch(line); found != nil {
			port = found[1]
		}
		if err != nil {
			return "", text
		}
		if strings.Contains(line, "Server is ready") {
			return port, text
		}
	}
}
