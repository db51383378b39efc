package store

import (
	"context"
	"fmt"
	"iter"

	"codepool/gen"
	"codepool/shard"
	"codepool/store/internal/journal"
)

// BatchCode is a code as a listing of its batch shows it.
type BatchCode struct {
	// Place orders the codes of a batch; pass it to go on behind this one.
	Place uint64 `json:"place"`
	// Code is as printed. Of a code that nobody was given (in stock, leased or revoked) it
	// is a mask (gen.Mask).
	Code   string      `json:"code"`
	Masked bool        `json:"masked,omitempty"`
	State  shard.State `json:"-"`
	// StateName is State in words.
	StateName string `json:"state"`
}

// codesPart is how many codes a listing looks at with a shard in hand.
const codesPart = 1024

// Codes yields the codes of a batch that are in one of the states, or in any if none is
// named, behind a place; 0 begins with the first. Each was in the state when it was looked
// at, and is yielded when that is durable. ErrUnknownBatch refuses a batch that does not
// exist, ErrInvalid a state that does not.
func (s *Store) Codes(ctx context.Context, id BatchID, after uint64, states ...shard.State) iter.Seq2[BatchCode, error] {
	return func(yield func(BatchCode, error) bool) {
		b, wanted, err := s.mayList(ctx, id, states)
		if err != nil {
			yield(BatchCode{}, err)
			return
		}
		s.endOvers()
		for _, h := range s.runsOf(b, uint32(after>>32)) {
			first := uint32(0)
			if h.ID == uint32(after>>32) {
				first = min(uint32(after), h.Count-1) + 1
			}
			for first < h.Count {
				part, next, err := s.codesOf(ctx, b, h, first, wanted)
				if err != nil {
					yield(BatchCode{}, err)
					return
				}
				for _, c := range part {
					if !yield(c, nil) {
						return
					}
				}
				first = next
			}
		}
	}
}

// mayList returns the batch and the set of states that a listing is of.
func (s *Store) mayList(ctx context.Context, id BatchID, states []shard.State) (b *batch, wanted uint16, err error) {
	if s.closed.Load() {
		return nil, 0, ErrClosed
	}
	if ctx.Err() != nil { // there may be no code to look at
		return nil, 0, context.Cause(ctx)
	}
	if b = s.batchByID(id); b == nil {
		return nil, 0, fmt.Errorf("%w: number %d", ErrUnknownBatch, id)
	}
	if len(states) == 0 {
		wanted = 1<<shard.NumStates - 1
	}
	for _, st := range states {
		if st >= shard.NumStates {
			return nil, 0, invalid("codes in state %d: want one below %d", st, shard.NumStates)
		}
		wanted |= 1 << st
	}
	return b, wanted, nil
}

// runsOf returns the live runs of a batch from a number on.
func (s *Store) runsOf(b *batch, from uint32) (out []runHeader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.mu.runs {
		if h.ID >= max(from, 1) && h.Batch == uint32(b.ID) && (s.pool.Run(h.ID) != nil || s.retiredRun(h.ID) != nil) {
			out = append(out, h)
		}
	}
	return out
}

// codesOf reads some codes of a run from ordinal first on, and returns the ordinal behind
// those it has looked at.
func (s *Store) codesOf(ctx context.Context, b *batch, h runHeader, first uint32, wanted uint16) (part []BatchCode, next uint32, err error) {
	if ctx.Err() != nil {
		return nil, 0, context.Cause(ctx)
	}
	sh, seg, pos := s.placeOf(drawnCode{h.ID, first})
	if sh == nil {
		return s.codesOfRetired(b, h, first, wanted)
	}
	next = min(seg.First+seg.Len, first+codesPart)
	mark := sh.Mark
	for o := first; o < next; o++ {
		at := pos + o - first
		if st := b.seen(sh.State(at)); wanted&(1<<st) != 0 {
			part = append(part, b.listed(drawnCode{h.ID, o}, sh.KeyAt(at, seg), st))
		}
	}
	sh.Unlock()
	return part, next, s.com.waitFor(ctx, mark)
}

// listed is a code as a listing shows it.
func (b *batch) listed(at drawnCode, k shard.Key, st shard.State) BatchCode {
	c := BatchCode{Place: uint64(at.run)<<32 | uint64(at.ordinal), State: st, StateName: st.String()}
	canon := canonText(&k)
	switch st {
	case shard.Issued, shard.Redeemed, shard.Held:
		c.Code = string(b.Format.AppendPrinted(nil, []byte(canon)))
	default:
		c.Code, c.Masked = gen.Mask(canon), true
	}
	return c
}

// codesOfRetired is codesOf for a run that is only on disk: the rest of a page.
func (s *Store) codesOfRetired(b *batch, h runHeader, first uint32, wanted uint16) (part []BatchCode, next uint32, err error) {
	run := s.retiredRun(h.ID)
	if run == nil {
		return nil, 0, ErrClosed
	}
	next = min(h.Count, (first/pageCodes+1)*pageCodes)
	err = s.eng.View(func(v journal.Reader) error {
		states, _, err := readStates(v, h)
		if err != nil {
			return err
		}
		pages := &retiredPages{run: run, v: v}
		for o := first; o < next; o++ {
			st := h.Initial
			if states != nil {
				st = get4(states, o)
			}
			if st = b.seen(st); wanted&(1<<st) == 0 {
				continue
			}
			k, err := pages.at(o)
			if err != nil {
				return err
			}
			part = append(part, b.listed(drawnCode{h.ID, o}, k, st))
		}
		return nil
	})
	return part, next, err
}
