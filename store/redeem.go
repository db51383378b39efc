package store

import (
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
func (s *Store) Redeem(ctx context.Context, r Redemption) (Receipt, error) {
	var f forms
	if err := s.enter(ctx, &r, &f); err != nil {
		return Receipt{}, err
	}
	if err := s.com.admit(ctx); err != nil {
		return Receipt{}, err
	}
	at := s.now()
	for {
		var seen keyView
		if r.Key != "" {
			rec, known, err := s.retriedRedeem(ctx, r, f, &seen)
			if known || err != nil {
				return rec, err
			}
		}
		v := s.burn(&r, &f, at, &seen, nil)
		if v.again {
			runtime.Gosched()
			continue
		}
		if v.group == nil {
			if err := s.com.waitFor(ctx, v.mark); err != nil {
				return Receipt{}, err
			}
			return Receipt{}, v.err
		}
		if err := v.group.wait(ctx); err != nil {
			return Receipt{}, err
		}
		return v.receipt(&r, &f.keys[v.form], at), nil
	}
}

// RedeemFunc is Redeem for servers with an event loop: no goroutine is parked, the
// answer comes through done, exactly once: before RedeemFunc returns when it is
// known at once, else from a goroutine of the store, one answer after the other. done
// must not block and must not call back into a blocking method of the store. A panic
// in it is caught and logged. RedeemFunc itself waits only for room, while more than
// Options.MaxPending bytes are on their way to the disk.
func (s *Store) RedeemFunc(ctx context.Context, r Redemption, done func(Receipt, error)) {
	var f forms
	err := s.enter(ctx, &r, &f)
	if err == nil {
		err = s.com.admit(ctx)
	}
	if err != nil {
		s.com.answer(&call{err: err, done: done})
		return
	}
	at := s.now()
	for {
		var seen keyView
		if r.Key != "" {
			rec, known, err := s.retriedRedeem(ctx, r, f, &seen)
			if known || err != nil {
				s.com.answer(&call{receipt: &rec, err: err, done: done})
				return
			}
		}
		v := s.burn(&r, &f, at, &seen, done)
		if v.again {
			runtime.Gosched()
			continue
		}
		if v.group == nil {
			s.com.callAfter(v.mark, call{err: v.err, done: done})
		}
		return
	}
}

// enter checks a request without locking anything. ErrUnknownCode from here is
// certain: the text cannot be a code, or the gate never saw it.
func (s *Store) enter(ctx context.Context, r *Redemption, f *forms) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := checkRedemption(r); err != nil {
		return err
	}
	if !s.resolve(r.Namespace, r.Code, f) || !s.passGate(f) {
		return ErrUnknownCode
	}
	return nil
}

// passGate drops the forms that were never minted and reports whether any is left.
func (s *Store) passGate(f *forms) bool {
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
}

func (v *verdict) receipt(r *Redemption, k *shard.Key, at int64) Receipt {
	rec := v.b.receipt(v.number, r.User, r.Key, at)
	rec.Code = canonText(k)
	return rec
}

// burn decides one redemption under its shard's lock. With done, the answer to a
// redemption that happens is left to the committer.
func (s *Store) burn(r *Redemption, f *forms, at int64, seen *keyView, done func(Receipt, error)) verdict {
	for i := range f.n {
		k := &f.keys[i]
		sh := s.pool.Lock(s.pool.Route(k.Hash))
		if sh == nil {
			return verdict{err: ErrClosed}
		}
		pos, seg, ok := sh.Find(k)
		if !ok {
			sh.Unlock()
			continue
		}
		v := s.burnLocked(sh, seg, pos, k, r, at, seen, done)
		sh.Unlock()
		v.form = i
		return v
	}
	return verdict{err: ErrUnknownCode}
}

