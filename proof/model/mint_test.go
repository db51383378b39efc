package model

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"codepool/gen"
	"codepool/store"

	"pgregory.net/rapid"
)

// formats are those that are minted: packed and wide, of every fold.
var formats = []gen.Format{
	gen.DefaultFormat(),
	{Class: gen.Crockford32, Length: 16, Group: 4}, // wide
	{Class: gen.Digits, Length: 16, Group: 4},
	{Class: gen.AlnumCase, Length: 10},
	{Class: gen.Digits, Length: 22}, // wide
	{Class: gen.AlnumCase, Length: 17},
	{Class: gen.Alnum, Length: 9, Group: 3, Prefix: "VIP"},
	{Class: gen.LettersCase, Length: 40, Prefix: "X-"},
	crowded,
}

// crowded is a format of so few codes that those of two mints meet.
var crowded = gen.Format{Class: gen.Digits, Length: 4}

// maxCrowded is how many codes of it a namespace is given.
const maxCrowded = 2000

// terms draws a batch but for what its codes are.
func (m *model) terms(t *rapid.T) store.Batch {
	m.names++
	b := store.Batch{
		Name: fmt.Sprint("b", m.names), Namespace: oneOf(t, spaceNames[:]...), FromStock: oneIn(t, 3),
		Reward: label(t, "reward"), Kind: label(t, "kind"), KindNo: label(t, "no"), Owner: label(t, "owner"), Remark: label(t, "remark"),
	}
	switch upTo(t, 20) {
	case 18:
		b.Name = longText[:600] + b.Name
	case 19:
		b.Name = ""
	}
	m.window(t, &b)
	life := upTo(t, 6)
	if life == 2 || life == 3 {
		b.PerUser = 1 + upTo(t, 2)
	}
	if life == 3 || life == 4 {
		if b.Reusable = true; upTo(t, 2) > 0 {
			b.Quarantine = anyTime(t)
		}
	}
	return b
}

// window draws a window, or none, in nanoseconds: its ends need not be times of the ledger.
func (m *model) window(t *rapid.T, b *store.Batch) {
	open := upTo(t, 5)
	if open < 2 {
		return
	}
	micro := func(n int) time.Duration { return time.Duration(n) * time.Microsecond }
	b.NotBefore = m.clk.now.Truncate(time.Millisecond).Add(micro(upTo(t, 6000) - 1000))
	b.NotAfter = b.NotBefore.Add(micro(2 + upTo(t, 20_000))) // a whole microsecond at least, whatever is added below
	if oneIn(t, 4) {                                         // at least one time of the ledger lies in it
		b.NotBefore = b.NotBefore.Add(time.Duration(upTo(t, 999)))
		b.NotAfter = b.NotAfter.Add(time.Duration(1000 + upTo(t, 999)))
	}
	switch open {
	case 2:
		b.NotBefore = time.Time{}
	case 3:
		b.NotAfter = time.Time{}
	}
}

// sizes of batches: around the pages of codes (8192) and of states (32768), too.
func size(t *rapid.T) int64 {
	switch upTo(t, 90) {
	case 80:
		return int64(8191 + upTo(t, 2))
	case 81:
		return int64(16383 + upTo(t, 2))
	case 82:
		return int64(32766 + upTo(t, 4))
	case 83, 84:
		return int64(32768 + upTo(t, 8192))
	}
	return int64(1 + upTo(t, 300))
}

// mintOp is a mint.
type mintOp struct {
	b   store.Batch
	at  moment
	cut int // it stops at this question for its context; 0: never
}

func (m *model) anyMint(t *rapid.T) mintOp {
	if oneIn(t, 6) { // what was begun
		for _, b := range m.batches {
			if !b.complete {
				o := mintOp{b: b.Batch, at: m.anyMoment(t, nil)}
				o.b.ID = 0
				return o
			}
		}
	}
	o := mintOp{b: m.terms(t), at: m.anyMoment(t, nil)}
	o.b.Format, o.b.Count = oneOf(t, formats...), size(t)
	if oneIn(t, 4) {
		o.b.Format, o.b.Signed = gen.Format{}, oneOf(t, layouts...)
	}
	if o.b.Format == gen.DefaultFormat() && oneIn(t, 2) {
		o.b.Format = gen.Format{}
	}
	if o.b.Format == crowded && m.crowdedIn(o.b.Namespace)+o.b.Count > maxCrowded {
		o.b.Format = gen.DefaultFormat()
	}
	if o.b.Name != "" && oneIn(t, 8) {
		o.cut = 1 + upTo(t, 8)
	}
	return o
}

