package media

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"codepool/proof/harness"
)

// Target is one kind of damage to one kind of thing.
type Target struct{ What, Kind, Damage string }

const (
	ofFile   = "file"
	ofPair   = "pair"
	ofBackup = "backup"
	ofExport = "export"
	anyKind  = "any"
)

// targets are all there are.
func targets() (all []Target) {
	for _, kind := range fileKinds {
		for _, damage := range fileDamages {
			all = append(all, Target{ofFile, kind, damage})
		}
	}
	for _, kind := range pairKinds {
		for _, damage := range pairDamages {
			all = append(all, Target{ofPair, kind, damage})
		}
	}
	for range 4 {
		all = append(all, Target{ofFile, kindTable, damJoint}, Target{ofPair, anyKind, rangeForget}, Target{ofPair, "state page", pairBefore})
	}
	for _, damage := range backupDamages {
		all = append(all, Target{ofBackup, "stream", damage})
	}
	for _, damage := range exportDamages {
		all = append(all, Target{ofExport, "codes", damage})
	}
	return all
}

// only chooses among the targets, to look into one kind of damage.
var only = flag.String("only", "", "damage only what matches this regular expression, such as \"pair: state page\"")

// chosen returns the targets that are wanted.
func chosen(t *testing.T) []Target {
	t.Helper()
	re, err := regexp.Compile(*only)
	if err != nil {
		t.Fatalf("-only: %v", err)
	}
	all := slices.DeleteFunc(targets(), func(w Target) bool { return !re.MatchString(w.row()) })
	if len(all) == 0 {
		t.Fatalf("-only %s: nothing is called so", *only)
	}
	return all
}

func (t Target) row() string {
	if t.What == ofFile {
		return "file: " + t.Kind
	}
	return t.What + ": " + t.Kind
}

// TestBitflip damages stores and looks at what they say.
func TestBitflip(t *testing.T) {
	seed := harness.Seed(t)
	folder := t.TempDir()
	for i, name := range baseNames {
		makeBase(t, harness.Rand(seed, -1-i), name, folder)
	}
	all, rounds := chosen(t), (harness.Size{Short: 200, Race: 12, Long: 10_000}).N(t)
	work := make(chan Case)
	tab := summary{rows: map[string]map[string]int{}}
	var wg sync.WaitGroup
	for range min(2, runtime.GOMAXPROCS(0)) {
		scratch, c := t.TempDir(), startChild(t)
		wg.Go(func() {
			var err error
			for w := range work {
				if err != nil {
					continue // without a child; it was reported
				}
				w.Folder, w.Scratch = folder, scratch
				if !judgeOne(t, c, w, &tab) {
					c.end()
					if c, err = newChild(t); err != nil {
						t.Errorf("start a child: %v", err)
					}
				}
			}
		})
	}
	var order []int
	for round := range rounds {
		if round%len(all) == 0 { // each damage once, in another order each time
			order = rand.New(rand.NewPCG(seed, uint64(round)|1<<63)).Perm(len(all))
		}
		work <- Case{Seed: seed, Round: round, Target: all[order[round%len(all)]]}
	}
	close(work)
	wg.Wait()
	tab.log(t)
}

// judgeOne has a child judge one damage. It reports whether the child lived through it.
func judgeOne(t *testing.T, c *child, w Case, tab *summary) bool {
	row := w.Target.row()
	var what string
	if err := c.call("Judge.Damage", w, &what); err != nil {
		t.Errorf("round %d: damage %v: %v", w.Round, w.Target, err)
		return false
	}
	var v Verdict
	if err := c.call("Judge.Judge", w, &v); err != nil {
		t.Errorf("round %d: %s: %s: %v", w.Round, row, what, err)
		tab.add(row, "died")
		return false
	}
	if v.Err != "" {
		t.Errorf("round %d: %s: %s: %s", w.Round, row, what, v.Err)
	}
	for _, wrong := range v.Wrong {
		t.Errorf("round %d: %s: %s: %s", w.Round, row, what, wrong)
	}
	if testing.Verbose() {
		t.Logf("round %d: %s: %s: %s %.200q", w.Round, row, what, v.Outcome, v.Reports)
	}
	tab.add(row, v.Outcome)
	return true
}

// summary counts outcomes by kind of file.
type summary struct {
	mu   sync.Mutex
	rows map[string]map[string]int
}

func (a *summary) add(row, outcome string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rows[row] == nil {
		a.rows[row] = map[string]int{}
	}
	a.rows[row][outcome]++
}

func (a *summary) log(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-28s", "")
	for _, o := range outcomes {
		fmt.Fprintf(&b, "%12s", o)
	}
	var rows []string
	for row := range a.rows {
		rows = append(rows, row)
	}
	slices.Sort(rows)
	for _, row := range rows {
		fmt.Fprintf(&b, "\n%-28s", row)
		for _, o := range outcomes {
			fmt.Fprintf(&b, "%12d", a.rows[row][o])
		}
	}
	t.Logf("kind of file by outcome:\n%s", b.String())
}

// path is where a base stands.
func (c *Case) path(name string) string { return filepath.Join(c.Folder, name) }
