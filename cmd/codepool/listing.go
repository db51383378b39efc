package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// page is the part of a listing that is wanted.
type page struct {
	after, before uint64 // numbers of the ledger or places, both exclusive; 0 is no bound
	limit         int64  // 0 is none
}

// flags adds the flags of a page of what is listed; ends are after, before or both.
func (p *page) flags(cmd *cobra.Command, what string, ends ...string) {
	f := cmd.Flags()
	for _, end := range ends {
		switch end {
		case "after":
			f.Uint64Var(&p.after, end, 0, "only those with `numbers` above this one")
		case "before":
			f.Uint64Var(&p.before, end, 0, "only those with `numbers` below this one")
		}
	}
	onlyTyped(cmd, ends...)
	f.Int64Var(&p.limit, "limit", 0, "at most this `many` "+what+"; 0 is all")
}

func (p *page) check() error {
	if p.limit < 0 {
		return usage("--limit %d is below 0: write how many are wanted, or 0 for all", p.limit)
	}
	return nil
}

// listPart is how many rows of a listing are aligned together: not all of them, as they
// may be very many.
const listPart = 1000

// listing prints rows of a table as they come, or objects.
type listing struct {
	a *app
	t *table
	n int64
}

// add prints one entry; its error ends the listing.
func (l *listing) add(v any, cells ...string) error {
	l.n++
	if l.a.json {
		return l.a.writeJSON(l.a.out, v)
	}
	if l.t.row(cells...); len(l.t.rows) == listPart {
		l.t.write(l.a.out)
		return l.a.out.Flush()
	}
	return nil
}

func (l *listing) end() {
	if !l.a.json && len(l.t.rows) > 0 {
		l.t.write(l.a.out)
	}
}

// listFailure says how to go on after the number that was listed last.
func listFailure(ctx context.Context, doing string, err error, bound string, last uint64) error {
	again := "the same again"
	if last > 0 {
		again = fmt.Sprintf("the same with %s %d", bound, last)
	}
	return interruptedAs(ctx, &failure{doing: doing, err: err}, again)
}
