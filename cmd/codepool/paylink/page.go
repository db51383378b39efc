package paylink

import (
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
)

// link returns the link that a request is about.
func (h *handler) link(r *http.Request) (Link, error) {
	id := r.PathValue("id")
	if !validID(id) {
		return Link{}, ErrUnknownLink
	}
	return h.backend.Link(r.Context(), id)
}

// page serves a link to whoever scanned it.
func (h *handler) page(w http.ResponseWriter, r *http.Request) error {
	wallet, err := walletFor(r)
	if err != nil {
		return err
	}
	l, err := h.link(r)
	if err != nil {
		return err
	}
	v := view{Link: l, Wallet: wallet, Wallets: Wallets(), Demo: h.Demo}
	switch { // P4
	case r.Method == http.MethodHead:
		w.Header().Set("Content-Type", pageType)
		return nil
	case wallet == Other:
		return v.send(w, http.StatusOK, "plain")
	}
	secure := h.secure(r)
	s, known := readSession(r, secure)
	if !known {
		s = newSession()
	}
	if v.Order, err = h.backend.Order(r.Context(), l.ID, s.id(), wallet); err != nil {
		return err
	}
	if !known {
		setSession(w, s, secure)
	}
	if v.Order.Paid() {
		v.Token = s.mac("again", l.ID)
		return v.send(w, http.StatusOK, "receipt")
	}
	v.Token = s.mac("pay", l.ID, v.Order.Number)
	return v.send(w, http.StatusOK, wallet.String())
}

// walletFor returns who asks: the one that was picked, else the one that says so.
func walletFor(r *http.Request) (Wallet, error) {
	if q := r.URL.Query(); q.Has("wallet") {
		return ParseWallet(q.Get("wallet"))
	}
	return WalletOf(r.UserAgent()), nil
}

// pay pays an order by the button of a page. The reference of the payment follows from the
// order, so that it is the same when the button is pressed twice.
func (h *handler) pay(w http.ResponseWriter, r *http.Request) error {
	f, err := h.form(r)
	if err != nil {
		return err
	}
	order := f.Get("order")
	if !f.allows("pay", f.link, order) {
		return errForeign
	}
	switch o, err := h.backend.Pay(r.Context(), order, "demo-"+order); {
	case errors.Is(err, ErrAlreadyPaid): // by a wallet: the page has the receipt
	case err != nil:
		return err
	default:
		h.Logger.LogAttrs(r.Context(), slog.LevelInfo, "order paid",
			slog.String("order", o.Number), slog.String("link", o.Link), slog.String("payment", o.Payment))
	}
	f.back(w)
	return nil
}

// again gives a browser another session, in which it has no orders.
func (h *handler) again(w http.ResponseWriter, r *http.Request) error {
	f, err := h.form(r)
	if err != nil {
		return err
	}
	if !f.allows("again", f.link) {
		return errForeign
	}
	setSession(w, newSession(), h.secure(r))
	f.back(w)
	return nil
}

// form is what a page of ours sent back about a link.
type form struct {
	url.Values
	link    string // id
	wallet  Wallet
	session session
}

// form reads a form.
func (h *handler) form(r *http.Request) (f form, err error) {
	if f.link = r.PathValue("id"); !validID(f.link) {
		return f, ErrUnknownLink
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return f, errNoForm
	}
	if err := r.ParseForm(); err != nil {
		if long, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return f, fmt.Errorf("%w: %w", errLongBody, long)
		}
		return f, invalid("form: %w", err)
	}
	var ok bool
	if f.session, ok = readSession(r, h.secure(r)); !ok {
		return f, errForeign
	}
	f.Values = r.PostForm
	f.wallet, err = ParseWallet(f.Get("wallet"))
	return f, err
}

// allows reports whether the form has its session's token for a purpose (P5).
func (f form) allows(purpose ...string) bool { return f.session.allows(f.Get("token"), purpose...) }

// back sends the browser from a path below a link to the link's page.
func (f form) back(w http.ResponseWriter) {
	w.Header().Set("Location", "../"+f.link+"?wallet="+f.wallet.String())
	w.WriteHeader(http.StatusSeeOther)
}
