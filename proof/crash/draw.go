package crash

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"codepool/store"
)

// draw draws from a batch in the way of the reference, and returns the codes that are to be led through
// their plans: those that are drawn for good.
func (c *child) draw(ctx context.Context, batch store.BatchID, ref string, n int) ([]string, error) {
	switch w := wayOf(ref); w {
	case taken:
		return nil, c.take(ctx, batch, ref, n)
	case leased, returned, lapsed:
		return c.lease(ctx, batch, w, ref, n)
	}
	codes, err := c.s.Issue(ctx, batch, n, store.To(c.text(ref)).Once(c.text(ref)))
	if err == nil {
		say(lineIssued, ref, strings.Join(codes, " "))
	}
	return codes, err
}

func (c *child) take(ctx context.Context, batch store.BatchID, ref string, n int) error {
	recs, err := c.s.Take(ctx, batch, n, ref, store.To(ref).Once(ref))
	if err != nil {
		return err
	}
	line := []string{ref}
	for _, r := range recs {
		line = append(line, fmt.Sprint(r.Number), r.Code)
	}
	say(lineTaken, line...)
	return nil
}

func (c *child) lease(ctx context.Context, batch store.BatchID, w way, ref string, n int) ([]string, error) {
	l, err := c.s.Lease(ctx, batch, n, w.ttl(), store.To(ref).Once(ref))
	if err != nil {
		return nil, err
	}
	say(lineLeased, fmt.Sprint(l.Number), ref, strings.Join(l.Codes, " "))
	end, line, live := c.s.Acknowledge, lineAcked, l.Codes
	switch w {
	case returned:
		end, line, live = c.s.GiveBack, lineReturned, nil
	case lapsed:
		return nil, nil
	}
	e, err := end(ctx, leaseEnd(l.Number, ref))
	if err != nil {
		return nil, err
	}
	say(line, fmt.Sprint(e.Number), fmt.Sprint(l.Number))
	return live, nil
}

// ttl is how long a lease holds.
func (w way) ttl() time.Duration {
	if w == lapsed {
		return moment
	}
	return long
}

// leaseEnd is how a lease for a reference is ended, whoever asks.
func leaseEnd(number uint64, ref string) store.LeaseEnd {
	return store.LeaseEnd{Number: number, By: "desk", Key: ref}
}

// lease is a lease that was answered.
type lease struct {
	number uint64
	ref    string
	codes  []string
	ended  uint64 // number of its end, if that was answered
}

// noteTaken takes in what a Take got.
func (a *auditor) noteTaken(ref string, pairs []string) {
	var printed []string
	for i := 0; i+1 < len(pairs); i += 2 {
		printed = append(printed, pairs[i+1])
	}
	a.noteCodes(ref, printed)
	for i, code := range printed {
		a.noteRedeemed(number(pairs[2*i]), redemption{code, ref, noKey})
		a.codes[code].taken = true
	}
	a.takes[ref] = printed
}

// noteEnd takes in that a lease has ended. What is acknowledged is drawn.
func (a *auditor) noteEnd(line string, n, of uint64) {
	l := a.leases[of]
	if l == nil {
		a.wrong("lease %d was ended and never made", of)
		return
	}
	l.ended = n
	if line == lineAcked {
		a.noteCodes(l.ref, l.codes)
	}
}

// auditLeases ends what the crash has left of leases, as the child would have, and asks
// some that have ended for the same again.
func (a *auditor) auditLeases(ctx context.Context, s *store.Store) {
	again := keysChecked / 2
	for _, l := range a.leases {
		if l.ended == 0 && wayOf(l.ref) != lapsed {
			a.auditLease(ctx, s, l)
		} else if again > 0 {
			a.auditLease(ctx, s, l)
			again--
		}
	}
	clear(a.leases)
}

func (a *auditor) auditLease(ctx context.Context, s *store.Store, l *lease) {
	w := wayOf(l.ref)
	info, err := s.Lookup(ctx, "", l.codes[0])
	if err != nil {
		a.wrong("%s was leased; lookup: %v", l.codes[0], err)
		return
	}
	again, err := s.Lease(ctx, info.BatchID, len(l.codes), w.ttl(), store.To(l.ref).Once(l.ref))
	if err != nil || again.Number != l.number || !sameSet(again.Codes, l.codes) {
		a.wrong("lease %d got %v; repeated with its key: %+v, %v", l.number, l.codes, again, err)
		return
	}
	if w == lapsed {
		waitUntil(again.Until)
	}
	was := a.whoseLease(ctx, s, l)
	end := s.Acknowledge
	if w == returned {
		end = s.GiveBack
	}
	ended, err := end(ctx, leaseEnd(l.number, l.ref))
	switch {
	case w == lapsed && (was != "gone" || !errors.Is(err, store.ErrLeaseOver)):
		a.wrong("lease %d is over, its codes are %s, and it is acknowledged: %v", l.number, was, err)
	case w == lapsed:
	case err != nil || l.ended != 0 && l.ended != ended.Number:
		a.wrong("lease %d was ended by %d, its codes were %s; ended again with its key: %+v, %v", l.number, l.ended, was, ended, err)
	case l.ended != 0 && was == "leased":
		a.wrong("lease %d was ended by %d, and its codes are %s", l.number, l.ended, was)
	case w == leased && l.ended == 0:
		a.noteCodes(l.ref, l.codes)
	case w == returned:
		if now := a.whoseLease(ctx, s, l); now != "gone" {
			a.wrong("lease %d was given back, and its codes are %s", l.number, now)
		}
	}
}

// waitUntil returns when a moment has passed.
func waitUntil(t time.Time) {
	for time.Now().Before(t) {
		runtime.Gosched()
	}
}

// whoseLease says what the codes of a lease are to its reference: leased, gone, or drawn for
// good. They must all be the same.
func (a *auditor) whoseLease(ctx context.Context, s *store.Store, l *lease) (all string) {
	n := 0
	for d, err := range s.DrawnFor(ctx, l.ref, 0) {
		if err != nil {
			a.wrong("lease %d: %v", l.number, err)
			return ""
		}
		is := d.State
		if is != "leased" && is != "gone" {
			is = "drawn"
		}
		// What is drawn for good may be released, each code by itself.
		if was := all; n > 0 && was != is && (was == "leased" || is == "leased" || wayOf(l.ref) != leased) {
			a.wrong("lease %d: some of its codes are %s, some %s", l.number, was, is)
		}
		if all != "drawn" {
			all = is
		}
		n++
	}
	if n != len(l.codes) {
		a.wrong("lease %d has %d codes; its reference has %d", l.number, len(l.codes), n)
	}
	return all
}

// auditTakes asks for some takes again.
func (a *auditor) auditTakes(ctx context.Context, s *store.Store) {
	left := keysChecked
	for ref, codes := range a.takes {
		if left--; left < 0 {
			break
		}
		info, err := s.Lookup(ctx, "", codes[0])
		if err != nil {
			a.wrong("%s was taken; lookup: %v", codes[0], err)
			continue
		}
		again, err := s.Take(ctx, info.BatchID, len(codes), ref, store.To(ref).Once(ref))
		same := err == nil && len(again) == len(codes)
		for i := range codes {
			same = same && again[i].Code == codes[i] && again[i].Number == a.codes[codes[i]].number
		}
		if !same {
			a.wrong("%s took %v; repeated with its key: %+v, %v", ref, codes, again, err)
		}
	}
	clear(a.takes)
}
