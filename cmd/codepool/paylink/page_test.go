package paylink_test

import (
	"crypto/sha256"
	"encoding/base64"
	"image/png"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"codepool/cmd/codepool/paylink"
)

// agentOf is what a wallet sends.
func agentOf(w paylink.Wallet) string {
	for _, a := range agents {
		if a.want == w {
			return a.agent
		}
	}
	return ""
}

// Each wallet gets its page by its User-Agent, with the goods, the price and the number of an order.
func TestPageOfWallet(t *testing.T) {
	w := newWorld(t, paylink.Options{})
	seen := map[string]paylink.Wallet{}
	for i, wallet := range paylink.Wallets() {
		a := w.browser(agentOf(wallet)).get("/p/tea").must(t, http.StatusOK)
		all := w.orders()
		if len(all) != i+1 || all[i].Wallet != wallet || all[i].Link != "tea" || all[i].Paid() {
			t.Fatalf("%v: orders %+v", wallet, all)
		}
		a.has(t, "<h1>"+wallet.Name()+" ", tea.Goods, "12.34 CNY", all[i].Number, "Next, ", `<body class="`+wallet.String()+`">`)
		steps := regexp.MustCompile(`<p>Next, .*</p>`).FindString(a.body)
		if other, ok := seen[steps]; ok {
			t.Errorf("%v and %v have the same page", wallet, other)
		}
		seen[steps] = wallet
		for _, other := range paylink.Wallets() {
			if other != wallet && strings.Contains(a.body, "<h1>"+other.Name()) {
				t.Errorf("%v gets the page of %v", wallet, other)
			}
		}
	}
}

// A browser that is no wallet gets a list of them and no order, until one is picked.
func TestPagePlain(t *testing.T) {
	w := newWorld(t, paylink.Options{})
	b := w.browser("curl/8.5.0")
	for _, path := range []string{"/p/tea", "/p/tea?wallet=other"} {
		a := b.get(path).must(t, http.StatusOK).has(t, tea.Goods, "12.34 CNY")
		if len(w.orders()) > 0 || a.Header.Get("Set-Cookie") != "" {
			t.Fatalf("%s: orders %+v, cookie %q", path, w.orders(), a.Header.Get("Set-Cookie"))
		}
		links := regexp.MustCompile(`href="([^"]*)">([^<]*)</a>`).FindAllStringSubmatch(a.body, -1)
		if len(links) != len(paylink.Wallets()) {
			t.Fatalf("%s has links %q", path, links)
		}
		for i, wallet := range paylink.Wallets() {
			if to := a.leads(t, links[i][1]); to != "/p/tea?wallet="+wallet.String() || links[i][2] != wallet.Name() {
				t.Errorf("link %q leads to %s", links[i], to)
			}
		}
	}
	for _, wallet := range paylink.Wallets() { // the pick beats the agent, and the order is one
		b.get("/p/tea?wallet="+wallet.String()).must(t, http.StatusOK).has(t, "<h1>"+wallet.Name()+" ", "1001")
	}
	if all := w.orders(); len(all) != 1 || all[0].Wallet != paylink.WeChat {
		t.Errorf("orders %+v", all)
	}
}

// The session's cookie is for this host, no script, and one order each.
func TestPageSession(t *testing.T) {
	w := newWorld(t, paylink.Options{})
	ann, ben := w.browser(agentOf(paylink.WeChat)), w.browser(agentOf(paylink.WeChat))
	c := ann.get("/p/tea").must(t, http.StatusOK).Cookies()
	if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || c[0].Secure || c[0].Path != "/" || c[0].Domain != "" || c[0].MaxAge <= 0 {
		t.Fatalf("cookies %+v", c)
	}
	if raw, err := base64.RawURLEncoding.DecodeString(c[0].Value); err != nil || len(raw) != 16 {
		t.Errorf("cookie %q: %d bytes, %v", c[0].Value, len(raw), err)
	}
	if a := ann.get("/p/tea").has(t, "1001"); a.Header.Get("Set-Cookie") != "" {
		t.Error("a session is set twice")
	}
	ben.get("/p/tea").must(t, http.StatusOK).has(t, "1002")
	ann.get("/p/seat-7").must(t, http.StatusOK).has(t, "1003", "5000 JPY")
	ann.get("/p/seat-7").must(t, http.StatusOK).has(t, "1003")
	all := w.orders()
	if len(all) != 3 || all[0].Session != all[2].Session || all[0].Session == all[1].Session {
		t.Errorf("orders %+v", all)
	}
	for _, b := range []*browser{ann, ben} { // a secret stays in its browser
		for _, o := range all {
			if len(o.Session) < 20 || strings.Contains(o.Session, b.cookie()) || strings.Contains(w.log.String(), b.cookie()) {
				t.Errorf("session %q is known by cookie %q", o.Session, b.cookie())
			}
		}
	}
}

