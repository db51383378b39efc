package workload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"codepool/bench/peer"
	"codepool/bench/systems"
)

// childEnv makes the test binary a child process of a job.
const childEnv = "CODEPOOL_BENCH_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if err := Child(context.Background(), systems.All(), os.Args[1:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// smallEnv measures for moments in a directory that must be empty at the end.
func smallEnv(t *testing.T, kinds ...peer.Kind) *Env {
	t.Helper()
	if kinds == nil {
		kinds = peer.Kinds()
	}
	dir := t.TempDir()
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	return &Env{
		Dir: dir, Kinds: kinds, Rounds: 2, Budget: 50 * time.Millisecond,
		Child: func(ctx context.Context, args ...string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, os.Args[0], args...)
			cmd.Env = append(os.Environ(), childEnv+"=1")
			return cmd
		},
		Log: t.Logf,
	}
}

// runJob runs a job and returns its lines, which must be sound and valid JSON.
func runJob(t *testing.T, e *Env, j Job) []Line {
	t.Helper()
	var lines []Line
	if err := j.Run(t.Context(), e, func(l Line) { lines = append(lines, l) }); err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		b, err := json.Marshal(l)
		if err != nil || !json.Valid(b) {
			t.Errorf("not JSON: %s, %v", b, err)
		}
		t.Logf("%s", b)
		if l.Error != "" {
			t.Errorf("%s %s %s: %s", l.Job, l.System, describe(l), l.Error)
		}
		if l.Job != j.Name() || l.System == "" {
			t.Errorf("line does not say what it is: %s", b)
		}
	}
	return lines
}

func wantLines(t *testing.T, lines []Line, n int) {
	t.Helper()
	if len(lines) != n {
		t.Errorf("%d lines, want %d", len(lines), n)
	}
}

func wantRates(t *testing.T, lines []Line) {
	t.Helper()
	for _, l := range lines {
		if l.OpsPerS <= 0 || l.MinOpsPerS > l.OpsPerS || l.MaxOpsPerS < l.OpsPerS || l.Rounds == 0 || l.Seconds <= 0 {
			t.Errorf("implausible: %+v", l)
		}
	}
}

func wantExtra(t *testing.T, l Line, names ...string) {
	t.Helper()
	for _, name := range names {
		if v, ok := l.Extra[name]; !ok || v < 0 {
			t.Errorf("%s %s %s: %s is %v, %v", l.Job, l.System, describe(l), name, v, ok)
		}
	}
}

func TestFsync(t *testing.T) {
	lines := runJob(t, smallEnv(t), Fsync{})
	wantLines(t, lines, 2)
	wantRates(t, lines)
}

func TestWake(t *testing.T) {
	lines := runJob(t, smallEnv(t), Wake{Callers: []int{64, 4}})
	wantLines(t, lines, 2*5)
	wantRates(t, lines)
}

func TestRedeem(t *testing.T) {
	lines := runJob(t, smallEnv(t), Redeem{N: 2000, Loads: []RedeemLoad{
		{Mode: Batched, Callers: 4, Batch: 300},
		{Mode: Blocked, Callers: 64},
		{Mode: Blocked, Callers: 1},
		{Mode: Callback, Callers: 2, InFlight: 100},
	}})
	wantLines(t, lines, 2+2+2+1)
	wantRates(t, lines)
	wantExtra(t, lines[0], "ratio_badger-batch")
	wantExtra(t, lines[2], "ratio_badger-txn", "ratio_wake")
	wantExtra(t, lines[4], "ratio_badger-txn", "ratio_fsync", "ratio_fsync_4k")
	wantExtra(t, lines[6], "in_flight")
}

func TestMixed(t *testing.T) {
	lines := runJob(t, smallEnv(t), Mixed{N: 4000, Loads: []MixedLoad{{4, 10}, {64, 1}}})
	wantLines(t, lines, 3)
	wantRates(t, lines)
}

func TestLatency(t *testing.T) {
	lines := runJob(t, smallEnv(t), Latency{Rate: 20_000, Callers: 64})
	wantLines(t, lines, 3)
	wantRates(t, lines)
	for _, l := range lines {
		wantExtra(t, l, "answered")
		if l.P50us <= 0 || l.P999us < l.P50us {
			t.Errorf("latencies: %+v", l)
		}
	}
}

func TestIssue(t *testing.T) {
	lines := runJob(t, smallEnv(t), Issue{N: 2000, Loads: []IssueLoad{{4, 100}, {16, 1}}})
	wantLines(t, lines, 6)
	wantRates(t, lines)
}

func TestMint(t *testing.T) {
	lines := runJob(t, smallEnv(t), Mint{N: 2000})
	wantLines(t, lines, 3)
	wantRates(t, lines)
}

func TestReject(t *testing.T) {
	lines := runJob(t, smallEnv(t), DefaultReject(2000))
	wantLines(t, lines, 8)
	wantRates(t, lines)
	wantExtra(t, lines[5], "ratio_bloom", "ratio_1_caller", "allocs_per_op", "ns_per_op")
}

func TestMemory(t *testing.T) {
	e := smallEnv(t)
	e.Rounds = 1
	lines := runJob(t, e, Memory{Small: 2000, Large: 200_000, Settle: 50 * time.Millisecond})
	wantLines(t, lines, 1)
	if runtime.GOOS == "linux" {
		wantExtra(t, lines[0], "rss_mib", "peak_mib", "at_once_mib")
		if b := lines[0].BytesPerCode; b <= 0 || b > 1000 {
			t.Errorf("%v bytes a code", b)
		}
	}
}

