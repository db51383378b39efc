//go:build !race

package server

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"codepool/bench/peer"
	"codepool/bench/peer/peertest"

	"golang.org/x/sys/unix"
)

// parentEnv makes the test binary a process that opens the kind of that name in the
// directory os.Args[1], says which server it has, and waits to be killed.
const parentEnv = "CODEPOOL_SERVER_TEST_KIND"

func TestMain(m *testing.M) {
	if name := os.Getenv(parentEnv); name != "" {
		fmt.Fprintln(os.Stderr, beParent(name, os.Args[1]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestSystems(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) { peertest.Check(t, k) })
	}
}

// each runs a test with every kind.
func each(t *testing.T, test func(t *testing.T, k peer.Kind)) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) { test(t, k) })
	}
}

// eachServer runs a test with one kind for each server.
func eachServer(t *testing.T, test func(t *testing.T, k peer.Kind)) {
	for _, k := range Kinds() {
		if k.Name == "redis" || k.Name == "postgres" {
			t.Run(k.Name, func(t *testing.T) { test(t, k) })
		}
	}
}

// open opens a system in dir; what is open at the end of the test is closed.
func open(t *testing.T, k peer.Kind, dir string) peer.System {
	t.Helper()
	s, err := k.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if serverOf(s).running() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// issued opens a new system with n codes, all of them issued.
func issued(t *testing.T, k peer.Kind, dir string, n int) (s peer.System, codes []string) {
	t.Helper()
	s = open(t, k, dir)
	if err := s.Mint(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if err := s.HandOut(t.Context(), n, func(code string) { codes = append(codes, code) }); err != nil {
		t.Fatal(err)
	}
	if len(codes) != n {
		t.Fatalf("%d of %d codes were issued", len(codes), n)
	}
	return s, codes
}

// running is a server as the tests see it.
type running struct {
	*process
	sockets string
}

func serverOf(s peer.System) running {
	switch s := s.(type) {
	case *redisPipelined:
		return running{s.server.process, s.server.sockets}
	case *redisSingle:
		return running{s.server.process, s.server.sockets}
	case *postgres:
		return running{s.server.process, s.server.sockets}
	default:
		panic(fmt.Sprintf("%T has no server", s))
	}
}

func (r running) running() bool {
	select {
	case <-r.ended:
		return false
	default:
		return true
	}
}

// family are the server's processes, itself first.
func (r running) family(t *testing.T) []int {
	t.Helper()
	below, err := descendants(r.os.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return append([]int{r.os.Pid}, below...)
}

func TestCloseLeavesNothing(t *testing.T) {
	eachServer(t, func(t *testing.T, k peer.Kind) {
		s, _ := issued(t, k, t.TempDir(), 10)
		r := serverOf(s)
		family := r.family(t)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, pid := range family {
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("process %d of %v is there: %v", pid, family, err)
			}
		}
		if _, err := os.Stat(r.sockets); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the directory of the socket is there: %v", err)
		}
	})
}

func TestServerEndsWithItsParent(t *testing.T) {
	eachServer(t, func(t *testing.T, k peer.Kind) {
		cmd := exec.Command(os.Args[0], t.TempDir())
		cmd.Env = append(os.Environ(), parentEnv+"="+k.Name)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Wait() // it was killed
		defer cmd.Process.Kill()
		said, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		pid, sockets, _ := strings.Cut(strings.TrimSpace(said), " ")
		defer os.RemoveAll(sockets)
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		server, err := unix.PidfdOpen(n, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(server)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if !ends(t, server) {
			t.Errorf("process %d outlived its parent", n)
			unix.PidfdSendSignal(server, unix.SIGKILL, nil, 0)
		}
	})
}

// ends waits for the end of a process, for a minute.
func ends(t *testing.T, pidfd int) bool {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 60_000)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return n == 1
	}
}

// beParent returns only if it fails.
func beParent(name, dir string) error {
	for _, k := range Kinds() {
		if k.Name != name {
			continue
		}
		s, err := k.Open(dir)
		if err != nil {
			return err
		}
		r := serverOf(s)
		fmt.Println(r.os.Pid, r.sockets)
		select {}
	}
	return fmt.Errorf("no kind %q", name)
}

func TestNotInstalled(t *testing.T) {
	for _, k := range Kinds() {
		if program, version := k.Version(); program == "" || version == "" {
			t.Errorf("%s: version %q of %q", k.Name, version, program)
		}
		if err := k.Missing(); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
	t.Setenv("PATH", t.TempDir())
	for _, k := range kinds(nil) {
		_, opened := k.Open(t.TempDir())
		for _, err := range []error{opened, installed(nil, k.Name)} {
			if !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), "apt-get install -y redis-server postgresql") {
				t.Errorf("%s: err = %v", k.Name, err)
			}
		}
	}
}

func TestInstallScriptInstallsWhatTheErrorNames(t *testing.T) {
	b, err := os.ReadFile("../../install.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(strings.TrimPrefix(install, "apt-get install -y")) {
		if !strings.Contains(string(b), " "+name) {
			t.Errorf("install.sh does not install %s", name)
		}
	}
}

// A server that ends before it answers says why.
func TestStartFails(t *testing.T) {
	broken := map[string]struct{ file, want string }{
		"redis":    {"appendonlydir/appendonly.aof.manifest", "manifest"},
		"postgres": {"data/PG_VERSION", "not a valid data directory"},
	}
	eachServer(t, func(t *testing.T, k peer.Kind) {
		dir := t.TempDir()
		s, _ := issued(t, k, dir, 10)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, broken[k.Name].file), []byte("garbage\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Open(dir); err == nil || !strings.Contains(err.Error(), broken[k.Name].want) {
			t.Errorf("err = %v", err)
		}
		if left, err := descendants(os.Getpid()); err != nil || len(left) > 0 {
			t.Errorf("processes left: %v, %v", left, err)
		}
	})
}
