package store_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

// TestForgedPastTheGate: a text that was never signed is refused as that by every verb, also
// where the gate lets it through, as it does one in fifty.
func TestForgedPastTheGate(t *testing.T) {
	ctx := t.Context()
	s := storetest.OpenAt(t, t.TempDir(), signing(1))
	plain := issued(t, s, "plain", 5000)
	redeem(t, s, store.Redemption{Code: plain[0], User: "ann", Key: "used"})
	b := mint(t, s, store.Batch{Name: "signed", Count: 1000, Signed: gen.DefaultLayout(), FromStock: true})
	for _, code := range issue(t, s, b.ID, fewer(1000, 200), "x") {
		last := "0"
		if code[18] == '0' {
			last = "1"
		}
		text := code[:18] + last
		r := store.Redemption{Code: text, User: "ann", Key: "used"}
		_, redeemed := s.Redeem(ctx, r)
		_, lookedUp := s.Lookup(ctx, "", text)
		_, released := s.Release(ctx, store.Change{Code: text})
		_, reserved := s.Reserve(ctx, r, time.Hour)
		called := make(chan error, 1)
		s.RedeemFunc(ctx, r, func(_ store.Receipt, err error) { called <- err })
		for verb, err := range map[string]error{
			"redeem": redeemed, "look up": lookedUp, "release": released, "reserve": reserved, "call": <-called,
			"check": s.Check(ctx, r), "redeem all": s.RedeemAll(ctx, []store.Redemption{r})[0].Err,
			"revoke all": s.RevokeAll(ctx, []store.Change{{Code: text}})[0].Err,
		} {
			wantErr(t, verb, err, store.ErrForged)
			wantErr(t, verb, err, store.ErrUnknownCode)
		}
	}
}

// TestSignedRestored: a backup of signed batches is restored without their keys, in memory or
// retired, and knows its codes when it is opened with them.
func TestSignedRestored(t *testing.T) {
	ctx := t.Context()
	s := storetest.OpenAt(t, t.TempDir(), signing(1))
	b := mint(t, s, store.Batch{Name: "signed", Count: 5000, Signed: gen.DefaultLayout()})
	codes := issue(t, s, b.ID, 100, "x")
	redeem(t, s, store.Redemption{Code: codes[0], User: "ann", Key: "k"})
	l := lease(t, s, b.ID, 1, time.Hour, store.To("y"))
	gone := mint(t, s, store.Batch{Name: "gone", Count: 10, Signed: gen.DefaultLayout(), FromStock: true})
	old := issue(t, s, gone.ID, 10, "z")
	redeem(t, s, store.Redemption{Code: old[0]})
	wantErr(t, "revoke", s.RevokeBatch(ctx, gone.ID, store.BatchChange{}), nil)
	wantErr(t, "retire", s.Retire(ctx, gone.ID, store.BatchChange{}), nil)
	data, _ := backup(t, s)
	dir := t.TempDir()
	_, err := store.Restore(ctx, dir, bytes.NewReader(data))
	wantErr(t, "restore", err, nil)
	_, err = store.Open(dir, weak())
	wantErr(t, "open without the key", err, store.ErrSignKey)
	r := storetest.OpenAt(t, dir, signing(1))
	wantCounts(t, "restored", r, b.ID, store.Counts{Minted: 5000, Available: 4899, Issued: 99, Redeemed: 1, Leased: 1})
	if rec := redeem(t, r, store.Redemption{Code: codes[0], User: "ann", Key: "k"}); rec.Code != redeem(t, s, store.Redemption{Code: codes[0], User: "ann", Key: "k"}).Code {
		t.Errorf("%+v", rec)
	}
	_, err = r.Redeem(ctx, store.Redemption{Code: old[0]})
	wantErr(t, "redeemed and retired", err, store.ErrAlreadyRedeemed)
	_, err = r.Acknowledge(ctx, store.LeaseEnd{Number: l.Number})
	wantErr(t, "acknowledge", err, nil)
	redeem(t, r, store.Redemption{Code: l.Codes[0]})
}

// TestSignKeysThatDoNotFit: a batch that the store could not open again with its keys is not
// begun.
func TestSignKeysThatDoNotFit(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	keyed := gen.Layout{Class: gen.Crockford32, Length: 18, PlanBits: 16, SerialBits: 30, KeyBits: 4, TagBits: 40}
	for name, c := range map[string]struct {
		keys   []uint32
		layout gen.Layout
	}{
		"an id that does not fit": {[]uint32{1, 16}, keyed},
		"nine keys to try":        {[]uint32{1, 2, 3, 4, 5, 6, 7, 8, 9}, gen.DefaultLayout()},
	} {
		o := signing(c.keys...)
		s := storetest.OpenAt(t, dir, o)
		_, err := s.Mint(ctx, store.Batch{Name: name, Count: 10, Signed: c.layout})
		wantErr(t, name, err, store.ErrSignKey)
		if n := len(s.Batches()); n != 0 {
			t.Errorf("%s: %d batches are there", name, n)
		}
		s = reopened(t, s, dir, o, true)
		wantErr(t, fmt.Sprint(name, ", closed"), s.Close(), nil)
	}
}

// TestSmallTagUnderAnotherKey: a code is read also where its tag fits under another key, by
// chance: of these layouts one code in 256 has such a tag.
func TestSmallTagUnderAnotherKey(t *testing.T) {
	ctx := t.Context()
	small := gen.Layout{Class: gen.Digits, Length: 15, PlanBits: 16, SerialBits: 24, TagBits: 8}
	s := storetest.OpenAt(t, t.TempDir(), signing(1))
	b := mint(t, s, store.Batch{Name: "signed", Count: 3000, Signed: small})
	codes := issue(t, s, b.ID, 3000, "x")
	s = reopened(t, s, s.Stats().Dir, signing(3, 2, 1), true)
	for i, r := range s.RedeemAll(ctx, redemptions(codes[:1500], "ann")) {
		wantErr(t, fmt.Sprint("redeem all, ", i), r.Err, nil)
	}
	for _, code := range codes[1500:] {
		redeem(t, s, store.Redemption{Code: code})
	}
	storetest.Verify(t, s)
}
