package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"codepool/proof/harness"
	"codepool/proof/overlay"
	"codepool/store"
)

// patience bounds how long a child may take to reach a point. It is a bound, not a check of
// speed: a child that is not there by then never gets there.
const patience = time.Minute

// TestEveryIO ends a child at every named crash point of the store, by SIGKILL from within;
// CODEPOOL_N is how often each is hit. In every other round the committer is made slow at
// another point, so that what follows the journal could get ahead of it.
func TestEveryIO(t *testing.T) {
	t.Parallel() // they wait for the disk more than they compute
	seed := harness.Seed(t)
	times := harness.Size{Short: 3, Race: 1, Long: 100}.N(t)
	o, err := overlay.New()
	if err != nil {
		t.Fatal(err)
	}
	points, err := o.EnablePoints()
	if err != nil {
		t.Fatal(err)
	}
	program, err := o.TestBinary(t.TempDir(), "./proof/crash")
	if err != nil {
		t.Fatal(err)
	}
	if harness.RaceOn { // another third of them each time: the whole runs without the detector
		points = third(points, harness.Rand(seed, -1))
	}
	e := &everyIO{program: program}
	round := 0
	for range times {
		for _, point := range points {
			e.hit(t, harness.Rand(seed, round), point)
			round++
			if t.Failed() {
				t.Fatalf("point %q, round %d of seed %d", point, round-1, seed)
			}
		}
	}
	t.Logf("%d points, each hit %d times, %d answers: none lost, none twice", len(points), times, e.answers)
}

// third returns every third point.
func third(points []string, r *rand.Rand) (out []string) {
	for i := r.IntN(3); i < len(points); i += 3 {
		out = append(out, points[i])
	}
	return out
}

// everyIO is the store that children are ended in.
type everyIO struct {
	program string
	dir     string
	a       *auditor
	rounds  int
	answers int
}

// stalls are points of the committer at which it can be made slow.
var stalls = []string{"commit: a group is taken and not written", "commit: a group is written and not synced", "commit: the sync is over and nobody knows"}

// hit ends a child at a point and audits what is left.
func (e *everyIO) hit(t *testing.T, r *rand.Rand, point string) {
	t.Helper()
	if e.rounds++; e.dir == "" || e.rounds%newStore == 0 || needsNew(point) {
		if e.dir != "" {
			_ = os.RemoveAll(e.dir)
		}
		e.dir, e.a = filepath.Join(t.TempDir(), "store"), newAuditor()
	}
	cfg := childConfig{Do: "work", Dir: e.dir, Options: crashOptions(r), Workers: 8, Stock: 3000}
	cfg.Options.CheckpointEvery = int64(100 << r.IntN(3))
	part, _, _ := strings.Cut(point, ":")
	nth := 1
	switch part {
	case "commit":
		nth = 1 + r.IntN(500)
	case "checkpoint":
		nth = 1 + r.IntN(4)
	case "sequence":
		nth = 1 + r.IntN(50)
	case "mint", "retire":
		nth = 1 + r.IntN(2)
	case "open", "recovery", "close", "files":
		if !needsNew(point) {
			e.prepare(t, r, cfg)
			cfg.Do = "open"
		}
	case "restore":
		e.restore(t, r, cfg, point)
		return
	}
	env := []string{}
	if r.IntN(2) == 0 {
		env = append(env, overlay.StallAtEnv+"="+stalls[r.IntN(len(stalls))], overlay.StallForEnv+"=3ms")
	}
	e.end(t, cfg, point, nth, env...)
	audit(t, e.dir, crashOptions(r), e.a, e.rounds%newStore == newStore-1)
	if err := e.a.err(); err != nil {
		t.Fatal(err)
	}
}

// needsNew tells whether a point lies in the making of a store.
func needsNew(point string) bool {
	return strings.HasPrefix(point, "files:") || strings.Contains(point, "a new store")
}

