package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"codepool/store"
	"codepool/store/storetest"
)

func TestReceipts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	if got := receipts(t, s, 0); len(got) != 0 {
		t.Errorf("%d receipts in an empty store", len(got))
	}
	const n = 40_000 // several parts of 32768
	codes := issued(t, s, "b", n)
	var want []store.Receipt
	for part := range slices.Chunk(codes, 3000) {
		for _, r := range s.RedeemAll(t.Context(), redemptions(part, "u")) {
			want = append(want, r.Receipt)
		}
		mint(t, s, store.Batch{Count: 1}) // a number that is no receipt
	}
	slices.SortFunc(want, func(a, b store.Receipt) int { return int(a.Number) - int(b.Number) })
	all := func() {
		t.Helper()
		got := receipts(t, s, 0)
		if !slices.EqualFunc(got, want, sameReceipt) {
			t.Fatalf("%d receipts, %d were given, or they differ", len(got), len(want))
		}
		for _, i := range []int{0, 1, 2999, 3000, 32767, n - 1} { // go on behind any of them
			if got := receipts(t, s, want[i].Number); !slices.EqualFunc(got, want[i+1:], sameReceipt) {
				t.Errorf("behind receipt %d there are %d, want %d", i, len(got), n-1-i)
			}
		}
		if got := receipts(t, s, 1<<63); len(got) != 0 {
			t.Errorf("%d receipts behind the end", len(got))
		}
	}
	all()
	mustClose(t, s)
	s = storetest.OpenAt(t, dir, weak())
	all()

	count := 0
	for range s.Receipts(t.Context(), 0) { // leaving early is fine
		if count++; count == 10 {
			break
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	reason := errors.New("enough")
	last := error(nil)
	count = 0
	for _, err := range s.Receipts(ctx, 0) {
		if last = err; err == nil {
			count++
		}
		cancel(reason)
	}
	wantErr(t, "after its context ended", last, reason)
	if count == n {
		t.Error("a cancelled iteration went to the end")
	}
}

// A consumer may use the store while it iterates, and sees what is new.
func TestReceiptsWhileWorking(t *testing.T) {
	s := storetest.Open(t)
	codes := issued(t, s, "b", 50)
	redeem(t, s, store.Redemption{Code: codes[0]})
	after, seen := uint64(0), 0
	for seen < len(codes) {
		for r, err := range s.Receipts(t.Context(), after) {
			if err != nil {
				t.Fatal(err)
			}
			if after = r.Number; seen+1 < len(codes) {
				redeem(t, s, store.Redemption{Code: codes[seen+1]})
			}
			seen++
		}
	}
	if seen != len(codes) {
		t.Errorf("%d receipts", seen)
	}
}

func TestStats(t *testing.T) {
	dir := t.TempDir()
	o := weak()
	o.Shards = 128
	s := open(t, dir, o)
	codes := issued(t, s, "b", 100)
	mint(t, s, store.Batch{Name: "c", Count: 50})
	for _, c := range codes[:30] {
		redeem(t, s, store.Redemption{Code: c})
	}
	st := s.Stats()
	if st.Dir != dir || st.Shards != 128 || st.Batches != 2 || st.Codes != (store.Counts{Minted: 150, Available: 50, Issued: 70, Redeemed: 30}) ||
		st.Ledger != 33 || st.Durable != 33 || st.Records != 33 || st.Groups == 0 || st.Failure != "" ||
		st.PoolBytes <= 0 || st.GateBytes <= 0 || st.DiskBytes <= 0 || st.DiskFree <= 0 || st.WriteBytes <= 0 {
		t.Errorf("%+v", st)
	}
	if err := s.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	redeem(t, s, store.Redemption{Code: codes[40]})
	crashed := copyDir(t, dir)
	if st := s.Stats(); st.Checkpoint != 33 || st.Ledger != 34 {
		t.Errorf("%+v", st)
	}
	mustClose(t, s)
	for d, replayed := range map[string]uint64{dir: 0, crashed: 1} {
		st := storetest.OpenAt(t, d, o).Stats()
		if st.Recovery.Replayed != replayed || st.Recovery.Checkpoint != 34-replayed || st.Ledger != 34 || st.Codes.Redeemed != 31 {
			t.Errorf("replayed %d: %+v", replayed, st)
		}
	}
}

// The background writes a checkpoint every so many records (I11).
func TestCheckpointsByThemselves(t *testing.T) {
	o := weak()
	o.CheckpointEvery = 100
	dir := t.TempDir()
	s := storetest.OpenAt(t, dir, o)
	codes := issued(t, s, "b", 5000)
	for i, c := range codes {
		redeem(t, s, store.Redemption{Code: c, User: fmt.Sprint(i)})
	}
	st := s.Stats()
	for range 1_000_000 {
		if st.Ledger-st.Checkpoint < 100 {
			break
		}
		runtime.Gosched() // the background is still at it
		st = s.Stats()
	}
	if st.Ledger-st.Checkpoint >= 100 {
		t.Errorf("the checkpoint stands at %d of %d", st.Checkpoint, st.Ledger)
	}
	if st := storetest.OpenAt(t, copyDir(t, dir), o).Stats(); st.Recovery.Replayed >= 100 || st.Codes.Redeemed != 5000 {
		t.Errorf("%+v", st)
	}
}