func TestDisk(t *testing.T) {
	lines := runJob(t, smallEnv(t), Disk{Small: 2000, Large: 20_000, Redeems: 2000})
	wantLines(t, lines, 4)
	wantExtra(t, lines[3], "bytes_per_redemption")
	// With so few redemptions, zeros ahead of the log can make the open store shrink.
	if _, ok := lines[3].Extra["open_bytes_per_redemption"]; !ok {
		t.Error("no weight of the open store")
	}
	if b := lines[0].BytesPerCode; b <= 0 || b > 1000 {
		t.Errorf("%v bytes a code", b)
	}
}

func TestReopen(t *testing.T) {
	lines := runJob(t, smallEnv(t), DefaultReopen(2000))
	wantLines(t, lines, 3)
	wantRates(t, lines)
	if _, ok := lines[2].Extra["recovery_seconds"]; !ok {
		t.Error("no recovery time")
	}
}

func TestReopenSaysWhenCodesAreTooFew(t *testing.T) {
	e := smallEnv(t)
	e.Rounds = 9
	var lines []Line
	if err := DefaultReopen(2000).Run(t.Context(), e, func(l Line) { lines = append(lines, l) }); err != nil {
		t.Fatal(err)
	}
	if len(lines) != 2 || !strings.Contains(lines[1].Error, "fewer rounds") {
		t.Errorf("lines %+v", lines)
	}
}

func TestLimit(t *testing.T) {
	lines := runJob(t, smallEnv(t), Limit{N: 2000, Loads: []RedeemLoad{{Mode: Batched, Callers: 4, Batch: 300}, {Mode: Blocked, Callers: 64}}})
	wantLines(t, lines, 4)
	wantRates(t, lines)
	wantExtra(t, lines[3], "ratio_plain")
}

func TestLease(t *testing.T) {
	lines := runJob(t, smallEnv(t), Lease{N: 2000, Loads: []IssueLoad{{4, 100}, {16, 1}}})
	wantLines(t, lines, 4)
	wantRates(t, lines)
	wantExtra(t, lines[1], "ratio_plain")
}

func TestQuery(t *testing.T) {
	lines := runJob(t, smallEnv(t), Query{N: 2000, Page: 100, Calls: 20})
	wantLines(t, lines, 2)
	wantRates(t, lines)
}

func TestRetire(t *testing.T) {
	lines := runJob(t, smallEnv(t), Retire{N: 2000, Callers: 4})
	wantLines(t, lines, 1)
	wantRates(t, lines)
	wantExtra(t, lines[0], "freed_bytes_per_code")
}

func TestSustain(t *testing.T) {
	lines := runJob(t, smallEnv(t), Sustain{Rate: 20_000, For: 100 * time.Millisecond})
	wantLines(t, lines, 1)
	wantRates(t, lines)
	wantExtra(t, lines[0], "index_lag")
}

func TestGrowth(t *testing.T) {
	lines := runJob(t, smallEnv(t), DefaultGrowth([]int{1000, 5000}))
	wantLines(t, lines, 2)
	wantRates(t, lines)
	wantExtra(t, lines[1], "ns_per_op", "ratio_smallest")
}

func TestCodepoolJobsSkipWhenNotSelected(t *testing.T) {
	kinds, _, err := systems.Select([]string{"badger-txn"})
	if err != nil {
		t.Fatal(err)
	}
	e := smallEnv(t, kinds...)
	for _, j := range []Job{DefaultMemory(10, 20), DefaultReopen(100), DefaultGrowth([]int{100}), Limit{N: 100}, Query{N: 100}, Retire{N: 100}, Sustain{Rate: 100}} {
		wantLines(t, runJob(t, e, j), 0)
	}
}

// forgetful acknowledges redemptions and loses one of them.
type forgetful struct {
	mu       sync.Mutex
	redeemed int64
	codes    int
}

func (f *forgetful) Mint(context.Context, int) error { return nil }
func (f *forgetful) Close() error                    { return nil }
func (f *forgetful) HandOut(_ context.Context, k int, each func(string)) error {
	for range k {
		f.codes++
		each(fmt.Sprintf("%06d", f.codes))
	}
	return nil
}

func (f *forgetful) RedeemMany(_ context.Context, rs []peer.Redemption) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.redeemed += int64(len(rs))
	return nil
}

func (f *forgetful) Audit(_ context.Context, want peer.Ledger) error {
	if f.redeemed-1 != want.Redeemed {
		return errors.New("audit: one is missing")
	}
	return nil
}

func TestFailedAuditIsAnError(t *testing.T) {
	f := &forgetful{}
	e := smallEnv(t, peer.Kind{Name: "forgetful", Type: f, Open: func(string) (peer.System, error) { return f, nil }})
	e.Rounds = 1
	var lines []Line
	job := Redeem{N: 100, Loads: []RedeemLoad{{Mode: Batched, Callers: 2, Batch: 10}}}
	if err := job.Run(t.Context(), e, func(l Line) { lines = append(lines, l) }); err != nil {
		t.Fatal(err)
	}
	if len(lines) != 1 || !strings.Contains(lines[0].Error, "one is missing") {
		t.Errorf("lines %+v", lines)
	}
}

func TestCancelEndsAJobAndRemovesItsFiles(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := smallEnv(t)
	e.Budget = time.Hour
	time.AfterFunc(200*time.Millisecond, cancel)
	err := Redeem{N: 100_000, Loads: []RedeemLoad{{Mode: Blocked, Callers: 2}}}.Run(ctx, e, func(Line) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want Canceled", err)
	}
}
