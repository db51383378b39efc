package peer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"codepool/gen"
	"codepool/store"
)

// Codepool is the store under test, with its default options.
type Codepool struct {
	*store.Store
	terms store.Batch   // of its batches
	lease time.Duration // draws are leases for that long; 0: for good
	batch atomic.Uint32 // the batch minted last; draws come from it
	draws atomic.Uint64 // numbers the references of draws
}

// OpenCodepool opens a store in dir. Draws come from the batch minted last, also
// after a reopen.
func OpenCodepool(dir string) (System, error) {
	return openCodepool(dir, store.Batch{}, 0, nil)
}

func openCodepool(dir string, terms store.Batch, lease time.Duration, o *store.Options) (System, error) {
	s, err := store.Open(dir, o)
	if err != nil {
		return nil, err
	}
	c := &Codepool{Store: s, terms: terms, lease: lease}
	for _, b := range s.Batches() {
		c.batch.Store(max(c.batch.Load(), uint32(b.ID)))
	}
	return c, nil
}

// Limited is codepool with a limit of one redemption a user.
func Limited() Kind {
	return kind(func(dir string) (System, error) { return openCodepool(dir, store.Batch{PerUser: 1}, 0, nil) })
}

// Leasing is codepool with draws that are leases for an hour.
func Leasing() Kind {
	return kind(func(dir string) (System, error) { return openCodepool(dir, store.Batch{}, time.Hour, nil) })
}

// Signed is codepool with signed codes of the default layout.
func Signed() Kind {
	return kind(func(dir string) (System, error) {
		keys := []gen.SignKey{{ID: 1, Secret: []byte("a key for measurements")}}
		return openCodepool(dir, store.Batch{Signed: gen.DefaultLayout()}, 0, &store.Options{SignKeys: keys})
	})
}

// rest is after which time without writes the engine's merges have begun, if there are any.
const rest = 300 * time.Millisecond

func kind(open func(dir string) (System, error)) Kind {
	return Kind{Name: "codepool", Open: open, Type: (*Codepool)(nil), Rest: rest}
}

// Mint adds one batch of n codes in the default format.
func (c *Codepool) Mint(ctx context.Context, n int) error {
	def := c.terms
	def.Count, def.Kind, def.Reward = int64(n), "bench", "gold:100"
	b, err := c.Store.Mint(ctx, def)
	if err != nil {
		return err
	}
	c.batch.Store(uint32(b.ID))
	return nil
}

// HandOut issues k codes.
func (c *Codepool) HandOut(ctx context.Context, k int, each func(string)) error {
	for k > 0 {
		n := min(k, store.MaxIssue)
		codes, err := c.Issue(ctx, c.LastBatch(), n, c.to())
		if err != nil {
			return err
		}
		for _, code := range codes {
			each(code)
		}
		k -= n
	}
	return nil
}

// Draw issues k codes bound to a reference of their own, as an order would.
func (c *Codepool) Draw(ctx context.Context, k int, dst []string) ([]string, error) {
	if c.lease > 0 {
		l, err := c.Lease(ctx, c.LastBatch(), k, c.lease, c.to())
		return append(dst, l.Codes...), err
	}
	codes, err := c.Issue(ctx, c.LastBatch(), k, c.to())
	return append(dst, codes...), err
}

// LastBatch returns the number of the batch minted last.
func (c *Codepool) LastBatch() store.BatchID { return store.BatchID(c.batch.Load()) }

// to is a reference of its own.
func (c *Codepool) to() store.Draw {
	return store.To("order-" + strconv.FormatUint(c.draws.Add(1), 10))
}

// RedeemOne burns one code and writes its receipt.
func (c *Codepool) RedeemOne(ctx context.Context, code, user string) error {
	_, err := c.Redeem(ctx, Redemption{Code: code, User: user})
	return err
}

// RedeemMany burns codes and writes their receipts.
func (c *Codepool) RedeemMany(ctx context.Context, rs []Redemption) error {
	for _, r := range c.RedeemAll(ctx, rs) {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

// Refuse asks for all of them in one call.
func (c *Codepool) Refuse(ctx context.Context, codes []string) (refused int, err error) {
	rs := make([]Redemption, len(codes))
	for i, code := range codes {
		rs[i] = Redemption{Code: code, User: "somebody"}
	}
	for _, r := range c.RedeemAll(ctx, rs) {
		if !errors.Is(r.Err, store.ErrUnknownCode) {
			return refused, errors.Join(errors.New("a code that does not exist was not refused"), r.Err)
		}
		refused++
	}
	return refused, nil
}

// Audit compares the counts of all states, and the ledger's receipts one by one: as
// many as redemptions, numbers ascending.
func (c *Codepool) Audit(ctx context.Context, want Ledger) error {
	got := c.Stats().Codes
	issued, leased := want.HandedOut+want.Drawn, int64(0)
	if c.lease > 0 {
		issued, leased = want.HandedOut, want.Drawn
	}
	var errs []error
	for _, t := range []struct {
		what      string
		got, want int64
	}{
		{"minted", got.Minted, want.Minted},
		{"available", got.Available, want.Minted - issued - leased},
		{"leased", got.Leased, leased},
		{"issued", got.Issued, issued - want.Redeemed},
		{"redeemed", got.Redeemed, want.Redeemed},
	} {
		if t.got != t.want {
			errs = append(errs, Mismatch(t.what, t.got, t.want))
		}
	}
	var receipts int64
	var last uint64
	for r, err := range c.Receipts(ctx, 0) {
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if r.Number <= last {
			errs = append(errs, fmt.Errorf("audit: receipt %d follows %d", r.Number, last))
			break
		}
		last = r.Number
		receipts++
	}
	if receipts != want.Redeemed {
		errs = append(errs, Mismatch("receipts", receipts, want.Redeemed))
	}
	return errors.Join(errs...)
}
