package workload

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"codepool/bench/host"
	"codepool/bench/peer"
)

// Memory mints codes in processes of their own, of two sizes, and asks the kernel what
// they occupy: the slope is what a code costs, the rest is fixed. Everything counts: the
// pool, the gate, the engine below with its mapped files, the runtime. The engine goes on
// sorting for seconds after a mint and then gives its buffers back; the slope is taken
// when memory no longer falls, and the line has what was in use before that too.
type Memory struct {
	Small, Large int           // codes
	Settle       time.Duration // memory that has not fallen for this long is settled
}

// DefaultMemory returns the job from small to large.
func DefaultMemory(small, large int) Memory {
	return Memory{Small: small, Large: large, Settle: 4 * time.Second}
}

// Name returns "memory".
func (Memory) Name() string { return "memory" }

// memoryWeight is what a child of this job answers.
type memoryWeight struct{ AtOnce, Settled host.Memory }

// Run measures the systems whose codes are all in memory, each round in turn.
func (j Memory) Run(ctx context.Context, e *Env, emit func(Line)) error {
	for _, k := range e.Kinds {
		if k.Resident {
			if err := j.weigh(ctx, e, k, emit); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j Memory) weigh(ctx context.Context, e *Env, k peer.Kind, emit func(Line)) error {
	line := Line{Job: "memory", System: k.Name, N: int64(j.Large), Note: fmt.Sprintf("slope from %d codes", j.Small)}
	if _, err := host.MemoryUse(); errors.Is(err, host.ErrUnsupported) {
		line.Note = "not measured: " + err.Error()
		emit(line)
		return nil
	}
	var small, large []memoryWeight
	rounds := min(e.Rounds, 2) // what is weighed does not depend on neighbours
	for r := range rounds {
		e.logf("memory: %s, %d and %d codes, round %d of %d", k.Name, j.Small, j.Large, r+1, rounds)
		for _, size := range []struct {
			n       int
			weights *[]memoryWeight
		}{{j.Small, &small}, {j.Large, &large}} {
			w, err := j.mintInChild(ctx, e, k, size.n)
			if err != nil {
				return failed(ctx, line, err, emit)
			}
			*size.weights = append(*size.weights, w)
		}
	}
	// over is the median over rounds.
	over := func(f func(small, large memoryWeight) int64) float64 {
		v := make([]float64, rounds)
		for i := range v {
			v[i] = float64(f(small[i], large[i]))
		}
		return median(v)
	}
	const mib = 1 << 20
	codes := float64(j.Large - j.Small)
	line.Rounds = rounds
	line.BytesPerCode = over(func(s, l memoryWeight) int64 { return l.Settled.RSS - s.Settled.RSS }) / codes
	line.set("anon_bytes_per_code", over(func(s, l memoryWeight) int64 { return l.Settled.Anon - s.Settled.Anon })/codes)
	line.set("fixed_mib", (over(func(s, _ memoryWeight) int64 { return s.Settled.RSS })-line.BytesPerCode*float64(j.Small))/mib)
	line.set("rss_mib", over(func(_, l memoryWeight) int64 { return l.Settled.RSS })/mib)
	line.set("at_once_mib", over(func(_, l memoryWeight) int64 { return l.AtOnce.RSS })/mib)
	line.set("peak_mib", over(func(_, l memoryWeight) int64 { return l.Settled.Peak })/mib)
	emit(line)
	return nil
}

// failed emits the line with its error; what it returns is ctx's error.
func failed(ctx context.Context, l Line, err error, emit func(Line)) error {
	if ctx.Err() == nil {
		l.fail(err)
		emit(l)
	}
	return ctx.Err()
}

func (j Memory) mintInChild(ctx context.Context, e *Env, k peer.Kind, n int) (w memoryWeight, err error) {
	dir, remove, err := e.tempDir("memory")
	if err != nil {
		return w, err
	}
	defer remove()
	err = e.childOutput(ctx, &w, childMemory, k.Name, dir, strconv.Itoa(n), j.Settle.String())
	return w, err
}
