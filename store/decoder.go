package store

import (
	"encoding/binary"

	"codepool/shard"
)

// decoder reads a record; after the first short read it stays bad and gives zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) uint32() uint32 {
	if len(d.b) < 4 {
		d.bad, d.b = true, nil
		return 0
	}
	v := binary.LittleEndian.Uint32(d.b)
	d.b = d.b[4:]
	return v
}

func (d *decoder) uint64() uint64 { return uint64(d.uint32()) | uint64(d.uint32())<<32 }

func (d *decoder) bytes(n uint64) []byte {
	if uint64(len(d.b)) < n {
		d.bad, d.b = true, nil
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() []byte { return d.bytes(d.uvarint()) }

// next decodes one record after the time marks before it. It returns false at the
// end of the input or when d turned bad.
func (d *decoder) next(r *record, at *int64) bool {
	for len(d.b) > 0 && !d.bad {
		*r = record{kind: d.byte()}
		switch r.kind {
		case recTime:
			v := d.uvarint()
			*at += int64(v>>1) ^ -int64(v&1)
			continue
		case recRun:
			r.run, r.batch, r.count = uint32(d.uvarint()), uint32(d.uvarint()), uint32(d.uvarint())
			r.initial = shard.State(d.byte())
			r.ref = d.text()
		case recIssue, recTake:
			d.draw(r)
		case recExport:
			d.draw(r)
			r.user, r.last = d.text(), d.byte() != 0
		case recLease:
			r.until = int64(d.uint64())
			d.draw(r)
		case recRedeem:
			d.burn(r)
		case recHold:
			r.until, r.to = int64(d.uint64()), shard.State(d.byte())
			d.bad = d.bad || !storable(r.to)
			d.burn(r)
		case recConfirm:
			r.lease = d.uvarint()
			d.burn(r)
		case recAcknowledge, recGiveBack, recCancel, recOver, recReturn:
			r.lease, r.to = d.uvarint(), shard.State(d.byte())
			d.bad = d.bad || !storable(r.to)
			r.user, r.key = d.text(), d.text()
			r.drawn = d.codes()
		case recRelease, recUndo, recRevoke:
			d.burn(r)
			r.reason = d.text()
		case recRest:
			r.until = int64(d.uint64())
			d.burn(r)
			r.reason = d.text()
		case recTerms:
			r.event, r.terms = Event(d.byte()), d.terms()
			r.batch = r.terms.Batch
			r.user, r.reason = d.text(), d.text()
		case recShare, recClaim, recUnclaim, recShareEnd:
			d.shareRecord(r)
		default:
			d.bad = true
		}
		r.at = *at
		return !d.bad
	}
	return false
}

func (d *decoder) draw(r *record) {
	r.batch = uint32(d.uvarint())
	r.ref, r.key = d.text(), d.text()
	r.drawn = d.codes()
}

func (d *decoder) burn(r *record) {
	r.run, r.ordinal = uint32(d.uvarint()), d.uint32()
	r.user, r.key = d.text(), d.text()
}

// codes passes over groups of codes and returns them as they are.
func (d *decoder) codes() []byte {
	all := d.b
	for groups := d.uvarint(); groups > 0 && !d.bad; groups-- {
		d.uvarint()
		n := d.uvarint()
		if n > uint64(len(d.b)) {
			d.bad = true
			break
		}
		d.bytes(4 * n)
	}
	return all[:len(all)-len(d.b)]
}

// passRedeems passes over redemptions, most of them at the most, and returns how many. It
// stops before what is no whole redemption.
func (d *decoder) passRedeems(most uint64) (passed uint64) {
	b := d.b // in a local variable: d escapes, and each step would be a store to the heap
	for ; passed < most && len(b) > 0 && b[0] == recRedeem; passed++ {
		_, n := binary.Uvarint(b[1:])
		user := 1 + n + 4
		if n <= 0 || user > len(b) {
			break
		}
		key, ok := passText(b, user)
		if !ok {
			break
		}
		end, ok := passText(b, key)
		if !ok {
			break
		}
		b = b[end:]
	}
	d.b = b
	return passed
}

// passText returns where the text that begins at from ends.
func passText(b []byte, from int) (end int, ok bool) {
	n, size := binary.Uvarint(b[from:])
	if size <= 0 || n > uint64(len(b)-from-size) {
		return 0, false
	}
	return from + size + int(n), true
}

// openEntry checks an entry and returns a decoder of its n records.
func openEntry(key, value []byte) (d decoder, first, n uint64, err error) {
	body, err := unseal(key, value)
	if err != nil {
		return d, 0, 0, err
	}
	if len(key) != entryKeyLen || len(body) < entryHead-4 {
		return d, 0, 0, corrupt(key, "entry is too short")
	}
	first = binary.LittleEndian.Uint64(body)
	n = uint64(binary.LittleEndian.Uint32(body[8:]))
	if first != binary.BigEndian.Uint64(key[1:]) || n == 0 {
		return d, 0, 0, corrupt(key, "entry's number disagrees with its place")
	}
	return decoder{b: body[12:]}, first, n, nil
}

// recordIn calls f with a record of an entry, if that is in it.
func recordIn(key, value []byte, number uint64, f func(*record) error) error {
	d, first, n, err := openEntry(key, value)
	if err != nil {
		return err
	}
	if number >= first && number-first < n {
		var r record
		var at int64
		for before := number - first; ; before-- {
			before -= d.passRedeems(before)
			if !d.next(&r, &at) {
				break
			}
			if before == 0 {
				r.number = number
				return f(&r)
			}
		}
	}
	return corrupt(entryKey(number), "record is missing")
}

// decodeEntry checks an entry and calls f for each of its records in order, until f
// returns an error.
func decodeEntry(key, value []byte, f func(*record) error) (first, last uint64, err error) {
	d, first, n, err := openEntry(key, value)
	if err != nil {
		return 0, 0, err
	}
	var r record
	var at int64
	number := first
	for d.next(&r, &at) {
		r.number = number
		number++
		if f != nil {
			if err := f(&r); err != nil {
				return first, first + n - 1, err
			}
		}
	}
	if d.bad || number != first+n {
		return 0, 0, corrupt(key, "entry holds another number of records than it says")
	}
	return first, first + n - 1, nil
}
