package linear

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"codepool/proof/harness"
)

var sizes = harness.Size{Short: 200, Race: 25, Long: 10_000}

// TestLinearizable plays one history after the other and looks for an order in each.
func TestLinearizable(t *testing.T) {
	seed := harness.Seed(t)
	root := t.TempDir()
	var seen tally
	for round := range sizes.N(t) {
		dir := filepath.Join(root, fmt.Sprint(round))
		w := newWorld(t, dir, seed, round)
		h := w.play()
		seen.count(w, h)
		seen.checked(h.check())
		if len(h.problems) > 0 {
			t.Fatalf("%s\n%s\nall calls:\n%s", w.name, strings.Join(h.problems, "\n"), h)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Log(&seen)
	seen.wantAll(t)
}
