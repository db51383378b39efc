package pay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"codepool/cmd/codepool/paylink"
	"codepool/gen"
	"codepool/store"
)

// What the keys of claims begin with.
const (
	numberKey  = "pay/number/"
	orderKey   = "pay/order/"
	paymentKey = "pay/payment/"
)

// Backend is the links of a store with their orders: a paylink.Backend. It is safe for
// concurrent use.
type Backend struct {
	Links
	codec   *gen.OrderCodec
	numbers *store.Orders
	typ     int
}

// New returns the backend of a store, whose order numbers are of a codec and of one type, and
// of days in UTC. The codec must be that of the numbers there are, as for store.Orders.
func New(ctx context.Context, s *store.Store, codec *gen.OrderCodec, typ int) (*Backend, error) {
	numbers, err := s.Orders(codec, nil)
	if err == nil {
		err = codec.Fits(gen.DayOf(time.Now().UTC()), typ)
	}
	if err != nil {
		return nil, err
	}
	for _, book := range []string{ordersBook, paidBook} {
		_, err := s.Share(ctx, store.Shared{
			Namespace: namespace, Room: bookRoom, Token: book, Format: idFormat, Name: "pay book", Count: store.MaxShares, Key: "pay/book/" + book,
		})
		if err != nil {
			return nil, fmt.Errorf("book of %s: %w", book, err)
		}
	}
	return &Backend{Links{s}, codec, numbers, typ}, nil
}

// Order returns the order of a session for a link, and makes it if there is none.
func (b *Backend) Order(ctx context.Context, id, session string, w paylink.Wallet) (paylink.Order, error) {
	l, err := b.Link(ctx, id)
	if err != nil {
		return paylink.Order{}, err
	}
	o, err := b.orderIn(ctx, l, session, w)
	if err != nil {
		return paylink.Order{}, err
	}
	entered, err := b.settle(ctx, &o)
	if err == nil && !entered {
		err = b.enter(ctx, o)
	}
	if err != nil {
		return paylink.Order{}, err
	}
	return o, nil
}

// orderIn returns the order that a session's claim of a link is, and claims the link if the
// session has not.
func (b *Backend) orderIn(ctx context.Context, l paylink.Link, session string, w paylink.Wallet) (paylink.Order, error) {
	o, found, err := b.find(ctx, l.ID, session)
	if err != nil || found {
		return o, err
	}
	if o, err = b.claim(ctx, l, session, w); !errors.Is(err, store.ErrUserLimit) {
		return o, err
	}
	if o, found, err = b.find(ctx, l.ID, session); err == nil && !found { // another call was first
		err = fmt.Errorf("session %q has claimed pay link %s, and there is no receipt", session, l.ID)
	}
	return o, err
}

// find looks for a session's claim of a link.
func (b *Backend) find(ctx context.Context, id, session string) (o paylink.Order, found bool, err error) {
	for rec, err := range b.s.ReceiptsOf(ctx, session, 0) {
		if err != nil {
			return o, false, err
		}
		if in(rec, linkRoom, id) {
			o, err := orderOf(rec)
			return o, err == nil, err
		}
	}
	return o, false, nil
}

// claim claims a link for a session with a new number.
func (b *Backend) claim(ctx context.Context, l paylink.Link, session string, w paylink.Wallet) (paylink.Order, error) {
	n, err := b.numbers.New(ctx, b.typ)
	if err != nil {
		return paylink.Order{}, err
	}
	rec, err := b.s.Claim(ctx, store.Claim{
		Token: l.ID, Namespace: namespace, Room: linkRoom, User: session, Key: numberKey + b.codec.Text(n.Number) + "/" + w.String(),
	})
	switch {
	case errors.Is(err, store.ErrSoldOut) && l.Once:
		return paylink.Order{}, fmt.Errorf("%w: %q", paylink.ErrLinkUsed, l.ID)
	case err != nil:
		return paylink.Order{}, err
	}
	return orderOf(rec)
}

