package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"codepool/store"

	"github.com/spf13/cobra"
)

// export is what one export hands out, and to whom.
type export struct {
	Batch string   `json:"batch"`
	Ref   string   `json:"ref"`
	ID    string   `json:"id"`
	Count int64    `json:"count"`
	File  string   `json:"file,omitempty"`
	Codes []string `json:"codes,omitempty"`

	drawn int64 // how many of Count are drawn
}

// exportColumns are those of an export's file behind the code.
var exportColumns = []string{"batch", "kind", "kind_no", "reward", "not_before", "not_after", "ref", "export"}

func (a *app) exportCmd() *cobra.Command {
	var e export
	var out string
	var force bool
	cmd := &cobra.Command{
		Use:   "export BATCH N --ref ACCOUNT",
		Short: "Draw codes for an account into a CSV file",
		Long: `Export draws N codes of a batch at random for an account and writes them as CSV. Two
exports never get the same code, except for one that is repeated: the same --id
gives the same codes again, whether or not the first file was ever seen. Without
--id one is made up and told.

The file appears under its name when it is whole and on the disk, and only its owner
can read it. Cells that a spreadsheet would take for a formula get a single quote in
front. More codes than fit into one draw are drawn in parts; if the stock runs out
in between, what was drawn stays with the account and can be fetched by its --id.`,
		Example:           `  codepool export launch 50k --ref reseller-3 --id reseller-3/2026-11 --out codes.csv`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeBatch,
	}
	f := cmd.Flags()
	f.StringVar(&e.Ref, "ref", "", "`account` that gets the codes")
	f.StringVar(&e.ID, "id", "", "name of the export: the same `id` gives the same codes")
	f.StringVar(&out, "out", "-", "write to `FILE`, - is standard output")
	f.BoolVar(&force, "force", false, "replace the file if it exists")
	cobra.CheckErr(cmd.MarkFlagRequired("ref"))
	return a.does(cmd, func(ctx context.Context, args []string) error {
		n, err := parseAmount(args[1])
		if err != nil {
			return usage("%w", err)
		}
		if e.Ref == "" {
			return usage("--ref is empty: name the account that gets the codes")
		}
		if out == "" {
			return usage("--out is empty: name a file, or - for standard output")
		}
		if err := a.outside(out); err != nil {
			return err
		}
		e.Count = n
		if err := e.checkID(); err != nil {
			return err
		}
		return a.withStore(false, func(s *store.Store) error {
			b, err := batch(s, args[0])
			if err != nil {
				return &failure{doing: "export", err: err, batch: args[0]}
			}
			e.Batch = b.Name
			return a.export(ctx, s, b, &e, out, force)
		})
	})
}

func (a *app) export(ctx context.Context, s *store.Store, b store.BatchInfo, e *export, out string, force bool) error {
	if e.ID == "" {
		if b.Counts.Available < e.Count {
			return &failure{doing: "export from " + b.Name, batch: b.Name,
				err: fmt.Errorf("%w: %s wanted, %s there", store.ErrEmpty, many(e.Count), many(b.Counts.Available))}
		}
		e.ID = rand.Text()
		a.note("export %s: the same command with --id %s gives the same codes", e.ID, e.ID)
	}
	err := a.exportTo(ctx, s, b, e, out, force)
	if err == nil {
		err = a.out.Flush() // here it can still be told how to get the codes
	}
	if err == nil {
		return nil
	}
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = &failure{doing: "export from " + b.Name, err: err}
	}
	if e.drawn > 0 && f.try == "" {
		f.try = e.again() + ": it gives the codes that were drawn"
	}
	return f
}

func (a *app) exportTo(ctx context.Context, s *store.Store, b store.BatchInfo, e *export, out string, force bool) error {
	if out != "-" {
		err := writeFile(out, force, func(w io.Writer) error { return a.exportCSV(ctx, s, b, e, w) })
		if err != nil {
			return err
		}
		e.File = out
		return a.show(e, func(io.Writer) { a.note("%s of %s written to %s", plural(e.Count, "code"), b.Name, out) })
	}
	if a.json {
		err := a.drawAll(ctx, s, b, e, func(codes []string) error {
			e.Codes = append(e.Codes, codes...)
			return nil
		})
		if err != nil {
			return err
		}
		return a.writeJSON(a.out, e)
	}
	return a.exportCSV(ctx, s, b, e, a.out)
}

// again is how to get the codes of an export once more.
func (e *export) again() string { return "the same with --id " + shellQuote(e.ID) }

// key is the idempotency key of a part of the export, from 0.
func (e *export) key(part int64) string { return fmt.Sprintf("export/%s/%d", e.ID, part) }

// checkID refuses an id of which no key can be made, before the store does in words of
// the key.
func (e *export) checkID() error {
	last := e.key((e.Count - 1) / store.MaxIssue)
	if over := len(last) - store.MaxText; over > 0 {
		return fmt.Errorf("%w: id has %d bytes: at most %d are allowed", store.ErrInvalid, len(e.ID), len(e.ID)-over)
	}
	return checkText("id", e.ID)
}

// asFailure says what was being done, unless err says so already.
func asFailure(doing string, err error) error {
	if _, ok := errors.AsType[*failure](err); ok {
		return err
	}
	return &failure{doing: doing, err: err}
}

func (a *app) exportCSV(ctx context.Context, s *store.Store, b store.BatchInfo, e *export, w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(append([]string{"code"}, exportColumns...)); err != nil {
		return err
	}
	err := a.drawAll(ctx, s, b, e, func(codes []string) error {
		for _, code := range codes {
			if err := c.Write(neutralRow([]string{code, b.Name, b.Kind, b.KindNo, b.Reward,
				instantText(b.NotBefore), instantText(b.NotAfter), e.Ref, e.ID})); err != nil {
				return err
			}
		}
		return nil
	})
	c.Flush()
	return cmp.Or(err, c.Error())
}

// drawAll draws the export's codes in parts that the store can take, each under a key
// made of the export's id, and hands each part to take.
func (a *app) drawAll(ctx context.Context, s *store.Store, b store.BatchInfo, e *export, take func([]string) error) error {
	for part := int64(0); e.drawn < e.Count; part++ {
		n := min(e.Count-e.drawn, store.MaxIssue)
		codes, err := s.Issue(ctx, b.ID, int(n), store.To(e.Ref).Once(e.key(part)))
		if err != nil {
			return exportFailure(ctx, b, e, err)
		}
		e.drawn += n
		if err := take(codes); err != nil {
			return err
		}
	}
	return nil
}

// exportFailure says how to fetch what was drawn before err.
func exportFailure(ctx context.Context, b store.BatchInfo, e *export, err error) error {
	f := &failure{doing: fmt.Sprintf("export %s of %s", plural(e.Count, "code"), b.Name), err: err, batch: b.Name, try: tryDraw(err)}
	switch {
	case errors.Is(err, store.ErrEmpty) && e.drawn > 0:
		f.doing += fmt.Sprintf(": %s drawn for %s", many(e.drawn), e.Ref)
		f.try = fmt.Sprintf("%s and %d codes: it gives those that were drawn", e.again(), e.drawn)
	case interrupted(ctx), errors.Is(err, store.ErrOutcomeUnknown):
		f.try = e.again()
	case errors.Is(err, store.ErrKeyConflict):
		f.try = "the same batch, number and --ref as the first time, or a new --id"
	}
	return f
}
