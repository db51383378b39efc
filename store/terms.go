package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"codepool/shard"
)

// terms are what of a batch can change (change.go). They are in the ledger whole with
// each change, and those that are not as the batch was made in the checkpoint.
type terms struct {
	Batch   uint32
	From    int64 // window, µs: From ≤ now < Until
	Until   int64
	Paused  bool
	Revoked bool
	Retired bool
	// Returned is no term but goes with them: see flagReturned.
	Returned bool
}

// appendTo encodes terms: batch (4 bytes), window (8 each), flags (1).
func (t terms) appendTo(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, t.Batch)
	b = binary.LittleEndian.AppendUint64(b, uint64(t.From))
	b = binary.LittleEndian.AppendUint64(b, uint64(t.Until))
	return append(b, byte(t.flags()))
}

// terms reads what appendTo wrote.
func (d *decoder) terms() terms {
	t := terms{Batch: d.uint32(), From: int64(d.uint64()), Until: int64(d.uint64())}
	flags := d.byte()
	d.bad = d.bad || flags >= flagChanging
	t.setFlags(uint32(flags))
	return t
}

func (t *terms) setFlags(flags uint32) {
	t.Paused, t.Revoked = flags&flagPaused != 0, flags&flagRevoked != 0
	t.Returned, t.Retired = flags&flagReturned != 0, flags&flagRetired != 0
}

func (t terms) flags() (flags uint32) {
	if t.Paused {
		flags |= flagPaused
	}
	if t.Revoked {
		flags |= flagRevoked
	}
	if t.Returned {
		flags |= flagReturned
	}
	if t.Retired {
		flags |= flagRetired
	}
	return flags
}

// changedTerms returns the terms of the batches that are not as they were made.
func (s *Store) changedTerms() (out []terms) {
	for _, b := range *s.batches.Load() {
		if b == nil {
			continue
		}
		made := windowOf(b.NotBefore, b.NotAfter)
		made.Batch = uint32(b.ID)
		if t := b.terms(); t != made {
			out = append(out, t)
		}
	}
	return out
}

const forever = 1<<63 - 1

// windowOf returns terms with a window; a zero time leaves that end open.
func windowOf(notBefore, notAfter time.Time) terms {
	t := terms{From: -forever, Until: forever}
	if !notBefore.IsZero() {
		t.From = ceilMicro(notBefore)
	}
	if !notAfter.IsZero() {
		t.Until = ceilMicro(notAfter)
	}
	return t
}

// window is the opposite of windowOf.
func (t terms) window() (notBefore, notAfter time.Time) {
	if t.From != -forever {
		notBefore = instant(t.From)
	}
	if t.Until != forever {
		notAfter = instant(t.Until)
	}
	return notBefore, notAfter
}

// ceilMicro is the first time of the ledger that is not before t.
func ceilMicro(t time.Time) int64 { return t.Add(time.Microsecond - 1).UnixMicro() }

// liveTerms are the terms of a batch as requests read them, without a lock.
type liveTerms struct {
	from, until atomic.Int64
	flags       atomic.Uint32
}

const (
	flagPaused = 1 << iota
	flagRevoked
	// flagReturned says that a code of the batch has gone back to stock at some time, or
	// rests before it does: an older draw of it may not have it any more.
	flagReturned
	flagRetired
	// flagChanging is set while a change is about to be journaled: what is decided about
	// the batch's codes waits for it.
	flagChanging
)

// set stores terms and ends a change. REQUIRES: nobody decides by them meanwhile.
func (l *liveTerms) set(t terms) {
	l.from.Store(t.From)
	l.until.Store(t.Until)
	l.flags.Store(t.flags())
}

func (b *batch) terms() terms {
	t := terms{Batch: uint32(b.ID), From: b.now.from.Load(), Until: b.now.until.Load()}
	t.setFlags(b.now.flags.Load())
	return t
}

