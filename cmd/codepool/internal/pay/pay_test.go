package pay_test

import (
	"errors"
	"strings"
	"testing"

	"codepool/cmd/codepool/internal/pay"
	"codepool/cmd/codepool/paylink"
	"codepool/gen"
	"codepool/store"
)

func cny(t *testing.T) gen.Currency {
	t.Helper()
	c, err := gen.CurrencyOf("CNY")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Links have random ids, and a repeated request makes no second one.
func TestCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := paylink.Link{Goods: "Tea", Amount: 1, Currency: cny(t)}
	create := func(l paylink.Link, key string) (paylink.Link, error) { return w.Create(t.Context(), l, "ann", key) }
	must := func(l paylink.Link, key string) paylink.Link {
		t.Helper()
		got, err := create(l, key)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	one, two, again := must(l, "k"), must(l, ""), must(l, "k")
	if len(one.ID) != 10 || one.ID == two.ID || again != one {
		t.Fatalf("ids %s, %s, %s", one.ID, two.ID, again.ID)
	}
	other, longest := l, l
	other.Amount++
	longest.Goods = strings.Repeat("<", 120) // becomes the longest JSON
	if got, err := w.Link(t.Context(), must(longest, "").ID); err != nil || got.Goods != longest.Goods {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := create(other, "k"); !errors.Is(err, store.ErrKeyConflict) {
		t.Errorf("another link with the key: %v", err)
	}
	other.ID = one.ID
	if _, err := create(other, ""); !errors.Is(err, store.ErrTaken) {
		t.Errorf("an id that is taken: %v", err)
	}
	if _, err := create(paylink.Link{ID: "a/b"}, ""); !errors.Is(err, paylink.ErrInvalid) || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("nothing is right: %v", err)
	}
	if got, err := w.Info(t.Context(), one.ID); err != nil || got.Link != one || got.Orders != 0 || got.CreatedAt.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

// Orders are listed newest first, with what paid them.
func TestOrders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, paylink.Link{ID: "tea", Goods: "Tea", Amount: 1, Currency: cny(t)}, paylink.Link{ID: "cake", Goods: "Cake", Amount: 1, Currency: cny(t)})
	var want []paylink.Order
	for _, session := range []string{"cho", "ben", "ann"} {
		o, err := w.Order(t.Context(), "tea", session, paylink.JD)
		if err == nil && session != "ben" {
			o, err = w.Pay(t.Context(), o.Number, "jd/"+session)
		}
		if err != nil {
			t.Fatal(err)
		}
		if parsed, err := w.codec.Parse(o.Number); err != nil || parsed.Type != 7 {
			t.Errorf("order number %s: %+v, %v", o.Number, parsed, err)
		}
		want = append([]paylink.Order{o}, want...)
	}
	if _, err := w.Order(t.Context(), "cake", "ann", paylink.JD); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	links := pay.In(w.store)
	for o, err := range links.Orders(t.Context(), "tea") {
		if err != nil || len(want) == 0 || o != want[0] {
			t.Fatalf("order %+v, %v, want %+v", o, err, want)
		}
		want = want[1:]
	}
	if info, err := links.Info(t.Context(), "tea"); err != nil || info.Orders != 3 || len(want) > 0 {
		t.Errorf("%+v, %v; not listed: %+v", info, err, want)
	}
	for _, err := range links.Orders(t.Context(), "none") {
		if !errors.Is(err, paylink.ErrUnknownLink) {
			t.Errorf("orders of no link: %v", err)
		}
	}
}

// No token of ours is a code that somebody could redeem.
func TestTokensAreNoCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, paylink.Link{ID: "tea", Goods: "Tea", Amount: 1, Currency: cny(t)})
	for _, code := range []string{"tea", "orders", "paid"} {
		for _, namespace := range []string{"", "pay"} {
			if _, err := w.store.Redeem(t.Context(), store.Redemption{Code: code, Namespace: namespace, User: "ann"}); !errors.Is(err, store.ErrUnknownCode) {
				t.Errorf("%s of %q: %v", code, namespace, err)
			}
		}
	}
}