// enter puts an order into the book, where it is found by its number.
func (b *Backend) enter(ctx context.Context, o paylink.Order) error {
	_, err := b.s.Claim(ctx, store.Claim{
		Token: ordersBook, Namespace: namespace, Room: bookRoom, User: o.Number, Key: orderKey + o.Link + "/" + o.Session,
	})
	return err
}

// Pay marks an order paid by a payment.
func (b *Backend) Pay(ctx context.Context, order, payment string) (paylink.Order, error) {
	if payment == "" {
		return paylink.Order{}, fmt.Errorf("%w: the payment has no reference", paylink.ErrInvalid)
	}
	o, err := b.numbered(ctx, order)
	if err != nil {
		return paylink.Order{}, err
	}
	rec, err := b.s.Claim(ctx, store.Claim{Token: paidBook, Namespace: namespace, Room: bookRoom, User: o.Number, Key: paymentKey + payment})
	switch {
	case errors.Is(err, store.ErrUserLimit):
		return paylink.Order{}, fmt.Errorf("%w: %s", paylink.ErrAlreadyPaid, o.Number)
	case errors.Is(err, store.ErrKeyConflict):
		return paylink.Order{}, fmt.Errorf("%w: %s", paylink.ErrPaymentUsed, payment)
	case errors.Is(err, store.ErrInvalid):
		return paylink.Order{}, fmt.Errorf("%w: payment: %w", paylink.ErrInvalid, err)
	case err != nil:
		return paylink.Order{}, err
	}
	o.Payment, o.PaidAt = payment, rec.At
	return o, nil
}

// numbered returns the order of a number, without its payment. A number with a wrong digit is
// not looked for.
func (b *Backend) numbered(ctx context.Context, text string) (paylink.Order, error) {
	unknown := fmt.Errorf("%w: %.80q", paylink.ErrUnknownOrder, text)
	n, err := b.codec.Parse(text)
	if err != nil {
		return paylink.Order{}, fmt.Errorf("%w: %w", unknown, err)
	}
	for rec, err := range b.s.ReceiptsOf(ctx, b.codec.Text(n.Number), 0) {
		if err != nil {
			return paylink.Order{}, err
		}
		if !in(rec, bookRoom, ordersBook) {
			continue
		}
		link, session, _ := strings.Cut(strings.TrimPrefix(rec.Key, orderKey), "/")
		o, found, err := b.find(ctx, link, session)
		if err == nil && !found {
			err = unknown
		}
		return o, err
	}
	return paylink.Order{}, unknown
}

// settle fills in the payment of an order, if it has one, and reports whether the order is in
// the book.
func (k Links) settle(ctx context.Context, o *paylink.Order) (entered bool, err error) {
	for rec, err := range k.s.ReceiptsOf(ctx, o.Number, 0) {
		switch {
		case err != nil:
			return entered, err
		case in(rec, bookRoom, paidBook):
			o.Payment, o.PaidAt = strings.TrimPrefix(rec.Key, paymentKey), rec.At
		case in(rec, bookRoom, ordersBook):
			entered = true
		}
	}
	return entered, nil
}

// in reports whether a receipt is of a token of ours.
func in(rec store.Receipt, room, token string) bool {
	return rec.Share != nil && rec.Namespace == namespace && rec.Share.Room == room && rec.Code == token
}

// orderOf is the order that a claim of a link is.
func orderOf(rec store.Receipt) (paylink.Order, error) {
	number, wallet, _ := strings.Cut(strings.TrimPrefix(rec.Key, numberKey), "/")
	w, err := paylink.ParseWallet(wallet)
	if err != nil {
		return paylink.Order{}, fmt.Errorf("receipt %d of pay link %s has key %q: %w", rec.Number, rec.Code, rec.Key, err)
	}
	return paylink.Order{Number: number, Link: rec.Code, Session: rec.User, Wallet: w, CreatedAt: rec.At}, nil
}
