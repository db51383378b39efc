package report

import (
	"strings"
	"testing"

	"codepool/bench/workload"
)

// standing is a run that meets every target by a little.
func standing() Run {
	rate := func(job, system string, callers, batch int, ops float64, extra map[string]float64) workload.Line {
		return workload.Line{Job: job, System: system, N: 1_000_000, Callers: callers, Batch: batch, OpsPerS: ops, Extra: extra}
	}
	return Run{Header: Header{Systems: systemsOfRun()}, Lines: []workload.Line{
		rate("redeem", "codepool", 4, 1000, 4000, nil),
		rate("redeem", "codepool", 8192, 1, 1500, map[string]float64{"ratio_wake": 0.8}),
		rate("redeem", "redis", 4, 1000, 1000, nil),
		rate("redeem", "redis", 64, 1, 1000, nil),
		rate("redeem", "redis", 8192, 1, 10, nil),
		rate("redeem", "disk", 4, 1000, 8000, nil),
		rate("redeem", "map+mutex", 4, 1000, 1e9, nil),
		rate("redeem", "redis-everysec", 8192, 1, 1e9, nil),
		rate("redeem", "whoever", 8192, 1, 1e9, nil),
		rate("issue", "codepool", 4, 1000, 8000, nil),
		rate("issue", "redis", 4, 1000, 1000, nil),
		rate("mint", "codepool", 1, 1_000_000, 10_000, nil),
		rate("mint", "bbolt", 4, 1000, 1000, nil),
		rate("mint", "redis", 4, 1000, 999, nil),
		{Job: "memory", System: "codepool", N: 10_000_000, BytesPerCode: 45, Note: "slope from 1000000 codes"},
		{Job: "memory", System: "redis", N: 10_000_000, BytesPerCode: 100, Note: "of the server"},
		{Job: "reopen", System: "codepool", N: 10_000_000, Seconds: 2, Note: "minted"},
		{Job: "reopen", System: "codepool", N: 10_000_000, Seconds: 9, Note: "killed"},
		{Job: "reopen", System: "redis", N: 10_000_000, Seconds: 6, Note: "minted"},
		{Job: "growth", System: "codepool", N: 50_000_000, Extra: map[string]float64{"ratio_smallest": 1.7}},
		{Job: "growth", System: "codepool", N: 1_000_000, Extra: map[string]float64{"ratio_smallest": 1}},
		{Job: "latency", System: "codepool", P99us: 1500, P999us: 5000, Extra: map[string]float64{"rate": 100_000}},
		{Job: "latency", System: "codepool", P99us: 9999, P999us: 9999, Extra: map[string]float64{"rate": 150_000}},
	}}
}

// The targets by their place.
const (
	redeemBatches = iota
	redeemBlocked
	redeemWake
	redeemDisk
	issueRedis
	mintPeers
	memoryRedis
	reopenRedis
	growthSizes
	latencyP99
	latencyP999
	targetCount
)

func TestTargetsAtTheirBounds(t *testing.T) {
	want := [targetCount]float64{4, 1.5, 0.8, 0.5, 8, 10, 0.45, 3, 1.7, 1500, 5000}
	results := Check(standing(), Targets())
	if len(results) != targetCount {
		t.Fatalf("%d targets", len(results))
	}
	for i, r := range results {
		if r.Status != Reached || r.Value != want[i] {
			t.Errorf("%s: %v, %v (%s), want %v and reached", r.What, r.Status, r.Value, r.Why, want[i])
		}
	}
}

