package pay

import (
	"errors"
	"testing"

	"codepool/cmd/codepool/paylink"
	"codepool/gen"
	"codepool/store"
)

// A crash between the claim of a link and the entry in the book: the number cannot be paid
// until the session asks again, which has the same order then.
func TestCrashBetween(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cny, err := gen.CurrencyOf("CNY")
	if err != nil {
		t.Fatal(err)
	}
	codec, err := gen.NewOrderCodec(gen.OrderLayout{}, []byte("sixteen bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	open := func() (*store.Store, *Backend) {
		t.Helper()
		s, err := store.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := New(t.Context(), s, codec, 0)
		if err != nil {
			t.Fatal(err)
		}
		return s, b
	}
	s, b := open()
	l, err := b.Create(t.Context(), paylink.Link{ID: "seat", Goods: "Seat", Amount: 1, Currency: cny, Once: true}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	begun, err := b.claim(t.Context(), l, "ann", paylink.WeChat) // and no more
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, b = open()
	defer s.Close()
	if _, err := b.Pay(t.Context(), begun.Number, "wx-1"); !errors.Is(err, paylink.ErrUnknownOrder) {
		t.Fatalf("a number that nobody was told is paid: %v", err)
	}
	if _, err := b.Order(t.Context(), "seat", "ben", paylink.WeChat); !errors.Is(err, paylink.ErrLinkUsed) {
		t.Fatalf("another session: %v", err)
	}
	if o, err := b.Order(t.Context(), "seat", "ann", paylink.QQ); err != nil || o != begun {
		t.Fatalf("order %+v, %v, want %+v", o, err, begun)
	}
	if o, err := b.Pay(t.Context(), begun.Number, "wx-1"); err != nil || o.Payment != "wx-1" {
		t.Fatalf("%+v, %v", o, err)
	}
}
