package workload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"codepool/bench/peer"
)

// Reopen times Open of a store of N codes, half of them redeemed: after Close, and after
// a process that redeemed Tail more was killed with nothing but its journal written. The
// difference is what recovery costs. The files are in the page cache.
type Reopen struct {
	N    int
	Tail int
}

// DefaultReopen returns the job at n codes.
func DefaultReopen(n int) Reopen { return Reopen{N: n, Tail: max(1, min(1_000_000, n/10))} }

// Name returns "reopen".
func (Reopen) Name() string { return "reopen" }

// reopening is the state between the rounds.
type reopening struct {
	Reopen
	dir    string
	tails  []string // files of issued codes, one for each round
	ledger peer.Ledger
}

// Run measures codepool.
func (j Reopen) Run(ctx context.Context, e *Env, emit func(Line)) error {
	if err := j.minted(ctx, e, emit); err != nil || !e.has("codepool") {
		return err
	}
	clean := Line{Job: "reopen", System: "codepool", N: int64(j.N), Note: "closed"}
	killed := Line{Job: "reopen", System: "codepool", N: int64(j.N), Note: "killed"}
	r, remove, err := j.setUp(ctx, e)
	if err != nil {
		return failed(ctx, clean, err, emit)
	}
	defer remove()
	var cleans, kills []Sample
	for i := range e.Rounds {
		e.logf("reopen: round %d of %d", i+1, e.Rounds)
		c, k, err := r.round(ctx, e, r.tails[i])
		if err != nil {
			return failed(ctx, clean, err, emit)
		}
		cleans, kills = append(cleans, c), append(kills, k)
	}
	summarise(&clean, cleans)
	summarise(&killed, kills)
	killed.set("tail", float64(j.Tail))
	recovery := make([]float64, len(kills))
	for i := range kills {
		recovery[i] = (kills[i].Elapsed - cleans[i].Elapsed).Seconds()
	}
	killed.set("recovery_seconds", median(recovery))
	emit(clean)
	emit(killed)
	return nil
}

// setUp makes the store and closes it: N codes minted, half of them redeemed, and
// Tail more issued for each round, their texts in files.
func (j Reopen) setUp(ctx context.Context, e *Env) (r *reopening, remove func(), err error) {
	half := j.N / 2
	if half+e.Rounds*j.Tail > j.N {
		return nil, nil, fmt.Errorf("%d codes are too few for %d rounds of %d redemptions after half of them: "+
			"use fewer rounds or more codes", j.N, e.Rounds, j.Tail)
	}
	dir, remove, err := e.tempDir("reopen")
	if err != nil {
		return nil, nil, err
	}
	r = &reopening{Reopen: j, dir: filepath.Join(dir, "store")}
	if err = r.fill(ctx, e, half); err != nil {
		remove()
		return nil, nil, err
	}
	if _, err = r.open(ctx); err != nil { // not measured: the engine still sorts what is new
		remove()
		return nil, nil, err
	}
	return r, remove, nil
}

func (r *reopening) fill(ctx context.Context, e *Env, half int) (err error) {
	e.logf("reopen: setting up %d codes", r.N)
	s := &stock{env: e, users: users(half), remove: func() {}}
	defer s.discard()
	if s.sys, err = peer.OpenCodepool(r.dir); err != nil {
		return err
	}
	if err := s.sys.Mint(ctx, r.N); err != nil {
		return err
	}
	handOut := func(n int) (*texts, error) {
		t := &texts{}
		var bad error
		err := s.sys.HandOut(ctx, n, func(code string) { bad = errors.Join(bad, t.add(code)) })
		return t, errors.Join(err, bad)
	}
	for i := range e.Rounds {
		codes, err := handOut(r.Tail)
		if err != nil {
			return err
		}
		file := filepath.Join(filepath.Dir(r.dir), fmt.Sprintf("tail-%d", i))
		codes.shuffle(uint64(i))
		if err := writeLines(file, codes); err != nil {
			return err
		}
		r.tails = append(r.tails, file)
	}
	if s.codes, err = handOut(half); err != nil {
		return err
	}
	s.codes.shuffle(uint64(e.Rounds))
	l := RedeemLoad{Mode: Batched, Callers: 4, Batch: 10_000}
	_, made, err := l.run(ctx, s, time.Hour)
	if err != nil {
		return err
	}
	r.ledger = peer.Ledger{Minted: int64(r.N), HandedOut: int64(half + e.Rounds*r.Tail), Redeemed: int64(made)}
	err = s.sys.Close()
	s.sys = nil
	return err
}

// round times Open of the closed store, lets a child redeem one tail and kills it, and
// times Open again; every store is audited.
func (r *reopening) round(ctx context.Context, e *Env, tail string) (clean, killed Sample, err error) {
	if clean, err = r.open(ctx); err != nil {
		return clean, killed, err
	}
	if err := e.childKilled(ctx, childBurn, r.dir, tail); err != nil {
		return clean, killed, err
	}
	r.ledger.Redeemed += int64(r.Tail)
	killed, err = r.open(ctx)
	return clean, killed, err
}

func (r *reopening) open(ctx context.Context) (Sample, error) {
	debug.FreeOSMemory()
	began := time.Now()
	sys, err := peer.OpenCodepool(r.dir)
	if err != nil {
		return Sample{}, err
	}
	s := Sample{Ops: int64(r.N), Elapsed: time.Since(began)}
	err = errors.Join(sys.Audit(ctx, r.ledger), sys.Close())
	return s, errors.Join(err, ctx.Err())
}

func writeLines(file string, t *texts) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = newLineReader(t).WriteTo(f)
	return errors.Join(err, f.Close())
}
