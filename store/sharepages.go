package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"codepool/store/internal/journal"
)

// A checkpoint writes the states of the shared batches that are in memory into pages under
// its own number, as it does the numbers of leases (leasepages.go); what a shared batch is
// stands in the ledger. A state is of a record of its own, asOf, which may be later than the
// checkpoint: replay leaves out what the state has.
//
//	number, asOf, flags (1: it has ended, somebody ended it), shares and worth that were
//	left at the end; claims, or for a split a bit a share
const (
	shareHasEnded = 1 << iota
	shareEndedBy
)

// sharePage is how many bytes of states fill a page.
const sharePage = 64 << 10

func shareKey(checkpoint uint64, page uint32) []byte {
	k := binary.BigEndian.AppendUint64(append(make([]byte, 0, 13), keyShares), checkpoint)
	return binary.BigEndian.AppendUint32(k, page)
}

// sharePages encodes the states of the shared batches that were created up to c.Upto, notes
// in c which pages they are, and returns the last record that one of them can hold.
func (s *Store) sharePages(c *checkpointRecord) (pairs []journal.Pair, last uint64) {
	all := slices.DeleteFunc(s.shares.sorted(0), func(sh *shared) bool { return sh.number.Load() > c.Upto })
	c.SharePages, c.Shares = 0, 0
	var b []byte
	flush := func() {
		key := shareKey(c.Number, c.SharePages)
		p := journal.Pair{Key: key, Value: seal(key, b)}
		pairs, b = append(pairs, p), b[:0]
		c.SharePages++
		c.Shares += shareOf(key, sumOf(p.Value))
	}
	for _, sh := range all {
		b, last = s.appendShareState(b, sh)
		if len(b) >= sharePage {
			flush()
		}
	}
	if len(b) > 0 {
		flush()
	}
	return pairs, last
}

// appendShareState encodes the state of a shared batch, and returns the record it is of.
func (s *Store) appendShareState(b []byte, sh *shared) ([]byte, uint64) {
	sh.lockAll()
	defer sh.unlockAll()
	asOf := s.com.lastRecord() // records of it are appended with a stripe held
	b = binary.AppendUvarint(b, sh.number.Load())
	b = binary.AppendUvarint(b, asOf)
	flags := byte(0)
	if sh.ended && sh.endLeft > 0 {
		flags |= shareHasEnded
	}
	if sh.endBy {
		flags |= shareEndedBy
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(sh.endLeft))
	b = binary.AppendUvarint(b, uint64(sh.endSum))
	if sh.parts == nil {
		return binary.AppendUvarint(b, uint64(sh.count-sh.leftLocked())), asOf
	}
	for i := range (len(sh.parts) + 7) / 8 {
		b = append(b, byte(sh.taken[i/8]>>(i%8*8)))
	}
	return b, asOf
}

// loadShares puts the shared batches that the checkpoint saw into the table. What each is
// stands in the ledger, where neighbours share an entry.
func (s *Store) loadShares(v journal.Reader, c *checkpointRecord) error {
	if c.Tokens {
		s.shares.some.Store(true)
	}
	var sum, before uint64
	var found entryDefs
	for page := range c.SharePages {
		key := shareKey(c.Number, page)
		value, err := v.Get(key)
		if err != nil {
			return err
		}
		body, err := unseal(key, value)
		if err != nil {
			return err
		}
		sum += shareOf(key, sumOf(value))
		for d := (decoder{b: body}); len(d.b) > 0; {
			number := d.uvarint()
			if d.bad || number <= before || number > c.Upto {
				return corrupt(key, "it names shared batches that cannot be")
			}
			before = number
			def, err := found.of(v, number)
			if err != nil {
				return err
			}
			if err := s.loadShare(&d, number, def); err != nil || d.bad {
				return corrupt(key, fmt.Sprintf("the state of shared batch %d makes no sense", number))
			}
		}
	}
	return c.checkShares(sum)
}

