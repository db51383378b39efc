package store

import (
	"cmp"
	"context"
	"fmt"
	"runtime"

	"codepool/shard"
)

// Redeem burns one code. It returns when the answer is durable: the receipt, or why
// not. Refusals (ErrUnknownCode, ErrNotIssued, ErrAlreadyRedeemed, ErrNotYetValid,
// ErrExpired, ErrRevoked, ErrKeyConflict, ErrInvalid) change nothing. When ctx ends
// while the answer waits for the disk the error is ErrOutcomeUnknown: the code may
// be burned, and repeating the request with the same key tells.
//
// A code that is the token of a shared batch, of no room, claims a share (Claim).
func (s *Store) Redeem(ctx context.Context, r Redemption) (rec Receipt, err error) {
	var at reading
	rec, err = s.redeem(ctx, r, &at)
	if err == ErrUnknownCode && s.shares.some.Load() {
		rec, err = s.claimAlone(ctx, r.asClaim(), &at)
	}
	return rec, s.explained(err, r.Namespace, r.Code)
}

// redeem is Redeem of a code of a batch.
func (s *Store) redeem(ctx context.Context, r Redemption, at *reading) (rec Receipt, err error) {
	if s.com.crowd.Load() {
		l, i, err := s.joinCrowd(ctx, &r, &rec)
		if l == nil {
			return rec, err
		}
		again := false
		if err = l.wait(ctx); err == nil {
			again, err = l.outcome(i, &r, &rec)
			*at = reading{l.at, true}
		}
		s.intake.leave(l)
		if !again {
			return rec, err
		}
		// Rare, and it may have to read the disk: by itself.
	}
	err = s.redeemAlone(ctx, &r, at, &rec)
	return rec, err
}

// joinCrowd puts a request into the intake. With no lot the answer is known already.
//
// Of the thousands of callers that come here each has a stack that has gone cold: every
// cache line less that is touched on the way to the lot and back counts. So the usual
// request, one form and no key, has a way of its own without the larger frames.
func (s *Store) joinCrowd(ctx context.Context, r *Redemption, rec *Receipt) (*lot, int, error) {
	if err := s.mayEnter(ctx, r); err != nil {
		return nil, 0, err
	}
	var k shard.Key
	if r.Key != "" || r.Namespace != "" || !s.rootSpace.usual(r.Code, &k) {
		return s.joinCrowdSlowly(ctx, r, rec)
	}
	if !s.gate.mayHold(k.Hash) {
		return nil, 0, ErrUnknownCode
	}
	if err := s.com.admit(ctx); err != nil {
		return nil, 0, err
	}
	return s.intake.join(r, &k, nil, nil)
}

// joinCrowdSlowly is joinCrowd for every request.
func (s *Store) joinCrowdSlowly(ctx context.Context, r *Redemption, rec *Receipt) (*lot, int, error) {
	var f forms
	if err := s.enter(ctx, r, &f); err != nil {
		return nil, 0, err
	}
	if err := s.com.admit(ctx); err != nil {
		return nil, 0, err
	}
	var seen keyView
	if r.Key != "" {
		known, err := s.retriedRedeem(ctx, *r, f, &seen)
		if known != nil || err != nil {
			return nil, 0, known.put(rec, err)
		}
	}
	return s.intake.join(r, s.pick(&f), &seen, nil)
}

// redeemAlone decides a request by itself.
func (s *Store) redeemAlone(ctx context.Context, r *Redemption, when *reading, rec *Receipt) error {
	var f forms
	if err := s.enter(ctx, r, &f); err != nil {
		return err
	}
	if err := s.com.admit(ctx); err != nil {
		return err
	}
	at := when.by(s)
	var user userView
	for {
		var seen keyView
		if r.Key != "" {
			known, err := s.retriedRedeem(ctx, *r, f, &seen)
			if known != nil || err != nil {
				return known.put(rec, err)
			}
		}
		v := s.burn(r, &f, at, &seen, &user)
		if v.again {
			if err := s.prepare(ctx, &v, r.User, &user); err != nil {
				return err
			}
			continue
		}
		if v.group == nil {
			if err := s.com.waitFor(ctx, v.mark); err != nil {
				return err
			}
			return v.err
		}
		if err := v.group.waitBriefly(ctx); err != nil {
			return err
		}
		v.receipt(r, &f.keys[v.form], at, rec)
		return nil
	}
}

