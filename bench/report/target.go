package report

import (
	"fmt"

	"codepool/bench/workload"
)

// Target is what the project promises of a run.
type Target struct {
	What    string
	Measure string   // "ops_per_s", "bytes_per_code", "seconds", "p99_us", "p999_us", or the name of a job's own figure
	Of      Selector // codepool's line
	// Against is the line to compare with; nil takes the measure itself. Of many lines the
	// one with the highest rate counts.
	Against *Selector
	Inverse bool // the value is theirs ÷ ours: the measure is better when lower
	AtLeast float64
	AtMost  float64 // if not 0, instead of AtLeast
	Unit    string
}

// Selector picks lines. Zero fields take any, but for Note: a line's must be equal to it
// unless AnyNote.
type Selector struct {
	Job     string
	System  string // "" is any durable system that is neither codepool nor a reference
	Callers int
	Batch   int
	N       int64
	Note    string
	AnyNote bool
	Rate    float64 // of a job that has the figure "rate": calls a second that are sent
	Sizes   int     // least number of stores of different n that the lines must be of
}

// Targets returns the project's targets.
func Targets() []Target {
	const ops = "ops_per_s"
	batches := Selector{Job: "redeem", System: own, Batch: 1000}
	blocked := Selector{Job: "redeem", System: own, Callers: 8192, Batch: 1}
	paced := Selector{Job: "latency", System: own, Rate: 100_000, AnyNote: true}
	return []Target{
		{What: "redeem, batches of 1000, beside the best durable peer in its best form", Measure: ops,
			Of: batches, Against: &Selector{Job: "redeem", AnyNote: true}, AtLeast: 4, Unit: "×"},
		{What: "redeem, 8192 blocked callers, beside the best durable peer with as many callers as suit it", Measure: ops,
			Of: blocked, Against: &Selector{Job: "redeem", Batch: 1, AnyNote: true}, AtLeast: 1.5, Unit: "×"},
		{What: "redeem, 8192 blocked callers, beside as many parked and woken by the scheduler alone", Measure: "ratio_wake",
			Of: blocked, AtLeast: 0.8, Unit: "×"},
		{What: "redeem, batches of 1000, beside the bare disk", Measure: ops,
			Of: batches, Against: &Selector{Job: "redeem", System: "disk", Batch: 1000, AnyNote: true}, AtLeast: 0.5, Unit: "×"},
		{What: "issue, 4 callers × 1000, beside redis", Measure: ops,
			Of:      Selector{Job: "issue", System: own, Callers: 4, Batch: 1000},
			Against: &Selector{Job: "issue", System: "redis", Callers: 4, Batch: 1000}, AtLeast: 8, Unit: "×"},
		{What: "mint, beside the best durable peer", Measure: ops,
			Of: Selector{Job: "mint", System: own}, Against: &Selector{Job: "mint", AnyNote: true}, AtLeast: 10, Unit: "×"},
		{What: "memory for a code, beside redis", Measure: "bytes_per_code",
			Of:      Selector{Job: "memory", System: own, AnyNote: true},
			Against: &Selector{Job: "memory", System: "redis", AnyNote: true}, AtMost: 0.45, Unit: "×"},
		{What: "reopen of 10 M codes, how many times faster than redis", Measure: "seconds", Inverse: true,
			Of:      Selector{Job: "reopen", System: own, N: 10_000_000, Note: "minted"},
			Against: &Selector{Job: "reopen", System: "redis", N: 10_000_000, Note: "minted"}, AtLeast: 3, Unit: "×"},
		{What: "growth, time of a redemption in the largest store ÷ in the smallest", Measure: "ratio_smallest",
			Of: Selector{Job: "growth", System: own, AnyNote: true, Sizes: 2}, AtMost: 1.7, Unit: "×"},
		{What: "latency at 100 k redemptions a second, p99", Measure: "p99_us", Of: paced, AtMost: 1500, Unit: "µs"},
		{What: "latency at 100 k redemptions a second, p99.9", Measure: "p999_us", Of: paced, AtMost: 5000, Unit: "µs"},
	}
}

// Status is what became of a target.
type Status uint8

// The statuses.
const (
	NotMeasured Status = iota
	Missed
	Reached
)

// String returns "not measured", "no" or "yes".
func (s Status) String() string { return [...]string{"not measured", "no", "yes"}[s] }