func (b *batch) revoked() bool  { return b.now.flags.Load()&flagRevoked != 0 }
func (b *batch) returned() bool { return b.now.flags.Load()&flagReturned != 0 }
func (b *batch) retired() bool  { return b.now.flags.Load()&flagRetired != 0 }

// isRevoked is ErrRevoked for whoever asks for the batch, not for a code.
func (b *batch) isRevoked() error { return inWords(ErrRevoked, "batch %q was revoked", b.Name) }

// isRetired is ErrRetired.
func (b *batch) isRetired() error { return inWords(ErrRetired, "batch %q was retired", b.Name) }

// noteReturned says that a code is about to go back to stock.
func (b *batch) noteReturned() {
	if !b.returned() {
		b.now.flags.Or(flagReturned)
	}
}

// seen is the state in which callers see a code of the batch: what is being drawn is in
// stock yet, and in a batch that is revoked what is not redeemed is revoked. With the
// shard in hand its mark covers the batch's change.
func (b *batch) seen(st shard.State) shard.State {
	switch {
	case b.revoked() && st != shard.Redeemed:
		return shard.Revoked
	case st == shard.Drawing:
		return shard.Available
	}
	return st
}

// errAgain is judge's way to say "ask again": a draw that takes the code, or a change of
// its batch, is about to be journaled.
var errAgain = errors.New("ask again")

// judge is the rule of redemption, in its only place: whether a code in state st of
// batch b can be redeemed at a time in microseconds. An ended life is reported
// before the window: "already redeemed" stays the answer after expiry.
func (b *batch) judge(st shard.State, at int64) error {
	flags := b.now.flags.Load()
	if flags&flagChanging != 0 {
		return errAgain
	}
	switch st {
	case shard.Redeemed:
		return ErrAlreadyRedeemed
	case shard.Pending, shard.Void:
		return ErrUnknownCode
	case shard.Revoked:
		return ErrRevoked
	}
	if flags&flagRevoked != 0 {
		return ErrRevoked
	}
	switch st {
	case shard.Available:
		if !b.FromStock {
			return ErrNotIssued
		}
	case shard.Drawing: // before the draw as after it a code of such a batch can be redeemed
		if b.FromStock {
			return errAgain
		}
		return ErrNotIssued
	case shard.Leased:
		return ErrNotIssued
	case shard.Held:
		return ErrReserved
	}
	if err := b.inWindow(at); err != nil {
		return err
	}
	switch {
	case flags&flagPaused != 0:
		return ErrPaused
	case flags&flagRetired != 0:
		return ErrRetired
	}
	return nil
}

// inWindow is the rule of when codes are valid.
func (b *batch) inWindow(at int64) error {
	switch {
	case at < b.now.from.Load():
		return ErrNotYetValid
	case at >= b.now.until.Load():
		return ErrExpired
	}
	return nil
}

// mayConfirm is the rule of redeeming what is reserved: a reservation outlasts the window.
func (b *batch) mayConfirm() error {
	switch flags := b.now.flags.Load(); {
	case flags&flagChanging != 0:
		return errAgain
	case flags&flagRevoked != 0:
		return b.isRevoked()
	case flags&flagPaused != 0:
		return fmt.Errorf("%w: batch %q", ErrPaused, b.Name)
	}
	return nil
}

// mayDraw is the rule of drawing from a batch. Whether a change is about to be journaled
// does not matter: a draw asks again where changes are kept out (Store.draws).
func (b *batch) mayDraw(at int64) error {
	flags := b.now.flags.Load()
	switch {
	case flags&flagRevoked != 0:
		return b.isRevoked()
	case at >= b.now.until.Load():
		_, notAfter := b.terms().window()
		return inWords(ErrExpired, "batch %q ended at %s", b.Name, stamp(notAfter))
	case flags&flagPaused != 0:
		return fmt.Errorf("%w: batch %q", ErrPaused, b.Name)
	case flags&flagRetired != 0:
		return b.isRetired()
	}
	return nil
}
