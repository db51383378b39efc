package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) importCmd() *cobra.Command {
	var t terms
	var o store.ImportOptions
	cmd := &cobra.Command{
		Use:   "import FILE|- --name NAME",
		Short: "Take in codes that somebody else made",
		Long: `Import takes in given codes: one a line, or a CSV file with a header that has a
column "code". Duplicates are counted and left out. A line that cannot be read
refuses the whole file, and then nothing has changed.

The same command again goes on after an interruption, or takes in what was added to
the file. Without --format any text is a code, and letter case does not matter.`,
		Example: `  codepool import partner.csv --name partner --reward coins:100
  zcat sold.csv.gz | codepool import - --name sold --handed-out --ref reseller-3`,
		Args: cobra.ExactArgs(1),
	}
	t.flags(cmd)
	cmd.Flags().Lookup("format").DefValue = "any"
	f := cmd.Flags()
	f.BoolVar(&o.HandedOut, "handed-out", false, "the codes are with their owners already: take them in as issued")
	f.StringVar(&o.Ref, "ref", "", "`reference` that handed-out codes are bound to")
	f.BoolVar(&o.AllowBOM, "allow-bom", false, "accept a byte-order mark at the start of the file")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if o.Ref != "" && !o.HandedOut {
			return usage("--ref %s is for codes that are handed out: add --handed-out", shellQuote(o.Ref))
		}
		r, bytes, err := a.input(ctx, args[0])
		if err != nil {
			return &failure{doing: "import", err: err}
		}
		defer r.Close()
		return a.withStore(true, func(s *store.Store) error {
			in, stop := a.reading("reading "+args[0], bytes, r)
			defer stop()
			return a.importFrom(ctx, s, t.value(), in, o)
		})
	})
}

func (a *app) importFrom(ctx context.Context, s *store.Store, b store.Batch, r io.Reader, o store.ImportOptions) error {
	var u unseen
	report, err := s.Import(ctx, b, io.TeeReader(r, &u), o)
	if err != nil {
		f := &failure{err: u.name(err), batch: b.Name, try: tryImport(err, o)}
		if errors.Is(err, store.ErrBadLine) {
			f.doing = "import batch " + b.Name
		}
		return interruptedAs(ctx, f, "the same command again: codes already taken in are skipped")
	}
	a.warnOfGuesses(report.Batch)
	if first := report.DuplicateLines; len(first) > 0 {
		a.note("duplicates in the file, first at line %s", strings.Trim(fmt.Sprint(first), "[]"))
	}
	return a.show(report, func(w io.Writer) {
		f := newFacts()
		f.add("batch", "%s (number %d)", report.Batch.Name, report.Batch.ID)
		f.add("lines with a code", "%s", many(report.Lines))
		f.add("taken in", "%s", many(report.Added))
		f.add("twice in the file", "%s", many(report.DuplicateInFile))
		f.add("in another batch", "%s", many(report.DuplicateInStore))
		f.add("taken in before", "%s", many(report.AlreadyImported))
		f.write(w)
	})
}

// tryImport says what a file in a code of its own needs.
func tryImport(err error, o store.ImportOptions) string {
	if !o.AllowBOM && strings.Contains(err.Error(), "byte-order mark") {
		return "the same with --allow-bom"
	}
	if strings.Contains(err.Error(), "the stream is UTF-16") {
		return "the same with the file saved as UTF-8; nothing was imported"
	}
	return tryAdd(err)
}
