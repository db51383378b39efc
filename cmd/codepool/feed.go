package main

import (
	"context"
	"errors"
	"fmt"

	"codepool/cmd/codepool/internal/receipts"
	"codepool/store"

	"github.com/spf13/cobra"
)

// feed says how receipts are followed.
type feed struct {
	follow bool
	cursor string
}

func (o *feed) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.follow, "follow", false, "wait for further receipts until interrupted")
	f.StringVar(&o.cursor, "cursor", "", "begin behind the cursor of this `name`, and move it when receipts are written out")
	onlyTyped(cmd, "follow", "cursor")
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("cursor", cobra.NoFileCompletions))
}

// check refuses what does not go with it.
func (o *feed) check(cmd *cobra.Command) error {
	typed := cmd.Flags().Changed
	if typed("cursor") && o.cursor == "" {
		return usage("--cursor is empty: name a cursor")
	}
	if typed("cursor") && typed("after") {
		return usage("both --cursor and --after: give one of them; codepool cursor set moves a cursor")
	}
	for _, mine := range []string{"follow", "cursor"} {
		for _, other := range []string{"user", "before"} {
			if typed(mine) && typed(other) {
				return usage("--%s is for all receipts in order: leave --%s out", mine, other)
			}
		}
	}
	return checkText("--cursor", o.cursor)
}

// fed is a feed on its way to the output.
type fed struct {
	receiptList
	feed
	written uint64 // number up to which all is written out
}

// feed prints receipts in parts and moves the cursor behind each that was written out.
func (a *app) feed(ctx context.Context, s *store.Store, p page, o feed) error {
	after := p.after
	if o.cursor != "" {
		after = s.Cursor(o.cursor)
	}
	from := receipts.Read(ctx, s, after, o.follow)
	defer from.Stop()
	d := fed{receiptList: newReceiptList(a, s), feed: o}
	// A part that was begun is written and acknowledged even if a signal comes.
	whole := context.WithoutCancel(ctx)
	for {
		most := receipts.Part
		if p.limit > 0 {
			most = int(min(receipts.Part, p.limit-d.n))
		}
		part, err := from.Take(most)
		if perr := d.put(whole, part); perr != nil {
			return perr
		}
		switch {
		case errors.Is(err, receipts.ErrEnd):
			if d.n == 0 {
				a.note("no receipts")
			}
			return nil
		case err != nil:
			return d.failure(ctx, "receipts", err)
		case p.limit == 0 || d.n < p.limit:
		case o.follow:
			return nil
		default:
			d.noteMore(from)
			return nil
		}
	}
}

// put writes a part out and moves the cursor behind it.
func (d *fed) put(ctx context.Context, part []store.Receipt) error {
	if len(part) == 0 {
		return nil
	}
	for _, r := range part {
		if err := d.add(ctx, r); err != nil {
			return d.failure(ctx, "receipts", err)
		}
	}
	d.end()
	if err := d.a.out.Flush(); err != nil {
		return d.failure(ctx, "receipts: they could not be written", err)
	}
	d.written = d.last
	if d.cursor == "" {
		return nil
	}
	if err := d.s.Advance(ctx, d.cursor, d.last); err != nil {
		f := d.failure(ctx, fmt.Sprintf("receipts: move cursor %s to %d", d.cursor, d.last), err)
		if errors.Is(err, store.ErrInvalid) {
			f.try = "codepool cursor drop NAME, of one that is not used any more; then the same again"
		}
		return f
	}
	return nil
}

// failure says how to go on.
func (d *fed) failure(ctx context.Context, doing string, err error) *failure {
	f := &failure{doing: doing, err: err}
	switch {
	case d.cursor != "":
		f.try = "the same again: it goes on behind the cursor"
	case d.written > 0:
		f.try = fmt.Sprintf("the same with --after %d", d.written)
	case interrupted(ctx):
		f.try = "the same again"
	}
	return f
}

// noteMore says how to go on behind a limit, if there is more.
func (d *fed) noteMore(from *receipts.Ahead) {
	if _, err := from.Take(1); err == nil {
		d.a.note("more: the same again")
	}
}
