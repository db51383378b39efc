// Package harness is what the proofs of this module have in common: how large a run is,
// its seed, and where the source stands.
//
// Every proof is a Go test with a short form, which runs with all tests, and a long one.
// Three variables of the environment choose:
//
//	CODEPOOL_N      how many kills, cuts, histories, … a run has; "long" is the long form
//	CODEPOOL_SEED   the seed of an earlier run, to repeat it
//	CODEPOOL_FOR    how long a proof that counts no rounds goes on, as 20s or 8h
package harness

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// The variables of the environment.
const (
	NEnv    = "CODEPOOL_N"
	SeedEnv = "CODEPOOL_SEED"
	ForEnv  = "CODEPOOL_FOR"
)

// Size is how many rounds a proof has in each of its forms. Race is the short form under
// the race detector, which is some ten times as slow.
type Size struct{ Short, Race, Long int }

// N returns the number of rounds of this run.
func (s Size) N(t testing.TB) int {
	t.Helper()
	switch text := os.Getenv(NEnv); text {
	case "":
		if RaceOn {
			return s.Race
		}
		return s.Short
	case "long":
		return s.Long
	default:
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("%s is %q: want a number of rounds or \"long\"", NEnv, text)
		}
		return n
	}
}

// Span is how long a proof that counts no rounds goes on in each of its forms.
type Span struct{ Short, Race, Long time.Duration }

// For returns how long this run goes on.
func (s Span) For(t testing.TB) time.Duration {
	t.Helper()
	if text := os.Getenv(ForEnv); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			t.Fatalf("%s is %q: want a time such as 20s or 8h", ForEnv, text)
		}
		return d
	}
	switch {
	case os.Getenv(NEnv) == "long":
		return s.Long
	case RaceOn:
		return s.Race
	}
	return s.Short
}

// Seed returns the seed of this run and prints it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv(SeedEnv); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s is %q: want the number that a run has printed", SeedEnv, text)
		}
	}
	t.Logf("seed %d: %s=%d go test -run '^%s$' repeats it", seed, SeedEnv, seed, t.Name())
	return seed
}

// Rand returns the random numbers of one round of a run: with the same seed and round they
// are the same.
func Rand(seed uint64, round int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(round)))
}

// Root returns the folder of the source that holds go.work.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.work above the working directory: run the proofs from the source")
		}
		dir = up
	}
}
