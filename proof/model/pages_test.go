package model

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"codepool/proof/harness"
	"codepool/proof/overlay"
)

// pageSteps is how many steps are made with each of the sizes.
var pageSteps = harness.Size{Short: 5_000, Long: 1_000_000}

// pageSizes are sizes of pages, ledger entries and parts of the index that no store has.
// With those it has, runs as short as the model's rarely cross from one to the next. How
// many records an entry has stays: RedeemAll reads the clock once for as many requests.
var pageSizes = map[string]pageSize{
	"small": {16, 32, 8, 64, 8, 4096},
	"odd":   {101, 1002, 3, 1000, 1, 700},
}

type pageSize struct{ codes, states, postings, flush, loose, bytes int }

// edits are what gives the store these sizes.
func (p pageSize) edits() (edits []overlay.Edit) {
	for _, e := range []struct {
		file, name, size string
		to               int
	}{
		{"store/page.go", "const pageCodes = ", "8192", p.codes},
		{"store/statepage.go", "	statePage = ", "32768", p.states},
		{"store/index.go", "	postingsPage = ", "256", p.postings},
		{"store/flush.go", "const flushMost = ", "16 << 20", p.flush},
		{"store/tail.go", "	looseWords = ", "512", p.loose},
		{"store/record.go", "	entryBytes   = ", "2 << 10", p.bytes},
	} {
		edits = append(edits, overlay.Edit{File: e.file, Old: e.name + e.size, New: fmt.Sprint(e.name, e.to)})
	}
	return edits
}

// TestModelPages is TestModel with other sizes of pages. They are constants of the store,
// so a store is built for each.
func TestModelPages(t *testing.T) {
	if harness.RaceOn {
		t.Skip("the race detector adds nothing to other sizes of pages")
	}
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range pageSizes {
		t.Run(name, func(t *testing.T) {
			n, seed := pageSteps.N(t), harness.Seed(t)
			o, err := overlay.New()
			if err != nil {
				t.Fatal(err)
			}
			if err := o.Edit(size.edits()...); err != nil {
				t.Fatal(err)
			}
			program, err := o.TestBinary(t.TempDir(), "./proof/model")
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestModel$", "-test.v", "-test.timeout=0")
			cmd.Dir = filepath.Join(root, "proof", "model")
			cmd.Env = append(os.Environ(), fmt.Sprint("CODEPOOL_N=", n), fmt.Sprint("CODEPOOL_SEED=", seed))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
