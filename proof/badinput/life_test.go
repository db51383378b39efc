package badinput

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"codepool/store"
)

// verbs are all calls that take a context, each with good arguments.
var verbs = []struct {
	name string
	call func(ctx context.Context, w *world) error
}{
	{"Mint", func(ctx context.Context, w *world) error {
		_, err := w.s.Mint(ctx, store.Batch{Name: "late", Count: 1})
		return err
	}},
	{"Mint of what was cut off", func(ctx context.Context, w *world) error {
		_, err := w.s.Mint(ctx, store.Batch{Name: "cut", Count: 5})
		return err
	}},
	{"Import", func(ctx context.Context, w *world) error {
		_, err := w.s.Import(ctx, store.Batch{Name: "late"}, strings.NewReader("LATE1\n"), store.ImportOptions{})
		return err
	}},
	{"Import of more", func(ctx context.Context, w *world) error {
		_, err := w.s.Import(ctx, store.Batch{Name: "given"}, strings.NewReader("LATE1\n"), store.ImportOptions{})
		return err
	}},
	{"Issue", func(ctx context.Context, w *world) error {
		_, err := w.s.Issue(ctx, 1, 1, store.To("late"))
		return err
	}},
	{"Issue with a key", func(ctx context.Context, w *world) error {
		_, err := w.s.Issue(ctx, 1, 1, store.To("late").Once("late"))
		return err
	}},
	{"Issue with a used key", func(ctx context.Context, w *world) error {
		_, err := w.s.Issue(ctx, 1, 2, store.To("order-1").Once("draw-1"))
		return err
	}},
	{"Redeem", func(ctx context.Context, w *world) error {
		_, err := w.s.Redeem(ctx, store.Redemption{Code: w.names.Replace("$ISSUED")})
		return err
	}},
	{"Redeem with a used key", func(ctx context.Context, w *world) error {
		_, err := w.s.Redeem(ctx, store.Redemption{Code: w.names.Replace("$SPENT"), User: "ann", Key: "req-1"})
		return err
	}},
	{"RedeemAll", func(ctx context.Context, w *world) error {
		return w.s.RedeemAll(ctx, []store.Redemption{{Code: w.names.Replace("$ISSUED")}})[0].Err
	}},
	{"RedeemAll of a thousand", func(ctx context.Context, w *world) error {
		rs := make([]store.Redemption, 1000)
		rs[999].Code = w.names.Replace("$OTHER")
		return w.s.RedeemAll(ctx, rs)[999].Err
	}},
	{"RedeemFunc", func(ctx context.Context, w *world) error {
		done := make(chan error, 2)
		w.s.RedeemFunc(ctx, store.Redemption{Code: w.names.Replace("$ISSUED")}, func(_ store.Receipt, err error) { done <- err })
		err := <-done
		select {
		case <-done:
			w.fault("answered twice")
		default:
		}
		return err
	}},
	{"Release", func(ctx context.Context, w *world) error {
		_, err := w.s.Release(ctx, store.Change{Code: w.names.Replace("$ISSUED")})
		return err
	}},
	{"Release with a used key", func(ctx context.Context, w *world) error {
		_, err := w.s.Release(ctx, store.Change{Code: w.names.Replace("$RELEASED"), By: "desk", Key: "back-1"})
		return err
	}},
	{"Undo", func(ctx context.Context, w *world) error {
		_, err := w.s.Undo(ctx, store.Change{Code: w.names.Replace("$SPENT")})
		return err
	}},
	{"Revoke", func(ctx context.Context, w *world) error {
		_, err := w.s.Revoke(ctx, store.Change{Code: w.names.Replace("$ISSUED"), Key: "late"})
		return err
	}},
	{"ReleaseAll", func(ctx context.Context, w *world) error {
		return w.s.ReleaseAll(ctx, []store.Change{{Code: w.names.Replace("$OTHER")}, {Code: w.names.Replace("$ISSUED")}})[1].Err
	}},
	{"UndoAll", func(ctx context.Context, w *world) error {
		return w.s.UndoAll(ctx, []store.Change{{Code: w.names.Replace("$SPENT")}})[0].Err
	}},
	{"RevokeAll", func(ctx context.Context, w *world) error {
		return w.s.RevokeAll(ctx, []store.Change{{Code: "GIVEN1"}})[0].Err
	}},
	{"ReleaseRef", func(ctx context.Context, w *world) error {
		_, err := w.s.ReleaseRef(ctx, store.RefChange{Ref: "order-1"})
		return err
	}},
	{"ReleaseRef of a reference without codes", func(ctx context.Context, w *world) error {
		_, err := w.s.ReleaseRef(ctx, store.RefChange{Ref: "late"})
		return err
	}},
	{"RevokeRef", func(ctx context.Context, w *world) error {
		_, err := w.s.RevokeRef(ctx, store.RefChange{Ref: "order-1"})
		return err
	}},
	{"Lease", func(ctx context.Context, w *world) error {
		_, err := w.s.Lease(ctx, 1, 1, time.Hour, store.To("late").Once("late"))
		return err
	}},
	{"Acknowledge", func(ctx context.Context, w *world) error {
		_, err := w.s.Acknowledge(ctx, store.LeaseEnd{Number: 1})
		return err
	}},
	{"GiveBack", func(ctx context.Context, w *world) error {
		_, err := w.s.GiveBack(ctx, store.LeaseEnd{Number: 1, Key: "late"})
		return err
	}},
	{"Reserve", func(ctx context.Context, w *world) error {
		_, err := w.s.Reserve(ctx, store.Redemption{Code: w.names.Replace("$ISSUED")}, time.Hour)
		return err
	}},
	{"Confirm", func(ctx context.Context, w *world) error {
		_, err := w.s.Confirm(ctx, store.LeaseEnd{Number: 1})
		return err
	}},
	{"Cancel", func(ctx context.Context, w *world) error {
		_, err := w.s.Cancel(ctx, store.LeaseEnd{Number: 1, Key: "late"})
		return err
	}},
	{"Take", func(ctx context.Context, w *world) error {
		_, err := w.s.Take(ctx, 1, 1, "ann", store.To("late").Once("late"))
		return err
	}},
	{"Export", func(ctx context.Context, w *world) error {
		_, err := w.s.Export(ctx, 1, store.Export{ID: "late", Account: "ann", Count: 1})
		return err
	}},
	{"Advance", func(ctx context.Context, w *world) error { return w.s.Advance(ctx, "late", 1) }},
	{"DropCursor", func(ctx context.Context, w *world) error { return w.s.DropCursor(ctx, "late") }},
	{"Pause", func(ctx context.Context, w *world) error { return w.s.Pause(ctx, 1, store.BatchChange{}) }},
	{"Resume", func(ctx context.Context, w *world) error { return w.s.Resume(ctx, 1, store.BatchChange{}) }},
	{"Reschedule", func(ctx context.Context, w *world) error {
		return w.s.Reschedule(ctx, 1, soonest, time.Time{}, store.BatchChange{})
	}},
	{"RevokeBatch", func(ctx context.Context, w *world) error { return w.s.RevokeBatch(ctx, 1, store.BatchChange{}) }},
	{"ReceiptsOf", func(ctx context.Context, w *world) (last error) {
		for r, err := range w.s.ReceiptsOf(ctx, "ann", 0) {
			if err == nil {
				w.fault("a receipt: %+v", r)
			}
			last = err
		}
		return last
	}},
	{"ReceiptsOf somebody without any", func(ctx context.Context, w *world) (last error) {
		for _, err := range w.s.ReceiptsOf(ctx, "nobody", 0) {
			last = err
		}
		return last
	}},
	{"DrawnFor", func(ctx context.Context, w *world) (last error) {
		for d, err := range w.s.DrawnFor(ctx, "order-1", 0) {
			if err == nil {
				w.fault("a code: %+v", d)
			}
			last = err
		}
		return last
	}},
	{"DrawnFor a reference without codes", func(ctx context.Context, w *world) (last error) {
		for _, err := range w.s.DrawnFor(ctx, "late", 0) {
			last = err
		}
		return last
	}},
	{"Check", func(ctx context.Context, w *world) error {
		return w.s.Check(ctx, store.Redemption{Code: w.names.Replace("$ISSUED")})
	}},
	{"Lookup", func(ctx context.Context, w *world) error {
		_, err := w.s.Lookup(ctx, "", w.names.Replace("$SPENT"))
		return err
	}},
	{"Receipts", func(ctx context.Context, w *world) (last error) {
		for r, err := range w.s.Receipts(ctx, 0) {
			if err == nil {
				w.fault("a receipt: %+v", r)
			}
			last = err
		}
		return last
	}},
	{"Receipts behind the last", func(ctx context.Context, w *world) (last error) {
		for _, err := range w.s.Receipts(ctx, 1<<60) {
			last = err
		}
		return last
	}},
	{"Follow", func(ctx context.Context, w *world) (last error) {
		for r, err := range w.s.Follow(ctx, 0) {
			if err == nil {
				w.fault("a receipt: %+v", r)
			}
			last = err
		}
		return last
	}},
	{"Ledger", func(ctx context.Context, w *world) (last error) {
		for e, err := range w.s.Ledger(ctx, 1<<60) {
			if err == nil {
				w.fault("an entry: %+v", e)
			}
			last = err
		}
		return last
	}},
	{"Codes", func(ctx context.Context, w *world) (last error) {
		for c, err := range w.s.Codes(ctx, 1, 0) {
			if err == nil {
				w.fault("a code: %+v", c)
			}
			last = err
		}
		return last
	}},
	{"Codes of a batch that has none", func(ctx context.Context, w *world) (last error) {
		b, err := w.s.BatchNamed("cut")
		if err != nil {
			return err
		}
		for _, err := range w.s.Codes(ctx, b.ID, 0) {
			last = err
		}
		return last
	}},
	{"Checkpoint", func(ctx context.Context, w *world) error { return w.s.Checkpoint(ctx) }},
	{"Verify", func(ctx context.Context, w *world) error { _, err := w.s.Verify(ctx); return err }},
	{"Backup", func(ctx context.Context, w *world) error { _, err := w.s.Backup(ctx, io.Discard); return err }},
}

