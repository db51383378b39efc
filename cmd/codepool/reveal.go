package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) revealCmd(n sharedNoun) *cobra.Command {
	var r store.SharedRef
	var asker string
	cmd := &cobra.Command{
		Use:   n.usage("reveal"),
		Short: "Open the commitment to a split, when nothing can be claimed any more",
		Long: `Reveal prints the split that was committed to at the creation (create --commit), with the
salt. With --json codepool packet verify reads it: anybody can see that the commitment is
that of the split, and so that no share was changed.`,
		Example: `  codepool packet reveal LUCKY8 --json > reveal.json
  codepool packet verify reveal.json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	n.scope(cmd, &r.Namespace, &r.Room)
	asFlag(cmd, &asker)
	return a.does(cmd, func(ctx context.Context, args []string) error {
		r.Token = args[0]
		return a.withStore(false, func(s *store.Store) error { return a.reveal(ctx, s, n, r, asker) })
	})
}

func (a *app) reveal(ctx context.Context, s *store.Store, n sharedNoun, r store.SharedRef, asker string) error {
	got, err := s.RevealShared(ctx, r, asker)
	var info store.SharedInfo
	if err == nil {
		info, err = s.LookupShared(ctx, r, asker)
	}
	if err != nil {
		return interruptedAs(ctx, n.failure("reveal", r, err), "the same again")
	}
	return a.show(got, func(w io.Writer) {
		f := newFacts()
		f.add("token", "%s", info.Printed)
		f.add("commitment", "%s", got.Commitment)
		f.add("salt", "%x", got.Salt)
		for _, part := range got.Parts {
			f.add("share", "%s", moneyText(part, info.Currency))
		}
		f.write(w)
	})
}

func (a *app) revealVerifyCmd() *cobra.Command {
	var published string
	cmd := &cobra.Command{
		Use:   "verify FILE|-",
		Short: "Check that a split is the one that was committed to",
		Long: `Verify reads what codepool packet reveal --json printed, from a file or from standard input
for "-", and checks that the commitment is that of the split. It needs no store.

Give with --commitment what was published at the creation: that the file agrees with
itself proves nothing alone.`,
		Example: `  codepool packet verify reveal.json --commitment 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  codepool packet reveal LUCKY8 --json | codepool packet verify -`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&published, "commitment", "", "`hash` that was published at the creation")
	onlyTyped(cmd, "commitment")
	noCompletions(cmd, "commitment")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		err := a.verifyReveal(ctx, args[0], cmd.Flags().Changed("commitment"), published)
		if err != nil {
			return &failure{doing: "packet verify " + args[0], err: err}
		}
		return nil
	})
}

// maxReveal bounds the file of a reveal: gen.MaxParts parts of twenty digits, and the rest.
const maxReveal = 1 << 20

// verifyReveal checks the reveal in a file, and its commitment against the published one.
func (a *app) verifyReveal(ctx context.Context, path string, against bool, published string) error {
	in, _, err := a.input(ctx, path)
	if err != nil {
		return err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxReveal+1))
	if err != nil {
		return err
	}
	var r store.Reveal
	if len(text) > maxReveal {
		return notReveal("it has more than %s", size(maxReveal))
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return notReveal("%w", err)
	}
	sum, err := commitment(r.Commitment)
	if err != nil {
		return notReveal("its commitment is %w", err)
	}
	total, err := sumOf(r.Parts)
	if err != nil {
		return err
	}
	if against {
		want, err := commitment(published)
		if err != nil {
			return usage("--commitment is %w", err)
		}
		if want != sum {
			return fmt.Errorf("%w: it has another commitment, %s", errOtherSplit, r.Commitment)
		}
	}
	if !gen.VerifyCommitment(sum, r.Salt, r.Parts) {
		return errOtherSplit
	}
	return a.show(struct {
		Commitment string `json:"commitment"`
		Matches    bool   `json:"matches"`
		Shares     int    `json:"shares"`
		Total      int64  `json:"total"` // in minor units
	}{r.Commitment, true, len(r.Parts), total}, func(w io.Writer) {
		f := newFacts()
		f.add("commitment", "%s", r.Commitment)
		f.add("matches", "%s, %s minor units in all", plural(len(r.Parts), "share"), many(total))
		f.write(w)
	})
}

func notReveal(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errNoReveal}, args...)...)
}

// commitment reads a commitment as it is printed.
func commitment(text string) (sum [32]byte, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != len(sum) {
		return sum, fmt.Errorf("%.70q: want %d hexadecimal digits", text, 2*len(sum))
	}
	return [32]byte(b), nil
}

// sumOf adds up the parts of a reveal.
func sumOf(parts []int64) (sum int64, err error) {
	if len(parts) == 0 {
		return 0, notReveal("it has no parts")
	}
	for _, part := range parts {
		if part < 1 || part > math.MaxInt64-sum {
			return 0, notReveal("%d is no part", part)
		}
		sum += part
	}
	return sum, nil
}
