// Package planted proves that the proofs can fail: it breaks the store in ways that matter,
// one at a time, and runs a proof against it, which must notice.
//
// The broken source is built with the go command's -overlay (package overlay): nothing of it
// is in production code, not even behind a build tag.
package planted

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"codepool/proof/harness"
	"codepool/proof/overlay"
)

// defect is a way to break the store and the proof that must notice.
type defect struct {
	name  string
	edits []overlay.Edit
	pkg   string // of the proof, from the root
	test  string
	n     int      // rounds that are enough to notice, by several times
	args  []string // more arguments of the proof
	says  string   // matches what the proof prints: it failed for this reason
	long  bool     // planted in the long form alone: others break the same proofs in like ways
}

// TestPlanted plants every defect; none may go unnoticed.
func TestPlanted(t *testing.T) {
	if harness.RaceOn {
		t.Skip("the race detector adds nothing: the proofs run as they are")
	}
	if len(defects) < 12 {
		t.Errorf("%d defects are planted, want 12 at least", len(defects))
	}
	caught, skipped := 0, 0
	all, rest := harness.Size{Long: 1}.N(t) > 0, 0
	for _, d := range defects {
		if d.long && !all {
			rest++
			continue
		}
		t.Run(strings.ReplaceAll(d.name, " ", "_"), func(t *testing.T) {
			out, err := d.run(t)
			switch {
			case err == nil && strings.Contains(out, "--- SKIP: "+d.test):
				skipped++
				t.Skipf("%s cannot run here: %s", d.test, out)
			case err == nil:
				t.Errorf("%s did not notice in %d rounds:\n%s", d.test, d.n, ends(out))
			case !strings.Contains(out, "--- FAIL: "+d.test) || !regexp.MustCompile(d.says).MatchString(out):
				t.Errorf("%s failed, but not by noticing (want %q):\n%s", d.test, d.says, ends(out))
			default:
				caught++
			}
		})
	}
	t.Logf("%d of %d planted defects caught, %d could not be tried; %d more in the long form", caught, len(defects)-rest, skipped, rest)
}

// run builds the proof with the defect and returns what it printed and how it ended.
func (d *defect) run(t *testing.T) (string, error) {
	t.Helper()
	o, err := overlay.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Edit(d.edits...); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program, err := o.TestBinary(dir, "./"+d.pkg)
	if err != nil {
		t.Fatal(err)
	}
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	args := append([]string{"-test.run", "^" + d.test + "$", "-test.v", "-test.failfast"}, d.args...)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = filepath.Join(root, d.pkg)
	cmd.Env = append(os.Environ(), fmt.Sprint("CODEPOOL_N=", d.n), overlay.BaseEnv+"="+filepath.Join(dir, overlay.ListFile))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// ends is the beginning and the end of what a proof printed.
func ends(out string) string {
	if len(out) <= 8000 {
		return out
	}
	return out[:4000] + "\n…\n" + out[len(out)-4000:]
}
