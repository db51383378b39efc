package report

import "codepool/bench/workload"

// metric is the figure of a line that a chart compares.
type metric struct {
	name  string // heading of a chart
	unit  string // after a figure
	lower bool   // less is better
	value func(workload.Line) float64
	// low and high are least and most of the rounds, 0 where there is no such figure.
	low, high func(workload.Line) float64
	text      func(float64) string
	latency   bool // the chart of latencies shows it
}

func none(workload.Line) float64 { return 0 }

func extra(name string) func(workload.Line) float64 {
	return func(l workload.Line) float64 { return l.Extra[name] }
}

// rate is codes a second, or whatever the job counts.
func rate() metric {
	return metric{name: "Operations a second", unit: "a second", text: perSecond,
		value: func(l workload.Line) float64 { return l.OpsPerS },
		low:   func(l workload.Line) float64 { return l.MinOpsPerS },
		high:  func(l workload.Line) float64 { return l.MaxOpsPerS }}
}

func bytesPerCode() metric {
	return metric{name: "Bytes for a code", unit: "B", lower: true, low: none, high: none,
		text: func(v float64) string { return short(v) + " B" }, value: func(l workload.Line) float64 { return l.BytesPerCode }}
}

func bytesPerRedemption() metric {
	return metric{name: "Bytes for a redemption", unit: "B", lower: true, low: none, high: none,
		text: func(v float64) string { return short(v) + " B" }, value: extra("bytes_per_redemption")}
}

func duration() metric {
	return metric{name: "Time", unit: "s", lower: true, low: none, high: none, text: seconds,
		value: func(l workload.Line) float64 { return l.Seconds }}
}

// percentile is a latency of calls; a chart of its own would say less than that of all three.
func percentile(name string, value func(workload.Line) float64) metric {
	return metric{name: name, unit: "µs", lower: true, low: none, high: none, text: microseconds, value: value, latency: true}
}

func timePerCode() metric {
	return metric{name: "Time of a redemption", unit: "ns", lower: true, low: none, high: none,
		text: func(v float64) string { return Figure(v) + " ns" }, value: extra("ns_per_op")}
}

// job is how a job is presented.
type job struct {
	name, what string
	metrics    []metric // the first that a group has is its chart
	latency    bool     // a chart of latencies is of interest
	key        []string // fields of the load that keep lines apart, of loadFields
	overSizes  bool     // lines of different n are points of one curve
}

// describeJob returns how the named job is presented; one that is not known is shown by
// whatever figures it has.
func describeJob(name string) job {
	rates := []metric{rate(), bytesPerCode(), bytesPerRedemption(), duration()}
	load := []string{"callers", "batch", "note"}
	j := job{name: name, metrics: rates, key: load}
	switch name {
	case "fsync":
		j.what, j.latency = "One append and one sync of it, nothing else: the least that a durable answer costs on this disk.", true
		j.key = []string{"callers"}
		j.metrics = []metric{percentile("p50 of a sync", func(l workload.Line) float64 { return l.P50us })}
	case "wake":
		j.what = "Callers parked and woken in groups, with no store behind them: the most that the scheduler allows to callers who wait."
		j.key = []string{"callers"}
	case "redeem":
		j.what, j.latency = "Issued codes are redeemed, each once and in random order, and every answer waits until it is as durable as the system makes it.", true
	case "issue":
		j.what = "Codes are drawn at random out of the stock; no code may be drawn twice."
	case "mint":
		j.what = "New random codes are added to an empty system, in the form that suits it best, until all of them are durable: codepool writes what its codes are made of, the others the codes."
		j.key = []string{"note"}
	case "reject":
		j.what = "Codes that never existed are refused, text in and answer out, beside a bare Bloom filter of the same rate of errors."
		j.key = []string{"callers", "batch"}
	case "mixed":
		j.what, j.latency = "Draws, redemptions and refusals at the same time.", true
	case "latency":
		j.what, j.latency = "Redemptions are sent at a fixed rate, whether or not the last ones are answered: what a caller waits when the system is not overloaded.", true
		j.metrics = []metric{percentile("p99 of a call", func(l workload.Line) float64 { return l.P99us }), rate()}
	case "memory":
		j.what, j.key = "Resident memory for one more code, everything counted.", []string{}
		j.metrics = []metric{bytesPerCode()}
	case "disk":
		j.what, j.key = "Blocks on the disk for one more code (of codepool what it is made of), and for one redemption.", []string{"note"}
		j.metrics = []metric{bytesPerCode(), bytesPerRedemption()}
	case "reopen":
		j.what, j.key = "Time until a system full of codes answers again: after it was closed, and after its process was killed.", []string{"note"}
		j.metrics = []metric{duration()}
	case "limit":
		j.what = "Redemptions of codes of which each user may have one, beside the same without the limit."
		j.key = []string{"callers", "batch"}
	case "lease":
		j.what = "Draws that are taken back if they are not used in time, beside draws for good."
		j.key = []string{"callers", "batch"}
	case "query":
		j.what, j.latency = "Receipts of a user and codes of a reference are looked up in a full ledger.", true
	case "retire":
		j.what, j.latency = "A whole batch of codes is withdrawn while others are being redeemed.", true
	case "universal":
		j.what, j.key = "One code that everybody may use once, redeemed by many callers, beside as many codes of their own.", []string{"callers", "batch"}
	case "packet":
		j.what = "Red packets are created and their shares are claimed."
	case "signed":
		j.what = "Codes that carry a signature: minting them, and redeeming them."
	case "order":
		j.what = "Order numbers are given out, each once."
	case "sustain":
		j.what, j.latency = "A steady rate of redemptions for a minute: whether the store keeps up with itself.", true
	case "growth":
		j.what = "The same redemptions in stores of different sizes: what an answer costs when memory is larger than the caches."
		j.metrics, j.key, j.overSizes = []metric{timePerCode(), rate()}, []string{"callers", "batch", "note"}, true
	}
	return j
}
