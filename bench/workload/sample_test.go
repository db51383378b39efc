package workload

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		before := append([]float64(nil), c.in...)
		if got := median(c.in); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.in, got, c.want)
		}
		for i := range before {
			if c.in[i] != before[i] {
				t.Fatalf("median reordered its argument: %v", c.in)
			}
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing = %v, want NaN", got)
	}
}

func TestRatioIsFormedWithinRounds(t *testing.T) {
	sample := func(d time.Duration) Sample { return Sample{P50: d} }
	a := []Sample{sample(10), sample(40), sample(9)}
	b := []Sample{sample(10), sample(10), sample(3)}
	if got := ratio(a, b, p50); got != 3 {
		t.Errorf("ratio = %v, want the median of 1, 4 and 3", got)
	}
	if got := ratio(a, nil, p50); !math.IsNaN(got) {
		t.Errorf("ratio to nothing = %v, want NaN", got)
	}
}

func TestPercentiles(t *testing.T) {
	lat := make(latencies, 1200)
	for i := range 1000 {
		lat.put(i, time.Duration(i+1)*time.Millisecond)
	}
	var s Sample
	lat.percentiles(&s) // the 200 that were not timed must not count
	for _, c := range []struct{ got, want time.Duration }{
		{s.P50, 500 * time.Millisecond}, {s.P99, 990 * time.Millisecond}, {s.P999, 999 * time.Millisecond},
	} {
		if diff := (c.got - c.want).Abs(); diff > c.want/500 {
			t.Errorf("percentile is %v, want %v within 0.2 %%", c.got, c.want)
		}
	}
	lat.put(0, 5*time.Minute)
	if lat[0] != math.MaxUint32 {
		t.Errorf("a latency beyond the range is %d, want the largest", lat[0])
	}
}

func TestSummarise(t *testing.T) {
	var l Line
	summarise(&l, []Sample{
		{Ops: 100, Elapsed: time.Second, P50: 3 * time.Microsecond, Extra: map[string]float64{"x": 1}},
		{Ops: 300, Elapsed: time.Second, P50: 1 * time.Microsecond, Extra: map[string]float64{"x": 5}},
		{Ops: 200, Elapsed: time.Second, P50: 2 * time.Microsecond, Extra: map[string]float64{"x": 3}},
	})
	if l.OpsPerS != 200 || l.MinOpsPerS != 100 || l.MaxOpsPerS != 300 || l.P50us != 2 || l.Rounds != 3 || l.Extra["x"] != 3 {
		t.Errorf("summary is %+v", l)
	}
}

func TestLineIsFlatJSON(t *testing.T) {
	l := Line{Job: "redeem", System: "codepool", N: 5, OpsPerS: 1234567.89}
	l.set("ratio_fsync", 1.23456789)
	l.set("left_out", math.NaN())
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"job":"redeem","system":"codepool","n":5,"callers":0,"batch":0,"ops_per_s":1234568,"ratio_fsync":1.2346}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

func TestTexts(t *testing.T) {
	var list texts
	for _, s := range []string{"aaa", "bbb", "ccc", "ddd"} {
		if err := list.add(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := list.add("toolong"); err == nil {
		t.Error("a text of another length was taken")
	}
	list.shuffle(7)
	seen := map[string]bool{}
	for i := range list.len() {
		if list.at(i) != string(list.bytes(i)) {
			t.Errorf("at and bytes disagree on %d", i)
		}
		seen[list.at(i)] = true
	}
	if len(seen) != 4 || !seen["aaa"] || !seen["ddd"] {
		t.Errorf("after shuffling there are %v", seen)
	}
	if u := users(12); u.len() != 12 || u.at(11) != "00000011" {
		t.Errorf("users: %d, the last %q", u.len(), u.at(11))
	}
}
