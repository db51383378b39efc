package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

// System D: the ID service. One test a rule; those of order numbers are in
// ordernumbers_test.go.

// TestSystemDUniversalQuota: one code, typed by many players; a total quota, never one over;
// once a player; the same redeem page as for single codes.
func TestSystemDUniversalQuota(t *testing.T) {
	s, _ := openAt(t)
	d := store.Universal("Summer-2026", 3000)
	d.Reward = "gem:5"
	share(t, s, d)
	single := issue(t, s, mint(t, s, store.Batch{Name: "single", Count: 100}).ID, 100, "x")
	var wg sync.WaitGroup
	var got, soldOut, twice atomic.Int32
	for c := range 40 {
		wg.Go(func() {
			var rs []store.Redemption
			for i := range 100 {
				rs = append(rs, store.Redemption{Code: "summer 2026", User: fmt.Sprint("player-", (c*100+i)%3500)})
			}
			rs = append(rs, store.Redemption{Code: single[c], User: "p"}, store.Redemption{Code: "no such code"})
			for i, r := range s.RedeemAll(t.Context(), rs) {
				switch {
				case i == 100 && r.Err == nil && r.Receipt.Share == nil:
				case i == 101 && errors.Is(r.Err, store.ErrUnknownCode):
				case r.Err == nil && i < 100 && r.Receipt.Reward == "gem:5" && r.Receipt.Code == "SUMMER2026":
					got.Add(1)
				case errors.Is(r.Err, store.ErrSoldOut):
					soldOut.Add(1)
				case errors.Is(r.Err, store.ErrUserLimit):
					twice.Add(1)
				default:
					t.Errorf("%d: %+v", i, r)
				}
			}
		})
	}
	wg.Wait()
	if got.Load() != 3000 || got.Load()+soldOut.Load()+twice.Load() != 4000 {
		t.Errorf("%d got one, %d none, %d twice", got.Load(), soldOut.Load(), twice.Load())
	}
	done := make(chan error, 1)
	s.RedeemFunc(t.Context(), store.Redemption{Code: "SUMMER2026", User: "late"}, func(_ store.Receipt, err error) { done <- err })
	wantErr(t, "by callback", <-done, store.ErrSoldOut)
	wantErr(t, "check", s.Check(t.Context(), store.Redemption{Code: "SUMMER2026", User: "late"}), store.ErrSoldOut)
	storetest.Verify(t, s)
}

// TestSystemDUniversalDeadline: a window, half open.
func TestSystemDUniversalDeadline(t *testing.T) {
	s, clk := openAt(t)
	d := store.Universal("LAUNCH", 100)
	d.NotBefore, d.NotAfter = clk.Now().Add(time.Hour), clk.Now().Add(2*time.Hour)
	share(t, s, d)
	ask := func(user string, want error) {
		t.Helper()
		wantErr(t, "check", s.Check(t.Context(), store.Redemption{Code: "launch", User: user}), want)
		_, err := s.Redeem(t.Context(), store.Redemption{Code: "launch", User: user})
		wantErr(t, "redeem", err, want)
	}
	ask("ann", store.ErrNotYetValid)
	clk.set(d.NotBefore)
	ask("ann", nil)
	clk.set(d.NotAfter.Add(-time.Microsecond))
	ask("bob", nil)
	wantErr(t, "check again", s.Check(t.Context(), store.Redemption{Code: "launch", User: "bob"}), store.ErrUserLimit)
	clk.set(d.NotAfter)
	ask("cat", store.ErrExpired)
}

// TestSystemDUniversalTimes: n times a player, or any number.
func TestSystemDUniversalTimes(t *testing.T) {
	s, _ := openAt(t)
	for _, limit := range []int{2, store.Unlimited} {
		d := store.Universal(fmt.Sprint("TIMES", limit), 100)
		d.PerUser = limit
		share(t, s, d)
		for i := range 5 {
			_, err := s.Redeem(t.Context(), store.Redemption{Code: d.Token, User: "ann"})
			if limit == store.Unlimited || i < limit {
				wantErr(t, "within", err, nil)
			} else {
				wantErr(t, "over", err, store.ErrUserLimit)
			}
		}
	}
	d := store.Universal("NOBODY", 2)
	d.PerUser = store.Unlimited
	share(t, s, d)
	claimShare(t, s, store.Claim{Token: "NOBODY"})
}

