package main

import (
	"context"
	"strconv"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) sharedShowCmd(n sharedNoun) *cobra.Command {
	var r store.SharedRef
	var asker string
	var p page
	example := `  codepool ` + n.name + ` show LUCKY8 --limit 20`
	if n.room {
		example = `  codepool ` + n.name + ` show a7X --room lobby --as ann`
	}
	cmd := &cobra.Command{
		Use:   n.usage("show"),
		Short: "Show what became of it, and who claimed what",
		Long: `Show tells all about a ` + n.what + `: how much of it is claimed and left, its state, and
who claimed what, newest first. What was taken back is not among it. To leaf back give the
last number with --before.

With --json the first line is the ` + n.what + `, and each claim one more.`,
		Example:           example,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	n.scope(cmd, &r.Namespace, &r.Room)
	asFlag(cmd, &asker)
	p.flags(cmd, "claims", "before")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if err := p.check(); err != nil {
			return err
		}
		r.Token = args[0]
		return a.withStore(false, func(s *store.Store) error { return a.showShared(ctx, s, n, r, asker, p) })
	})
}

func (a *app) showShared(ctx context.Context, s *store.Store, n sharedNoun, r store.SharedRef, asker string, p page) error {
	info, err := s.LookupShared(ctx, r, asker)
	if err != nil {
		return interruptedAs(ctx, n.failure("show", r, err), "the same again")
	}
	if err := a.show(info, sharedFacts(info).write); err != nil {
		return err
	}
	list := listing{a: a, t: newTable(">claim", "at", "user", ">amount", "key")}
	last := uint64(0)
	for c, err := range s.ClaimsOf(ctx, r, asker, p.before) {
		if err == nil && p.limit > 0 && list.n == p.limit {
			list.end()
			a.note("more: the same with --before %d", last)
			return nil
		}
		if err == nil {
			last = c.Number
			err = list.add(c, strconv.FormatUint(c.Number, 10), instantText(c.At), c.User, moneyText(c.Share.Amount, c.Share.Currency), c.Key)
		}
		if err != nil {
			list.end()
			return listFailure(ctx, n.name+" show "+r.Token, err, "--before", last)
		}
	}
	list.end()
	return nil
}
