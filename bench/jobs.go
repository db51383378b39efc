package main

import (
	"fmt"
	"slices"
	"time"

	"codepool/bench/workload"
)

// maxCodes bounds -n: beyond it 8-byte users are no longer different.
const maxCodes = 100_000_000

// jobNames lists the jobs in the order in which they run.
func jobNames() []string {
	return []string{"fsync", "wake", "redeem", "issue", "mint", "reject", "mixed", "latency", "memory", "disk", "reopen", "limit", "lease", "query", "retire", "universal", "packet", "signed", "order", "sustain", "growth"}
}

// selectJobs configures the named jobs, in the order of jobNames; none are all but sustain,
// which takes a minute whatever else is asked, and of a quick run growth, which takes
// gigabytes. sizes are those of -n; a job that needs one takes the first, none is its own
// default, or a fiftieth of it in a quick run.
func selectJobs(wanted []string, sizes []int, quick bool) ([]workload.Job, error) {
	if len(wanted) == 0 {
		wanted = slices.DeleteFunc(jobNames(), func(name string) bool { return name == "sustain" || quick && name == "growth" })
	}
	for _, name := range wanted {
		if !slices.Contains(jobNames(), name) {
			return nil, fmt.Errorf("unknown job %q", name)
		}
	}
	var jobs []workload.Job
	for _, name := range jobNames() {
		if slices.Contains(wanted, name) {
			jobs = append(jobs, makeJob(name, sizes, quick))
		}
	}
	return jobs, nil
}

func makeJob(name string, sizes []int, quick bool) workload.Job {
	million := 1_000_000
	if quick {
		million /= 50
	}
	size := func(otherwise int) int {
		if len(sizes) > 0 {
			return sizes[0]
		}
		return otherwise
	}
	// small is the lower of two sizes: the first of a list, or a part of a single one.
	small := func(large, part int) int {
		if len(sizes) > 1 {
			return sizes[0]
		}
		return max(1, large/part)
	}
	large := func(otherwise int) int {
		if len(sizes) > 0 {
			return sizes[len(sizes)-1]
		}
		return otherwise
	}
	switch name {
	case "fsync":
		return workload.Fsync{}
	case "wake":
		return workload.Wake{Callers: workload.DefaultWakeCallers()}
	case "redeem":
		return workload.Redeem{N: size(million / 2), Loads: workload.DefaultRedeemLoads()}
	case "issue":
		return workload.Issue{N: size(million / 2), Loads: workload.DefaultIssueLoads()}
	case "mint":
		return workload.Mint{N: size(million / 2)}
	case "reject":
		return workload.DefaultReject(size(10 * million))
	case "mixed":
		return workload.Mixed{N: size(million * 3 / 10), Loads: workload.DefaultMixedLoads()}
	case "latency":
		return workload.Latency{Rate: 100_000, Callers: 4096}
	case "memory":
		return memoryJob(small(large(10*million), 10), large(10*million), quick)
	case "disk":
		return workload.Disk{Small: small(large(2*million), 4), Large: large(2 * million), Redeems: small(large(2*million), 4)}
	case "reopen":
		return workload.DefaultReopen(size(10 * million))
	case "limit":
		return workload.Limit{N: size(million), Loads: workload.DefaultLimitLoads()}
	case "lease":
		return workload.Lease{N: size(million), Loads: workload.DefaultIssueLoads()}
	case "query":
		return workload.Query{N: size(10 * million), Page: 100, Calls: 2000}
	case "retire":
		return workload.Retire{N: size(million), Callers: 64}
	case "universal":
		return workload.Universal{N: size(million), Callers: 8192}
	case "packet":
		return workload.Packet{N: size(million) / 10, Shares: 10, Callers: 4, Batch: min(1000, size(million)/10)}
	case "order":
		return workload.Order{N: size(5 * million), Callers: 2, Batch: min(1000, size(5*million))}
	case "signed":
		return workload.Signed{N: size(million), Mint: size(100 * million), Load: workload.RedeemLoad{Mode: workload.Batched, Callers: 4, Batch: 1000}}
	case "sustain":
		return workload.Sustain{Rate: 150_000, For: time.Duration(size(9*million)) * time.Second / 150_000}
	default: // growth
		if len(sizes) == 0 {
			sizes = []int{million, 10 * million, 50 * million}
		}
		return workload.DefaultGrowth(sizes)
	}
}

func memoryJob(small, large int, quick bool) workload.Memory {
	j := workload.DefaultMemory(small, large)
	if quick {
		j.Settle /= 16
	}
	return j
}
