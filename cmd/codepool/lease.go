package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"codepool/store"

	"github.com/spf13/cobra"
)

// lease draws codes for a time.
func (a *app) lease(ctx context.Context, s *store.Store, b store.BatchInfo, n int, ttl time.Duration, d store.Draw) error {
	doing := fmt.Sprintf("lease %s of %s", plural(n, "code"), b.Name)
	l, err := s.Lease(ctx, b.ID, n, ttl, d)
	if err != nil {
		f := &failure{doing: doing, err: err, batch: b.Name, try: tryDraw(err)}
		return interruptedAs(ctx, f, "the same with the same --key: it gives the lease, if it was made")
	}
	err = a.show(l, func(w io.Writer) { leaseFacts(l, b.Name).write(w) })
	if err = cmp.Or(err, a.out.Flush()); err != nil {
		f := &failure{doing: fmt.Sprintf("%s: lease %d is made, but could not be written", doing, l.Number), err: err,
			try: "codepool giveback " + strconv.FormatUint(l.Number, 10)}
		if d.Key != "" {
			f.try = "the same with --key " + shellQuote(d.Key) + ": it gives these codes"
		}
		return f
	}
	if !l.Until.After(time.Now()) { // the key gave an old one
		a.warn("the time of lease %d is over: what was not acknowledged is in stock again", l.Number)
		return nil
	}
	a.note("next: codepool ack %d, when the codes have arrived; or codepool giveback %d", l.Number, l.Number)
	return nil
}

func leaseFacts(l store.Lease, batch string) *facts {
	f := newFacts()
	f.add("lease", "%d", l.Number)
	f.add("batch", "%s (number %d)", batch, l.Batch)
	f.add("reference", "%s", l.Ref)
	f.add("key", "%s", l.Key)
	f.add("at", "%s", instantText(l.At))
	f.add("until", "%s", instantText(l.Until))
	for _, c := range l.Codes {
		f.add("code", "%s", c)
	}
	return f
}

// endVerb is one of the verbs that end a lease or a reservation.
type endVerb struct {
	name, past string
	of         string // what it ends
	run        func(*store.Store, context.Context, store.LeaseEnd) (store.Ended, error)
	over       string // what to try when the time is over
}

var (
	ackVerb = endVerb{name: "ack", past: "acknowledged", of: "lease", run: (*store.Store).Acknowledge,
		over: "codepool issue {batch} N --lease, for a longer time: the codes are in stock again"}
	giveBackVerb = endVerb{name: "giveback", past: "given back", of: "lease", run: (*store.Store).GiveBack,
		over: "codepool batches, which counts its codes as in stock again"}
)

func (a *app) ackCmd() *cobra.Command {
	return a.endCmd(ackVerb, &cobra.Command{
		Use:   "ack LEASE",
		Short: "Acknowledge a lease: its codes are issued for good",
		Long: `Ack says that the codes of a lease (its number) have arrived where they belong: they are
issued to the lease's reference for good, and can be redeemed.

A lease whose time is over cannot be acknowledged: its codes are in stock again. With --key
a repeated call gets the first answer again.`,
		Example: `  codepool ack 1041 --by printer-2 --key sheet-7`,
	})
}

func (a *app) giveBackCmd() *cobra.Command {
	return a.endCmd(giveBackVerb, &cobra.Command{
		Use:   "giveback LEASE",
		Short: "Return the codes of a lease to stock before its time is over",
		Long: `Giveback returns the codes of a lease (its number) to stock at once, from which they can
be drawn again. It is for codes that nobody has seen: whoever has a code's text can redeem
it once it is drawn again. With --key a repeated call gets the first answer again.`,
		Example: `  codepool giveback 1041 --by printer-2`,
	})
}

// endCmd completes the command of a verb that ends a lease or a reservation.
func (a *app) endCmd(v endVerb, cmd *cobra.Command) *cobra.Command {
	var e store.LeaseEnd
	cmd.Args, cmd.ValidArgsFunction = cobra.ExactArgs(1), cobra.NoFileCompletions
	byFlag(cmd, &e.By)
	keyFlag(cmd, &e.Key, "answer")
	return a.does(cmd, func(ctx context.Context, args []string) (err error) {
		if e.Number, err = parseNumber(v.of, args[0]); err != nil {
			return err
		}
		return a.withStore(false, func(s *store.Store) error { return a.end(ctx, s, v, e) })
	})
}

func (a *app) end(ctx context.Context, s *store.Store, v endVerb, e store.LeaseEnd) error {
	doing := fmt.Sprintf("%s %s %d", v.name, v.of, e.Number)
	got, err := v.run(s, ctx, e)
	if err != nil {
		f := endFailure(doing, v, err)
		return interruptedAs(ctx, f, tryForAnswer)
	}
	err = a.show(got, func(w io.Writer) {
		f := newFacts()
		f.add(v.past, "%d", got.Lease)
		f.add("record", "%d", got.Number)
		f.add("by", "%s", got.By)
		f.add("key", "%s", got.Key)
		f.add("at", "%s", instantText(got.At))
		f.write(w)
	})
	if err = cmp.Or(err, a.out.Flush()); err == nil {
		return nil
	}
	f := &failure{doing: doing + ": it is " + v.past + ", but that could not be written", err: err, try: "codepool batches"}
	if e.Key != "" {
		f.try = "the same with --key " + shellQuote(e.Key) + ": it gets this answer"
	}
	return f
}

// endFailure says what to try when a verb is refused, where the kind of the error does not
// know the verb.
func endFailure(doing string, v endVerb, err error) *failure {
	f := &failure{doing: doing, err: err}
	if errors.Is(err, store.ErrUnknownLease) || errors.Is(err, store.ErrLeaseEnded) || errors.Is(err, store.ErrLeaseOver) {
		f.doing = v.name // they say of what
	}
	switch {
	case errors.Is(err, store.ErrLeaseOver):
		f.try = v.over
	case errors.Is(err, store.ErrRevoked):
		f.try = "codepool batches"
	case errors.Is(err, store.ErrUnknownLease) && v.of == "lease":
		f.try = "the same with the number that codepool issue --lease printed"
	case errors.Is(err, store.ErrUnknownLease):
		f.try = "the same with the number that codepool reserve printed"
	}
	return f
}

// parseNumber reads a number of the ledger.
func parseNumber(what, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return 0, usage("%q is not the number of a %s: write a whole number above 0", text, what)
	}
	return n, nil
}

func keyFlag(cmd *cobra.Command, key *string, what string) {
	cmd.Flags().StringVar(key, "key", "", "idempotency `key`: the same key gets the first "+what+" again")
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("key", cobra.NoFileCompletions))
}
