package crash

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"codepool/proof/harness"
	"codepool/store"
)

// TestDoubleCrash kills a child at work, and then others while they recover from that, write
// checkpoints and indexes, back up and restore; CODEPOOL_N is the number of rounds, each of
// which has two to six kills.
func TestDoubleCrash(t *testing.T) {
	t.Parallel() // they wait for the disk more than they compute
	seed := harness.Seed(t)
	rounds := harness.Size{Short: 20, Race: 1, Long: 500}.N(t)
	d := &doubleCrash{}
	for round := range rounds {
		d.round(t, harness.Rand(seed, round), round)
		if err := d.a.err(); err != nil || t.Failed() {
			t.Fatalf("round %d of seed %d: %v", round, seed, err)
		}
	}
	t.Logf("%d rounds; kills: %v; %d answers: none lost, none twice", rounds, d.kills, d.answers)
}

type doubleCrash struct {
	dir     string
	a       *auditor
	kills   map[string]int
	answers int
	opening time.Duration // how long a child took from its start to an open store
}

func (d *doubleCrash) round(t *testing.T, r *rand.Rand, round int) {
	t.Helper()
	if round%(newStore/5) == 0 {
		d.dir, d.a = filepath.Join(t.TempDir(), "store"), newAuditor()
	}
	if d.kills == nil {
		d.kills, d.opening = map[string]int{}, 50*time.Millisecond
	}
	cfg := childConfig{Do: "work", Dir: d.dir, Options: crashOptions(r), Workers: workers, Stock: stock}
	cfg.Options.CheckpointEvery = 1 << 40 // so that there is something to recover
	p, err := start("", cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.await(1 + r.IntN(mostAnswers/4))
	p.kill()
	d.take(t, p, "work")
	for range 1 + r.IntN(5) {
		cfg.Options = crashOptions(r)
		switch cfg.Do = []string{"open", "open", "checkpoint", "backup"}[r.IntN(4)]; cfg.Do {
		case "checkpoint":
			cfg.Options.CheckpointEvery = 50
		case "backup":
			cfg.Backup = filepath.Join(t.TempDir(), "backup")
		}
		d.killSoon(t, r, cfg)
		if cfg.Do == "backup" {
			tryBackup(t, cfg.Backup)
		}
	}
	audit(t, d.dir, crashOptions(r), d.a, false) // all are held against what is restored
	d.restore(t, r)
}

// killSoon starts a child and kills it at a random moment from its start to some time after
// its store has opened.
func (d *doubleCrash) killSoon(t *testing.T, r *rand.Rand, cfg childConfig) {
	t.Helper()
	begun := time.Now()
	p, err := start("", cfg)
	if err != nil {
		t.Fatal(err)
	}
	most := d.opening
	if cfg.Do != "open" {
		if p.await(1) > 0 {
			d.opening = time.Since(begun)
		}
		most = 30 * time.Millisecond
	}
	timer := time.AfterFunc(time.Duration(r.Int64N(int64(most))), p.kill)
	defer timer.Stop()
	d.take(t, p, cfg.Do)
}

// take waits for a child that was killed, and takes its answers in.
func (d *doubleCrash) take(t *testing.T, p *process, what string) {
	t.Helper()
	lines, err := p.wait()
	if wrong := p.wrong(lines); wrong != nil {
		t.Fatalf("%s: %v", what, wrong)
	}
	if err != nil {
		d.kills[what]++
	}
	d.answers -= d.a.Answers
	for _, line := range lines {
		d.a.note(line)
	}
	d.answers += d.a.Answers
}

// tryBackup restores a backup that may have been cut off: it is whole, or it is refused and
// nothing is left of it.
func tryBackup(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return // the child had not come so far
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	to := filepath.Join(t.TempDir(), "restored")
	if _, err := store.Restore(context.Background(), to, f); err != nil {
		if !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrFormat) {
			t.Errorf("restore of a backup that was cut off: %v, want ErrCorrupt or ErrFormat", err)
		}
		if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a restore that was refused left its directory: %v", err)
		}
		return
	}
	s, err := options{}.open(to)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := s.Verify(context.Background())
	if err := errors.Join(err, s.Close()); err != nil || !rep.OK() {
		t.Errorf("verify of a restored backup: %v, %v", rep.Problems, err)
	}
}

// restore makes a backup of what was audited and kills restores of it. In the end it is
// restored whole, and holds every answer.
func (d *doubleCrash) restore(t *testing.T, r *rand.Rand) {
	t.Helper()
	backup, to := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
	s, err := options{}.open(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(backup)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Backup(context.Background(), f)
	if err := errors.Join(err, f.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	d.killSoon(t, r, childConfig{Do: "restore", Dir: to, Backup: backup})
	restoreAgain(t, backup, to)
	audit(t, to, crashOptions(r), d.a, true)
	_ = os.RemoveAll(to)
}
