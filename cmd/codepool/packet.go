package main

import (
	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) packetCmd() *cobra.Command {
	n := packetNoun
	return n.command(&cobra.Command{
		Short: "Red packets: an amount split among those who come first",
		Long: `Packet is about red packets: a sender gives an amount, it is split into shares, and each
user who has the token claims one. What is left when the time is over goes back.

Amounts are typed with the decimals of their currency; with --json they are in minor units.`,
		Example: `  codepool packet create --total 88.88 --currency CNY --count 10 --sender ann --token LUCKY8
  codepool packet claim LUCKY8 --user bob --key req-9
  codepool packet show LUCKY8
  codepool packet received bob`,
	}, a.packetCreateCmd(), a.claimCmd(n), a.sharedShowCmd(n), a.receivedCmd(), a.sharedEndCmd(n), a.sharedUndoCmd(n), a.revealCmd(n), a.revealVerifyCmd())
}

func (a *app) packetCreateCmd() *cobra.Command {
	c := creation{Shared: store.RedPacket("", "", gen.Split{})}
	c.Format = gen.DefaultFormat()
	cmd := &cobra.Command{
		Use:   "create --total AMOUNT --currency CODE --count N",
		Short: "Split an amount into shares, and print the token",
		Long: `Create splits an amount into shares, and prints the token that users claim them by.

` + splitHelp + `

With --commit it prints a commitment: a salted hash of the split. When nothing can be
claimed any more codepool packet reveal opens it, which proves that no share was changed.`,
		Example: `  codepool packet create --total 88.88 --currency CNY --count 10 --sender ann
  codepool packet create --total 100 --currency CNY --ratios 5,3,2 --for 10m --keep 7d
  codepool packet create --total 1000 --currency JPY --count 20 --split line-cut --most 150 --commit --key packet-7`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.flags(cmd, packetNoun)
	c.splitFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&c.Token, "token", "", "`token`, instead of a random one")
	f.BoolVar(&c.NotSender, "not-sender", false, "the sender may not claim")
	f.BoolVar(&c.SenderOnly, "sender-only", false, "nobody but the sender may look at it")
	f.BoolVar(&c.Commit, "commit", false, "publish a commitment to the split")
	onlyTyped(cmd, "token")
	noCompletions(cmd, "token")
	return a.createCmd(cmd, packetNoun, &c)
}