// RedeemFunc is Redeem for servers with an event loop: no goroutine is parked, the
// answer comes through done, exactly once: before RedeemFunc returns when it is
// known at once, else from a goroutine of the store, one answer after the other. done
// must not block and must not call back into a blocking method of the store. A panic
// in it is caught and logged; a nil done is logged too, and nothing is redeemed.
// RedeemFunc itself waits only for room, while more than Options.MaxPending bytes are on
// their way to the disk.
func (s *Store) RedeemFunc(ctx context.Context, r Redemption, done func(Receipt, error)) {
	if done == nil { // nobody would ever know
		s.opt.Logger.Error("RedeemFunc was called without a callback; nothing is redeemed")
		return
	}
	var f forms
	err := s.enter(ctx, &r, &f)
	if err == ErrUnknownCode && s.mayBeToken(&r) {
		s.intake.later(r, reading{}, done)
		return
	}
	if err == nil {
		err = s.com.admit(ctx)
	}
	if err != nil {
		s.com.answer(done, Receipt{}, s.explained(err, r.Namespace, r.Code))
		return
	}
	var seen keyView
	if r.Key != "" {
		known, err := s.retriedRedeem(ctx, r, f, &seen)
		if err == ErrUnknownCode && s.mayBeToken(&r) {
			s.intake.later(r, reading{}, done)
			return
		}
		if known != nil || err != nil {
			var rec Receipt
			err = known.put(&rec, err)
			s.com.answer(done, rec, s.explained(err, r.Namespace, r.Code))
			return
		}
	}
	if _, _, err := s.intake.join(&r, s.pick(&f), &seen, done); err != nil {
		s.com.answer(done, Receipt{}, err)
	}
}

// pick chooses, of the forms that a text may have, the one that burn would find.
func (s *Store) pick(f *forms) *shard.Key {
	if f.retired > 0 {
		return &f.keys[f.retired-1]
	}
	for i := range f.n - 1 {
		if s.holds(&f.keys[i]) {
			return &f.keys[i]
		}
	}
	return &f.keys[f.n-1]
}

// known reports whether one of the forms is a code.
func (s *Store) known(f *forms) (bool, error) {
	if f.n > 0 && s.holds(s.pick(f)) {
		return true, nil
	}
	for i := range f.n {
		if found, err := s.findRetired(&f.keys[i]); found != nil || err != nil {
			return found != nil, err
		}
	}
	return false, nil
}

// holds reports whether there is such a code.
func (s *Store) holds(k *shard.Key) bool {
	sh := s.pool.Lock(s.pool.Route(k.Hash))
	if sh == nil {
		return false
	}
	defer sh.Unlock()
	pos, _, ok := sh.Find(k)
	return ok && sh.State(pos) != shard.Pending
}

// enter checks a request without locking anything. ErrUnknownCode from here is
// certain: the text cannot be a code, or the gate never saw it.
func (s *Store) enter(ctx context.Context, r *Redemption, f *forms) error {
	if err := s.mayEnter(ctx, r); err != nil {
		return err
	}
	if !s.resolve(r.Namespace, r.Code, f) || !s.passGate(f) {
		return ErrUnknownCode
	}
	if f.n > 1 && s.retired.Load() != nil {
		return s.chooseForm(f)
	}
	return nil
}

// mayEnter is what holds for every request before its code is looked at.
func (s *Store) mayEnter(ctx context.Context, r *Redemption) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return checkRedemption(r)
}

// mayAsk is what holds for every other request before it is looked at.
func (s *Store) mayAsk(ctx context.Context, labels ...label) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return checkLabels(labels...)
}

