package model

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"codepool/store"

	"pgregory.net/rapid"
)

// refChange releases or revokes what a reference has.
type refChange struct {
	kind kind
	c    store.RefChange
	at   moment
}

func (m *model) anyRefChange(t *rapid.T) refChange {
	return refChange{oneOf(t, release, release, release, revoke), store.RefChange{Ref: label(t, "order"), By: label(t, "by"), Reason: label(t, "reason")}, m.anyMoment(t, nil)}
}

func (o refChange) GoString() string {
	return fmt.Sprintf("%v all of %.20q, by %.20q, reason %.20q%v", o.kind, o.c.Ref, o.c.By, o.c.Reason, o.at)
}

// changeRef releases or revokes all codes of a reference, newest draw first.
func (m *model) changeRef() {
	o := rapid.Custom(m.anyRefChange).Draw(m.t, "change")
	call := m.s.ReleaseRef
	if o.kind == revoke {
		call = m.s.RevokeRef
	}
	m.begin(o.at)
	got, err := call(m.ctx(), o.c)
	m.did(o, "%d answers, %s", len(got), outcome(err))
	if o.c.Ref == "" {
		m.wantErr("change of no reference", err, store.ErrInvalid)
		m.atMost(0)
		return
	}
	m.wantErr("change of a reference", err, nil)
	m.atMost(2) // the second to look for them
	at := stamp(m.clk.taken()[0])
	for d, c := range m.drawnCodes(o.c.Ref, 0) {
		if c.draw != d.number {
			continue
		}
		if len(got) == 0 {
			m.failf("there is no answer for %v of draw %d", c, d.number)
		}
		m.touch(c)
		want := reversible(c, o.kind)
		m.wantErr(fmt.Sprintf("%v of %v, which is %v", o.kind, c, c.state), got[0].Err, want)
		if rec := got[0].Changed; want == nil {
			m.stepped(c, o.kind, rec, store.Changed{By: o.c.By, Reason: o.c.Reason, At: at})
		} else if rec != (store.Changed{Code: c.canon, Batch: c.b.ID}) {
			m.failf("the refusal of %v comes with %+v", c, rec)
		}
		got = got[1:]
	}
	if len(got) > 0 {
		m.failf("%d answers too many", len(got))
	}
}

// drawnCodes yields the draws for a reference below a number, newest first, with each code.
func (m *model) drawnCodes(ref string, before uint64) func(func(*oldDraw, *code) bool) {
	return func(yield func(*oldDraw, *code) bool) {
		for _, d := range slices.Backward(m.draws) {
			if d.ref != ref || before > 0 && d.number >= before {
				continue
			}
			for _, c := range d.codes {
				if !yield(d, c) {
					return
				}
			}
		}
	}
}

// query asks for what a user or a reference has, from a number on, some of it.
type query struct {
	label  string
	before uint64
	some   int // how many it takes at most
}

func (m *model) anyQuery(t *rapid.T, kind string) query {
	q := query{label: label(t, kind), some: oneOf(t, 1<<30, 1<<30, 1, 3)}
	if rapid.Bool().Draw(t, "") {
		q.before = uint64(upTo(t, int(m.ledger)+1))
	}
	return q
}

func (q query) GoString() string {
	return fmt.Sprintf("%d of %.20q below %d", q.some, q.label, q.before)
}

func (m *model) receiptsOf() {
	q := rapid.Custom(func(t *rapid.T) query { return m.anyQuery(t, "u") }).Draw(m.t, "receipts")
	m.did(q, "")
	m.begin(moment{})
	m.sameReceiptsOf(q)
	m.atMost(0)
}

