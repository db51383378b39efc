package report

import (
	"time"

	"codepool/bench/workload"
)

// systemsOfRun are many, of every durability.
func systemsOfRun() []System {
	return []System{
		{Name: "codepool", Durability: "synced", About: "receipts, references, checks; groups synced together"},
		{Name: "badger-txn", Durability: "synced", About: "a transaction reads and deletes each code"},
		{Name: "badger-batch", Durability: "synced", About: "a transaction deletes many codes unread"},
		{Name: "bbolt", Durability: "synced", About: "Update for each call"},
		{Name: "sqlite-modernc", Durability: "synced", About: "WAL, synchronous FULL"},
		{Name: "redis", Durability: "synced", About: "appendfsync always, pipelines"},
		{Name: "redis-everysec", Durability: "synced later", About: "appendfsync everysec"},
		{Name: "map+mutex", Durability: "in memory", About: "a Go map behind a lock"},
		{Name: "disk", Durability: "synced", About: "the same bytes appended and synced"},
	}
}

// runOfMany is a run with every kind of line: rates that differ much, latencies, sizes, a
// line with an error, systems with no line, references.
func runOfMany() Run {
	run := Run{Header: Header{
		Job: "header", Date: time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC), Commit: "0123456789ab", Go: "go1.26.8", OS: "linux", Arch: "amd64",
		CPU: "Processor 9000", Cores: 2, Kernel: "linux 6.1", FileSystem: "ext4", Rounds: 3, Budget: 3,
		Modules: map[string]string{"github.com/dgraph-io/badger/v4": "v4.9.6"}, Servers: map[string]string{"redis": "7.0.15"},
		Systems: systemsOfRun(),
	}}
	add := func(l workload.Line) { run.Lines = append(run.Lines, l) }
	rates := map[string]float64{"codepool": 1_234_567, "badger-txn": 3_711, "badger-batch": 212_345, "bbolt": 141_414,
		"sqlite-modernc": 98_765, "redis": 187_654, "redis-everysec": 412_345, "map+mutex": 4_567_890, "disk": 1_987_654}
	for _, load := range []struct{ callers, batch int }{{4, 1000}, {8192, 1}, {64, 1}} {
		for i, s := range systemsOfRun() {
			r := rates[s.Name] / float64(1+load.callers%7)
			l := workload.Line{Job: "redeem", System: s.Name, N: 1_000_000, Callers: load.callers, Batch: load.batch,
				OpsPerS: r, MinOpsPerS: r * 0.8, MaxOpsPerS: r * 1.15, Seconds: 2.75, Rounds: 3,
				P50us: 211.5 * float64(i+1), P99us: 1_642 * float64(i+1), P999us: 15_321 * float64(i+1)}
			switch {
			case s.Name == "codepool" && load.callers == 8192:
				l.Extra = map[string]float64{"ratio_wake": 0.8125, "ratio_redis": 6.5781}
			case s.Name == "bbolt" && load.callers == 64:
				l = workload.Line{Job: "redeem", System: s.Name, N: 1_000_000, Callers: 64, Batch: 1, Error: "audit: redeemed 9, acknowledged 10"}
			case s.Name == "redis" && load.callers == 64:
				continue
			}
			add(l)
		}
	}
	add(workload.Line{Job: "fsync", System: "fdatasync", Callers: 1, Batch: 1, OpsPerS: 3510.5, MinOpsPerS: 3011.6, MaxOpsPerS: 3595.6, P50us: 155.63, P99us: 3608.6, P999us: 4661.2, Rounds: 3, Note: "append 64 B"})
	for _, s := range []string{"codepool", "badger-batch", "redis"} {
		k := float64(len(s))
		add(workload.Line{Job: "mint", System: s, N: 1_000_000, Callers: int(k), Batch: 1000, OpsPerS: 5e6 / k, MinOpsPerS: 4e6 / k, MaxOpsPerS: 6e6 / k, Rounds: 3})
		add(workload.Line{Job: "memory", System: s, N: 10_000_000, BytesPerCode: 2.5 * k, Rounds: 3, Note: "slope from 1000000 codes", Extra: map[string]float64{"fixed_mib": 61.25}})
		add(workload.Line{Job: "reopen", System: s, N: 10_000_000, Seconds: k * k / 10, Rounds: 3, Note: "closed"})
		add(workload.Line{Job: "latency", System: s, N: 1_000_000, Callers: 64, Batch: 1, OpsPerS: 100_000, P50us: 50 * k, P99us: 150 * k, P999us: 560 * k, Rounds: 3, Extra: map[string]float64{"rate": 100_000}})
		add(workload.Line{Job: "disk", System: s, N: 4_000_000, BytesPerCode: 1.07 * k, Rounds: 1, Note: "minted"})
	}
	add(workload.Line{Job: "disk", System: "codepool", N: 1_000_000, Rounds: 1, Note: "redeemed", Extra: map[string]float64{"bytes_per_redemption": 31.13}})
	for i, n := range []int64{1_000_000, 10_000_000, 50_000_000} {
		ns := 700 + 200*float64(i)
		add(workload.Line{Job: "growth", System: "codepool", N: n, Callers: 4, Batch: 1000, OpsPerS: 1e9 / ns, MinOpsPerS: 0.9e9 / ns, MaxOpsPerS: 1.1e9 / ns, Rounds: 3,
			Extra: map[string]float64{"ns_per_op": ns, "ratio_smallest": ns / 700}})
	}
	add(workload.Line{Job: "invented", System: "codepool", Note: "of a kind nobody knows", OpsPerS: 12})
	return run
}
