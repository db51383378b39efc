package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"codepool/store"
	"codepool/store/storetest"
)

// collect reads a query to its end.
func collect[T any](t *testing.T, seq func(func(T, error) bool)) (out []T) {
	t.Helper()
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// firstErr is the error that a query ends with.
func firstErr[T any](seq func(func(T, error) bool)) (err error) {
	for _, err = range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestReceiptsOf asks for users' redemptions over several index runs and the tail, whole
// and from number to number.
func TestReceiptsOf(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 3000})
	codes := issue(t, s, b.ID, 3000, "x")
	want := map[string][]store.Receipt{}
	for i := 0; i < 2900; {
		n := min(100, 2900-i)
		rs := redemptions(codes[i:i+n], "")
		for j := range rs {
			rs[j].User = fmt.Sprint("player-", (i+j)%7)
		}
		for j, r := range s.RedeemAll(ctx, rs) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			want[rs[j].User] = append(want[rs[j].User], r.Receipt)
		}
		if i += n; i%300 == 0 {
			if err := s.Checkpoint(ctx); err != nil { // the ninth merges eight
				t.Fatal(err)
			}
		}
	}
	redeem(t, s, store.Redemption{Code: codes[2999]}) // nobody's
	check := func(what string) {
		t.Helper()
		for user, rs := range want {
			slices.SortFunc(rs, func(a, b store.Receipt) int { return int(b.Number) - int(a.Number) })
			if got := collect(t, s.ReceiptsOf(ctx, user, 0)); !slices.EqualFunc(got, rs, sameReceipt) {
				t.Errorf("%s: %s has %d receipts, want %d, or they differ", what, user, len(got), len(rs))
			}
			var paged []store.Receipt
			for before := uint64(0); ; before = paged[len(paged)-1].Number {
				n := 0
				for r, err := range s.ReceiptsOf(ctx, user, before) {
					if err != nil {
						t.Fatal(err)
					}
					if paged = append(paged, r); n == 36 {
						break
					}
					n++
				}
				if n < 36 {
					break
				}
			}
			if !slices.EqualFunc(paged, rs, sameReceipt) {
				t.Errorf("%s: %s has %d receipts page by page, want %d, or they differ", what, user, len(paged), len(rs))
			}
		}
		if got := collect(t, s.ReceiptsOf(ctx, "player-1", 1)); got != nil {
			t.Errorf("%s: before the first there are %v", what, got)
		}
		if got := collect(t, s.ReceiptsOf(ctx, "nobody", 0)); got != nil {
			t.Errorf("%s: nobody has %v", what, got)
		}
	}
	check("before")
	s = reopened(t, s, dir, weak(), false)
	check("after a crash")
	wantErr(t, "no user", firstErr(s.ReceiptsOf(ctx, "", 0)), store.ErrInvalid)
	wantErr(t, "a long user", firstErr(s.ReceiptsOf(ctx, strings.Repeat("x", store.MaxText+1), 0)), store.ErrInvalid)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	wantErr(t, "ended", firstErr(s.ReceiptsOf(ended, "player-1", 0)), context.Canceled)
	mustClose(t, s)
	wantErr(t, "closed", firstErr(s.ReceiptsOf(ctx, "player-1", 0)), store.ErrClosed)
}

// TestReceiptsOfWhileRunsMerge: the runs that a query has not come to are merged and deleted
// meanwhile, twice over, and more is redeemed; it yields what was durable when it began, each once.
func TestReceiptsOfWhileRunsMerge(t *testing.T) {
	ctx := t.Context()
	s := open(t, t.TempDir(), weak())
	const round = 20
	b := mint(t, s, store.Batch{Name: "b", Count: 80 * round})
	codes := issue(t, s, b.ID, 80*round, "x")
	flush := func() {
		t.Helper()
		rs := redemptions(codes[:round], "")
		codes = codes[round:]
		for i := range rs {
			rs[i].User = "player"
		}
		for _, r := range s.RedeemAll(ctx, rs) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		if err := s.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for range 7 {
		flush()
	}
	want := collect(t, s.ReceiptsOf(ctx, "player", 0))
	if len(want) != 7*round {
		t.Fatalf("%d receipts", len(want))
	}
	var got []store.Receipt
	for r, err := range s.ReceiptsOf(ctx, "player", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, r); len(got) == 1 {
			for range 70 { // eight runs become one at the eighth flush, and 64 at the 64th
				flush()
			}
		}
	}
	if !slices.EqualFunc(got, want, sameReceipt) {
		t.Errorf("%d receipts, want %d, or they differ", len(got), len(want))
	}
}

