package paylink_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"codepool/cmd/codepool/paylink"
)

// An order is paid by its button, and shown as a receipt from then on.
func TestPay(t *testing.T) {
	w := newWorld(t, paylink.Options{Demo: true})
	b := w.browser(agentOf(paylink.Alipay))
	page := b.get("/p/tea").must(t, http.StatusOK)
	receipt := b.press(page).has(t, "<h1>Paid</h1>", tea.Goods, "12.34 CNY", "1001")
	if all := w.orders(); len(all) != 1 || !all[0].Paid() {
		t.Fatalf("orders %+v", all)
	}
	b.get("/p/tea").must(t, http.StatusOK).has(t, "<h1>Paid</h1>", "1001")
	b.press(page).has(t, "<h1>Paid</h1>", "1001") // the button of a page that was left open
	if w.paid() != 1 || !strings.Contains(w.log.String(), "order=1001") {
		t.Errorf("%d orders are paid; log: %s", w.paid(), &w.log)
	}
	// The link can be used again: that is another order.
	b.press(receipt).has(t, "<h1>Alipay ", "1002")
	if all := w.orders(); len(all) != 2 || all[1].Paid() || all[1].Session == all[0].Session {
		t.Errorf("orders %+v", all)
	}
}

// A browser that says of itself that it is no wallet stays with the one it picked.
func TestPayPicked(t *testing.T) {
	b := newWorld(t, paylink.Options{Demo: true}).browser("curl/8.5.0")
	receipt := b.press(b.get("/p/tea?wallet=unionpay")).has(t, "<h1>Paid</h1>", "1001")
	b.press(receipt).has(t, "<h1>UnionPay ", "1002")
}

// A link of one order ends with its receipt.
func TestPayOnce(t *testing.T) {
	w := newWorld(t, paylink.Options{Demo: true})
	b := w.browser(agentOf(paylink.UnionPay))
	receipt := b.press(b.get("/p/seat-7")).has(t, "<h1>Paid</h1>", seat.Goods, "5000 JPY", "1001")
	if strings.Contains(receipt.body, "<form") {
		t.Errorf("there is more to order: %s", receipt.body)
	}
	b.get("/p/seat-7").must(t, http.StatusOK).has(t, "<h1>Paid</h1>", "1001")
	w.browser(agentOf(paylink.UnionPay)).get("/p/seat-7").must(t, http.StatusGone)
}

// All works below a prefix.
func TestPayPrefix(t *testing.T) {
	w := newWorld(t, paylink.Options{Demo: true})
	inner := w.server.Config.Handler
	w.server = httptest.NewServer(http.StripPrefix("/shop", inner))
	t.Cleanup(w.server.Close)
	b := w.browser(agentOf(paylink.WeChat))
	receipt := b.press(b.get("/shop/p/tea")).has(t, "<h1>Paid</h1>", "1001")
	b.press(receipt).has(t, "<h1>WeChat Pay ", "1002")
}

// A wallet's own payment, which comes another way, is shown too, and no button pays after it.
func TestPayElsewhere(t *testing.T) {
	w := newWorld(t, paylink.Options{Demo: true})
	b := w.browser(agentOf(paylink.WeChat))
	page := b.get("/p/tea").must(t, http.StatusOK)
	if _, err := w.Pay(t.Context(), "1001", "wx-4200001"); err != nil {
		t.Fatal(err)
	}
	b.press(page).has(t, "<h1>Paid</h1>", "1001")
	if all := w.orders(); all[0].Payment != "wx-4200001" || w.paid() != 1 {
		t.Errorf("orders %+v", all)
	}
}

// Without Demo there is no button, and nothing that it could be sent to.
func TestPayNoDemo(t *testing.T) {
	w := newWorld(t, paylink.Options{})
	b := w.browser(agentOf(paylink.WeChat))
	a := b.get("/p/tea").must(t, http.StatusOK)
	if strings.Contains(a.body, "<form") || strings.Contains(a.body, "demonstration") {
		t.Errorf("a page that pays: %s", a.body)
	}
	b.post("/p/tea/pay", url.Values{"order": {"1001"}}).must(t, http.StatusNotFound)
	if w.paid() != 0 {
		t.Error("an order is paid")
	}
}