// A cookie that we did not make is no session.
func TestPageForgedCookie(t *testing.T) {
	w := newWorld(t, paylink.Options{})
	for i, value := range []string{"", "x", strings.Repeat("A", 21), strings.Repeat("A", 23), strings.Repeat("!", 22), strings.Repeat("B", 22), strings.Repeat("A", 5000)} {
		b := w.browser(agentOf(paylink.QQ))
		b.Jar = nil
		a := b.ask("GET", "/p/tea", nil, "Cookie", "codepool_pay="+value).must(t, http.StatusOK)
		if len(a.Cookies()) != 1 || len(w.orders()) != i+1 {
			t.Errorf("cookie %.30q: got %v and %d orders", value, a.Cookies(), len(w.orders()))
		}
	}
}

// Over TLS, by itself or in front, the cookie is for TLS and this host only.
func TestPageSecureCookie(t *testing.T) {
	direct := newUnstarted(t, paylink.Options{})
	direct.server.StartTLS()
	for name, b := range map[string]*browser{
		"direct": direct.browser(agentOf(paylink.JD)), "behind": newWorld(t, paylink.Options{Base: "HTTPS://pay.example"}).browser(agentOf(paylink.JD)),
	} {
		c := b.get("/p/tea").must(t, http.StatusOK).Cookies()
		if len(c) != 1 || !c[0].Secure || c[0].Name != "__Host-codepool_pay" || c[0].Path != "/" || c[0].Domain != "" {
			t.Errorf("%s: cookies %+v", name, c)
		}
	}
	b := direct.browser(agentOf(paylink.JD))
	for range 2 {
		b.get("/p/tea").must(t, http.StatusOK).has(t, "1002")
	}
}

// Looking makes no order: a head, a code, a list.
func TestPageHead(t *testing.T) {
	w := newWorld(t, paylink.Options{})
	b := w.browser(agentOf(paylink.Alipay))
	for path, kind := range map[string]string{
		"/p/seat-7": "text/html; charset=utf-8", "/p/seat-7/qr.png": "image/png", "/p/seat-7/qr.svg": "image/svg+xml", "/healthz": "text/plain; charset=utf-8",
	} {
		a := b.ask("HEAD", path, nil).must(t, http.StatusOK)
		if a.body != "" || a.Header.Get("Set-Cookie") != "" || a.Header.Get("Content-Type") != kind {
			t.Errorf("HEAD %s: %q, %v", path, a.body, a.Header)
		}
	}
	b.ask("HEAD", "/p/none", nil).must(t, http.StatusNotFound)
	b.get("/p/seat-7/qr.png").must(t, http.StatusOK)
	if n := len(w.orders()); n != 0 {
		t.Errorf("%d orders", n)
	}
}

// What goods are called is text and nothing else, wherever it stands.
func TestPageEscapes(t *testing.T) {
	evil := paylink.Link{ID: "evil", Goods: `</title></style><script>alert(1)</script>"' onload=x <img src=//evil.example>`, Amount: 1, Currency: currency("CNY")}
	w := newWorld(t, paylink.Options{Demo: true}, evil)
	b := w.browser("curl/8.5.0")
	pages := []answer{b.get("/p/evil")}
	for _, wallet := range paylink.Wallets() {
		pages = append(pages, b.get("/p/evil?wallet="+wallet.String()))
	}
	pages = append(pages, b.press(pages[1]), b.get(`/p/evil?wallet=<script>`), b.get(`/p/<script>`), b.get("/<script>"))
	for _, a := range pages {
		for _, bad := range []string{"<script", "<img src=//", "</title></style>", `" onload`} {
			if strings.Contains(a.body, bad) {
				t.Errorf("%s has %s: %s", a.Request.URL, bad, a.body)
			}
		}
		if a.StatusCode == http.StatusOK {
			a.has(t, evil.Goods)
		}
	}
}

