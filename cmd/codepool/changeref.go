package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"
)

// refAnswer is what became of the codes of a reference.
type refAnswer struct {
	Ref     string           `json:"ref"`
	Done    int64            `json:"done"`
	Refused map[string]int64 `json:"refused,omitempty"` // how many by reason
	Changes []answer         `json:"changes"`
}

// changeRef does what a verb does to all codes that a reference has.
func (a *app) changeRef(ctx context.Context, s *store.Store, v changeVerb, c *changes) error {
	doing := v.name + " the codes of " + c.ref
	results, err := v.ref(s, ctx, store.RefChange{Ref: c.ref, By: c.By, Reason: c.Reason})
	if err != nil {
		return interruptedAs(ctx, &failure{doing: doing, err: err, try: "the same again: it does what is left"}, "the same again: it does what is left")
	}
	t, got := newTally(), refAnswer{Ref: c.ref, Changes: []answer{}}
	for _, r := range results {
		if stopsStream(r.Err) {
			return &failure{doing: doing, err: r.Err, try: "codepool ref " + shellQuote(c.ref) + ", to see what is done; then the same again"}
		}
		if r.Err != nil {
			t.add(r.Err)
			got.Changes = append(got.Changes, refusal(masked(r), r.Err))
			continue
		}
		got.Done++
		r.Changed.Code = masked(r)
		got.Changes = append(got.Changes, answer{Changed: &r.Changed})
	}
	got.Refused = t.reasons
	if err := a.show(got, func(w io.Writer) { got.facts(v).write(w) }); err != nil {
		return err
	}
	verb := v.stream("code", "")
	switch summary := t.summary(int64(len(results)), verb); {
	case len(results) == 0:
		a.note("%s has no codes any more", clean(c.ref))
	case t.refused() > 0:
		return t.failure(summary, verb)
	default:
		a.note("%s", summary)
	}
	return nil
}

// masked is what may be shown of a code that a reference had: after the change, or when
// it was revoked before, nobody is to see all of it.
func masked(r store.ChangeResult) string {
	if errors.Is(r.Err, store.ErrAlreadyRedeemed) {
		return r.Changed.Code
	}
	return gen.Mask(r.Changed.Code)
}

func (g refAnswer) facts(v changeVerb) *facts {
	f := newFacts()
	f.add("reference", "%s", g.Ref)
	f.add(v.past, "%s", many(g.Done))
	for _, why := range slices.Sorted(maps.Keys(g.Refused)) {
		f.add("not, for "+strings.ReplaceAll(why, "_", " "), "%s", many(g.Refused[why]))
	}
	return f
}

// drawnCounts counts the codes that were drawn for a reference by their state; errNoRef
// if there are none. Unless all are wanted it stops at the first.
func drawnCounts(ctx context.Context, s *store.Store, ref string, all bool) (map[string]int64, error) {
	counts := map[string]int64{}
	for d, err := range s.DrawnFor(ctx, ref, 0) {
		if err != nil {
			return nil, err
		}
		if counts[d.State]++; !all {
			return counts, nil
		}
	}
	if len(counts) == 0 {
		return nil, errNoRef
	}
	return counts, nil
}

// stillHas is how many codes a reference has whose life has not ended.
func stillHas(counts map[string]int64) (n int64) {
	for _, st := range []shard.State{shard.Issued, shard.Leased, shard.Held} {
		n += counts[st.String()]
	}
	return n
}
