//go:build !race

package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

const (
	postgresProgram = "postgres"
	initdbProgram   = "initdb"
	postgresUser    = "codepool" // of the database
)

// postgresSettings are those of PostgreSQL's own advice for many writes: room in memory, and
// checkpoints, after which each page is logged whole, kept rare. Everything that makes a
// commit durable is on.
func postgresSettings() []string {
	return []string{
		"fsync=on", "synchronous_commit=on", "full_page_writes=on",
		"listen_addresses=", "port=5432", "unix_socket_permissions=0700",
		"max_connections=" + strconv.Itoa(postgresConnections+10),
		"shared_buffers=512MB", "huge_pages=off",
		"wal_compression=off", "wal_level=minimal", "max_wal_senders=0",
		"max_wal_size=16GB", "checkpoint_timeout=1h",
		"autovacuum=on",
	}
}

// postgresServer is a server that runs.
type postgresServer struct {
	*process
	sockets string // directory
}

// cluster is a directory of data and what works on it.
type cluster struct {
	bin  string   // directory of the programs
	base string   // has the data and the logs
	as   *account // owner of the data
}

// startPostgres runs a server on the data in dir, which it makes if there are none. It
// does not wait until the server answers.
func startPostgres(places []string, dir string) (_ *postgresServer, err error) {
	c := cluster{}
	if c.bin, err = find(places, postgresProgram, initdbProgram); err != nil {
		return nil, err
	}
	if c.base, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if c.as, err = lesser("postgres"); err != nil {
		return nil, err
	}
	if err := c.create(); err != nil {
		return nil, err
	}
	s := &postgresServer{}
	if s.sockets, err = socketDir(c.as); err != nil {
		return nil, err
	}
	args := []string{"-c", "unix_socket_directories=" + s.sockets}
	for _, setting := range postgresSettings() {
		args = append(args, "-c", setting)
	}
	// SIGQUIT: it ends its own processes, and at once.
	s.process, err = c.run(postgresProgram, "data", syscall.SIGQUIT, args...)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.sockets))
	}
	return s, nil
}

// create makes the data where there are none. They get their name when they are complete.
func (c *cluster) create() error {
	if _, err := os.Stat(filepath.Join(c.base, "data")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	unfinished := filepath.Join(c.base, "unfinished")
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := c.as.mkdir(unfinished); err != nil {
		return err
	}
	// Only who may enter the directory of the socket gets at the server: no password.
	p, err := c.run(initdbProgram, "unfinished", syscall.SIGKILL,
		"--auth=trust", "--username="+postgresUser, "--encoding=UTF8", "--no-locale")
	if err != nil {
		return err
	}
	if <-p.ended; p.err != nil {
		return p.died()
	}
	return os.Rename(unfinished, filepath.Join(c.base, "data"))
}

// run starts a program on the data in a directory of the base.
//
// Another account than ours may not be let through the directories above the data. It
// gets the data's directory as an open file, whose name under /proc leads there directly.
func (c *cluster) run(program, data string, atDeath syscall.Signal, args ...string) (*process, error) {
	path := filepath.Join(c.base, data)
	cmd := exec.Command(filepath.Join(c.bin, program))
	if c.as != nil {
		if runtime.GOOS != "linux" {
			return nil, fmt.Errorf("%s does not run as root: start this as another user", program)
		}
		opened, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		cmd.ExtraFiles = []*os.File{opened}
		path = "/proc/self/fd/3"
	}
	cmd.Args = append(append(cmd.Args, "-D", path), args...)
	return start(cmd, c.as, filepath.Join(c.base, program+".log"), atDeath)
}

// address is the connection string of the server.
func (s *postgresServer) address(connections int) string {
	return strings.Join([]string{
		"host=" + s.sockets, "port=5432", "user=" + postgresUser, "dbname=postgres", "sslmode=disable",
		"pool_max_conns=" + strconv.Itoa(connections),
	}, " ")
}

// stop writes a checkpoint and ends the server.
func (s *postgresServer) stop() error {
	err := s.end(func() error { return s.os.Signal(syscall.SIGINT) }) // "fast": nobody is waited for
	return errors.Join(err, os.RemoveAll(s.sockets))
}

// discard ends the server where it stands.
func (s *postgresServer) discard() error {
	return errors.Join(s.kill(), os.RemoveAll(s.sockets))
}