// contextCases call every verb with a context that has ended for a reason; the reason is
// the error. Some verbs stand for those that ended by their time and without a reason.
var contextCases = func() (cases []apiCase) {
	for _, v := range slices.Concat(verbs, shareVerbs) {
		cases = append(cases, apiCase{v.name, func(w *world) error { return v.call(over(errPipe), w) }, errPipe, "broken"})
	}
	for _, v := range slices.Concat(verbs, shareVerbs) {
		switch v.name {
		case "Mint", "Share", "ShareAll", "Claim", "ClaimAll", "EndShared", "UndoClaim", "Redeem", "RedeemAll", "Issue", "Undo", "Pause", "RevokeAll", "RevokeRef":
			cases = append(cases,
				apiCase{v.name + ", cancelled without a reason", func(w *world) error { return v.call(over(nil), w) }, context.Canceled, "canceled"},
				apiCase{v.name + ", out of time", func(w *world) error {
					ctx, cancel := context.WithTimeout(context.Background(), -1)
					defer cancel()
					return v.call(ctx, w)
				}, context.DeadlineExceeded, "deadline"})
		}
	}
	return cases
}()

// closedCases call every verb of a store that is closed.
var closedCases = func() (cases []apiCase) {
	for _, v := range slices.Concat(verbs, shareVerbs) {
		cases = append(cases, apiCase{v.name, func(w *world) error { return v.call(w.present, w) }, store.ErrClosed, "store is closed"})
	}
	return append(cases, []apiCase{
		{"Redeem of an unknown code", code("nope"), store.ErrClosed, ""},
		{"Redeem with a wrong user", user("\xff"), store.ErrClosed, ""},
		{"Redeem with a context that has ended", func(w *world) error {
			_, err := w.s.Redeem(over(errPipe), store.Redemption{Code: w.names.Replace("$ISSUED")})
			return err
		}, store.ErrClosed, ""},
		{"RedeemAll of unknown codes", func(w *world) error {
			return w.s.RedeemAll(w.present, []store.Redemption{{Code: "nope"}})[0].Err
		}, store.ErrClosed, ""},
		{"Issue from no batch", issueFrom(99, 1, store.To("x")), store.ErrClosed, ""},
		{"Lookup of an unknown code", lookup("", "nope"), store.ErrClosed, ""},
		{"Check of an unknown code", check(store.Redemption{Code: "nope"}), store.ErrClosed, ""},
		{"Release of an unknown code", release(store.Change{Code: "nope"}), store.ErrClosed, ""},
		{"Undo of a code that is not redeemed", undo(store.Change{Code: "$ISSUED"}), store.ErrClosed, ""},
		{"Pause of no batch", func(w *world) error { return w.s.Pause(w.present, 99, store.BatchChange{}) }, store.ErrClosed, ""},
		{"Revoke for a wrong reason", func(w *world) error {
			_, err := w.s.Revoke(w.present, store.Change{Code: "GIVEN1", Reason: "\n"})
			return err
		}, store.ErrClosed, ""},
		{"a batch that is unknown", func(w *world) error { _, err := w.s.Batch(99); return err }, store.ErrUnknownBatch, ""},
		{"a name that is unknown", named("nobody"), store.ErrUnknownBatch, ""},
	}...)
}()
