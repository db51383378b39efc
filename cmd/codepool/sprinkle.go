package main

import (
	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
)

func (a *app) sprinkleCmd() *cobra.Command {
	n := sprinkleNoun
	return n.command(&cobra.Command{
		Short: "Sprinkled amounts: split among the others of a chat room",
		Long: `Sprinkle is about amounts that a user of a chat room splits among the others of it. Its
token has three characters and is known in its room only; whoever calls claim vouches for
the user to be in the room. The sender may not claim, and nobody else may look at it.

Amounts are typed with the decimals of their currency; with --json they are in minor units.`,
		Example: `  codepool sprinkle create --room lobby --sender ann --total 10000 --currency KRW --count 3
  codepool sprinkle claim a7X --room lobby --user bob
  codepool sprinkle show a7X --room lobby --as ann`,
	}, a.sprinkleCreateCmd(), a.claimCmd(n), a.sharedShowCmd(n), a.sharedEndCmd(n), a.sharedUndoCmd(n))
}

func (a *app) sprinkleCreateCmd() *cobra.Command {
	c := creation{Shared: store.Sprinkle("", "", "", gen.Split{})}
	cmd := &cobra.Command{
		Use:   "create --room ROOM --sender USER --total AMOUNT --currency CODE --count N",
		Short: "Split an amount among the others of a room, and print the token",
		Long: `Create splits an amount among the first who claim in a room, but the sender, and prints
the token, which is random and unlike all others of the room.

` + splitHelp,
		Example: `  codepool sprinkle create --room lobby --sender ann --total 10000 --currency KRW --count 3 --split rest
  codepool sprinkle create --room lobby --sender ann --total 25.50 --currency EUR --ratios 2,1 --for 5m`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.flags(cmd, sprinkleNoun)
	c.splitFlags(cmd)
	cobra.CheckErr(cmd.MarkFlagRequired("sender"))
	return a.createCmd(cmd, sprinkleNoun, &c)
}
