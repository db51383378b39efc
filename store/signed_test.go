package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

func signKeys(ids ...uint32) (keys []gen.SignKey) {
	for _, id := range ids {
		keys = append(keys, gen.SignKey{ID: id, Secret: []byte(fmt.Sprintf("a secret of 32 bytes, number %04d", id))})
	}
	return keys
}

func signing(ids ...uint32) *store.Options {
	o := weak()
	o.SignKeys = signKeys(ids...)
	return o
}

// TestSystemDSigned mints signed codes and takes them through their whole life, over
// restarts: issue, redeem once, release, undo, revoke, lease, export, list, look up.
func TestSystemDSigned(t *testing.T) {
	ctx := t.Context()
	s := storetest.OpenAt(t, t.TempDir(), signing(1))
	plain := issue(t, s, mint(t, s, store.Batch{Name: "plain", Count: 100}).ID, 100, "x")
	b := mint(t, s, store.Batch{Name: "signed", Count: 5000, Signed: gen.DefaultLayout(), Reward: "gold"})
	if b.Counts.Available != 5000 || b.SignedBy.ID != 1 || !b.Complete {
		t.Errorf("%+v", b)
	}
	seen := map[string]bool{}
	for round := range 4 {
		codes := issue(t, s, b.ID, 200, fmt.Sprint("order-", round))
		for _, c := range codes {
			if seen[c] || len(c) != 19 || c[4] != '-' {
				t.Errorf("drawn: %q, twice: %v", c, seen[c])
			}
			seen[c] = true
		}
		rs := redemptions(codes[:100], "ann")
		rs = append(rs, redemptions(plain[round*10:round*10+10], "ann")...)
		for i, r := range s.RedeemAll(ctx, rs) {
			if r.Err != nil || i < 100 && r.Receipt.Reward != "gold" || r.Receipt.Code != strings.ReplaceAll(rs[i].Code, "-", "") {
				t.Errorf("%+v", r)
			}
		}
		rec := redeem(t, s, store.Redemption{Code: strings.ToLower(codes[100]), User: "bob", Key: fmt.Sprint("k", round)})
		if again := redeem(t, s, store.Redemption{Code: codes[100], User: "bob", Key: fmt.Sprint("k", round)}); again.Number != rec.Number {
			t.Errorf("%+v, was %+v", again, rec)
		}
		_, err := s.Redeem(ctx, store.Redemption{Code: codes[100], User: "cat"})
		wantErr(t, "again", err, store.ErrAlreadyRedeemed)
		_, err = s.Undo(ctx, store.Change{Code: codes[100]})
		wantErr(t, "undo", err, nil)
		_, err = s.Release(ctx, store.Change{Code: codes[101]})
		wantErr(t, "release", err, nil)
		delete(seen, codes[101])
		_, err = s.Redeem(ctx, store.Redemption{Code: codes[101]})
		wantErr(t, "released", err, store.ErrNotIssued)
		_, err = s.Revoke(ctx, store.Change{Code: codes[102]})
		wantErr(t, "revoke", err, nil)
		_, err = s.Redeem(ctx, store.Redemption{Code: codes[102]})
		wantErr(t, "revoked", err, store.ErrRevoked)
		l, err := s.Lease(ctx, b.ID, 10, time.Hour, store.To("lease"))
		wantErr(t, "lease", err, nil)
		_, err = s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number})
		wantErr(t, "acknowledge", err, nil)
		hold, err := s.Reserve(ctx, store.Redemption{Code: codes[103], User: "dan"}, time.Hour)
		wantErr(t, "reserve", err, nil)
		if round%2 == 0 {
			s = reopened(t, s, s.Stats().Dir, signing(1), round == 0)
		}
		_, err = s.Confirm(ctx, store.LeaseEnd{Number: hold.Number})
		wantErr(t, "confirm", err, nil)
		info, err := s.Lookup(ctx, "", codes[0])
		if err != nil || info.Receipt == nil || info.Receipt.User != "ann" || info.Ref != fmt.Sprint("order-", round) || info.Printed != codes[0] {
			t.Errorf("%+v, %v", info, err)
		}
		for _, c := range codes[110:] {
			redeem(t, s, store.Redemption{Code: c})
		}
		storetest.Verify(t, s)
	}
	n := 0
	for c, err := range s.Codes(ctx, b.ID, 0, shard.Redeemed) {
		if err != nil || !seen[c.Code] {
			t.Errorf("listed %+v, %v", c, err)
		}
		n++
	}
	if want := 4 * (100 + 1 + 90); n != want {
		t.Errorf("%d are redeemed, want %d", n, want)
	}
	exported, err := s.Export(ctx, b.ID, store.Export{Count: 500, Account: "ann", ID: "e", Ref: "r"})
	wantErr(t, "export", err, nil)
	if len(exported) != 500 {
		t.Errorf("%d are exported", len(exported))
	}
	storetest.Verify(t, s)
}

