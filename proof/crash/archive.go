package crash

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"codepool/store"
)

// Batches of a namespace of their own are filled, used in part, revoked and retired, one
// after the other. What an earlier run left is retired first. Whoever was told that a batch is
// retired finds it so, with the answers it had.

const (
	archiveBatch  = "attic" // also the namespace
	archiveCodes  = 8
	archiveBurned = 3 // of them
	archiveEvery  = 2000
)

// archiveCode is the text of a code of one of these batches.
func archiveCode(batch string, i int) string { return fmt.Sprint(strings.ToUpper(batch), "Y", i) }

// archived is the redemption of a code.
func archived(batch string, i int) store.Redemption {
	code := archiveCode(batch, i)
	return store.Redemption{Code: code, Namespace: archiveBatch, User: "reader", Key: "archive" + code}
}

// archive retires a batch at once, and further ones as receipts come.
func (c *child) archive(ctx context.Context) {
	before := c.failed.Load()
	if err := c.retireLeft(ctx); err != nil {
		c.fails("retirement", err, before)
		return
	}
	n := 0
	for range c.s.Follow(ctx, c.s.Stats().Durable) {
		if n++; n%archiveEvery != 1 {
			continue
		}
		before := c.failed.Load()
		if err := c.retireOne(ctx, fmt.Sprint(archiveBatch, c.run0, "x", n/archiveEvery)); err != nil && !c.fails("retirement", err, before) {
			return
		}
	}
}

// retireLeft retires the batches that an earlier run has begun with.
func (c *child) retireLeft(ctx context.Context) error {
	for _, b := range c.s.Batches() {
		if b.Namespace == archiveBatch && !b.Retired {
			if err := c.retire(ctx, b.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *child) retireOne(ctx context.Context, name string) error {
	var codes strings.Builder
	for i := range archiveCodes {
		fmt.Fprintln(&codes, archiveCode(name, i))
	}
	def := store.Batch{Name: name, Namespace: archiveBatch, FromStock: true}
	if _, err := c.s.Import(ctx, def, strings.NewReader(codes.String()), store.ImportOptions{}); err != nil {
		return err
	}
	for i := range archiveBurned {
		if _, err := c.s.Redeem(ctx, archived(name, i)); err != nil {
			return err
		}
	}
	return c.retire(ctx, name)
}

func (c *child) retire(ctx context.Context, name string) error {
	b, err := c.s.BatchNamed(name)
	if err == nil {
		err = c.s.RevokeBatch(ctx, b.ID, store.BatchChange{By: "archive"})
	}
	if err == nil {
		err = c.s.Retire(ctx, b.ID, store.BatchChange{By: "archive"})
	}
	if err == nil {
		say(lineRetired, name, fmt.Sprint(b.Counts.Minted), fmt.Sprint(b.Counts.Redeemed))
	}
	return err
}

// retired is a batch that was retired, with so many codes of which so many were redeemed.
type retired struct{ minted, redeemed int64 }

// auditArchive judges the batches of which somebody was told that they are retired.
func (a *auditor) auditArchive(ctx context.Context, s *store.Store, all bool) {
	for name, want := range a.retired {
		b, err := s.BatchNamed(name)
		if err != nil || !b.Retired || b.Counts.Minted != want.minted || b.Counts.Redeemed != want.redeemed || b.Counts.Revoked != want.minted-want.redeemed {
			a.wrong("batch %s was retired, %d of %d codes redeemed; afterwards: %+v, %v", name, want.redeemed, want.minted, b, err)
		}
		if a.archived[name] && !all {
			continue
		}
		a.archived[name] = true
		for i := range int(want.minted) {
			r, refusal := archived(name, i), store.ErrRevoked
			if i < int(want.redeemed) {
				refusal = store.ErrAlreadyRedeemed
				if rec, err := s.Redeem(ctx, r); err != nil || rec.Code != r.Code {
					a.wrong("%s is retired, and its key gets %+v, %v", r.Code, rec, err)
				}
			}
			r.Key = ""
			if _, err := s.Redeem(ctx, r); !errors.Is(err, refusal) {
				a.wrong("%s is retired, and redeeming it says %v, not %v", r.Code, err, refusal)
			}
		}
	}
}