// loadShare puts one shared batch into the table.
func (s *Store) loadShare(d *decoder, number uint64, def sharedDef) error {
	sh := newShared(def)
	sh.asOf = d.uvarint()
	flags := d.byte()
	left, sum := int64(d.uvarint()), int64(d.uvarint())
	if sh.parts == nil {
		claimed := d.uvarint()
		if claimed > uint64(sh.count) {
			return ErrCorrupt
		}
		sh.spread(sh.count - int64(claimed))
	} else {
		sh.stripes[0].left = 0
		for i, bits := range d.bytes(uint64(len(sh.parts)+7) / 8) {
			for j := range 8 {
				if part := i*8 + j; part < len(sh.parts) && bits>>j&1 == 0 {
					sh.stripes[0].left++
				} else if part < len(sh.parts) {
					sh.setTaken(part, true)
				} else if bits>>j&1 != 0 {
					return ErrCorrupt
				}
			}
		}
	}
	if flags&shareHasEnded != 0 {
		sh.setEnded(flags&shareEndedBy != 0, left, sum)
	}
	return s.restoreShared(sh, number)
}

// restoreShared makes a shared batch of an earlier process known.
func (s *Store) restoreShared(sh *shared, number uint64) error {
	// The token was free, also if the clock was set back since to when it was taken.
	if !s.shares.reserve(sh, forever-1) {
		return ErrCorrupt
	}
	s.shares.publish(sh, number)
	return nil
}

// entryDefs decodes the definitions of one entry of the ledger at a time.
type entryDefs struct {
	first, last uint64
	defs        map[uint64]sharedDef
}

func (e *entryDefs) of(v journal.Reader, number uint64) (def sharedDef, err error) {
	if number < e.first || number > e.last || e.defs == nil {
		k, value, err := lastEntry(v, number)
		if err != nil {
			return def, err
		}
		if k == nil {
			return def, corrupt(entryKey(number), "entry is missing")
		}
		e.defs = map[uint64]sharedDef{}
		e.first, e.last, err = decodeEntry(k, value, func(r *record) error {
			if r.kind != recShare {
				return nil
			}
			d, err := sharedDefOf(r)
			e.defs[r.number] = d
			return err
		})
		if err != nil {
			return def, err
		}
	}
	def, ok := e.defs[number]
	if !ok {
		return def, corrupt(entryKey(number), "it is no shared batch, and a checkpoint names it as one")
	}
	return def, nil
}

// checkShares compares the sum of the share pages that were found with the record's.
func (c *checkpointRecord) checkShares(sum uint64) error {
	if sum != c.Shares {
		return &CorruptError{What: "share pages", Why: fmt.Sprintf("they are not those of checkpoint %d", c.Number)}
	}
	return nil
}

// applyShare replays what a record says of a shared batch. What it says of one that is not
// in memory is of one whose token was free before the checkpoint.
func (s *Store) applyShare(r *record) error {
	if r.kind == recShare {
		def, err := sharedDefOf(r)
		if err != nil {
			return err
		}
		if s.shares.byNumber(r.number) != nil {
			return nil
		}
		if s.restoreShared(newShared(def), r.number) != nil {
			return corrupt(entryKey(r.number), "its token is taken by another shared batch")
		}
		return nil
	}
	sh := s.shares.byNumber(r.shared)
	if sh == nil || r.number <= sh.asOf {
		return nil
	}
	sh.lockAll()
	defer sh.unlockAll()
	part := int(r.ordinal)
	switch {
	case sh.parts != nil && r.kind != recShareEnd && part >= len(sh.parts):
		return corrupt(entryKey(r.number), "it names a share that does not exist")
	case r.kind == recClaim:
		left := sh.leftLocked()
		if left == 0 {
			return corrupt(entryKey(r.number), "it claims a share and none is left")
		}
		sh.spread(left - 1)
		if sh.parts != nil {
			sh.setTaken(part, true)
		}
	case r.kind == recUnclaim:
		sh.giveBackLocked(&sh.stripes[0], part)
		sh.soldOut.Store(false)
	case r.kind == recShareEnd:
		sh.setEnded(r.last, r.shares, r.amount)
		s.shares.reschedule(sh)
	}
	return nil
}

// writeShares writes the pages of checkpoint c, once what they hold is durable.
func (s *Store) writeShares(ctx context.Context, c *checkpointRecord) error {
	pairs, last := s.sharePages(c)
	if err := s.com.waitRecord(ctx, last); err != nil {
		return err
	}
	return s.commitBehind(pairs)
}
