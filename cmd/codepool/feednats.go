package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"sync/atomic"

	"codepool/cmd/codepool/natsfeed"
	"codepool/store"

	"github.com/spf13/cobra"
)

// fedView is how far publishing has come.
type fedView struct {
	Published int64  `json:"published"`
	Stream    string `json:"stream"`
	Subject   string `json:"subject"`
	Cursor    string `json:"cursor"`
	Number    uint64 `json:"number"` // up to it the stream has all
}

func (a *app) feedCmd() *cobra.Command {
	var url, creds string
	var cfg natsfeed.Config
	cmd := &cobra.Command{
		Use:   "feed --nats URL",
		Short: "Publish receipts into a stream of NATS JetStream",
		Long: `Feed publishes the receipts behind a cursor into a stream of NATS JetStream, in order, and
moves the cursor behind those that the server has stored. Each is a message on one subject:
the object that codepool receipts --json prints. Each is in the stream once, whatever
crashes and however often it is repeated; its Nats-Msg-Id is SUBJECT/NUMBER/MICROSECONDS.

A subject is of one store alone. With --create the stream is made if there is none: in a
file, for ever, one replica. With --follow it goes on with the receipts that come, until
Ctrl-C; while the server is gone it waits for it. The store is its own while it runs: a
server that holds the store runs package codepool/cmd/codepool/natsfeed instead.

A user and a password, or a token, may stand in the URL and are never shown; in
CODEPOOL_FEED_NATS or the configuration file nobody sees them in the list of processes.
tls:// and wss:// encrypt.`,
		Example: `  codepool feed --nats nats://127.0.0.1:4222 --create
  codepool feed --nats tls://nats.example.com --nats-creds feed.creds --stream PROD --subject prod.receipts --follow`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.StringVar(&url, "nats", "", "`URL` of the server, or several with commas between them")
	f.StringVar(&creds, "nats-creds", "", "`file` with the credentials of a user")
	f.StringVar(&cfg.Stream, "stream", "CODEPOOL", "`name` of the stream")
	f.StringVar(&cfg.Subject, "subject", "codepool.receipts", "`subject` of the messages")
	f.StringVar(&cfg.Cursor, "cursor", "", "begin behind the cursor of this `name`, and move it (default \"nats STREAM SUBJECT\")")
	f.BoolVar(&cfg.Create, "create", false, "make the stream if there is none")
	f.BoolVar(&cfg.Follow, "follow", false, "wait for further receipts until interrupted")
	f.Int64Var(&cfg.Limit, "limit", 0, "at most this `many` receipts; 0 is all")
	onlyTyped(cmd, "limit")
	cobra.CheckErr(cmd.MarkFlagRequired("nats"))
	for _, name := range []string{"nats", "stream", "subject", "cursor"} {
		cobra.CheckErr(cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions))
	}
	return a.does(cmd, func(ctx context.Context, _ []string) error {
		if f.Changed("cursor") && cfg.Cursor == "" {
			return usage("--cursor is empty: name a cursor, or leave it out")
		}
		if cfg.Cursor == "" {
			cfg.Cursor = natsfeed.CursorFor(cfg.Stream, cfg.Subject)
		}
		if err := cmp.Or(cfg.Check(), checkText("--cursor", cfg.Cursor)); err != nil {
			return err
		}
		nc, err := natsfeed.Dial(url, creds)
		if err != nil {
			f := &failure{err: err}
			if _, ok := errors.AsType[*fs.PathError](err); ok {
				f.try = "the same with another --nats-creds"
			}
			return f
		}
		defer nc.Close()
		return a.withStore(false, func(s *store.Store) error {
			return a.publish(ctx, s, cfg, func(cfg natsfeed.Config) error { return natsfeed.Run(ctx, s, nc, cfg) })
		})
	})
}

// publish runs a feed and tells how it goes.
func (a *app) publish(ctx context.Context, s *store.Store, cfg natsfeed.Config, run func(natsfeed.Config) error) error {
	var published atomic.Int64
	show := func() func() { return a.follow("publish", 0, published.Load) }
	stop := show()
	cfg.Progress = func(p natsfeed.Progress) { published.Store(p.Published) }
	cfg.Trouble = func(err error) {
		stop()
		switch {
		case err == nil:
			a.note("publishing goes on")
			stop = show()
		case errors.Is(err, natsfeed.ErrLost):
			a.warn("%v", err)
		default:
			a.warn("%v; publishing waits", err)
		}
	}
	err := run(cfg)
	stop()
	v := fedView{published.Load(), cfg.Stream, cfg.Subject, cfg.Cursor, s.Cursor(cfg.Cursor)}
	if err != nil {
		f := &failure{doing: "publish receipts", err: err}
		if v.Published > 0 {
			a.note("published %s, up to %d", plural(v.Published, "receipt"), v.Number)
		}
		return interruptedAs(ctx, f, "the same again: it goes on behind the cursor")
	}
	return a.show(v, func(w io.Writer) {
		f := newFacts()
		f.add("published", "%s", plural(v.Published, "receipt"))
		f.add("stream", "%s", v.Stream)
		f.add("subject", "%s", v.Subject)
		f.add("cursor", "%s", v.Cursor)
		f.add("number", "%d", v.Number)
		f.write(w)
	})
}
