package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"codepool/gen"

	"github.com/spf13/cobra"
)

// checkedView is what a line with an order number is told.
type checkedView struct {
	Line    int    `json:"line"`
	Number  string `json:"number"`
	Good    bool   `json:"good"`
	Refused string `json:"refused,omitempty"` // the reason, one word
}

func (a *app) orderCheckCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check the digits of order numbers, one a line",
		Long: `Check reads order numbers, one a line, from a file or, with "-", from standard input, and
answers each with good, or why it is none: wrong_digit, wrong_length, no_such_day,
not_a_number. It needs neither store nor secret, so it also tells nobody whether a number was
given out. If any is refused the exit code is 1.`,
		Example: `  codepool order check numbers.txt
  cut -d, -f2 orders.csv | codepool order check - --json`,
		Args: cobra.ExactArgs(1),
	}
	return a.does(cmd, func(ctx context.Context, args []string) error {
		// No secret is in what is looked at: any will do.
		codec, err := gen.NewOrderCodec(gen.OrderLayout{}, make([]byte, gen.MinOrderSecret))
		if err != nil {
			return err
		}
		in, _, err := a.input(ctx, args[0])
		if err != nil {
			return &failure{doing: "order check", err: err}
		}
		defer in.Close()
		return a.orderCheck(ctx, codec, in)
	})
}

func (a *app) orderCheck(ctx context.Context, codec *gen.OrderCodec, from io.Reader) error {
	in := bufio.NewReaderSize(from, maxLine)
	good, refused := 0, map[string]int{}
	for line := 1; ; line++ {
		text, err := in.ReadSlice('\n')
		if err != nil && (!errors.Is(err, io.EOF) || len(text) == 0) {
			if errors.Is(err, io.EOF) {
				break
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				err = fmt.Errorf("%w: it is longer than %d bytes", errBadLine, maxLine)
			}
			return interruptedAs(ctx, &failure{doing: fmt.Sprintf("order check, line %d", line), err: err}, "the same again")
		}
		v := checkedView{Line: line, Number: string(bytes.TrimRight(text, "\r\n"))}
		answer := "good"
		if _, err := codec.Parse(v.Number); err == nil {
			v.Good = true
			good++
		} else {
			v.Refused = misread(err)
			answer = v.Refused
			refused[answer]++
		}
		werr := a.show(v, func(w io.Writer) { fmt.Fprintln(w, answer) })
		if in.Buffered() == 0 { // who types is answered at once
			werr = cmp.Or(werr, a.out.Flush())
		}
		if werr != nil {
			return &failure{doing: "order check: answers could not be written", err: werr}
		}
	}
	summary := plural(good, "number") + " good"
	for _, why := range slices.Sorted(maps.Keys(refused)) {
		summary += fmt.Sprintf(", %s %s", many(refused[why]), why)
	}
	if len(refused) == 0 {
		a.note("%s", summary)
		return nil
	}
	f := &failure{err: errors.New(summary), exit: exitFailure, reason: "refused", try: "the same with those lines, when they are corrected"}
	if len(refused) == 1 {
		for f.reason = range refused {
		}
	}
	return f
}
