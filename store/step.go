package store

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"codepool/shard"
)

// Change asks for a step of one code that is neither a draw nor a redemption: Release,
// Undo, Revoke.
type Change struct {
	// Code in any of its spellings.
	Code string `json:"code"`
	// By is who asks for it and Reason why, for the ledger; both may be empty.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Key makes the request safe to repeat: the same key with the same code and By gets
	// the first answer again (I9). Each verb has a set of keys of its own.
	Key string `json:"key,omitempty"`
	// Namespace of the code; "" is the default one.
	Namespace string `json:"namespace,omitempty"`
}

// Changed is the lasting record of a Change. What was before it stays in the ledger.
type Changed struct {
	Number uint64    `json:"number"` // place in the ledger
	Code   string    `json:"code"`   // canonical form
	Batch  BatchID   `json:"batch"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Key    string    `json:"key,omitempty"`
	At     time.Time `json:"at"` // when it was decided, in UTC, to the microsecond
}

// ChangeResult is the answer to one change of many: what was done or an error.
type ChangeResult struct {
	Changed Changed
	Err     error
}

// step is what the verbs of a Change differ in. Each is the rule of its kind, in its
// only place.
type step struct {
	record byte
	keys   byte // set of keys
	verb   string
	to     shard.State
	judge  func(shard.State) error // errAgain while a draw is about to take the code
}

var steps = map[byte]*step{
	recRelease: {record: recRelease, keys: keyRelease, verb: "released", to: shard.Available, judge: func(st shard.State) error {
		switch st {
		case shard.Issued:
			return nil
		case shard.Redeemed:
			return ErrAlreadyRedeemed
		case shard.Revoked:
			return ErrRevoked
		case shard.Held:
			return ErrReserved
		}
		return ErrNotIssued
	}},
	recUndo: {record: recUndo, keys: keyUndo, verb: "undid the redemption of", to: shard.Issued, judge: func(st shard.State) error {
		switch st {
		case shard.Redeemed:
			return nil
		case shard.Revoked:
			return ErrRevoked
		}
		return ErrNotRedeemed
	}},
	recRevoke: {record: recRevoke, keys: keyRevoke, verb: "revoked", to: shard.Revoked, judge: func(st shard.State) error {
		switch st {
		case shard.Redeemed:
			return ErrAlreadyRedeemed
		case shard.Revoked:
			return ErrRevoked
		case shard.Drawing:
			return errAgain
		}
		return nil
	}},
}

// Release returns a code that was issued to its batch's stock: an order was cancelled.
// It answers when that is durable. Refusals (ErrUnknownCode, ErrNotIssued,
// ErrAlreadyRedeemed, ErrRevoked, ErrKeyConflict, ErrInvalid) change nothing. The window
// does not matter, nor that a batch is paused. When ctx ends while the answer waits for
// the disk the error is ErrOutcomeUnknown, and repeating the request with its key tells.
//
// Whoever still has the code's text can redeem it once it is drawn again: release only
// what nobody has seen.
func (s *Store) Release(ctx context.Context, c Change) (Changed, error) {
	return s.change(ctx, steps[recRelease], c)
}

// Undo takes a redemption back: a refund. The code is issued again, to the reference it
// was drawn for, and can be redeemed once more; the ledger keeps the redemption and its
// undoing. It answers when that is durable. ErrNotRedeemed says that there is nothing to
// undo, also when it has been undone before; ErrUnknownCode, ErrRevoked, ErrKeyConflict
// and ErrInvalid are the other refusals, and none changes anything. The key of the
// redemption that was undone still gets its receipt. In a batch that is revoked the code
// is then revoked.
func (s *Store) Undo(ctx context.Context, c Change) (Changed, error) {
	return s.change(ctx, steps[recUndo], c)
}

// Revoke withdraws a code for ever, whether it is in stock or issued: it leaked. It
// answers when that is durable. A redemption is not taken back (ErrAlreadyRedeemed): undo
// it first. ErrUnknownCode, ErrRevoked, ErrKeyConflict and ErrInvalid are the other
// refusals, and none changes anything. RevokeBatch withdraws all codes of a batch.
func (s *Store) Revoke(ctx context.Context, c Change) (Changed, error) {
	return s.change(ctx, steps[recRevoke], c)
}

// ReleaseAll is Release for many codes, each by itself: all that can be done is done, and
// the answers come together, in order.
func (s *Store) ReleaseAll(ctx context.Context, cs []Change) []ChangeResult {
	return s.changeAll(ctx, steps[recRelease], cs)
}

// UndoAll is Undo for many codes, as ReleaseAll is.
func (s *Store) UndoAll(ctx context.Context, cs []Change) []ChangeResult {
	return s.changeAll(ctx, steps[recUndo], cs)
}

// RevokeAll is Revoke for many codes, as ReleaseAll is.
func (s *Store) RevokeAll(ctx context.Context, cs []Change) []ChangeResult {
	return s.changeAll(ctx, steps[recRevoke], cs)
}

func (s *Store) change(ctx context.Context, kind *step, c Change) (Changed, error) {
	d := s.decide(ctx, kind, &c)
	var err error
	if d.group != nil {
		err = d.group.waitBriefly(ctx)
	} else {
		err = s.com.waitFor(ctx, d.mark)
	}
	if err != nil {
		return Changed{}, err
	}
	return d.changed, d.err
}

func (s *Store) changeAll(ctx context.Context, kind *step, cs []Change) []ChangeResult {
	all := make([]decision, len(cs))
	for i := range cs {
		all[i] = s.decide(ctx, kind, &cs[i])
	}
	return s.answerAll(ctx, all)
}

// answerAll returns the answers when everything they depend on is durable.
func (s *Store) answerAll(ctx context.Context, all []decision) []ChangeResult {
	out, last := make([]ChangeResult, len(all)), uint64(0)
	for i := range all {
		if d := &all[i]; d.group != nil {
			d.mark = d.group.n
		}
		last = max(last, all[i].mark)
	}
	err := s.com.waitFor(ctx, last)
	for i, d := range all {
		if out[i] = (ChangeResult{d.changed, d.err}); err != nil && d.mark > 0 {
			out[i] = ChangeResult{Err: err}
		}
	}
	return out
}

// decision is what memory decided about a change, and what its answer waits for: a group,
// or the group of number mark, if it is not 0.
type decision struct {
	changed Changed
	err     error
	group   *group
	mark    uint64
}

// decide decides a change and journals it. Its answer may go out when what the decision
// says is durable.
func (s *Store) decide(ctx context.Context, kind *step, c *Change) decision {
	d := s.decideUnexplained(ctx, kind, c)
	d.err = s.explained(d.err, c.Namespace, c.Code)
	return d
}

// decideUnexplained is decide without the reason why a text is no code.
func (s *Store) decideUnexplained(ctx context.Context, kind *step, c *Change) decision {
	var f forms
	err := s.mayAsk(ctx, label{"By", c.By}, label{"Key", c.Key}, label{"Reason", c.Reason})
	if err == nil {
		err = s.enter(ctx, &Redemption{Code: c.Code, Namespace: c.Namespace}, &f)
	}
	if err != nil {
		return decision{err: err}
	}
	if err := s.com.admit(ctx); err != nil {
		return decision{err: err}
	}
	at := s.now()
	for {
		var seen keyView
		if c.Key != "" {
			known, err := s.retriedChange(ctx, kind, c, &f, &seen)
			if known != nil {
				return decision{changed: *known}
			} else if err != nil {
				return decision{err: err}
			}
		}
		v := s.take(kind, c, &f, at, &seen)
		if v.again {
			runtime.Gosched()
			continue
		}
		if v.err != nil {
			return decision{err: v.err, mark: v.mark}
		}
		return decision{changed: changed(v.number, canonText(&f.keys[v.form]), v.b.ID, c, at), group: v.group}
	}
}

func changed(number uint64, code string, batch BatchID, c *Change, at int64) Changed {
	return Changed{Number: number, Code: code, Batch: batch, By: c.By, Reason: c.Reason, Key: c.Key, At: instant(at)}
}

// take decides one step under its shard's lock.
func (s *Store) take(kind *step, c *Change, f *forms, at int64, seen *keyView) verdict {
	s.draws.RLock() // a lease may end with it: from the journal until the table knows
	defer s.draws.RUnlock()
	sh, seg, pos, form, err := s.lockCode(f)
	if err != nil {
		if v := s.absent(f, at, err); v.b != nil {
			return verdict{err: v.b.isRetired()}
		} else {
			return v
		}
	}
	defer sh.Unlock()
	v := s.takeLocked(kind, sh, seg, pos, c, at, seen)
	v.form = form
	return v
}

// takeLocked judges one step and, if it is allowed, journals, moves and notes its key.
// REQUIRES: the shard is held.
func (s *Store) takeLocked(kind *step, sh *shard.Shard, seg *shard.Segment, pos uint32, c *Change, at int64, seen *keyView) verdict {
	if c.Key != "" {
		if !s.keys.claim(seen) {
			return verdict{again: true}
		}
		defer s.keys.unlock(seen)
	}
	b, st := s.batch(seg.Batch), sh.State(pos)
	if b.now.flags.Load()&flagChanging != 0 {
		return verdict{again: true}
	}
	if b.retired() {
		return verdict{err: b.isRetired(), mark: sh.Mark}
	}
	as := st
	if b.revoked() {
		as = b.seen(st)
	}
	err := kind.judge(as)
	if err == errAgain || err == nil && st == shard.Available && !b.reserve(1) {
		return verdict{again: true} // a draw has reserved it and is about to take it
	} else if err != nil {
		return verdict{err: err, mark: sh.Mark}
	}
	code := drawnCode{seg.Run, seg.Ordinal(pos)}
	var of *lease
	if st == shard.Leased || st == shard.Held || st == shard.Redeemed && b.Reusable {
		if of = s.leases.removeCode(code); of == nil {
			return verdict{again: true} // it is about to end
		}
	}
	to, until := kind.to, at+b.Quarantine.Microseconds()
	body := appendStep(nil, kind.record, code.run, code.ordinal, c)
	if kind.record == recRelease && until > at {
		to, body = shard.Leased, appendRest(body[:0], until, code.run, code.ordinal, c)
	}
	returns := to == shard.Available || to == shard.Leased
	if returns {
		b.noteReturned() // before the record: a checkpoint that covers it must have it, too
	}
	number, g, err := s.com.append(at, body, 1, nil, false)
	if err != nil {
		if st == shard.Available {
			b.giveBack(1)
		} else if of != nil {
			s.leases.putCode(of, code)
		}
		return verdict{err: err}
	}
	if returns {
		sh.Returns++
	}
	sh.Move(seg, pos, st, to)
	switch {
	case st == shard.Available:
		b.taken(1)
	case to == shard.Available:
		b.restock(1) // after the move: who reserves a code must find one
	case to == shard.Leased:
		s.leases.add(&lease{number: number, until: until, b: b, codes: []drawnCode{code}, from: shard.Available, kind: resting})
	}
	sh.Mark = g.n
	if c.Key != "" {
		s.keys.noteLocked(seen, number)
	}
	return verdict{b: b, number: number, group: g}
}

// retriedChange looks for an earlier step of this kind with the same key.
func (s *Store) retriedChange(ctx context.Context, kind *step, c *Change, f *forms, seen *keyView) (known *Changed, err error) {
	err = s.lookupKey(ctx, kind.keys, c.Key, seen, func(found *record) error {
		b, k, ok := s.codeOf(found.run, found.ordinal)
		if !ok {
			return s.noCode(found.number)
		}
		same, err := s.sameCode(f, &k)
		if err != nil {
			return err
		}
		if !same || string(found.user) != c.By {
			return fmt.Errorf("%w: key %q %s another code or for somebody else", ErrKeyConflict, c.Key, kind.verb)
		}
		first := *c
		first.Reason = string(found.reason)
		done := changed(found.number, canonText(&k), b.ID, &first, found.at)
		known = &done
		return nil
	})
	return known, err
}
