package store_test

import (
	"fmt"
	"testing"
	"time"

	"codepool/store"
	"codepool/store/storetest"
)

// TestReusable follows codes through several lives, with and without a quarantine, over
// restarts and checkpoints: each life has its own receipt, and a late repetition gets that
// of its own life.
func TestReusable(t *testing.T) {
	for _, q := range []time.Duration{0, time.Hour} {
		t.Run(q.String(), func(t *testing.T) {
			ctx, dir := t.Context(), t.TempDir()
			o, clk := timed()
			s := open(t, dir, o)
			b := mint(t, s, store.Batch{Name: "b", Count: 3, Reusable: true, Quarantine: q})
			lives := map[string]store.Receipt{} // by key
			for life := range 6 {
				codes := issue(t, s, b.ID, 3, fmt.Sprint("order-", life))
				_, err := s.Redeem(ctx, store.Redemption{Code: codes[0]})
				wantErr(t, "without a key", err, store.ErrNoKey)
				for _, r := range s.RedeemAll(ctx, redemptions(codes[:1], "")) {
					wantErr(t, "many without a key", r.Err, store.ErrNoKey)
				}
				_, err = s.Reserve(ctx, store.Redemption{Code: codes[0]}, time.Hour)
				wantErr(t, "reserve without a key", err, store.ErrNoKey)
				for i, c := range codes {
					key := fmt.Sprint(c, "-", life)
					switch i {
					case 0:
						lives[key] = redeem(t, s, store.Redemption{Code: c, User: "u", Key: key})
					case 1:
						h := reserve(t, s, store.Redemption{Code: c, User: "u", Key: key}, time.Minute)
						rec, err := s.Confirm(ctx, store.LeaseEnd{Number: h.Number, Key: key})
						wantErr(t, "confirm", err, nil)
						lives[key] = rec
					default:
						_, err = s.Release(ctx, store.Change{Code: c, Key: key})
						wantErr(t, "release", err, nil)
					}
				}
				storetest.Verify(t, s)
				if life%3 == 1 {
					if err := s.Checkpoint(ctx); err != nil {
						t.Fatal(err)
					}
				}
				if life%2 == 1 {
					s = reopened(t, s, dir, o, life == 3)
					dir = s.Stats().Dir
				}
				if q > 0 {
					clk.set(clk.Now().Add(q - time.Microsecond))
					wantCounts(t, "in quarantine", s, b.ID, store.Counts{Minted: 3, Redeemed: 2, Leased: 1})
					_, err = s.Issue(ctx, b.ID, 1, store.To("x"))
					wantErr(t, "draw", err, store.ErrEmpty)
					_, err = s.Redeem(ctx, store.Redemption{Code: codes[0], Key: "another"})
					wantErr(t, "redeem in quarantine", err, store.ErrAlreadyRedeemed)
					if info, err := s.Lookup(ctx, "", codes[2]); err != nil || info.Ref != "" || info.StateName != "leased" {
						t.Errorf("%+v, %v", info, err)
					}
					clk.set(clk.Now().Add(time.Microsecond))
				}
				wantCounts(t, "back", s, b.ID, store.Counts{Minted: 3, Available: 3})
				for key, rec := range lives { // whatever life the code is in now
					code, user := rec.Code, "u"
					got, err := s.Redeem(ctx, store.Redemption{Code: code, User: user, Key: key})
					if err != nil || !sameReceipt(got, rec) {
						t.Errorf("a late repetition: %+v, %v, want %+v", got, err, rec)
					}
				}
				_, err = s.Undo(ctx, store.Change{Code: codes[0]})
				wantErr(t, "undo a former life", err, store.ErrNotRedeemed)
				for _, d := range collect(t, s.DrawnFor(ctx, fmt.Sprint("order-", life), 0)) {
					if d.State != "gone" {
						t.Errorf("%+v", d)
					}
				}
			}
			if got := receipts(t, s, 0); len(got) != len(lives) || len(got) != 12 {
				t.Errorf("%d receipts of %d lives", len(got), len(lives))
			}
			storetest.Verify(t, s)
		})
	}
}

