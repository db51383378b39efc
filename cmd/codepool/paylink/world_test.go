package paylink_test

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"codepool/cmd/codepool/paylink"
	"codepool/gen"
)

// memory is a Backend that forgets.
type memory struct {
	mu struct {
		sync.Mutex
		links  map[string]paylink.Link
		orders []paylink.Order
		asked  int   // calls
		paid   int   // orders
		fault  error // of all calls
	}
}

func newMemory(links ...paylink.Link) *memory {
	m := &memory{}
	m.mu.links = map[string]paylink.Link{}
	for _, l := range links {
		if err := l.Check(); err != nil {
			panic(err)
		}
		m.mu.links[l.ID] = l
	}
	return m
}

func (m *memory) linkLocked(id string) (paylink.Link, error) {
	m.mu.asked++
	if m.mu.fault != nil {
		return paylink.Link{}, m.mu.fault
	}
	l, ok := m.mu.links[id]
	if !ok {
		return l, fmt.Errorf("%w: %q", paylink.ErrUnknownLink, id)
	}
	return l, nil
}

func (m *memory) Link(_ context.Context, id string) (paylink.Link, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.linkLocked(id)
}

func (m *memory) Order(_ context.Context, id, session string, w paylink.Wallet) (paylink.Order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, err := m.linkLocked(id)
	if err != nil {
		return paylink.Order{}, err
	}
	for _, o := range m.mu.orders {
		switch {
		case o.Link == id && o.Session == session:
			return o, nil
		case o.Link == id && l.Once:
			return paylink.Order{}, fmt.Errorf("%w: %q", paylink.ErrLinkUsed, id)
		}
	}
	o := paylink.Order{Number: fmt.Sprint(1001 + len(m.mu.orders)), Link: id, Session: session, Wallet: w, CreatedAt: time.Now()}
	m.mu.orders = append(m.mu.orders, o)
	return o, nil
}

func (m *memory) Pay(_ context.Context, order, payment string) (paylink.Order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.fault != nil {
		return paylink.Order{}, m.mu.fault
	}
	if payment == "" {
		return paylink.Order{}, paylink.ErrInvalid
	}
	used := false
	for _, o := range m.mu.orders {
		used = used || o.Payment == payment && o.Number != order
	}
	for i := range m.mu.orders {
		o := &m.mu.orders[i]
		switch {
		case o.Number != order:
		case o.Payment == payment:
			return *o, nil
		case o.Paid():
			return paylink.Order{}, paylink.ErrAlreadyPaid
		case used:
			return paylink.Order{}, paylink.ErrPaymentUsed
		default:
			o.Payment, o.PaidAt = payment, time.Now()
			m.mu.paid++
			return *o, nil
		}
	}
	return paylink.Order{}, paylink.ErrUnknownOrder
}

// breaks makes all calls fail.
func (m *memory) breaks(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.fault = err
}

// orders is what there is.
func (m *memory) orders() []paylink.Order {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]paylink.Order(nil), m.mu.orders...)
}

// paid is how many orders were paid.
func (m *memory) paid() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.paid
}

// log is what a logger wrote.
type log struct {
	mu struct {
		sync.Mutex
		text bytes.Buffer
	}
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.text.String()
}

// currency is one that there is.
func currency(code string) gen.Currency {
	c, err := gen.CurrencyOf(code)
	if err != nil {
		panic(err)
	}
	return c
}

// The links of a world.
var (
	tea  = paylink.Link{ID: "tea", Goods: "Tea for two", Amount: 1234, Currency: currency("CNY")}
	seat = paylink.Link{ID: "seat-7", Goods: "Seat 7", Amount: 5000, Currency: currency("JPY"), Once: true}
)

// world is a backend and a server of its links.
type world struct {
	*testing.T
	*memory
	server *httptest.Server
	log    log
}

// newWorld starts a server on loopback.
func newWorld(t *testing.T, o paylink.Options, links ...paylink.Link) *world {
	t.Helper()
	w := newUnstarted(t, o, links...)
	w.server.Start()
	return w
}

func newUnstarted(t *testing.T, o paylink.Options, links ...paylink.Link) *world {
	t.Helper()
	w := &world{T: t, memory: newMemory(append(links, tea, seat)...)}
	o.Logger = slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h, err := paylink.Handler(w.memory, &o)
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewUnstartedServer(h)
	t.Cleanup(w.server.Close)
	return w
}

// browser keeps cookies and follows no redirection by itself.
type browser struct {
	*world
	*http.Client
	agent string
}

func (w *world) browser(agent string) *browser {
	w.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	c := *w.server.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{w, &c, agent}
}

// answer is what a browser got.
type answer struct {
	*http.Response
	body string
}

// ask sends a request to a path of the server.
func (b *browser) ask(method, path string, body io.Reader, header ...string) answer {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, b.server.URL+path, body)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("User-Agent", b.agent)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := b.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return answer{resp, string(text)}
}

func (b *browser) get(path string) answer {
	b.Helper()
	return b.ask("GET", path, nil)
}

// post sends a form.
func (b *browser) post(path string, form url.Values) answer {
	b.Helper()
	return b.ask("POST", path, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
}

// cookie is the session's, "" if there is none.
func (b *browser) cookie() string {
	b.Helper()
	u, err := url.Parse(b.server.URL)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(u) {
		return c.Value
	}
	return ""
}

// must checks the status of an answer.
func (a answer) must(t testing.TB, status int) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s: status %d, want %d: %.2000q", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	return a
}

// has checks that a page shows texts.
func (a answer) has(t testing.TB, texts ...string) answer {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(html.UnescapeString(a.body), text) {
			t.Fatalf("%s shows no %q: %s", a.Request.URL, text, a.body)
		}
	}
	return a
}

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
	formField  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// form returns where the form of a page goes, as a path of the server, and its fields.
func (a answer) form(t testing.TB) (path string, fields url.Values) {
	t.Helper()
	action := formAction.FindStringSubmatch(a.body)
	if action == nil {
		t.Fatalf("%s has no form: %s", a.Request.URL, a.body)
	}
	fields = url.Values{}
	for _, f := range formField.FindAllStringSubmatch(a.body, -1) {
		fields.Set(html.UnescapeString(f[1]), html.UnescapeString(f[2]))
	}
	return a.leads(t, html.UnescapeString(action[1])), fields
}

// leads returns where a link of a page, or a redirection, leads to, as a path of the server.
func (a answer) leads(t testing.TB, to string) string {
	t.Helper()
	u, err := a.Request.URL.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	if u.Host != a.Request.URL.Host {
		t.Fatalf("%q leads away", to)
	}
	return u.RequestURI()
}

// press sends the form of a page and returns the page that it leads to.
func (b *browser) press(a answer) answer {
	b.Helper()
	path, fields := a.form(b)
	got := b.post(path, fields).must(b, http.StatusSeeOther)
	return b.get(got.leads(b, got.Header.Get("Location"))).must(b, http.StatusOK)
}
