package main

import (
	"cmp"
	"context"
	"strconv"

	"codepool/cmd/codepool/internal/receipts"
	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) receiptsCmd() *cobra.Command {
	var p page
	var user string
	var o feed
	cmd := &cobra.Command{
		Use:   "receipts [--user USER]",
		Short: "List receipts, of all or of one user",
		Long: `Receipts lists redemptions: all, in the order in which they happened, or those of a user,
newest first. With --json it prints one object a line.

To follow the ledger give the last number with --after; to leaf back through those of a
user give it with --before. A redemption that was undone is among them. A code that is
in stock again or revoked is shown masked. What was claimed of shared batches is among
them, with its amount; with --json that is in minor units.

With --cursor it begins behind a cursor (codepool cursor) and moves it behind what was
written out, so that each receipt comes at least once, whatever crashes. With --follow it
does not end with the last receipt: it prints those that come, until Ctrl-C. The store is
its own while it runs, as it is of every command.`,
		Example: `  codepool receipts --user player-42 --limit 20
  codepool receipts --cursor mailer --json | ./mail
  codepool receipts --after 1041 --json`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&user, "user", "", "only those of this `user`, newest first")
	p.flags(cmd, "receipts", "after", "before")
	onlyTyped(cmd, "user")
	o.flags(cmd)
	return a.does(cmd, func(ctx context.Context, _ []string) error {
		if cmd.Flags().Changed("user") && user == "" {
			return usage("--user is empty: name a user, or leave it out for all receipts")
		}
		if err := cmp.Or(p.check(), o.check(cmd)); err != nil {
			return err
		}
		if o.follow || o.cursor != "" {
			return a.withStore(false, func(s *store.Store) error { return a.feed(ctx, s, p, o) })
		}
		return a.withStore(false, func(s *store.Store) error { return a.receipts(ctx, s, user, p) })
	})
}

func (a *app) receipts(ctx context.Context, s *store.Store, user string, p page) error {
	next, wanted := s.Receipts(ctx, p.after), func(n uint64) bool { return p.before == 0 || n < p.before }
	bound := "--after"
	if user != "" {
		next, wanted = s.ReceiptsOf(ctx, user, p.before), func(n uint64) bool { return n > p.after }
		bound = "--before"
	}
	list := newReceiptList(a, s)
	for r, err := range next {
		if err == nil && !wanted(r.Number) {
			break
		}
		if err == nil && p.limit > 0 && list.n == p.limit {
			list.end()
			a.note("more: the same with %s %d", bound, list.last)
			return nil
		}
		if err == nil {
			err = list.add(ctx, r)
		}
		if err != nil {
			list.end()
			return listFailure(ctx, "receipts", err, bound, list.last)
		}
	}
	list.end()
	if list.n == 0 {
		a.note("no receipts")
	}
	return nil
}

// receiptList prints receipts as they come.
type receiptList struct {
	listing
	s       *store.Store
	batches receipts.Batches
	last    uint64
}

func newReceiptList(a *app, s *store.Store) receiptList {
	list := listing{a: a, t: newTable(">number", "at", "code", "batch", ">amount", "user", "key", "reward")}
	return receiptList{listing: list, s: s, batches: receipts.Batches{}}
}

func (l *receiptList) add(ctx context.Context, r store.Receipt) error {
	b, err := l.batches.Of(l.s, r.Batch)
	if err != nil {
		return err
	}
	if r, err = receipts.Shown(ctx, l.s, b, r); err != nil {
		return err
	}
	l.last = r.Number
	of, amount := b.Name, ""
	if r.Share != nil {
		of, amount = sharedText(r.Share.ID, r.Share.Room), moneyText(r.Share.Amount, r.Share.Currency)
	}
	return l.listing.add(r, strconv.FormatUint(r.Number, 10), instantText(r.At), r.Code, of, amount, r.User, r.Key, r.Reward)
}
