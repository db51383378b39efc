package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) claimCmd(n sharedNoun) *cobra.Command {
	var c store.Claim
	example := `  codepool ` + n.name + ` claim LUCKY8 --user bob --key req-9`
	long := `Claim takes a share for a user and prints the receipt. With --key a repeated call gives the
first receipt again: use it wherever the answer can get lost.`
	if n.room {
		example = `  codepool ` + n.name + ` claim a7X --room lobby --user bob --key req-9`
		long += `

Whoever calls it vouches for the user to be in the room.`
	}
	cmd := &cobra.Command{
		Use:               n.usage("claim") + " --user USER",
		Short:             "Take a share for a user",
		Long:              long,
		Example:           example,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	n.scope(cmd, &c.Namespace, &c.Room)
	cmd.Flags().StringVar(&c.User, "user", "", "`user` who claims")
	onlyTyped(cmd, "user")
	noCompletions(cmd, "user")
	if n.room {
		cobra.CheckErr(cmd.MarkFlagRequired("user"))
	}
	keyFlag(cmd, &c.Key, "receipt")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		c.Token = args[0]
		return a.withStore(false, func(s *store.Store) error { return a.claim(ctx, s, n, c) })
	})
}

func (a *app) claim(ctx context.Context, s *store.Store, n sharedNoun, c store.Claim) error {
	receipt, err := s.Claim(ctx, c)
	ref := store.SharedRef{Token: c.Token, Namespace: c.Namespace, Room: c.Room}
	if err != nil {
		f := n.failure("claim", ref, err)
		f.user = c.User
		return interruptedAs(ctx, f, "the same with the same --key: it gives the receipt, if the share is claimed")
	}
	err = a.show(receipt, func(w io.Writer) { receiptFacts(receipt, "").write(w) })
	if err = cmp.Or(err, a.out.Flush()); err == nil {
		return nil
	}
	f := n.failure("claim", ref, err)
	f.doing += ": the share is claimed, but the receipt could not be written"
	f.try = fmt.Sprintf("codepool receipts --after %d --limit 1", receipt.Number-1)
	return f
}

func (a *app) sharedUndoCmd(n sharedNoun) *cobra.Command {
	var c store.ClaimChange
	cmd := &cobra.Command{
		Use:   "undo NUMBER",
		Short: "Take a claim back: its share can be claimed again",
		Long: `Undo takes a claim (the number of its receipt) back. Its share, of the same amount, can be
claimed again, also by the same user. The ledger keeps the claim and its undoing. What
ended, or its time is over, cannot be undone: what was left went back.

With --key a repeated call gets the first answer again.`,
		Example:           `  codepool ` + n.name + ` undo 1041 --by support --reason 'wrong account'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	changeFlags(cmd, &c.By, &c.Reason)
	keyFlag(cmd, &c.Key, "answer")
	return a.does(cmd, func(ctx context.Context, args []string) (err error) {
		if c.Number, err = parseNumber("claim", args[0]); err != nil {
			return err
		}
		return a.withStore(false, func(s *store.Store) error { return a.undoClaim(ctx, s, n, c) })
	})
}

func (a *app) undoClaim(ctx context.Context, s *store.Store, n sharedNoun, c store.ClaimChange) error {
	doing := fmt.Sprintf("%s undo %d", n.name, c.Number)
	find := fmt.Sprintf("codepool receipts --after %d --limit 1", c.Number-1)
	got, err := s.UndoClaim(ctx, c)
	if err != nil {
		f := &failure{doing: doing, err: err, of: n.name}
		if errors.Is(err, store.ErrUnknownCode) {
			f.err = fmt.Errorf("its token is not kept any more: %w", err)
			f.try = find
		}
		return interruptedAs(ctx, f, tryForAnswer)
	}
	err = a.show(got, func(w io.Writer) {
		f := newFacts()
		f.add("undone", "%d", c.Number)
		f.add("token", "%s", got.Code)
		f.add("record", "%d", got.Number)
		f.add("by", "%s", got.By)
		f.add("reason", "%s", got.Reason)
		f.add("key", "%s", got.Key)
		f.add("at", "%s", instantText(got.At))
		f.write(w)
	})
	if err = cmp.Or(err, a.out.Flush()); err == nil {
		return nil
	}
	return &failure{doing: doing + ": it is undone, but that could not be written", err: err,
		try: fmt.Sprintf("codepool ledger --after %d --limit 1", got.Number-1)}
}
