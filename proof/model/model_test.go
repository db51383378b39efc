package model

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"codepool/proof/harness"

	"pgregory.net/rapid"
)

// steps is how many operations there are in all.
var steps = harness.Size{Short: 100_000, Race: 1_500, Long: 10_000_000}

// plan is how many runs of about how many steps rapid makes in a round. What fails in a
// short one is soon found, printed and understood, so they come first.
func plan(round int) (runs, steps int) {
	if round < 5 || round%5 == 0 {
		return 8, 40
	}
	return 4, 600
}

func TestModel(t *testing.T) {
	n, seed := steps.N(t), harness.Seed(t)
	su := &suite{t: t, counts: map[string]int{}}
	setFlag(t, "rapid.nofailfile", "true")
	for round := 0; su.steps < n; round++ {
		runs, steps := plan(round)
		steps = min(steps, max((n-su.steps)/runs, 10))
		setFlag(t, "rapid.checks", fmt.Sprint(runs))
		setFlag(t, "rapid.steps", fmt.Sprint(steps))
		setFlag(t, "rapid.seed", fmt.Sprint(harness.Rand(seed, round).Uint64()|1)) // 0 would be any
		before := su.steps
		rapid.Check(t, su.run)
		if su.steps == before {
			t.Fatal("no step was made: is the test's -timeout over?")
		}
		su.progress(n)
	}
	t.Logf("%d steps: %s", su.steps, su.summary())
}

func setFlag(t *testing.T, name, value string) {
	t.Helper()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
}

// run is one store from its making to its end, under one sequence of operations.
func (su *suite) run(t *rapid.T) {
	m := newModel(t, su)
	random := rapid.Uint64().Draw(t, "random numbers")
	m.rng = rand.New(rand.NewPCG(random, 0))
	m.follows = rapid.Bool().Draw(t, "a consumer")
	cryptotest.SetGlobalRandom(su.t, random) // the codes that are minted are part of a run
	var err error
	if m.root, err = os.MkdirTemp(su.dir(), "codepool-model-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if m.s != nil {
			_ = m.s.Close()
		}
		_ = os.RemoveAll(m.root)
	})
	m.dir = m.nextDir()
	m.open()
	t.Repeat(map[string]func(*rapid.T){"step": m.step, "": func(*rapid.T) { m.compare() }})
	m.verify()
	m.reopen()
	m.shut()
	m.noneLeft()
}

// noneLeft ends the run if a closed store or its engine has left a goroutine behind.
func (m *model) noneLeft() {
	const tries = 20_000 // what has ended may still have to be scheduled once more
	var stacks string
	for range tries {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "created by codepool/store.") && !strings.Contains(stacks, "github.com/dgraph-io/") {
			return
		}
		runtime.Gosched()
	}
	m.failf("goroutines are left behind:\n%s", stacks)
}

// dir is where the directories of the runs are. When a failure is shrunk, by trying many
// runs, it is in memory if the system has such a place.
func (su *suite) dir() string {
	const memory = "/dev/shm"
	if fi, err := os.Stat(memory); su.dumped && err == nil && fi.IsDir() {
		return memory
	}
	return su.t.TempDir()
}

// operation is what a step does, weight how often it comes. The first ones come more often
// than that: rapid likes small numbers.
type operation struct {
	name   string
	weight uint64
	do     func(*model)
}

var operations = []operation{
	{"redeem", 30, (*model).redeem},
	{"issue", 80, (*model).issue},
	{"reverse", 120, (*model).reverse},
	{"reverse all", 40, (*model).reverseAll},
	{"change of a batch", 60, (*model).changeBatch},
	{"change by reference", 25, (*model).changeRef},
	{"lease", 50, (*model).lease},
	{"end of a lease", 70, (*model).endLease},
	{"share", 25, (*model).share},
	{"claim", 70, (*model).claim},
	{"claim all", 15, (*model).claimAll},
	{"end of a shared batch", 15, (*model).endShare},
	{"claim taken back", 20, (*model).unclaim},
	{"look at shares", 20, (*model).lookAtShares},
	{"reserve", 60, (*model).reserve},
	{"confirm", 40, (*model).confirm},
	{"take", 40, (*model).take},
	{"export", 40, (*model).export},
	{"cursor", 10, (*model).moveCursor},
	{"ledger", 10, (*model).someEntries},
	{"codes", 20, (*model).listCodes},
	{"receipts of a user", 15, (*model).receiptsOf},
	{"codes of a reference", 20, (*model).drawnFor},
	{"redeem all", 80, (*model).redeemAll},
	{"import", 45, (*model).importSome},
	{"mint", 25, (*model).mint},
	{"check", 40, (*model).check},
	{"burst", 40, (*model).burst},
	{"bad", 120, (*model).bad},
	{"lookup", 30, (*model).lookup},
	{"wait", 30, (*model).wait},
	{"receipts", 20, (*model).someReceipts},
	{"checkpoint", 50, (*model).checkpoint},
	{"verify", 10, (*model).verifyStep},
	{"reopen", 3, (*model).reopen},
	{"crash", 3, (*model).crash},
	{"restore", 1, (*model).restore},
}

func (o operation) GoString() string { return o.name }

func anyOperation(t *rapid.T) operation {
	var all uint64
	for _, o := range operations {
		all += o.weight
	}
	const most = 1 << 60 // which itself is drawn more often than any other
	n := rapid.Uint64Max(most).Draw(t, "") % most % all
	for _, o := range operations {
		if n < o.weight {
			return o
		}
		n -= o.weight
	}
	panic("weights do not add up")
}

func (m *model) step(t *rapid.T) {
	o := rapid.Custom(anyOperation).Draw(t, "operation")
	m.suite.steps++
	m.suite.counts[o.name]++
	o.do(m)
}

func (m *model) verifyStep() {
	m.did(say("verify"), "")
	m.verify()
}

// summary is how often each operation was made.
func (su *suite) summary() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(su.counts)) {
		out = append(out, fmt.Sprintf("%d %s", su.counts[name], name))
	}
	return strings.Join(out, ", ")
}

// progress says now and then how far a long run is.
func (su *suite) progress(n int) {
	const often = 1_000_000
	if su.steps/often > su.said {
		su.said = su.steps / often
		su.t.Logf("%d of %d steps", su.steps, n)
	}
}
