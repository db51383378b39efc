package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"codepool/store"

	"github.com/spf13/cobra"
)

type demoOptions struct {
	count amount
	kills int
	seed  uint64
	dir   string
	keep  bool
}

func (a *app) demoCmd() *cobra.Command {
	o := demoOptions{count: 1_000_000, kills: 5}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole life of a million codes, and try to break it",
		Long: `Demo makes a store in a temporary directory and puts it through its life: it mints a
million codes, imports a file of sold ones, issues codes to thousands of players, and
redeems each code at least twice, by two players at the same time. In the middle it
lets a child process do the redeeming, kills it (kill -9) at random moments, opens the
store again and compares every answer that the child had given. It tries forged codes,
reads the whole ledger and verifies the disk.

The table at the end has measured numbers only. The exit code is 1 if a promise was
broken: an answer lost, a code redeemed or drawn twice, a forged code taken.

The figures depend on the disk: name a directory on the one you mean with --dir.`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.Var(&o.count, "count", "how many codes to mint")
	f.IntVar(&o.kills, "kills", o.kills, "how `often` a process is killed")
	f.Uint64Var(&o.seed, "seed", 0, "`number` that chance starts from (default: another one each time)")
	f.StringVar(&o.dir, "dir", "", "make the temporary directory in `DIR` (default: the system's place for them)")
	f.BoolVar(&o.keep, "keep", false, "keep the store")
	cobra.CheckErr(cmd.MarkFlagDirname("dir"))
	return a.does(cmd, func(ctx context.Context, _ []string) error {
		if o.count < 1000 || o.kills < 0 || o.kills > 1000 {
			return usage("the demo needs --count of 1000 or more and --kills of 0 to 1000")
		}
		for o.seed == 0 {
			o.seed = rand.Uint64()
		}
		return a.demo(ctx, o)
	})
}

// demo is one run of the demo.
type demo struct {
	a      *app
	o      demoOptions
	rnd    *rand.Rand
	dir    string // of the store
	s      *store.Store
	batch  store.BatchInfo
	ledger *score
	r      demoReport

	mu struct {
		sync.Mutex
		broken []string // promises, as they were seen to break
		fatal  error    // why the store serves no more
	}
}

func (a *app) demo(ctx context.Context, o demoOptions) (err error) {
	temp, err := os.MkdirTemp(o.dir, "codepool-demo-")
	if err != nil {
		return &failure{doing: "demo", err: err, try: tryDir}
	}
	d := &demo{a: a, o: o, rnd: rand.New(rand.NewPCG(o.seed, 1)), dir: filepath.Join(temp, "store")}
	d.r.Seed = o.seed
	defer func() {
		if d.s != nil {
			if cerr := d.s.Close(); cerr != nil {
				err = errors.Join(err, fmt.Errorf("demo: close: %w", cerr))
			}
		}
		if o.keep {
			a.note("store kept: codepool stats --data %s", shellQuote(d.dir))
		} else if rerr := os.RemoveAll(temp); err == nil && rerr != nil {
			err = rerr
		}
	}()
	a.note("demo in %s, seed %d", temp, o.seed)
	begin := time.Now()
	if err := d.run(ctx); err != nil {
		return asFailure("demo", err)
	}
	d.r.Seconds = time.Since(begin).Seconds()
	return d.finish()
}

// run takes the steps one after the other; each measures itself into the report.
func (d *demo) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		d.open, d.mint, d.importSold, d.issue,
		d.redeemOneByOne, d.redeemByThousands, d.redeemUnderFire, d.redeemByCallback,
		d.forge, d.audit, d.verify, d.reopen,
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// broke notes that a promise was seen to break. The demo goes on: the more is seen
// the better. It may be called from any goroutine.
func (d *demo) broke(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.r.BrokenPromises++
	if len(d.mu.broken) < 20 { // enough to go by
		d.mu.broken = append(d.mu.broken, fmt.Sprintf(format, args...))
	}
}

// step runs work while a bar shows how far it is, and then notes what was done in
// which time; it returns the time.
func (d *demo) step(label string, total int64, done func() int64, work func() (string, error)) (time.Duration, error) {
	stop := d.a.follow(label, total, done)
	begin := time.Now()
	what, err := work()
	took := time.Since(begin)
	stop()
	if err != nil {
		return took, fmt.Errorf("%s: %w", label, err)
	}
	d.a.note("%-24s %8s  %s", label, short(took), what)
	return took, nil
}

// finish prints the table; a broken promise is the end of a demo that must not pass.
func (d *demo) finish() error {
	d.r.Broken, d.r.OK = d.mu.broken, d.r.BrokenPromises == 0
	if err := d.a.show(d.r, func(w io.Writer) { d.r.write(w) }); err != nil || d.r.OK {
		return err
	}
	text := fmt.Sprintf("%s, seed %d", plural(d.r.BrokenPromises, "broken promise"), d.o.seed)
	for _, b := range d.mu.broken {
		text += "\n" + b
	}
	return &failure{err: fmt.Errorf("%w: %s", errBroken, text), try: "the same with --keep --seed " + fmt.Sprint(d.o.seed)}
}
