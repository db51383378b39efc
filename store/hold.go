package store

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"codepool/shard"
)

// Hold is a code that is reserved for a user for a time: a checkout. Nobody else can
// redeem it; Confirm redeems it, Cancel gives it free, and so does the end of the time.
type Hold struct {
	Number uint64    `json:"number"` // names the reservation; its place in the ledger
	Code   string    `json:"code"`   // canonical form
	Batch  BatchID   `json:"batch"`
	User   string    `json:"user,omitempty"`
	Key    string    `json:"key,omitempty"`
	Reward string    `json:"reward,omitempty"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"` // it holds iff now < Until
}

// Reserve holds a code that could be redeemed now for the time ttl, and returns when that
// is durable. It survives a restart. Its refusals are those of Redeem, and ErrReserved for a
// code that is held already. The same key, with the same code, user and time, gets the same
// hold again, also when it has ended since.
func (s *Store) Reserve(ctx context.Context, r Redemption, ttl time.Duration) (Hold, error) {
	if ttl < time.Microsecond {
		return Hold{}, invalid("reservation for %v: want a microsecond at least", ttl)
	}
	h, err := s.reserveCode(ctx, r, ttl)
	return h, s.explained(err, r.Namespace, r.Code)
}

// reserveCode is Reserve for a time that can be, without the reason why a text is no code.
func (s *Store) reserveCode(ctx context.Context, r Redemption, ttl time.Duration) (Hold, error) {
	var f forms
	if err := s.enter(ctx, &r, &f); err != nil {
		return Hold{}, err
	}
	if err := s.com.admit(ctx); err != nil {
		return Hold{}, err
	}
	at := s.now()
	until := at + ttl.Microseconds()
	var user userView
	for {
		var seen keyView
		if r.Key != "" {
			known, err := s.retriedHold(ctx, r, ttl, f, &seen)
			if known != nil {
				return *known, nil
			} else if err != nil {
				return Hold{}, err
			}
		}
		v := s.hold(&r, &f, at, until, &seen, &user)
		if v.again {
			if err := s.prepare(ctx, &v, r.User, &user); err != nil {
				return Hold{}, err
			}
			continue
		}
		if v.group == nil {
			if err := s.com.waitFor(ctx, v.mark); err != nil {
				return Hold{}, err
			}
			return Hold{}, v.err
		}
		if err := v.group.waitBriefly(ctx); err != nil {
			return Hold{}, err
		}
		return v.b.held(v.number, canonText(&f.keys[v.form]), r.User, r.Key, at, until), nil
	}
}

func (b *batch) held(number uint64, code, user, key string, at, until int64) Hold {
	return Hold{Number: number, Code: code, Batch: b.ID, User: user, Key: key, Reward: b.Reward, At: instant(at), Until: instant(until)}
}

// hold decides one reservation under its shard's lock.
func (s *Store) hold(r *Redemption, f *forms, at, until int64, seen *keyView, user *userView) verdict {
	s.draws.RLock() // from the journal until the table has it
	defer s.draws.RUnlock()
	sh, seg, pos, form, err := s.lockCode(f)
	if err != nil {
		return s.absent(f, at, err)
	}
	defer sh.Unlock()
	v := s.holdLocked(sh, seg, pos, r, at, until, seen, user)
	v.form = form
	return v
}

func (s *Store) holdLocked(sh *shard.Shard, seg *shard.Segment, pos uint32, r *Redemption, at, until int64, seen *keyView, user *userView) verdict {
	if r.Key != "" {
		if !s.keys.claim(seen) {
			return verdict{again: true}
		}
		defer s.keys.unlock(seen)
	}
	b, st := s.batch(seg.Batch), sh.State(pos)
	if v, may := s.mayBurnLocked(sh, b, st, r, at, user); !may { // it counts as what it may become
		return v
	}
	if b.PerUser > 0 {
		defer s.users.unlock(&user.keyView)
	}
	code := drawnCode{seg.Run, seg.Ordinal(pos)}
	number, g, err := s.com.append(at, appendHold(nil, until, st, code.run, code.ordinal, r.User, r.Key), 1, nil, false)
	if err != nil {
		if st == shard.Available {
			b.giveBack(1)
		}
		return verdict{err: err}
	}
	sh.Move(seg, pos, st, shard.Held)
	if st == shard.Available {
		b.taken(1)
	}
	sh.Mark = g.n
	s.leases.add(&lease{number: number, until: until, b: b, codes: []drawnCode{code}, from: st, kind: holding, user: r.User})
	if r.Key != "" {
		s.keys.noteLocked(seen, number)
	}
	if b.PerUser > 0 {
		s.users.noteLocked(&user.keyView, number)
	}
	return verdict{b: b, number: number, group: g}
}

// retriedHold looks for an earlier reservation with the same key.
func (s *Store) retriedHold(ctx context.Context, r Redemption, ttl time.Duration, f forms, seen *keyView) (known *Hold, err error) {
	err = s.lookupKey(ctx, keyHold, r.Key, seen, func(found *record) error {
		b, k, ok := s.codeOf(found.run, found.ordinal)
		if !ok {
			return s.noCode(found.number)
		}
		same, err := s.sameCode(&f, &k)
		if err != nil {
			return err
		}
		if !same || string(found.user) != r.User || found.until-found.at != ttl.Microseconds() {
			return fmt.Errorf("%w: key %q reserved another code, for another user or another time", ErrKeyConflict, r.Key)
		}
		h := b.held(found.number, canonText(&k), r.User, r.Key, found.at, found.until)
		known = &h
		return nil
	})
	return known, err
}

