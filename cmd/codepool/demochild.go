package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"codepool/store"

	"github.com/spf13/cobra"
)

// The process that the demo kills. It reads on standard input
//
//	N
//	code,player of side 0,player of side 1      N times
//
// redeems every code on both sides at the same time and writes each answer to
// standard output as soon as it has it:
//
//	I SIDE NUMBER                               I from 0; number 0 is "already redeemed"
//
// Then it waits for the end of its input, which comes only if nobody kills it.

const (
	childCallers = 64  // goroutines a side that redeem one by one
	childBatch   = 100 // codes in a call of the goroutines that redeem by the batch
)

func (a *app) demoChildCmd() *cobra.Command {
	first := 0
	cmd := &cobra.Command{Use: "demo-child", Hidden: true, Args: noArgs}
	cmd.Flags().IntVar(&first, "first", 0, "number of the first code, for the keys")
	return a.does(cmd, func(ctx context.Context, _ []string) error {
		in := bufio.NewReaderSize(a.in, 64<<10)
		c := &child{a: a, first: first}
		if err := c.read(in); err != nil {
			return &failure{doing: "read codes", err: err, try: "codepool demo, which starts this command"}
		}
		return a.withStore(false, func(s *store.Store) error {
			c.s = s
			if err := c.redeem(ctx); err != nil {
				return err
			}
			_, err := io.Copy(io.Discard, in)
			return err
		})
	})
}

type child struct {
	a     *app
	s     *store.Store
	first int
	work  []store.Redemption // sides for each code, next to each other

	mu sync.Mutex // guards a.out
}

func (c *child) read(in *bufio.Reader) error {
	line, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return err
	}
	for i := range n {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		cells := strings.Split(strings.TrimSuffix(line, "\n"), ",")
		if len(cells) != 1+sides {
			return fmt.Errorf("line %d has %d cells", i+1, len(cells))
		}
		for side := range sides {
			c.work = append(c.work, store.Redemption{Code: cells[0], User: cells[1+side], Key: requestKey(c.first+i, side)})
		}
	}
	return nil
}

// redeem takes half of the codes one by one with many goroutines, the others by the
// batch with few.
func (c *child) redeem(ctx context.Context) error {
	n := len(c.work) / sides
	half := n / 2
	return crew(ctx, (childCallers+1)*sides, func(ctx context.Context, g int) error {
		side, g := g%sides, g/sides
		if g == childCallers {
			return c.byBatch(ctx, half, n, side)
		}
		for i := g; i < half && ctx.Err() == nil; i += childCallers {
			r, err := c.s.Redeem(ctx, c.work[i*sides+side])
			if err := c.tell(i, side, []store.Result{{Receipt: r, Err: err}}); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

func (c *child) byBatch(ctx context.Context, lo, hi, side int) error {
	for i := lo; i < hi && ctx.Err() == nil; i += childBatch {
		var rs []store.Redemption
		for k := i; k < min(i+childBatch, hi); k++ {
			rs = append(rs, c.work[k*sides+side])
		}
		if err := c.tell(i, side, c.s.RedeemAll(ctx, rs)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tell writes the answers for the codes from i on. From then on they are known to
// the world, and the store must stand by them.
func (c *child) tell(i, side int, results []store.Result) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, r := range results {
		if r.Err != nil && !errors.Is(r.Err, store.ErrAlreadyRedeemed) {
			return r.Err
		}
		fmt.Fprintln(c.a.out, i+k, side, r.Receipt.Number)
	}
	return c.a.out.Flush()
}
