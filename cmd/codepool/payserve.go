package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"codepool/cmd/codepool/internal/pay"
	"codepool/cmd/codepool/paylink"
	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
)

// serveOptions say how links are served.
type serveOptions struct {
	linkFlags
	addr         string
	public, demo bool
	typ          int
}

func (a *app) payServeCmd() *cobra.Command {
	var secret secretValue
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve [LINK]",
		Short: "Serve the pages of all links until interrupted",
		Long: `Serve answers those who scan QR codes, on this machine alone, until Ctrl-C, which waits for the
answers that are under way. It prints its address, and with LINK the QR code of that one.
The store is its own while it runs: a server that holds the store mounts package
codepool/cmd/codepool/paylink instead.

With --demo a button on the pages pays the order, without any wallet. Else only a wallet's
notification would, and this program talks to no wallet.

With --public it also takes an --addr that others can reach; it needs --base then, since only
you know how they reach it, and a proxy for TLS in front.`,
		Example: `  codepool pay serve hG7mB2xTq9 --demo
  codepool pay serve --addr 127.0.0.1:0 --json
  codepool pay serve --addr :8720 --public --base https://pay.example`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.flags(cmd, "", " (default: http:// and the address)")
	f := cmd.Flags()
	f.StringVar(&o.addr, "addr", defaultAddress, "`host:port` to listen on; port 0 is any that is free")
	f.BoolVar(&o.public, "public", false, "others may reach it")
	f.BoolVar(&o.demo, "demo", false, "anybody can pay an order of theirs by a button")
	f.IntVar(&o.typ, "type", 0, "`type` that the order numbers show, 0 to 99")
	onlyTyped(cmd, "public", "demo")
	secret.flag(cmd)
	noCompletions(cmd, "addr", "type")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		addr, err := o.check()
		if err != nil {
			return err
		}
		codec, err := secret.codec(a)
		if err != nil {
			return err
		}
		link := ""
		if len(args) > 0 {
			link = args[0]
		}
		return a.withStore(false, func(s *store.Store) error { return a.payServe(ctx, s, codec, addr, link, o) })
	})
}

// check refuses what would let in more than was meant, and returns where to listen.
func (o *serveOptions) check() (*net.TCPAddr, error) {
	addr, err := net.ResolveTCPAddr("tcp", o.addr)
	if err != nil {
		return nil, usage("--addr: %w: write host:port, such as %s", err, defaultAddress)
	}
	switch {
	case !addr.IP.IsLoopback() && !o.public:
		return nil, usage("--addr %s: others can reach it: write %s, or add --public if you mean it", o.addr, defaultAddress)
	case o.public && o.demo:
		return nil, usage("both --public and --demo: anybody could have all goods for nothing")
	case o.public && o.base == "":
		return nil, usage("--public without --base: write the URL below which others reach the links")
	}
	if o.base != "" {
		if _, err := paylink.Address(o.base, ""); err != nil {
			return nil, usage("--base: %w", err)
		}
	}
	return addr, nil
}

// What a client may take, so that one that hangs or dawdles holds nothing up for long.
const (
	headerTime  = 5 * time.Second
	requestTime = 10 * time.Second
	answerTime  = 30 * time.Second
	idleTime    = time.Minute
	maxHead     = 32 << 10
	// partingTime is how long answers that are under way are waited for at the end.
	partingTime = 10 * time.Second
)

func (a *app) payServe(ctx context.Context, s *store.Store, codec *gen.OrderCodec, addr *net.TCPAddr, link string, o serveOptions) error {
	backend, err := pay.New(ctx, s, codec, o.typ)
	var shown pay.Info
	if err == nil && link != "" {
		shown, err = backend.Info(ctx, link)
	}
	if err != nil {
		return &failure{doing: "pay serve", err: err}
	}
	l, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return &failure{doing: "pay serve", err: err, try: "the same with another --addr, such as 127.0.0.1:0"}
	}
	o.base = cmp.Or(o.base, "http://"+l.Addr().String())
	handler, err := paylink.Handler(backend, &paylink.Options{Base: o.base, Demo: o.demo, Logger: a.logger()})
	if err != nil {
		_ = l.Close()
		return err
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: answerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHead,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	if err = a.showServing(l.Addr().String(), link, shown, o); err == nil {
		select {
		case <-ctx.Done():
		case err = <-ended:
			err = &failure{doing: "pay serve, which ended by itself", err: err, try: "the same again"}
		}
	}
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingTime)
	defer cancel()
	if server.Shutdown(whole) != nil {
		_ = server.Close() // who still waits has waited too long
	}
	a.note("ended")
	return err
}

// showServing says where the links are served.
func (a *app) showServing(addr, link string, info pay.Info, o serveOptions) error {
	err := a.show(struct {
		Address string `json:"address"`
		Base    string `json:"base"`
	}{addr, o.base}, func(w io.Writer) { fmt.Fprintf(w, "serving %s\n", clean(o.base)) })
	if err == nil && link != "" {
		err = a.showLink(info, o.linkFlags)
	}
	return cmp.Or(err, a.out.Flush())
}