// end runs a child until it has killed itself at the point, and takes its answers in.
func (e *everyIO) end(t *testing.T, cfg childConfig, point string, nth int, env ...string) {
	t.Helper()
	env = append(env, overlay.CrashAtEnv+"="+point, fmt.Sprint(overlay.CrashNthEnv, "=", nth))
	p, err := start(e.program, cfg, env...)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	lines, err := p.waitOrKill(patience)
	if wrong := p.wrong(lines); wrong != nil {
		t.Fatal(wrong)
	}
	if err == nil || time.Since(begun) >= patience {
		t.Fatalf("%s: the child never came there for the %d. time, %d answers: %v", point, nth, len(lines), err)
	}
	e.note(lines)
}

func (e *everyIO) note(lines []string) {
	e.answers -= e.a.Answers
	for _, line := range lines {
		e.a.note(line)
	}
	e.answers += e.a.Answers
}

// prepare leaves a store as a crash does: with a tail of the ledger to replay, and a table
// that a flush had made and not yet entered in the MANIFEST.
func (e *everyIO) prepare(t *testing.T, r *rand.Rand, cfg childConfig) {
	t.Helper()
	cfg.Options.CheckpointEvery = 1 << 40
	p, err := start(e.program, cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.await(1 + r.IntN(500))
	p.kill()
	lines, _ := p.wait()
	if wrong := p.wrong(lines); wrong != nil {
		t.Fatal(wrong)
	}
	e.note(lines)
	tables, _ := filepath.Glob(filepath.Join(e.dir, "journal", "*.sst"))
	if len(tables) == 0 { // closing writes the first
		s, err := options{}.open(e.dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		tables, _ = filepath.Glob(filepath.Join(e.dir, "journal", "*.sst"))
	}
	orphan := filepath.Join(e.dir, "journal", "900000.sst")
	for _, table := range tables {
		if table != orphan {
			b, err := os.ReadFile(table)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(orphan, b, 0o644); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	// An opening that was ended before the engine had done anything.
	aside := filepath.Join(e.dir, "journal-aside")
	if err := os.MkdirAll(aside, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"MANIFEST", "*.mem", "*.sst"} {
		files, _ := filepath.Glob(filepath.Join(e.dir, "journal", pattern))
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err == nil && len(b) > 0 {
				err = os.WriteFile(filepath.Join(aside, filepath.Base(file)), b, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// restore ends a child in the middle of a restore. What it leaves is a whole store, or is
// refused and can be restored anew.
func (e *everyIO) restore(t *testing.T, r *rand.Rand, cfg childConfig, point string) {
	t.Helper()
	e.prepare(t, r, cfg)
	audit(t, e.dir, crashOptions(r), e.a, false)
	s, err := options{}.open(e.dir)
	if err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	f, err := os.Create(backup)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Backup(context.Background(), f)
	if err := errors.Join(err, f.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "restored")
	e.end(t, childConfig{Do: "restore", Dir: to, Backup: backup}, point, 1)
	restoreAgain(t, backup, to)
	audit(t, to, crashOptions(r), e.a, true)
	if err := e.a.err(); err != nil {
		t.Fatal(err)
	}
	_ = os.RemoveAll(to)
}

// restoreAgain makes a whole store of what an ended restore left: it is one already, or it
// is refused with the advice to empty it and to restore again, or nothing had begun.
func restoreAgain(t *testing.T, backup, dir string) {
	t.Helper()
	_, began := os.Stat(filepath.Join(dir, "RESTORING"))
	_, named := os.Stat(filepath.Join(dir, "CODEPOOL"))
	if began == nil || named == nil {
		s, err := options{}.open(dir)
		if err == nil {
			if n := len(s.Batches()); n > 0 {
				err = s.Close()
			} else {
				err = errors.Join(s.Close(), errors.New("an unfinished restore opens as an empty store"))
			}
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if !errors.Is(err, store.ErrFormat) {
			t.Fatalf("what an ended restore left: %v, want a whole store or ErrFormat", err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(backup)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := store.Restore(context.Background(), dir, f); err != nil {
		t.Fatal(err)
	}
}
