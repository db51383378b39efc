package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"codepool/bench/host"
	"codepool/bench/workload"
)

// runBench runs the program in-process, in a directory that must be empty afterwards.
func runBench(t *testing.T, ctx context.Context, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	var out, errs bytes.Buffer
	code = run(ctx, append([]string{"-volatile", "-dir", dir}, args...), strings.NewReader(""), &out, &errs)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return code, out.String(), errs.String()
}

func TestJSON(t *testing.T) {
	code, out, errs := runBench(t, t.Context(), "-json", "-jobs", "redeem,mint", "-systems", "codepool", "-n", "2k", "-rounds", "1", "-budget", "20ms")
	if code != exitOK || errs != "" {
		t.Fatalf("exit %d, stderr %q", code, errs)
	}
	var jobs []string
	for line := range strings.Lines(out) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		job := v["job"].(string)
		if jobs = append(jobs, job); job == "header" {
			for _, field := range []string{"date", "go", "cpu", "cores"} {
				if v[field] == nil {
					t.Errorf("the header has no %s: %s", field, line)
				}
			}
			continue
		}
		for _, field := range []string{"system", "n", "callers", "batch", "ops_per_s", "seconds", "rounds", "min_ops_per_s", "max_ops_per_s"} {
			if v[field] == nil {
				t.Errorf("no %s in %s", field, line)
			}
		}
	}
	if got := strings.Join(jobs, " "); got != "header redeem redeem redeem redeem redeem redeem redeem mint" {
		t.Errorf("jobs: %s", got)
	}
}

func TestGoBenchmarkLines(t *testing.T) {
	code, out, errs := runBench(t, t.Context(), "-gobench", "-jobs", "fsync,mint", "-systems", "codepool", "-n", "1000", "-rounds", "2", "-budget", "20ms")
	if code != exitOK || errs != "" {
		t.Fatalf("exit %d, stderr %q", code, errs)
	}
	form := regexp.MustCompile(`^Benchmark[A-Z]\S*/system=\S+-\d+\t\d+\t[0-9.]+ ns/op(\t[0-9.]+ \S+)*$`)
	benchmarks := 0
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if key, _, ok := strings.Cut(line, ": "); ok && !strings.Contains(key, " ") {
			continue // configuration
		}
		if benchmarks++; !form.MatchString(line) {
			t.Errorf("not a benchmark line: %q", line)
		}
	}
	if benchmarks != 2*2+2 {
		t.Errorf("%d lines, want one for each round", benchmarks)
	}
}

func TestTable(t *testing.T) {
	code, out, _ := runBench(t, t.Context(), "-jobs", "mint", "-systems", "codepool,badger-batch", "-n", "1000", "-rounds", "1")
	if code != exitOK {
		t.Fatalf("exit %d", code)
	}
	for _, want := range []string{"mint\n", "ops/s", "badger-batch", "ratio_badger-batch"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "p50") {
		t.Errorf("an empty column was printed:\n%s", out)
	}
}

func TestUsageErrors(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-jobs nonsense", `unknown job "nonsense"`},
		{"-systems nonsense", `unknown system "nonsense"`},
		{"-n 0", "-n"},
		{"-n 5x", "-n"},
		{"-n 999M", "-n"},
		{"-n 10M,1M", "ascend"},
		{"-rounds 0", "-rounds"},
		{"-budget 0s", "-budget"},
		{"-json -gobench", "exclude"},
		{"stray", "stray"},
		{"-nonsense", "nonsense"},
	} {
		code, out, errs := runBench(t, t.Context(), strings.Fields(c.args)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", c.args, code, out, errs)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	code, _, errs := runBench(t, ctx, "-jobs", "fsync", "-budget", "1h")
	if code != exitInterrupted || !strings.Contains(errs, "interrupted") {
		t.Errorf("exit %d, stderr %q", code, errs)
	}
}

func TestMemoryIsNotADisk(t *testing.T) {
	const shm = "/dev/shm"
	if runtime.GOOS != "linux" || !host.FileSystemOf(shm).Volatile {
		t.Skip("no file system in memory here")
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-dir", shm, "-jobs", "fsync"}, nil, &out, &errs)
	if code != exitFailure || !strings.Contains(errs.String(), "-volatile") {
		t.Errorf("exit %d, stderr %q", code, errs.String())
	}
}

func TestParseSizes(t *testing.T) {
	got, err := parseSizes("1000,20k,1M,1_500_000")
	if err != nil || len(got) != 4 || got[0] != 1000 || got[1] != 20_000 || got[2] != 1_000_000 || got[3] != 1_500_000 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestEveryJobCanBeMade(t *testing.T) {
	for i, sizes := range [][]int{nil, nil, {5000}, {1000, 9000}} {
		jobs, err := selectJobs(jobNames(), sizes, i == 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, j := range jobs {
			if j.Name() != jobNames()[i] {
				t.Errorf("job %d is %s, want %s", i, j.Name(), jobNames()[i])
			}
		}
	}
	for quick, without := range map[bool]int{false: 1, true: 2} { // sustain, and growth
		jobs, err := selectJobs(nil, nil, quick)
		if err != nil || len(jobs) != len(jobNames())-without {
			t.Errorf("%d jobs by default, %v", len(jobs), err)
		}
	}
}

func TestBenchmarkName(t *testing.T) {
	const want = "BenchmarkRedeem/system=x/n=5/callers=1/batch=1/note=a_b-"
	got := benchmarkName(workload.Line{Job: "redeem", System: "x", N: 5, Callers: 1, Batch: 1, Note: "a b"})
	if !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q and the number of processors", got, want)
	}
}
