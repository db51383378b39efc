package workload

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"codepool/bench/host"
)

// Fsync appends one record to a file and syncs it, over and over: the least that any
// durable answer to a lone caller costs.
type Fsync struct{}

// Name returns "fsync".
func (Fsync) Name() string { return "fsync" }

// Run measures both sizes of record.
func (Fsync) Run(ctx context.Context, e *Env, emit func(Line)) error {
	trials := fsyncTrials(e, e.Budget)
	if err := e.rounds(ctx, e.Rounds, trials); err != nil {
		return err
	}
	emitAll(trials, emit)
	return nil
}

// fsyncSizes are the records: what one redemption needs, and a page.
var fsyncSizes = [...]int{64, 4096}

func fsyncTrials(e *Env, budget time.Duration) []*trial {
	var trials []*trial
	for _, size := range fsyncSizes {
		t := &trial{line: Line{Job: "fsync", System: host.SyncName, Callers: 1, Batch: 1, Note: fmt.Sprintf("append %d B", size)}}
		t.run = func(ctx context.Context) (Sample, error) { return appendAndSync(ctx, e, size, budget) }
		trials = append(trials, t)
	}
	return trials
}

func appendAndSync(ctx context.Context, e *Env, size int, budget time.Duration) (s Sample, err error) {
	dir, remove, err := e.tempDir("fsync")
	if err != nil {
		return s, err
	}
	defer remove()
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		return s, err
	}
	defer f.Close()
	record := make([]byte, size)
	for i := range record {
		record[i] = byte(i*7 + 1)
	}
	l := load{callers: 1, calls: 1 << 20, budget: budget}
	l.call = func(context.Context, int, int) (int, error) {
		if _, err := f.Write(record); err != nil {
			return 0, err
		}
		return 1, host.Sync(f)
	}
	s, _, err = l.run(ctx)
	return s, err
}
