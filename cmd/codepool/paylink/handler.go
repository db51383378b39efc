package paylink

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// Options of a Handler; nil, and zero fields, are the defaults.
type Options struct {
	// Base is the URL below which people reach the handler, "https://pay.example" say: it is
	// what QR codes hold. With https cookies are for TLS only. Without it requests tell:
	// their Host, and whether they come over TLS.
	Base string
	// Demo lets anybody pay an order of theirs by a button, without a wallet.
	Demo bool
	// Logger gets what was paid (info), what was refused (debug) and what failed (error); nil is silent.
	Logger *slog.Logger
}

// base returns Base as links are appended to it, or ErrInvalid.
func (o *Options) base() (string, error) {
	if o.Base == "" {
		return "", nil
	}
	u, err := url.Parse(o.Base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "", invalid("base %.200q is no URL: write https://HOST, with a path if there is one", o.Base)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || len(o.Base) > maxBase:
		return "", invalid("base %.200q has more than a host and a path, or more than %d bytes", o.Base, maxBase)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// What a request, and Base, may have at most, in bytes.
const (
	maxURL    = 512
	maxHeader = 16 << 10
	maxBody   = 4 << 10
	maxBase   = 200
)

// handler serves the links of a backend.
type handler struct {
	Options
	backend Backend
	mux     http.ServeMux
}

// Handler returns what serves the links of a backend, or ErrInvalid. It may be used by many
// goroutines at once, as http.Server does.
func Handler(b Backend, o *Options) (http.Handler, error) {
	h := &handler{backend: b}
	if o != nil {
		h.Options = *o
	}
	if h.Logger == nil {
		h.Logger = slog.New(slog.DiscardHandler)
	}
	var missing, wrong error
	if b == nil {
		missing = invalid("there is no backend")
	}
	if h.Base, wrong = h.base(); missing != nil || wrong != nil {
		return nil, errors.Join(missing, wrong)
	}
	h.handle("GET /p/{id}", h.page)
	h.handle("GET /p/{id}/qr.png", h.qr("image/png", PNG))
	h.handle("GET /p/{id}/qr.svg", h.qr("image/svg+xml", SVG))
	h.handle("POST /p/{id}/again", h.again)
	if h.Demo {
		h.handle("POST /p/{id}/pay", h.pay)
	}
	h.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "ok\n")
	})
	return h, nil
}

// handle serves a pattern; an error that it returns becomes a page.
func (h *handler) handle(pattern string, serve func(http.ResponseWriter, *http.Request) error) {
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			h.fail(w, r, err)
		}
	})
}

// ServeHTTP limits what is asked and how answers may be used, whatever they are.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("Content-Security-Policy", policy)
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("X-Content-Type-Options", "nosniff")
	switch {
	case len(r.URL.EscapedPath())+len(r.URL.RawQuery) > maxURL:
		h.fail(w, r, errLongURL)
	case size(r.Header) > maxHeader:
		h.fail(w, r, errLongHeader)
	default:
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		h.mux.ServeHTTP(w, r)
	}
}

// size is how many bytes a header has, without what separates them.
func size(h http.Header) (n int) {
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v)
		}
	}
	return n
}

// secure reports whether the browser speaks TLS.
func (h *handler) secure(r *http.Request) bool {
	if h.Base != "" {
		return strings.HasPrefix(h.Base, "https:")
	}
	return r.TLS != nil
}

// address returns the URL of a link.
func (h *handler) address(r *http.Request, l Link) string {
	base := h.Base
	if base == "" {
		base = "http://" + r.Host
		if h.secure(r) {
			base = "https://" + r.Host
		}
	}
	return below(base, l.ID)
}

// below is the URL of a link below a base.
func below(base, id string) string { return base + "/p/" + id }

// Address returns the URL of a link below a base as a Handler with that base has it in its QR
// codes. It returns ErrInvalid for what Options would refuse, and without a base.
func Address(base, id string) (string, error) {
	root, err := (&Options{Base: base}).base()
	if err == nil && root == "" {
		err = invalid("base is empty: write https://HOST, with a path if there is one")
	}
	if err != nil {
		return "", err
	}
	return below(root, id), nil
}
