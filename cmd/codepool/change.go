package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"codepool/store"

	"github.com/spf13/cobra"
)

// changeVerb is one of the verbs that change codes which were made: release, undo, revoke.
type changeVerb struct {
	name, past, doing string
	one               func(*store.Store, context.Context, store.Change) (store.Changed, error)
	many              func(*store.Store, context.Context, []store.Change) []store.ChangeResult
	ref               func(*store.Store, context.Context, store.RefChange) ([]store.ChangeResult, error)
	// try says what to try when it is refused, where the reason alone does not tell.
	try func(reason string) string
}

// tryUndo is for verbs that do not take a redemption back.
func tryUndo(why string) string {
	if why == reason(store.ErrAlreadyRedeemed) {
		return "codepool undo {code}, if its redemption is to be taken back; then the same again"
	}
	return ""
}

// changeHelp is what holds for all verbs of codes.
const changeHelp = `
Several codes, or those of a file, are answered by one line each, in order: the number of
the ledger's record, or why there is none; with --json by one object. A file has one code
a line, or a header that names its columns: code, by, key, namespace in any order. The
CSV file of an export is taken as it is.

The exit code is 0 if everything was done, that of the refusal if all refusals are of one
kind, else 1.`

// changes is what a command is to change: the codes of exactly one source.
type changes struct {
	store.Change    // what goes with each code
	codes           []string
	file            string
	ref, batch      string
	allowBOM, force bool
}

// flags adds the flags that all verbs have.
func (c *changes) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.file, "file", "", "read codes from `FILE`, - is standard input")
	f.BoolVar(&c.allowBOM, "allow-bom", false, "accept a byte-order mark at the start of the file")
	f.StringVar(&c.Key, "key", "", "idempotency `key`, for one code: the same key gets the first answer again")
	f.StringVar(&c.Namespace, "namespace", "", "`scope` of the codes; in a file, for lines without one")
	changeFlags(cmd, &c.By, &c.Reason)
}

// settle finds out which source was given.
func (c *changes) settle(cmd *cobra.Command, args []string) error {
	var have, can []string
	if len(args) == 1 && args[0] == "-" && !cmd.Flags().Changed("file") {
		c.file, have = "-", []string{"--file"}
	} else if len(args) > 0 {
		c.codes, have = args, []string{"a code"}
	}
	for _, name := range []string{"file", "ref", "batch"} {
		if f := cmd.Flags().Lookup(name); f == nil {
			continue
		} else if can = append(can, "--"+name); f.Changed {
			if have = append(have, "--"+name); f.Value.String() == "" {
				return usage("--%s is empty", name)
			}
		}
	}
	switch len(have) {
	case 1:
		return c.check(cmd, have[0])
	case 0:
		return usage("neither a code nor %s: give one of them", strings.Join(can, " nor "))
	}
	return usage("both %s: give one of them", strings.Join(have, " and "))
}

// check refuses what does not go with the source, and texts that would be refused for
// every code.
func (c *changes) check(cmd *cobra.Command, source string) error {
	switch {
	case c.Key != "" && source == "--file":
		return usage("--key is for one code: a file has a column key")
	case c.Key != "" && len(c.codes) != 1:
		return usage("--key is for one code: leave it out, or give a --file with a column key")
	case c.Namespace != "" && (source == "--ref" || source == "--batch"):
		return usage("--namespace is for codes that are named, and %s says which codes are meant", source)
	}
	return cmp.Or(checkText("--by", c.By), checkText("--reason", c.Reason))
}

// change does what a verb does to the codes of a source that names each. approve asks a
// person first; nil is yes.
func (a *app) change(ctx context.Context, v changeVerb, c *changes, approve func() error) error {
	o := streamOptions{file: c.file, allowBOM: c.allowBOM, user: c.By, namespace: c.Namespace, approve: approve}
	if c.file != "" {
		return a.streamFile(ctx, v.stream("line", c.Reason), o, func(in io.Reader) *lineParser { return newChangeParser(in, c.allowBOM) })
	}
	return a.withStore(false, func(s *store.Store) error {
		if len(c.codes) > 1 {
			return a.stream(ctx, s, v.stream("code", c.Reason), o, &typedCodes{codes: c.codes}, int64(len(c.codes)))
		}
		if approve != nil {
			if err := approve(); err != nil {
				return err
			}
		}
		one := c.Change
		one.Code = c.codes[0]
		return a.changeOne(ctx, s, v, one)
	})
}

// stream is the verb for many codes.
func (v changeVerb) stream(unit, why string) streamVerb {
	return streamVerb{
		name: v.name, past: v.past, doing: v.doing, unit: unit, try: v.try,
		all: func(ctx context.Context, s *store.Store, lines []store.Redemption) []done {
			cs := make([]store.Change, len(lines))
			for i, l := range lines {
				cs[i] = store.Change{Code: l.Code, By: l.User, Key: l.Key, Namespace: l.Namespace, Reason: why}
			}
			results := v.many(s, ctx, cs)
			out := make([]done, len(results))
			for i := range results {
				out[i] = done{changed: &results[i].Changed, err: results[i].Err}
			}
			return out
		},
	}
}

// typedCodes is a stream of the codes of the command line.
type typedCodes struct {
	codes []string
	n     int
}

func (t *typedCodes) next() (item, error) {
	if t.n == len(t.codes) {
		return item{}, io.EOF
	}
	t.n++
	return item{line: t.n, red: store.Redemption{Code: t.codes[t.n-1]}}, nil
}

func (t *typedCodes) idle() bool { return false }

func (a *app) changeOne(ctx context.Context, s *store.Store, v changeVerb, c store.Change) error {
	got, err := v.one(s, ctx, c)
	if err != nil {
		if a.json {
			if werr := a.writeJSON(a.out, answer{Code: c.Code, Refused: reason(err)}); werr != nil {
				return werr
			}
		}
		f := aboutCode(ctx, s, store.Redemption{Code: c.Code, Namespace: c.Namespace}, v.name, err)
		f.try = cmp.Or(v.try(reason(err)), f.try)
		return interruptedAs(ctx, f, tryForAnswer)
	}
	name := ""
	if b, err := s.Batch(got.Batch); err == nil {
		name = b.Name
	}
	err = a.show(got, func(w io.Writer) { changedFacts(v, got, name).write(w) })
	if err = cmp.Or(err, a.out.Flush()); err == nil {
		return nil
	}
	return &failure{doing: v.name + " " + c.Code + ": it is " + v.past + ", but that could not be written",
		err: err, code: c.Code, namespace: c.Namespace, try: "codepool show {code}"}
}

// changedFacts lists all about one change of a code.
func changedFacts(v changeVerb, c store.Changed, batch string) *facts {
	f := newFacts()
	f.add(v.past, "%s", c.Code)
	f.add("record", "%d", c.Number)
	f.add("batch", "%s", strings.TrimSpace(fmt.Sprintf("%s (number %d)", batch, c.Batch)))
	f.add("by", "%s", c.By)
	f.add("reason", "%s", c.Reason)
	f.add("key", "%s", c.Key)
	f.add("at", "%s", instantText(c.At))
	return f
}

// someCodes names a few of the codes that were typed.
func someCodes(codes []string) string {
	const few = 5
	if len(codes) <= few {
		return strings.Join(codes, ", ")
	}
	return strings.Join(codes[:few], ", ") + fmt.Sprintf(" and %s more", many(len(codes)-few))
}
