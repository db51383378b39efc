package pay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"codepool/cmd/codepool/paylink"
	"codepool/gen"
	"codepool/store"
)

// Where the shared batches of pay links are.
const (
	namespace  = "pay"
	linkRoom   = "links"
	bookRoom   = "books"
	ordersBook = "orders"
	paidBook   = "paid"
)

// idFormat is that of ids: 59 bits of random letters and digits, which nobody guesses by
// asking. They are read as they are.
var idFormat = gen.Format{Class: gen.AlnumCase, Length: 10}

// Links are the pay links of a store and what became of them. It is safe for concurrent use.
type Links struct {
	s *store.Store
}

// In returns the links of a store.
func In(s *store.Store) Links { return Links{s} }

// terms is what the reward of a link's shared batch says: all but its id.
type terms struct {
	Goods    string       `json:"goods"`
	Amount   int64        `json:"amount"`
	Currency gen.Currency `json:"currency"`
	Once     bool         `json:"once,omitempty"`
}

// Create makes a link and returns it when that is durable. Without an id it gets a random
// one. The same key with the same link gets that link again; by is who asks. What
// paylink.Link.Check refuses is paylink.ErrInvalid; the other refusals are those of
// store.Share, store.ErrTaken of an id that another link has.
func (k Links) Create(ctx context.Context, l paylink.Link, by, key string) (paylink.Link, error) {
	check := l
	if l.ID == "" {
		check.ID = "random"
	}
	if err := check.Check(); err != nil {
		return paylink.Link{}, err
	}
	text, err := json.Marshal(terms{l.Goods, l.Amount, l.Currency, l.Once})
	if err != nil {
		return paylink.Link{}, err
	}
	d := store.Shared{
		Namespace: namespace, Room: linkRoom, Token: l.ID, Format: idFormat, Name: "pay link", Reward: string(text),
		Count: store.MaxShares, By: by, Key: key,
	}
	if l.Once {
		d.Count = 1
	}
	info, err := k.s.Share(ctx, d)
	l.ID = info.Token
	return l, err
}

// Info is what there is to know of a link.
type Info struct {
	paylink.Link
	Orders    int64     `json:"orders"`
	CreatedAt time.Time `json:"created_at"`
}

// Info returns what there is to know of the link of an id, or paylink.ErrUnknownLink.
func (k Links) Info(ctx context.Context, id string) (Info, error) {
	unknown := fmt.Errorf("%w: %.80q", paylink.ErrUnknownLink, id)
	info, err := k.s.LookupShared(ctx, linkRef(id), "")
	switch {
	case errors.Is(err, store.ErrUnknownCode):
		return Info{}, unknown
	case err != nil:
		return Info{}, err
	case info.Token != id: // with white space around it, say
		return Info{}, unknown
	}
	var t terms
	if err := json.Unmarshal([]byte(info.Reward), &t); err != nil {
		return Info{}, fmt.Errorf("pay link %s, shared batch %d: %w", id, info.ID, err)
	}
	return Info{paylink.Link{ID: id, Goods: t.Goods, Amount: t.Amount, Currency: t.Currency, Once: t.Once}, info.Claimed, info.Created}, nil
}

// Link returns the link of an id, or paylink.ErrUnknownLink.
func (k Links) Link(ctx context.Context, id string) (paylink.Link, error) {
	info, err := k.Info(ctx, id)
	return info.Link, err
}

// Orders yields the orders of a link, newest first, or an error.
func (k Links) Orders(ctx context.Context, id string) iter.Seq2[paylink.Order, error] {
	return func(yield func(paylink.Order, error) bool) {
		if _, err := k.Link(ctx, id); err != nil {
			yield(paylink.Order{}, err)
			return
		}
		for rec, err := range k.s.ClaimsOf(ctx, linkRef(id), "", 0) {
			var o paylink.Order
			if err == nil {
				o, err = orderOf(rec)
			}
			if err == nil {
				_, err = k.settle(ctx, &o)
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

func linkRef(id string) store.SharedRef {
	return store.SharedRef{Token: id, Namespace: namespace, Room: linkRoom}
}
