package main

import (
	"context"
	"errors"
	"io"

	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) mintCmd() *cobra.Command {
	var t terms
	var count amount
	var signed layoutFlag
	cmd := &cobra.Command{
		Use:   "mint --name NAME --count N",
		Short: "Make a batch of random codes",
		Long: `Mint makes a batch of random codes and keeps them in stock until they are issued.

If it is interrupted, by Ctrl-C or a power cut, the same command goes on where it
stopped. A batch that is complete is never minted again under its name.`,
		Example: `  codepool mint --name launch --count 1M --kind membership --kind-no SVIP --reward svip:30d
  codepool mint --name xmas --count 50k --format alnum:10:5:XMAS --not-before 2026-12-24 --not-after 2027-01-07
  codepool mint --name welcome --count 10k --per-user 1
  codepool mint --name passes --count 500 --reusable --quarantine 7d
  codepool mint --name coupons --count 100M --signed --sign-keys keys`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	t.batch.Format = gen.DefaultFormat()
	t.flags(cmd)
	cmd.Flags().Var(&count, "count", "how many codes: 500, 10k, 1_000_000 or 1M")
	cobra.CheckErr(cmd.MarkFlagRequired("count"))
	cmd.Flags().Var(&signed, "signed", layoutHelp)
	cmd.Flags().Lookup("signed").NoOptDefVal = "default"
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("signed", cobra.FixedCompletions([]string{"default", "article"}, cobra.ShellCompDirectiveNoFileComp)))
	cmd.MarkFlagsMutuallyExclusive("signed", "format")
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("count", cobra.NoFileCompletions))
	return a.does(cmd, func(ctx context.Context, _ []string) error {
		b := t.value()
		b.Count = int64(count)
		if b.Signed = signed.Layout; signed.Layout != (gen.Layout{}) {
			b.Format = gen.Format{}
		}
		return a.withStore(true, func(s *store.Store) error { return a.mint(ctx, s, b) })
	})
}

func (a *app) mint(ctx context.Context, s *store.Store, b store.Batch) error {
	stop := a.follow("minting "+b.Name, b.Count, func() int64 { return minted(s, b.Name) })
	info, err := s.Mint(ctx, b)
	stop()
	if err != nil {
		f := &failure{err: err, batch: b.Name, try: tryAdd(err)} // the store says how far it came
		return interruptedAs(ctx, f, "the same command again: it goes on from there")
	}
	a.warnOfGuesses(info)
	if err := a.show(info, func(w io.Writer) { batchFacts(info).write(w) }); err != nil {
		return err
	}
	a.note("next: codepool issue %s 10 --ref ORDER", shellQuote(info.Name))
	return nil
}

// tryAdd says what to try when codes cannot be added to a batch, where the kind of the
// error speaks of a code.
func tryAdd(err error) string {
	if errors.Is(err, store.ErrRevoked) {
		return "the same with another --name"
	}
	return ""
}

func minted(s *store.Store, name string) int64 {
	info, err := s.BatchNamed(name)
	if err != nil {
		return 0
	}
	return info.Counts.Minted
}

// warnOfGuesses warns of codes that are too likely to be hit by guessing. Nobody
// knows that of given codes.
func (a *app) warnOfGuesses(info store.BatchInfo) {
	if info.Risk.Space > 0 && !info.Risk.Acceptable(gen.DefaultHitsPerYear) {
		a.warn("%s", info.Risk.Explain(gen.DefaultHitsPerYear))
	}
}

// batchFacts lists all about one batch.
func batchFacts(b store.BatchInfo) *facts {
	f := newFacts()
	f.add("batch", "%s (number %d)", b.Name, b.ID)
	f.add("namespace", "%s", b.Namespace)
	f.add("kind", "%s", join(b.Kind, b.KindNo))
	f.add("reward", "%s", b.Reward)
	f.add("format", "%s", b.Format)
	if b.Signed != (gen.Layout{}) {
		f.add("signed", "%s", signedText(b.Batch))
	}
	f.add("valid", "%s", windowText(b.NotBefore, b.NotAfter))
	f.add("owner", "%s", b.Owner)
	f.add("remark", "%s", b.Remark)
	if b.FromStock {
		f.add("from stock", "codes can be redeemed without being issued")
	}
	if b.PerUser > 0 {
		f.add("per user", "%s", plural(b.PerUser, "code"))
	}
	if b.Reusable {
		f.add("reusable", "%s", reuseText(b.Batch))
	}
	if b.Retired {
		f.add("state", "retired: its codes are on the disk alone")
	}
	switch {
	case b.Revoked:
		f.add("state", "revoked: what is not redeemed is withdrawn for ever")
	case b.Paused:
		f.add("state", "paused: nothing is drawn or redeemed")
	}
	c := b.Counts
	f.add("codes", "%s", many(c.Minted))
	f.add("in stock", "%s", many(c.Available))
	for _, n := range []struct {
		name  string
		count int64
	}{{"leased", c.Leased}, {"reserved", c.Reserved}, {"issued", c.Issued}, {"redeemed", c.Redeemed}, {"revoked", c.Revoked}} {
		if n.count > 0 {
			f.add(n.name, "%s", many(n.count))
		}
	}
	if !b.Complete {
		f.add("incomplete", "repeat the command that made it")
	}
	return f
}

// reuseText says when a code of a reusable batch is in stock again.
func reuseText(b store.Batch) string {
	if b.Quarantine == 0 {
		return "a code that is redeemed goes back to stock"
	}
	return "a code that is redeemed or released goes back to stock after " + spanText(b.Quarantine)
}

// join writes a kind and its number as one word.
func join(kind, no string) string {
	if kind != "" && no != "" {
		return kind + " " + no
	}
	return kind + no
}
