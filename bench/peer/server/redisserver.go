//go:build !race

package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const redisProgram = "redis-server"

// redisServer is a server that runs.
type redisServer struct {
	*process
	sockets string // directory
}

// startRedis runs a server on the files in dir, and returns when it has loaded them. What
// it appends is synced as sync says: "always" is before it answers, one sync for all
// that arrived together.
func startRedis(places []string, dir, sync string) (_ *redisServer, err error) {
	bin, err := find(places, redisProgram)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	s := &redisServer{}
	if s.sockets, err = socketDir(nil); err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(bin, redisProgram),
		"--port", "0", "--unixsocket", s.socket(), "--unixsocketperm", "700",
		"--dir", dir, "--daemonize", "no",
		"--appendonly", "yes", "--appendfsync", sync, "--save", "")
	s.process, err = start(cmd, nil, filepath.Join(dir, "server.log"), syscall.SIGKILL)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.sockets))
	}
	if err := s.ready(s.ping); err != nil {
		return nil, errors.Join(err, s.kill(), os.RemoveAll(s.sockets))
	}
	return s, nil
}

func (s *redisServer) socket() string { return filepath.Join(s.sockets, "redis.sock") }

// ping fails while the server loads its files.
func (s *redisServer) ping(ctx context.Context) error {
	answer, err := s.say(ctx, "PING")
	if err == nil && answer != "+PONG" {
		err = fmt.Errorf("PING was answered by %q", answer)
	}
	return err
}

// stop syncs what is left and ends the server.
func (s *redisServer) stop() error {
	err := s.end(func() error {
		// It answers only if it does not end.
		if answer, err := s.say(context.Background(), "SHUTDOWN NOSAVE"); err == nil {
			return fmt.Errorf("SHUTDOWN was answered by %q", answer)
		}
		return nil
	})
	return errors.Join(err, os.RemoveAll(s.sockets))
}

// say sends one command on a connection of its own and returns the first line of the answer.
func (s *redisServer) say(ctx context.Context, command string) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", s.socket())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line), err
}