// TestSystemDForged: what nobody with a key made is refused with its reason, and so is what
// is made for another layout, plan, key or serial.
func TestSystemDForged(t *testing.T) {
	ctx := t.Context()
	s := storetest.OpenAt(t, t.TempDir(), signing(2, 1))
	keyed := gen.Layout{Class: gen.Crockford32, Length: 18, PlanBits: 16, SerialBits: 30, KeyBits: 4, TagBits: 40}
	b := mint(t, s, store.Batch{Name: "signed", Count: 1000, Signed: gen.DefaultLayout(), FromStock: true})
	mint(t, s, store.Batch{Name: "keyed", Count: 1000, Signed: keyed, FromStock: true})
	elsewhere := mint(t, s, store.Batch{Name: "elsewhere", Namespace: "other", Count: 1000, Signed: gen.DefaultLayout(), FromStock: true})
	code := func(l gen.Layout, key uint32, plan store.BatchID, serial uint64) string {
		signer, err := gen.NewSigner(l, signKeys(key)...)
		wantErr(t, "signer", err, nil)
		text, err := signer.Append(nil, uint32(plan), serial)
		wantErr(t, "sign", err, nil)
		return string(text)
	}
	good := code(gen.DefaultLayout(), 2, b.ID, 7)
	redeem(t, s, store.Redemption{Code: good})
	before := s.Stats()
	for name, c := range map[string]struct {
		code string
		want error
	}{
		"one character changed":      {good[:5] + string("0123456789"[(good[5]+1)%10]) + good[6:], store.ErrForged},
		"a secret that is not known": {code(gen.DefaultLayout(), 9, b.ID, 8), store.ErrForged},
		"a key that signed nothing":  {code(gen.DefaultLayout(), 1, b.ID, 8), store.ErrUnknownCode},
		"a key id that is not known": {code(keyed, 9, b.ID, 8), gen.ErrUnknownKey},
		"a serial beyond the batch":  {code(gen.DefaultLayout(), 2, b.ID, 1000), store.ErrBeyondBatch},
		"a plan of another space":    {code(gen.DefaultLayout(), 2, elsewhere.ID, 8), store.ErrUnknownCode},
		"a plan that is no batch":    {code(gen.DefaultLayout(), 2, 999, 8), store.ErrUnknownCode},
		"another length":             {good[1:], store.ErrUnknownCode},
	} {
		r := store.Redemption{Code: c.code, User: "ann"}
		_, err := s.Redeem(ctx, r)
		_, err2 := s.Undo(ctx, store.Change{Code: c.code})
		done := make(chan error, 1)
		s.RedeemFunc(ctx, r, func(_ store.Receipt, err error) { done <- err })
		_, err3 := s.Lookup(ctx, "", c.code)
		for _, err := range []error{err, err2, err3, s.Check(ctx, r), s.RedeemAll(ctx, []store.Redemption{r})[0].Err, <-done} {
			wantErr(t, name, err, c.want)
			wantErr(t, name, err, store.ErrUnknownCode)
		}
	}
	if after := s.Stats(); after.Ledger != before.Ledger || after.Codes != before.Codes {
		t.Errorf("%+v, was %+v", after, before)
	}
	redeem(t, s, store.Redemption{Code: code(gen.DefaultLayout(), 2, elsewhere.ID, 8), Namespace: "other"})
	storetest.Verify(t, s)
}

