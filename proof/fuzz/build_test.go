package fuzz

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildAll makes the test program of each package that has targets, as "go test -fuzz" would,
// so that none is linked again for each of its targets, and no go command stands between
// this process and the fuzzer when its time is up. It returns them by package.
func buildAll(t *testing.T, root string, targets []Target) map[string]string {
	t.Helper()
	dir, programs := t.TempDir(), map[string]string{}
	for _, x := range targets {
		if programs[x.Package] != "" {
			continue
		}
		program := filepath.Join(dir, fmt.Sprintf("fuzz%d.test.exe", len(programs)))
		command(t, root, "test", "-c", "-vet=off", "-fuzz", "^"+x.Name+"$", "-o", program, "./"+x.Package)
		programs[x.Package] = program
	}
	return programs
}

// cache is where the fuzzer keeps what it finds of interest in a package: as the go command
// has it, so that each run goes on from the one before, whoever started that.
func cache(t *testing.T, root string, x Target) string {
	t.Helper()
	return filepath.Join(command(t, root, "env", "GOCACHE"), "fuzz", filepath.FromSlash(command(t, root, "list", "./"+x.Package)))
}

// command runs the go command.
func command(t *testing.T, root string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	var told strings.Builder
	cmd.Stderr = &told
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, told.String())
	}
	return strings.TrimSpace(string(out))
}
