package model

import (
	"cmp"
	"fmt"
	"slices"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// listing asks for the codes of a batch that are in some states.
type listing struct {
	b      *batch
	states []shard.State
	page   int // how many it takes before it goes on behind the last one
}

// listed bounds the batches whose codes are listed.
const listed = 10_000

func (m *model) anyListing(t *rapid.T) (l listing) {
	if l.b = m.anyBatch(t); l.b != nil && l.b.counts.Minted > listed {
		l.b = nil
	}
	for range upTo(t, 3) {
		l.states = append(l.states, oneOf(t, shard.Available, shard.Issued, shard.Redeemed, shard.Leased, shard.Held, shard.Revoked))
	}
	l.page = oneOf(t, listed, listed, 1+upTo(t, 40)*8)
	return l
}

func (l listing) GoString() string {
	return fmt.Sprintf("codes of batch %d in states %v, %d at a time", draw{b: l.b}.id(), l.states, l.page)
}

// listCodes reads the codes of a batch, page by page.
func (m *model) listCodes() {
	l := rapid.Custom(m.anyListing).Draw(m.t, "listing")
	if l.b == nil {
		m.did(l, "none")
		return
	}
	if int(l.b.counts.Minted)/l.page > 100 {
		l.page = listed
	}
	m.begin(moment{}) // nothing goes back between two pages
	var got []store.BatchCode
	for more, after := true, uint64(0); more; {
		more = false
		n := 0
		for c, err := range m.s.Codes(m.ctx(), l.b.ID, after, l.states...) {
			m.wantErr("codes of a batch", err, nil)
			if c.Place <= after {
				m.failf("a code is listed at place %d, and was asked for behind %d", c.Place, after)
			}
			got, after = append(got, c), c.Place
			if n++; n == l.page {
				more = true
				break
			}
		}
	}
	m.taken()
	m.did(l, "%d", len(got))
	m.sameListing(l, got)
}

// sameListing compares a listing, in which nobody knows what in stock was never drawn but
// its number.
func (m *model) sameListing(l listing, got []store.BatchCode) {
	wanted := func(st shard.State) bool { return len(l.states) == 0 || slices.Contains(l.states, st) }
	var want []store.BatchCode
	for _, c := range l.b.codes {
		if !wanted(c.state) {
			continue
		}
		w := store.BatchCode{State: c.state, StateName: c.state.String(), Code: string(l.b.Format.AppendPrinted(nil, []byte(c.canon)))}
		if c.state == shard.Available || c.state == shard.Leased || c.state == shard.Revoked {
			w.Code, w.Masked = gen.Mask(c.canon), true
		}
		want = append(want, w)
	}
	hidden, st := int(l.b.hidden), shard.Available
	if l.b.revoked {
		st = shard.Revoked
	}
	if !wanted(st) {
		hidden = 0
	}
	if len(got) != len(want)+hidden {
		m.failf("%d codes are listed, want %d", len(got), len(want)+hidden)
	}
	for i := range got {
		got[i].Place = 0
	}
	order := func(x, y store.BatchCode) int {
		return cmp.Or(cmp.Compare(x.State, y.State), cmp.Compare(x.Code, y.Code))
	}
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	for _, g := range got {
		switch {
		case len(want) > 0 && g == want[0]:
			want = want[1:]
		case g.State == st && g.Masked && hidden > 0:
			hidden--
		default:
			m.failf("a code is listed as %+v, want %+v", g, want[:min(len(want), 1)])
		}
	}
	if len(want) > 0 {
		m.failf("%+v is not listed", want[0])
	}
}
