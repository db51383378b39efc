package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"codepool/shard"
	"codepool/store/internal/journal"
)

// plainRecord is a ledger record as a slow reader finds it.
type plainRecord struct {
	kind         byte
	at           int64
	run, ordinal uint32
	batch, count uint32
	initial      byte
	who, key     string
	reason       string
	event        byte
	terms        terms
	drawn        []drawnCode
	lease        uint64
	until        int64
	to           byte
	ref          string // recExport and recUnclaim, which have who too
	last         bool
	shared       uint64
	amount       int64
	shares       int64
	def          string
}

func (r *plainRecord) String() string { return fmt.Sprintf("%+v", *r) }

// plainOf copies what the decoder found.
func plainOf(r *record) plainRecord {
	p := plainRecord{kind: r.kind, at: r.at, run: r.run, ordinal: r.ordinal, batch: r.batch, count: r.count, initial: byte(r.initial), key: string(r.key), reason: string(r.reason), event: byte(r.event), terms: r.terms, lease: r.lease, until: r.until, to: byte(r.to),
		last: r.last, shared: r.shared, amount: r.amount, shares: r.shares, def: string(r.def)}
	if p.who = string(r.user) + string(r.ref); r.kind == recExport || r.kind == recUnclaim { // else never both
		p.who, p.ref = string(r.user), string(r.ref)
	}
	if len(r.drawn) > 0 {
		r.eachDrawn(func(run, ordinal uint32) { p.drawn = append(p.drawn, drawnCode{run, ordinal}) })
	}
	return p
}

func samePlain(a, b plainRecord) bool {
	drawn := slices.Equal(a.drawn, b.drawn)
	a.drawn, b.drawn = nil, nil
	return drawn && fmt.Sprint(a) == fmt.Sprint(b)
}

// slowReader reads the format of record.go's first comment, byte by byte.
type slowReader struct {
	bytes.Reader
	bad bool
}

func (s *slowReader) number() uint64 {
	v, err := binary.ReadUvarint(&s.Reader)
	s.bad = s.bad || err != nil
	return v
}

func (s *slowReader) fixed(n uint64) []byte {
	if n > uint64(s.Len()) {
		s.bad = true
		return nil
	}
	b := make([]byte, n)
	_, err := io.ReadFull(&s.Reader, b)
	s.bad = s.bad || err != nil
	return b
}

