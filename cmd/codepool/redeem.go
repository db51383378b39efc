package main

import (
	"cmp"
	"context"
	"io"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) redeemCmd() *cobra.Command {
	var r store.Redemption
	var o streamOptions
	cmd := &cobra.Command{
		Use:   "redeem CODE | --file FILE|-",
		Short: "Burn a code, or a stream of them",
		Long: `Redeem burns a code for a user and prints the receipt. With --key a repeated call
gives the first receipt again instead of "already redeemed". A universal code (codepool
share) is typed like any other, and gives a receipt to each user.

With --file it reads a stream, from standard input for "-". Each line is
	code[,user[,key]]
or the first line is a header that names its columns: code, user, key, namespace in
any order. Cells with a comma, a quote or spaces around them are quoted as in CSV.
Every line after the header is answered by one line, in order: the number of the
receipt, or why there is none (already_redeemed, unknown_code, bad_line: …); with
--json by one object. A line that cannot be read is answered so, and the stream
goes on.

The exit code is 0 if every line was redeemed, that of the refusal if all refusals
are of one kind, else 1.`,
		Example: `  codepool redeem 7KQF-2M9X-T4WC --user player-42 --key req-9
  codepool redeem --file codes.csv > answers.txt
  tail -f requests | codepool redeem --file - --json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.StringVar(&r.User, "user", "", "`user` who redeems; in a stream, for lines without one")
	f.StringVar(&r.Key, "key", "", "idempotency `key`: the same key gives the same receipt")
	f.StringVar(&r.Namespace, "namespace", "", "`scope` of the code; in a stream, for lines without one")
	f.StringVar(&o.file, "file", "", "read a stream from `FILE`, - is standard input")
	f.BoolVar(&o.allowBOM, "allow-bom", false, "accept a byte-order mark at the start of the stream")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		switch {
		case len(args) == 1 && args[0] == "-" && o.file == "":
			o.file = "-"
		case len(args) == 1 && o.file != "":
			return usage("both a code and --file: give one of them")
		case len(args) == 0 && o.file == "":
			return usage("neither a code nor --file: give one of them")
		}
		if o.file == "" {
			r.Code = args[0]
			return a.withStore(false, func(s *store.Store) error { return a.redeem(ctx, s, r) })
		}
		if r.Key != "" {
			return usage("--key is for one code: a stream has a column key")
		}
		o.user, o.namespace = r.User, r.Namespace
		return a.streamFile(ctx, redeemVerb, o, func(in io.Reader) *lineParser { return newLineParser(in, o.allowBOM) })
	})
}

// redeemVerb is what a stream of redemptions asks for.
var redeemVerb = streamVerb{
	name: "redeem", past: "redeemed", doing: "redeeming", unit: "line",
	all: func(ctx context.Context, s *store.Store, rs []store.Redemption) []done {
		results := s.RedeemAll(ctx, rs)
		out := make([]done, len(results))
		for i := range results {
			out[i] = done{receipt: &results[i].Receipt, err: results[i].Err}
		}
		return out
	},
	try: func(string) string { return "" },
}

func (a *app) redeem(ctx context.Context, s *store.Store, r store.Redemption) error {
	receipt, err := s.Redeem(ctx, r)
	if err != nil {
		if a.json {
			if werr := a.writeJSON(a.out, answer{Code: r.Code, Refused: reason(err)}); werr != nil {
				return werr
			}
		}
		return interruptedAs(ctx, aboutCode(ctx, s, r, "redeem", err), "the same with the same --key: it gives the receipt, if the code is redeemed")
	}
	name := ""
	if b, err := s.Batch(receipt.Batch); err == nil {
		name = b.Name
	}
	err = a.show(receipt, func(w io.Writer) { receiptFacts(receipt, name).write(w) })
	if err = cmp.Or(err, a.out.Flush()); err == nil {
		return nil
	}
	return &failure{doing: "redeem " + r.Code + ": it is redeemed, but the receipt could not be written",
		err: err, code: r.Code, namespace: r.Namespace, try: "codepool show {code}"}
}
