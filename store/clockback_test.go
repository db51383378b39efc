package store_test

import (
	"testing"
	"time"

	"codepool/store"
	"codepool/store/storetest"
)

// TestClockBack turns the clock back and forth: what was leased, reserved or put to rest
// holds until the instant that was named, whatever the clock said in between, and what is
// over stays over.
func TestClockBack(t *testing.T) {
	for _, restart := range []string{"none", "crash", "close"} {
		t.Run(restart, func(t *testing.T) {
			ctx, dir := t.Context(), t.TempDir()
			o, clk := timed()
			start := clk.Now()
			s := storetest.OpenAt(t, dir, o)
			at := func(d time.Duration) {
				t.Helper()
				old, to := s, s.Stats().Dir
				switch restart {
				case "close":
					mustClose(t, s)
				case "crash":
					to = copyDir(t, to)
				}
				clk.set(start.Add(d))
				if restart != "none" {
					s = storetest.OpenAt(t, to, o)
				}
				if restart == "crash" {
					mustClose(t, old)
				}
				storetest.Verify(t, s)
			}
			b := mint(t, s, store.Batch{Name: "b", Count: 5, Reusable: true, Quarantine: time.Hour})
			l := lease(t, s, b.ID, 2, time.Hour, store.To("lease").Once("k"))
			codes := issue(t, s, b.ID, 3, "order")
			h := reserve(t, s, store.Redemption{Code: codes[0], Key: "hold"}, time.Hour)
			rec := redeem(t, s, store.Redemption{Code: codes[1], Key: "life"})
			_, err := s.Release(ctx, store.Change{Code: codes[2], Key: "rest"})
			wantErr(t, "release", err, nil)
			all := store.Counts{Minted: 5, Leased: 3, Reserved: 1, Redeemed: 1}
			for _, d := range []time.Duration{-24 * time.Hour, time.Hour - time.Microsecond, -time.Minute} {
				at(d)
				wantCounts(t, d.String(), s, b.ID, all)
				if again := lease(t, s, b.ID, 2, time.Hour, store.To("lease").Once("k")); again.Number != l.Number || !again.Until.Equal(l.Until) {
					t.Errorf("%v: %+v, want %+v", d, again, l)
				}
				if again := reserve(t, s, store.Redemption{Code: codes[0], Key: "hold"}, time.Hour); again != h {
					t.Errorf("%v: %+v, want %+v", d, again, h)
				}
				if again := redeem(t, s, store.Redemption{Code: codes[1], Key: "life"}); !sameReceipt(again, rec) {
					t.Errorf("%v: %+v, want %+v", d, again, rec)
				}
			}
			at(time.Hour)
			wantCounts(t, "over", s, b.ID, store.Counts{Minted: 5, Available: 4, Issued: 1})
			short := lease(t, s, b.ID, 4, time.Minute, store.To("short"))
			at(-time.Hour)
			_, err = s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number})
			wantErr(t, "acknowledge what was over", err, store.ErrLeaseOver)
			_, err = s.Confirm(ctx, store.LeaseEnd{Number: h.Number})
			wantErr(t, "confirm what was over", err, store.ErrLeaseOver)
			_, err = s.Undo(ctx, store.Change{Code: codes[1]})
			wantErr(t, "undo a life that was over", err, store.ErrNotRedeemed)
			_, err = s.Issue(ctx, b.ID, 1, store.To("x"))
			wantErr(t, "draw what is leased", err, store.ErrEmpty)
			early := reserve(t, s, store.Redemption{Code: codes[0], Key: "early"}, time.Minute)
			at(time.Minute - time.Hour)
			_, err = s.Confirm(ctx, store.LeaseEnd{Number: early.Number})
			wantErr(t, "confirm by the clock that was turned back", err, store.ErrLeaseOver)
			_, err = s.Acknowledge(ctx, store.LeaseEnd{Number: short.Number})
			wantErr(t, "acknowledge", err, nil)
			rec = redeem(t, s, store.Redemption{Code: codes[0], Key: "back"})
			if !rec.At.Equal(start.Add(time.Minute - time.Hour)) {
				t.Errorf("%+v", rec)
			}
			at(time.Minute)
			wantCounts(t, "at last", s, b.ID, store.Counts{Minted: 5, Available: 1, Issued: 4})
		})
	}
}
