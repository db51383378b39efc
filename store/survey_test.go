package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestSurvey: the survey leads to the entry that holds a record, for all that a checkpoint
// covers, whether it was asked for before or after, and a query says the same by it.
func TestSurvey(t *testing.T) {
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	var codes strings.Builder
	const n = 3000
	for i := range n {
		fmt.Fprintf(&codes, "CODE%d\n", i)
	}
	if _, err := s.Import(ctx, Batch{Name: "b", FromStock: true}, strings.NewReader(codes.String()), ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	for from := 0; from < n; from += 1000 {
		var rs []Redemption
		for i := from; i < from+1000; i++ {
			rs = append(rs, Redemption{Code: fmt.Sprint("CODE", i), User: fmt.Sprint("user", i%10)})
		}
		for _, r := range s.RedeemAll(ctx, rs) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		seen := 0
		for r, err := range s.ReceiptsOf(ctx, "user3", 0) {
			if err != nil || r.User != "user3" {
				t.Fatalf("receipt %+v, error %v", r, err)
			}
			seen++
		}
		if want := (from + 1000) / 10; seen != want {
			t.Errorf("%d receipts, want %d", seen, want)
		}
		if err := s.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
	}
	s.survey.mu.RLock()
	entries := len(s.survey.firsts)
	last := s.survey.firsts[entries-1]
	s.survey.mu.RUnlock()
	for i, begins := range s.survey.firsts[:entries-1] {
		for number := begins; number < s.survey.firsts[i+1]; number++ {
			if first, known := s.survey.entry(number); !known || first != begins {
				t.Fatalf("record %d: entry %d, known %v, want %d", number, first, known, begins)
			}
		}
	}
	if _, known := s.survey.entry(0); known {
		t.Error("there is no record 0")
	}
	if entries < 10 || last < n/2 {
		t.Errorf("the survey has %d entries up to %d", entries, last)
	}
	if _, known := s.survey.entry(last); known {
		t.Error("where the last entry ends is not known yet")
	}
}

// TestLastUpTo looks for numbers among such as lie evenly, in heaps and far apart.
func TestLastUpTo(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, step := range []func() uint64{
		func() uint64 { return 1 },
		func() uint64 { return 1 + rng.Uint64N(100) },
		func() uint64 { return 1 + rng.Uint64N(2)*rng.Uint64N(1<<50) },
		func() uint64 { return 1 << rng.IntN(54) },
	} {
		for _, n := range []int{2, 3, 100, 1000} {
			sorted := []uint64{step()}
			for len(sorted) < n {
				sorted = append(sorted, sorted[len(sorted)-1]+step())
			}
			for i, s := range sorted[:n-1] {
				for _, number := range []uint64{s, s + (sorted[i+1]-s)/2, sorted[i+1] - 1} {
					if got := lastUpTo(sorted, number); got != i {
						t.Fatalf("%d of %d lies at %d, found %d", number, n, i, got)
					}
				}
			}
		}
	}
}