// Result is a target and what was reached.
type Result struct {
	Target
	Status Status
	Value  float64 // if measured
	Beside string  // the line compared with
	Why    string  // it was not measured
}

// Check judges the targets by the lines. Lines with an error do not count, and nothing does
// when the directory was in memory.
func Check(run Run, targets []Target) []Result {
	run = run.cleaned()
	results := make([]Result, len(targets))
	for i, t := range targets {
		results[i] = run.check(t)
	}
	return results
}

func (r Run) check(t Target) Result {
	res := Result{Target: t}
	if r.Header.Volatile {
		res.Why = "the directory was in memory"
		return res
	}
	ours, why := r.pick(t.Of)
	if ours == nil {
		res.Why = why
		return res
	}
	value, ok := measure(*ours, t.Measure)
	if !ok {
		res.Why = "its line has no " + t.Measure
		return res
	}
	if t.Against != nil {
		theirs, why := r.pick(*t.Against)
		if theirs == nil {
			res.Why = why
			return res
		}
		other, ok := measure(*theirs, t.Measure)
		if !ok {
			res.Why = fmt.Sprintf("the line of %s has no %s", theirs.System, t.Measure)
			return res
		}
		if value /= other; t.Inverse {
			value = 1 / value
		}
		res.Beside = describeLine(*theirs)
	}
	if finite(value) == 0 {
		res.Why = "the figures have no ratio"
		return res
	}
	res.Value, res.Status = value, Missed
	if t.AtMost > 0 && value <= t.AtMost || t.AtMost == 0 && value >= t.AtLeast {
		res.Status = Reached
	}
	return res
}

// pick returns the line that counts of those selected: codepool's largest, the fastest of
// others. Why says what is missing if there is none.
func (r Run) pick(s Selector) (line *workload.Line, why string) {
	who := s.System
	if who == "" {
		who = "a durable peer"
	}
	why = fmt.Sprintf("no line of %s for this load", who)
	sizes := make(map[int64]bool)
	for i := range r.Lines {
		l := &r.Lines[i]
		if !s.takes(*l) || s.System == "" && !r.isPeer(l.System) {
			continue
		}
		if l.Error != "" {
			why = fmt.Sprintf("the line of %s carries an error", l.System)
			continue
		}
		sizes[l.N] = true
		switch {
		case line == nil, s.System == own && l.N > line.N, s.System != own && l.OpsPerS > line.OpsPerS:
			line = l
		}
	}
	if len(sizes) < s.Sizes {
		return nil, fmt.Sprintf("measured for %d sizes, %d are needed", len(sizes), s.Sizes)
	}
	return line, why
}

func (s Selector) takes(l workload.Line) bool {
	return l.Job == s.Job && (s.System == "" || l.System == s.System) &&
		(s.Callers == 0 || l.Callers == s.Callers) && (s.Batch == 0 || l.Batch == s.Batch) &&
		(s.N == 0 || l.N == s.N) && (s.AnyNote || l.Note == s.Note) && (s.Rate == 0 || l.Extra["rate"] == s.Rate)
}

// isPeer reports whether the system is durable and one to compare with.
func (r Run) isPeer(name string) bool {
	s := r.system(name)
	return name != own && s.durable() && !s.Reference
}

// measure returns the named figure of a line, if it was measured.
func measure(l workload.Line, name string) (float64, bool) {
	v, ok := map[string]float64{
		"ops_per_s": l.OpsPerS, "bytes_per_code": l.BytesPerCode, "seconds": l.Seconds,
		"p50_us": l.P50us, "p99_us": l.P99us, "p999_us": l.P999us,
	}[name]
	if !ok {
		v = l.Extra[name]
	}
	return v, v > 0
}

// bound is what the target asks for, such as "≥ 4 ×".
func (t Target) bound() string {
	sign, v := "≥", t.AtLeast
	if t.AtMost > 0 {
		sign, v = "≤", t.AtMost
	}
	return fmt.Sprintf("%s %s %s", sign, Figure(v), t.Unit)
}

// reached is the value in the target's unit, or nothing.
func (r Result) reached() string {
	if r.Status == NotMeasured {
		return ""
	}
	return Figure(r.Value) + " " + r.Unit
}

// describeLine names a line by its system and load.
func describeLine(l workload.Line) string {
	s := l.System
	for _, f := range loadFields() {
		if text := f.text(l); text != "" && f.name != "n" {
			s += ", " + text
		}
	}
	return s
}
