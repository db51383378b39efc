package main

import (
	"context"
	"strconv"
	"time"

	"codepool/cmd/codepool/internal/receipts"
	"codepool/store"

	"github.com/spf13/cobra"
)

// drawnView is a code that was drawn for a reference, as it is shown.
type drawnView struct {
	Number  uint64        `json:"number"` // of the draw
	Code    string        `json:"code"`
	State   string        `json:"state"`
	Batch   string        `json:"batch"`
	BatchID store.BatchID `json:"batch_id"`
	Key     string        `json:"key,omitempty"`
	At      time.Time     `json:"at"`
}

func (a *app) refCmd() *cobra.Command {
	var p page
	cmd := &cobra.Command{
		Use:   "ref REF",
		Short: "List the codes that were drawn for a reference",
		Long: `Ref lists the codes that were drawn for a reference such as an order, a player or an
export's account, newest draw first, with the state that they are in now, and those that
were imported as handed out to it. A code that went back to stock since is "gone"; it and
what is revoked are shown masked. With --json it prints one object a line.

All codes of one draw have its number. Draws are listed whole: --limit ends the list
with the draw that reaches it.`,
		Example: `  codepool ref order-7
  codepool ref reseller-3 --limit 1000 --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	p.flags(cmd, "codes or few more", "before")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if args[0] == "" {
			return usage("the reference is empty: name an order, a player or an account")
		}
		if err := p.check(); err != nil {
			return err
		}
		return a.withStore(false, func(s *store.Store) error { return a.ref(ctx, s, args[0], p) })
	})
}

func (a *app) ref(ctx context.Context, s *store.Store, ref string, p page) error {
	list := listing{a: a, t: newTable(">draw", "at", "code", "state", "batch", "key")}
	batches, last := receipts.Batches{}, uint64(0)
	for d, err := range s.DrawnFor(ctx, ref, p.before) {
		if err == nil && p.limit > 0 && list.n >= p.limit && d.Number != last {
			list.end()
			a.note("more: the same with --before %d", last)
			return nil
		}
		var b receipts.Batch
		if err == nil {
			b, err = batches.Of(s, d.Batch)
		}
		if err == nil {
			last = d.Number
			v := drawnView{Number: d.Number, Code: receipts.Text(d.State, d.Code, d.Printed), State: d.State, Batch: b.Name, BatchID: d.Batch, Key: d.Key, At: d.At}
			err = list.add(v, strconv.FormatUint(v.Number, 10), instantText(v.At), v.Code, v.State, v.Batch, v.Key)
		}
		if err != nil {
			list.end() // of the last draw some codes may be missing
			return listFailure(ctx, "ref "+ref, err, "--before", last+min(last, 1))
		}
	}
	list.end()
	if list.n == 0 {
		a.note("nothing was drawn for %s", clean(ref))
	}
	return nil
}
