package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"codepool/gen"
	"codepool/store"
)

// told is an answer that the child gave before it was killed.
type told struct {
	heard  bool
	number uint64 // of the receipt; 0 is "already redeemed"
}

// redeemUnderFire leaves the redeeming to a child process that is killed again and
// again. After each time it opens the store and holds it to what the child had said.
func (d *demo) redeemUnderFire(ctx context.Context) error {
	lo, hi := d.ledger.part(thousandsEnd, fireEnd)
	if d.o.kills == 0 {
		return d.settle(ctx, lo, hi, make([]told, sides*(hi-lo)))
	}
	for k := range d.o.kills {
		from, to := lo+(hi-lo)*k/d.o.kills, lo+(hi-lo)*(k+1)/d.o.kills
		label := fmt.Sprintf("redeem and kill -9, %d/%d", k+1, d.o.kills)
		if _, err := d.step(label, 0, nil, func() (string, error) { return d.fireAndReopen(ctx, from, to) }); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) fireAndReopen(ctx context.Context, from, to int) (string, error) {
	err := d.s.Close() // the child needs the store's lock
	if d.s = nil; err != nil {
		return "", err
	}
	answers, err := d.fire(ctx, from, to)
	if err != nil {
		return "", err
	}
	heard := 0
	for _, t := range answers {
		if t.heard {
			heard++
		}
	}
	d.r.Acknowledged += int64(heard)
	begin := time.Now()
	if d.s, err = store.Open(d.dir, d.a.options()); err != nil {
		return "", fmt.Errorf("open after the kill: %w", err)
	}
	took := time.Since(begin)
	d.r.ReopenAfterKillSeconds = max(d.r.ReopenAfterKillSeconds, took.Seconds())
	lost := d.r.Lost
	if err := d.settle(ctx, from, to, answers); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s before the kill, %d lost; open again in %s", plural(heard, "answer"), d.r.Lost-lost, short(took)), nil
}

// fire runs a child on the codes from lo to hi, kills it after a random number of
// answers and returns all that it had said.
func (d *demo) fire(ctx context.Context, lo, hi int) ([]told, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "demo-child", "--first", strconv.Itoa(lo), "--data", d.dir, "--json=false", "--quiet=false")
	cmd.Args[0] = os.Args[0]
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := d.feed(in, lo, hi); err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	total := sides * (hi - lo)
	answers, killed, err := d.listen(out, total, 1+d.rnd.IntN(max(1, total*9/10)), cmd.Process)
	werr := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case !killed || werr == nil:
		return nil, fmt.Errorf("the child ended before it was killed: %v: %s", werr, strings.TrimSpace(stderr.String()))
	}
	d.r.Kills++
	return answers, nil
}

// feed gives the child its codes. Its input stays open as long as it is to live.
func (d *demo) feed(in io.Writer, lo, hi int) error {
	w := bufio.NewWriterSize(in, 64<<10)
	fmt.Fprintln(w, hi-lo)
	for i := lo; i < hi; i++ {
		fmt.Fprintf(w, "%s,%s,%s\n", d.ledger.codes[i], d.ledger.player(i, 0), d.ledger.player(i, 1))
	}
	return w.Flush()
}

// listen takes down the child's answers, kills it when it has heard enough and takes
// down the rest: what is in the pipe was said. A line without an end was not.
func (d *demo) listen(out io.Reader, total, enough int, p *os.Process) (answers []told, killed bool, err error) {
	answers = make([]told, total)
	r := bufio.NewReaderSize(out, 64<<10)
	for heard := 0; ; heard++ {
		if heard == enough {
			killed = p.Kill() == nil
		}
		line, err := r.ReadString('\n')
		if err == io.EOF {
			return answers, killed, nil
		}
		if err != nil {
			return nil, killed, err
		}
		var i, side int
		var number uint64
		if _, err := fmt.Sscan(line, &i, &side, &number); err != nil || i*sides+side < 0 || i*sides+side >= total {
			return nil, killed, fmt.Errorf("the child wrote %q", line)
		}
		answers[i*sides+side] = told{true, number}
	}
}

// settle asks everything again with the same keys. What was answered before the kill
// must be answered in the same way; what was not gets its answer now.
func (d *demo) settle(ctx context.Context, lo, hi int, answers []told) error {
	known := d.s.Stats().Ledger
	unheard := make([]int64, sides)
	err := crew(ctx, sides, func(ctx context.Context, side int) error {
		for i := lo; i < hi && ctx.Err() == nil; i += batchSize {
			for k, res := range d.s.RedeemAll(ctx, d.requests(i, min(i+batchSize, hi), side, true)) {
				t := answers[(i+k-lo)*sides+side]
				d.compare(i+k, side, t, res)
				if !t.heard && res.Err == nil && res.Receipt.Number <= known {
					unheard[side]++
				}
			}
		}
		return ctx.Err()
	})
	for _, n := range unheard {
		d.r.Unheard += n
	}
	if err = cmp.Or(err, d.fatal()); err == nil {
		d.eachHasWinner(lo, hi)
	}
	return err
}

func (d *demo) compare(i, side int, t told, now store.Result) {
	code := gen.Mask(d.ledger.canon[i])
	switch {
	case !t.heard, isFatal(now.Err):
	case t.number == 0 && !errors.Is(now.Err, store.ErrAlreadyRedeemed):
		d.lost("code %s was refused before the kill, now: %v", code, now.Err)
	case t.number != 0 && now.Err != nil:
		d.lost("code %s had receipt %d before the kill, now: %v", code, t.number, now.Err)
	case t.number != 0 && now.Receipt.Number != t.number:
		d.lost("code %s had receipt %d before the kill, now %d", code, t.number, now.Receipt.Number)
	}
	d.take(i, side, now.Receipt, now.Err)
}