// A form counts only with the token of its session, link and order.
func TestPayForeign(t *testing.T) {
	w := newWorld(t, paylink.Options{Demo: true})
	ann, eve := w.browser(agentOf(paylink.WeChat)), w.browser(agentOf(paylink.WeChat))
	path, fields := ann.get("/p/tea").form(t)                   // 1001
	_, hers := eve.get("/p/tea").form(t)                        // 1002
	otherPath, other := ann.get("/p/seat-7").form(t)            // 1003
	with := func(f url.Values, name, value string) url.Values { // a copy with one field changed
		g := url.Values{}
		for k := range f {
			g.Set(k, f.Get(k))
		}
		g.Set(name, value)
		return g
	}
	flipped := []byte(fields.Get("token"))
	flipped[3] ^= 1
	for name, a := range map[string]answer{
		"no token":             ann.post(path, with(fields, "token", "")),
		"a changed token":      ann.post(path, with(fields, "token", string(flipped))),
		"a longer token":       ann.post(path, with(fields, "token", fields.Get("token")+"A")),
		"another's token":      ann.post(path, with(fields, "token", hers.Get("token"))),
		"another's form":       ann.post(path, hers),
		"of another":           eve.post(path, fields),
		"her token, his order": eve.post(path, with(hers, "order", "1001")),
		"another link's":       ann.post(otherPath, fields),
		"another order's":      ann.post(path, with(fields, "order", other.Get("order"))),
		"no order's":           ann.post(path, with(fields, "order", "")),
		"for another purpose":  ann.post("/p/tea/again", fields),
		"no session":           w.browser(agentOf(paylink.WeChat)).post(path, fields),
		"token in the URL":     ann.post(path+"?"+fields.Encode(), url.Values{"wallet": {"wechat"}}),
	} {
		if a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: status %d", name, a.StatusCode)
		}
	}
	if w.paid() != 0 {
		t.Fatalf("%d orders are paid", w.paid())
	}
	ann.post(path, with(fields, "wallet", "cash")).must(t, http.StatusBadRequest)
	ann.post("/p/a%2Fb/pay", fields).must(t, http.StatusNotFound)
	ann.post(path, fields).must(t, http.StatusSeeOther)
	if w.paid() != 1 {
		t.Errorf("%d orders are paid", w.paid())
	}
}

// all runs n requests at once and returns their answers.
func all(n int, ask func(i int) answer) []answer {
	got := make([]answer, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { got[i] = ask(i) })
	}
	wg.Wait()
	return got
}

// A session that asks a hundred times at once has one order, and pays it once.
func TestRaceSession(t *testing.T) {
	w := newWorld(t, paylink.Options{Demo: true})
	ann, ben := w.browser(agentOf(paylink.QQ)), w.browser(agentOf(paylink.QQ))
	for _, b := range []*browser{ann, ben} { // the cookies, and an order each
		b.get("/p/tea").must(t, http.StatusOK)
	}
	for i, a := range all(200, func(i int) answer { return []*browser{ann, ben}[i%2].get([]string{"/p/tea", "/p/seat-7"}[i/2%2]) }) {
		if a.StatusCode != http.StatusOK && (i/2%2 == 0 || a.StatusCode != http.StatusGone) {
			t.Fatalf("%s: status %d", a.Request.URL, a.StatusCode)
		}
	}
	if got := w.orders(); len(got) != 3 {
		t.Fatalf("orders %+v", got)
	}
	path, fields := ann.get("/p/tea").form(t)
	for _, a := range all(50, func(int) answer { return ann.post(path, fields) }) {
		a.must(t, http.StatusSeeOther)
	}
	if w.paid() != 1 {
		t.Errorf("%d orders are paid", w.paid())
	}
}