// crowdedIn is how many codes of the crowded format a namespace has.
func (m *model) crowdedIn(space string) (n int64) {
	for _, b := range m.batches {
		if b.Namespace == space && b.Format == crowded {
			n += b.Count
		}
	}
	return n
}

func (o mintOp) GoString() string {
	s := fmt.Sprintf("mint %d of %v as %.20q in %q%s%v", o.b.Count, o.b.Format, o.b.Name, o.b.Namespace, window(o.b), o.at)
	if o.cut > 0 {
		s += fmt.Sprintf(", cut at question %d", o.cut)
	}
	return s
}

func window(b store.Batch) (s string) {
	if b.FromStock {
		s = ", from stock"
	}
	if b.NotBefore.IsZero() && b.NotAfter.IsZero() {
		return s
	}
	return fmt.Sprintf("%s, valid from %s until %s", s, clockTime(b.NotBefore), clockTime(b.NotAfter))
}

// mint adds a batch whose codes the model learns when they are drawn.
func (m *model) mint() {
	o := rapid.Custom(m.anyMint).Draw(m.t, "mint")
	ctx := m.ctx()
	if o.cut > 0 {
		cut := &cutContext{Context: context.Background()}
		cut.left.Store(int64(o.cut))
		ctx = cut
	}
	m.beginAdding(o.at)
	info, err := m.s.Mint(ctx, o.b)
	m.did(o, "batch %d, %s", info.ID, outcome(err))
	m.signed(&o.b)
	o.b.Format = o.b.Format.WithDefaults()
	risk := gen.GuessRisk(o.b.Count, o.b.Format, gen.DefaultGuessesPerHour)
	if m.opt.RefuseGuessable && !risk.Acceptable(gen.DefaultHitsPerYear) {
		m.wantErr("mint of codes that can be guessed", err, store.ErrGuessable)
		return
	}
	if old := m.byName[o.b.Name]; old != nil && old.retired {
		m.wantErr("mint into a retired batch", err, store.ErrRetired)
		return
	} else if old != nil && old.revoked {
		m.wantErr("mint into a revoked batch", err, store.ErrRevoked)
		return
	}
	if m.byName[o.b.Name] == nil && isSigned(o.b) && len(m.batches)+1 >= 1<<o.b.Signed.PlanBits {
		if o.cut == 0 || !errors.Is(err, context.Canceled) {
			m.wantErr("mint of more signed batches than there are plans", err, store.ErrSpace)
		}
		return
	}
	if o.cut > 0 && err != nil {
		m.wantErr("interrupted mint", err, context.Canceled)
		if _, err := m.s.BatchNamed(o.b.Name); errors.Is(err, store.ErrUnknownBatch) {
			return // it had not begun
		}
	} else if err != nil {
		m.failf("mint: %v", outcome(err))
	}
	m.atMost(3) // the others to see how full the namespace is, and what was made
	at := m.clk.taken()[0]
	b := m.byName[o.b.Name]
	if b == nil {
		b = m.addBatch(o.b, false, at)
	}
	b.complete = err == nil
	n := b.Count - b.counts.Minted
	if err != nil { // with few codes some may have been made before others met
		n = info.Counts.Minted - b.counts.Minted
		if n != 0 && b.Format != crowded {
			m.failf("interrupted mint made %d codes of its only round", n)
		}
	}
	if n > 0 {
		m.added("mint", b, "", n, at)
	}
	b.hidden, b.counts.Minted, b.counts.Available = b.hidden+n, b.counts.Minted+n, b.counts.Available+n
	m.sameBatch(info, b)
}

// cutContext ends after it was asked some times whether it has.
type cutContext struct {
	context.Context
	left atomic.Int64
}

func (c *cutContext) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// sameBatch holds what the store says of a batch against the model.
func (m *model) sameBatch(got store.BatchInfo, b *batch) {
	want := store.BatchInfo{
		Batch: b.Batch, Created: got.Created, Imported: b.imported, Complete: b.complete,
		Counts: b.counts, Risk: got.Risk, Paused: b.paused, Revoked: b.revoked, Retired: b.retired,
	}
	if b.imported {
		want.Count = b.counts.Minted
	}
	want.NotBefore, want.NotAfter = got.NotBefore, got.NotAfter
	if got != want || !got.Created.Equal(b.created) || !got.NotBefore.Equal(b.from) || !got.NotAfter.Equal(b.until) {
		m.failf("batch %d is %+v, created %v; want %+v, created %v", b.ID, got, got.Created, want, b.created)
	}
	if c := got.Counts; c.Minted != c.Available+c.Leased+c.Reserved+c.Issued+c.Redeemed+c.Revoked { // I7
		m.failf("batch %d: %+v do not add up", b.ID, c)
	}
}
