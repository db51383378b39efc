package soak

import (
	"context"
	"errors"
	"hash/maphash"

	"codepool/store"
)

// check asks for one slot.
func (l *lane) check(ctx context.Context, s *slot) {
	var want error
	if s.number != 0 {
		want = store.ErrAlreadyRedeemed
	}
	if err := l.s.Check(ctx, store.Redemption{Code: l.code(s), Namespace: s.namespace()}); !errors.Is(err, want) {
		l.fail("%s: check says %v, want %v", l.code(s), err, want)
	}
}

// lookup reads all that is known of one slot.
func (l *lane) lookup(ctx context.Context, s *slot) {
	info, err := l.s.Lookup(ctx, s.namespace(), l.code(s))
	r := l.request(s, s.seq)
	ok := err == nil && info.Code == r.Code && info.BatchID == s.batch && (info.Receipt != nil) == (s.number != 0)
	if ok && s.number != 0 {
		ok = info.Receipt.Number == s.number && info.Receipt.User == r.User && info.Receipt.Key == r.Key && info.StateName == "redeemed"
	}
	if ok && s.word < given {
		ok = info.Ref == refOf(l.id, s.draw)
	}
	if !ok {
		l.fail("%+v is looked up as %+v with receipt %+v, %v", *s, info, info.Receipt, err)
	}
}

// look checks and looks up some, reads a stretch of the ledger and leaves it in the middle.
func (l *lane) look(ctx context.Context) {
	for k, i := range l.some(40) {
		if l.check(ctx, &l.slots[i]); k%8 == 0 {
			l.lookup(ctx, &l.slots[i])
		}
	}
	if len(l.batches) > 0 && l.rng.IntN(8) == 0 {
		b := l.batches[l.rng.IntN(len(l.batches))]
		if info, err := l.s.Batch(b.id); err != nil || info.Counts.Available != int64(b.stock) || !info.Complete {
			l.fail("batch %d with %d in stock is %+v, %v", b.id, b.stock, info, err)
		}
	}
	if l.rng.IntN(8) > 0 {
		return
	}
	after, left := l.rng.Uint64N(l.s.Stats().Durable+1), 200
	for r, err := range l.s.Receipts(ctx, after) {
		if err != nil || r.Number <= after {
			l.fail("receipt %+v after %d, %v", r, after, err)
			return
		}
		if after, left = r.Number, left-1; left == 0 {
			return
		}
	}
}

// whole is what all lanes know together.
type whole struct {
	counts  store.Counts
	content content
	sum     uint64
	rows    int64
}

func together(lanes []*lane) (w whole) {
	for _, l := range lanes {
		for _, add := range []struct {
			to   *int64
			from int64
		}{
			{&w.counts.Minted, l.counts.Minted}, {&w.counts.Available, l.counts.Available}, {&w.counts.Issued, l.counts.Issued}, {&w.counts.Redeemed, l.counts.Redeemed},
			{&w.content.codes, l.content.codes}, {&w.content.bulk, l.content.bulk}, {&w.content.wide, l.content.wide}, {&w.content.runs, l.content.runs}, {&w.content.records, l.content.records},
			{&w.content.drawn, l.content.drawn}, {&w.rows, l.rows},
		} {
			*add.to += add.from
		}
		w.sum += l.sum
	}
	return w
}

// ledger is how far the receipts of a store were compared.
type ledger struct {
	after uint64
	sum   uint64
	rows  int64
}

// read goes on to the end of the ledger.
func (g *ledger) read(ctx context.Context, s *store.Store, seed maphash.Seed) error {
	for r, err := range s.Receipts(ctx, g.after) {
		if err != nil {
			return err
		}
		g.after, g.sum, g.rows = r.Number, g.sum+sumOf(seed, &r), g.rows+1
	}
	return nil
}