func (m *model) sameReceiptsOf(q query) {
	var want []store.Receipt
	for _, r := range slices.Backward(m.receipts) {
		if r.User == q.label && (q.before == 0 || r.Number < q.before) {
			want = append(want, r)
		}
	}
	var got []store.Receipt
	for r, err := range m.s.ReceiptsOf(m.ctx(), q.label, q.before) {
		if q.label == "" {
			m.wantErr("receipts of nobody", err, store.ErrInvalid)
			return
		}
		m.wantErr("receipts of a user", err, nil)
		if got = append(got, r); len(got) >= q.some {
			break
		}
	}
	if want = want[:min(len(want), q.some)]; !sameReceiptList(got, want) {
		m.failf("user %.20q below %d has %d receipts, want %d\ngot  %+v\nwant %+v", q.label, q.before, len(got), len(want), got, want)
	}
}

func (m *model) drawnFor() {
	q := rapid.Custom(func(t *rapid.T) query { return m.anyQuery(t, "order") }).Draw(m.t, "codes")
	m.did(q, "")
	m.sameDrawnFor(q)
}

func (m *model) sameDrawnFor(q query) {
	m.begin(moment{tick: glance})
	var got []store.Drawn
	for d, err := range m.s.DrawnFor(m.ctx(), q.label, q.before) {
		if q.label == "" {
			m.wantErr("codes of no reference", err, store.ErrInvalid)
			return
		}
		m.wantErr("codes of a reference", err, nil)
		if got = append(got, d); len(got) >= q.some {
			break
		}
	}
	m.looked()
	var want []store.Drawn
	at := 0
	for d, c := range m.drawnCodes(q.label, q.before) {
		if at++; len(want) == 0 || want[len(want)-1].Number != d.number {
			at = 0
		}
		w := store.Drawn{Number: d.number, Code: c.canon, Printed: d.printed[at], Batch: c.b.ID, Key: d.key, At: d.at, State: "gone"}
		if c.draw == d.number {
			w.State = c.state.String()
		}
		if want = append(want, w); len(want) >= q.some {
			break
		}
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			m.failf("reference %.20q below %d has %d codes, want %d; code %d is\n%+v, want\n%+v", q.label, q.before, len(got), len(want), i, got[min(i, len(got)):min(i+1, len(got))], want[min(i, len(want)):min(i+1, len(want))])
		}
	}
}

// sameQueries holds what the store knows of all users and references against the model, or
// of some.
func (m *model) sameQueries() {
	users, refs := map[string]bool{"nobody": true}, map[string]bool{"nothing": true}
	for _, r := range m.receipts {
		users[r.User] = true
	}
	for _, d := range m.draws {
		refs[d.ref] = true
	}
	const some = 8
	for _, u := range sample(m, slices.Sorted(maps.Keys(users)), some) {
		m.sameReceiptsOf(query{label: u, some: 1 << 30})
	}
	for _, r := range sample(m, slices.Sorted(maps.Keys(refs)), some) {
		m.sameDrawnFor(query{label: r, some: 1 << 30})
	}
}

// refusedQueries ask by labels that nobody can have.
func refusedQueries() (out []refusal) {
	for name, text := range map[string]string{"empty": "", "long": strings.Repeat("x", tooLong), "control": badText, "not UTF-8": "\xff"} {
		out = append(out,
			refusal{"receipts of a user, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) (last error) {
				for _, err := range s.ReceiptsOf(ctx, text, 0) {
					last = err
				}
				return last
			}},
			refusal{"codes of a reference, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) (last error) {
				for _, err := range s.DrawnFor(ctx, text, 0) {
					last = err
				}
				return last
			}},
			refusal{"release of a reference, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
				_, err := s.ReleaseRef(ctx, store.RefChange{Ref: text})
				return err
			}},
			refusal{"revoke of a reference, " + name, store.ErrInvalid, func(ctx context.Context, s *store.Store) error {
				_, err := s.RevokeRef(ctx, store.RefChange{Ref: text})
				return err
			}},
		)
	}
	slices.SortFunc(out, func(a, b refusal) int { return strings.Compare(a.name, b.name) })
	return out
}
