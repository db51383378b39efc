package model

import (
	"fmt"
	"slices"

	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// exportKey is what an ID has exported.
type exportKey struct {
	b   *batch
	e   store.Export // with its reference
	got []string
}

// exportOp takes codes out of stock as a list.
type exportOp struct {
	b  *batch // nil: there is none
	e  store.Export
	at moment
}

func (m *model) anyExport(t *rapid.T) exportOp {
	if used := m.exported.order; len(used) > 0 && oneIn(t, 4) {
		k := used[len(used)-1-upTo(t, len(used)-1)]
		old, _ := m.exported.get(k)
		o := exportOp{old.b, old.e, m.anyMoment(t, old.b)}
		switch upTo(t, 9) {
		case 4:
			o.e.Override = !o.e.Override
		case 5:
			o.e.Partial = !o.e.Partial
		case 6:
			o.e.Count++
		case 7:
			o.e.Account = label(t, "owner")
		case 8:
			o.e.Ref = label(t, "order")
		case 9:
			o.b = m.anyBatch(t)
		}
		return o
	}
	d := m.anyDrawWith(t, m.exported.order)
	o := exportOp{d.b, store.Export{ID: d.key, Account: label(t, "owner"), Count: d.n, Override: oneIn(t, 4), Partial: oneIn(t, 3)}, d.at}
	if d.b != nil && oneIn(t, 2) {
		o.e.Account = d.b.Owner
	}
	if oneIn(t, 2) {
		o.e.Ref = d.ref
	}
	return o
}

func (o exportOp) GoString() string {
	return fmt.Sprintf("export %.20q of %d of batch %d for %.20q by %.20q, override %v, partial %v%v",
		o.e.ID, o.e.Count, draw{b: o.b}.id(), o.e.Ref, o.e.Account, o.e.Override, o.e.Partial, o.at)
}

// export takes codes out of stock for an account.
func (m *model) export() {
	o := rapid.Custom(m.anyExport).Draw(m.t, "export")
	m.begin(m.calm(o.at, 2)) // nothing goes back between whether it may and as it draws
	got, err := m.s.Export(m.ctx(), draw{b: o.b}.id(), o.e)
	m.did(o, "%d codes, %s", len(got), outcome(err))
	if o.e.Ref == "" {
		o.e.Ref = o.e.Account
	}
	n, known, want := m.foretellExport(o)
	if m.wantErr("export", err, want); want != nil {
		return
	}
	if known != nil {
		if !slices.Equal(got, known) {
			m.failf("the export %.20q is of other codes than the first time", o.e.ID)
		}
		return
	}
	read := m.taken()
	if len(read) != 2 {
		m.failf("the clock was read %d times, want twice", len(read))
	}
	d := draw{b: o.b, n: n, ref: o.e.Ref, key: o.e.ID}
	m.drew(d, got, stamp(read[1]), shard.Issued, store.Entry{Verb: "export", Ref: o.e.Ref, Key: o.e.ID, By: o.e.Account})
	m.exported.put(o.e.ID, exportKey{o.b, o.e, got})
}

// foretellExport returns what an export must get: the error, the list of an earlier one
// with its ID, or that many codes.
func (m *model) foretellExport(o exportOp) (n int, known []string, err error) {
	switch {
	case o.b == nil:
		return 0, nil, store.ErrUnknownBatch
	case o.e.ID == "":
		return 0, nil, store.ErrInvalid
	}
	if old, used := m.exported.get(o.e.ID); used {
		m.atMost(0)
		n := len(old.got)
		if old.b != o.b || old.e.Ref != o.e.Ref || old.e.Account != o.e.Account || n > o.e.Count || n < o.e.Count && !o.e.Partial {
			return 0, nil, store.ErrKeyConflict
		}
		return n, old.got, nil
	}
	if o.b.Owner != "" && o.b.Owner != o.e.Account && !o.e.Override {
		return 0, nil, store.ErrNotOwner
	}
	read := m.taken()
	if len(read) == 0 {
		m.failf("the clock was not read")
	}
	for _, at := range read {
		if err := o.b.mayDraw(stamp(at)); err != nil {
			return 0, nil, err
		}
	}
	n = o.e.Count
	if o.e.Partial {
		n = min(n, int(o.b.counts.Available))
	}
	if n == 0 || o.b.counts.Available < int64(n) {
		return 0, nil, store.ErrEmpty
	}
	return n, nil, nil
}
