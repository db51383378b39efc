package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"codepool/shard"
	"codepool/store"

	"github.com/spf13/cobra"
)

var revokeVerb = changeVerb{
	name: "revoke", past: "revoked", doing: "revoking",
	one: (*store.Store).Revoke, many: (*store.Store).RevokeAll, ref: (*store.Store).RevokeRef,
	try: tryUndo,
}

func (a *app) revokeCmd() *cobra.Command {
	var c changes
	cmd := &cobra.Command{
		Use:   "revoke CODE... | --file FILE|- | --ref REF | --batch BATCH",
		Short: "Withdraw codes for ever: they leaked",
		Long: `Revoke withdraws codes for ever, whether they are in stock or issued. Redemptions are not
taken back: undo them first, if they are to be.

With --ref it withdraws all codes that a reference still has; with --batch all codes of a
batch that are not redeemed, at once however many they are, and nothing is minted or
imported into the batch any more.

It asks first; where nobody can be asked it needs --force.
` + changeHelp,
		Example: `  codepool revoke 7KQF-2M9X-T4WC --by ann --reason 'posted in a forum'
  codepool revoke --file leaked.csv --force
  codepool revoke --ref reseller-3 --reason 'contract ended'
  codepool revoke --batch launch`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&c.ref, "ref", "", "all codes that were drawn for this `reference`, such as an export's account")
	f.StringVar(&c.batch, "batch", "", "all codes of this `batch`, its name or number, that are not redeemed")
	f.BoolVar(&c.force, "force", false, "do not ask")
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("batch", a.completeBatch))
	onlyTyped(cmd, "ref", "batch")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if err := c.settle(cmd, args); err != nil {
			return err
		}
		switch {
		case c.ref != "":
			return a.withStore(false, func(s *store.Store) error { return a.revokeRef(ctx, s, &c) })
		case c.batch != "":
			return a.revokeBatch(ctx, &c)
		}
		return a.change(ctx, revokeVerb, &c, func() error { return a.approveRevoke(ctx, &c) })
	})
}

// approveRevoke asks whether the codes that were named are to be withdrawn.
func (a *app) approveRevoke(ctx context.Context, c *changes) error {
	switch {
	case c.force:
		return nil
	case c.file != "":
		return a.approveFile(ctx, c)
	case len(c.codes) == 1:
		return a.confirm(ctx, false, fmt.Sprintf("Withdraw %s for ever?", c.codes[0]))
	}
	return a.confirm(ctx, false, fmt.Sprintf("Withdraw %s for ever: %s?", plural(len(c.codes), "code"), someCodes(c.codes)))
}

// approveFile reads the file once before, to tell how many codes are in it.
func (a *app) approveFile(ctx context.Context, c *changes) error {
	if c.file == "-" {
		return usage("with the codes on standard input nobody can be asked: add --force if they are to be withdrawn for ever")
	}
	in, _, err := a.input(ctx, c.file)
	if err != nil {
		return &failure{doing: revokeVerb.name, err: err}
	}
	defer in.Close()
	if _, ok := in.(*ctxReader); !ok {
		return usage("%s can be read only once, so that nobody knows yet what is in it: add --force if its codes are to be withdrawn for ever", c.file)
	}
	var n, bad int64
	for p := newChangeParser(in, c.allowBOM); ; {
		it, err := p.next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errBadLine): // the stream will say what is wrong with it
			if n == 0 {
				return nil
			}
			question := fmt.Sprintf("Withdraw the %s in %s for ever?", plural(n, "code"), c.file)
			if bad > 0 {
				question += fmt.Sprintf(" (%s cannot be read.)", plural(bad, "line"))
			}
			return a.confirm(ctx, false, question)
		case err != nil:
			return err
		case it.err != nil:
			bad++
		default:
			n++
		}
	}
}

func (a *app) revokeRef(ctx context.Context, s *store.Store, c *changes) error {
	counts, err := drawnCounts(ctx, s, c.ref, !c.force)
	if err != nil {
		return interruptedAs(ctx, &failure{doing: "revoke the codes of " + c.ref, err: err}, "the same again")
	}
	if n := stillHas(counts); n > 0 {
		question := fmt.Sprintf("Withdraw the %s that %s still has for ever?", plural(n, "code"), c.ref)
		if spent := counts[shard.Redeemed.String()]; spent > 0 {
			question = fmt.Sprintf("%s (%s redeemed and stay so.)", question, many(spent))
		}
		if err := a.confirm(ctx, c.force, question); err != nil {
			return err
		}
	}
	return a.changeRef(ctx, s, revokeVerb, c)
}

func (a *app) revokeBatch(ctx context.Context, c *changes) error {
	return a.changeBatch(revokeVerb.name, c.batch, func(s *store.Store, b store.BatchInfo) error {
		n := b.Counts.Minted - b.Counts.Redeemed - b.Counts.Revoked
		if b.Revoked {
			a.note("batch %s is revoked already", clean(b.Name))
		} else if err := a.confirm(ctx, c.force,
			fmt.Sprintf("Withdraw what is not redeemed of batch %s, %s, for ever?", b.Name, plural(n, "code"))); err != nil {
			return err
		}
		return s.RevokeBatch(ctx, b.ID, store.BatchChange{By: c.By, Reason: c.Reason})
	})
}
