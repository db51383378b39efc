package workload

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"codepool/bench/host"
	"codepool/bench/peer"
)

// What a child process does; args[0] says which.
const (
	childMemory = "memory" // system dir n settle: mint n codes, write the memory in use
	childBurn   = "burn"   // dir file: redeem the codes in file, say so, wait to be killed
)

// Child is the main function of the processes that Env.Child starts. It returns when its
// work is done or, for a child that is meant to be killed, when in ends.
//
// kinds are the systems that can be measured.
func Child(ctx context.Context, kinds []peer.Kind, args []string, in io.Reader, out io.Writer) error {
	if len(args) == 5 && args[0] == childMemory {
		of := slices.IndexFunc(kinds, func(k peer.Kind) bool { return k.Name == args[1] })
		if of < 0 {
			return fmt.Errorf("no such system: %q", args[1])
		}
		n, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		settle, err := time.ParseDuration(args[4])
		if err != nil {
			return err
		}
		return mintAndWeigh(ctx, kinds[of], args[2], n, settle, out)
	}
	if len(args) == 3 && args[0] == childBurn {
		if err := burn(ctx, args[1], args[2]); err != nil {
			return err
		}
		fmt.Fprintln(out, "done")
		_, err := io.Copy(io.Discard, in)
		return err
	}
	return fmt.Errorf("no such child: %q", args)
}

// mintAndWeigh writes the memory of a system's process as JSON, the system still open: at
// once, and when the engine has finished its work on what was minted.
func mintAndWeigh(ctx context.Context, k peer.Kind, dir string, n int, settle time.Duration, out io.Writer) error {
	sys, err := k.Open(dir)
	if err != nil {
		return err
	}
	defer sys.Close()
	if err := sys.Mint(ctx, n); err != nil {
		return err
	}
	use := host.MemoryUse
	if server, ok := sys.(peer.Weigher); ok {
		use = func() (m host.Memory, err error) {
			m.RSS, err = server.MemoryUse()
			m.Anon, m.Peak = m.RSS, m.RSS
			return m, err
		}
	}
	var w memoryWeight
	if w.AtOnce, err = leastMemory(ctx, use, 0); err != nil {
		return err
	}
	if w.Settled, err = leastMemory(ctx, use, settle); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(w)
}

// leastMemory returns the memory in use when it has not fallen for the time of settle,
// but after a minute at the latest.
func leastMemory(ctx context.Context, use func() (host.Memory, error), settle time.Duration) (least host.Memory, err error) {
	began := time.Now()
	for fell := began; ; {
		debug.FreeOSMemory()
		m, err := use()
		if err != nil {
			return m, err
		}
		const noise = 1 << 20
		if least.RSS == 0 || m.RSS < least.RSS-noise {
			least, fell = m, time.Now()
		}
		if time.Since(fell) >= settle || time.Since(began) > time.Minute {
			return least, nil
		}
		select {
		case <-time.After(settle / 16):
		case <-ctx.Done():
			return m, ctx.Err()
		}
	}
}

// burn redeems every line of file, from four callers, and leaves the store open.
func burn(ctx context.Context, dir, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	s := &stock{codes: &texts{}}
	for line := range strings.Lines(string(b)) {
		if err := s.codes.add(strings.TrimSuffix(line, "\n")); err != nil {
			return err
		}
	}
	s.users = users(s.codes.len())
	if s.sys, err = peer.OpenCodepool(dir); err != nil {
		return err
	}
	l := RedeemLoad{Mode: Batched, Callers: 4, Batch: 1000}
	_, made, err := l.run(ctx, s, time.Hour)
	if err == nil && made != s.codes.len() {
		err = fmt.Errorf("redeemed %d of %d codes", made, s.codes.len())
	}
	return err
}

// childOutput runs a child to its end and decodes what it writes.
func (e *Env) childOutput(ctx context.Context, v any, args ...string) error {
	if e.Child == nil {
		return errors.New("no child processes here")
	}
	cmd := e.Child(ctx, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return childError(cmd, err, stderr.String())
	}
	return json.Unmarshal(out, v)
}

// childKilled runs a child until it says that it is done, then kills it where it stands.
func (e *Env) childKilled(ctx context.Context, args ...string) error {
	if e.Child == nil {
		return errors.New("no child processes here")
	}
	cmd := e.Child(ctx, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	hold, err := cmd.StdinPipe() // its end would end the child
	if err != nil {
		return err
	}
	defer hold.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	said, readErr := bufio.NewReader(out).ReadString('\n')
	killErr := cmd.Process.Kill()
	err = cmd.Wait()
	if said == "done\n" {
		return killErr
	}
	if err == nil {
		err = readErr
	}
	return childError(cmd, err, stderr.String())
}

func childError(cmd *exec.Cmd, err error, stderr string) error {
	return fmt.Errorf("child %s: %w: %s", strings.Join(cmd.Args[1:], " "), err, strings.TrimSpace(stderr))
}
