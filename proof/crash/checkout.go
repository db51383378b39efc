package crash

import (
	"context"
	"errors"
	"fmt"
	"time"

	"codepool/shard"
	"codepool/store"
)

// reserve holds a code for a user and ends that as its plan says.
func (c *child) reserve(ctx context.Context, user, code string) bool {
	before, p := c.failed.Load(), planOf(canon(code))
	h, err := c.s.Reserve(ctx, reservation(user, canon(code)), p.ttl())
	if err != nil {
		return c.fails("reserve", err, before)
	}
	say(lineReserved, fmt.Sprint(h.Number), h.Code)
	if p == forgotten {
		return true
	}
	if err := c.s.Check(ctx, store.Redemption{Code: code, User: user}); !errors.Is(err, store.ErrReserved) {
		return c.fails("check of what is reserved", fmt.Errorf("want %w: %w", store.ErrReserved, err), before)
	}
	if p == bought {
		rec, err := c.s.Confirm(ctx, holdEnd(h.Number, h.Code))
		return c.answer(rec, reservation(user, h.Code), err, before)
	}
	e, err := c.s.Cancel(ctx, holdEnd(h.Number, h.Code))
	if err != nil {
		return c.fails("cancel", err, before)
	}
	say(lineDropped, fmt.Sprint(e.Number), h.Code)
	return true
}

// reservation is how a code is reserved, and holdEnd how that is ended, whoever asks.
func reservation(user, code string) store.Redemption {
	return store.Redemption{Code: code, User: user, Key: "hold-" + code}
}

func holdEnd(number uint64, code string) store.LeaseEnd {
	return store.LeaseEnd{Number: number, Key: "end-" + code}
}

// ttl is how long a code is reserved.
func (p plan) ttl() time.Duration {
	if p == forgotten {
		return moment
	}
	return long
}

// settleHold ends what a crash has left of a reservation, as the child would have; one that
// has ended is asked for the same again.
func (a *auditor) settleHold(ctx context.Context, s *store.Store, code string, l *life) {
	p := planOf(code)
	h, err := s.Reserve(ctx, reservation(l.ref, code), p.ttl())
	if err != nil || l.hold != 0 && h.Number != l.hold {
		a.wrong("%s was reserved by %d; repeated with its key: %+v, %v", code, l.hold, h, err)
		return
	}
	want := shard.Issued
	switch p {
	case bought:
		rec, cerr := s.Confirm(ctx, holdEnd(h.Number, code))
		if err = cerr; l.state == shard.Redeemed && rec.Number != l.number {
			a.wrong("%s was confirmed by %d; repeated with its key: %+v, %v", code, l.number, rec, err)
		}
		want, l.number = shard.Redeemed, rec.Number
	case dropped:
		_, err = s.Cancel(ctx, holdEnd(h.Number, code))
	case forgotten:
		waitUntil(h.Until)
	}
	info, lerr := s.Lookup(ctx, "", code)
	if err != nil || lerr != nil || info.State != want || short(info.Ref) != l.ref {
		a.wrong("%s (plan %d) was reserved by %d, which has ended: %v; it is %v to %q, want %v to %q, %v", code, p, h.Number, err, info.State, short(info.Ref), want, l.ref, lerr)
	}
	l.state = want
}
