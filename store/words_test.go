package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"codepool/store"
	"codepool/store/storetest"
)

// TestErrorsNameTheirCase: an error says what it is about in the caller's words: a
// reservation is no lease, a batch no code, and By no user.
func TestErrorsNameTheirCase(t *testing.T) {
	ctx := t.Context()
	o, clk := timed()
	s := storetest.Open(t, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 10, NotAfter: clk.Now().Add(48 * time.Hour)})
	codes := issue(t, s, b.ID, 4, "x")
	l, l2, l3 := lease(t, s, b.ID, 1, time.Hour, store.To("x")), lease(t, s, b.ID, 1, time.Minute, store.To("x")), lease(t, s, b.ID, 1, 24*time.Hour, store.To("x"))
	h, h2 := reserve(t, s, store.Redemption{Code: codes[0]}, time.Hour), reserve(t, s, store.Redemption{Code: codes[1]}, time.Minute)
	says := func(what string, err, kind error, want string) {
		t.Helper()
		wantErr(t, what, err, kind)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %q, want %q", what, err, want)
		}
	}
	end := map[string]func(n uint64, by string) error{
		"acknowledge": func(n uint64, by string) error {
			_, err := s.Acknowledge(ctx, store.LeaseEnd{Number: n, By: by})
			return err
		},
		"give back": func(n uint64, by string) error {
			_, err := s.GiveBack(ctx, store.LeaseEnd{Number: n, By: by})
			return err
		},
		"confirm": func(n uint64, by string) error {
			_, err := s.Confirm(ctx, store.LeaseEnd{Number: n, By: by})
			return err
		},
		"cancel": func(n uint64, by string) error {
			_, err := s.Cancel(ctx, store.LeaseEnd{Number: n, By: by})
			return err
		},
	}
	wantErr(t, "give back", end["give back"](l.Number, ""), nil)
	wantErr(t, "cancel", end["cancel"](h.Number, ""), nil)
	clk.set(clk.Now().Add(time.Minute))
	for _, verb := range []string{"acknowledge", "give back"} {
		says(verb, end[verb](l.Number, ""), store.ErrLeaseEnded, "lease 3 has ended")
		says(verb, end[verb](l2.Number, ""), store.ErrLeaseOver, "the time of lease 4 is over")
		says(verb, end[verb](h.Number, ""), store.ErrUnknownLease, "there is no lease 6")
		says(verb, end[verb](99, ""), store.ErrUnknownLease, "there is no lease 99")
	}
	for _, verb := range []string{"confirm", "cancel"} {
		says(verb, end[verb](h.Number, ""), store.ErrLeaseEnded, "reservation 6 has ended")
		says(verb, end[verb](h2.Number, ""), store.ErrLeaseOver, "the time of reservation 7 is over")
		says(verb, end[verb](l.Number, ""), store.ErrUnknownLease, "there is no reservation 3")
		says(verb, end[verb](99, ""), store.ErrUnknownLease, "there is no reservation 99")
	}

	long := strings.Repeat("x", store.MaxText+1)
	bad := "invalid argument: By has 1025 bytes: at most 1024 are allowed"
	for verb, do := range end {
		says(verb+" by somebody", do(l3.Number, long), store.ErrInvalid, bad)
	}
	for verb, do := range map[string]func(context.Context, store.Change) (store.Changed, error){"release": s.Release, "undo": s.Undo, "revoke": s.Revoke} {
		_, err := do(ctx, store.Change{Code: codes[2], By: long})
		says(verb+" by somebody", err, store.ErrInvalid, bad)
		_, err = do(ctx, store.Change{Code: "none", By: long})
		says(verb+" of no code by somebody", err, store.ErrInvalid, bad)
		_, err = do(ctx, store.Change{Code: codes[2], Key: "\x00"})
		says(verb+" with a bad key", err, store.ErrInvalid, "invalid argument: Key holds a control character")
		_, err = do(ctx, store.Change{Code: codes[2], Reason: "\x00"})
		says(verb+" with a bad reason", err, store.ErrInvalid, "invalid argument: Reason holds a control character")
	}
	_, err := s.Export(ctx, b.ID, store.Export{ID: "\x00", Count: 1})
	says("export with a bad ID", err, store.ErrInvalid, "invalid argument: ID holds a control character")

	clk.set(b.NotAfter)
	_, err = s.Issue(ctx, b.ID, 1, store.To("x"))
	says("draw late", err, store.ErrExpired, `batch "b" ended at 2026-03-03T12:00:00Z`)
	wantErr(t, "revoke", s.RevokeBatch(ctx, b.ID, store.BatchChange{}), nil)
	_, err = s.Issue(ctx, b.ID, 1, store.To("x"))
	says("draw", err, store.ErrRevoked, `batch "b" was revoked`)
	says("pause", s.Pause(ctx, b.ID, store.BatchChange{}), store.ErrRevoked, `batch "b" was revoked`)
	_, err = s.Redeem(ctx, store.Redemption{Code: codes[3]})
	says("redeem", err, store.ErrRevoked, "code was revoked")
}
