package store

import (
	"context"
	"runtime"

	"codepool/shard"
)

// RefChange asks for a step of all codes that a reference has.
type RefChange struct {
	Ref    string `json:"ref"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// ReleaseRef returns all codes that were issued to a reference, and that it still has, to
// their batches' stock: an order was cancelled. It answers, for each code that the
// reference has, what was done or why not (ErrAlreadyRedeemed, ErrRevoked), when that is
// durable; nothing for a reference that has none. It can be repeated: what was drawn for the
// reference later is released too. ErrInvalid refuses an empty reference; with another
// error some may have been released, and repeating it does the rest.
func (s *Store) ReleaseRef(ctx context.Context, c RefChange) ([]ChangeResult, error) {
	return s.changeRef(ctx, steps[recRelease], c)
}

// RevokeRef withdraws all codes that a reference has, as ReleaseRef returns them.
func (s *Store) RevokeRef(ctx context.Context, c RefChange) ([]ChangeResult, error) {
	return s.changeRef(ctx, steps[recRevoke], c)
}

func (s *Store) changeRef(ctx context.Context, kind *step, c RefChange) ([]ChangeResult, error) {
	if err := checkLabels(label{"By", c.By}, label{"Reason", c.Reason}); err != nil {
		return nil, err
	}
	if err := checkLabel("Ref", c.Ref); err != nil {
		return nil, err
	}
	at := s.now()
	var all []decision
	err := s.eachRefRecord(ctx, c.Ref, 0, func(r *record) (bool, error) {
		some, err := s.decideDraw(ctx, kind, r, &Change{By: c.By, Reason: c.Reason}, at)
		all = append(all, some...)
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	return s.answerAll(ctx, all), nil
}

// decideDraw decides a step of every code that a draw still has.
//
// Which those are is read from the ledger, without a lock. What was read holds as long as
// nothing of a code's shard has gone back to stock but what goes back here.
func (s *Store) decideDraw(ctx context.Context, kind *step, r *record, c *Change, at int64) ([]decision, error) {
	returns := make([]uint64, s.pool.Shards())
	if !s.eachShard(func(sh *shard.Shard) { returns[sh.Index()] = sh.Returns }) {
		return nil, ErrClosed
	}
	if err := s.com.waitAll(ctx); err != nil { // what has come since is in the index then
		return nil, err
	}
	var its []drawnCode
	for _, code := range r.codes() {
		has, err := s.stillHas(ctx, code, r.number)
		if err != nil {
			return nil, err
		}
		if has {
			its = append(its, code)
		}
	}
	var all []decision
	for _, code := range its {
		d, has, err := s.decideDrawn(ctx, kind, code, r.number, c, at, returns)
		if err != nil {
			return all, err
		}
		if has {
			all = append(all, d)
		}
	}
	return all, nil
}

// decideDrawn decides a step of a code, which a draw had when its shard counted as many
// returns.
func (s *Store) decideDrawn(ctx context.Context, kind *step, code drawnCode, draw uint64, c *Change, at int64, returns []uint64) (d decision, has bool, err error) {
	if err := s.com.admit(ctx); err != nil {
		return d, false, err
	}
	for {
		if s.retiredRun(code.run) != nil {
			b, k, ok := s.codeOf(code.run, code.ordinal)
			if !ok {
				return d, false, s.noCode(draw)
			}
			return decision{changed: Changed{Code: canonText(&k), Batch: b.ID}, err: b.isRetired()}, true, nil
		}
		v, text := s.takeDrawn(kind, code, returns, c, at)
		switch {
		case v.again:
			runtime.Gosched()
			if has, err = s.lookAgain(ctx, code, draw, returns); !has || err != nil {
				return d, false, err
			}
			continue
		case v.err == ErrClosed:
			return d, false, v.err
		case v.err != nil:
			return decision{changed: Changed{Code: text, Batch: v.b.ID}, err: v.err, mark: v.mark}, true, nil
		}
		return decision{changed: changed(v.number, text, v.b.ID, c, at), group: v.group}, true, nil
	}
}

// lookAgain asks whether a draw has its code yet when others of its shard have gone back.
func (s *Store) lookAgain(ctx context.Context, code drawnCode, draw uint64, returns []uint64) (has bool, err error) {
	sh, _, _ := s.placeOf(code)
	if sh == nil {
		if s.retiredRun(code.run) != nil {
			return true, nil
		}
		return false, s.noCode(draw)
	}
	i, n := sh.Index(), sh.Returns
	sh.Unlock()
	has, err = s.stillHas(ctx, code, draw)
	if i < len(returns) && has {
		returns[i] = n
	}
	return has, err
}

// stillHas reports whether a draw has its code yet: it has not gone back since.
func (s *Store) stillHas(ctx context.Context, code drawnCode, draw uint64) (bool, error) {
	b, _, st, mark, ok := s.codeAt(code.run, code.ordinal)
	if !ok {
		return false, s.noCode(draw)
	}
	if st == shard.Available {
		return false, nil
	}
	if !b.returned() {
		return true, nil
	}
	if err := s.com.waitFor(ctx, mark); err != nil { // a newer draw is in the index then
		return false, err
	}
	return s.isLastDraw(ctx, code, draw)
}

// placeOf locks the shard of a code and returns it with the code's place there. It is nil
// if the code is not in memory, or the store is closed.
func (s *Store) placeOf(code drawnCode) (sh *shard.Shard, seg *shard.Segment, pos uint32) {
	r := s.pool.Run(code.run)
	if r == nil {
		return nil, nil, 0
	}
	i := r.ShardOf(code.ordinal)
	if i < 0 {
		return nil, nil, 0
	}
	if sh = s.pool.Lock(i); sh == nil {
		return nil, nil, 0
	}
	if seg = sh.SegmentOf(code.run); seg == nil { // its batch has just been retired
		sh.Unlock()
		return nil, nil, 0
	}
	return sh, seg, seg.Position(code.ordinal)
}

// takeDrawn decides a step of a code if its shard counts as many returns as returns says,
// and keeps that up.
func (s *Store) takeDrawn(kind *step, code drawnCode, returns []uint64, c *Change, at int64) (v verdict, text string) {
	s.draws.RLock() // see take
	defer s.draws.RUnlock()
	sh, seg, pos := s.placeOf(code)
	if sh == nil && s.retiredRun(code.run) != nil {
		return verdict{again: true}, ""
	} else if sh == nil {
		return verdict{err: ErrClosed}, ""
	}
	defer sh.Unlock()
	if sh.Returns != returns[sh.Index()] {
		return verdict{again: true}, ""
	}
	defer func() { returns[sh.Index()] = sh.Returns }()
	k := sh.KeyAt(pos, seg)
	v = s.takeLocked(kind, sh, seg, pos, c, at, nil)
	v.b = s.batch(seg.Batch)
	return v, canonText(&k)
}
