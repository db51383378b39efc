package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"codepool/cmd/codepool/internal/pay"
	"codepool/cmd/codepool/paylink"
	"codepool/gen"
	"codepool/store"

	"github.com/spf13/cobra"
)

// defaultAddress is where pay serve listens; any other command takes links for being there.
const defaultAddress = "127.0.0.1:8720"

func (a *app) payCmd() *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "pay",
		Short: "Pay links: one QR code that every wallet can pay",
		Long: `Pay is about links to goods with a price. Whoever scans the QR code of one gets the page of the
wallet that scanned it (WeChat, Alipay, QQ, JD, UnionPay), with an order of its own that is
made once for each browser and paid once, whatever crashes. Orders have numbers of codepool
order.`,
		Example: `  codepool order secret
  codepool pay create --goods 'Tea for two' --price 12.50 --currency CNY
  codepool pay serve hG7mB2xTq9 --demo
  codepool pay orders hG7mB2xTq9`,
	}, a.payCreateCmd(), a.payServeCmd(), a.payShowCmd(), a.payOrdersCmd())
}

// linkFlags say how links are shown.
type linkFlags struct {
	base  string
	light bool
}

func (o *linkFlags) flags(cmd *cobra.Command, base, otherwise string) {
	cmd.Flags().StringVar(&o.base, "base", base, "`URL` below which people reach the links"+otherwise)
	cmd.Flags().BoolVar(&o.light, "light", false, "draw QR codes for a terminal with dark letters on a light ground")
	shares(cmd, "base", baseSetting)
	noCompletions(cmd, "base")
}

// linkView is a link as it is shown.
type linkView struct {
	pay.Info
	Price string `json:"price"`
	URL   string `json:"url"`
}

// facts lists what there is to know of a link.
func (v linkView) facts() *facts {
	f := newFacts()
	f.add("link", "%s", v.ID)
	f.add("goods", "%s", v.Goods)
	f.add("price", "%s", v.Price)
	if v.Once {
		f.add("for", "one order")
	}
	f.add("orders", "%s", many(v.Orders))
	f.add("created", "%s", instantText(v.CreatedAt))
	f.add("url", "%s", v.URL)
	return f
}

// showLink prints what there is to know of a link, and its QR code.
func (a *app) showLink(info pay.Info, o linkFlags) error {
	url, err := paylink.Address(o.base, info.ID)
	if err != nil {
		return err
	}
	v := linkView{info, info.Price(), url}
	var drawn error
	err = a.show(v, func(w io.Writer) {
		v.facts().write(w)
		drawn = paylink.Terminal(w, url, o.light)
	})
	return cmp.Or(err, drawn)
}

func (a *app) payCreateCmd() *cobra.Command {
	var o linkFlags
	var l paylink.Link
	var price, currency, by, key string
	cmd := &cobra.Command{
		Use:   "create --goods TEXT --price AMOUNT --currency CODE",
		Short: "Make a link to goods with a price, and print its id and QR code",
		Long: `Create makes a link to goods with a price, which never changes, and prints its id and its QR
code. With --once it is for one order: the first browser that opens it has it.`,
		Example: `  codepool pay create --goods 'Tea for two' --price 12.50 --currency CNY
  codepool pay create --goods 'Seat 7' --price 5000 --currency JPY --once --key seat-7`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.flags(cmd, "http://"+defaultAddress, "")
	f := cmd.Flags()
	f.StringVar(&l.Goods, "goods", "", "`text` that people read, up to 120 characters")
	f.StringVar(&price, "price", "", "`amount`, such as 12.50")
	f.StringVar(&currency, "currency", "", "`code` of its currency, such as CNY")
	f.BoolVar(&l.Once, "once", false, "for one order only; else each browser has one")
	onlyTyped(cmd, "goods", "price", "once")
	byFlag(cmd, &by)
	keyFlag(cmd, &key, "link")
	noCompletions(cmd, "goods", "price", "currency")
	for _, name := range []string{"goods", "price", "currency"} {
		cobra.CheckErr(cmd.MarkFlagRequired(name))
	}
	return a.does(cmd, func(ctx context.Context, _ []string) (err error) {
		if l.Currency, err = gen.CurrencyOf(currency); err != nil {
			return usage("--currency: %w", err)
		}
		if l.Amount, err = gen.ParseAmount(price, l.Currency); err != nil {
			return usage("--price: %w", err)
		}
		if _, err := paylink.Address(o.base, ""); err != nil {
			return usage("--base: %w", err)
		}
		return a.withStore(true, func(s *store.Store) error { return a.payCreate(ctx, s, l, by, key, o) })
	})
}

func (a *app) payCreate(ctx context.Context, s *store.Store, l paylink.Link, by, key string, o linkFlags) error {
	links := pay.In(s)
	l, err := links.Create(ctx, l, by, key)
	if err != nil {
		return interruptedAs(ctx, &failure{doing: "pay create", err: err}, "the same with the same --key: it gets the link, if it is made")
	}
	info, err := links.Info(ctx, l.ID)
	if err == nil {
		err = cmp.Or(a.showLink(info, o), a.out.Flush())
	}
	if err != nil {
		return &failure{doing: "pay create: link " + l.ID + " is made, but that could not be shown", err: err, try: "codepool pay show " + l.ID}
	}
	a.note("next: codepool pay serve %s --demo", l.ID)
	return nil
}

func (a *app) payShowCmd() *cobra.Command {
	var o linkFlags
	cmd := &cobra.Command{
		Use:   "show LINK",
		Short: "Show a link and its QR code",
		Long:  `Show prints what there is to know of a link, and its QR code.`,
		Example: `  codepool pay show hG7mB2xTq9
  codepool pay show hG7mB2xTq9 --base https://pay.example`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.flags(cmd, "http://"+defaultAddress, "")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		return a.withStore(false, func(s *store.Store) error {
			info, err := pay.In(s).Info(ctx, args[0])
			if err != nil {
				return &failure{doing: "pay show", err: err}
			}
			return a.showLink(info, o)
		})
	})
}

func (a *app) payOrdersCmd() *cobra.Command {
	var p page
	cmd := &cobra.Command{
		Use:   "orders LINK",
		Short: "List the orders of a link, and which are paid",
		Long: `Orders lists the orders of a link, newest first: number, wallet, when it was made, when and by
which payment it was paid. With --json it prints one object a line.`,
		Example: `  codepool pay orders hG7mB2xTq9
  codepool pay orders hG7mB2xTq9 --limit 20 --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	p.flags(cmd, "orders")
	return a.does(cmd, func(ctx context.Context, args []string) error {
		if err := p.check(); err != nil {
			return err
		}
		return a.withStore(false, func(s *store.Store) error { return a.payOrders(ctx, s, args[0], p) })
	})
}

func (a *app) payOrders(ctx context.Context, s *store.Store, id string, p page) error {
	list := listing{a: a, t: newTable("order", "wallet", "made", "paid", "payment")}
	for o, err := range pay.In(s).Orders(ctx, id) {
		if err == nil && p.limit > 0 && list.n == p.limit {
			list.end()
			a.note("more: the same without --limit")
			return nil
		}
		if err == nil {
			err = list.add(o, o.Number, o.Wallet.String(), instantText(o.CreatedAt), instantText(o.PaidAt), o.Payment)
		}
		if err != nil {
			list.end()
			return interruptedAs(ctx, &failure{doing: fmt.Sprintf("pay orders %s", id), err: err}, "the same again")
		}
	}
	list.end()
	if list.n == 0 {
		a.note("no orders")
	}
	return nil
}
