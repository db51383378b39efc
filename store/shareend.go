package store

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// SharedRef names a shared batch by its token, of a room of a namespace.
type SharedRef struct {
	Token     string `json:"token"`
	Namespace string `json:"namespace,omitempty"`
	Room      string `json:"room,omitempty"`
}

func (r *SharedRef) check() error {
	return checkLabels(label{"Namespace", r.Namespace}, label{"Room", r.Room})
}

// SharedChange asks to end a shared batch.
type SharedChange struct {
	SharedRef
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Key makes the request safe to repeat.
	Key string `json:"key,omitempty"`
}

// SharedEnd is the lasting record of the end of a shared batch: what was left went back to
// its sender, once and for all.
type SharedEnd struct {
	Number   uint64    `json:"number"` // place in the ledger
	ID       uint64    `json:"id"`     // of the shared batch
	Token    string    `json:"token"`
	Sender   string    `json:"sender,omitempty"`
	Shares   int64     `json:"shares"` // that were left
	Amount   int64     `json:"amount,omitempty"`
	Currency string    `json:"currency,omitempty"`
	At       time.Time `json:"at"`
}

// EndShared ends a shared batch before its time is over, and returns what was left when that
// is durable. ErrUnknownCode, ErrExpired, ErrShareEnded, ErrSoldOut (nothing is left to
// end), ErrKeyConflict and ErrInvalid are the refusals; none changes anything.
//
// When its time is over a shared batch ends by itself.
func (s *Store) EndShared(ctx context.Context, c SharedChange) (SharedEnd, error) {
	if err := s.mayAsk(ctx, label{"By", c.By}, label{"Key", c.Key}, label{"Reason", c.Reason}); err != nil {
		return SharedEnd{}, err
	}
	if err := c.check(); err != nil {
		return SharedEnd{}, err
	}
	if err := s.com.admit(ctx); err != nil {
		return SharedEnd{}, err
	}
	at := s.now()
	for {
		var seen keyView
		if c.Key != "" {
			known, err := s.retriedShareEnd(ctx, &c, &seen)
			if known != nil {
				return *known, nil
			} else if err != nil {
				return SharedEnd{}, err
			}
		}
		sh := s.sharedOf(c.Namespace, c.Room, c.Token, at)
		if sh == nil {
			return SharedEnd{}, ErrUnknownCode
		}
		end, g, again, err := s.endShared(sh, &c, at, &seen)
		if again {
			continue
		}
		if err != nil {
			return SharedEnd{}, s.afterAll(ctx, err)
		}
		return end, g.wait(ctx)
	}
}

// endShared ends a shared batch for somebody.
func (s *Store) endShared(sh *shared, c *SharedChange, at int64, seen *keyView) (end SharedEnd, g *group, again bool, err error) {
	if c.Key != "" {
		if !s.keys.claim(seen) {
			return end, nil, true, nil
		}
		defer s.keys.unlock(seen)
	}
	sh.lockAll()
	defer sh.unlockAll()
	switch {
	case sh.ended:
		return end, nil, false, sh.isEnded()
	case at >= sh.until:
		return end, nil, false, ErrExpired
	case sh.leftLocked() == 0:
		return end, nil, false, ErrSoldOut
	}
	number, g, err := s.endLocked(sh, true, at, c)
	if err != nil {
		return end, nil, false, err
	}
	if c.Key != "" {
		s.keys.noteLocked(seen, number)
	}
	s.shares.reschedule(sh)
	return sh.sharedDef.end(sh.number.Load(), number, sh.endLeft, sh.endSum, at), g, false, nil
}

// endLocked journals the end. REQUIRES: all stripes.
func (s *Store) endLocked(sh *shared, somebody bool, at int64, c *SharedChange) (uint64, *group, error) {
	left, sum := sh.leftLocked(), sh.total-sh.sum
	body := appendShareEnd(nil, sh.number.Load(), somebody, left, sum, c.By, c.Key, c.Reason)
	number, g, err := s.com.append(at, body, 1, nil, false)
	if err == nil {
		sh.setEnded(somebody, left, sum)
	}
	return number, g, err
}

// setEnded notes the end. REQUIRES: all stripes.
func (sh *shared) setEnded(somebody bool, left, sum int64) {
	sh.ended, sh.endBy, sh.endLeft, sh.endSum = true, somebody, left, sum
	sh.past.Store(true)
}

func (d *sharedDef) end(of, number uint64, left, sum int64, at int64) SharedEnd {
	return SharedEnd{Number: number, ID: of, Token: d.token, Sender: d.sender, Shares: left, Amount: sum, Currency: d.currency, At: instant(at)}
}

// retriedShareEnd looks for an earlier request with the same key.
func (s *Store) retriedShareEnd(ctx context.Context, c *SharedChange, seen *keyView) (known *SharedEnd, err error) {
	err = s.lookupKey(ctx, keyShareEnd, c.Key, seen, func(found *record) error {
		d, err := s.sharedDefAt(found.shared, s.readRecord)
		if err != nil {
			return err
		}
		if d.namespace != c.Namespace || d.room != c.Room || !d.reads(c.Token) || string(found.user) != c.By {
			return fmt.Errorf("%w: key %q ended another shared batch or for somebody else", ErrKeyConflict, c.Key)
		}
		end := d.end(found.shared, found.number, found.shares, found.amount, found.at)
		known = &end
		return nil
	})
	return known, err
}

