package model

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"codepool/gen"
	"codepool/store"

	"pgregory.net/rapid"
)

// A signed batch is one batch among the others: the model learns its codes when they are
// drawn, as those of any mint, and computes none. What it computes are texts that are no
// codes: beyond a batch, of another plan, of another key.

// layouts are those of signed batches: of every fold, with a small tag, with the id of the
// key, with few plans.
var layouts = []gen.Layout{
	gen.DefaultLayout(),
	gen.ArticleLayout(),
	{Class: gen.Crockford32, Length: 18, PlanBits: 16, SerialBits: 30, KeyBits: 4, TagBits: 40},
	{Class: gen.Digits, Length: 18, Prefix: "7", PlanBits: fewPlans, SerialBits: 20, TagBits: 34},
}

// fewPlans is the bits of plan of a layout that only the first batches of a store can have.
const fewPlans = 4

// surely is the size of a tag that no text passes by chance.
const surely = 30

func signKey(id uint32) gen.SignKey {
	return gen.SignKey{ID: id, Secret: fmt.Appendf(nil, "the secret number %d of the model", id)}
}

// anyKeys draws which of the two keys of every store is the first.
func anyKeys(t *rapid.T) []gen.SignKey {
	keys := []gen.SignKey{signKey(1), signKey(2)}
	if oneIn(t, 3) {
		slices.Reverse(keys)
	}
	return keys
}

func isSigned(b store.Batch) bool { return b.Signed != (gen.Layout{}) }

// signed completes a batch that is minted as the store does.
func (m *model) signed(b *store.Batch) {
	if !isSigned(*b) {
		return
	}
	b.Format = b.Signed.Format()
	signer, err := gen.NewSigner(b.Signed, m.opt.SignKeys...)
	if err != nil {
		m.failf("signer: %v", err)
	}
	b.SignedBy = signer.Keys()[0]
}

// isForm reports whether a text looks like a code of a layout.
func isForm(l gen.Layout, typed string) bool {
	canon, err := gen.AppendCanonical(nil, typed, l.Class.Fold())
	if err != nil || len(canon) != len(l.Prefix)+l.Length {
		return false
	}
	rest, ok := strings.CutPrefix(string(canon), l.Prefix)
	return ok && strings.Trim(rest, l.Class.Alphabet()) == ""
}

// whyNone is the error for a text that is no code.
func (m *model) whyNone(space, typed string) error {
	if sp := m.spaces[space]; sp != nil {
		for l := range sp.signed {
			if l.TagBits >= surely && l.KeyBits == 0 && isForm(l, typed) && !m.elsewhere(l, typed) {
				return store.ErrForged
			}
		}
	}
	return store.ErrUnknownCode
}

// elsewhere reports whether a text is a code of a layout in some namespace.
func (m *model) elsewhere(l gen.Layout, typed string) bool {
	for _, name := range spaceNames {
		if c := m.find(name, typed); c != nil && c.b.Signed == l {
			return true
		}
	}
	return false
}

// isError reports whether err is want. Each reason why a signed code is refused is
// ErrUnknownCode, too.
func isError(err, want error) bool {
	switch want {
	case errKeyNotForged:
		return slices.ContainsFunc([]error{store.ErrKeyConflict, store.ErrForged, store.ErrBeyondBatch, gen.ErrUnknownKey}, func(e error) bool { return errors.Is(err, e) })
	case store.ErrForged, store.ErrBeyondBatch, gen.ErrUnknownKey:
		return errors.Is(err, want) && errors.Is(err, store.ErrUnknownCode)
	}
	return errors.Is(err, want)
}

// forged draws a text that differs from a signed code in one place, and is none.
func (m *model) forged(t *rapid.T, c *code) string {
	at := len(c.b.Signed.Prefix) + upTo(t, c.b.Signed.Length-1)
	other := c.b.Signed.Class.Alphabet()[upTo(t, 1)]
	if c.canon[at] == other {
		other = c.b.Signed.Class.Alphabet()[2]
	}
	return c.canon[:at] + string(other) + c.canon[at+1:]
}

// anySigned draws a code of a signed batch that was drawn, nil if there is none.
func (m *model) anySigned(t *rapid.T) *code {
	for _, b := range slices.Backward(m.batches) {
		if isSigned(b.Batch) && len(b.codes) > 0 {
			return b.codes[upTo(t, len(b.codes)-1)]
		}
	}
	return nil
}

