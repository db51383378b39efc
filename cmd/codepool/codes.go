package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"codepool/shard"
	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) codesCmd() *cobra.Command {
	var p page
	var states stateSet
	cmd := &cobra.Command{
		Use:   "codes BATCH [--state STATE,...]",
		Short: "List the codes of a batch, in all states or in some",
		Long: `Codes lists the codes of a batch (its name, or its number) with the state that each is in
now: available, leased, issued, reserved, redeemed or revoked. Whole are only those that
somebody was given; what is in stock, leased or revoked is shown masked. With --json it
prints one object a line.

Each code has a place in the store. To leaf through a large batch give the last place with
--after.`,
		Example: `  codepool codes launch --state issued,redeemed --limit 100
  codepool codes launch --state available --json | wc -l`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeBatch,
	}
	cmd.Flags().Var(&states, "state", "only those in these `states`, several with commas")
	p.flags(cmd, "codes", "after")
	cmd.Flags().Lookup("after").Usage = "only those behind this `place`"
	onlyTyped(cmd, "state")
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("state", fixed(stateWords()...)))
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if err := p.check(); err != nil {
			return err
		}
		return a.withStore(false, func(s *store.Store) error {
			b, err := batch(s, args[0])
			if err != nil {
				return &failure{doing: "codes", err: err, batch: args[0]}
			}
			return a.codes(ctx, s, b, states, p)
		})
	})
}

func (a *app) codes(ctx context.Context, s *store.Store, b store.BatchInfo, states stateSet, p page) error {
	list, last := listing{a: a, t: newTable(">place", "code", "state")}, p.after
	for c, err := range s.Codes(ctx, b.ID, p.after, states...) {
		if err == nil && p.limit > 0 && list.n == p.limit {
			list.end()
			a.note("more: the same with --after %d", last)
			return nil
		}
		if err == nil {
			last = c.Place
			err = list.add(c, strconv.FormatUint(c.Place, 10), c.Code, c.StateName)
		}
		if err != nil {
			list.end()
			return listFailure(ctx, "codes of "+b.Name, err, "--after", last)
		}
	}
	list.end()
	if list.n == 0 {
		a.note("no codes")
	}
	return nil
}

// stateSet is a flag for states of codes, with commas between them.
type stateSet []shard.State

// codeStates are those that a code can be seen in.
var codeStates = []shard.State{shard.Available, shard.Leased, shard.Issued, shard.Held, shard.Redeemed, shard.Revoked}

func stateWords() (words []string) {
	for _, st := range codeStates {
		words = append(words, st.String())
	}
	return words
}

func (s *stateSet) Set(text string) error {
	for word := range strings.SplitSeq(text, ",") {
		i := slices.Index(stateWords(), word)
		if i < 0 {
			return fmt.Errorf("%q is not a state: there are %s", word, strings.Join(stateWords(), ", "))
		}
		*s = append(*s, codeStates[i])
	}
	return nil
}

func (s *stateSet) String() string { return strings.Trim(fmt.Sprint(*s), "[]") }
func (s *stateSet) Type() string   { return "states" }
