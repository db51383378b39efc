package main

import (
	"context"

	"codepool/store"

	"github.com/spf13/cobra"
)

var undoVerb = changeVerb{
	name: "undo", past: "undone", doing: "undoing",
	one: (*store.Store).Undo, many: (*store.Store).UndoAll,
	try: func(string) string { return "" },
}

func (a *app) undoCmd() *cobra.Command {
	var c changes
	cmd := &cobra.Command{
		Use:   "undo CODE... | --file FILE|-",
		Short: "Take redemptions back: a refund",
		Long: `Undo takes the redemption of codes back. They are issued again, to the reference they
were drawn for, and can be redeemed once more; in a batch that is revoked they are then
revoked. The ledger keeps the redemption and its undoing.
` + changeHelp,
		Example: `  codepool undo 7KQF-2M9X-T4WC --by ann --reason refund
  codepool undo --file refunds.csv`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.flags(cmd)
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if err := c.settle(cmd, args); err != nil {
			return err
		}
		return a.change(ctx, undoVerb, &c, nil)
	})
}