// endShares ends the shared batches whose time is over, and forgets those whose tokens are
// free. It journals and does not wait. While nothing is written they stay.
func (s *Store) endShares(at int64) {
	s.sharesOver.Lock()
	defer s.sharesOver.Unlock()
	for s.com.refusal() == nil && s.dir.room(false) == nil {
		sh := s.shares.first(at)
		if sh == nil || !s.endOverShare(sh, at) {
			return
		}
	}
}

// endOverShare does what a shared batch's next time asks for, and reports whether that was
// possible. Its token is free when its end is journaled: whoever has the token next, and
// what is written of memory then, come behind.
func (s *Store) endOverShare(sh *shared, at int64) bool {
	if !s.endInTime(sh, at) {
		return false
	}
	if at >= sh.free {
		s.shares.release(sh)
	} else {
		s.shares.reschedule(sh)
	}
	return true
}

// endInTime ends a shared batch whose time is over, unless it has ended.
func (s *Store) endInTime(sh *shared, at int64) bool {
	sh.lockAll()
	defer sh.unlockAll()
	if at < sh.until || sh.ended {
		return true
	}
	if sh.leftLocked() == 0 {
		sh.setEnded(false, 0, 0) // there is nothing to tell
		return true
	}
	_, _, err := s.endLocked(sh, false, at, &SharedChange{})
	return err == nil
}

// ClaimChange asks to take a claim back.
type ClaimChange struct {
	Number uint64 `json:"number"` // of the claim's receipt
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Key makes the request safe to repeat.
	Key string `json:"key,omitempty"`
}

// UndoClaim takes a claim back: its share can be claimed again, also by the same user. It
// answers when that is durable. ErrNotClaimed says that there is no such claim, or that it
// was taken back already; ErrExpired and ErrShareEnded that what was left has gone back to
// the sender; ErrUnknownCode that the token is free again. ErrKeyConflict and ErrInvalid are
// the other refusals, and none changes anything.
func (s *Store) UndoClaim(ctx context.Context, c ClaimChange) (Changed, error) {
	if err := s.mayAsk(ctx, label{"By", c.By}, label{"Key", c.Key}, label{"Reason", c.Reason}); err != nil {
		return Changed{}, err
	}
	if err := s.com.admit(ctx); err != nil {
		return Changed{}, err
	}
	at := s.now()
	for {
		var seen keyView
		if c.Key != "" {
			known, err := s.retriedUnclaim(ctx, &c, &seen)
			if known != nil {
				return *known, nil
			} else if err != nil {
				return Changed{}, err
			}
		}
		done, g, again, err := s.unclaim(ctx, &c, at, &seen)
		if again {
			continue
		}
		if err != nil {
			return Changed{}, err
		}
		return done, g.wait(ctx)
	}
}

// unclaim takes a claim back, if it stands. Its share is found by its record, and whether it
// was taken back before by the index: whoever takes back a claim of a shared batch is alone,
// and waits for those before.
func (s *Store) unclaim(ctx context.Context, c *ClaimChange, at int64, seen *keyView) (done Changed, g *group, again bool, err error) {
	if c.Number == 0 || c.Number > s.com.lastRecord() {
		return done, nil, false, ErrNotClaimed
	}
	if err := s.com.waitRecord(ctx, c.Number); err != nil {
		return done, nil, false, err
	}
	var claim record
	if err := s.readRecord(c.Number, func(r *record) error { claim = r.clone(); return nil }); err != nil {
		return done, nil, false, err
	}
	if claim.kind != recClaim {
		return done, nil, false, ErrNotClaimed
	}
	sh := s.shares.byNumber(claim.shared)
	if sh == nil || at >= sh.free {
		return done, nil, false, ErrUnknownCode
	}
	sh.undo.Lock()
	defer sh.undo.Unlock()
	if err := s.com.waitAll(ctx); err != nil {
		return done, nil, false, err
	}
	if undone, err := s.claimUndone(ctx, c.Number); err != nil || undone {
		return done, nil, false, cmp.Or(err, ErrNotClaimed)
	}
	if c.Key != "" {
		if !s.keys.claim(seen) {
			return done, nil, true, nil
		}
		defer s.keys.unlock(seen)
	}
	sh.lockAll()
	defer sh.unlockAll()
	if sh.ended {
		return done, nil, false, sh.isEnded()
	}
	if at >= sh.until {
		return done, nil, false, ErrExpired
	}
	number, g, err := s.com.append(at, appendUnclaim(nil, &claim, c), 1, nil, false)
	if err != nil {
		return done, nil, false, err
	}
	sh.giveBackLocked(&sh.stripes[0], int(claim.ordinal))
	sh.soldOut.Store(false)
	if c.Key != "" {
		s.keys.noteLocked(seen, number)
	}
	return Changed{Number: number, Code: sh.token, By: c.By, Reason: c.Reason, Key: c.Key, At: instant(at)}, g, false, nil
}

// retriedUnclaim looks for an earlier request with the same key.
func (s *Store) retriedUnclaim(ctx context.Context, c *ClaimChange, seen *keyView) (known *Changed, err error) {
	err = s.lookupKey(ctx, keyUnclaim, c.Key, seen, func(found *record) error {
		if found.lease != c.Number || string(found.user) != c.By {
			return fmt.Errorf("%w: key %q took another claim back or for somebody else", ErrKeyConflict, c.Key)
		}
		d, err := s.sharedDefAt(found.shared, s.readRecord)
		known = &Changed{Number: found.number, Code: d.token, By: c.By, Reason: string(found.reason), Key: c.Key, At: instant(found.at)}
		return err
	})
	return known, err
}
