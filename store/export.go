package store

import (
	"context"
	"fmt"
	"runtime"
)

// Export asks to take codes out of stock for somebody, as a list.
type Export struct {
	// ID names the export: the same ID gives the same codes again, in the same order.
	ID string `json:"id"`
	// Account that exports. It must be the batch's Owner, if the batch has one.
	Account string `json:"account,omitempty"`
	// Ref is whom the codes are for; empty means Account.
	Ref   string `json:"ref,omitempty"`
	Count int    `json:"count"`
	// Override lets another account than the owner export.
	Override bool `json:"override,omitempty"`
	// Partial takes what there is if the stock has fewer than Count.
	Partial bool `json:"partial,omitempty"`
}

// MaxExport is how many codes one export can have.
const MaxExport = 10_000_000

const exportPart = "\x1f" // between an export's ID and the number of a further part: no ID has it

// Export takes codes of a batch out of stock at random, exclusively and durably, and
// returns them as printed. It is all or nothing, unless Partial: with fewer in stock it
// returns ErrEmpty and takes none. More than MaxIssue codes are taken in parts; an export
// that a crash or a full disk has ended in between is finished by repeating it.
//
// ErrNotOwner refuses an account that is not the batch's owner. ErrKeyConflict says that the
// ID was used for another export. The other refusals are those of Issue.
func (s *Store) Export(ctx context.Context, id BatchID, e Export) ([]string, error) {
	b, err := s.checkIssue(ctx, id, 1, Draw{Ref: e.Ref})
	if err != nil {
		return nil, err
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	if e.Ref == "" {
		e.Ref = e.Account
	}
	if err := s.com.admit(ctx); err != nil {
		return nil, err
	}
	free, err := s.holdKey(ctx, keyExport, e.ID)
	if err != nil {
		return nil, err
	}
	defer free()
	codes, parts, ended, err := s.exported(ctx, b, &e)
	if err != nil || ended {
		return codes, err
	}
	if err := b.mayExport(&e); err != nil {
		return nil, err
	}
	if err := b.mayDraw(s.now()); err != nil { // the clock before the stock: what is over goes back first
		return nil, s.afterAll(ctx, err)
	}
	more, err := s.exportRest(ctx, b, &e, len(codes), parts)
	if err != nil {
		return nil, err
	}
	return append(codes, more...), nil
}

// check refuses what no batch can export; Ref is checked as that of every draw.
func (e *Export) check() error {
	if e.Count < 1 || e.Count > MaxExport {
		return invalid("export of %d codes: want 1 to %d", e.Count, MaxExport)
	}
	if err := checkText("Account", e.Account); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return checkLabel("ID", e.ID)
}

// mayExport is the rule of who exports.
func (b *batch) mayExport(e *Export) error {
	if b.Owner != "" && b.Owner != e.Account && !e.Override {
		return fmt.Errorf("%w: batch %q is of another account than %q", ErrNotOwner, b.Name, e.Account)
	}
	return nil
}

// key is that of a part of an export.
func (e *Export) key(part int) string {
	if part == 0 {
		return e.ID
	}
	return fmt.Sprint(e.ID, exportPart, part)
}

// exported returns what an export of that ID has taken already, and whether that is all
// of it.
func (s *Store) exported(ctx context.Context, b *batch, e *Export) (codes []string, parts int, ended bool, err error) {
	for ; !ended; parts++ {
		found := false
		var seen keyView
		err = s.lookupKey(ctx, keyExport, e.key(parts), &seen, func(r *record) error {
			if r.batch != uint32(b.ID) || string(r.ref) != e.Ref || string(r.user) != e.Account {
				return fmt.Errorf("%w: export %q was of batch %d for %q, by %q", ErrKeyConflict, e.ID, r.batch, r.ref, r.user)
			}
			var got []drawn
			for _, c := range r.codes() {
				_, k, ok := s.codeOf(c.run, c.ordinal)
				if !ok {
					return s.noCode(r.number)
				}
				got = append(got, drawn{drawnCode: c, word: k.Word, wide: k.Wide})
			}
			found, ended = true, r.last
			codes = append(codes, s.printAll(b, got)...)
			return nil
		})
		if err != nil {
			return nil, 0, false, err
		}
		if !found {
			break
		}
	}
	if n := len(codes); n > e.Count || ended && n != e.Count && !(e.Partial && n < e.Count) {
		return nil, 0, false, fmt.Errorf("%w: export %q has %d codes, not %d", ErrKeyConflict, e.ID, n, e.Count)
	}
	return codes, parts, ended, nil
}

// exportRest takes the rest of an export of which some codes are taken in some parts.
// REQUIRES: the token of its key.
func (s *Store) exportRest(ctx context.Context, b *batch, e *Export, taken, parts int) (codes []string, err error) {
	rest, err := s.reserveFor(ctx, b, e.Count-taken, e.Partial)
	if err != nil {
		return nil, err
	}
	if rest == 0 && taken == 0 {
		return nil, s.afterAll(ctx, fmt.Errorf("%w: batch %q has none", ErrEmpty, b.Name))
	}
	var last *group
	for ended := false; !ended; parts++ {
		n := min(rest, MaxIssue)
		rest -= n
		ended = rest == 0
		d := Draw{Ref: e.Ref, Key: e.key(parts), export: true, reserved: true, user: e.Account, last: ended}
		seen := keyView{hash: keyHash(keyExport, d.Key)}
		got, g, err := s.draw(ctx, b, n, d, &seen)
		if err != nil {
			b.giveBack(int64(rest))
			return nil, err
		}
		codes, last = append(codes, got.codes...), g
	}
	return codes, last.wait(ctx)
}

// reserveFor reserves n codes of the stock, or with partial as many as there are.
func (s *Store) reserveFor(ctx context.Context, b *batch, n int, partial bool) (int, error) {
	for !b.reserve(int64(n)) {
		if have, short := b.short(int64(n)); short && partial {
			n = int(have)
			continue
		} else if short && b.now.flags.Load()&flagRetired != 0 { // since the request was let in
			return 0, s.afterAll(ctx, b.mayDraw(s.now()))
		} else if short {
			return 0, s.afterAll(ctx, fmt.Errorf("%w: batch %q has %d, asked for %d", ErrEmpty, b.Name, have, n))
		}
		if s.closed.Load() {
			return 0, ErrClosed
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		runtime.Gosched() // others have reserved it, and take it or give it back
	}
	return n, nil
}
