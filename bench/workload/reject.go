package workload

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"codepool/bench/peer"
	"codepool/gen"
	"codepool/store"

	"github.com/bits-and-blooms/bloom/v3"
)

// Reject refuses codes that were never minted, text in and answer out, in a store of N
// codes. The reference is one Bloom filter of that capacity at the store's rate of false
// positives, tested with the same bytes.
type Reject struct {
	N       int
	Probes  int   // different texts that are tried; more than the caches hold
	Callers []int // goroutines, ascending
	// InBatches is how many codes the systems have that are asked for many at a time.
	InBatches int
}

// falsePositives is the rate that the store's gate is built for.
const falsePositives = 0.01

// DefaultReject returns the job at n codes.
func DefaultReject(n int) Reject {
	return Reject{N: n, Probes: min(n, 1<<20), Callers: []int{1, 2}, InBatches: min(n, 300_000)}
}

// Name returns "reject".
func (Reject) Name() string { return "reject" }

// refuser answers whether a text is refused.
type refuser struct {
	system, note string
	refuses      func(text []byte, s string) bool
}

// Run measures Check, Redeem and the filter.
func (j Reject) Run(ctx context.Context, e *Env, emit func(Line)) error {
	if err := j.inBatches(ctx, e, emit); err != nil || !e.has("codepool") {
		return err
	}
	dir, remove, err := e.tempDir("reject")
	if err != nil {
		return err
	}
	defer remove()
	e.logf("reject: minting %d codes and filling a filter with as many", j.N)
	sys, err := peer.OpenCodepool(dir)
	if err != nil {
		return err
	}
	defer sys.Close()
	pool := sys.(*peer.Codepool)
	if err := pool.Mint(ctx, j.N); err != nil {
		return err
	}
	if err := pool.Checkpoint(ctx); err != nil { // nothing goes on in the background then
		return err
	}
	probes, err := randomCodes(j.Probes)
	if err != nil {
		return err
	}
	filter, err := filledFilter(ctx, j.N)
	if err != nil {
		return err
	}
	refusers := []refuser{
		{"codepool", "check", refusesByCheck(pool)},
		{"codepool", "redeem", refusesByRedeem(pool)},
		{"bloom", "", func(text []byte, _ string) bool { return !filter.Test(text) }},
	}
	return j.measure(ctx, e, refusers, probes, emit)
}

func (j Reject) measure(ctx context.Context, e *Env, refusers []refuser, probes *texts, emit func(Line)) error {
	var trials []*trial
	for _, callers := range j.Callers {
		for _, r := range refusers {
			t := &trial{line: Line{Job: "reject", System: r.system, N: int64(j.N), Callers: callers, Batch: 1, Note: r.note}}
			t.run = func(ctx context.Context) (Sample, error) {
				return refuse(ctx, r, probes, callers, min(e.Budget, time.Second))
			}
			trials = append(trials, t)
		}
	}
	if err := e.rounds(ctx, e.Rounds, trials); err != nil {
		return err
	}
	perOp := func(s Sample) float64 { return s.Extra["ns_per_op"] }
	k := len(refusers)
	for i, t := range trials {
		if t.line.System == "codepool" {
			filter := trials[i/k*k+k-1]
			t.line.set("ratio_bloom", ratio(t.samples, filter.samples, perOp))
			if t.line.Extra["passed"] > 0 {
				t.line.fail(errors.New("audit: codes that do not exist were not refused"))
			}
		}
		if i >= k {
			t.line.set("ratio_1_caller", ratio(t.samples, trials[i%k].samples, Sample.Rate))
		}
	}
	emitAll(trials, emit)
	return nil
}

// refuse tries probes round and round from several goroutines, each from a place of its own.
func refuse(ctx context.Context, r refuser, probes *texts, callers int, budget time.Duration) (Sample, error) {
	const turn = 256 // calls between two looks at the clock's flag
	var (
		stop        atomic.Bool
		ops, passed atomic.Int64
		wg          sync.WaitGroup
		start       = make(chan struct{})
		n           = probes.len()
	)
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	for c := range callers {
		wg.Go(func() {
			<-start
			done, through := 0, 0
			for i := c * n / callers; !stop.Load(); {
				for range turn {
					if !r.refuses(probes.bytes(i), probes.at(i)) {
						through++
					}
					if i++; i == n {
						i = 0
					}
				}
				done += turn
			}
			ops.Add(int64(done))
			passed.Add(int64(through))
		})
	}
	before := mallocs()
	began := time.Now()
	timer := time.AfterFunc(budget, func() { stop.Store(true) })
	defer timer.Stop()
	close(start)
	wg.Wait()
	s := Sample{Ops: ops.Load(), Elapsed: time.Since(began)}
	s.Extra = map[string]float64{
		// A goroutine's own time for an answer, so that more of them are not mistaken
		// for faster ones.
		"ns_per_op":     float64(s.Elapsed.Nanoseconds()) * float64(callers) / float64(s.Ops),
		"allocs_per_op": math.Round(1e3*float64(mallocs()-before)/float64(s.Ops)) / 1e3,
		"passed":        float64(passed.Load()) / float64(s.Ops), // a share
	}
	return s, ctx.Err()
}

// mallocs is the number of objects this process has allocated so far.
func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

func refusesByCheck(s *peer.Codepool) func([]byte, string) bool {
	return func(_ []byte, text string) bool {
		return errors.Is(s.Check(context.Background(), store.Redemption{Code: text}), store.ErrUnknownCode)
	}
}

func refusesByRedeem(s *peer.Codepool) func([]byte, string) bool {
	return func(_ []byte, text string) bool {
		_, err := s.Redeem(context.Background(), store.Redemption{Code: text, User: "user-007"})
		return errors.Is(err, store.ErrUnknownCode)
	}
}

// randomCodes returns n printed codes of the default format.
func randomCodes(n int) (*texts, error) {
	f := gen.DefaultFormat()
	g, err := gen.NewGenerator(f)
	if err != nil {
		return nil, err
	}
	t := &texts{}
	var canon, printed []byte
	for range n {
		if canon, err = g.AppendCode(canon[:0]); err != nil {
			return nil, err
		}
		printed = f.AppendPrinted(printed[:0], canon)
		if err := t.add(string(printed)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// filledFilter returns a filter for n codes that holds n random ones.
func filledFilter(ctx context.Context, n int) (*bloom.BloomFilter, error) {
	filter := bloom.NewWithEstimates(uint(n), falsePositives)
	const chunk = 1 << 16
	for ; n > 0 && ctx.Err() == nil; n -= min(n, chunk) {
		codes, err := randomCodes(min(n, chunk))
		if err != nil {
			return nil, err
		}
		for i := range codes.len() {
			filter.Add(codes.bytes(i))
		}
	}
	return filter, ctx.Err()
}
