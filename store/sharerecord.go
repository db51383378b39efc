package store

import (
	"encoding/binary"
	"encoding/json"

	"github.com/cespare/xxhash/v2"

	"codepool/gen"
)

// sharedDef is what the record of its creation says of a shared batch.
type sharedDef struct {
	namespace, room, token          string
	name, batchKind, kindNo, reward string
	currency, sender                string
	format                          gen.Format
	fold                            gen.Fold
	random, notSender, senderOnly   bool
	perUser                         int // Unlimited, or at least 1
	count                           int64
	parts                           []int64 // nil: all alike
	total                           int64
	salt                            []byte // of a split that was committed to
	request                         uint64 // hash of what was asked for
	created, from, until, free      int64  // µs
}

func (d *sharedDef) roomID() roomID { return roomID{d.namespace, d.room, d.format} }

const (
	shareRandom = 1 << iota
	shareNotSender
	shareSenderOnly
	shareParted
	shareCommitted
)

// texts are those of the definition, in the order in which they are written.
func (d *sharedDef) texts() []*string {
	return []*string{
		&d.namespace, &d.room, &d.token, &d.name, &d.batchKind, &d.kindNo, &d.reward, &d.currency, &d.sender, &d.format.Prefix,
	}
}

// appendShare encodes a recShare: key, by whom, the definition's length, then flags (1), class (1), fold (1), length,
// group, per user (+1), count, from, until, free, hash of the request (8 each), the texts;
// salt (32) if it is committed to; the parts if there are any.
func appendShare(b []byte, d *sharedDef, key, by string) []byte {
	var buf [512]byte
	flags := byte(0)
	for i, set := range []bool{d.random, d.notSender, d.senderOnly, d.parts != nil, d.salt != nil} {
		if set {
			flags |= 1 << i
		}
	}
	body := append(buf[:0], flags, byte(d.format.Class), byte(d.fold))
	for _, n := range []int64{int64(d.format.Length), int64(d.format.Group), int64(d.perUser) + 1, d.count} {
		body = binary.AppendUvarint(body, uint64(n))
	}
	for _, n := range []uint64{uint64(d.from), uint64(d.until), uint64(d.free), d.request} {
		body = binary.LittleEndian.AppendUint64(body, n)
	}
	for _, t := range d.texts() {
		body = appendString(body, *t)
	}
	body = append(body, d.salt...)
	for _, p := range d.parts {
		body = binary.AppendUvarint(body, uint64(p))
	}
	b = appendString(appendString(append(b, recShare), key), by)
	return append(binary.AppendUvarint(b, uint64(len(body))), body...)
}

// sharedDefOf decodes the definition that a recShare holds.
func sharedDefOf(r *record) (d sharedDef, err error) {
	in := decoder{b: r.def}
	flags := in.byte()
	d.format.Class, d.fold = gen.Class(in.byte()), gen.Fold(in.byte())
	d.format.Length, d.format.Group = int(in.uvarint()), int(in.uvarint())
	d.perUser, d.count = int(in.uvarint())-1, int64(in.uvarint())
	d.from, d.until, d.free, d.request = int64(in.uint64()), int64(in.uint64()), int64(in.uint64()), in.uint64()
	for _, t := range d.texts() {
		*t = string(in.text())
	}
	d.random, d.notSender, d.senderOnly = flags&shareRandom != 0, flags&shareNotSender != 0, flags&shareSenderOnly != 0
	if flags&shareCommitted != 0 {
		d.salt = append(d.salt, in.bytes(uint64(len(gen.Salt{})))...)
	}
	if flags&shareParted != 0 && d.count <= gen.MaxParts {
		d.parts = make([]int64, d.count)
		for i := range d.parts {
			d.parts[i] = int64(in.uvarint())
			d.total += d.parts[i]
		}
	}
	d.created = r.at
	if in.bad || len(in.b) > 0 || d.count < 1 || d.count > MaxShares || flags&shareParted != 0 && d.parts == nil {
		return d, corrupt(entryKey(r.number), "its shared batch makes no sense")
	}
	return d, nil
}

// requestHash tells requests with one key apart.
func (d *Shared) requestHash() (uint64, error) {
	body, err := json.Marshal(d)
	return xxhash.Sum64(body), err
}

// appendClaim encodes a recClaim: shared batch, place of the share, its worth, user, key.
func appendClaim(b []byte, of uint64, part int, amount int64, user, key string) []byte {
	b = binary.AppendUvarint(append(b, recClaim), of)
	b = binary.AppendUvarint(b, uint64(part))
	b = binary.AppendUvarint(b, uint64(amount))
	return appendString(appendString(b, user), key)
}

// appendUnclaim encodes a recUnclaim: shared batch, number of the claim, place of the share,
// its worth, who had claimed it, by whom, key, reason.
func appendUnclaim(b []byte, claim *record, c *ClaimChange) []byte {
	b = binary.AppendUvarint(append(b, recUnclaim), claim.shared)
	b = binary.AppendUvarint(b, claim.number)
	b = binary.AppendUvarint(b, uint64(claim.ordinal))
	b = binary.AppendUvarint(b, uint64(claim.amount))
	b = appendString(b, string(claim.user))
	return appendString(appendString(appendString(b, c.By), c.Key), c.Reason)
}

// appendShareEnd encodes a recShareEnd: shared batch, whether somebody ended it (1), shares
// that were left, their worth, by whom, key, reason.
func appendShareEnd(b []byte, of uint64, somebody bool, left, amount int64, by, key, reason string) []byte {
	b = binary.AppendUvarint(append(b, recShareEnd), of)
	b = append(b, 0)
	if somebody {
		b[len(b)-1] = 1
	}
	b = binary.AppendUvarint(b, uint64(left))
	b = binary.AppendUvarint(b, uint64(amount))
	return appendString(appendString(appendString(b, by), key), reason)
}

// shareRecord decodes one of the records above.
func (d *decoder) shareRecord(r *record) {
	if r.kind == recShare {
		r.key, r.user, r.def = d.text(), d.text(), d.text()
		return
	}
	r.shared = d.uvarint()
	switch r.kind {
	case recClaim:
		r.ordinal, r.amount = uint32(d.uvarint()), int64(d.uvarint())
		r.user, r.key = d.text(), d.text()
	case recUnclaim:
		r.lease, r.ordinal, r.amount = d.uvarint(), uint32(d.uvarint()), int64(d.uvarint())
		r.ref, r.user, r.key, r.reason = d.text(), d.text(), d.text(), d.text()
	case recShareEnd:
		r.last, r.shares, r.amount = d.byte() != 0, int64(d.uvarint()), int64(d.uvarint())
		r.user, r.key, r.reason = d.text(), d.text(), d.text()
	}
}
