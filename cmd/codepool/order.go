package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
)

// orderView is an order number as it is shown: as text, since JavaScript has no number of
// 18 digits.
type orderView struct {
	Number   string  `json:"number"`
	Day      gen.Day `json:"day"`
	Type     int     `json:"type"`
	Sequence *uint64 `json:"sequence,omitempty"` // only to who has asked for it
}

func (a *app) orderCmd() *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "order",
		Short: "Order numbers: unique, with a check digit, silent about how many there are",
		Long: `Order is about order numbers of 18 digits: the date, a type of two digits, nine digits that
tell nobody how many orders there are, and a check digit that catches every wrong digit and
every two that are swapped. No number is given out twice, whatever crashes and whatever the
clock says. Days are those of UTC.

The nine digits are the day's count, permuted under a secret in a file: codepool order secret
makes it.`,
		Example: `  codepool order secret
  codepool order new --type 42
  codepool order new --count 1000 > numbers.txt
  codepool order parse 261126-42-4472238661
  codepool order check numbers.txt`,
	}, a.orderNewCmd(), a.orderParseCmd(), a.orderCheckCmd(), a.orderSecretCmd())
}

func (a *app) orderNewCmd() *cobra.Command {
	var secret secretValue
	var typ int
	count := amount(1)
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Give out order numbers",
		Long: `New prints order numbers of today, one a line, that were never given out before. With --json
it prints one object a line. Numbers that are printed and not used are lost, which does no
harm: a day has a billion.`,
		Example: `  codepool order new --type 42
  codepool order new --count 1000 --json`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.IntVar(&typ, "type", 0, "`type` that the numbers show, 0 to 99")
	f.Var(&count, "count", "how many numbers: 500, 10k, 1_000_000 or 1M")
	onlyTyped(cmd, "count")
	secret.flag(cmd)
	noCompletions(cmd, "type", "count")
	return a.does(cmd, func(ctx context.Context, _ []string) error {
		codec, err := secret.codec(a)
		if err != nil {
			return err
		}
		var late error // when numbers were given out: a store that was made for them must stay
		err = a.withStore(true, func(s *store.Store) error {
			given, err := a.orderNew(ctx, s, codec, typ, int64(count))
			if given > 0 {
				late, err = err, nil
			}
			return err
		})
		return cmp.Or(late, err)
	})
}

// orderPart is how many numbers are printed before a signal is looked for.
const orderPart = 4096

// orderNew prints numbers and returns how many it was given.
func (a *app) orderNew(ctx context.Context, s *store.Store, codec *gen.OrderCodec, typ int, count int64) (given int64, err error) {
	orders, err := s.Orders(codec, nil)
	if err != nil {
		return 0, err
	}
	part := make([]gen.Order, min(count, orderPart))
	for err == nil && given < count {
		part = part[:min(count-given, orderPart)]
		if err = orders.Fill(ctx, typ, part); err != nil {
			return given, interruptedAs(ctx, &failure{doing: "order new", err: err}, "the same again: it gives other numbers")
		}
		given += int64(len(part))
		for _, o := range part {
			text := codec.Text(o.Number)
			err = cmp.Or(err, a.show(orderView{Number: text, Day: o.Day, Type: o.Type}, func(w io.Writer) { fmt.Fprintln(w, text) }))
		}
		err = cmp.Or(err, a.out.Flush())
	}
	if err != nil {
		err = &failure{doing: "order new: numbers could not be written", err: err, try: "the same again: it gives other numbers, and nobody gets these"}
	}
	return given, err
}

func (a *app) orderParseCmd() *cobra.Command {
	var secret secretValue
	cmd := &cobra.Command{
		Use:   "parse NUMBER",
		Short: "Tell the date, the type and the place of an order number",
		Long: `Parse reads an order number, with spaces and hyphens wherever, and tells its date, its type and
its sequence: how many of the day came before it, of all types, give or take some that were
skipped. A number with a wrong
digit, or two swapped, is refused.

Whether the number was given out it cannot tell: anybody can write a valid one.`,
		Example:           `  codepool order parse 261126-42-4472238661`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	secret.flag(cmd)
	return a.does(cmd, func(_ context.Context, args []string) error {
		codec, err := secret.codec(a)
		if err != nil {
			return err
		}
		o, err := codec.Parse(args[0])
		if err != nil {
			return &failure{doing: "order parse " + args[0], err: err, reason: misread(err), exit: exitUsage,
				try: fmt.Sprintf("the same with the number as it was printed: %d digits", codec.Layout().Digits())}
		}
		v := orderView{codec.Text(o.Number), o.Day, o.Type, &o.Sequence}
		return a.show(v, func(w io.Writer) {
			f := newFacts()
			f.add("number", "%s", v.Number)
			f.add("day", "%v", v.Day)
			f.add("type", "%d", v.Type)
			f.add("sequence", "%d", o.Sequence)
			f.write(w)
		})
	})
}

// misread says what a machine calls that a text is no order number.
func misread(err error) string {
	switch {
	case errors.Is(err, gen.ErrCheckDigit):
		return "wrong_digit"
	case errors.Is(err, gen.ErrOrderLength):
		return "wrong_length"
	case errors.Is(err, gen.ErrOrderDay):
		return "no_such_day"
	}
	return "not_a_number"
}
