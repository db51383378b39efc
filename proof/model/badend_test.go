package model

import (
	"context"
	"slices"
	"strings"
	"time"

	"codepool/store"
)

// refusedEnds are leases, reservations, takes, exports, their ends and moves of cursors
// that are wrong in themselves.
func refusedEnds(id store.BatchID, code, space string) (out []refusal) {
	add := func(name string, want error, do func(ctx context.Context, s *store.Store) error) {
		out = append(out, refusal{name, want, do})
	}
	lease := func(ctx context.Context, s *store.Store, id store.BatchID, n int, ttl time.Duration, d store.Draw) error {
		_, err := s.Lease(ctx, id, n, ttl, d)
		return err
	}
	reserve := func(ctx context.Context, s *store.Store, ttl time.Duration, user, key string) error {
		_, err := s.Reserve(ctx, store.Redemption{Code: code, Namespace: space, User: user, Key: key}, ttl)
		return err
	}
	export := func(ctx context.Context, s *store.Store, e store.Export) error {
		if _, err := s.Batch(id); err != nil {
			return store.ErrInvalid // there is none to try
		}
		_, err := s.Export(ctx, id, e)
		return err
	}
	for _, ttl := range []time.Duration{0, -time.Hour, time.Microsecond - 1} {
		add("lease for no time", store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
			return lease(ctx, s, id, 1, ttl, store.To("x"))
		})
		add("reserve for no time", store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
			return reserve(ctx, s, ttl, "u", "k")
		})
	}
	for name, text := range map[string]string{"long": strings.Repeat("x", tooLong), "control": badText, "not UTF-8": "\xff"} {
		add("lease for whom, "+name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
			return lease(ctx, s, id, 1, time.Hour, store.To(text))
		})
		add("reserve for whom, "+name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
			return reserve(ctx, s, time.Hour, text, "k")
		})
		add("reserve with a key, "+name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
			return reserve(ctx, s, time.Hour, "u", text)
		})
		add("take for whom, "+name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
			_, err := s.Take(ctx, id, 1, text, store.To("x"))
			return err
		})
		for _, e := range []store.LeaseEnd{{Number: 1, By: text}, {Number: 1, Key: text}} {
			add("acknowledge, "+name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { _, err := s.Acknowledge(ctx, e); return err })
			add("give back, "+name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { _, err := s.GiveBack(ctx, e); return err })
			add("cancel, "+name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { _, err := s.Cancel(ctx, e); return err })
			add("confirm, "+name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { _, err := s.Confirm(ctx, e); return err })
		}
		for _, e := range []store.Export{{ID: text, Count: 1}, {ID: "x", Account: text, Count: 1}, {ID: "x", Ref: text, Count: 1}} {
			add("export, "+name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { return export(ctx, s, e) })
		}
		add("cursor, "+name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error { return s.Advance(ctx, text, 0) })
	}
	for _, n := range []int{0, -1, store.MaxIssue + 1} {
		add("lease of another number", store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
			return lease(ctx, s, id, n, time.Hour, store.To("x"))
		})
		add("take of another number", store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
			_, err := s.Take(ctx, id, n, "u", store.To("x"))
			return err
		})
	}
	for _, n := range []int{0, -1, 10_000_001} {
		add("export of another number", store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
			return export(ctx, s, store.Export{ID: "x", Count: n})
		})
	}
	add("confirm for another user", store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
		_, err := s.Confirm(ctx, store.LeaseEnd{Number: 1, By: "somebody"})
		return err
	})
	add("cursor without a name", store.ErrInvalid, func(ctx context.Context, s *store.Store) error { return s.Advance(ctx, "", 0) })
	add("cursor of the future", store.ErrBeyond, func(ctx context.Context, s *store.Store) error { return s.Advance(ctx, "x", 1<<60) })
	add("lease from no batch", store.ErrUnknownBatch, func(ctx context.Context, s *store.Store) error {
		return lease(ctx, s, 1<<31, 1, time.Hour, store.To("x"))
	})
	add("codes of no batch", store.ErrUnknownBatch, func(ctx context.Context, s *store.Store) (last error) {
		for _, err := range s.Codes(ctx, 1<<31, 0) {
			last = err
		}
		return last
	})
	slices.SortStableFunc(out, func(a, b refusal) int { return strings.Compare(a.name, b.name) })
	return out
}