// TestSystemDTokenIsNoCode: a universal code and single codes of a namespace never have the
// same text, whichever comes first, also after the code's batch is retired.
func TestSystemDTokenIsNoCode(t *testing.T) {
	ctx := t.Context()
	s, _ := openAt(t)
	digits := gen.Format{Class: gen.Digits, Length: 2}
	b := mint(t, s, store.Batch{Name: "two digits", Count: 49, Format: digits})
	codes := issue(t, s, b.ID, 49, "x")
	_, err := s.Share(ctx, store.Universal(codes[0], 10))
	wantErr(t, "a code's text", err, store.ErrTaken)
	elsewhere := store.Universal(codes[0], 10)
	elsewhere.Namespace = "elsewhere"
	share(t, s, elsewhere)
	elsewhere.Namespace, elsewhere.Room = "", "a room"
	share(t, s, elsewhere)
	wantErr(t, "revoke", s.RevokeBatch(ctx, b.ID, store.BatchChange{}), nil)
	wantErr(t, "retire", s.Retire(ctx, b.ID, store.BatchChange{}), nil)
	_, err = s.Share(ctx, store.Universal(codes[0], 10))
	wantErr(t, "a retired code's text", err, store.ErrTaken)

	taken := map[string]bool{}
	for _, c := range codes {
		taken[c] = true
	}
	tokens := 0
	for i := range 100 {
		if text := fmt.Sprintf("%02d", i); !taken[text] && tokens < 30 {
			tokens++
			taken[text] = true
			share(t, s, store.Universal(text, 1))
			_, err := s.Share(ctx, store.Universal(text, 1))
			wantErr(t, "twice", err, store.ErrTaken)
		}
	}
	more := mint(t, s, store.Batch{Name: "the rest", Count: 11, Format: digits})
	for _, c := range issue(t, s, more.ID, 11, "y") {
		if taken[c] {
			t.Errorf("%s was minted and is taken", c)
		}
		taken[c] = true
	}
	if len(taken) != 90 {
		t.Errorf("%d texts", len(taken))
	}
	storetest.Verify(t, s)
}

// TestSystemDSharedKeys: a request that is repeated with its key gets its first answer, also
// after a crash; with other content it is a conflict.
func TestSystemDSharedKeys(t *testing.T) {
	ctx := t.Context()
	dir, opt := t.TempDir(), weak()
	s := storetest.OpenAt(t, dir, opt)
	d := packet(1000, 10)
	d.Key = "create"
	info := share(t, s, d)
	ref := store.SharedRef{Token: info.Token}
	rec := claimShare(t, s, store.Claim{Token: info.Token, User: "bob", Key: "claim"})
	undone := claimShare(t, s, store.Claim{Token: info.Token, User: "cat", Key: "claim 2"})
	undo, err := s.UndoClaim(ctx, store.ClaimChange{Number: undone.Number, By: "support", Key: "undo"})
	wantErr(t, "undo", err, nil)
	end, err := s.EndShared(ctx, store.SharedChange{SharedRef: ref, By: "ann", Key: "end"})
	wantErr(t, "end", err, nil)
	if end.Amount != 1000-rec.Share.Amount || end.Shares != 9 || end.Sender != "ann" {
		t.Errorf("%+v", end)
	}
	code := issue(t, s, mint(t, s, store.Batch{Name: "b", Count: 1}).ID, 1, "x")[0]
	for range 3 {
		if again := share(t, s, d); again != info {
			t.Errorf("%+v, was %+v", again, info)
		}
		if again := claimShare(t, s, store.Claim{Token: info.Token, User: "bob", Key: "claim"}); again.Number != rec.Number || *again.Share != *rec.Share {
			t.Errorf("%+v, was %+v", again, rec)
		}
		if again, err := s.UndoClaim(ctx, store.ClaimChange{Number: undone.Number, By: "support", Key: "undo"}); again != undo || err != nil {
			t.Errorf("%+v, %v, was %+v", again, err, undo)
		}
		if again, err := s.EndShared(ctx, store.SharedChange{SharedRef: ref, By: "ann", Key: "end"}); again != end || err != nil {
			t.Errorf("%+v, %v, was %+v", again, err, end)
		}
		other := d
		other.Split.Count++
		_, err := s.Share(ctx, other)
		wantErr(t, "another packet", err, store.ErrKeyConflict)
		_, err = s.Claim(ctx, store.Claim{Token: info.Token, User: "cat", Key: "claim"})
		wantErr(t, "another user", err, store.ErrKeyConflict)
		_, err = s.Redeem(ctx, store.Redemption{Code: code, User: "bob", Key: "claim"})
		wantErr(t, "a code", err, store.ErrKeyConflict)
		_, err = s.UndoClaim(ctx, store.ClaimChange{Number: rec.Number, By: "support", Key: "undo"})
		wantErr(t, "another claim", err, store.ErrKeyConflict)
		_, err = s.EndShared(ctx, store.SharedChange{SharedRef: ref, By: "bob", Key: "end"})
		wantErr(t, "somebody else", err, store.ErrKeyConflict)
		s = reopened(t, s, s.Stats().Dir, opt, false)
	}
	storetest.Verify(t, s)
}

