package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var share = regexp.MustCompile(`(\d+)%`)

// shown are the shares that were shown, each once.
func shown(t *testing.T, text string) []int {
	t.Helper()
	var shares []int
	for _, m := range share.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		shares = append(shares, n)
	}
	return slices.Compact(shares)
}

func TestProgressCountsJobsAndTrials(t *testing.T) {
	var out bytes.Buffer
	p := progressOn(&out, 2, 80)
	p.logf("redeem  %s", "codepool")
	p.trials(0, 4)
	p.trials(1, 4)
	p.trials(2, 8) // more trials than were known of: the share does not fall
	p.trials(4, 4)
	p.jobDone()
	p.trials(1, 2)
	p.trials(1, 0) // of no trials
	p.jobDone()
	if got, want := shown(t, out.String()), []int{0, 12, 50, 75}; !slices.Equal(got, want) { // a full bar is erased at once
		t.Errorf("shares %v, want %v: %q", got, want, out.String())
	}
	if !strings.Contains(out.String(), "redeem  codepool") {
		t.Errorf("what is going on is not in %q", out.String())
	}
}

func TestProgressFitsTheLineAndIsErased(t *testing.T) {
	for _, width := range []int{60, 80, 200} {
		var out bytes.Buffer
		p := progressOn(&out, 1, width)
		p.logf("%s", strings.Repeat("é", 300))
		p.trials(1, 3)
		line := out.String()[strings.LastIndex(out.String()[:out.Len()-1], "\r")+1:]
		line = strings.NewReplacer("\x1b[2K", "", "\x1b[0K", "", "\r", "").Replace(line)
		if n := len([]rune(line)); n == 0 || n >= width {
			t.Errorf("%d letters on a line of %d: %q", n, width, line)
		}
		out.Reset()
		p.clear()
		if out.String() != "\x1b[2K\r" {
			t.Errorf("erased with %q", out.String())
		}
	}
}

func TestProgressIsForTerminals(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out bytes.Buffer
	for _, p := range []*progress{newProgress(f, 2), newProgress(&out, 2)} {
		p.logf("redeem")
		p.trials(1, 2)
		p.jobDone()
		p.clear()
	}
	if info, err := f.Stat(); err != nil || info.Size() > 0 || out.Len() > 0 {
		t.Errorf("%v, %v, %q", info.Size(), err, out.String())
	}
}