// TestTargetsChange changes one line of the standing run at a time.
func TestTargetsChange(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Run)
		target int
		want   Status
		why    string // in Why or Beside
	}{
		{"codepool slower", set("redeem", "codepool", 1000, func(l *workload.Line) { l.OpsPerS = 3999 }), redeemBatches, Missed, "redis"},
		{"a durable peer faster", set("redeem", "redis", 1000, func(l *workload.Line) { l.OpsPerS = 1001 }), redeemBatches, Missed, "1,000 a call"},
		{"a peer faster one by one", set("redeem", "redis", 1, func(l *workload.Line) { l.OpsPerS = 1001 }), redeemBatches, Missed, "64 callers"},
		{"that peer, blocked", set("redeem", "redis", 1, func(l *workload.Line) { l.OpsPerS = 1001 }), redeemBlocked, Missed, "64 callers"},
		{"a failed line of a peer does not count", set("redeem", "redis", 1000, func(l *workload.Line) { l.OpsPerS, l.Error = 1e9, "audit" }), redeemBatches, Reached, "64 callers"},
		{"a failed line of codepool does not count", set("redeem", "codepool", 1000, func(l *workload.Line) { l.Error = "audit" }), redeemBatches, NotMeasured, "carries an error"},
		{"no peer", drop("redeem", "redis"), redeemBatches, NotMeasured, "durable peer"},
		{"only a loose system", drop("mint", "bbolt", "redis"), mintPeers, NotMeasured, "durable peer"},
		{"no codepool", drop("issue", "codepool"), issueRedis, NotMeasured, "codepool"},
		{"no redis", drop("issue", "redis"), issueRedis, NotMeasured, "redis"},
		{"the second best peer", set("mint", "redis", 1000, func(l *workload.Line) { l.OpsPerS = 1001 }), mintPeers, Missed, "redis"},
		{"the scheduler", set("redeem", "codepool", 1, func(l *workload.Line) { l.Extra = map[string]float64{"ratio_wake": 0.79} }), redeemWake, Missed, ""},
		{"no ratio", set("redeem", "codepool", 1, func(l *workload.Line) { l.Extra = nil }), redeemWake, NotMeasured, "ratio_wake"},
		{"the disk faster", set("redeem", "disk", 1000, func(l *workload.Line) { l.OpsPerS = 8001 }), redeemDisk, Missed, "disk"},
		{"more memory", set("memory", "codepool", 0, func(l *workload.Line) { l.BytesPerCode = 46 }), memoryRedis, Missed, "redis"},
		{"no memory measured", set("memory", "redis", 0, func(l *workload.Line) { l.BytesPerCode = 0 }), memoryRedis, NotMeasured, "bytes_per_code"},
		{"redis reopens faster", set("reopen", "redis", 0, func(l *workload.Line) { l.Seconds = 5.9 }), reopenRedis, Missed, "minted"},
		{"a smaller store", set("reopen", "codepool", 0, func(l *workload.Line) { l.N = 1_000_000 }), reopenRedis, NotMeasured, "codepool"},
		{"one size alone", func(r *Run) { r.Lines = append(r.Lines[:20:20], r.Lines[21:]...) }, growthSizes, NotMeasured, "sizes"},
		{"growth", set("growth", "codepool", 0, func(l *workload.Line) { l.Extra = map[string]float64{"ratio_smallest": 1.71} }), growthSizes, Missed, ""},
		{"p99", set("latency", "codepool", 0, func(l *workload.Line) { l.P99us = 1501 }), latencyP99, Missed, ""},
		{"p99.9", set("latency", "codepool", 0, func(l *workload.Line) { l.P999us = 5001 }), latencyP999, Missed, ""},
		{"another rate", set("latency", "codepool", 0, func(l *workload.Line) { l.Extra = map[string]float64{"rate": 50_000} }), latencyP99, NotMeasured, "codepool"},
		{"in memory", func(r *Run) { r.Header.Volatile = true }, latencyP99, NotMeasured, "in memory"},
	} {
		run := standing()
		c.change(&run)
		r := Check(run, Targets())[c.target]
		if r.Status != c.want || !strings.Contains(r.Why+r.Beside, c.why) {
			t.Errorf("%s: %v, %v, %q beside %q; want %v and %q", c.name, r.Status, r.Value, r.Why, r.Beside, c.want, c.why)
		}
		if (r.Status == NotMeasured) != (r.Why != "") || (r.Status == NotMeasured) != (r.reached() == "") {
			t.Errorf("%s: %v, but why is %q and reached %q", c.name, r.Status, r.Why, r.reached())
		}
	}
}

// set changes the lines of a job, a system and a batch (0: any).
func set(job, system string, batch int, change func(*workload.Line)) func(*Run) {
	return func(r *Run) {
		for i := range r.Lines {
			if l := &r.Lines[i]; l.Job == job && l.System == system && (batch == 0 || l.Batch == batch) {
				change(l)
			}
		}
	}
}

func drop(job string, systems ...string) func(*Run) {
	return func(r *Run) {
		var kept []workload.Line
		for _, l := range r.Lines {
			if l.Job != job || !strings.Contains(" "+strings.Join(systems, " ")+" ", " "+l.System+" ") {
				kept = append(kept, l)
			}
		}
		r.Lines = kept
	}
}

func TestCheckOfOddRuns(t *testing.T) {
	for name, run := range oddRuns() {
		for _, r := range Check(run, Targets()) {
			if r.Status != NotMeasured && finite(r.Value) <= 0 {
				t.Errorf("%s: %s is %v with %v", name, r.What, r.Status, r.Value)
			}
		}
	}
}