func (s *slowReader) uint32() uint32 {
	if b := s.fixed(4); !s.bad {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (s *slowReader) uint64() uint64 { return uint64(s.uint32()) | uint64(s.uint32())<<32 }

func (s *slowReader) codes() (out []drawnCode) {
	for groups := s.number(); groups > 0 && !s.bad; groups-- {
		run := uint32(s.number())
		for n := s.number(); n > 0 && !s.bad; n-- {
			out = append(out, drawnCode{run, s.uint32()})
		}
	}
	return out
}

func (s *slowReader) byte() byte {
	b, err := s.ReadByte()
	s.bad = s.bad || err != nil
	return b
}

func (s *slowReader) text() string { return string(s.fixed(s.number())) }

// slowRecords reads the records of an entry; ok is false if they are malformed.
func slowRecords(body []byte) (out []plainRecord, ok bool) {
	s := slowReader{Reader: *bytes.NewReader(body)}
	at := int64(0)
	for s.Len() > 0 && !s.bad {
		r := plainRecord{kind: s.byte()}
		switch r.kind {
		case recTime:
			v := s.number()
			d := int64(v / 2)
			if v%2 == 1 {
				d = -d - 1
			}
			at += d
			continue
		case recRun:
			r.run, r.batch, r.count, r.initial = uint32(s.number()), uint32(s.number()), uint32(s.number()), s.byte()
			r.who = s.text()
		case recIssue, recTake:
			r.batch, r.who, r.key = uint32(s.number()), s.text(), s.text()
			r.drawn = s.codes()
		case recExport:
			r.batch, r.ref, r.key = uint32(s.number()), s.text(), s.text()
			r.drawn = s.codes()
			r.who, r.last = s.text(), s.byte() != 0
		case recLease:
			r.until = int64(s.uint64())
			r.batch, r.who, r.key = uint32(s.number()), s.text(), s.text()
			r.drawn = s.codes()
		case recHold:
			r.until, r.to = int64(s.uint64()), s.byte()
			s.bad = s.bad || !stateOnDisk(r.to)
			r.run, r.ordinal, r.who, r.key = uint32(s.number()), s.uint32(), s.text(), s.text()
		case recConfirm:
			r.lease = s.number()
			r.run, r.ordinal, r.who, r.key = uint32(s.number()), s.uint32(), s.text(), s.text()
		case recRest:
			r.until = int64(s.uint64())
			r.run, r.ordinal, r.who, r.key, r.reason = uint32(s.number()), s.uint32(), s.text(), s.text(), s.text()
		case recAcknowledge, recGiveBack, recCancel, recOver, recReturn:
			r.lease, r.to = s.number(), s.byte()
			s.bad = s.bad || !stateOnDisk(r.to)
			r.who, r.key = s.text(), s.text()
			r.drawn = s.codes()
		case recRedeem:
			r.run, r.ordinal, r.who, r.key = uint32(s.number()), s.uint32(), s.text(), s.text()
		case recRelease, recUndo, recRevoke:
			r.run, r.ordinal, r.who, r.key, r.reason = uint32(s.number()), s.uint32(), s.text(), s.text(), s.text()
		case recTerms:
			r.event, r.batch = s.byte(), s.uint32()
			r.terms = terms{Batch: r.batch, From: int64(s.uint64()), Until: int64(s.uint64())}
			flags := s.byte()
			s.bad = s.bad || flags > 15
			r.terms.Paused, r.terms.Revoked, r.terms.Returned, r.terms.Retired = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0
			r.who, r.reason = s.text(), s.text()
		case recShare:
			r.key, r.who, r.def = s.text(), s.text(), s.text()
		case recClaim:
			r.shared, r.ordinal, r.amount = s.number(), uint32(s.number()), int64(s.number())
			r.who, r.key = s.text(), s.text()
		case recUnclaim:
			r.shared, r.lease, r.ordinal, r.amount = s.number(), s.number(), uint32(s.number()), int64(s.number())
			r.ref, r.who, r.key, r.reason = s.text(), s.text(), s.text(), s.text()
		case recShareEnd:
			r.shared, r.last, r.shares, r.amount = s.number(), s.byte() != 0, int64(s.number()), int64(s.number())
			r.who, r.key, r.reason = s.text(), s.text(), s.text()
		default:
			s.bad = true
		}
		r.at = at
		out = append(out, r)
	}
	return out, !s.bad
}

// encode appends a record as the store does.
func (p *plainRecord) encode(b []byte) []byte {
	switch p.kind {
	case recRun:
		return appendRun(b, p.run, p.batch, p.count, shard.State(p.initial), p.who)
	case recIssue:
		return appendIssue(b, p.batch, p.who, p.key, p.drawn)
	case recRedeem:
		return appendRedeem(b, p.run, p.ordinal, p.who, p.key)
	}
	switch p.kind {
	case recTerms:
		return appendTerms(b, Event(p.event), p.terms, p.who, p.reason)
	case recExport:
		return appendExport(b, p.batch, Draw{Ref: p.ref, Key: p.key, user: p.who, last: p.last}, p.drawn)
	case recTake:
		return appendDraw(append(b, recTake), p.batch, p.who, p.key, p.drawn)
	case recLease:
		return appendLease(b, p.until, p.batch, p.who, p.key, p.drawn)
	case recHold:
		return appendHold(b, p.until, shard.State(p.to), p.run, p.ordinal, p.who, p.key)
	case recConfirm:
		return appendConfirm(b, p.lease, p.run, p.ordinal, p.who, p.key)
	case recShare: // its definition is text here
		return appendString(appendString(appendString(append(b, recShare), p.key), p.who), p.def)
	case recClaim:
		return appendClaim(b, p.shared, int(p.ordinal), p.amount, p.who, p.key)
	case recUnclaim:
		claim := &record{shared: p.shared, number: p.lease, ordinal: p.ordinal, amount: p.amount, user: []byte(p.ref)}
		return appendUnclaim(b, claim, &ClaimChange{By: p.who, Key: p.key, Reason: p.reason})
	case recShareEnd:
		return appendShareEnd(b, p.shared, p.last, p.shares, p.amount, p.who, p.key, p.reason)
	case recRest:
		return appendRest(b, p.until, p.run, p.ordinal, &Change{By: p.who, Key: p.key, Reason: p.reason})
	case recAcknowledge, recGiveBack, recCancel, recOver, recReturn:
		return appendEnd(b, p.kind, shard.State(p.to), &lease{number: p.lease, codes: p.drawn}, p.who, p.key)
	}
	return appendStep(b, p.kind, p.run, p.ordinal, &Change{By: p.who, Key: p.key, Reason: p.reason})
}

// writeRecords writes records through group and committer, as groups are written.
func writeRecords(t *testing.T, first uint64, records []plainRecord) memEngine {
	t.Helper()
	eng := memEngine{}
	c := &committer{eng: &journal.Fuse{Engine: eng}}
	g := newGroup(1, nil)
	for i := range records {
		g.add(first+uint64(i), records[i].at, records[i].encode(nil), 1)
	}
	if err := c.write(g); err != nil {
		t.Fatal(err)
	}
	return eng
}

// FuzzEntry gives the decoder of ledger entries a head and a body behind a right
// checksum. With fit the head says as many records as the body has. With short that many
// bytes of the head are missing, and the body.
func FuzzEntry(f *testing.F) {
	payloads(storedPairs(f), keyEntry, func(key, p []byte) {
		if len(key) == entryKeyLen {
			f.Add(binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint32(p[8:]), false, p[12:], byte(0))
			f.Add(uint64(1<<64-1), uint32(1), true, p[12:], byte(0))
		}
	})
	f.Add(uint64(1), uint32(1), true, []byte{recIssue, 1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1, 0}, byte(0))
	f.Add(uint64(1), uint32(1), true, []byte{recIssue, 1, 0, 0, 1, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1}, byte(0))
	f.Add(uint64(1), uint32(1), true, []byte{recIssue, 1, 0, 0, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40}, byte(0)) // four times this is 0
	f.Add(uint64(1), uint32(1), true, []byte{recRedeem, 1, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F}, byte(0))
	f.Add(uint64(1), uint32(1), true, []byte("\x07\x01\x02\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x80\xff\xff\xff\xff\xff\xff\xff\x7f\x09\x04desk\x04leak"), byte(0)) // paused and retired
	f.Add(uint64(1), uint32(1), true, []byte("\x15\x01\x02\x00\x00\x00\x04desk\x00\x06leaked"), byte(0))
	f.Add(uint64(1), uint32(1), false, []byte{}, byte(1))
	f.Fuzz(func(t *testing.T, first uint64, count uint32, fit bool, body []byte, short byte) {
		want, whole := slowRecords(body)
		if fit {
			count = uint32(len(want))
		}
		key := entryKey(first)
		value := binary.LittleEndian.AppendUint64(make([]byte, 4), first)
		value = append(binary.LittleEndian.AppendUint32(value, count), body...)
		if cut := int(short) % (entryHead - 4 + 1); cut > 0 {
			value = value[:entryHead-cut]
			sealInPlace(key, value)
			_, _, err := decodeEntry(key, value, nil)
			refused(t, "a part of an entry's head", err)
			return
		}
		sealInPlace(key, value)
		var got []plainRecord
		var err error
		spends(t, len(body), func() {
			var n, drawn int
			_, _, err = decodeEntry(key, value, func(r *record) error {
				n++
				r.eachDrawn(func(uint32, uint32) { drawn++ })
				return nil
			})
			if n > len(body) || drawn > len(body)/4 {
				t.Fatalf("%d records and %d drawn codes from %d bytes", n, drawn, len(body))
			}
		})
		if lawful := whole && count > 0 && len(want) == int(count); lawful != (err == nil) {
			t.Fatalf("lawful is %v, the decoder says %v: %d records by the head, %v", lawful, err, count, want)
		}
		if err != nil {
			refused(t, "entry", err)
			if err := recordIn(key, value, first+uint64(count)-1, func(*record) error { return nil }); err != nil {
				refused(t, "last record", err) // it may be there, with what is wrong behind it
			}
			return
		}
		from, last, err := decodeEntry(key, value, func(r *record) error { got = append(got, plainOf(r)); return nil })
		if from != first || last != first+uint64(count)-1 || err != nil || !slices.EqualFunc(got, want, samePlain) {
			t.Fatalf("%d to %d, %v\n%v\nwant\n%v", from, last, err, got, want)
		}
		if first == 0 || last < first {
			return // no ledger has such a place
		}
		for i := range want {
			var found plainRecord
			err := recordIn(key, value, first+uint64(i), func(r *record) error { found = plainOf(r); return nil })
			if err != nil || !samePlain(found, want[i]) {
				t.Fatalf("record %d: %v, %v, want %v", i, &found, err, &want[i])
			}
		}
		refused(t, "a record behind the last", recordIn(key, value, last+1, func(*record) error { return nil }))
		sameLedger(t, writeRecords(t, first, got), first, first, got)
	})
}

// sameLedger checks that reading from a record on finds the records from it on.
func sameLedger(t *testing.T, v journal.Reader, first, from uint64, want []plainRecord) {
	t.Helper()
	next := from
	err := eachRecord(v, from, func(r *record) error {
		if i := r.number - first; r.number != next || i >= uint64(len(want)) || !samePlain(plainOf(r), want[i]) {
			t.Fatalf("record %d after %d is %+v", r.number, next-1, plainOf(r))
		}
		next++
		return nil
	})
	if err != nil || next != first+uint64(len(want)) {
		t.Fatalf("%d records from %d on, read to %d, %v", len(want), first, next, err)
	}
}

// script turns the fuzzer's bytes into choices.
type script []byte

func (s *script) byte() (b byte) {
	if len(*s) > 0 {
		b, *s = (*s)[0], (*s)[1:]
	}
	return b
}

func (s *script) uint32() (v uint32) {
	for range 4 {
		v = v<<8 | uint32(s.byte())
	}
	return v
}

func (s *script) text() string {
	n := min(int(s.byte()), len(*s))
	text := string((*s)[:n])
	*s = (*s)[n:]
	return text
}

// FuzzRecords writes records of the fuzzer's choice the way the store does, across
// several entries, and reads them back: all, from some record on, and one by one.
func FuzzRecords(f *testing.F) {
	f.Add([]byte{2, 1, 0, 0, 0, 9, 3, 'a', 'b', 'c', 1, 'k', 5, 200, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0})
	f.Add([]byte{1, 7, 0, 0, 0, 1, 1, 'r', 1, 'k', 12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 5, 255, 5, 255})
	f.Add(bytes.Repeat([]byte{0, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9, 3, 255, 255, 255, 255, 255, 255, 255, 255}, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		const most = 5000 // more than one entry holds
		s := script(data[:min(len(data), 1<<16)])
		first := uint64(s.byte())<<32 + 1
		pick := s.uint32()
		at := int64(0)
		var want []plainRecord
		for len(s) > 0 && len(want) < most {
			op := s.byte() % 6
			if op == 5 { // the same again, to fill entries
				for range min(int(s.byte())*32, most-len(want)) {
					if len(want) > 0 {
						want = append(want, want[len(want)-1])
					}
				}
				continue
			}
			at += int64(int32(s.uint32())) << (s.byte() % 40)
			r := plainRecord{kind: op + 1, at: at}
			switch r.kind {
			case recRun:
				r.run, r.batch, r.count, r.initial, r.who = s.uint32(), s.uint32(), s.uint32(), s.byte(), s.text()
			case recIssue:
				r.batch, r.who, r.key = s.uint32(), s.text(), s.text()
				for range s.byte() {
					r.drawn = append(r.drawn, drawnCode{s.uint32() >> 30, s.uint32()})
				}
			default:
				r.run, r.ordinal, r.who, r.key = s.uint32(), s.uint32(), s.text(), s.text()
			}
			want = append(want, r)
		}
		if len(want) == 0 {
			return
		}
		eng := writeRecords(t, first, want)
		for key, value := range eng {
			if _, _, err := decodeEntry([]byte(key), value, nil); err != nil {
				t.Fatal(err)
			}
			if n := binary.LittleEndian.Uint32(value[12:]); n > entryRecords || n > 1 && len(value) > entryBytes+64 {
				t.Fatalf("an entry of %d records in %d bytes", n, len(value))
			}
		}
		sameLedger(t, eng, first, first, want)
		some := first + uint64(pick)%uint64(len(want))
		sameLedger(t, eng, first, some, want)
		var got plainRecord
		if err := readRecord(eng, some, func(r *record) error { got = plainOf(r); return nil }); err != nil || !samePlain(got, want[some-first]) {
			t.Fatalf("record %d is %v, %v, want %v", some, got, err, want[some-first])
		}
		var c *CorruptError
		if err := readRecord(eng, first+uint64(len(want)), func(*record) error { return nil }); !errors.As(err, &c) {
			t.Fatalf("a record behind the end: %v", err)
		}
	})
}
