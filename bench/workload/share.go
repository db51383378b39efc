package workload

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"codepool/bench/peer"
	"codepool/gen"
	"codepool/store"
)

// Universal claims shares of one universal code from many blocked callers, each for another
// user, beside callers who redeem a code each.
type Universal struct {
	N, Callers int
}

// Name returns "universal".
func (Universal) Name() string { return "universal" }

// Run measures codepool.
func (j Universal) Run(ctx context.Context, e *Env, emit func(Line)) error {
	if !e.has("codepool") {
		return nil
	}
	load := RedeemLoad{Mode: Blocked, Callers: j.Callers}
	var plain *trial
	for _, k := range e.Kinds {
		if k.Name == "codepool" {
			s := e.newStock(k, j.N, j.N)
			defer s.discard()
			plain = s.trial("universal", load, e.Budget)
		}
	}
	shared := &trial{line: Line{Job: "universal", System: "codepool", N: int64(j.N), Callers: j.Callers, Batch: 1}}
	shared.run = func(ctx context.Context) (Sample, error) { return j.claim(ctx, e) }
	plain.line.Note, shared.line.Note = "plain", "one token"
	trials := []*trial{plain, shared}
	if err := e.rounds(ctx, e.Rounds, trials); err != nil {
		return err
	}
	shared.line.set("ratio_plain", ratio(shared.samples, plain.samples, Sample.Rate))
	emitAll(trials, emit)
	return nil
}

func (j Universal) claim(ctx context.Context, e *Env) (sample Sample, err error) {
	pool, done, err := e.sharePool("universal")
	if err != nil {
		return sample, err
	}
	defer func() { err = errors.Join(err, done(ctx)) }()
	if _, err := pool.Share(ctx, store.Universal("BENCH", int64(j.N))); err != nil {
		return sample, err
	}
	var users texts
	for i := range j.N {
		if err := users.add(fmt.Sprintf("u%07d", i)); err != nil {
			return sample, err
		}
	}
	sample, made, err := load{callers: j.Callers, calls: j.N, budget: e.Budget, call: func(ctx context.Context, _, i int) (int, error) {
		_, err := pool.Redeem(ctx, store.Redemption{Code: "BENCH", User: users.at(i)})
		return 1, err
	}}.run(ctx)
	if err != nil {
		return sample, err
	}
	return sample, pool.auditShared(ctx, "BENCH", int64(made))
}

// Packet creates red packets in batch calls and claims all their shares in batch calls, each
// for another user. The two are lines of their own; rates count shares.
type Packet struct {
	N, Shares int // packets, and shares of each
	Callers   int
	Batch     int // packets or claims a call
}

// Name returns "packet".
func (Packet) Name() string { return "packet" }

// Run measures codepool.
func (j Packet) Run(ctx context.Context, e *Env, emit func(Line)) error {
	if !e.has("codepool") {
		return nil
	}
	create := &trial{line: Line{Job: "packet", System: "codepool", N: int64(j.N * j.Shares), Callers: j.Callers, Batch: j.Batch, Note: "create"}}
	claim := &trial{line: create.line}
	claim.line.Note = "claim"
	create.run = func(ctx context.Context) (Sample, error) {
		created, claimed, err := j.round(ctx, e)
		if err == nil {
			claim.samples = append(claim.samples, claimed)
		}
		return created, err
	}
	if err := e.rounds(ctx, e.Rounds, []*trial{create}); err != nil {
		return err
	}
	summarise(&claim.line, claim.samples)
	emitAll([]*trial{create, claim}, emit)
	return nil
}

func (j Packet) round(ctx context.Context, e *Env) (created, claimed Sample, err error) {
	pool, done, err := e.sharePool("packet")
	if err != nil {
		return created, claimed, err
	}
	defer func() { err = errors.Join(err, done(ctx)) }()
	tokens := make([]string, j.N)
	calls := j.N / j.Batch
	created, _, err = load{callers: j.Callers, calls: calls, budget: e.Budget * 4, call: func(ctx context.Context, _, i int) (int, error) {
		ds := make([]store.Shared, j.Batch)
		for k := range ds {
			ds[k] = store.RedPacket("sender", "CNY", gen.Split{Total: 10_000, Count: j.Shares})
		}
		for k, r := range pool.ShareAll(ctx, ds) {
			if r.Err != nil {
				return 0, r.Err
			}
			tokens[i*j.Batch+k] = r.Info.Token
		}
		return j.Batch * j.Shares, nil
	}}.run(ctx)
	if err != nil {
		return created, claimed, err
	}
	calls = j.N * j.Shares / j.Batch
	claimed, made, err := load{callers: j.Callers, calls: calls, budget: e.Budget * 4, call: func(ctx context.Context, _, i int) (int, error) {
		cs := make([]store.Claim, j.Batch)
		for k := range cs {
			n := i*j.Batch + k // the packets in turn, as chats go on beside each other
			cs[k] = store.Claim{Token: tokens[n%j.N], User: "user-" + strconv.Itoa(n/j.N)}
		}
		for _, r := range pool.ClaimAll(ctx, cs) {
			if r.Err != nil {
				return 0, r.Err
			}
		}
		return j.Batch, nil
	}}.run(ctx)
	if err == nil && made == calls {
		err = pool.auditShared(ctx, tokens[0], int64(j.Shares))
	}
	return created, claimed, err
}

// sharePool is a store with shared batches.
type sharePool struct{ *peer.Codepool }

// sharePool opens an empty store; done closes and removes it.
func (e *Env) sharePool(name string) (p sharePool, done func(context.Context) error, err error) {
	dir, remove, err := e.tempDir(name)
	if err != nil {
		return p, nil, err
	}
	sys, err := peer.OpenCodepool(dir)
	if err != nil {
		remove()
		return p, nil, err
	}
	return sharePool{sys.(*peer.Codepool)}, func(context.Context) error {
		defer remove()
		return sys.Close()
	}, nil
}

// auditShared compares the claims of a shared batch with those that were acknowledged.
func (p sharePool) auditShared(ctx context.Context, token string, claimed int64) error {
	info, err := p.LookupShared(ctx, store.SharedRef{Token: token}, "")
	if err != nil {
		return err
	}
	if info.Claimed != claimed || info.Claimed+info.Left != info.Count {
		return fmt.Errorf("audit: %d shares claimed and %d left, %d were acknowledged of %d", info.Claimed, info.Left, claimed, info.Count)
	}
	return nil
}