// A page loads nothing from elsewhere, runs nothing, and its style is the one its policy knows.
func TestPagePolicy(t *testing.T) {
	w := newWorld(t, paylink.Options{Demo: true})
	b := w.browser(agentOf(paylink.WeChat))
	paid := b.press(b.get("/p/tea"))
	for _, a := range []answer{b.get("/p/tea?wallet=other"), b.get("/p/seat-7"), paid, b.get("/p/none"), b.get("/none"), b.ask("PUT", "/p/tea", nil), b.get("/p/tea/qr.svg"), b.get("/healthz")} {
		policy := a.Header.Get("Content-Security-Policy")
		for _, rule := range []string{"default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, rule) {
				t.Errorf("%s: policy %q, want %q", a.Request.URL, policy, rule)
			}
		}
		if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: header %v", a.Request.URL, a.Header)
		}
		if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			continue
		}
		if a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept", a.Request.URL)
		}
		_, style, ok := strings.Cut(a.body, "<style>")
		style, _, closed := strings.Cut(style, "</style>")
		sum := sha256.Sum256([]byte(style))
		if hash := base64.StdEncoding.EncodeToString(sum[:]); !ok || !closed || !strings.Contains(policy, "style-src 'sha256-"+hash+"'") {
			t.Errorf("%s: style has the hash %s, policy is %q", a.Request.URL, hash, policy)
		}
		for _, at := range regexp.MustCompile(`(?:src|href|action)="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
			if strings.Contains(at[1], ":") || strings.HasPrefix(at[1], "/") {
				t.Errorf("%s has %s", a.Request.URL, at[0])
			}
		}
		for _, want := range []string{`<html lang="en">`, "<title>", `name="viewport"`, "<main>", "<h1>"} {
			if strings.Count(a.body, want) != 1 {
				t.Errorf("%s has not one %s", a.Request.URL, want)
			}
		}
	}
}

// The codes of a link hold its URL: Base's, or that which was asked.
func TestPageQR(t *testing.T) {
	local, base := newWorld(t, paylink.Options{}), newWorld(t, paylink.Options{Base: "https://pay.example/shop/"})
	for _, tt := range []struct {
		w          *world
		want, keep string
	}{
		{local, local.server.URL + "/p/tea", "private, max-age=3600"},
		{base, "https://pay.example/shop/p/tea", "public, max-age=3600"},
	} {
		b := tt.w.browser("curl/8.5.0")
		for query, size := range map[string]int{"": 320, "?size=128": 128} {
			a := b.get("/p/tea/qr.png"+query).must(t, http.StatusOK)
			img, err := png.Decode(strings.NewReader(a.body))
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, img); got != tt.want || img.Bounds().Dx() != size || a.Header.Get("Content-Type") != "image/png" || a.Header.Get("Cache-Control") != tt.keep {
				t.Errorf("%s is %q of %v, %v", a.Request.URL, got, img.Bounds(), a.Header)
			}
			a = b.get("/p/tea/qr.svg"+query).must(t, http.StatusOK)
			if got := read(t, drawnSVG(t, a.body, size)); got != tt.want || a.Header.Get("Content-Type") != "image/svg+xml" || a.Header.Get("Cache-Control") != tt.keep {
				t.Errorf("%s is %q, %v", a.Request.URL, got, a.Header)
			}
		}
		b.get("/p/tea/qr.svg?size=1024").must(t, http.StatusOK)
		for _, query := range []string{"?size=", "?size=0", "?size=127", "?size=1025", "?size=-300", "?size=1e3", "?size=99999999999999999999"} {
			b.get("/p/tea/qr.png"+query).must(t, http.StatusBadRequest)
			b.get("/p/tea/qr.svg"+query).must(t, http.StatusBadRequest)
		}
		b.get("/p/none/qr.png").must(t, http.StatusNotFound)
	}
	longest := newWorld(t, paylink.Options{Base: "https://" + strings.Repeat("x", 192)}, paylink.Link{ID: strings.Repeat("y", 64), Goods: "g", Amount: 1, Currency: currency("CNY")})
	longest.browser("").get("/p/"+strings.Repeat("y", 64)+"/qr.png?size=128").must(t, http.StatusOK)
}
