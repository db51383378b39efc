package main

import (
	"errors"
	"fmt"

	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
)

// sharedNoun is one of the commands about shared batches: packet, sprinkle, share. They differ
// in what they create, and in whether a token is known in a room only.
type sharedNoun struct {
	name string // of the command
	what string // that it creates
	room bool
}

var (
	packetNoun   = sharedNoun{name: "packet", what: "red packet"}
	sprinkleNoun = sharedNoun{name: "sprinkle", what: "sprinkled amount", room: true}
	shareNoun    = sharedNoun{name: "share", what: "universal code"}
)

// command completes the command that the verbs are below of.
func (n sharedNoun) command(cmd *cobra.Command, below ...*cobra.Command) *cobra.Command {
	cmd.Use = n.name
	return verbs(cmd, below...)
}

// usage is how the command line of a verb begins that is about a token.
func (n sharedNoun) usage(verb string) string {
	if n.room {
		return verb + " TOKEN --room ROOM"
	}
	return verb + " TOKEN"
}

// scope adds the flags that say where a token is known.
func (n sharedNoun) scope(cmd *cobra.Command, namespace, room *string) {
	cmd.Flags().StringVar(namespace, "namespace", "", "`scope` of the token")
	names := []string{"namespace"}
	if n.room {
		cmd.Flags().StringVar(room, "room", "", "`room` in which the token is known")
		cobra.CheckErr(cmd.MarkFlagRequired("room"))
		names = append(names, "room")
	}
	noCompletions(cmd, names...)
}

// asFlag adds the flag that says who looks.
func asFlag(cmd *cobra.Command, asker *string) {
	cmd.Flags().StringVar(asker, "as", "", "`user` who looks at it: the sender, where only the sender may")
	noCompletions(cmd, "as")
}

func noCompletions(cmd *cobra.Command, flags ...string) {
	for _, name := range flags {
		cobra.CheckErr(cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions))
	}
}

// failure says what was being done with a token when err came up.
func (n sharedNoun) failure(verb string, r store.SharedRef, err error) *failure {
	f := &failure{doing: n.name + " " + verb + " " + r.Token, err: err, of: n.name, code: r.Token, namespace: r.Namespace, room: r.Room}
	if errors.Is(err, store.ErrUnknownCode) {
		f.try = "the same with the token that codepool " + n.name + " create printed"
		if n.room {
			f.try += ", and the room of it"
		}
	}
	return f
}

// moneyText writes an amount of minor units as people do, "" if it is of no currency.
func moneyText(amount int64, currency string) string {
	if currency == "" {
		return ""
	}
	c, err := gen.CurrencyOf(currency)
	if err != nil { // it was one once
		return fmt.Sprintf("%d minor units of %s", amount, currency)
	}
	return c.Format(amount)
}

// sharesText writes a number of shares and, if they have one, what they are worth.
func sharesText(n, amount int64, currency string) string {
	text := plural(n, "share")
	if money := moneyText(amount, currency); money != "" {
		text += ", " + money
	}
	return text
}

// sharedText says in a list of which shared batch something is.
func sharedText(id uint64, room string) string {
	text := fmt.Sprintf("shared %d", id)
	if room != "" {
		text += ", room " + room
	}
	return text
}
