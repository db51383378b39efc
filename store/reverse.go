package store

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"codepool/shard"
)

// Reversal asks to take a code's last step back: Release its draw, Undo its redemption.
type Reversal struct {
	// Code in any of its spellings.
	Code string `json:"code"`
	// By is who asks for it, for the ledger; may be empty.
	By string `json:"by,omitempty"`
	// Key makes the request safe to repeat: the same key with the same code and By gets
	// the first answer again (I9). Keys of releases and keys of undos are sets of their
	// own.
	Key string `json:"key,omitempty"`
	// Namespace of the code; "" is the default one.
	Namespace string `json:"namespace,omitempty"`
}

// Reversed is the lasting record of a reversal. What it takes back stays in the ledger.
type Reversed struct {
	Number uint64    `json:"number"` // place in the ledger
	Code   string    `json:"code"`   // canonical form
	Batch  BatchID   `json:"batch"`
	By     string    `json:"by,omitempty"`
	Key    string    `json:"key,omitempty"`
	At     time.Time `json:"at"` // when it was decided, in UTC, to the microsecond
}

// reversal is what Release and Undo differ in. Each is the rule of its kind, in its
// only place.
type reversal struct {
	record byte
	keys   byte // set of keys
	verb   string
	from   shard.State
	to     shard.State
	judge  func(shard.State) error
}

var reversals = map[byte]*reversal{
	recRelease: {record: recRelease, keys: keyRelease, verb: "released", from: shard.Issued, to: shard.Available, judge: func(st shard.State) error {
		switch st {
		case shard.Issued:
			return nil
		case shard.Redeemed:
			return ErrAlreadyRedeemed
		case shard.Revoked:
			return ErrRevoked
		}
		return ErrNotIssued
	}},
	recUndo: {record: recUndo, keys: keyUndo, verb: "undid the redemption of", from: shard.Redeemed, to: shard.Issued, judge: func(st shard.State) error {
		switch st {
		case shard.Redeemed:
			return nil
		case shard.Revoked:
			return ErrRevoked
		}
		return ErrNotRedeemed
	}},
}

// Release returns a code that was issued to its batch's stock: an order was cancelled.
// It answers when that is durable. Refusals (ErrUnknownCode, ErrNotIssued,
// ErrAlreadyRedeemed, ErrRevoked, ErrKeyConflict, ErrInvalid) change nothing. The window
// does not matter. When ctx ends while the answer waits for the disk the error is
// ErrOutcomeUnknown, and repeating the request with its key tells.
//
// Whoever still has the code's text can redeem it once it is drawn again: release only
// what nobody has seen.
func (s *Store) Release(ctx context.Context, r Reversal) (Reversed, error) {
	return s.reverse(ctx, reversals[recRelease], r)
}

// Undo takes a redemption back: a refund. The code is issued again, to the reference it
// was drawn for, and can be redeemed once more; the ledger keeps the redemption and its
// undoing. It answers when that is durable. ErrNotRedeemed says that there is nothing to
// undo, also when it has been undone before; ErrUnknownCode, ErrRevoked, ErrKeyConflict
// and ErrInvalid are the other refusals, and none changes anything. The key of the
// redemption that was undone still gets its receipt.
func (s *Store) Undo(ctx context.Context, r Reversal) (Reversed, error) {
	return s.reverse(ctx, reversals[recUndo], r)
}

func (s *Store) reverse(ctx context.Context, kind *reversal, r Reversal) (Reversed, error) {
	var f forms
	// The texts obey the same rules as those of a redemption.
	if err := s.enter(ctx, &Redemption{Code: r.Code, User: r.By, Key: r.Key, Namespace: r.Namespace}, &f); err != nil {
		return Reversed{}, err
	}
	if err := s.com.admit(ctx); err != nil {
		return Reversed{}, err
	}
	at := s.now()
	for {
		var seen keyView
		if r.Key != "" {
			known, err := s.retriedReversal(ctx, kind, &r, &f, &seen)
			if known != nil || err != nil {
				return known.orNone(), err
			}
		}
		v := s.turnBack(kind, &r, &f, at, &seen)
		if v.again {
			runtime.Gosched()
			continue
		}
		if v.group == nil {
			if err := s.com.waitFor(ctx, v.mark); err != nil {
				return Reversed{}, err
			}
			return Reversed{}, v.err
		}
		if err := v.group.waitBriefly(ctx); err != nil {
			return Reversed{}, err
		}
		return Reversed{v.number, canonText(&f.keys[v.form]), v.b.ID, r.By, r.Key, instant(at)}, nil
	}
}

func (r *Reversed) orNone() Reversed {
	if r == nil {
		return Reversed{}
	}
	return *r
}

// turnBack decides one reversal under its shard's lock.
func (s *Store) turnBack(kind *reversal, r *Reversal, f *forms, at int64, seen *keyView) verdict {
	for i := range f.n {
		k := &f.keys[i]
		sh := s.pool.Lock(s.pool.Route(k.Hash))
		if sh == nil {
			return verdict{err: ErrClosed}
		}
		pos, seg, ok := sh.Find(k)
		if !ok || sh.State(pos) == shard.Pending {
			sh.Unlock()
			continue
		}
		v := s.turnBackLocked(kind, sh, seg, pos, r, at, seen)
		sh.Unlock()
		v.form = i
		return v
	}
	return verdict{err: ErrUnknownCode}
}

// turnBackLocked judges one reversal and, if it is allowed, journals, moves and notes its
// key. REQUIRES: the shard is held.
func (s *Store) turnBackLocked(kind *reversal, sh *shard.Shard, seg *shard.Segment, pos uint32, r *Reversal, at int64, seen *keyView) verdict {
	if r.Key != "" {
		if !s.keys.claim(seen) {
			return verdict{again: true}
		}
		defer s.keys.unlock(seen)
	}
	st := sh.State(pos)
	if err := kind.judge(st); err != nil {
		return verdict{err: err, mark: sh.Mark}
	}
	b := s.batch(seg.Batch)
	body := appendReversal(nil, kind.record, seg.Run, seg.Ordinal(pos), r.By, r.Key)
	number, g, err := s.com.append(at, body, 1, nil, false)
	if err != nil {
		return verdict{err: err}
	}
	sh.Move(seg, pos, st, kind.to)
	if kind.to == shard.Available {
		b.restock(1) // after the move: who reserves a code must find one
	}
	sh.Mark = g.n
	if r.Key != "" {
		s.keys.noteLocked(seen, number)
	}
	return verdict{b: b, number: number, group: g}
}

// retriedReversal looks for an earlier reversal of this kind with the same key.
func (s *Store) retriedReversal(ctx context.Context, kind *reversal, r *Reversal, f *forms, seen *keyView) (known *Reversed, err error) {
	err = s.lookupKey(ctx, kind.keys, r.Key, seen, func(found *record) error {
		b, k, ok := s.codeOf(found.run, found.ordinal)
		if !ok {
			return s.noCode(found.number)
		}
		same, err := s.sameCode(f, &k)
		if err != nil {
			return err
		}
		if !same || string(found.user) != r.By {
			return fmt.Errorf("%w: key %q %s another code or for somebody else", ErrKeyConflict, r.Key, kind.verb)
		}
		known = &Reversed{found.number, canonText(&k), b.ID, r.By, r.Key, instant(found.at)}
		return nil
	})
	return known, err
}
