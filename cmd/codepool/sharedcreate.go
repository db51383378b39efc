package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"

	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// creation is what the flags of a create command say.
type creation struct {
	store.Shared
	total, most         string
	notBefore, notAfter instant
	lasts, keep         span
	given               func(args []string) error // reads what is not a flag of all; nil is nothing
}

// splitHelp is what holds for all amounts that are split.
const splitHelp = `Shares are whole minor units of the currency, such as cents, at least one each, and add up
to the total exactly. --split says how large they are:
	double-mean  random, each up to twice the mean of what is left
	line-cut     random, every way to split is equally likely
	even         alike, but for one minor unit
	rest         alike, and what does not divide is in one of them
	ratio        by --ratios, which stand in place of --count`

// flags adds the flags that all create commands have. What the shared batch says already is
// their default.
func (c *creation) flags(cmd *cobra.Command, n sharedNoun) {
	f := cmd.Flags()
	c.lasts.Duration, c.keep.Duration = c.For, c.Keep
	n.scope(cmd, &c.Namespace, &c.Room)
	f.StringVar(&c.Name, "name", "", "`text` that says what it is")
	f.StringVar(&c.Kind, "kind", "", "what it is good for, such as membership")
	f.StringVar(&c.KindNo, "kind-no", "", "which one of that kind, such as SVIP")
	f.StringVar(&c.Reward, "reward", "", "`text` that comes back with every receipt, such as gem:5")
	f.Var(formatValue{&c.Format}, "format", "class:length[:group[:prefix]] of the token, such as crockford:12:4")
	f.Var(&c.notBefore, "not-before", "can be claimed from this time on (a date is its first moment in UTC)")
	f.Var(&c.notAfter, "not-after", "can be claimed until just before this time")
	f.Var(&c.lasts, "for", "how long it can be claimed, such as 10m or 7d, in place of --not-after")
	f.Var(&c.keep, "keep", "how long it can be looked at, such as 30d; then its token is free")
	byFlag(cmd, &c.By)
	keyFlag(cmd, &c.Key, "answer")
	noCompletions(cmd, "name", "kind", "kind-no", "reward", "format", "not-before", "not-after", "for", "keep")
}

// splitFlags adds those of an amount that a sender gives.
func (c *creation) splitFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.total, "total", "", "`amount` to split, such as 88.88")
	f.StringVar(&c.Currency, "currency", "", "`code` of its currency, such as CNY")
	f.IntVar(&c.Split.Count, "count", 0, "how `many` shares")
	f.Var(policyValue{&c.Split.Policy}, "split", "how the amount is split; ratio where --ratios are given")
	f.Int64SliceVar(&c.Split.Ratios, "ratios", nil, "how the shares are to each other, `numbers` such as 5,3,2")
	f.Lookup("ratios").DefValue = "" // else the help shows an empty list
	f.Int64Var(&c.Split.Sum, "ratio-sum", 0, "`number` that the ratios must add up to, such as 100; 0 is any")
	f.StringVar(&c.most, "most", "", "`amount` that no share is above")
	f.StringVar(&c.Sender, "sender", "", "`user` who gives it, and gets back what is left")
	onlyTyped(cmd, "total")
	cobra.CheckErr(cmd.MarkFlagRequired("total"))
	cobra.CheckErr(cmd.MarkFlagRequired("currency"))
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("split", fixed(policies()...)))
	noCompletions(cmd, "total", "currency", "count", "ratios", "ratio-sum", "most", "sender")
}

// settle reads what can be read before anything is touched.
func (c *creation) settle(flags *pflag.FlagSet, args []string) error {
	if c.given != nil {
		if err := c.given(args); err != nil {
			return err
		}
	}
	c.NotBefore, c.NotAfter, c.For, c.Keep = c.notBefore.Time, c.notAfter.Time, c.lasts.Duration, c.keep.Duration
	if flags.Changed("not-after") && !flags.Changed("for") {
		c.For = 0
	}
	if c.Token != "" && !flags.Changed("format") {
		c.Format = gen.Format{}
	}
	if flags.Lookup("split") == nil {
		return nil
	}
	currency, err := gen.CurrencyOf(c.Currency)
	if err != nil {
		return usage("--currency: %w", err)
	}
	if c.Split.Total, err = gen.ParseAmount(c.total, currency); err != nil {
		return usage("--total: %w", err)
	}
	if c.most != "" {
		if c.Split.Most, err = gen.ParseAmount(c.most, currency); err != nil {
			return usage("--most: %w", err)
		}
	}
	if len(c.Split.Ratios) > 0 && !flags.Changed("split") {
		c.Split.Policy = gen.Ratio
	}
	if err := c.Split.Validate(); err != nil {
		return usage("%w", err)
	}
	return nil
}

