package workload

import (
	"context"
	"fmt"
	"strings"
	"time"

	"codepool/bench/host"
	"codepool/bench/peer"
	"codepool/gen"
	"codepool/store"
)

// Disk weighs directories: blocks allocated for a minted code, as the slope between two
// sizes, and for a redemption with an 8-byte user, as the difference that redeeming all
// codes of an import makes. Both after Close, and with the system still open.
type Disk struct {
	Small, Large int // codes minted
	Redeems      int // codes imported as handed out, and redeemed
}

// Name returns "disk".
func (Disk) Name() string { return "disk" }

const block = 4096 // least that a file system allocates, mostly

// weight is the size of a directory while its system was open and after Close.
type weight struct{ open, closed int64 }

// Run measures minting on the systems that keep stock in bulk, redeeming on codepool.
func (j Disk) Run(ctx context.Context, e *Env, emit func(Line)) error {
	for _, k := range e.Kinds {
		if !peer.Can[peer.Drawer](k) {
			continue
		}
		line := Line{Job: "disk", System: k.Name, N: int64(j.Large), Rounds: 1, Note: "minted"}
		small, err := mintedWeight(ctx, e, k, j.Small)
		if err != nil {
			return failed(ctx, line, err, emit)
		}
		large, err := mintedWeight(ctx, e, k, j.Large)
		if err != nil {
			return failed(ctx, line, err, emit)
		}
		// What is less than a block cannot be told: codepool writes seeds in the place of codes.
		line.BytesPerCode = float64(max(large.closed-small.closed, block)) / float64(j.Large-j.Small)
		line.set("open_bytes_per_code", float64(large.open-small.open)/float64(j.Large-j.Small))
		emit(line)
	}
	if !e.has("codepool") {
		return nil
	}
	line := Line{Job: "disk", System: "codepool", N: int64(j.Redeems), Rounds: 1, Note: "redeemed"}
	before, after, err := j.redeemedWeight(ctx, e)
	if err != nil {
		return failed(ctx, line, err, emit)
	}
	line.set("bytes_per_redemption", float64(after.closed-before.closed)/float64(j.Redeems))
	line.set("open_bytes_per_redemption", float64(after.open-before.open)/float64(j.Redeems))
	emit(line)
	return nil
}

func mintedWeight(ctx context.Context, e *Env, k peer.Kind, n int) (w weight, err error) {
	e.logf("disk: %s, %d codes", k.Name, n)
	s := e.newStock(k, n, 0)
	defer s.discard()
	if err := s.create(); err != nil {
		return w, err
	}
	if err := s.mint(ctx); err != nil {
		return w, err
	}
	if w, err = s.weigh(); err != nil {
		return w, err
	}
	return w, s.close(ctx)
}

// redeemedWeight imports codes as handed out, so that no records of draws mix with those
// of redemptions, and weighs the directory before and after redeeming all of them.
func (j Disk) redeemedWeight(ctx context.Context, e *Env) (before, after weight, err error) {
	e.logf("disk: %d redemptions", j.Redeems)
	dir, remove, err := e.tempDir("disk")
	if err != nil {
		return before, after, err
	}
	defer remove()
	s := &stock{env: e, kind: peer.Kind{Open: peer.OpenCodepool}, dir: dir, users: users(j.Redeems)}
	s.remove = func() {} // ours does
	defer s.discard()
	if s.codes, err = randomCodes(j.Redeems); err != nil {
		return before, after, err
	}
	if s.sys, err = s.kind.Open(dir); err != nil {
		return before, after, err
	}
	report, err := s.sys.(*peer.Codepool).Import(ctx, store.Batch{Name: "handed out", Format: gen.DefaultFormat()},
		newLineReader(s.codes), store.ImportOptions{HandedOut: true})
	if err != nil {
		return before, after, err
	}
	if report.Added != int64(j.Redeems) {
		return before, after, fmt.Errorf("imported %d of %d codes", report.Added, j.Redeems)
	}
	s.ledger = peer.Ledger{Minted: report.Added, HandedOut: report.Added}
	if before, err = s.weigh(); err != nil {
		return before, after, err
	}
	s.codes.shuffle(1)
	l := RedeemLoad{Mode: Batched, Callers: 4, Batch: 1000}
	_, made, err := l.run(ctx, s, time.Hour)
	if err != nil {
		return before, after, err
	}
	s.redeemed(made)
	if after, err = s.weigh(); err != nil {
		return before, after, err
	}
	return before, after, s.sys.Audit(ctx, s.ledger)
}

// weigh measures the open system's directory, closes it, measures again, and opens it.
func (s *stock) weigh() (w weight, err error) {
	if w.open, err = host.DiskUse(s.dir); err != nil {
		return w, err
	}
	err = s.sys.Close()
	s.sys = nil
	if err != nil {
		return w, err
	}
	if w.closed, err = host.DiskUse(s.dir); err != nil {
		return w, err
	}
	s.sys, err = s.kind.Open(s.dir)
	return w, err
}

// newLineReader reads the texts as lines.
func newLineReader(t *texts) *strings.Reader {
	var b strings.Builder
	b.Grow(t.len() * (t.width + 1))
	for i := range t.len() {
		b.WriteString(t.at(i))
		b.WriteByte('\n')
	}
	return strings.NewReader(b.String())
}
