package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"codepool/store"

	"github.com/spf13/cobra"
)

// export is what one export hands out, to whom and as what.
type export struct {
	store.Export
	batch    string
	out      string // file, - is standard output
	format   sheetFormat
	force    bool
	codes    []string
	exported bool // the codes are out of stock, for good
}

func (a *app) exportCmd() *cobra.Command {
	var e export
	cmd := &cobra.Command{
		Use:   "export BATCH N --account ACCOUNT",
		Short: "Take codes out of stock into a CSV or XLSX file",
		Long: `Export takes N codes of a batch (its name, or its number) out of stock at random, for good,
and writes them to a file. Two exports never get the same code, except for one that is
repeated: the same --id gives the same file again, byte for byte, whether or not the first
one was ever seen. So nothing is in it that can change later, such as until when the codes
are valid. Without --id one is made up and told.

Only the account that owns the batch (mint --owner) may export; --override lets another
one. With fewer codes in stock than N nothing is taken, or with --partial what there is. The
codes are drawn for the account, or for a --ref: codepool ref lists them, release and revoke
--ref know them by it.

The file appears under its name when it is whole and on the disk, and only its owner can
read it. It is XLSX where the name ends in .xlsx or --format says so, with at most 200,000
codes; else CSV. Cells that a spreadsheet would take for a formula get a single quote in
front.`,
		Example: `  codepool export launch 50k --account ann --id ann/2026-11 --out codes.csv
  codepool export launch 500 --account ann --ref reseller-3 --out codes.xlsx`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeBatch,
	}
	e.flags(cmd)
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if err := e.settle(a, args[1]); err != nil {
			return err
		}
		return a.withStore(false, func(s *store.Store) error {
			b, err := batch(s, args[0])
			if err != nil {
				return &failure{doing: "export", err: err, batch: args[0]}
			}
			e.batch = b.Name
			return a.export(ctx, s, b, &e)
		})
	})
}

func (e *export) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&e.Account, "account", "", "`account` that exports: the owner of the batch")
	f.StringVar(&e.Ref, "ref", "", "`reference` that the codes are bound to; without it, the account")
	f.StringVar(&e.ID, "id", "", "name of the export: the same `id` gives the same file")
	f.BoolVar(&e.Override, "override", false, "export a batch of another account")
	f.BoolVar(&e.Partial, "partial", false, "with fewer codes in stock, take what there is")
	f.Var(&e.format, "format", "csv or xlsx; without it the name of the file says so")
	f.StringVar(&e.out, "out", "-", "write to `FILE`, - is standard output")
	f.BoolVar(&e.force, "force", false, "replace the file if it exists")
	cobra.CheckErr(cmd.MarkFlagRequired("account"))
	onlyTyped(cmd, "ref", "override", "partial", "format")
	shares(cmd, "account", accountSetting)
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("format", fixed(sheetFormats...)))
	for _, name := range []string{"account", "ref", "id"} {
		cobra.CheckErr(cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions))
	}
}

// settle refuses what can be refused before anything is touched.
func (e *export) settle(a *app, count string) error {
	n, err := parseAmount(count)
	if err != nil {
		return usage("%w", err)
	}
	e.Count = int(min(n, store.MaxExport))
	switch {
	case n > store.MaxExport:
		return usage("%s codes in one export, at most %s can be: take them in several", many(n), many(store.MaxExport))
	case e.Account == "":
		return usage("--account is empty: name the account that exports")
	case e.out == "":
		return usage("--out is empty: name a file, or - for standard output")
	}
	if err := cmp.Or(checkText("--account", e.Account), checkText("--ref", e.Ref), checkText("--id", e.ID), a.outside(e.out)); err != nil {
		return err
	}
	if e.Ref == "" {
		e.Ref = e.Account
	}
	if err := e.format.settle(e.out); err != nil {
		return err
	}
	if e.format != formatXLSX {
		return nil
	}
	switch {
	case n > maxSheet:
		return &failure{err: usage("%s codes in one XLSX file, at most %s can be", many(n), many(maxSheet)),
			try: "the same with --out FILE.csv, or in several exports"}
	case e.out == "-" && a.json:
		return usage("both --json and --format xlsx for standard output: name a file with --out")
	case e.out == "-" && a.tty.out:
		return usage("XLSX is not text: name a file with --out, or send it through a pipe")
	}
	return nil
}

