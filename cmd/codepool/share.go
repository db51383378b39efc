package main

import (
	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) shareCmd() *cobra.Command {
	n := shareNoun
	return n.command(&cobra.Command{
		Short: "Universal codes: one token that many users type",
		Long: `Share is about universal codes: one text that everybody types, each user once, until a
quota is used up or the time is over. codepool redeem takes them like any code, also in a
stream; codepool check asks first.`,
		Example: `  codepool share create SUMMER-2026 --count 10k --reward gem:5 --not-after 2027-09-01
  codepool redeem summer2026 --user player-42 --key req-9
  codepool share show SUMMER-2026 --limit 20`,
	}, a.shareCreateCmd(), a.claimCmd(n), a.sharedShowCmd(n), a.sharedEndCmd(n), a.sharedUndoCmd(n))
}

func (a *app) shareCreateCmd() *cobra.Command {
	c := creation{Shared: store.Universal("", 0)}
	c.Format, c.PerUser = gen.DefaultFormat(), 1
	var count amount
	cmd := &cobra.Command{
		Use:   "create [TOKEN] --count N",
		Short: "Make a code that many users type",
		Long: `Create makes a code of many equal shares, one for each user who types it. Without TOKEN it
gets a random one. A given one is read without case, spaces and hyphens, unless --format
says otherwise; no code of the namespace may have the same text.`,
		Example: `  codepool share create SUMMER-2026 --count 10k --reward gem:5 --not-after 2027-09-01
  codepool share create --count 100 --format alnum:8:4 --for 7d
  codepool share create DAILY --count 1M --per-user unlimited`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.flags(cmd, shareNoun)
	f := cmd.Flags()
	f.Var(&count, "count", "how many shares: 500, 10k, 1_000_000 or 1M")
	f.Var((*perUser)(&c.PerUser), "per-user", "how many shares one user can take, or unlimited")
	cobra.CheckErr(cmd.MarkFlagRequired("count"))
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc("per-user", fixed(perUserUnlimited)))
	noCompletions(cmd, "count")
	c.given = func(args []string) error {
		c.Count = int64(count)
		if len(args) == 0 {
			return nil
		}
		if c.Token = args[0]; c.Token == "" {
			return usage("the token is empty: name one, or leave it out for a random one")
		}
		return nil
	}
	return a.createCmd(cmd, shareNoun, &c)
}