// passGate drops the forms that were never minted and reports whether any is left.
func (s *Store) passGate(f *forms) bool {
	if f.computed {
		return true
	}
	if f.n == 1 {
		return s.gate.mayHold(f.keys[0].Hash)
	}
	n := 0
	for i := range f.n {
		if s.gate.mayHold(f.keys[i].Hash) {
			if n != i {
				f.keys[n] = f.keys[i]
			}
			n++
		}
	}
	f.n = n
	return n > 0
}

// verdict is what memory decided about one redemption. It is small: thousands of
// callers park with one on their stacks.
type verdict struct {
	group  *group // of a redemption that happened, nil otherwise
	number uint64
	b      *batch
	form   int    // which of the request's forms it is
	mark   uint64 // group on which a refusal depends
	err    error  // the refusal
	again  bool   // ask again: another request with the same key came first, or a draw is at work
	look   bool   // with again: count what the user has of b first
}

// prepare does what a request must do before it asks again.
func (s *Store) prepare(ctx context.Context, v *verdict, user string, seen *userView) error {
	if v.look {
		return s.countUser(ctx, v.b, user, seen)
	}
	runtime.Gosched()
	return nil
}

func (v *verdict) receipt(r *Redemption, k *shard.Key, at int64, rec *Receipt) {
	v.b.fill(rec, v.number, r, instant(at))
	rec.Code = canonText(k)
}

// burn decides one redemption under its shard's lock.
func (s *Store) burn(r *Redemption, f *forms, at int64, seen *keyView, user *userView) verdict {
	sh, seg, pos, form, err := s.lockCode(f)
	if err != nil {
		return s.absent(f, at, err)
	}
	defer sh.Unlock()
	v := s.burnLocked(sh, seg, pos, r, at, seen, user, false)
	v.form = form
	return v
}

// lockCode finds the code that a request means, of the forms that its text may have, and
// returns its shard, which is held then, its place there and which form it is.
func (s *Store) lockCode(f *forms) (sh *shard.Shard, seg *shard.Segment, pos uint32, form int, err error) {
	if f.retired > 0 {
		return nil, nil, 0, 0, ErrUnknownCode
	}
	for i := range f.n {
		k := &f.keys[i]
		if sh = s.pool.Lock(s.pool.Route(k.Hash)); sh == nil {
			return nil, nil, 0, 0, ErrClosed
		}
		pos, seg, ok := sh.Find(k)
		if ok && sh.State(pos) != shard.Pending {
			return sh, seg, pos, i, nil
		}
		sh.Unlock()
	}
	return nil, nil, 0, 0, ErrUnknownCode
}

// burnLocked judges one redemption and, if it is allowed, moves, journals and notes
// its key. With more it is one of many, as in committer.append. REQUIRES: the shard is held.
func (s *Store) burnLocked(sh *shard.Shard, seg *shard.Segment, pos uint32, r *Redemption, at int64, seen *keyView, user *userView, more bool) verdict {
	if r.Key != "" {
		// Before judging: the code may be gone because of this very key.
		if !s.keys.claim(seen) {
			return verdict{again: true}
		}
		defer s.keys.unlock(seen)
	}
	b, st := s.batch(seg.Batch), sh.State(pos)
	if v, may := s.mayBurnLocked(sh, b, st, r, at, user); !may {
		return v
	}
	if b.PerUser > 0 {
		defer s.users.unlock(&user.keyView)
	}
	var buf [96]byte
	body := appendRedeem(buf[:0], seg.Run, seg.Ordinal(pos), r.User, r.Key)
	sh.Move(seg, pos, st, shard.Redeemed)
	v := verdict{b: b}
	var err error
	v.number, v.group, err = s.com.append(at, body, 1, nil, more)
	if err != nil { // nothing was journaled, so nothing happened
		s.takeBack(sh, seg, pos, st, b)
		return verdict{err: err}
	}
	if st == shard.Available {
		b.taken(1)
	}
	sh.Mark = v.group.n
	if r.Key != "" {
		s.keys.noteLocked(seen, v.number)
	}
	if b.PerUser > 0 {
		s.users.noteLocked(&user.keyView, v.number)
	}
	if b.Reusable {
		s.reuseLocked(seg, pos, b, v.number, at)
	}
	return v
}