func (a *app) export(ctx context.Context, s *store.Store, b store.BatchInfo, e *export) error {
	if e.ID == "" {
		e.ID = rand.Text()
		a.note("export %s: the same command with --id %s gives the same codes", e.ID, e.ID)
	}
	err := a.exportTo(ctx, s, b, e)
	if err == nil {
		err = a.out.Flush() // here it can still be told how to get the codes
	}
	if err == nil {
		if short := e.Count - len(e.codes); short > 0 {
			a.note("%s of %s codes: there were no more in stock", many(len(e.codes)), many(e.Count))
		}
		return nil
	}
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = &failure{doing: "export from " + b.Name, err: err}
	}
	if e.exported && f.try == "" {
		f.try = e.again() + ": it gives the codes, which are drawn"
	}
	return f
}

// exportTo takes the codes and writes them. A file that cannot be written is refused before
// anything is taken.
func (a *app) exportTo(ctx context.Context, s *store.Store, b store.BatchInfo, e *export) error {
	if e.out != "-" {
		err := writeFile(e.out, e.force, func(w io.Writer) error { return e.write(ctx, s, b, w) })
		if err != nil {
			return err
		}
		return a.show(e.view(), func(io.Writer) { a.note("%s of %s written to %s", plural(len(e.codes), "code"), b.Name, e.out) })
	}
	if !a.json {
		return e.write(ctx, s, b, a.out)
	}
	if err := e.take(ctx, s, b); err != nil {
		return err
	}
	v := e.view()
	v.Codes = e.codes
	return a.writeJSON(a.out, v)
}

// write takes the codes and writes their file.
func (e *export) write(ctx context.Context, s *store.Store, b store.BatchInfo, w io.Writer) error {
	if err := e.take(ctx, s, b); err != nil {
		return err
	}
	return e.format.write(w, e.sheet(b))
}

// take takes the codes out of stock, or gets them again.
func (e *export) take(ctx context.Context, s *store.Store, b store.BatchInfo) (err error) {
	if e.codes, err = s.Export(ctx, b.ID, e.Export); err != nil {
		return e.failure(ctx, b, err)
	}
	e.exported = true
	return nil
}

// again is how to get the codes of an export once more.
func (e *export) again() string { return "the same with --id " + shellQuote(e.ID) }

// failure says what to try when the codes were not all taken.
func (e *export) failure(ctx context.Context, b store.BatchInfo, err error) error {
	f := &failure{doing: fmt.Sprintf("export %s of %s", plural(e.Count, "code"), b.Name), err: err, batch: b.Name, try: tryDraw(err)}
	switch {
	case interrupted(ctx), errors.Is(err, store.ErrOutcomeUnknown):
		f.try = e.again() + ": it gives what was drawn, or draws the rest"
	case errors.Is(err, store.ErrDiskFull):
		f.try = e.again() + ", when there is room on the disk"
	case errors.Is(err, store.ErrEmpty) && !e.Partial:
		f.try = "the same with fewer codes, or with --partial, which takes what there is"
	case errors.Is(err, store.ErrKeyConflict):
		f.try = "the same batch, number, --account and --ref as the first time, or a new --id"
	}
	return f
}

// exportView is an export as it is shown.
type exportView struct {
	Batch   string   `json:"batch"`
	Account string   `json:"account"`
	Ref     string   `json:"ref"`
	ID      string   `json:"id"`
	Count   int      `json:"count"`
	File    string   `json:"file,omitempty"`
	Codes   []string `json:"codes,omitempty"`
}

func (e *export) view() exportView {
	v := exportView{Batch: e.batch, Account: e.Account, Ref: e.Ref, ID: e.ID, Count: len(e.codes)}
	if e.out != "-" {
		v.File = e.out
	}
	return v
}
