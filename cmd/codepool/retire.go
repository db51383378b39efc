package main

import (
	"context"
	"fmt"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) retireCmd() *cobra.Command {
	var c store.BatchChange
	var force bool
	cmd := &cobra.Command{
		Use:   "retire BATCH",
		Short: "Take a finished batch out of memory",
		Long: `Retire takes a batch (its name, or its number) out of memory that is finished: its window
has ended, or it was revoked, or all of its codes are redeemed or revoked; and none is
leased or reserved. Codes, states and receipts stay on the disk and can be asked for as
before, a little slower; its codes are never minted or imported again.

It is for ever: no redemption of the batch can be undone any more, no code released, and
the batch not changed. It asks first; where nobody can be asked it needs --force.
Retiring a batch that is retired does nothing.`,
		Example:           `  codepool retire spring-2025 --by ann --reason 'campaign is over'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeBatch,
	}
	changeFlags(cmd, &c.By, &c.Reason)
	cmd.Flags().BoolVar(&force, "force", false, "do not ask")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		return a.changeBatch("retire", args[0], func(s *store.Store, b store.BatchInfo) error {
			if b.Retired {
				a.note("batch %s is retired already", clean(b.Name))
			} else if err := a.confirm(ctx, force, fmt.Sprintf("Retire batch %s, %s, for ever?", b.Name, plural(b.Counts.Minted, "code"))); err != nil {
				return err
			}
			return s.Retire(ctx, b.ID, c)
		})
	})
}
