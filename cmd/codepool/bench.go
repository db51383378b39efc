package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"codepool/store"

	"github.com/spf13/cobra"
)

// tryDir is what to try where no temporary directory can be made.
const tryDir = "the same with --dir and a folder that is there and can be written to"

// benchJob is one workload. It does its work on codes that are its own.
type benchJob struct {
	name           string
	callers, batch int // goroutines, and codes in a call
	share          int // of --count, one in so many
	run            func(b *bench, ctx context.Context, j benchJob, n int) ([]time.Duration, error)
}

// benchJobs in the order in which they run; mint makes what the others use up.
var benchJobs = []benchJob{
	{"mint", 1, 0, 1, (*bench).mint},
	{"issue", 4, 1000, 1, (*bench).issue},
	{"redeem-one", 1, 1, 500, (*bench).redeemOne},
	{"redeem-64", 64, 1, 10, (*bench).redeemOne},
	{"redeem-1024", 1024, 1, 5, (*bench).redeemOne},
	{"redeem-batch", 4, 1000, 2, (*bench).redeemAll},
	{"reject", 1, 1000, 2, (*bench).reject},
	{"reopen", 1, 0, 1, (*bench).reopen},
}

// benchResult is a line of the answer.
type benchResult struct {
	Job     string  `json:"job"`
	N       int     `json:"n"` // codes
	Callers int     `json:"callers"`
	Batch   int     `json:"batch,omitempty"` // codes in a call
	PerSec  float64 `json:"codes_per_s"`
	P50     float64 `json:"p50_us,omitempty"` // of a call
	P99     float64 `json:"p99_us,omitempty"`
	Seconds float64 `json:"seconds"`
}

func (a *app) benchCmd() *cobra.Command {
	count, dir, jobs := amount(1_000_000), "", []string{}
	var names []string
	for _, j := range benchJobs {
		names = append(names, j.name)
	}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine and this disk",
		Long: `Bench makes a store in a temporary directory and measures it. Every figure is durable:
an answer counts when it is on the disk. p50 and p99 are of one call.

The figures are those of the disk that --dir is on; for the comparison with other
systems there is a program of its own.`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.Var(&count, "count", "how many codes")
	f.StringVar(&dir, "dir", "", "make the temporary directory in `DIR`")
	f.StringSliceVar(&jobs, "jobs", nil, "only these `jobs`: "+strings.Join(names, ", "))
	cobra.CheckErr(cmd.MarkFlagDirname("dir"))
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("jobs", fixed(names...)))
	return a.does(cmd, func(ctx context.Context, _ []string) error {
		for _, j := range jobs {
			if !slices.Contains(names, j) {
				return usage("no job %q: take some of %s", j, strings.Join(names, ", "))
			}
		}
		if count < 1000 {
			return usage("the jobs need --count of 1000 or more")
		}
		return a.bench(ctx, int(count), dir, jobs)
	})
}

func (a *app) bench(ctx context.Context, count int, dir string, only []string) (err error) {
	temp, err := os.MkdirTemp(dir, "codepool-bench-")
	if err != nil {
		return &failure{doing: "bench", err: err, try: tryDir}
	}
	b := &bench{a: a, dir: filepath.Join(temp, "store"), count: count}
	defer func() {
		if b.s != nil {
			b.s.Close() // what is in it has no value
		}
		if rerr := os.RemoveAll(temp); err == nil {
			err = rerr
		}
	}()
	if b.s, err = store.Open(b.dir, a.options()); err != nil {
		return &failure{doing: "bench", err: err}
	}
	t := newTable("job", ">codes", ">callers", ">a call", ">rate", ">p50", ">p99")
	for _, j := range benchJobs {
		res, err := b.job(ctx, j)
		if err != nil {
			return &failure{doing: "bench " + j.name, err: err}
		}
		if len(only) > 0 && !slices.Contains(only, j.name) {
			continue // run all the same: the later ones stand on it
		}
		if a.json {
			if err := a.writeJSON(a.out, res); err != nil {
				return err
			}
			continue
		}
		t.row(res.Job, many(res.N), many(res.Callers), dash(res.Batch), perSecond(res.PerSec), micro(res.P50), micro(res.P99))
	}
	if !a.json {
		t.write(a.out)
	}
	return nil
}

func (b *bench) job(ctx context.Context, j benchJob) (benchResult, error) {
	n := max(1, b.count/j.share)
	stop := b.a.follow(j.name, 0, nil)
	defer stop()
	begin := time.Now()
	calls, err := j.run(b, ctx, j, n)
	took := time.Since(begin)
	res := benchResult{Job: j.name, N: n, Callers: j.callers, Batch: j.batch, PerSec: rate(int64(n), took), Seconds: took.Seconds()}
	if len(calls) > 0 {
		slices.Sort(calls)
		res.P50, res.P99 = inMicros(calls[len(calls)/2]), inMicros(calls[len(calls)*99/100])
	}
	return res, err
}

func inMicros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func micro(us float64) string {
	if us == 0 {
		return "-"
	}
	return short(time.Duration(us * 1e3))
}

func dash(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}
