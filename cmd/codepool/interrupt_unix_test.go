//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// program returns the real program, to be run as a process of its own.
func program(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Args[0] = "codepool" // testscript.Main goes by it
	cmd.Env = append(os.Environ(), "GORACE="+raceOptions)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	return cmd, &stderr
}

// A mint that is interrupted is finished by the same command.
func TestMintResumes(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	args := []string{"mint", "--name", "big", "--count", "3_600_000", "--data", data}
	cmd, stderr := program(t, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for { // the store is made before the minting begins, which takes long
		if _, err := os.Stat(filepath.Join(data, formatFile)); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if err == nil {
		t.Skip("the batch was complete before the signal came")
	}
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(stderr.String(), "goes on from there") {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	again, stderr := program(t, append(args, "--json")...)
	out, err := again.Output()
	if err != nil || !bytes.Contains(out, []byte(`"complete":true,"counts":{"minted":3600000,`)) {
		t.Fatalf("%s, %v, %s", out, err, stderr)
	}
	check, stderr := program(t, "verify", "--data", data)
	if err := check.Run(); err != nil {
		t.Fatal(err, stderr)
	}
}

// Commands that wait for input end at once, and say how to go on.
func TestInterruptedInput(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	mint, stderr := program(t, "mint", "--name", "b", "--count", "10", "--from-stock", "--data", data)
	if err := mint.Run(); err != nil {
		t.Fatal(err, stderr)
	}
	for _, args := range [][]string{
		{"import", "-", "--name", "c"},
		{"redeem", "--file", "-"},
		{"release", "--file", "-"},
		{"revoke", "--force", "-"},
	} {
		cmd, stderr := program(t, append(args, "--data", data)...)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, out)
		// More than the pipe holds: when it is written, the program is reading.
		if _, err := io.WriteString(in, strings.Repeat("NO-SUCH-CODE\n", 1<<15)); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		err = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(stderr.String(), "interrupted") || !strings.Contains(stderr.String(), "try:") {
			t.Fatalf("%v: %v: %s", args, err, stderr)
		}
	}
	check, _ := program(t, "batches", "c", "--data", data)
	if check.Run() == nil {
		t.Fatal("an import that did not read all its input made a batch")
	}
}

// Who follows ends at once when nothing comes, and the cursor is behind all that was read.
func TestInterruptedFollow(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for _, args := range [][]string{{"mint", "--name", "b", "--count", "10"}, {"issue", "b", "3", "--take", "--user", "ann"}} {
		cmd, stderr := program(t, append(args, "--data", data)...)
		if err := cmd.Run(); err != nil {
			t.Fatal(err, stderr)
		}
	}
	for _, args := range [][]string{{"--cursor", "c", "--json"}, {}} {
		cmd, stderr := program(t, append([]string{"receipts", "--follow", "--data", data}, args...)...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(out)
		for range 3 {
			if _, err := in.ReadString('\n'); err != nil {
				t.Fatal(err, stderr)
			}
		}
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, in); err != nil {
			t.Fatal(err)
		}
		err = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(stderr.String(), "interrupted") || !strings.Contains(stderr.String(), "try") {
			t.Fatalf("%v: %v: %s", args, err, stderr)
		}
	}
	list, stderr := program(t, "cursor", "--json", "--data", data)
	got, err := list.Output()
	if err != nil || string(got) != `{"name":"c","number":5}`+"\n" {
		t.Fatalf("%s, %v, %s", got, err, stderr)
	}
}