// TestSystemDSharedUndo: a claim is taken back once; its share, and its user, are free again.
func TestSystemDSharedUndo(t *testing.T) {
	ctx := t.Context()
	s, clk := openAt(t)
	for _, d := range []store.Shared{packet(100, 2), store.Universal("HOT", 2)} {
		d.For = time.Hour
		info := share(t, s, d)
		first := claimShare(t, s, store.Claim{Token: info.Token, User: "bob"})
		claimShare(t, s, store.Claim{Token: info.Token, User: "cat"})
		_, err := s.Claim(ctx, store.Claim{Token: info.Token, User: "dan"})
		wantErr(t, "sold out", err, store.ErrSoldOut)
		_, err = s.UndoClaim(ctx, store.ClaimChange{Number: first.Number})
		wantErr(t, "undo", err, nil)
		_, err = s.UndoClaim(ctx, store.ClaimChange{Number: first.Number})
		wantErr(t, "undo again", err, store.ErrNotClaimed)
		for _, n := range []uint64{0, info.ID, 1 << 40} {
			_, err = s.UndoClaim(ctx, store.ClaimChange{Number: n})
			wantErr(t, "undo what is no claim", err, store.ErrNotClaimed)
		}
		again := claimShare(t, s, store.Claim{Token: info.Token, User: "bob"})
		if again.Number == first.Number || again.Share.Amount != first.Share.Amount {
			t.Errorf("%+v, was %+v", again, first)
		}
		_, err = s.UndoClaim(ctx, store.ClaimChange{Number: first.Number})
		wantErr(t, "undo the first life", err, store.ErrNotClaimed)
		_, err = s.Claim(ctx, store.Claim{Token: info.Token, User: "bob"})
		wantErr(t, "at the limit", err, store.ErrUserLimit)
		clk.set(clk.Now().Add(time.Hour))
		_, err = s.UndoClaim(ctx, store.ClaimChange{Number: again.Number})
		wantErr(t, "undo after the end", err, store.ErrExpired)
	}
	storetest.Verify(t, s)
}

// TestSystemDSharedEnd: somebody ends it early, once.
func TestSystemDSharedEnd(t *testing.T) {
	ctx := t.Context()
	s, clk := openAt(t)
	info := share(t, s, packet(100, 3))
	ref := store.SharedRef{Token: info.Token}
	rec := claimShare(t, s, store.Claim{Token: info.Token, User: "bob"})
	end, err := s.EndShared(ctx, store.SharedChange{SharedRef: ref, By: "ann", Reason: "a mistake"})
	wantErr(t, "end", err, nil)
	if end.Shares != 2 || end.Amount != 100-rec.Share.Amount {
		t.Errorf("%+v", end)
	}
	_, err = s.EndShared(ctx, store.SharedChange{SharedRef: ref})
	wantErr(t, "again", err, store.ErrShareEnded)
	_, err = s.Claim(ctx, store.Claim{Token: info.Token, User: "cat"})
	wantErr(t, "claim", err, store.ErrShareEnded)
	_, err = s.UndoClaim(ctx, store.ClaimChange{Number: rec.Number})
	wantErr(t, "undo", err, store.ErrShareEnded)
	if got := lookShared(t, s, ref, ""); got.State != "ended" || got.RefundedAmount != end.Amount {
		t.Errorf("%+v", got)
	}
	clk.set(info.NotAfter)
	if got := lookShared(t, s, ref, ""); got.State != "ended" {
		t.Errorf("%+v", got)
	}
	full := share(t, s, store.Universal("FULL", 1))
	claimShare(t, s, store.Claim{Token: full.Token, User: "bob"})
	_, err = s.EndShared(ctx, store.SharedChange{SharedRef: store.SharedRef{Token: "FULL"}})
	wantErr(t, "nothing is left", err, store.ErrSoldOut)
	_, err = s.EndShared(ctx, store.SharedChange{SharedRef: store.SharedRef{Token: "nobody"}})
	wantErr(t, "unknown", err, store.ErrUnknownCode)
	storetest.Verify(t, s)
}

// TestSystemDSharedCommitment: the split is fixed when the packet is created, which its
// commitment proves at the end.
func TestSystemDSharedCommitment(t *testing.T) {
	ctx := t.Context()
	dir, opt := t.TempDir(), weak()
	s := storetest.OpenAt(t, dir, opt)
	d := packet(1000, 4)
	d.Commit = true
	info := share(t, s, d)
	ref := store.SharedRef{Token: info.Token}
	_, err := s.RevealShared(ctx, ref, "")
	wantErr(t, "too early", err, store.ErrNotEnded)
	s = reopened(t, s, dir, opt, false)
	recs := claimAll(t, s, info.Token)
	r, err := s.RevealShared(ctx, ref, "")
	wantErr(t, "reveal", err, nil)
	sum := gen.Commit(r.Salt, r.Parts)
	if fmt.Sprintf("%x", sum) != info.Commitment || r.Commitment != info.Commitment || !gen.VerifyCommitment(sum, r.Salt, r.Parts) {
		t.Errorf("%+v is not what %s committed to", r, info.Commitment)
	}
	for _, rec := range recs {
		if r.Parts[rec.Share.Part] != rec.Share.Amount {
			t.Errorf("%+v: %v", rec.Share, r.Parts)
		}
	}
	plain := share(t, s, packet(10, 1))
	claimAll(t, s, plain.Token)
	_, err = s.RevealShared(ctx, store.SharedRef{Token: plain.Token}, "")
	wantErr(t, "no commitment", err, store.ErrInvalid)
}
