package paylink_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"codepool/cmd/codepool/paylink"
)

const formType = "application/x-www-form-urlencoded"

// What there is not, or cannot be, is a 404, and a text that is no id is not looked for.
func TestRefuseUnknown(t *testing.T) {
	w := newWorld(t, paylink.Options{Demo: true})
	b := w.browser(agentOf(paylink.WeChat))
	b.get("/p/none").must(t, http.StatusNotFound).has(t, "There is no such link")
	w.mu.Lock()
	before := w.mu.asked
	w.mu.Unlock()
	for _, id := range []string{"a%2Fb", "%00", "%2e", "tea%20", "t%C3%A9", "te%ff", strings.Repeat("x", 65), "tea/x"} {
		b.get("/p/"+id).must(t, http.StatusNotFound)
		b.ask("HEAD", "/p/"+id+"/qr.png", nil).must(t, http.StatusNotFound)
	}
	for _, path := range []string{"/", "/p", "/p/", "/p/tea/", "/p/tea/qr.gif", "/tea", "/static/style.css"} {
		b.get(path).must(t, http.StatusNotFound)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.asked != before {
		t.Errorf("the backend was asked %d times", w.mu.asked-before)
	}
	if len(w.mu.orders) != 0 {
		t.Errorf("orders %+v", w.mu.orders)
	}
}

func TestRefuseWallet(t *testing.T) {
	w := newWorld(t, paylink.Options{})
	b := w.browser(agentOf(paylink.WeChat))
	for _, query := range []string{"?wallet=", "?wallet=cash", "?wallet=WeChat", "?wallet=wechat%00"} {
		b.get("/p/tea"+query).must(t, http.StatusBadRequest).has(t, "That wallet is not known here")
	}
	if len(w.orders()) != 0 {
		t.Errorf("orders %+v", w.orders())
	}
}

func TestRefuseMethod(t *testing.T) {
	b := newWorld(t, paylink.Options{Demo: true}).browser(agentOf(paylink.WeChat))
	for _, tt := range []struct{ method, path, allow string }{
		{"POST", "/p/tea", "GET, HEAD"},
		{"PUT", "/p/tea", "GET, HEAD"},
		{"DELETE", "/p/tea/qr.png", "GET, HEAD"},
		{"POST", "/p/tea/qr.svg", "GET, HEAD"},
		{"GET", "/p/tea/pay", "POST"},
		{"HEAD", "/p/tea/pay", "POST"},
		{"GET", "/p/tea/again", "POST"},
		{"POST", "/healthz", "GET, HEAD"},
	} {
		if a := b.ask(tt.method, tt.path, nil).must(t, http.StatusMethodNotAllowed); a.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: allowed is %q, want %q", tt.method, tt.path, a.Header.Get("Allow"), tt.allow)
		}
	}
	if a := b.get("/healthz").must(t, http.StatusOK); a.body != "ok\n" {
		t.Errorf("health is %q", a.body)
	}
}

// What is too long, or no form, is refused before anything is done.
func TestRefuseSize(t *testing.T) {
	w := newWorld(t, paylink.Options{Demo: true})
	b := w.browser(agentOf(paylink.WeChat))
	path, fields := b.get("/p/tea").form(t)
	form := fields.Encode()
	long := form + "&x=" + strings.Repeat("x", 4<<10)
	for name, tt := range map[string]struct {
		a      answer
		status int
	}{
		"path":         {b.get("/p/" + strings.Repeat("x", 600)), http.StatusRequestURITooLong},
		"query":        {b.get("/p/tea?x=" + strings.Repeat("x", 600)), http.StatusRequestURITooLong},
		"header":       {b.ask("GET", "/p/tea", nil, "X-Long", strings.Repeat("x", 17<<10)), http.StatusRequestHeaderFieldsTooLarge},
		"body":         {b.ask("POST", path, strings.NewReader(long), "Content-Type", formType), http.StatusRequestEntityTooLarge},
		"body, chunks": {b.ask("POST", path, io.MultiReader(strings.NewReader(long)), "Content-Type", formType), http.StatusRequestEntityTooLarge},
		"no type":      {b.ask("POST", path, strings.NewReader(form)), http.StatusUnsupportedMediaType},
		"JSON":         {b.ask("POST", path, strings.NewReader(`{"order":"1001"}`), "Content-Type", "application/json"), http.StatusUnsupportedMediaType},
		"parts":        {b.ask("POST", path, strings.NewReader(form), "Content-Type", "multipart/form-data; boundary=x"), http.StatusUnsupportedMediaType},
		"no type's":    {b.ask("POST", path, strings.NewReader(form), "Content-Type", ";;"), http.StatusUnsupportedMediaType},
		"no form":      {b.ask("POST", path, strings.NewReader("%zz"), "Content-Type", formType), http.StatusBadRequest},
		"nothing":      {b.ask("POST", path, nil, "Content-Type", formType), http.StatusBadRequest},
	} {
		if tt.a.StatusCode != tt.status || !strings.Contains(tt.a.body, "<h1>") {
			t.Errorf("%s: status %d, want %d: %s", name, tt.a.StatusCode, tt.status, tt.a.body)
		}
	}
	if w.paid() != 0 || len(w.orders()) != 1 {
		t.Errorf("orders %+v", w.orders())
	}
	b.ask("POST", path, bytes.NewBufferString(form), "Content-Type", formType+"; charset=UTF-8").must(t, http.StatusSeeOther)
}

func TestRefuseOptions(t *testing.T) {
	for _, base := range []string{"pay.example", "//pay.example", "ftp://pay.example", "https://", "https:///p", "https://ann@pay.example", "https://pay.example?", "https://pay.example?x=1", "https://pay.example/#x", "https://\x00", "https://" + strings.Repeat("x", 193)} {
		if h, err := paylink.Handler(newMemory(), &paylink.Options{Base: base}); !errors.Is(err, paylink.ErrInvalid) || h != nil {
			t.Errorf("base %.30q: %v", base, err)
		}
	}
	_, err := paylink.Handler(nil, &paylink.Options{Base: "x"})
	if !errors.Is(err, paylink.ErrInvalid) || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("no backend and no base: %v", err)
	}
	if _, err := paylink.Handler(newMemory(), nil); err != nil {
		t.Errorf("no options: %v", err)
	}
}
