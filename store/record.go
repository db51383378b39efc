package store

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"

	"codepool/shard"
)

// The ledger is a sequence of records, numbered from 1, in entries of up to a few
// thousand. An entry is one value of the engine:
//
//	key    'j' | first number (8 bytes, big endian)
//	value  crc32c (4) | first number (8) | records (4) | records…      little endian
//
// The checksum covers key and value. A record is a kind byte and a body; strings
// are a uvarint length and bytes. Record kind recTime is not counted: it sets the
// time (microseconds since 1970, as a zigzag difference to the one before) of the
// records behind it. A record names a code by run and ordinal, which together with
// the run's pages is the whole code (I5).
const (
	recTime   = 0
	recRun    = 1 // a run of codes was added: run, batch, count, initial state, reference
	recIssue  = 2 // codes were drawn: batch, reference, key, then by run: run, n, n ordinals
	recRedeem = 3 // one code was burned: run, ordinal, user, key
	// One code took another step: run, ordinal, by whom, key, reason.
	recRelease = 4 // issued → available
	recUndo    = 5 // redeemed → issued
	recRevoke  = 6 // any that is neither redeemed nor revoked → revoked
	// A batch has other terms: event, the terms (terms.appendTo), by whom, reason.
	recTerms = 7
	// Codes were drawn for a time: until (8 bytes), then as recIssue.
	recLease = 8
	// One code is held for a user: until (8 bytes), state it has else (1), then as recRedeem.
	recHold = 9
	// A lease or hold has ended: its number, state of its codes now (1), by whom, key, its
	// codes by run.
	recAcknowledge = 10 // leased → issued
	recGiveBack    = 11 // leased → available
	recCancel      = 12 // held → as it was
	recOver        = 13 // time is over: as it was
	// A hold has become a redemption: its number, then as recRedeem.
	recConfirm = 14
	// As recIssue, and the redemptions of the same codes stand behind it in the same entry.
	recTake = 15
	// A redeemed code of a reusable batch goes back to stock: number of its redemption, then
	// as the end of a lease.
	recReturn = 16
	// As recRelease, but the code rests first: until (8 bytes), then as a step.
	recRest = 17 // issued → leased
	// As recIssue, and behind it: account, whether it is the last part of the export (1).
	recExport = 18
	// Of shared batches (sharerecord.go).
	recShare    = 19 // one was created
	recClaim    = 20 // a user took a share
	recUnclaim  = 21 // a claim was taken back
	recShareEnd = 22 // what was left went back

	entryHead = 16
	// An entry is closed at entryRecords records or entryBytes bytes. A reader of one
	// record reads, checks and decodes its entry: at 128 KiB a user's hundred receipts took
	// twelve times as long. The engine adds some 50 bytes to each.
	entryRecords = 4096
	entryBytes   = 2 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is a decoded ledger record. Strings are copies only where text was called.
type record struct {
	number uint64
	kind   byte
	at     int64 // microseconds since 1970

	run, ordinal uint32 // recRedeem, recRelease, recUndo, recRevoke; recRun: run
	batch        uint32 // recRun, recIssue, recTerms
	count        uint32 // recRun
	initial      shard.State
	user, ref    []byte // recRedeem: user; steps and recTerms: by whom; recRun, recIssue: reference
	key, reason  []byte
	event        Event       // recTerms
	terms        terms       // recTerms
	drawn        []byte      // recIssue, recLease, ends: the groups, see eachDrawn
	lease        uint64      // ends, recConfirm: number of the lease
	until        int64       // recLease, recHold
	last         bool        // recExport; recShareEnd: somebody ended it
	to           shard.State // ends: of the codes now; recHold: when it ends
	shared       uint64      // recClaim, recUnclaim, recShareEnd: the shared batch
	amount       int64       // of the same
	shares       int64       // recShareEnd
	def          []byte      // recShare
}

// clone copies a record whose texts alias the entry that it was read from.
func (r *record) clone() record {
	c := *r
	c.copyTexts(nil)
	return c
}

// copyTexts replaces the texts, which alias the entry that the record was read from, by
// copies that it appends to buf.
func (r *record) copyTexts(buf []byte) []byte {
	for _, t := range []*[]byte{&r.user, &r.ref, &r.key, &r.reason, &r.drawn, &r.def} {
		if n := len(buf); len(*t) > 0 {
			buf = append(buf, *t...)
			*t = buf[n:len(buf):len(buf)]
		}
	}
	return buf
}

// draws reports whether the record draws codes for a reference.
func (r *record) draws() bool {
	return r.kind == recIssue || r.kind == recLease || r.kind == recTake || r.kind == recExport
}

// handsOut reports whether the record binds codes to a reference: a draw does, and so does
// an import of codes that were handed out to one.
func (r *record) handsOut() bool { return r.draws() || r.kind == recRun && len(r.ref) > 0 }

// redeems reports whether the record is a redemption, which has a receipt.
func (r *record) redeems() bool { return r.kind == recRedeem || r.kind == recConfirm }

// returns reports whether the record puts a code back into stock.
func (r *record) returns(c drawnCode) (yes bool) {
	switch r.kind {
	case recRelease, recRest:
		return r.run == c.run && r.ordinal == c.ordinal
	case recGiveBack, recCancel, recOver, recReturn:
		if r.to == shard.Available {
			r.eachDrawn(func(run, ordinal uint32) { yes = yes || run == c.run && ordinal == c.ordinal })
		}
	}
	return yes
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendRedeem(b []byte, run, ordinal uint32, user, key string) []byte {
	return appendBurn(append(b, recRedeem), run, ordinal, user, key)
}

func appendBurn(b []byte, run, ordinal uint32, user, key string) []byte {
	b = binary.AppendUvarint(b, uint64(run))
	b = binary.LittleEndian.AppendUint32(b, ordinal)
	b = appendString(b, user)
	return appendString(b, key)
}

func appendStep(b []byte, kind byte, run, ordinal uint32, c *Change) []byte {
	return appendString(appendBurn(append(b, kind), run, ordinal, c.By, c.Key), c.Reason)
}

// appendRest encodes a release after which the code rests.
func appendRest(b []byte, until int64, run, ordinal uint32, c *Change) []byte {
	b = binary.LittleEndian.AppendUint64(append(b, recRest), uint64(until))
	return appendString(appendBurn(b, run, ordinal, c.By, c.Key), c.Reason)
}

func appendTerms(b []byte, event Event, t terms, by, reason string) []byte {
	b = t.appendTo(append(b, recTerms, byte(event)))
	return appendString(appendString(b, by), reason)
}

func appendRun(b []byte, run, batch, count uint32, initial shard.State, ref string) []byte {
	b = append(b, recRun)
	b = binary.AppendUvarint(b, uint64(run))
	b = binary.AppendUvarint(b, uint64(batch))
	b = binary.AppendUvarint(b, uint64(count))
	b = append(b, byte(initial))
	return appendString(b, ref)
}

// drawnCode is one code of a draw.
type drawnCode struct{ run, ordinal uint32 }

// compare orders codes by run and ordinal.
func (c drawnCode) compare(d drawnCode) int {
	if c.run != d.run {
		return cmp.Compare(c.run, d.run)
	}
	return cmp.Compare(c.ordinal, d.ordinal)
}

// appendIssue encodes a draw.
func appendIssue(b []byte, batch uint32, ref, key string, codes []drawnCode) []byte {
	return appendDraw(append(b, recIssue), batch, ref, key, codes)
}

// appendExport encodes a draw that is a part of an export.
func appendExport(b []byte, batch uint32, d Draw, codes []drawnCode) []byte {
	b = appendString(appendDraw(append(b, recExport), batch, d.Ref, d.Key, codes), d.user)
	if d.last {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendLease encodes a draw for a time.
func appendLease(b []byte, until int64, batch uint32, ref, key string, codes []drawnCode) []byte {
	b = binary.LittleEndian.AppendUint64(append(b, recLease), uint64(until))
	return appendDraw(b, batch, ref, key, codes)
}

func appendHold(b []byte, until int64, from shard.State, run, ordinal uint32, user, key string) []byte {
	b = binary.LittleEndian.AppendUint64(append(b, recHold), uint64(until))
	b = append(b, byte(from))
	return appendBurn(b, run, ordinal, user, key)
}

func appendConfirm(b []byte, lease uint64, run, ordinal uint32, user, key string) []byte {
	b = binary.AppendUvarint(append(b, recConfirm), lease)
	return appendBurn(b, run, ordinal, user, key)
}

func appendEnd(b []byte, kind byte, to shard.State, l *lease, by, key string) []byte {
	b = binary.AppendUvarint(append(b, kind), l.number)
	b = append(b, byte(to))
	return appendCodes(appendString(appendString(b, by), key), l.codes)
}

func appendDraw(b []byte, batch uint32, ref, key string, codes []drawnCode) []byte {
	b = binary.AppendUvarint(b, uint64(batch))
	return appendCodes(appendString(appendString(b, ref), key), codes)
}

// appendCodes encodes codes; equal runs that follow each other share a group.
func appendCodes(b []byte, codes []drawnCode) []byte {
	groups := uint64(0)
	for i := range codes {
		if i == 0 || codes[i].run != codes[i-1].run {
			groups++
		}
	}
	b = binary.AppendUvarint(b, groups)
	for i := 0; i < len(codes); {
		end := i + 1
		for end < len(codes) && codes[end].run == codes[i].run {
			end++
		}
		b = binary.AppendUvarint(b, uint64(codes[i].run))
		b = binary.AppendUvarint(b, uint64(end-i))
		for ; i < end; i++ {
			b = binary.LittleEndian.AppendUint32(b, codes[i].ordinal)
		}
	}
	return b
}

// eachDrawn calls f for each code of a record that has many.
func (r *record) eachDrawn(f func(run, ordinal uint32)) {
	d := decoder{b: r.drawn}
	for groups := d.uvarint(); groups > 0 && !d.bad; groups-- {
		run := uint32(d.uvarint())
		for n := d.uvarint(); n > 0 && !d.bad; n-- {
			f(run, d.uint32())
		}
	}
}

// codes returns the codes of a record that has many.
func (r *record) codes() (out []drawnCode) {
	if r.kind == recRun { // all of the run
		for ordinal := range r.count {
			out = append(out, drawnCode{r.run, ordinal})
		}
		return out
	}
	r.eachDrawn(func(run, ordinal uint32) { out = append(out, drawnCode{run, ordinal}) })
	return out
}
