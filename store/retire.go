package store

import (
	"context"
	"fmt"
	"runtime"

	"codepool/shard"
)

// Retire takes a finished batch out of memory. Its codes and their last states stay on
// disk for ever, and so does its ledger:
//
//   - what is asked about its codes gets the same answer as before, with a read of the disk;
//   - what was done with a key gets its first answer again;
//   - its codes are never minted or imported again in its namespace.
//
// A batch is finished when it was revoked, or its window has ended, or no code of it is
// left in stock or with anybody; and nothing of it is leased, reserved or rests. Else it is
// ErrNotFinished. Retiring is for ever: no redemption is undone, no code released any more,
// and the batch has no further change (ErrRetired). Retiring it again does nothing, but
// finishes what an earlier call could not.
//
// It waits for a mint or import that is under way. When it returns, the memory is given
// back. With another error than a refusal the batch may be retired, and its memory is given
// back by a later checkpoint.
func (s *Store) Retire(ctx context.Context, id BatchID, c BatchChange) error {
	release, err := s.beginAdding(ctx)
	if err != nil {
		return err
	}
	defer release()
	err = s.changeBatch(ctx, id, c, EventRetired, func(t *terms) error {
		t.Retired = true
		return nil
	})
	if err != nil {
		return err
	}
	// crash point: retire: its record is durable, no checkpoint knows
	b := s.batchByID(id)
	if !b.covered.Load() {
		if err := s.maint.do(ctx, false); err != nil {
			return fmt.Errorf("batch %q is retired; its memory is given back by a later checkpoint: %w", b.Name, err)
		}
	}
	// crash point: retire: a checkpoint covers it, memory has it yet
	return s.forget(ctx, b)
}

// mayRetire is the rule of when a batch is finished. REQUIRES: nobody decides about its
// codes, and draws are kept out.
func (s *Store) mayRetire(b *batch, at int64) error {
	n := s.statesOf(b)
	away := n[shard.Leased] + n[shard.Held]
	if b.Reusable {
		away += s.leases.count(func(l *lease) bool { return l.b == b && l.kind == burned })
	}
	if away > 0 {
		return fmt.Errorf("%w: batch %q: %d codes are leased, reserved or rest: wait until that is over", ErrNotFinished, b.Name, away)
	}
	live := n[shard.Available] + n[shard.Drawing] + n[shard.Issued]
	if live > 0 && !b.revoked() && at < b.now.until.Load() {
		return fmt.Errorf("%w: batch %q: %d codes can be used yet: revoke it, or let its window end", ErrNotFinished, b.Name, live)
	}
	return nil
}

// forget gives the memory of a batch back. REQUIRES: adding; and a checkpoint covers its
// retirement, so that all there is to know is on disk.
func (s *Store) forget(ctx context.Context, b *batch) error {
	if b.kept.Load() != nil {
		return nil
	}
	// Draws that were promised codes find out that it is retired, and give them back.
	for !b.emptied() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		runtime.Gosched()
	}
	runs, ok := s.toRetire(b)
	if !ok {
		return ErrClosed
	}
	n := s.statesOf(b)
	s.addRetired(runs...) // before they go: a code is always in one of both
	b.kept.Store(&n)
	// crash point: retire: memory is about to be given back
	if !s.pool.Drop(uint32(b.ID)) {
		return ErrClosed
	}
	// crash point: retire: memory is given back
	return nil
}

// toRetire makes the registry's entries of a batch's runs from memory.
func (s *Store) toRetire(b *batch) (out []*retiredRun, ok bool) {
	for _, h := range s.runsOf(b, 1) {
		r := &retiredRun{runHeader: h, space: b.space.id}
		if h.Computed {
			r.text = b.text
			out = append(out, r)
			continue
		}
		for o := uint32(0); o < h.Count; o += pageCodes {
			sh, seg, pos := s.placeOf(drawnCode{h.ID, o})
			if sh == nil {
				return nil, false
			}
			r.firsts = append(r.firsts, sh.KeyAt(pos, seg).Hash)
			sh.Unlock()
		}
		out = append(out, r)
	}
	return out, true
}

// noteCovered takes note of the retirements that a checkpoint covers.
func (s *Store) noteCovered(at *checkpointRecord) {
	for _, t := range at.Terms {
		if t.Retired {
			s.batch(t.Batch).covered.Store(true)
		}
	}
}

// forgetCovered gives the memory back of batches that were retired in an earlier process,
// or whose Retire did not get that far; not while codes are being added.
func (s *Store) forgetCovered(ctx context.Context) {
	for _, b := range *s.batches.Load() {
		if b == nil || !b.covered.Load() || b.kept.Load() != nil {
			continue
		}
		select {
		case s.adding <- struct{}{}:
			_ = s.forget(ctx, b) // with an error it is closing; the next opening does not load it
			<-s.adding
		default:
		}
	}
}

// absent is the verdict on a request whose code is not in memory: it is unknown, or of a
// batch that was retired, and then its last state and the batch's terms say why not.
func (s *Store) absent(f *forms, at int64, why error) verdict {
	if why != ErrUnknownCode {
		return verdict{err: why}
	}
	for i := range f.n {
		found, err := s.findRetired(&f.keys[i])
		if err != nil {
			return verdict{err: err}
		}
		if found != nil {
			b := s.batchOf(found.run)
			return verdict{err: b.judge(found.state, at), form: i, b: b}
		}
	}
	return verdict{err: why}
}

// chooseForm notes which of the forms of a text is the first one that is a code, if that is
// one of a retired batch: those in memory are told apart where they are found.
func (s *Store) chooseForm(f *forms) error {
	for i := range f.n - 1 {
		if s.holds(&f.keys[i]) {
			return nil
		}
		found, err := s.findRetired(&f.keys[i])
		if err != nil {
			return err
		}
		if found != nil {
			f.retired = i + 1
			return nil
		}
	}
	return nil
}
