package crash

import (
	"math/rand/v2"
	"os"
	"testing"

	"codepool/proof/harness"
)

func TestMain(m *testing.M) {
	if Child() {
		return
	}
	os.Exit(m.Run())
}

const (
	workers     = 64
	stock       = 20_000
	mostAnswers = 6000 // before a kill
	mostInBulk  = 400  // while a list of several parts is exported (shelf.go)
	newStore    = 50   // rounds with one store, after which every answer ever given is audited
)

// crashOptions draws options for one opening. They may differ from one to the next.
func crashOptions(r *rand.Rand) options {
	return options{Shards: 1 << r.IntN(8), MaxPending: 64 << 10 << r.IntN(7), CheckpointEvery: int64(500 << r.IntN(5)), NewKey: r.IntN(2) == 0}
}

// TestKill9 kills a working child at random moments; CODEPOOL_N is the number of kills.
func TestKill9(t *testing.T) {
	t.Parallel() // they wait for the disk more than they compute
	seed := harness.Seed(t)
	rounds := harness.Size{Short: 100, Race: 4, Long: 5000}.N(t)
	var dir string
	var a *auditor
	answers := 0
	for round := range rounds {
		r := harness.Rand(seed, round)
		if round%newStore == 0 {
			dir, a = t.TempDir(), newAuditor()
		}
		answers -= a.Answers
		killRound(t, r, dir, a, round%newStore == newStore-1 || round == rounds-1)
		answers += a.Answers
		if err := a.err(); err != nil {
			t.Fatalf("round %d of seed %d: %v", round, seed, err)
		}
		if round%newStore == newStore-1 {
			_ = os.RemoveAll(dir)
		}
	}
	t.Logf("%d kills, %d answers: none lost, none twice", rounds, answers)
}

// killRound runs one child, kills it after some answers and audits what is left.
func killRound(t *testing.T, r *rand.Rand, dir string, a *auditor, all bool) {
	t.Helper()
	after := r.IntN(mostAnswers)
	p, err := start("", childConfig{Do: "work", Dir: dir, Options: crashOptions(r), Workers: workers, Stock: stock, Bulk: all})
	if err != nil {
		t.Fatal(err)
	}
	if all {
		after = p.awaitKind(lineBulk) + r.IntN(mostInBulk)
	}
	p.await(after)
	p.kill()
	lines, err := p.wait()
	if wrong := p.wrong(lines); wrong != nil || len(lines) < after {
		t.Fatalf("child ended after %d answers: %v, %v", len(lines), err, wrong)
	}
	for _, line := range lines {
		if line[:1] == lineFailed {
			t.Fatalf("a store on a whole disk failed: %s", line)
		}
		a.note(line)
	}
	audit(t, dir, crashOptions(r), a, all)
}

// audit opens what is left and holds all answers against it.
func audit(t *testing.T, dir string, o options, a *auditor, all bool) {
	t.Helper()
	s, err := o.open(dir)
	if err != nil {
		t.Fatalf("open after a crash: %v", err)
	}
	a.audit(s, all)
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}
