package main

import (
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
}

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
		e.Count = n
		return a.withStore(false, func(s *store.Store) error {
			b, err := batch(s, args[0])
			if err != nil {
				return &failure{doing: "export", err: err, batch: args[0]}
			}
			e.Batch = b.Name
			return a.export(ctx, s, b, e, out, force)
		})
	})
}

func (a *app) export(ctx context.Context, s *store.Store, b store.BatchInfo, e export, out string, force bool) error {
	if e.ID == "" {
		if b.Counts.Available < e.Count {
			return &failure{doing: "export from " + b.Name, batch: b.Name,
				err: fmt.Errorf("%w: %s wanted, %s there", store.ErrEmpty, many(e.Count), many(b.Counts.Available))}
		}
		e.ID = rand.Text()
		a.note("export %s: the same command with --id %s gives the same codes", e.ID, e.ID)
	}
	if out != "-" {
		err := writeFile(out, force, func(w io.Writer) error { return a.exportCSV(ctx, s, b, &e, w) })
		if err != nil {
			return asFailure("export from "+b.Name, err)
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
	return a.exportCSV(ctx, s, b, &e, a.out)
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
	if err := c.Write([]string{"code", "batch", "kind", "kind_no", "reward", "not_before", "not_after", "ref", "export"}); err != nil {
		return err
	}
	err := a.drawAll(ctx, s, b, *e, func(codes []string) error {
		var errs error
		for _, code := range codes {
			errs = errors.Join(errs, c.Write(neutralRow([]string{code, b.Name, b.Kind, b.KindNo, b.Reward,
				instantText(b.NotBefore), instantText(b.NotAfter), e.Ref, e.ID})))
		}
		return errs
	})
	c.Flush()
	return errors.Join(err, c.Error())
}

// drawAll draws the export's codes in parts that the store can take, each under a key
// made of the export's id, and hands each part to take.
func (a *app) drawAll(ctx context.Context, s *store.Store, b store.BatchInfo, e export, take func([]string) error) error {
	for part, drawn := 0, int64(0); drawn < e.Count; part++ {
		n := min(e.Count-drawn, store.MaxIssue)
		codes, err := s.Issue(ctx, b.ID, int(n), store.To(e.Ref).Once(fmt.Sprintf("export/%s/%d", e.ID, part)))
		if err != nil {
			return exportFailure(ctx, b, e, drawn, err)
		}
		if err := take(codes); err != nil {
			return err
		}
		drawn += n
	}
	return nil
}

// exportFailure says how to fetch what was drawn before err.
func exportFailure(ctx context.Context, b store.BatchInfo, e export, drawn int64, err error) error {
	f := &failure{doing: fmt.Sprintf("export %s of %s", plural(e.Count, "code"), b.Name), err: err, batch: b.Name}
	again := "the same with --id " + shellQuote(e.ID)
	switch {
	case errors.Is(err, store.ErrEmpty) && drawn > 0:
		f.doing += fmt.Sprintf(": %s drawn for %s", many(drawn), e.Ref)
		f.try = fmt.Sprintf("%s and %d codes: it gives those that were drawn", again, drawn)
	case interrupted(ctx), errors.Is(err, store.ErrOutcomeUnknown):
		f.try = again
	case errors.Is(err, store.ErrKeyConflict):
		f.try = "the same batch, number and --ref as the first time, or a new --id"
	}
	return f
}
