package paylink

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
)

// What is wrong with a request, before a Backend is asked.
var (
	errForeign    = errors.New("form without the token of its session")
	errNoForm     = errors.New("body is no form")
	errLongBody   = errors.New("body is too long")
	errLongHeader = errors.New("header is too long")
	errLongURL    = errors.New("URL is too long")
)

// problem is what people read of an error.
type problem struct {
	Status int
	Title  string
	Text   string
}

// problems has the answer to each kind of error; the first that fits counts.
var problems = []struct {
	kind error
	problem
}{
	{ErrUnknownLink, problem{http.StatusNotFound, "There is no such link", "Scan the whole code once more, or ask who gave it to you for another one."}},
	{ErrUnknownOrder, problem{http.StatusNotFound, "There is no such order", "Open the link again: it makes a new one."}},
	{ErrLinkUsed, problem{http.StatusGone, "This link has been used", "It was for one order, and somebody has opened it before. Ask who gave it to you for another one."}},
	{ErrUnknownWallet, problem{http.StatusBadRequest, "That wallet is not known here", "Open the link again and pick one from the list."}},
	{errForeign, problem{http.StatusForbidden, "This page is out of date", "Open the link again and go on from there. Cookies must be allowed."}},
	{errNoForm, problem{http.StatusUnsupportedMediaType, "That is no form of this page", "Open the link again and go on from there."}},
	{errLongBody, problem{http.StatusRequestEntityTooLarge, "That is too much", "Open the link again and go on from there."}},
	{errLongHeader, problem{http.StatusRequestHeaderFieldsTooLarge, "That is too much", "Delete the cookies of this site and open the link again."}},
	{errLongURL, problem{http.StatusRequestURITooLong, "There is no such link", "The address is too long. Scan the code once more."}},
	{ErrInvalid, problem{http.StatusBadRequest, "That cannot be done", "Open the link again and go on from there."}},
	{context.Canceled, busy},
	{context.DeadlineExceeded, busy},
}

var (
	busy   = problem{http.StatusServiceUnavailable, "This takes too long", "Try again in a moment. Nothing is paid twice."}
	failed = problem{http.StatusInternalServerError, "Something is broken here", "It is not your fault. Try again later. Nothing is paid twice."}
)

// fail answers with the page of an error, and logs the error itself (P6).
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := failed
	for _, known := range problems {
		if errors.Is(err, known.kind) {
			p = known.problem
			break
		}
	}
	level := slog.LevelDebug
	if p.Status >= http.StatusInternalServerError && r.Context().Err() == nil { // else the client went away
		level = slog.LevelError
	}
	h.Logger.LogAttrs(r.Context(), level, "request refused", slog.String("method", r.Method), slog.String("route", r.Pattern),
		slog.String("link", r.PathValue("id")), slog.Int("status", p.Status), slog.Any("error", err))
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	if err := (view{Problem: p}).send(w, p.Status, "problem"); err != nil {
		http.Error(w, p.Title, p.Status)
	}
}
