package store_test

import (
	"bytes"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

// TestSameKeyInOneCall: a request that repeats the key of an earlier one of its call gets its
// answer, and does not wait for what the call itself has not given to the disk.
func TestSameKeyInOneCall(t *testing.T) {
	ctx := t.Context()
	s := storetest.Open(t)
	packet := store.RedPacket("ann", "CNY", gen.Split{Total: 100, Count: 4})
	packet.Key = "packet"
	made := s.ShareAll(ctx, []store.Shared{packet, packet})
	wantErr(t, "share", made[0].Err, nil)
	if made[1].Err != nil || made[1].Info != made[0].Info {
		t.Errorf("%+v, want %+v", made[1], made[0])
	}
	c := store.Claim{Token: made[0].Info.Token, User: "bob", Key: "k"}
	other := c
	other.User = "cat"
	claims := s.ClaimAll(ctx, []store.Claim{c, c, other})
	wantErr(t, "claim", claims[0].Err, nil)
	if claims[1].Err != nil || claims[1].Receipt.Number != claims[0].Receipt.Number {
		t.Errorf("%+v, want %+v", claims[1], claims[0])
	}
	wantErr(t, "the key of another user", claims[2].Err, store.ErrKeyConflict)
	r := store.Redemption{Code: c.Token, User: "dan", Key: "r"}
	redeemed := s.RedeemAll(ctx, []store.Redemption{r, r})
	wantErr(t, "redeem", redeemed[0].Err, nil)
	if redeemed[1].Err != nil || redeemed[1].Receipt.Number != redeemed[0].Receipt.Number {
		t.Errorf("%+v, want %+v", redeemed[1], redeemed[0])
	}
}

// TestTokenOfASignedCode: a token is refused that a signed code has.
func TestTokenOfASignedCode(t *testing.T) {
	ctx := t.Context()
	s := storetest.OpenAt(t, t.TempDir(), signing(1))
	b := mint(t, s, store.Batch{Name: "signed", Count: 10, Signed: gen.DefaultLayout()})
	code := issue(t, s, b.ID, 1, "x")[0]
	_, err := s.Share(ctx, store.Universal(code, 5))
	wantErr(t, "a token that a code has", err, store.ErrTaken)
	made, err := s.Share(ctx, store.Universal("S"+code, 5))
	wantErr(t, "a token that none has", err, nil)
	if rec := redeem(t, s, store.Redemption{Code: code, User: "ann"}); rec.Batch != b.ID || made.Left != 5 {
		t.Errorf("%+v", rec)
	}
}

// TestTokenFreeAndClockSetBack: a token that was free is another's, also when the clock is set
// back to when it was not and the store is opened from its ledger.
func TestTokenFreeAndClockSetBack(t *testing.T) {
	ctx := t.Context()
	o, clk := timed()
	s := storetest.Open(t, o)
	d := store.Universal("SUMMER", 5)
	d.For, d.Keep = time.Second, 2*time.Second
	first, err := s.Share(ctx, d)
	wantErr(t, "first", err, nil)
	begun := clk.Now()
	clk.set(begun.Add(3 * time.Second))
	_, err = s.LookupShared(ctx, store.SharedRef{Token: "SUMMER"}, "")
	wantErr(t, "free", err, store.ErrUnknownCode)
	clk.set(begun.Add(time.Second / 2))
	second, err := s.Share(ctx, d)
	wantErr(t, "second", err, nil)
	var data bytes.Buffer
	_, err = s.Backup(ctx, &data)
	wantErr(t, "backup", err, nil)
	dir := t.TempDir()
	_, err = store.Restore(ctx, dir, &data)
	wantErr(t, "restore", err, nil)
	r := storetest.OpenAt(t, dir, o)
	got, err := r.LookupShared(ctx, store.SharedRef{Token: "SUMMER"}, "")
	if err != nil || got.ID != second.ID || got.ID == first.ID {
		t.Errorf("%+v, %v, want %+v", got, err, second)
	}
}

// TestRetryOfAFreeToken: a redemption that claimed a share has its answer for ever, by each way
// to redeem, also when no token is taken any more and the store was opened since.
func TestRetryOfAFreeToken(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, clk := timed()
	s := storetest.OpenAt(t, dir, o)
	d := store.Universal("SUMMER", 5)
	d.For, d.Keep = time.Second, 2*time.Second
	share(t, s, d)
	r := store.Redemption{Code: "summer", User: "ann", Key: "k"}
	first := redeem(t, s, r)
	clk.set(clk.Now().Add(3 * time.Second))
	for _, at := range []struct {
		name  string
		clean bool
	}{{"after a close", true}, {"after a crash", false}, {"after another close", true}} {
		wantErr(t, "checkpoint", s.Checkpoint(ctx), nil)
		s = reopened(t, s, dir, o, at.clean)
		_, err := s.LookupShared(ctx, store.SharedRef{Token: "SUMMER"}, "")
		wantErr(t, "its token is free", err, store.ErrUnknownCode)
		if rec := redeem(t, s, r); rec.Number != first.Number || rec.Share == nil || *rec.Share != *first.Share {
			t.Errorf("%s, Redeem: %+v, want %+v", at.name, rec, first)
		}
		all := s.RedeemAll(ctx, []store.Redemption{r})[0]
		if all.Err != nil || all.Receipt.Number != first.Number {
			t.Errorf("%s, RedeemAll: %+v, want %+v", at.name, all, first)
		}
		done := make(chan store.Result, 1)
		s.RedeemFunc(ctx, r, func(rec store.Receipt, err error) { done <- store.Result{Receipt: rec, Err: err} })
		if got := <-done; got.Err != nil || got.Receipt.Number != first.Number {
			t.Errorf("%s, RedeemFunc: %+v, want %+v", at.name, got, first)
		}
		other := r
		other.User = "bob"
		_, err = s.Redeem(ctx, other)
		wantErr(t, at.name+", of somebody else", err, store.ErrKeyConflict)
		if rep, err := s.Verify(ctx); err != nil || len(rep.Problems) > 0 {
			t.Errorf("%s: %v, %v", at.name, rep.Problems, err)
		}
	}
}

// TestGivenTokensFillTheSpace: a random token is not looked for for ever where given ones have
// all the texts.
func TestGivenTokensFillTheSpace(t *testing.T) {
	s := storetest.OpenAt(t, t.TempDir(), weak())
	digit := gen.Format{Class: gen.Digits, Length: 1}
	for c := range 10 {
		d := store.Universal(string(rune('0'+c)), 1)
		d.Format = digit
		share(t, s, d)
	}
	d := store.Universal("", 1)
	d.Format = digit
	_, err := s.Share(t.Context(), d)
	wantErr(t, "an eleventh", err, store.ErrNoToken)
}
