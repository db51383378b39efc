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

func (a *app) issueCmd() *cobra.Command {
	var d store.Draw
	var o drawOptions
	cmd := &cobra.Command{
		Use:   "issue BATCH N",
		Short: "Draw codes at random and hand them out",
		Long: `Issue draws N codes of a batch (its name, or its number) at random, binds them to a
reference such as an order or a player, and prints them, one a line. No code is ever
drawn twice.

With --key a repeated call gives the same codes again: use it wherever the answer can
get lost. Without it codes whose answer is lost are issued all the same.

With --lease they are drawn for a time only: nobody can redeem them before codepool ack,
and what is not acknowledged when the time is over goes back to stock. It prints the
number of the lease, its end and the codes.

With --take they are drawn and redeemed in one step for a --user, and it prints the
receipts: nobody ever has a code in hand. The keys of leases and of takes are each a set of
their own.

There is no looking at codes without drawing them: it would hand one code to two callers.`,
		Example: `  codepool issue launch 10 --ref order-7 --key order-7/1
  codepool issue launch 10 --ref printer-2 --lease 10m
  codepool issue launch 1 --take --user player-42 --key quest-9`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeBatch,
	}
	cmd.Flags().StringVar(&d.Ref, "ref", "", "`reference` that the codes are bound to, such as an order")
	cmd.Flags().StringVar(&d.Key, "key", "", "idempotency `key`: the same key gives the same codes")
	o.flags(cmd)
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		n, err := drawSize(args[1])
		if err != nil {
			return err
		}
		if o.take && n > store.MaxTake {
			return usage("%s codes in one step, at most %s can be: take them in several", many(n), many(store.MaxTake))
		}
		return a.withStore(false, func(s *store.Store) error {
			b, err := batch(s, args[0])
			if err != nil {
				return &failure{doing: "issue", err: err, batch: args[0]}
			}
			switch {
			case o.take:
				return a.take(ctx, s, b, n, o.user, d)
			case o.lease.Duration > 0:
				return a.lease(ctx, s, b, n, o.lease.Duration, d)
			}
			return a.issue(ctx, s, b, n, d)
		})
	})
}

// drawSize reads how many codes one draw is to have.
func drawSize(text string) (int, error) {
	n, err := parseAmount(text)
	if err != nil {
		return 0, usage("%w", err)
	}
	if n > store.MaxIssue {
		return 0, usage("%s codes in one draw, at most %s can be had: codepool export draws more", many(n), many(store.MaxIssue))
	}
	return int(n), nil
}

// drawOptions say in which way codes are drawn.
type drawOptions struct {
	lease      span
	take, peek bool
	user       string
}

func (o *drawOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(&o.lease, "lease", "draw for a time only, such as 10m; see codepool ack and codepool giveback")
	f.BoolVar(&o.take, "take", false, "redeem the codes in the same step")
	f.StringVar(&o.user, "user", "", "`user` who redeems, with --take")
	f.BoolVar(&o.peek, "peek", false, "refused: nobody can look at codes without drawing them, use --lease")
	onlyTyped(cmd, "lease", "take", "user", "peek")
	for _, name := range []string{"ref", "key", "lease", "user"} {
		cobra.CheckErr(cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions))
	}
}

func (o *drawOptions) check(cmd *cobra.Command) error {
	switch {
	case o.peek:
		return &failure{err: usage("--peek: a look at codes that are not drawn would hand one code to two callers"),
			try: "the same with --lease 10m: it draws them for a time, and codepool giveback returns them"}
	case o.take && o.lease.Duration > 0:
		return usage("both --lease and --take: give one of them")
	case cmd.Flags().Changed("user") && !o.take:
		return usage("--user is for --take: codes are drawn for a --ref, and redeemed by a user")
	}
	return nil
}

func (a *app) issue(ctx context.Context, s *store.Store, b store.BatchInfo, n int, d store.Draw) error {
	doing := fmt.Sprintf("issue %s of %s", plural(n, "code"), b.Name)
	codes, err := s.Issue(ctx, b.ID, n, d)
	if err != nil {
		f := &failure{doing: doing, err: err, batch: b.Name, try: tryDraw(err)}
		return interruptedAs(ctx, f, "the same with the same --key: it gives the codes, if they were drawn")
	}
	err = a.show(struct {
		Batch string   `json:"batch"`
		Ref   string   `json:"ref,omitempty"`
		Key   string   `json:"key,omitempty"`
		Codes []string `json:"codes"`
	}{b.Name, d.Ref, d.Key, codes}, func(w io.Writer) {
		for _, c := range codes {
			fmt.Fprintln(w, c)
		}
	})
	if err = cmp.Or(err, a.out.Flush()); err == nil {
		return nil
	}
	f := &failure{doing: doing + ": they are drawn, but could not be written", err: err,
		try: "the same with a --key, which gives other codes, again if need be; these stay issued"}
	if d.Key != "" {
		f.try = "the same with --key " + shellQuote(d.Key) + ": it gives these codes"
	}
	return f
}

// tryDraw says what to try when a draw failed, where the kind of its error speaks of a
// code: there is none yet.
func tryDraw(err error) string {
	if errors.Is(err, store.ErrExpired) || errors.Is(err, store.ErrNotYetValid) || errors.Is(err, store.ErrRevoked) {
		return "codepool batches {batch}"
	}
	return ""
}
