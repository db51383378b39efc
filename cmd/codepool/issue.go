package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) issueCmd() *cobra.Command {
	var d store.Draw
	cmd := &cobra.Command{
		Use:   "issue BATCH N",
		Short: "Draw codes at random and hand them out",
		Long: `Issue draws N codes of a batch (its name, or its number) at random, binds them to a
reference such as an order or a player, and prints them, one a line. No code is ever
drawn twice.

With --key a repeated call gives the same codes again: use it wherever the answer can
get lost. Without it codes whose answer is lost are issued all the same.`,
		Example:           `  codepool issue launch 10 --ref order-7 --key order-7/1`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeBatch,
	}
	cmd.Flags().StringVar(&d.Ref, "ref", "", "`reference` that the codes are bound to, such as an order")
	cmd.Flags().StringVar(&d.Key, "key", "", "idempotency `key`: the same key gives the same codes")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		n, err := drawSize(args[1])
		if err != nil {
			return err
		}
		return a.withStore(false, func(s *store.Store) error { return a.issue(ctx, s, args[0], n, d) })
	})
}

// drawSize reads how many codes one draw is to have.
func drawSize(text string) (int, error) {
	n, err := parseAmount(text)
	if err != nil {
		return 0, usage("%w", err)
	}
	if n > store.MaxIssue {
		return 0, usage("%s codes in one draw, at most %s can be had: codepool export draws any number", many(n), many(store.MaxIssue))
	}
	return int(n), nil
}

func (a *app) issue(ctx context.Context, s *store.Store, name string, n int, d store.Draw) error {
	b, err := batch(s, name)
	if err != nil {
		return &failure{doing: "issue", err: err, batch: name}
	}
	doing := fmt.Sprintf("issue %s of %s", plural(n, "code"), b.Name)
	codes, err := s.Issue(ctx, b.ID, n, d)
	if err != nil {
		f := &failure{doing: doing, err: err, batch: b.Name, try: tryDraw(err)}
		return interruptedAs(ctx, f, "the same with the same --key: it gives the codes, if they were drawn")
	}
	err = a.show(struct {
		Batch string   `json:"batch"`
		Ref   string   `json:"ref,omitempty"`
		Key   string   `json:"key,omitempty"`
		Codes []string `json:"codes"`
	}{b.Name, d.Ref, d.Key, codes}, func(w io.Writer) {
		for _, c := range codes {
			fmt.Fprintln(w, c)
		}
	})
	if err = cmp.Or(err, a.out.Flush()); err == nil {
		return nil
	}
	f := &failure{doing: doing + ": they are drawn, but could not be written", err: err,
		try: "the same with a --key, which gives other codes, again if need be; these stay issued"}
	if d.Key != "" {
		f.try = "the same with --key " + shellQuote(d.Key) + ": it gives these codes"
	}
	return f
}

// tryDraw says what to try when a draw failed, where the kind of its error speaks of a
// code: there is none yet.
func tryDraw(err error) string {
	if errors.Is(err, store.ErrExpired) || errors.Is(err, store.ErrNotYetValid) || errors.Is(err, store.ErrRevoked) {
		return "codepool batches {batch}"
	}
	return ""
}
