package model

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"codepool/gen"
	"codepool/store"

	"pgregory.net/rapid"
)

// entry is what the ledger must say of a record.
type entry struct {
	store.Entry
	over bool // it ends what is over; of several at one time any may come first
}

// record gives the next number of the ledger.
func (m *model) record(at time.Time, e store.Entry) uint64 {
	m.ledger++
	e.Number, e.At = m.ledger, at
	m.entries = append(m.entries, entry{Entry: e})
	return m.ledger
}

// beside reports whether it could as well have come after another one.
func (e entry) beside(o entry) bool { return e.over && o.over && e.At.Equal(o.At) }

// ofCodes fills in how many codes of a batch a record names, and which if it is one.
func ofCodes(e store.Entry, codes []*code) store.Entry {
	if e.Count = int64(len(codes)); e.Count > 0 {
		e.Batch = codes[0].b.ID
	}
	if e.Count == 1 {
		e.Code = gen.Mask(codes[0].canon)
	}
	return e
}

// added notes what the ledger says of n codes that were added to a batch at a reading of
// the clock: one record, or some where they were so few that they met and others had to be
// made.
func (m *model) added(verb string, b *batch, ref string, n int64, reading time.Time) {
	want := store.Entry{At: stamp(reading), Verb: verb, Batch: b.ID, Ref: ref, By: b.Owner}
	for e, err := range m.s.Ledger(m.ctx(), m.ledger) {
		m.wantErr("ledger", err, nil)
		want.Number, want.Count = m.ledger+1, e.Count
		if e.Process = ""; e != want || e.Count < 1 {
			m.failf("%d codes were added, and the ledger says %+v, want %+v", n, e, want)
		}
		m.record(want.At, want)
		n -= e.Count
		if n != 0 && (b.imported || b.Format != crowded) {
			break
		}
	}
	if n != 0 {
		m.failf("the ledger says of %d codes less that they were added", n)
	}
}

// process is who wrote all of the ledger.
func process() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%d %s on %s", os.Getpid(), filepath.Base(os.Args[0]), host)
}

// someEntries reads the ledger from somewhere.
func (m *model) someEntries() {
	after := uint64(rapid.IntRange(0, int(m.ledger)).Draw(m.t, "ledger after"))
	m.did(say("ledger"), "after %d", after)
	m.durable()
	for after > 0 && after < m.ledger && m.entries[after].beside(m.entries[after-1]) {
		after--
	}
	m.begin(moment{})
	m.sameLedger(after)
	m.atMost(0)
}

// durable waits until all of the ledger is: nobody waits for what ends by itself.
func (m *model) durable() {
	m.begin(moment{tick: glance})
	_, err := m.s.GiveBack(m.ctx(), store.LeaseEnd{})
	m.wantErr("end of no lease", err, store.ErrUnknownLease)
	m.once()
}

func (m *model) sameLedger(after uint64) {
	var got []store.Entry
	for e, err := range m.s.Ledger(m.ctx(), after) {
		m.wantErr("ledger", err, nil)
		got = append(got, e)
	}
	want := m.entries[after:]
	if len(got) != len(want) {
		m.failf("the ledger has %d records behind %d, want %d", len(got), after, len(want))
	}
	by := process()
	for i := 0; i < len(want); {
		end := i + 1
		for end < len(want) && want[i].beside(want[end]) {
			end++
		}
		slices.SortFunc(got[i:end], func(x, y store.Entry) int {
			return cmp.Or(cmp.Compare(x.Lease, y.Lease), cmp.Compare(x.Shared, y.Shared))
		})
		some := slices.SortedFunc(slices.Values(want[i:end]), func(x, y entry) int {
			return cmp.Or(cmp.Compare(x.Lease, y.Lease), cmp.Compare(x.Shared, y.Shared))
		})
		for j, w := range some {
			g := got[i+j]
			w.Process = by
			if end-i > 1 {
				g.Number, w.Number = 0, 0
			}
			if !g.NotBefore.Equal(w.NotBefore) || !g.NotAfter.Equal(w.NotAfter) {
				m.failf("the window of %+v is another one, want %+v", g, w.Entry)
			}
			g.NotBefore, g.NotAfter, w.NotBefore, w.NotAfter = time.Time{}, time.Time{}, time.Time{}, time.Time{}
			if g != w.Entry {
				m.failf("the ledger says %+v, want %+v", g, w.Entry)
			}
		}
		i = end
	}
}
