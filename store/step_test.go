package store_test

import (
	"errors"
	"strings"
	"testing"

	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

func release(t testing.TB, s *store.Store, r store.Change) store.Changed {
	t.Helper()
	rec, err := s.Release(t.Context(), r)
	if err != nil {
		t.Fatalf("release %+v: %v", r, err)
	}
	return rec
}

func undo(t testing.TB, s *store.Store, r store.Change) store.Changed {
	t.Helper()
	rec, err := s.Undo(t.Context(), r)
	if err != nil {
		t.Fatalf("undo %+v: %v", r, err)
	}
	return rec
}

func state(t testing.TB, s *store.Store, code string) shard.State {
	t.Helper()
	info, err := s.Lookup(t.Context(), "", code)
	if err != nil {
		t.Fatalf("lookup %s: %v", code, err)
	}
	return info.State
}

// A released code is in stock again and can be drawn for somebody else, once.
func TestReleaseReturnsToStock(t *testing.T) {
	s := storetest.Open(t)
	b := mint(t, s, store.Batch{Name: "b", Count: 1})
	code := issue(t, s, b.ID, 1, "first")[0]
	_, err := s.Issue(t.Context(), b.ID, 1, store.To("second"))
	wantErr(t, "draw from an empty batch", err, store.ErrEmpty)
	rec := release(t, s, store.Change{Code: strings.ToLower(code), By: "support"})
	if rec.Code != strings.ReplaceAll(code, "-", "") || rec.Batch != b.ID || rec.By != "support" || rec.Number == 0 || rec.At.IsZero() {
		t.Errorf("release answers %+v", rec)
	}
	_, err = s.Redeem(t.Context(), store.Redemption{Code: code})
	wantErr(t, "redeem a released code", err, store.ErrNotIssued)
	_, err = s.Release(t.Context(), store.Change{Code: code})
	wantErr(t, "release twice", err, store.ErrNotIssued)
	if again := issue(t, s, b.ID, 1, "second")[0]; again != code {
		t.Errorf("drew %s, want %s", again, code)
	}
	if info, err := s.Lookup(t.Context(), "", code); err != nil || info.Ref != "second" {
		t.Errorf("lookup after the second draw: %+v, %v", info, err)
	}
}

// An undone redemption leaves an issued code with its first reference, and its receipt
// in the ledger.
func TestUndoIssuesAgain(t *testing.T) {
	s := storetest.Open(t)
	code := issued(t, s, "b", 3)[0]
	first := redeem(t, s, store.Redemption{Code: code, User: "u", Key: "k"})
	_, err := s.Release(t.Context(), store.Change{Code: code})
	wantErr(t, "release a redeemed code", err, store.ErrAlreadyRedeemed)
	undo(t, s, store.Change{Code: code, By: "support"})
	_, err = s.Undo(t.Context(), store.Change{Code: code, By: "support"})
	wantErr(t, "undo twice", err, store.ErrNotRedeemed)
	if info, err := s.Lookup(t.Context(), "", code); err != nil || info.State != shard.Issued || info.Receipt != nil || info.Ref != "order of b" {
		t.Errorf("lookup after undo: %+v, %v", info, err)
	}
	if again := redeem(t, s, store.Redemption{Code: code, User: "u", Key: "k"}); !sameReceipt(again, first) {
		t.Errorf("the key of the undone redemption gets %+v, want its receipt %+v", again, first)
	}
	wantErr(t, "check", s.Check(t.Context(), store.Redemption{Code: code}), nil)
	second := redeem(t, s, store.Redemption{Code: code, User: "v"})
	if got := receipts(t, s, 0); len(got) != 2 || !sameReceipt(got[0], first) || !sameReceipt(got[1], second) {
		t.Errorf("the ledger has %+v", got)
	}
	if info, err := s.Lookup(t.Context(), "", code); err != nil || info.Receipt == nil || !sameReceipt(*info.Receipt, second) {
		t.Errorf("lookup shows %+v, want the newest receipt; %v", info.Receipt, err)
	}
}

// Same key, same answer, in the process and after a crash; the sets of keys are apart.
func TestReversalKeys(t *testing.T) {
	for _, checkpoint := range []bool{false, true} {
		dir := t.TempDir()
		s := storetest.OpenAt(t, dir)
		codes := issued(t, s, "b", 4)
		redeem(t, s, store.Redemption{Code: codes[0], Key: "k"})
		u := undo(t, s, store.Change{Code: codes[0], By: "x", Key: "k"})
		r := release(t, s, store.Change{Code: codes[1], By: "x", Key: "k"})
		same := func(s *store.Store) {
			t.Helper()
			redeemed := state(t, s, codes[0]) == shard.Redeemed
			if again := undo(t, s, store.Change{Code: codes[0], By: "x", Key: "k"}); again != u {
				t.Errorf("undo again: %+v, first %+v", again, u)
			}
			if again := release(t, s, store.Change{Code: codes[1], By: "x", Key: "k"}); again != r {
				t.Errorf("release again: %+v, first %+v", again, r)
			}
			if redeemed != (state(t, s, codes[0]) == shard.Redeemed) {
				t.Error("a repeated undo took a later redemption back")
			}
			for what, r := range map[string]store.Change{
				"another code": {Code: codes[2], By: "x", Key: "k"}, "somebody else": {Code: codes[0], By: "y", Key: "k"},
			} {
				_, err := s.Undo(t.Context(), r)
				wantErr(t, "undo with the key for "+what, err, store.ErrKeyConflict)
				r.Code = strings.Replace(r.Code, codes[0], codes[1], 1)
				_, err = s.Release(t.Context(), r)
				wantErr(t, "release with the key for "+what, err, store.ErrKeyConflict)
			}
			_, err := s.Undo(t.Context(), store.Change{Code: "ABCD-EFGH-JKMN", By: "x", Key: "k"})
			wantErr(t, "undo of no code with the key", err, store.ErrUnknownCode)
		}
		same(s)
		redeem(t, s, store.Redemption{Code: codes[0], Key: "k2"})
		same(s)
		if checkpoint {
			if err := s.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		same(storetest.OpenAt(t, copyDir(t, dir)))
	}
}

// What was taken back stays so after a crash, whatever the state pages hold (I4).
func TestReversalsAfterCrash(t *testing.T) {
	dir := t.TempDir()
	s := storetest.OpenAt(t, dir, &store.Options{Durability: store.WeakNoSync, CheckpointEvery: 1 << 40})
	b := mint(t, s, store.Batch{Name: "b", Count: 40})
	codes := issue(t, s, b.ID, 40, "first")
	want := map[string]shard.State{}
	for i, code := range codes { // each a longer life, with a checkpoint somewhere in it
		life := []func(){
			func() { redeem(t, s, store.Redemption{Code: code}); want[code] = shard.Redeemed },
			func() { undo(t, s, store.Change{Code: code}); want[code] = shard.Issued },
			func() { redeem(t, s, store.Redemption{Code: code}); want[code] = shard.Redeemed },
			func() { undo(t, s, store.Change{Code: code}); want[code] = shard.Issued },
			func() { release(t, s, store.Change{Code: code}); want[code] = shard.Available },
		}
		for step, do := range life[:1+i%len(life)] {
			if step == i/len(life) {
				if err := s.Checkpoint(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			do()
		}
	}
	crashed := storetest.OpenAt(t, copyDir(t, dir))
	for _, s := range []*store.Store{s, crashed} {
		for code, st := range want {
			if got := state(t, s, code); got != st {
				t.Errorf("%s is %v, want %v", code, got, st)
			}
		}
	}
	if a, b := s.Batches()[0].Counts, crashed.Batches()[0].Counts; a != b || a.Minted != 40 {
		t.Errorf("counts %+v, after the crash %+v", a, b)
	}
	free := int(crashed.Batches()[0].Counts.Available)
	issue(t, crashed, b.ID, free, "rest")
	_, err := crashed.Issue(t.Context(), b.ID, 1, store.To("rest"))
	wantErr(t, "draw beyond the stock", err, store.ErrEmpty)
}

// A code that was handed out when it was imported has the reference of its draw once it
// has been released and drawn.
func TestReleaseOfImported(t *testing.T) {
	s := storetest.Open(t)
	rep := importCodes(t, s, store.Batch{Name: "b"}, store.ImportOptions{HandedOut: true, Ref: "cards"}, "ONE", "TWO")
	if info, err := s.Lookup(t.Context(), "", "one"); err != nil || info.Ref != "cards" {
		t.Errorf("%+v, %v", info, err)
	}
	release(t, s, store.Change{Code: "one"})
	if got := issue(t, s, rep.Batch.ID, 1, "order"); got[0] != "ONE" {
		t.Errorf("drew %v", got)
	}
	for code, ref := range map[string]string{"one": "order", "two": "cards"} {
		if info, err := s.Lookup(t.Context(), "", code); err != nil || info.Ref != ref {
			t.Errorf("%s: %+v, %v", code, info, err)
		}
	}
}

func TestReversalBadInput(t *testing.T) {
	s := storetest.Open(t)
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	code := issue(t, s, b.ID, 1, "o")[0]
	before := s.Stats().Ledger
	for name, tc := range map[string]struct {
		r    store.Change
		want error
	}{
		"unknown":         {store.Change{Code: "0000-0000-0000"}, store.ErrUnknownCode},
		"empty":           {store.Change{}, store.ErrUnknownCode},
		"too long":        {store.Change{Code: strings.Repeat("A", 65)}, store.ErrUnknownCode},
		"other namespace": {store.Change{Code: code, Namespace: "n"}, store.ErrUnknownCode},
		"long by":         {store.Change{Code: code, By: strings.Repeat("x", store.MaxText+1)}, store.ErrInvalid},
		"control in key":  {store.Change{Code: code, Key: "a\nb"}, store.ErrInvalid},
		"by not UTF-8":    {store.Change{Code: code, By: "\xff"}, store.ErrInvalid},
	} {
		_, err := s.Release(t.Context(), tc.r)
		wantErr(t, "release "+name, err, tc.want)
		_, err = s.Undo(t.Context(), tc.r)
		wantErr(t, "undo "+name, err, tc.want)
	}
	_, err := s.Undo(t.Context(), store.Change{Code: code})
	wantErr(t, "undo of an issued code", err, store.ErrNotRedeemed)
	if after := s.Stats().Ledger; after != before {
		t.Errorf("refusals wrote %d records", after-before)
	}
	mustClose(t, s)
	_, err = s.Release(t.Context(), store.Change{Code: code})
	_, err2 := s.Undo(t.Context(), store.Change{Code: code})
	wantErr(t, "after Close", errors.Join(err, err2), store.ErrClosed)
}
