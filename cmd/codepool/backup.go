package main

import (
	"context"
	"fmt"
	"io"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) backupCmd() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "backup FILE|-",
		Short: "Write the whole store into one file",
		Long: `Backup writes all of the store into one file, with its own count and checksum, so
that a damaged one is noticed when it is restored. The file appears under its name
when it is whole and on the disk.`,
		Example: `  codepool backup pool-2026-11-22.backup
  codepool backup - | ssh vault 'cat > pool.backup'`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the file if it exists")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if args[0] == "" {
			return usage("the backup needs a file: name one, or - for standard output")
		}
		if err := a.outside(args[0]); err != nil {
			return err
		}
		if args[0] == "-" && a.tty.out {
			return usage("a backup is not text: name a file, or send it through a pipe")
		}
		return a.withStore(false, func(s *store.Store) error { return a.backup(ctx, s, args[0], force) })
	})
}

func (a *app) backup(ctx context.Context, s *store.Store, path string, force bool) error {
	var m store.Manifest
	write := func(w io.Writer) (err error) {
		w, stop := a.writing("backing up", w)
		defer stop()
		m, err = s.Backup(ctx, w)
		return err
	}
	if path == "-" {
		if err := write(a.out); err != nil {
			return &failure{doing: "backup", err: err}
		}
		a.note("backup of %s, checksum %s", plural(m.Codes, "code"), m.Checksum)
		return nil
	}
	if err := writeFile(path, force, write); err != nil {
		return &failure{doing: "backup", err: err}
	}
	return a.show(m, func(w io.Writer) { manifestFacts(m).write(w) })
}

func manifestFacts(m store.Manifest) *facts {
	f := newFacts()
	f.add("made", "%s", instantText(m.Created))
	f.add("codes", "%s", many(m.Codes))
	f.add("entries", "%s", many(m.Entries))
	f.add("last record", "%s", many(m.Sequence))
	f.add("checksum", "%s", m.Checksum)
	f.add("format", "%s", fmt.Sprint(m.Version))
	return f
}
