package main

import (
	"context"
	"strconv"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) receiptsCmd() *cobra.Command {
	var p page
	var user string
	cmd := &cobra.Command{
		Use:   "receipts [--user USER]",
		Short: "List receipts, of all or of one user",
		Long: `Receipts lists redemptions: all, in the order in which they happened, or those of a user,
newest first. With --json it prints one object a line.

To follow the ledger give the last number with --after; to leaf back through those of a
user give it with --before. A redemption that was undone is among them. A code that is
in stock again or revoked is shown masked.`,
		Example: `  codepool receipts --user player-42 --limit 20
  codepool receipts --after 1041 --json`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&user, "user", "", "only those of this `user`, newest first")
	p.flags(cmd, "receipts", true)
	onlyTyped(cmd, "user")
	return a.does(cmd, func(ctx context.Context, _ []string) error {
		if cmd.Flags().Changed("user") && user == "" {
			return usage("--user is empty: name a user, or leave it out for all receipts")
		}
		if err := p.check(); err != nil {
			return err
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
	list := listing{a: a, t: newTable(">number", "at", "code", "batch", "user", "key", "reward")}
	batches, last := batchNames{}, uint64(0)
	for r, err := range next {
		if err == nil && !wanted(r.Number) {
			break
		}
		if err == nil && p.limit > 0 && list.n == p.limit {
			list.end()
			a.note("more: the same with %s %d", bound, last)
			return nil
		}
		var b batchName
		if err == nil {
			b, err = batches.of(s, r.Batch)
		}
		if err == nil {
			r.Code, err = shownReceipt(ctx, s, b, r.Code)
		}
		if err == nil {
			last = r.Number
			err = list.add(r, strconv.FormatUint(r.Number, 10), instantText(r.At), r.Code, b.name, r.User, r.Key, r.Reward)
		}
		if err != nil {
			list.end()
			return listFailure(ctx, "receipts", err, bound, last)
		}
	}
	list.end()
	if list.n == 0 {
		a.note("no receipts")
	}
	return nil
}

// shownReceipt is the text that may be shown of a code that was redeemed: its redemption
// may have been undone since and the code be in stock.
func shownReceipt(ctx context.Context, s *store.Store, b batchName, code string) (string, error) {
	state, err := stateOf(ctx, s, b, code)
	return shown(state, code, code), err
}
