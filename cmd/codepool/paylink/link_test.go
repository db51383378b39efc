package paylink_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"codepool/cmd/codepool/paylink"
	"codepool/gen"
)

func TestLinkCheck(t *testing.T) {
	good := paylink.Link{ID: "Az09-_", Goods: "SVIP, 30 天", Amount: 1, Currency: currency("CNY")}
	for _, tt := range []struct {
		change func(*paylink.Link)
		wrong  []string // what the error names; none if the link is good
	}{
		{func(l *paylink.Link) {}, nil},
		{func(l *paylink.Link) { l.ID = strings.Repeat("x", 64) }, nil},
		{func(l *paylink.Link) { l.Goods = strings.Repeat("天", 120) }, nil},
		{func(l *paylink.Link) { l.Goods = "<b>&amp;" }, nil},
		{func(l *paylink.Link) { l.Amount = 1<<63 - 1 }, nil},
		{func(l *paylink.Link) { l.ID = "" }, []string{"id"}},
		{func(l *paylink.Link) { l.ID = strings.Repeat("x", 65) }, []string{"id"}},
		{func(l *paylink.Link) { l.ID = "a/b" }, []string{"id"}},
		{func(l *paylink.Link) { l.ID = "." }, []string{"id"}},
		{func(l *paylink.Link) { l.ID = "ä" }, []string{"id"}},
		{func(l *paylink.Link) { l.Goods = "" }, []string{"goods"}},
		{func(l *paylink.Link) { l.Goods = " \u00a0 " }, []string{"goods"}},
		{func(l *paylink.Link) { l.Goods = strings.Repeat("天", 121) }, []string{"goods"}},
		{func(l *paylink.Link) { l.Goods = strings.Repeat("x", 1<<20) }, []string{"goods"}},
		{func(l *paylink.Link) { l.Goods = "a\xffb" }, []string{"goods"}},
		{func(l *paylink.Link) { l.Goods = "a\nb" }, []string{"goods"}},
		{func(l *paylink.Link) { l.Goods = "a\u202eb" }, []string{"goods"}},
		{func(l *paylink.Link) { l.Amount = 0 }, []string{"amount"}},
		{func(l *paylink.Link) { l.Amount = -1 }, []string{"amount"}},
		{func(l *paylink.Link) { l.Currency = gen.Currency{} }, []string{"currency"}},
		{func(l *paylink.Link) { *l = paylink.Link{} }, []string{"id", "goods", "amount", "currency"}},
	} {
		l := good
		tt.change(&l)
		err := l.Check()
		if len(tt.wrong) == 0 {
			if err != nil {
				t.Errorf("%.100v: %v", l, err)
			}
			continue
		}
		if !errors.Is(err, paylink.ErrInvalid) {
			t.Errorf("%.100v: got %v, want ErrInvalid", l, err)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(tt.wrong) || len(err.Error()) > 1000 {
			t.Errorf("%.100v: %v, want %v", l, err, tt.wrong)
			continue
		}
		for i, field := range tt.wrong {
			if !strings.HasPrefix(lines[i], "invalid argument: "+field+" ") {
				t.Errorf("%.100v: %q does not name %s", l, lines[i], field)
			}
		}
	}
}

func TestLinkPrice(t *testing.T) {
	for _, tt := range []struct {
		amount int64
		code   string
		want   string
	}{
		{1, "CNY", "0.01 CNY"}, {1234, "CNY", "12.34 CNY"}, {1234, "JPY", "1234 JPY"}, {1234567, "KWD", "1234.567 KWD"},
	} {
		if got := (paylink.Link{Amount: tt.amount, Currency: currency(tt.code)}).Price(); got != tt.want {
			t.Errorf("%d of %s is %q, want %q", tt.amount, tt.code, got, tt.want)
		}
	}
}

// A link is read back from what is written of it; an unknown currency is not read.
func TestLinkJSON(t *testing.T) {
	text, err := json.Marshal(tea)
	if want := `{"id":"tea","goods":"Tea for two","amount":1234,"currency":"CNY","once":false}`; err != nil || string(text) != want {
		t.Errorf("link is written as %s, %v, want %s", text, err, want)
	}
	var got paylink.Link
	if err := json.Unmarshal(text, &got); err != nil || got != tea {
		t.Errorf("link is read as %+v, %v", got, err)
	}
	if err := json.Unmarshal([]byte(`{"currency":"ABC"}`), &got); !errors.Is(err, gen.ErrCurrency) {
		t.Errorf("currency ABC: %v", err)
	}
}

// An address is what the code of the link holds.
func TestAddress(t *testing.T) {
	w := newWorld(t, paylink.Options{Base: "https://pay.example/shop/"})
	got, err := paylink.Address("https://pay.example/shop/", "tea")
	if err != nil || got != "https://pay.example/shop/p/tea" {
		t.Errorf("%q, %v", got, err)
	}
	var want bytes.Buffer
	if err := paylink.SVG(&want, got, 320); err != nil {
		t.Fatal(err)
	}
	if a := w.browser("").get("/p/tea/qr.svg").must(t, http.StatusOK); a.body != want.String() {
		t.Error("the code holds something else")
	}
	for _, base := range []string{"", "pay.example", "https://pay.example?x"} {
		if _, err := paylink.Address(base, "tea"); !errors.Is(err, paylink.ErrInvalid) {
			t.Errorf("base %q: %v", base, err)
		}
	}
}
