package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) sharedEndCmd(n sharedNoun) *cobra.Command {
	var c store.SharedChange
	var force bool
	example := `  codepool ` + n.name + ` end LUCKY8 --by ann --reason 'a mistake'`
	if n.room {
		example = `  codepool ` + n.name + ` end a7X --room lobby --by ann`
	}
	cmd := &cobra.Command{
		Use:   n.usage("end"),
		Short: "End it before its time: what is left goes back",
		Long: `End ends a ` + n.what + ` before its time is over, and tells what was left: nothing can be
claimed any more. When its time is over it ends by itself.

It is for ever, and asks first; where nobody can be asked it needs --force. With --key a
repeated call gets the first answer again.`,
		Example:           example,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	n.scope(cmd, &c.Namespace, &c.Room)
	changeFlags(cmd, &c.By, &c.Reason)
	keyFlag(cmd, &c.Key, "answer")
	cmd.Flags().BoolVar(&force, "force", false, "do not ask")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		c.Token = args[0]
		return a.withStore(false, func(s *store.Store) error {
			if err := a.confirm(ctx, force, fmt.Sprintf("End %s %s for ever?", n.what, c.Token)); err != nil {
				return err
			}
			return a.endShared(ctx, s, n, c)
		})
	})
}

func (a *app) endShared(ctx context.Context, s *store.Store, n sharedNoun, c store.SharedChange) error {
	end, err := s.EndShared(ctx, c)
	if err != nil {
		return interruptedAs(ctx, n.failure("end", c.SharedRef, err), tryForAnswer)
	}
	err = a.show(end, func(w io.Writer) {
		f := newFacts()
		f.add("ended", "%s", end.Token)
		f.add("record", "%d", end.Number)
		f.add("went back", "%s", sharesText(end.Shares, end.Amount, end.Currency))
		f.add("to", "%s", end.Sender)
		f.add("by", "%s", c.By)
		f.add("reason", "%s", c.Reason)
		f.add("key", "%s", c.Key)
		f.add("at", "%s", instantText(end.At))
		f.write(w)
	})
	if err = cmp.Or(err, a.out.Flush()); err == nil {
		return nil
	}
	f := n.failure("end", c.SharedRef, err)
	f.doing += ": it is ended, but that could not be written"
	f.try = fmt.Sprintf("codepool ledger --after %d --limit 1", end.Number-1)
	return f
}
