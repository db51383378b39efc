package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// noCommand is what codepool itself does: without a command it shows its help. The parser
// brings it no other word than an empty one, or what stands behind "--".
func noCommand(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return cmd.Help()
	case cmd.ArgsLenAtDash() == 0:
		return usage(`%q stands behind "--", where no command is looked for`, args[0])
	}
	return usage("unknown command %q for %q", args[0], cmd.CommandPath())
}

// verbs completes a command that does nothing but through those below it.
func verbs(cmd *cobra.Command, below ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(below...)
	cmd.Args, cmd.ValidArgsFunction = cobra.ArbitraryArgs, cobra.NoFileCompletions
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		var names []string
		for _, c := range below {
			names = append(names, c.Name())
		}
		return usage("unknown command %q for %q: there are %s", args[0], cmd.CommandPath(), strings.Join(names, ", "))
	}
	return cmd
}

// noArgs is for commands that take no argument.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no argument: %q is one too many", cmd.CommandPath(), args[0])
	}
	return nil
}

// helpCmd is in place of the parser's own, which says of an unknown command that all is
// well.
func (a *app) helpCmd(root *cobra.Command) *cobra.Command {
	return a.does(&cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		// No configuration: help must come even if that is what is wrong.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if cmd, _, err := root.Find(args); err == nil {
				for _, c := range cmd.Commands() {
					if c.IsAvailableCommand() {
						names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}, func(_ context.Context, args []string) error {
		cmd, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return &failure{err: usage("no help for %q: there is no such command", strings.Join(args, " ")), try: "codepool --help"}
		}
		cmd.InitDefaultHelpFlag() // so that it is shown
		return cmd.Help()
	})
}

// completionCmd makes the parser's command for completion refuse shells that it does not
// know.
func completionCmd(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find([]string{"completion"})
	cobra.CheckErr(err)
	var shells []string
	for _, c := range cmd.Commands() {
		shells = append(shells, c.Name())
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return usage("no completion for %q: take one of %s", args[0], strings.Join(shells, ", "))
	}
}

// plain says what a flag takes where the parser tells of the function that read it.
func plain(err error) error {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	cause, ok := errors.AsType[*strconv.NumError](bad)
	if !ok {
		return err
	}
	f := bad.GetFlag()
	want := "write a whole number"
	switch {
	case f.Value.Type() == "bool":
		want = "write true or false"
	case errors.Is(cause, strconv.ErrRange):
		want = "value out of range"
	case strings.HasPrefix(f.Value.Type(), "uint"):
		want += ", 0 or more"
	}
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	return fmt.Errorf("invalid argument %q for %q flag: %s", bad.GetValue(), name, want)
}

// asksForJSON reports whether a command line that could not be read to its end, or the
// environment, asks for JSON.
func asksForJSON(args []string) bool {
	asked, _ := strconv.ParseBool(os.Getenv(envPrefix + "JSON"))
	for _, arg := range args {
		if arg == "--" {
			break
		}
		if arg == "--json" {
			asked = true
		} else if value, ok := strings.CutPrefix(arg, "--json="); ok {
			asked, _ = strconv.ParseBool(value)
		}
	}
	return asked
}
