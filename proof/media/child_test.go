package media

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"codepool/proof/harness"
	"codepool/store"
)

// childEnv tells the test binary to serve calls instead of running tests.
const childEnv = "CODEPOOL_MEDIA_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		serve()
		return
	}
	os.Exit(m.Run())
}

// serve answers calls from standard input on standard output until that ends.
func serve() {
	line := pipe{os.Stdin, os.Stdout}
	os.Stdout = os.Stderr // whatever else is printed does not disturb the line
	s := rpc.NewServer()
	for name, service := range services() {
		if err := s.RegisterName(name, service); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	s.ServeConn(line)
}

// pipe makes one connection of two streams.
type pipe struct {
	io.ReadCloser
	io.WriteCloser
}

func (p pipe) Close() error { return errors.Join(p.ReadCloser.Close(), p.WriteCloser.Close()) }

// child is a process that serves calls.
type child struct {
	cmd    *exec.Cmd
	line   *rpc.Client
	stderr headBuffer
	ended  chan struct{} // closed when the process has ended
	hung   bool          // it was ended because it did not answer
}

// startChild starts a child; the test's end ends it.
func startChild(t testing.TB) *child {
	t.Helper()
	c, err := newChild(t)
	if err != nil {
		t.Fatalf("start a child: %v", err)
	}
	return c
}

// newChild is startChild for any goroutine of a test.
func newChild(t testing.TB) (*child, error) {
	c := &child{cmd: exec.Command(os.Args[0]), ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), childEnv+"=1", "GOTRACEBACK=single")
	c.cmd.Stderr = &c.stderr
	in, err1 := c.cmd.StdinPipe()
	out, err2 := c.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, c.cmd.Start()); err != nil {
		return nil, err
	}
	c.line = rpc.NewClient(pipe{out, in})
	go func() {
		_ = c.cmd.Wait()
		close(c.ended)
	}()
	t.Cleanup(c.end)
	return c, nil
}

// end ends the child, if it has not ended, and waits for that.
func (c *child) end() {
	_ = c.line.Close()
	_ = c.cmd.Process.Kill()
	<-c.ended
}

// died is the end of a child in the middle of a call.
type died struct{ how string }

func (d *died) Error() string { return d.how }

// hangs is how long a call may take before it counts as hanging. It is far beyond what
// any takes.
const hangs = 4 * time.Minute

// call makes a call and waits for its answer. The error is a *died.
func (c *child) call(method string, args, reply any) error {
	return c.wait(c.line.Go(method, args, reply, make(chan *rpc.Call, 1)))
}

// wait waits for the answer to a call that was made with line.Go.
func (c *child) wait(call *rpc.Call) error {
	bell := time.AfterFunc(hangs, func() {
		c.hung = true
		if c.cmd.Process.Signal(syscall.SIGQUIT) != nil { // its goroutines say where it hangs
			_ = c.cmd.Process.Kill()
		}
	})
	<-call.Done
	bell.Stop()
	if call.Error == nil {
		return nil
	}
	if call.Error != rpc.ErrShutdown && !errors.Is(call.Error, io.ErrUnexpectedEOF) && !errors.Is(call.Error, io.EOF) {
		_ = c.cmd.Process.Kill() // the line is disturbed
	}
	<-c.ended
	how := "the process ended"
	if c.hung {
		how = "it hung"
	}
	return &died{fmt.Sprintf("%s during %s (%v): %s", how, call.ServiceMethod, call.Error, c.stderr.digest())}
}

// headBuffer keeps the beginning of what is written to it.
type headBuffer struct {
	mu sync.Mutex
	b  []byte
}

func (h *headBuffer) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.b = append(h.b, p[:min(len(p), 64<<10-len(h.b))]...)
	return len(p), nil
}

// digest tells why a process ended: its first lines and where it was.
func (h *headBuffer) digest() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for line := range bytes.Lines(h.b) {
		text := strings.TrimSpace(string(line))
		call, _, isCall := strings.Cut(text, "({")
		if !isCall {
			call, _, isCall = strings.Cut(text, "(0x")
		}
		switch {
		case isCall && (strings.Contains(call, "badger") || strings.Contains(call, "codepool")):
			out = append(out, call[strings.LastIndexByte(call, '/')+1:])
		case len(out) < 4 && text != "" && !strings.HasPrefix(text, "goroutine "):
			out = append(out, text)
		}
		if len(out) == 10 {
			break
		}
	}
	return strings.Join(out, " | ")
}

// Fault is an error as it comes from a child: its text and which of the store's errors
// it is.
type Fault struct {
	Text string
	Is   []string
}

// sentinels are the errors that a fault can be told by.
var sentinels = map[string]error{
	"ErrDiskFull": store.ErrDiskFull, "ErrFailed": store.ErrFailed, "ErrOutcomeUnknown": store.ErrOutcomeUnknown,
	"ErrCorrupt": store.ErrCorrupt, "ErrFormat": store.ErrFormat, "ErrUnknownCode": store.ErrUnknownCode,
	"ErrAlreadyRedeemed": store.ErrAlreadyRedeemed, "ErrNotIssued": store.ErrNotIssued, "ErrEmpty": store.ErrEmpty,
	"ErrClosed": store.ErrClosed, "ErrLocked": store.ErrLocked, "ErrReadOnly": store.ErrReadOnly,
	"ErrBatchExists": store.ErrBatchExists, "ErrNotRedeemed": store.ErrNotRedeemed,
}

func faultOf(err error) Fault {
	if err == nil {
		return Fault{}
	}
	f := Fault{Text: err.Error()}
	for name, s := range sentinels {
		if errors.Is(err, s) {
			f.Is = append(f.Is, name)
		}
	}
	return f
}

func (f Fault) ok() bool { return f.Text == "" }

func (f Fault) String() string {
	if f.ok() {
		return "no error"
	}
	return fmt.Sprintf("%v: %s", f.Is, f.Text)
}

// fewer returns n, or some of it under the race detector, which is ten times as slow.
func fewer(n, underRace int) int {
	if harness.RaceOn {
		return underRace
	}
	return n
}