// createCmd completes a create command.
func (a *app) createCmd(cmd *cobra.Command, n sharedNoun, c *creation) *cobra.Command {
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if err := c.settle(cmd.Flags(), args); err != nil {
			return err
		}
		return a.withStore(true, func(s *store.Store) error { return a.create(ctx, s, n, c.Shared) })
	})
}

func (a *app) create(ctx context.Context, s *store.Store, n sharedNoun, d store.Shared) error {
	info, err := s.Share(ctx, d)
	if err != nil {
		return interruptedAs(ctx, &failure{doing: n.name + " create", err: err}, "the same with the same --key: it gets the answer, if it is done")
	}
	err = a.show(info, func(w io.Writer) { sharedFacts(info).write(w) })
	if err = cmp.Or(err, a.out.Flush()); err != nil {
		f := &failure{doing: n.name + " create: it is created, but that could not be written", err: err,
			try: fmt.Sprintf("codepool ledger --after %d --limit 1", info.ID-1)}
		if d.Key != "" {
			f.try = "the same with --key " + shellQuote(d.Key) + ": it gets this answer"
		}
		return f
	}
	where := ""
	if info.Namespace != "" {
		where += " --namespace " + shellQuote(info.Namespace)
	}
	if info.Room != "" {
		where += " --room " + shellQuote(info.Room)
	}
	a.note("next: codepool %s claim %s%s --user USER", n.name, shellQuote(info.Printed), where)
	return nil
}

// sharedFacts lists what there is to know of a shared batch.
func sharedFacts(i store.SharedInfo) *facts {
	f := newFacts()
	f.add("token", "%s", i.Printed)
	f.add("number", "%d", i.ID)
	f.add("namespace", "%s", i.Namespace)
	f.add("room", "%s", i.Room)
	f.add("name", "%s", i.Name)
	f.add("kind", "%s", join(i.Kind, i.KindNo))
	f.add("reward", "%s", i.Reward)
	f.add("sender", "%s", i.Sender)
	f.add("state", "%s", i.State)
	f.add("shares", "%s", sharesText(i.Count, i.Total, i.Currency))
	f.add("claimed", "%s", sharesText(i.Claimed, i.ClaimedAmount, i.Currency))
	if i.Refunded > 0 {
		f.add("went back", "%s", sharesText(i.Refunded, i.RefundedAmount, i.Currency))
	} else {
		f.add("left", "%s", sharesText(i.Left, i.Total-i.ClaimedAmount, i.Currency))
	}
	f.add("per user", "%s", perUserText(i.PerUser))
	f.add("valid", "%s", windowText(i.NotBefore, i.NotAfter))
	f.add("created", "%s", instantText(i.Created))
	f.add("kept until", "%s", instantText(i.FreeAt))
	f.add("commitment", "%s", i.Commitment)
	return f
}

func perUserText(n int) string {
	if n == store.Unlimited {
		return "any number"
	}
	return plural(n, "share")
}

// perUserUnlimited is typed for store.Unlimited.
const perUserUnlimited = "unlimited"

// perUser is a flag for how many shares a user can take.
type perUser int

func (n *perUser) Set(text string) error {
	if text == perUserUnlimited {
		*n = store.Unlimited
		return nil
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 {
		return fmt.Errorf("%q is not a number of shares: write a whole number above 0, or %s", text, perUserUnlimited)
	}
	*n = perUser(v)
	return nil
}

func (n *perUser) String() string {
	if *n == store.Unlimited {
		return perUserUnlimited
	}
	return strconv.Itoa(int(*n))
}

func (n *perUser) Type() string { return "N" }

// policyValue is a flag for the way to split an amount.
type policyValue struct{ *gen.Policy }

func (p policyValue) Set(text string) error { return p.UnmarshalText([]byte(text)) }
func (policyValue) Type() string            { return "policy" }

// policies returns the names of all.
func policies() (names []string) {
	for p := gen.DoubleMean; p <= gen.Ratio; p++ {
		names = append(names, p.String())
	}
	return names
}

var (
	_ pflag.Value = (*perUser)(nil)
	_ pflag.Value = policyValue{}
)