// TestDrawnFor follows a reference's codes as they are redeemed, released and drawn for
// others.
func TestDrawnFor(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 5})
	first := issue(t, s, b.ID, 3, "order-1")
	second := issue(t, s, b.ID, 1, "order-1")
	redeem(t, s, store.Redemption{Code: first[0]})
	state := func(ref string) map[string]string {
		got := map[string]string{}
		last := uint64(1<<64 - 1)
		for _, d := range collect(t, s.DrawnFor(ctx, ref, 0)) {
			if d.Number > last {
				t.Errorf("number %d behind %d", d.Number, last)
			}
			last, got[d.Printed] = d.Number, d.State
		}
		return got
	}
	same := func(what string, got, want map[string]string) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	same("drawn", state("order-1"), map[string]string{first[0]: "redeemed", first[1]: "issued", first[2]: "issued", second[0]: "issued"})
	if _, err := s.Release(ctx, store.Change{Code: first[1]}); err != nil {
		t.Fatal(err)
	}
	same("released", state("order-1"), map[string]string{first[0]: "redeemed", first[1]: "gone", first[2]: "issued", second[0]: "issued"})
	issue(t, s, b.ID, 2, "order-2") // all that is in stock, the released one too
	for _, clean := range []bool{false, true} {
		same("drawn again", state("order-1"), map[string]string{first[0]: "redeemed", first[1]: "gone", first[2]: "issued", second[0]: "issued"})
		if got := state("order-2"); len(got) != 2 || got[first[1]] != "issued" {
			t.Errorf("order-2 has %v", got)
		}
		s = reopened(t, s, dir, weak(), clean)
		dir = s.Stats().Dir
	}
	if got := collect(t, s.DrawnFor(ctx, "order-3", 0)); got != nil {
		t.Errorf("order-3 has %v", got)
	}
	wantErr(t, "no reference", firstErr(s.DrawnFor(ctx, "", 0)), store.ErrInvalid)
}

// TestReleaseRef cancels orders.
func TestReleaseRef(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	first := issue(t, s, b.ID, 4, "order-1")
	other := issue(t, s, b.ID, 2, "order-2")
	redeem(t, s, store.Redemption{Code: first[0]})
	if _, err := s.Revoke(ctx, store.Change{Code: first[1]}); err != nil {
		t.Fatal(err)
	}
	got, err := s.ReleaseRef(ctx, store.RefChange{Ref: "order-1", By: "shop", Reason: "cancelled"})
	if err != nil || len(got) != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	said := map[error]int{}
	for _, r := range got {
		said[r.Err]++
		if r.Err == nil && (r.Changed.By != "shop" || r.Changed.Reason != "cancelled" || r.Changed.Number == 0) || r.Changed.Code == "" {
			t.Errorf("%+v", r)
		}
	}
	if said[nil] != 2 || said[store.ErrAlreadyRedeemed] != 1 || said[store.ErrRevoked] != 1 {
		t.Errorf("%v", said)
	}
	if i, err := s.Batch(b.ID); err != nil || i.Counts != (store.Counts{Minted: 10, Available: 6, Issued: 2, Redeemed: 1, Revoked: 1}) {
		t.Errorf("%+v, %v", i, err)
	}
	// Whoever draws them next keeps them, whatever becomes of the first order.
	third := issue(t, s, b.ID, 6, "order-3")
	for range 2 {
		got, err = s.ReleaseRef(ctx, store.RefChange{Ref: "order-1"})
		if err != nil || len(got) != 2 {
			t.Errorf("again: %+v, %v", got, err)
		}
		s = reopened(t, s, dir, weak(), true)
	}
	redeem(t, s, store.Redemption{Code: third[0]})
	redeem(t, s, store.Redemption{Code: other[0]})
	got, err = s.RevokeRef(ctx, store.RefChange{Ref: "order-3"})
	if err != nil || len(got) != 6 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, c := range third[1:] {
		_, err := s.Redeem(ctx, store.Redemption{Code: c})
		wantErr(t, "revoked", err, store.ErrRevoked)
	}
	got, err = s.ReleaseRef(ctx, store.RefChange{Ref: "order-9"})
	if err != nil || len(got) != 0 {
		t.Errorf("unknown order: %+v, %v", got, err)
	}
	_, err = s.ReleaseRef(ctx, store.RefChange{})
	wantErr(t, "no reference", err, store.ErrInvalid)
	_, err = s.ReleaseRef(ctx, store.RefChange{Ref: "order-2", By: "a\n"})
	wantErr(t, "by", err, store.ErrInvalid)
	storetest.Verify(t, s)
}

// TestReleaseRefExclusively cancels an order over and over while its codes go from hand to
// hand: nobody loses a code to the cancellation of another's order.
func TestReleaseRefExclusively(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	b := mint(t, s, store.Batch{Name: "b", Count: 20})
	over := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-over:
				return
			default:
			}
			if _, err := s.ReleaseRef(ctx, store.RefChange{Ref: "mine"}); err != nil {
				t.Error(err)
			}
		}
	}()
	for i := range fewer(300, 60) {
		issue(t, s, b.ID, 5, "mine")
		ref := fmt.Sprint("yours-", i)
		codes := issue(t, s, b.ID, 5, ref)
		for _, c := range codes {
			if info, err := s.Lookup(ctx, "", c); err != nil || info.StateName != "issued" || info.Ref != ref {
				t.Fatalf("%+v, %v", info, err)
			}
		}
		if got, err := s.ReleaseRef(ctx, store.RefChange{Ref: ref}); err != nil || len(got) != 5 {
			t.Fatalf("%+v, %v", got, err)
		}
		if _, err := s.ReleaseRef(ctx, store.RefChange{Ref: "mine"}); err != nil {
			t.Fatal(err)
		}
	}
	close(over)
	<-done
	storetest.Verify(t, s)
}