// refusedSigned are signed texts that are no code, in every verb that takes one.
func (m *model) refusedSigned() (out []refusal) {
	signed := slices.DeleteFunc(slices.Clone(m.batches), func(b *batch) bool { return !isSigned(b.Batch) || !b.complete })
	if len(signed) == 0 {
		return nil
	}
	b := signed[m.rng.IntN(len(signed))]
	text := func(key, plan uint32, serial int64) string {
		signer, err := gen.NewSigner(b.Signed, signKey(key))
		if err != nil {
			m.failf("signer: %v", err)
		}
		canon, err := signer.Append(nil, plan, uint64(serial))
		if err != nil {
			m.failf("sign: %v", err)
		}
		return string(b.Format.AppendPrinted(nil, canon))
	}
	id, key, other := uint32(b.ID), b.SignedBy.ID, 3-b.SignedBy.ID
	unknown, forged := store.ErrForged, error(store.ErrForged)
	if b.Signed.KeyBits > 0 {
		unknown = gen.ErrUnknownKey
	}
	if b.Signed.TagBits < surely {
		unknown, forged = store.ErrUnknownCode, store.ErrUnknownCode
	}
	type none struct {
		name, text string
		want       error
	}
	all := []none{
		{"behind a batch", text(key, id, b.Count), store.ErrBeyondBatch},
		{"far behind a batch", text(key, id, 1<<min(30, b.Signed.SerialBits)-1), store.ErrBeyondBatch},
		{"of plan 0", text(key, 0, 0), store.ErrUnknownCode},
		{"of the key that did not sign the batch", text(other, id, 0), store.ErrUnknownCode},
		{"of a key that nobody has", text(3, id, 0), unknown},
		{"of another layout", m.ofAnotherLayout(b), forged},
	}
	if last := uint32(1<<b.Signed.PlanBits - 1); int(last) > len(m.batches) {
		all = append(all, none{"of no batch", text(key, last, 0), store.ErrUnknownCode})
	}
	for _, x := range all {
		for _, v := range verbsOfCodes(store.Redemption{Code: x.text, Namespace: b.Namespace, User: "forger"}) {
			out = append(out, refusal{v.name + " a signed code " + x.name, x.want, v.do})
		}
	}
	return out
}

// ofAnotherLayout is what would be the batch's first code with one bit of plan more.
func (m *model) ofAnotherLayout(b *batch) string {
	l := b.Signed
	l.PlanBits, l.SerialBits = l.PlanBits+1, l.SerialBits-1
	signer, err := gen.NewSigner(l, signKey(b.SignedBy.ID))
	if err != nil {
		m.failf("signer: %v", err)
	}
	canon, err := signer.Append(nil, uint32(b.ID), 0)
	if err != nil {
		m.failf("sign: %v", err)
	}
	return string(canon)
}

// verbsOfCodes are the calls that take a code.
func verbsOfCodes(r store.Redemption) []refusal {
	change := store.Change{Code: r.Code, Namespace: r.Namespace}
	return []refusal{
		{name: "redeem", do: func(ctx context.Context, s *store.Store) error { _, err := s.Redeem(ctx, r); return err }},
		{name: "redeem all of", do: func(ctx context.Context, s *store.Store) error {
			return s.RedeemAll(ctx, []store.Redemption{r})[0].Err
		}},
		{name: "call for", do: func(ctx context.Context, s *store.Store) error {
			done := make(chan error, 1)
			s.RedeemFunc(ctx, r, func(_ store.Receipt, err error) { done <- err })
			return <-done
		}},
		{name: "check", do: func(ctx context.Context, s *store.Store) error { return s.Check(ctx, r) }},
		{name: "look up", do: func(ctx context.Context, s *store.Store) error {
			_, err := s.Lookup(ctx, r.Namespace, r.Code)
			return err
		}},
		{name: "reserve", do: func(ctx context.Context, s *store.Store) error { _, err := s.Reserve(ctx, r, time.Hour); return err }},
		{name: "release", do: func(ctx context.Context, s *store.Store) error { _, err := s.Release(ctx, change); return err }},
		{name: "undo", do: func(ctx context.Context, s *store.Store) error { _, err := s.Undo(ctx, change); return err }},
		{name: "revoke all of", do: func(ctx context.Context, s *store.Store) error {
			return s.RevokeAll(ctx, []store.Change{change})[0].Err
		}},
	}
}