// mayBurnLocked is what a redemption and a reservation must pass. If they may, a code in
// stock is reserved and the user of a batch with a limit is claimed, which the caller ends.
// REQUIRES: the shard is held.
func (s *Store) mayBurnLocked(sh *shard.Shard, b *batch, st shard.State, r *Redemption, at int64, user *userView) (v verdict, may bool) {
	if err := b.judge(st, at); err == errAgain {
		return verdict{again: true}, false
	} else if err != nil {
		return verdict{err: err, mark: sh.Mark}, false
	}
	if b.Reusable && r.Key == "" {
		return verdict{err: ErrNoKey, mark: sh.Mark}, false
	}
	if b.PerUser > 0 {
		if look, err := s.claimUser(b, r.User, user); look {
			return verdict{again: true, look: true, b: b}, false
		} else if err != nil {
			return verdict{err: err, mark: sh.Mark}, false
		}
	}
	if st == shard.Available && !b.reserve(1) { // a draw has reserved it and is about to take it
		if b.PerUser > 0 {
			s.users.unlock(&user.keyView)
		}
		return verdict{again: true}, false
	}
	return verdict{}, true
}

// takeBack undoes the move of a redemption that could not be journaled.
func (s *Store) takeBack(sh *shard.Shard, seg *shard.Segment, pos uint32, st shard.State, b *batch) {
	sh.Move(seg, pos, shard.Redeemed, st)
	if st == shard.Available {
		b.giveBack(1)
	}
}

// retriedRedeem looks for an earlier redemption with the request's key, and returns its
// receipt, nil if there was none, or ErrKeyConflict. Its arguments are copies and its
// receipt is not the caller's, so that only requests with a key pay for the closure.
func (s *Store) retriedRedeem(ctx context.Context, r Redemption, f forms, seen *keyView) (known *Receipt, err error) {
	err = s.lookupKey(ctx, keyRedeem, r.Key, seen, func(found *record) error {
		if found.kind == recClaim {
			if known, err := s.known(&f); err != nil || !known {
				return cmp.Or(err, ErrUnknownCode) // a token that the gate let through
			}
			return fmt.Errorf("%w: key %q claimed a share", ErrKeyConflict, r.Key)
		}
		b, k, ok := s.codeOf(found.run, found.ordinal)
		if !ok {
			return s.noCode(found.number)
		}
		same, err := s.sameCode(&f, &k)
		if err != nil {
			return err
		}
		if !same || string(found.user) != r.User {
			return fmt.Errorf("%w: key %q redeemed another code or for another user", ErrKeyConflict, r.Key)
		}
		rec := b.receipt(found.number, r.User, r.Key, found.at)
		rec.Code = canonText(&k)
		known = &rec
		return nil
	})
	return known, err
}

// sameCode reports whether a request's forms name the code that a record with its key
// names. ErrUnknownCode: they name none at all. The gate let it through; the key does not
// change what it is.
func (s *Store) sameCode(f *forms, k *shard.Key) (bool, error) {
	for i := range f.n {
		if f.keys[i] == *k {
			return true, nil
		}
	}
	known, err := s.known(f)
	if err == nil && !known {
		err = ErrUnknownCode
	}
	return false, err
}

// put copies the receipt, if there is one, and passes err on.
func (r *Receipt) put(to *Receipt, err error) error {
	if r != nil {
		*to = *r
	}
	return err
}

// codeOf returns the code and batch that a record names. ok is false when the store
// is closed.
func (s *Store) codeOf(run, ordinal uint32) (b *batch, k shard.Key, ok bool) {
	b, k, _, _, ok = s.codeAt(run, ordinal)
	return b, k, ok
}

// noCode is why codeOf finds nothing for a record.
func (s *Store) noCode(number uint64) error {
	if s.closed.Load() {
		return ErrClosed
	}
	return corrupt(entryKey(number), "it names a code that does not exist")
}
