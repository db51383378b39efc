package main

import (
	"context"

	"codepool/store"

	"github.com/spf13/cobra"
)

var releaseVerb = changeVerb{
	name: "release", past: "released", doing: "releasing",
	one: (*store.Store).Release, many: (*store.Store).ReleaseAll, ref: (*store.Store).ReleaseRef,
	try: func(why string) string {
		if why == reason(store.ErrNotIssued) {
			return "codepool show {code}"
		}
		return tryUndo(why)
	},
}

func (a *app) releaseCmd() *cobra.Command {
	var c changes
	cmd := &cobra.Command{
		Use:   "release CODE... | --file FILE|- | --ref REF",
		Short: "Return issued codes to stock: an order was cancelled",
		Long: `Release returns codes that were issued to the stock of their batches, from which they can
be drawn again. Whoever still has a code's text can redeem it then: release only what
nobody has seen, and revoke the rest.

With --ref it returns all codes that a reference still has, and says how many and why
others were not; they are shown masked, as they are in stock. It can be repeated.
` + changeHelp,
		Example: `  codepool release 7KQF-2M9X-T4WC --reason 'order 7 was cancelled'
  codepool release --ref order-7 --by ann
  codepool release --file codes.csv --json`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&c.ref, "ref", "", "all codes that were drawn for this `reference`, such as an order")
	onlyTyped(cmd, "ref")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if err := c.settle(cmd, args); err != nil {
			return err
		}
		if c.ref == "" {
			return a.change(ctx, releaseVerb, &c, nil)
		}
		return a.withStore(false, func(s *store.Store) error {
			if _, err := drawnCounts(ctx, s, c.ref, false); err != nil {
				return interruptedAs(ctx, &failure{doing: "release the codes of " + c.ref, err: err}, "the same again")
			}
			return a.changeRef(ctx, s, releaseVerb, &c)
		})
	})
}
