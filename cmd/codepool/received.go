package main

import (
	"context"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) receivedCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "received USER",
		Short: "Add up what a user has claimed, by currency",
		Long: `Received adds up what a user has claimed of red packets and sprinkled amounts, by currency.
What was taken back does not count. With --json it prints one object a line.`,
		Example:           `  codepool packet received bob`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return a.does(cmd, func(ctx context.Context, args []string) error {
		return a.withStore(false, func(s *store.Store) error { return a.received(ctx, s, args[0]) })
	})
}

func (a *app) received(ctx context.Context, s *store.Store, user string) error {
	all, err := s.ReceivedBy(ctx, user)
	if err != nil {
		return interruptedAs(ctx, &failure{doing: "packet received", err: err}, "the same again")
	}
	list := listing{a: a, t: newTable("currency", ">shares", ">amount")}
	for _, r := range all {
		if err := list.add(r, r.Currency, many(r.Shares), moneyText(r.Amount, r.Currency)); err != nil {
			return err
		}
	}
	list.end()
	if list.n == 0 {
		a.note("%s has received nothing", clean(user))
	}
	return nil
}
