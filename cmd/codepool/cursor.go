package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"codepool/store"

	"github.com/spf13/cobra"
)

// cursorView is a cursor as it is shown.
type cursorView struct {
	Name   string `json:"name"`
	Number uint64 `json:"number"` // up to it all is done
}

func (a *app) cursorCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cursor",
		Short: "List the cursors of those who follow the receipts",
		Long: `Cursor lists the cursors: named places in the ledger up to which somebody has done what the
receipts ask for. codepool receipts --cursor NAME begins behind one and moves it. With --json
it prints one object a line.`,
		Example: `  codepool cursor
  codepool cursor set mailer 1041
  codepool cursor drop mailer`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown command %q for %q: there are set and drop", args[0], cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.AddCommand(a.cursorSetCmd(), a.cursorDropCmd())
	return a.does(cmd, func(context.Context, []string) error {
		return a.withStore(false, a.cursors)
	})
}

func (a *app) cursors(s *store.Store) error {
	list := listing{a: a, t: newTable("name", ">number")}
	all := s.Cursors()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := list.add(cursorView{name, all[name]}, name, strconv.FormatUint(all[name], 10)); err != nil {
			return err
		}
	}
	list.end()
	if list.n == 0 {
		a.note("no cursors yet; try: codepool receipts --cursor NAME")
	}
	return nil
}

func (a *app) cursorSetCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set NAME NUMBER",
		Short: "Move a cursor forward, or make one",
		Long: `Set moves a cursor up to a number of the ledger, such as that of the last receipt that was
dealt with, and makes it if there is none of that name. A cursor never moves back: drop it
to begin at the first receipt again.`,
		Example:           `  codepool cursor set mailer 1041`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if args[0] == "" {
			return usage("the name of the cursor is empty")
		}
		number, err := parseNumber("receipt", args[1])
		if err != nil {
			return err
		}
		return a.withStore(false, func(s *store.Store) error { return a.cursorSet(ctx, s, args[0], number) })
	})
}

func (a *app) cursorSet(ctx context.Context, s *store.Store, name string, number uint64) error {
	if err := s.Advance(ctx, name, number); err != nil {
		return cursorFailure("set cursor "+name, err)
	}
	v := cursorView{name, s.Cursor(name)}
	if v.Number > number {
		a.note("cursor %s is beyond %d already", clean(name), number)
	}
	return a.show(v, func(w io.Writer) {
		f := newFacts()
		f.add("cursor", "%s", v.Name)
		f.add("number", "%d", v.Number)
		f.write(w)
	})
}

func (a *app) cursorDropCmd() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "drop NAME",
		Short: "Forget a cursor: who uses it would begin at the first receipt",
		Long: `Drop forgets a cursor. Whoever uses it next begins at the first receipt and does again what
was done before.

It asks first; where nobody can be asked it needs --force.`,
		Example:           `  codepool cursor drop mailer`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&force, "force", false, "do not ask")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		return a.withStore(false, func(s *store.Store) error { return a.cursorDrop(ctx, s, args[0], force) })
	})
}

func (a *app) cursorDrop(ctx context.Context, s *store.Store, name string, force bool) error {
	number, known := s.Cursors()[name]
	if !known {
		return &failure{doing: "drop cursor " + name, err: errNoCursor}
	}
	if err := a.confirm(ctx, force, fmt.Sprintf("Forget cursor %s, which is at %d?", name, number)); err != nil {
		return err
	}
	if err := s.DropCursor(ctx, name); err != nil {
		return cursorFailure("drop cursor "+name, err)
	}
	return a.show(cursorView{name, number}, func(w io.Writer) {
		f := newFacts()
		f.add("dropped", "%s", name)
		f.add("was at", "%d", number)
		f.write(w)
	})
}

// cursorFailure says what to try, where the kind of the error speaks of a key.
func cursorFailure(doing string, err error) error {
	f := &failure{doing: doing, err: err}
	if errors.Is(err, store.ErrOutcomeUnknown) || errors.Is(err, errInterrupted) {
		f.try = "codepool cursor, to see whether it is done"
	}
	return f
}