// A link of one order is opened by one of many sessions, and gone for the others.
func TestRaceOnce(t *testing.T) {
	w := newWorld(t, paylink.Options{})
	browsers := make([]*browser, 40)
	for i := range browsers {
		browsers[i] = w.browser(agentOf(paylink.JD))
	}
	first := -1
	for i, a := range all(len(browsers), func(i int) answer { return browsers[i].get("/p/seat-7") }) {
		switch {
		case a.StatusCode == http.StatusOK && first < 0:
			first = i
		case a.StatusCode != http.StatusGone:
			t.Fatalf("browser %d: status %d after %d", i, a.StatusCode, first)
		case a.Header.Get("Set-Cookie") != "":
			t.Error("who gets no order gets a session")
		}
	}
	browsers[first].get("/p/seat-7").must(t, http.StatusOK).has(t, "1001")
	browsers[(first+1)%len(browsers)].get("/p/seat-7").must(t, http.StatusGone).has(t, "This link has been used")
	if got := w.orders(); len(got) != 1 {
		t.Errorf("orders %+v", got)
	}
}

// What breaks behind the handler is told to the log, and not to people.
func TestPayBroken(t *testing.T) {
	w := newWorld(t, paylink.Options{Demo: true})
	b := w.browser(agentOf(paylink.WeChat))
	path, fields := b.get("/p/tea").form(t)
	const secret = "postgres://root:hunter2@10.0.0.7"
	for _, tt := range []struct {
		err    error
		status int
	}{
		{errors.New(secret), http.StatusInternalServerError},
		{fmt.Errorf("%s: %w", secret, context.DeadlineExceeded), http.StatusServiceUnavailable},
		{fmt.Errorf("%s: %w", secret, paylink.ErrUnknownLink), http.StatusNotFound},
		{fmt.Errorf("%s: %w", secret, paylink.ErrLinkUsed), http.StatusGone},
		{fmt.Errorf("%s: %w", secret, paylink.ErrUnknownOrder), http.StatusNotFound},
		{fmt.Errorf("%s: %w", secret, paylink.ErrInvalid), http.StatusBadRequest},
	} {
		w.breaks(tt.err)
		for _, a := range []answer{b.get("/p/tea"), b.get("/p/tea?wallet=other"), b.get("/p/tea/qr.png"), b.post(path, fields)} {
			a.must(t, tt.status).has(t, "<h1>")
			if strings.Contains(a.body, "postgres") || strings.Contains(fmt.Sprint(a.Header), "postgres") {
				t.Errorf("%v shows in %s", tt.err, a.body)
			}
			if wait := a.Header.Get("Retry-After"); (wait != "") != (tt.status == http.StatusServiceUnavailable) {
				t.Errorf("%v: wait %q", tt.err, wait)
			}
		}
	}
	if text := w.log.String(); strings.Count(text, secret) != 24 || strings.Count(text, "level=ERROR") != 8 || strings.Contains(text, b.cookie()) || strings.Contains(text, fields.Get("token")) {
		t.Errorf("log: %s", text)
	}
	w.breaks(nil)
	b.post(path, fields).must(t, http.StatusSeeOther)
}

// A browser that goes away before it is answered is no fault of ours.
func TestPayGone(t *testing.T) {
	w := newWorld(t, paylink.Options{})
	w.breaks(context.Canceled)
	for _, gone := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if gone {
			cancel()
		}
		got := httptest.NewRecorder()
		w.server.Config.Handler.ServeHTTP(got, httptest.NewRequestWithContext(ctx, "GET", "/p/tea", nil))
		if fault := strings.Contains(w.log.String(), "level=ERROR"); fault == gone || got.Code != http.StatusServiceUnavailable {
			t.Errorf("gone %v: status %d, log: %s", gone, got.Code, &w.log)
		}
	}
}
