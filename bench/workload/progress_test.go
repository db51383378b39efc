package workload

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// TestProgressCountsTrials runs rounds as two parts of a job, with a trial that fails in the
// first round and is left out from then on.
func TestProgressCountsTrials(t *testing.T) {
	var got []int
	e := &Env{Progress: func(done, total int) {
		if total != 2*2*3 {
			t.Errorf("%d trials in all", total)
		}
		got = append(got, done)
	}}
	good := func(context.Context) (Sample, error) { return Sample{Ops: 1, Elapsed: time.Second}, nil }
	bad := func(context.Context) (Sample, error) { return Sample{}, errors.New("broken") }
	for i := range 2 {
		if err := e.part(i, 2).rounds(t.Context(), 3, []*trial{{run: good}, {run: bad}}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []int{0, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10, 11, 12}; !slices.Equal(got, want) {
		t.Errorf("progress %v, want %v", got, want)
	}
}

func TestPartsOfASilentEnv(t *testing.T) {
	e := &Env{}
	run := func(context.Context) (Sample, error) { return Sample{Ops: 1, Elapsed: time.Second}, nil }
	if err := e.part(0, 2).rounds(t.Context(), 1, []*trial{{run: run}}); err != nil || e.part(0, 2).Progress != nil {
		t.Errorf("%v", err)
	}
}
