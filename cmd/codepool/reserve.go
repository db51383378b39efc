package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) reserveCmd() *cobra.Command {
	var r store.Redemption
	var ttl span
	cmd := &cobra.Command{
		Use:   "reserve CODE --for 10m",
		Short: "Hold a code for a user for a time: a checkout",
		Long: `Reserve holds a code that could be redeemed now for a user and prints the number of the
reservation. Until its time is over nobody else can redeem the code; codepool confirm
redeems it, codepool cancel gives it free, and so does the end of the time.

With --key a repeated call gives the same reservation again, also when it has ended.`,
		Example: `  codepool reserve 7KQF-2M9X-T4WC --for 10m --user player-42 --key cart-9
  codepool confirm 1041 --key cart-9/paid`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.Var(&ttl, "for", "how long it is held, such as 10m")
	f.StringVar(&r.User, "user", "", "`user` for whom it is held")
	f.StringVar(&r.Namespace, "namespace", "", "`scope` of the code")
	keyFlag(cmd, &r.Key, "reservation")
	cobra.CheckErr(cmd.MarkFlagRequired("for"))
	for _, name := range []string{"for", "user", "namespace"} {
		cobra.CheckErr(cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions))
	}
	return a.does(cmd, func(ctx context.Context, args []string) error {
		r.Code = args[0]
		return a.withStore(false, func(s *store.Store) error { return a.reserve(ctx, s, r, ttl.Duration) })
	})
}

func (a *app) reserve(ctx context.Context, s *store.Store, r store.Redemption, ttl time.Duration) error {
	h, err := s.Reserve(ctx, r, ttl)
	if err != nil {
		if a.json {
			if werr := a.writeJSON(a.out, answer{Code: r.Code, Refused: reason(err)}); werr != nil {
				return werr
			}
		}
		f := aboutCode(ctx, s, r, "reserve", err)
		return interruptedAs(ctx, f, "the same with the same --key: it gives the reservation, if it was made")
	}
	name := ""
	if b, err := s.Batch(h.Batch); err == nil {
		name = b.Name
	}
	err = a.show(h, func(w io.Writer) { holdFacts(h, name).write(w) })
	if err = cmp.Or(err, a.out.Flush()); err != nil {
		f := &failure{doing: fmt.Sprintf("reserve %s: reservation %d is made, but could not be written", r.Code, h.Number), err: err,
			try: "codepool cancel " + strconv.FormatUint(h.Number, 10)}
		if r.Key != "" {
			f.try = "the same with --key " + shellQuote(r.Key) + ": it gives this reservation"
		}
		return f
	}
	if !h.Until.After(time.Now()) { // the key gave an old one
		a.warn("the time of reservation %d is over", h.Number)
		return nil
	}
	a.note("next: codepool confirm %d, or codepool cancel %d", h.Number, h.Number)
	return nil
}

func holdFacts(h store.Hold, batch string) *facts {
	f := newFacts()
	f.add("reservation", "%d", h.Number)
	f.add("code", "%s", h.Code)
	f.add("batch", "%s", strings.TrimSpace(fmt.Sprintf("%s (number %d)", batch, h.Batch)))
	f.add("reward", "%s", h.Reward)
	f.add("user", "%s", h.User)
	f.add("key", "%s", h.Key)
	f.add("at", "%s", instantText(h.At))
	f.add("until", "%s", instantText(h.Until))
	return f
}

var (
	confirmVerb = endVerb{name: "confirm", past: "redeemed", of: "reservation",
		over: "codepool reserve CODE, for a longer time: this one holds nothing any more"}
	cancelVerb = endVerb{name: "cancel", past: "cancelled", of: "reservation", run: (*store.Store).Cancel,
		over: "codepool show CODE, which is as it was before"}
)

func (a *app) confirmCmd() *cobra.Command {
	var e store.LeaseEnd
	cmd := &cobra.Command{
		Use:   "confirm NUMBER",
		Short: "Redeem a code that is reserved: the checkout is paid",
		Long: `Confirm redeems the code of a reservation (its number) for the user it is held for and
prints the receipt. The end of the batch's window does not matter any more.

A reservation whose time is over cannot be confirmed. With --key a repeated call gets the
first receipt again; keys of confirmations are those of redemptions.`,
		Example:           `  codepool confirm 1041 --key cart-9/paid`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	keyFlag(cmd, &e.Key, "receipt")
	return a.does(cmd, func(ctx context.Context, args []string) (err error) {
		if e.Number, err = parseNumber(confirmVerb.of, args[0]); err != nil {
			return err
		}
		return a.withStore(false, func(s *store.Store) error { return a.confirmHold(ctx, s, e) })
	})
}

func (a *app) confirmHold(ctx context.Context, s *store.Store, e store.LeaseEnd) error {
	doing := fmt.Sprintf("confirm reservation %d", e.Number)
	receipt, err := s.Confirm(ctx, e)
	if err != nil {
		f := endFailure(doing, confirmVerb, err)
		return interruptedAs(ctx, f, "the same with the same --key: it gives the receipt, if the code is redeemed")
	}
	name := ""
	if b, err := s.Batch(receipt.Batch); err == nil {
		name = b.Name
	}
	err = a.show(receipt, func(w io.Writer) { receiptFacts(receipt, name).write(w) })
	if err = cmp.Or(err, a.out.Flush()); err == nil {
		return nil
	}
	return &failure{doing: doing + ": its code is redeemed, but the receipt could not be written", err: err,
		try: fmt.Sprintf("codepool receipts --after %d --limit 1", receipt.Number-1)}
}

func (a *app) cancelCmd() *cobra.Command {
	return a.endCmd(cancelVerb, &cobra.Command{
		Use:   "cancel NUMBER",
		Short: "Give a reservation up: the code is free again",
		Long: `Cancel gives a reservation (its number) up before its time is over: the code is as it was
before and can be redeemed. With --key a repeated call gets the first answer again.`,
		Example: `  codepool cancel 1041 --by player-42`,
	})
}