// Cancel gives a reservation up: the code is as it was before. Its refusals are
// ErrLeaseOver, ErrLeaseEnded and ErrUnknownLease.
func (s *Store) Cancel(ctx context.Context, e LeaseEnd) (Ended, error) {
	return s.endLease(ctx, endings[recCancel], e)
}

// Confirm redeems a code that is reserved, for the user it is reserved for, and returns
// the receipt when that is durable. The window does not matter any more. ErrLeaseOver
// refuses a reservation whose time is over, ErrLeaseEnded one that was confirmed or
// cancelled, ErrPaused and ErrRevoked a batch that is, ErrUnknownLease a number that is
// none. The key is one of those of redemptions.
func (s *Store) Confirm(ctx context.Context, e LeaseEnd) (Receipt, error) {
	if err := s.mayAsk(ctx, label{"By", e.By}, label{"Key", e.Key}); err != nil {
		return Receipt{}, err
	}
	if e.By != "" {
		return Receipt{}, invalid("By is %q: a confirmation is for the user of the reservation", e.By)
	}
	if err := s.com.admit(ctx); err != nil {
		return Receipt{}, err
	}
	at := s.now()
	for {
		var seen keyView
		if e.Key != "" {
			known, err := s.retriedConfirm(ctx, e, &seen)
			if known != nil || err != nil {
				var rec Receipt
				err = known.put(&rec, err)
				return rec, err
			}
		}
		v, k, user := s.confirm(e, at, &seen)
		if v.again {
			runtime.Gosched()
			continue
		}
		if v.err != nil {
			if err := s.whyNot(ctx, endings[recCancel], e.Number, v.err); err != errAgain {
				return Receipt{}, err
			}
			continue
		}
		if err := v.group.waitBriefly(ctx); err != nil {
			return Receipt{}, err
		}
		rec := v.b.receipt(v.number, user, e.Key, at)
		rec.Code = canonText(&k)
		return rec, nil
	}
}

// confirm redeems the code of a hold under its shard's lock.
func (s *Store) confirm(e LeaseEnd, at int64, seen *keyView) (v verdict, k shard.Key, user string) {
	s.draws.RLock()
	defer s.draws.RUnlock()
	l, code := s.leases.hold(e.Number)
	if l == nil {
		return verdict{err: errNoLease}, k, ""
	}
	sh, seg, pos := s.placeOf(code)
	if sh == nil {
		return verdict{err: ErrClosed}, k, ""
	}
	defer sh.Unlock()
	return s.confirmLocked(sh, seg, pos, l, e, at, seen), sh.KeyAt(pos, seg), l.user
}

func (s *Store) confirmLocked(sh *shard.Shard, seg *shard.Segment, pos uint32, l *lease, e LeaseEnd, at int64, seen *keyView) verdict {
	if e.Key != "" {
		if !s.keys.claim(seen) {
			return verdict{again: true}
		}
		defer s.keys.unlock(seen)
	}
	var user keyView
	if l.b.PerUser > 0 {
		// Whoever counts finds the hold or the redemption that it becomes.
		user.hash = limitHash(uint32(l.b.ID), l.user)
		user.stripe = s.users.stripe(user.hash)
		user.stripe.mu.Lock()
		defer s.users.unlock(&user)
	}
	if err := l.b.mayConfirm(); err == errAgain {
		return verdict{again: true}
	} else if err != nil {
		return verdict{err: err}
	}
	if _, err := s.leases.take(l.number, holding, at); err != nil {
		return verdict{err: err} // it has ended meanwhile, or its time is over
	}
	number, g, err := s.com.append(at, appendConfirm(nil, l.number, seg.Run, seg.Ordinal(pos), l.user, e.Key), 1, nil, false)
	if err != nil {
		s.leases.add(l)
		return verdict{err: err}
	}
	sh.Move(seg, pos, shard.Held, shard.Redeemed)
	sh.Mark = g.n
	if e.Key != "" {
		s.keys.noteLocked(seen, number)
	}
	if l.b.PerUser > 0 {
		s.users.noteLocked(&user, number)
	}
	if l.b.Reusable {
		s.reuseLocked(seg, pos, l.b, number, at)
	}
	return verdict{b: l.b, number: number, group: g}
}

// retriedConfirm looks for an earlier confirmation with the same key.
func (s *Store) retriedConfirm(ctx context.Context, e LeaseEnd, seen *keyView) (known *Receipt, err error) {
	err = s.lookupKey(ctx, keyRedeem, e.Key, seen, func(found *record) error {
		if found.kind != recConfirm || found.lease != e.Number {
			return fmt.Errorf("%w: key %q redeemed another code", ErrKeyConflict, e.Key)
		}
		rec, err := s.receiptOf(nil, found)
		known = &rec
		return err
	})
	return known, err
}
