package main

import (
	"cmp"
	"context"
	"strconv"

	"codepool/cmd/codepool/internal/receipts"
	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) ledgerCmd() *cobra.Command {
	var p page
	var only string
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "List all that was done: by whom, when, from which process",
		Long: `Ledger lists every record of the store in order, for an audit: what was minted, imported,
drawn, exported, redeemed, released, undone, revoked, and how batches were changed; who
asked for it and why, when, and from which process. Of shared batches it lists their
creation (share), what was claimed, what of that was taken back (undo claim) and what was
left at their end. With --json it prints one object a line, with amounts in minor units.

Codes are masked, but those that are redeemed and the tokens that were claimed. To follow the ledger give the last number
with --after.`,
		Example: `  codepool ledger --after 1041
  codepool ledger --batch launch --json`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&only, "batch", "", "only what concerns this `batch`, its name or number")
	p.flags(cmd, "records", "after")
	onlyTyped(cmd, "batch")
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("batch", a.completeBatch))
	return a.does(cmd, func(ctx context.Context, _ []string) error {
		if cmd.Flags().Changed("batch") && only == "" {
			return usage("--batch is empty: name a batch, or leave it out for all records")
		}
		if err := p.check(); err != nil {
			return err
		}
		return a.withStore(false, func(s *store.Store) error {
			if only == "" {
				return a.ledger(ctx, s, 0, p)
			}
			b, err := batch(s, only)
			if err != nil {
				return &failure{doing: "ledger", err: err, batch: only}
			}
			return a.ledger(ctx, s, b.ID, p)
		})
	})
}

// ledger lists the records, all or those of a batch.
func (a *app) ledger(ctx context.Context, s *store.Store, only store.BatchID, p page) error {
	list := listing{a: a, t: newTable(">number", "at", "what", ">codes", ">amount", "batch", "code", "for", "by", "key", "reason", "process")}
	batches, last := receipts.Batches{}, p.after
	for e, err := range s.Ledger(ctx, p.after) {
		if err == nil && only != 0 && e.Batch != only {
			last = e.Number
			continue
		}
		if err == nil && p.limit > 0 && list.n == p.limit {
			list.end()
			a.note("more: the same with --after %d", last)
			return nil
		}
		var b receipts.Batch
		if err == nil {
			b, err = batches.Of(s, e.Batch)
		}
		if err == nil && (e.Verb == "redeem" || e.Verb == "confirm") {
			var r store.Receipt
			r, err = receipts.Shown(ctx, s, b, store.Receipt{Code: e.Code})
			e.Code = r.Code
		}
		if err == nil {
			last = e.Number
			of := b.Name
			if e.Shared > 0 {
				of = sharedText(e.Shared, e.Room)
			}
			err = list.add(e, strconv.FormatUint(e.Number, 10), instantText(e.At), whatText(e), countText(e.Count), moneyText(e.Amount, e.Currency), of, e.Code,
				cmp.Or(e.User, e.Ref), e.By, e.Key, e.Reason, e.Process)
		}
		if err != nil {
			list.end()
			return listFailure(ctx, "ledger", err, "--after", last)
		}
	}
	list.end()
	if list.n == 0 {
		a.note("no records")
	}
	return nil
}

// whatText writes what a record says was done.
func whatText(e store.Entry) string {
	text := e.Verb
	if e.Lease > 0 {
		text += " " + strconv.FormatUint(e.Lease, 10)
	}
	if !e.Until.IsZero() {
		text += " until " + instantText(e.Until)
	}
	window := windowText(e.NotBefore, e.NotAfter)
	switch {
	case e.Verb == store.EventRescheduled.String():
		text += ": " + cmp.Or(window, "always")
	case e.Verb == "share" && window != "":
		text += ": " + window
	}
	return text
}

func countText(n int64) string {
	if n == 0 {
		return ""
	}
	return many(n)
}
