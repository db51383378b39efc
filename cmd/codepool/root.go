package main

import (
	"bufio"
	"context"
	"io"
	"os"

	"codepool/gen"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

const defaultData = "codepool-data"

// app is what all commands share: the streams and what the global flags say. It
// belongs to one run of the program and is used by one goroutine, except where a
// method says otherwise.
type app struct {
	in   *os.File
	out  *bufio.Writer
	tty  struct{ in, out, err bool }
	errw io.Writer

	data, config         string
	signKeys             string // file
	keys                 []gen.SignKey
	json, quiet, verbose bool

	color bool // on standard error
	ran   bool // a command's own code was reached: errors are no longer about usage
}

func newApp(in, out, errw *os.File) *app {
	a := &app{in: in, out: bufio.NewWriterSize(out, 64<<10), errw: errw}
	a.tty.in = term.IsTerminal(int(in.Fd()))
	a.tty.out = term.IsTerminal(int(out.Fd()))
	a.tty.err = term.IsTerminal(int(errw.Fd()))
	_, noColor := os.LookupEnv("NO_COLOR")
	a.color = a.tty.err && !noColor && os.Getenv("TERM") != "dumb"
	return a
}

// run is the program: it returns the exit code.
func run(args []string, in, out, errw *os.File) int {
	a := newApp(in, out, errw)
	ctx, stop := interruptible(context.Background(), a.errw)
	defer stop()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(a.out)
	root.SetErr(errw)
	cmd, err := root.ExecuteContextC(ctx)
	if ferr := a.out.Flush(); err == nil && ferr != nil {
		a.ran = true // the disk or the pipe is at fault, not the command line
		err = &failure{doing: "done, but the output could not be written", err: ferr}
	}
	if err == nil {
		return exitOK
	}
	if !a.ran && !a.json {
		a.json = asksForJSON(args)
	}
	return a.report(ctx, cmd, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "codepool",
		Short: "Mint, issue and redeem one-shot codes, each exactly once",
		Long: `codepool keeps one-shot codes in a directory: it mints them, draws them at
random for an order or a player, and burns each exactly once. One token can stand
for many shares: a universal code, a red packet, a sprinkled amount. Every answer is
on the disk before it is printed.

Flags can also be set by environment (CODEPOOL_DATA for --data, CODEPOOL_MINT_FORMAT
for --format of mint) and in a file codepool.toml (top-level keys for the flags of all
commands, a table such as [mint] or [packet.create] for those of one). Who you are is
said once for all commands: CODEPOOL_BY (or by in the file) is who asks for a change,
CODEPOOL_ACCOUNT (account) is --owner of what you make and --account of what you export.
Flags win over the environment, the environment over the file.

Exit codes: 0 done, 1 failure, 2 usage, 3 unknown code, 4 already redeemed, 5 pool
empty or sold out, 6 store locked, 7 refused by a rule, 130 interrupted.`,
		SilenceErrors:         true,
		SilenceUsage:          true,
		DisableFlagsInUseLine: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.HasParent() {
				return nil // shows the help, whatever is configured
			}
			if err := a.configure(cmd); err != nil {
				return err
			}
			return a.readSignKeys()
		},
		RunE: noCommand,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return plain(err) })
	f := root.PersistentFlags()
	f.StringVar(&a.data, "data", defaultData, "`directory` of the store")
	f.StringVar(&a.config, "config", "", "configuration `file` (default codepool.toml, if there is one)")
	f.StringVar(&a.signKeys, "sign-keys", "", "`file` of the keys of signed batches (codepool signkey)")
	f.BoolVar(&a.json, "json", false, "machine-readable output: one JSON object, or one a line")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no remarks, only results and errors")
	f.BoolVar(&a.verbose, "verbose", false, "show what the store does in the background")
	cobra.CheckErr(root.MarkPersistentFlagDirname("data"))
	cobra.CheckErr(root.MarkPersistentFlagFilename("config", "toml"))
	cobra.CheckErr(root.MarkPersistentFlagFilename("sign-keys"))
	a.addCommands(root)
	root.SetHelpCommand(a.helpCmd(root))
	completionCmd(root)
	return root
}

func (a *app) addCommands(root *cobra.Command) {
	root.AddGroup(
		&cobra.Group{ID: "start", Title: "Start here:"},
		&cobra.Group{ID: "codes", Title: "Codes:"},
		&cobra.Group{ID: "shared", Title: "One token, many shares:"},
		&cobra.Group{ID: "orders", Title: "Orders and payments:"},
		&cobra.Group{ID: "store", Title: "The store:"},
	)
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("start", a.demoCmd())
	add("codes", a.mintCmd(), a.importCmd(), a.issueCmd(), a.ackCmd(), a.giveBackCmd(), a.redeemCmd(), a.reserveCmd(), a.confirmCmd(), a.cancelCmd(), a.checkCmd(), a.showCmd(), a.exportCmd(),
		a.releaseCmd(), a.undoCmd(), a.revokeCmd(), a.codesCmd(), a.refCmd(), a.receiptsCmd(), a.cursorCmd(), a.feedCmd(), a.ledgerCmd())
	add("shared", a.shareCmd(), a.packetCmd(), a.sprinkleCmd())
	add("orders", a.orderCmd(), a.payCmd())
	add("store", a.batchesCmd(), a.pauseCmd(), a.resumeCmd(), a.rescheduleCmd(), a.retireCmd(), a.signKeyCmd(), a.statsCmd(), a.verifyCmd(), a.backupCmd(), a.restoreCmd())
	root.AddCommand(a.benchCmd(), a.versionCmd(), a.demoChildCmd())
}

// does gives a command its code. Whatever goes wrong before it runs is a mistake in
// the command line.
func (a *app) does(cmd *cobra.Command, run func(ctx context.Context, args []string) error) *cobra.Command {
	cmd.RunE = func(c *cobra.Command, args []string) error {
		a.ran = true
		return run(c.Context(), args)
	}
	return cmd
}