// A redemption in quarantine can be undone, and then the code rests no more.
func TestReusableUndo(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, clk := timed()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 2, Reusable: true, Quarantine: time.Hour})
	codes := issue(t, s, b.ID, 2, "order")
	redeem(t, s, store.Redemption{Code: codes[0], Key: "k"})
	_, err := s.Undo(ctx, store.Change{Code: codes[0]})
	wantErr(t, "undo", err, nil)
	_, err = s.Release(ctx, store.Change{Code: codes[1]})
	wantErr(t, "release", err, nil)
	_, err = s.Revoke(ctx, store.Change{Code: codes[1]})
	wantErr(t, "revoke what rests", err, nil)
	storetest.Verify(t, s)
	for _, clean := range []bool{false, true} {
		s = reopened(t, s, dir, o, clean)
		dir = s.Stats().Dir
	}
	clk.set(clk.Now().Add(2 * time.Hour))
	wantCounts(t, "undone", s, b.ID, store.Counts{Minted: 2, Issued: 1, Revoked: 1})
	redeem(t, s, store.Redemption{Code: codes[0], Key: "again"})
	clk.set(clk.Now().Add(2 * time.Hour))
	wantCounts(t, "redeemed again", s, b.ID, store.Counts{Minted: 2, Available: 1, Revoked: 1})
	storetest.Verify(t, s)
}

// A code that rests is not its reference's any more, from the first one on.
func TestReleaseRests(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, _ := timed()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 1, Reusable: true, Quarantine: time.Hour})
	_, err := s.Release(ctx, store.Change{Code: issue(t, s, b.ID, 1, "order")[0]})
	wantErr(t, "release", err, nil)
	for _, restart := range []bool{false, true} {
		if restart {
			s = reopened(t, s, dir, o, false)
		}
		if d := collect(t, s.DrawnFor(ctx, "order", 0)); len(d) != 1 || d[0].State != "gone" {
			t.Errorf("restarted %v: %+v", restart, d)
		}
		if got, err := s.ReleaseRef(ctx, store.RefChange{Ref: "order"}); err != nil || len(got) != 0 {
			t.Errorf("restarted %v: %+v, %v", restart, got, err)
		}
	}
}

// What is unique for ever stays so: a code that was redeemed is neither drawn nor imported
// again in its namespace, and in another it is another code.
func TestUniqueForEver(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	importCodes(t, s, store.Batch{Name: "a", FromStock: true}, store.ImportOptions{}, "CARD1", "CARD2")
	redeem(t, s, store.Redemption{Code: "CARD1"})
	for i, clean := range []bool{false, true} {
		s = reopened(t, s, dir, weak(), clean)
		dir = s.Stats().Dir
		rep := importCodes(t, s, store.Batch{Name: fmt.Sprint("again-", i)}, store.ImportOptions{}, "CARD1", "card-2", fmt.Sprint("NEW", i))
		if rep.Added != 1 {
			t.Errorf("%+v", rep)
		}
		_, err := s.Redeem(ctx, store.Redemption{Code: "CARD1"})
		wantErr(t, "again", err, store.ErrAlreadyRedeemed)
	}
	importCodes(t, s, store.Batch{Name: "other", Namespace: "n", FromStock: true}, store.ImportOptions{}, "CARD1")
	redeem(t, s, store.Redemption{Code: "CARD1", Namespace: "n"})
	storetest.Verify(t, s)
}

func TestBadReuse(t *testing.T) {
	s := storetest.Open(t, weak())
	for what, b := range map[string]store.Batch{
		"quarantine without reuse": {Quarantine: time.Hour}, "a negative one": {Reusable: true, Quarantine: -1}, "a fine one": {Reusable: true, Quarantine: 1500},
	} {
		b.Name, b.Count = "b", 1
		_, err := s.Mint(t.Context(), b)
		wantErr(t, what, err, store.ErrInvalid)
	}
}