// TestSystemDSignKeys: new batches are signed with the first key, old ones need theirs.
func TestSystemDSignKeys(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := storetest.OpenAt(t, dir, weak())
	signed := store.Batch{Name: "one", Count: 100, Signed: gen.DefaultLayout()}
	_, err := s.Mint(ctx, signed)
	wantErr(t, "no key", err, store.ErrSignKey)
	s = reopened(t, s, dir, signing(1), true)
	one := issue(t, s, mint(t, s, signed).ID, 100, "x")
	s = reopened(t, s, s.Stats().Dir, signing(2, 1), true)
	signed.Name = "two"
	two := issue(t, s, mint(t, s, signed).ID, 100, "x")
	for _, c := range []string{one[0], two[0]} {
		redeem(t, s, store.Redemption{Code: c})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	other := signKeys(1, 2)
	other[0].Secret[3]++
	for name, keys := range map[string][]gen.SignKey{"none": nil, "one is missing": signKeys(2), "another secret": other} {
		o := weak()
		o.SignKeys = keys
		_, err := store.Open(s.Stats().Dir, o)
		wantErr(t, name, err, store.ErrSignKey)
	}
	s = storetest.OpenAt(t, s.Stats().Dir, signing(3, 2, 1))
	for _, c := range []string{one[1], two[1]} {
		redeem(t, s, store.Redemption{Code: c})
	}
	storetest.Verify(t, s)
}

// TestSystemDSignedRetired: retired signed codes keep their states, on disk alone.
func TestSystemDSignedRetired(t *testing.T) {
	ctx := t.Context()
	s := storetest.OpenAt(t, t.TempDir(), signing(1))
	b := mint(t, s, store.Batch{Name: "signed", Count: 3000, Signed: gen.DefaultLayout()})
	codes := issue(t, s, b.ID, 200, "x")
	for _, r := range s.RedeemAll(ctx, redemptions(codes[:100], "ann")) {
		wantErr(t, "redeem", r.Err, nil)
	}
	wantErr(t, "revoke", s.RevokeBatch(ctx, b.ID, store.BatchChange{}), nil)
	wantErr(t, "retire", s.Retire(ctx, b.ID, store.BatchChange{}), nil)
	for i := range 3 {
		_, err := s.Redeem(ctx, store.Redemption{Code: codes[i]})
		wantErr(t, "redeemed", err, store.ErrAlreadyRedeemed)
		_, err = s.Redeem(ctx, store.Redemption{Code: codes[150+i]})
		wantErr(t, "revoked", err, store.ErrRevoked)
		info, err := s.Lookup(ctx, "", codes[i])
		if err != nil || info.StateName != "redeemed" || info.Receipt.User != "ann" {
			t.Errorf("%+v, %v", info, err)
		}
		storetest.Verify(t, s)
		s = reopened(t, s, s.Stats().Dir, signing(1), i == 0)
	}
}

// TestSignedRace has many callers redeem the same signed codes: each is burned once.
func TestSignedRace(t *testing.T) {
	s := storetest.OpenAt(t, t.TempDir(), signing(1))
	b := mint(t, s, store.Batch{Name: "signed", Count: 2000, Signed: gen.DefaultLayout()})
	codes := issue(t, s, b.ID, 2000, "x")
	var wg sync.WaitGroup
	var burned atomic.Int32
	for c := range 8 {
		wg.Go(func() {
			for i := 0; i < len(codes); i += 100 {
				if c%2 == 0 {
					for _, r := range s.RedeemAll(t.Context(), redemptions(codes[i:i+100], "u")) {
						if r.Err == nil {
							burned.Add(1)
						} else if !errors.Is(r.Err, store.ErrAlreadyRedeemed) {
							t.Error(r.Err)
						}
					}
					continue
				}
				for _, code := range codes[i : i+100] {
					if _, err := s.Redeem(t.Context(), store.Redemption{Code: code}); err == nil {
						burned.Add(1)
					}
				}
			}
		})
	}
	wg.Wait()
	if burned.Load() != 2000 {
		t.Errorf("%d were burned", burned.Load())
	}
	storetest.Verify(t, s)
}

// TestBadSigned: what a signed batch cannot be.
func TestBadSigned(t *testing.T) {
	ctx := t.Context()
	s := storetest.OpenAt(t, t.TempDir(), signing(1))
	for name, c := range map[string]struct {
		change func(*store.Batch)
		want   error
	}{
		"a layout that cannot be": {func(b *store.Batch) { b.Signed.TagBits = 3 }, store.ErrInvalid},
		"more than serials":       {func(b *store.Batch) { b.Signed = gen.ArticleLayout(); b.Count = 1<<30 + 1 }, store.ErrInvalid},
		"another format":          {func(b *store.Batch) { b.Format = gen.Format{Class: gen.Digits, Length: 3} }, store.ErrInvalid},
		"no plan for the batch":   {func(b *store.Batch) { b.Signed.PlanBits, b.Signed.TagBits = 0, 50 }, store.ErrSpace},
		"none":                    {func(b *store.Batch) { b.Count = 0 }, store.ErrInvalid},
	} {
		b := store.Batch{Name: "bad", Count: 10, Signed: gen.DefaultLayout()}
		c.change(&b)
		_, err := s.Mint(ctx, b)
		wantErr(t, name, err, c.want)
	}
	if n := len(s.Batches()); n != 0 {
		t.Errorf("%d batches", n)
	}
}
