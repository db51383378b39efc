package crash

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"codepool/proof/harness"
)

const (
	newVolumeEvery = 25 // cuts with one file system
	mostBeforeCut  = 4000
	mostWithLong   = 12_000 // with texts so long that the engine's logs of 8 MiB rotate
)

// commits are the mount options that are tried: the kernel writes its journal every 1, 5 or
// 600 seconds if nobody syncs.
var commits = []int{1, 5, 600}

// TestPowerCut cuts the power of the file system under a working child; CODEPOOL_N is the
// number of cuts.
//
// Only answers that were read before the cut count. A sync that is under way at the cut
// returns success without being durable, so the order of an answer and the cut can only be
// told by whoever does the cut. The control, which appends and syncs without a store, shows
// whether that is observed: it must never lose a record either.
func TestPowerCut(t *testing.T) {
	t.Parallel() // they wait for the disk more than they compute
	seed := harness.Seed(t)
	rounds := harness.Size{Short: 100, Race: 4, Long: 5000}.N(t)
	var v *volume
	var a *auditor
	answers, failed, control, logs := 0, 0, 0, 0
	for round := range rounds {
		r := harness.Rand(seed, round)
		if round%newVolumeEvery == 0 {
			v, a = freshVolume(t, v, commits[round/newVolumeEvery%len(commits)]), newAuditor()
			a.unread = true
		}
		answers -= a.Answers
		f, c, l := cutRound(t, r, v, a, round%newVolumeEvery == newVolumeEvery-1 || round == rounds-1)
		answers, failed, control, logs = answers+a.Answers, failed+f, control+c, logs+l
		if err := a.err(); err != nil || t.Failed() {
			t.Fatalf("cut %d of seed %d: %v", round, seed, err)
		}
	}
	if failed == 0 && rounds > 20 {
		t.Error("no child ever saw its disk fail: the cuts come too late, or the child is gone before")
	}
	t.Logf("%d cuts, %d answers and %d records of the control: none lost; %d calls were told that the outcome is unknown, or refused after that; the engine had begun %d further logs",
		rounds, answers, control, failed, logs)
}

// logsBegun is how many write-ahead logs the engine began since it was opened, as the ones
// before were full. A store that is closed leaves none.
func logsBegun(v *volume) (most int) {
	names, _ := filepath.Glob(filepath.Join(v.at, "above", "store", "journal", "*.mem"))
	for _, name := range names {
		if n, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(name), ".mem")); err == nil {
			most = max(most, n-1)
		}
	}
	return most
}

// freshVolume replaces a volume by a new one, or skips the test where there can be none.
func freshVolume(t *testing.T, old *volume, commit int) *volume {
	t.Helper()
	if old != nil {
		if err := old.unmount(); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(old.image)
	}
	v, err := newVolume(t.TempDir(), commit)
	if err != nil && old == nil {
		t.Skipf("no power cut here: it takes root, mkfs.ext4 and loop devices: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.unmount(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// cutRound runs one child, cuts the power after some answers and audits what is left. It
// returns how many calls failed, how many records the control has, and how many logs the
// engine had begun.
func cutRound(t *testing.T, r *rand.Rand, v *volume, a *auditor, all bool) (failed, control, logs int) {
	t.Helper()
	dir, file := filepath.Join(v.at, "above", "store"), filepath.Join(v.at, "control")
	_ = os.Remove(file)
	o := crashOptions(r)
	o.DiskReserve = 48 << 20
	long, most := r.IntN(4) == 0, mostBeforeCut
	if long {
		most = mostWithLong
	}
	p, err := start("", childConfig{Do: "work", Dir: dir, Options: o, Workers: workers, Stock: stock, Long: long, Bulk: all, Control: file})
	if err != nil {
		t.Fatal(err)
	}
	if after := r.IntN(most); all {
		p.await(p.awaitKind(lineBulk) + r.IntN(mostInBulk))
	} else {
		p.await(after)
	}
	read := p.soFar() // and not one more
	if err := v.cut(); err != nil {
		t.Fatal(err)
	}
	lines, _ := p.waitOrKill(time.Second) // a page that cannot be read any more may kill it
	for _, line := range lines[:read] {
		a.note(line)
		if n, ok := strings.CutPrefix(line, lineControl+" "); ok {
			control, _ = strconv.Atoi(n)
		}
	}
	for _, line := range lines[read:] {
		switch line[:1] {
		case lineFailed:
			failed++
		case lineWrong:
			if strings.Contains(line, "after a commit had failed") {
				t.Errorf("child: %s", line)
			}
		}
	}
	if err := v.restart(); err != nil {
		t.Fatal(err)
	}
	if n := controlRecords(t, file); n < control {
		t.Fatalf("the control has %d records after the cut, %d were synced: the harness counts answers that came after the cut", n, control)
	}
	logs = logsBegun(v)
	o = crashOptions(r)
	o.DiskReserve = 48 << 20
	audit(t, dir, o, a, all)
	return failed, control, logs
}

// controlRecords counts the whole records of the control.
func controlRecords(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		if got, err := strconv.Atoi(strings.TrimSpace(line)); err != nil || got != n+1 {
			break
		}
		n++
	}
	return n
}