// burnLocked judges one redemption and, if it is allowed, moves, journals and notes
// its key. REQUIRES: the shard is held.
func (s *Store) burnLocked(sh *shard.Shard, seg *shard.Segment, pos uint32, k *shard.Key, r *Redemption, at int64, seen *keyView, done func(Receipt, error)) verdict {
	if r.Key != "" {
		// Before judging: the code may be gone because of this very key.
		if !s.keys.claim(seen) {
			return verdict{again: true}
		}
		defer s.keys.unlock(seen)
	}
	b, st := s.batch(seg.Batch), sh.State(pos)
	if err := b.judge(st, at); err == errDrawing {
		return verdict{again: true}
	} else if err != nil {
		return verdict{err: err, mark: sh.Mark}
	}
	if st == shard.Available && !b.reserve(1) {
		return verdict{again: true} // a draw has reserved it and is about to take it
	}
	var buf [96]byte
	body := appendRedeem(buf[:0], seg.Run, seg.Ordinal(pos), r.User, r.Key)
	sh.Move(seg, pos, st, shard.Redeemed)
	v := verdict{b: b}
	var err error
	if done != nil {
		v.number, v.group, err = s.com.appendCall(at, body, &call{done: done, b: b, key: *k, user: r.User, idk: r.Key, at: at})
	} else {
		v.number, v.group, err = s.com.append(at, body, 1, nil, false)
	}
	if err != nil { // nothing was journaled, so nothing happened
		s.takeBack(sh, seg, pos, st, b)
		return verdict{err: err}
	}
	sh.Mark = v.group.n
	if r.Key != "" {
		s.keys.noteLocked(seen, v.number)
	}
	return v
}

// takeBack undoes the move of a redemption that could not be journaled.
func (s *Store) takeBack(sh *shard.Shard, seg *shard.Segment, pos uint32, st shard.State, b *batch) {
	sh.Move(seg, pos, shard.Redeemed, st)
	if st == shard.Available {
		b.free.Add(1)
	}
}

// retriedRedeem looks for an earlier redemption with the request's key. known is
// true if there was one; then the answer is its receipt, or ErrKeyConflict. Its
// arguments are copies so that only requests with a key pay for the closure.
func (s *Store) retriedRedeem(ctx context.Context, r Redemption, f forms, seen *keyView) (rec Receipt, known bool, err error) {
	err = s.lookupKey(ctx, keyRedeem, r.Key, seen, func(found *record) error {
		known = true
		b, k, ok := s.codeOf(found.run, found.ordinal)
		if !ok {
			return ErrClosed
		}
		same := false
		for i := range f.n {
			same = same || f.keys[i] == k
		}
		if !same || string(found.user) != r.User {
			return fmt.Errorf("%w: key %q redeemed another code or for another user", ErrKeyConflict, r.Key)
		}
		rec = b.receipt(found.number, r.User, r.Key, found.at)
		rec.Code = canonText(&k)
		return nil
	})
	return rec, known, err
}

// codeOf returns the code and batch that a record names. ok is false when the store
// is closed.
func (s *Store) codeOf(run, ordinal uint32) (b *batch, k shard.Key, ok bool) {
	r := s.pool.Run(run)
	if r == nil {
		return nil, shard.Key{}, false
	}
	i := r.ShardOf(ordinal)
	if i < 0 {
		return nil, shard.Key{}, false
	}
	sh := s.pool.Lock(i)
	if sh == nil {
		return nil, shard.Key{}, false
	}
	defer sh.Unlock()
	seg := sh.SegmentOf(run)
	return s.batch(seg.Batch), sh.KeyAt(seg.Position(ordinal), seg), true
}

// Check tells whether Redeem would succeed now: nil, or the error it would return.
// Keys are not looked at. The answer is durable like any other.
func (s *Store) Check(ctx context.Context, r Redemption) error {
	var f forms
	if err := s.enter(ctx, &r, &f); err != nil {
		return err
	}
	at := s.now()
	for i := range f.n {
		k := &f.keys[i]
		sh := s.pool.Lock(s.pool.Route(k.Hash))
		if sh == nil {
			return ErrClosed
		}
		pos, seg, ok := sh.Find(k)
		if !ok {
			sh.Unlock()
			continue
		}
		err, mark := s.batch(seg.Batch).judge(sh.State(pos), at), sh.Mark
		sh.Unlock()
		if err == errDrawing {
			runtime.Gosched()
			return s.Check(ctx, r)
		}
		if werr := s.com.waitFor(ctx, mark); werr != nil {
			return werr
		}
		return err
	}
	return ErrUnknownCode
}
