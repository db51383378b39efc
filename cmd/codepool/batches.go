package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) batchesCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "batches [BATCH]",
		Short: "List the batches, or all about one",
		Long: `Batches lists what was minted and imported, whose it is, how many codes are in which state,
which batches have a limit a user or reusable codes, and which are incomplete, paused,
revoked or retired. With --json it prints one object a line.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeBatch,
	}
	return a.does(cmd, func(_ context.Context, args []string) error {
		return a.withStore(false, func(s *store.Store) error {
			if len(args) == 0 {
				return a.batches(s)
			}
			b, err := batch(s, args[0])
			if err != nil {
				return &failure{doing: "batches", err: err}
			}
			return a.show(b, batchFacts(b).write)
		})
	})
}

func (a *app) batches(s *store.Store) error {
	all := s.Batches()
	if a.json {
		var errs []error
		for _, b := range all {
			errs = append(errs, a.writeJSON(a.out, b))
		}
		return errors.Join(errs...)
	}
	t := newTable(">no", "name", "owner", "kind", "reward", "valid", ">codes", ">stock", ">issued", ">redeemed", ">revoked", "")
	for _, b := range all {
		t.row(strconv.Itoa(int(b.ID)), b.Name, b.Owner, join(b.Kind, b.KindNo), b.Reward, windowText(b.NotBefore, b.NotAfter),
			many(b.Counts.Minted), many(b.Counts.Available), many(b.Counts.Issued), many(b.Counts.Redeemed),
			many(b.Counts.Revoked), strings.Join(append(rules(b), standing(b)...), ", "))
	}
	t.write(a.out)
	if len(all) == 0 {
		a.note("no batches yet; try: codepool mint --name NAME --count N")
	}
	return nil
}

// rules are those that a batch's redemptions have of their own, in words.
func rules(b store.BatchInfo) (words []string) {
	if b.PerUser > 0 {
		words = append(words, many(b.PerUser)+" a user")
	}
	if b.Reusable {
		words = append(words, "reusable")
	}
	return words
}

// standing is what keeps a batch's codes from being drawn or redeemed, in words.
func standing(b store.BatchInfo) (words []string) {
	if !b.Complete {
		words = append(words, "incomplete")
	}
	if b.Retired {
		words = append(words, "retired")
	}
	if b.Revoked {
		return append(words, "revoked")
	}
	if b.Paused {
		words = append(words, "paused")
	}
	return words
}
