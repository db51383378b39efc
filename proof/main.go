// Command proof runs one of the proofs of this module at any length. Without an argument it
// lists them.
//
//	go run ./proof
//	go run ./proof kill9
//	go run ./proof -n 5000 -seed 7 kill9
//	go run ./proof -for 8h soak
//
// Each is a Go test, which runs in its short form with `go test work`; this command sets the
// variables that package harness reads, and no time limit.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"text/tabwriter"
	"time"

	"codepool/proof/harness"
)

// proofs are all of them.
var proofs = []struct {
	name, pkg, test string
	unit            string // what -n counts; empty if the proof has a span instead
	does            string
}{
	{"kill9", "crash", "TestKill9", "kills", "kill -9 of a working process, every answer compared"},
	{"power-cut", "crash", "TestPowerCut", "cuts", "the file system ends under a working process: what was not synced is gone"},
	{"double-crash", "crash", "TestDoubleCrash", "rounds", "kill -9 in recovery, checkpoint, index building, backup and restore"},
	{"every-io", "crash", "TestEveryIO", "hits a point", "kill -9 from within at every named point of the store's code"},
	{"linearizable", "linear", "TestLinearizable", "histories", "concurrent histories, checked by porcupine"},
	{"model", "model", "TestModel", "steps", "random operations, every answer foretold by a few plain maps"},
	{"enospc", "media", "TestEnospc", "sizes", "full file systems of many sizes under a working store"},
	{"bitflip", "media", "TestBitflip", "damages", "damaged files, pairs, backups and exports: refused, reported or harmless"},
	{"bad-input", "badinput", "TestBadInput", "", "named bad inputs of the library and the command line"},
	{"fuzz", "fuzz", "TestFuzz", "", "every fuzz target of the source, for a time each"},
	{"soak", "soak", "TestSoak", "", "mixed work, watching memory, goroutines, files and disk"},
	{"planted", "planted", "TestPlanted", "", "defects planted into the store, each caught by a proof"},
}

func main() {
	fs := flag.NewFlagSet("proof", flag.ContinueOnError)
	fs.SetOutput(os.Stderr)
	n := fs.String("n", "", "how many rounds; \"long\" is the long form (default: the short form)")
	seed := fs.String("seed", "", "seed of an earlier run, to repeat it")
	span := fs.Duration("for", 0, "how long, for a proof that counts no rounds")
	race := fs.Bool("race", false, "with the race detector")
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "usage: go run ./proof [-n N] [-seed S] [-for TIME] [-race] PROOF")
		fs.PrintDefaults()
		list(fs.Output())
	}
	if err := fs.Parse(os.Args[1:]); err != nil {
		os.Exit(2)
	}
	if fs.NArg() == 0 {
		list(os.Stdout)
		return
	}
	if fs.NArg() > 1 {
		fmt.Fprintln(os.Stderr, "proof: one proof at a time, and flags before its name")
		os.Exit(2)
	}
	if err := run(fs.Arg(0), *n, *seed, *span, *race); err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

func list(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "PROOF\tCOUNTS\tWHAT IT DOES")
	for _, p := range proofs {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", p.name, p.unit, p.does)
	}
	_ = tw.Flush()
}

func run(name, n, seed string, span time.Duration, race bool) error {
	root, err := harness.Root()
	if err != nil {
		return err
	}
	for _, p := range proofs {
		if p.name != name {
			continue
		}
		args := []string{"test", "-count=1", "-timeout=0", "-v", "-run", "^" + p.test + "$"}
		if race {
			args = append(args, "-race")
		}
		cmd := exec.Command("go", append(args, "./"+filepath.ToSlash(filepath.Join("proof", p.pkg)))...)
		cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env = root, os.Stdout, os.Stderr, os.Environ()
		for key, value := range map[string]string{harness.NEnv: n, harness.SeedEnv: seed} {
			if value != "" {
				cmd.Env = append(cmd.Env, key+"="+value)
			}
		}
		if span > 0 {
			cmd.Env = append(cmd.Env, harness.ForEnv+"="+span.String())
		}
		return cmd.Run()
	}
	return fmt.Errorf("there is no proof %q: go run ./proof lists them", name)
}
