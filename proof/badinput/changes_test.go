package badinput

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"codepool/store"
)

// change adds to the world's store what batches and codes become by a change:
//
//	launch    $REVOKED drawn for order-3 and revoked by desk with revoke-1
//	still     imported as handed out, paused: STILL1; STILL2 redeemed by ben with req-3
//	gone      imported, revoked: GONE1 in stock, GONE2 drawn for order-4; GONE3 redeemed
func (w *world) change(t *testing.T) {
	t.Helper()
	s, ctx := w.s, t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	drawn, err := s.Issue(ctx, 1, 1, store.To("order-3"))
	must(err)
	_, err = s.Revoke(ctx, store.Change{Code: drawn[0], By: "desk", Key: "revoke-1"})
	must(err)
	w.names = strings.NewReplacer("$REVOKED", drawn[0], "$ISSUED", w.names.Replace("$ISSUED"), "$OTHER", w.names.Replace("$OTHER"),
		"$SPENT", w.names.Replace("$SPENT"), "$UNDONE", w.names.Replace("$UNDONE"), "$RELEASED", w.names.Replace("$RELEASED"))
	still, err := s.Import(ctx, store.Batch{Name: "still"}, strings.NewReader("STILL1\nSTILL2\n"), store.ImportOptions{HandedOut: true})
	must(err)
	_, err = s.Redeem(ctx, store.Redemption{Code: "STILL2", User: "ben", Key: "req-3"})
	must(err)
	must(s.Pause(ctx, still.Batch.ID, store.BatchChange{By: "desk"}))
	gone, err := s.Import(ctx, store.Batch{Name: "gone"}, strings.NewReader("GONE2\nGONE3\n"), store.ImportOptions{})
	must(err)
	codes, err := s.Issue(ctx, gone.Batch.ID, 2, store.To("order-4"))
	must(err)
	_, err = s.Redeem(ctx, store.Redemption{Code: codes[slices.Index(codes, "GONE3")]})
	must(err)
	_, err = s.Import(ctx, store.Batch{Name: "gone"}, strings.NewReader("GONE1\n"), store.ImportOptions{})
	must(err)
	must(s.RevokeBatch(ctx, gone.Batch.ID, store.BatchChange{By: "desk"}))
}

// changers are the changes of a batch, each such that it would change the batch launch.
var changers = []struct {
	name string
	do   func(s *store.Store, ctx context.Context, id store.BatchID, c store.BatchChange) error
}{
	{"pause", (*store.Store).Pause},
	{"resume", (*store.Store).Resume},
	{"reschedule", func(s *store.Store, ctx context.Context, id store.BatchID, c store.BatchChange) error {
		return s.Reschedule(ctx, id, soonest, time.Time{}, c)
	}},
	{"revoke", (*store.Store).RevokeBatch},
}

var soonest = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// batchNamed calls with the number of a batch.
func batchNamed(name string, do func(w *world, id store.BatchID) error) func(*world) error {
	return func(w *world) error {
		b, err := w.s.BatchNamed(name)
		if err != nil {
			return fmt.Errorf("no batch to try: %v", err)
		}
		return do(w, b.ID)
	}
}

func reschedule(batch string, from, until time.Time) func(*world) error {
	return batchNamed(batch, func(w *world, id store.BatchID) error {
		return w.s.Reschedule(w.present, id, from, until, store.BatchChange{By: "desk"})
	})
}

var changeCases = func() (cases []apiCase) {
	for _, v := range changers {
		of := func(id store.BatchID, c store.BatchChange) func(*world) error {
			return func(w *world) error { return v.do(w.s, w.present, id, c) }
		}
		cases = append(cases,
			apiCase{v.name + " batch 0", of(0, store.BatchChange{}), store.ErrUnknownBatch, "number 0"},
			apiCase{v.name + " the batch behind the last", of(12, store.BatchChange{}), store.ErrUnknownBatch, "number 12"},
			apiCase{v.name + " the greatest batch", of(1<<32-1, store.BatchChange{}), store.ErrUnknownBatch, "number 4294967295"},
			apiCase{v.name + " by 1025 bytes", of(1, store.BatchChange{By: tooLong}), store.ErrInvalid, "By has 1025 bytes: at most 1024"},
			apiCase{v.name + " by a text that is not UTF-8", of(1, store.BatchChange{By: "desk\xff"}), store.ErrInvalid, "By is not valid UTF-8"},
			apiCase{v.name + " by a text with a NUL", of(1, store.BatchChange{By: "desk\x00"}), store.ErrInvalid, "By holds a control character"},
			apiCase{v.name + " for 1025 bytes", of(1, store.BatchChange{Reason: tooLong}), store.ErrInvalid, "Reason has 1025 bytes"},
			apiCase{v.name + " for a text that is not UTF-8", of(1, store.BatchChange{Reason: "\xc3"}), store.ErrInvalid, "Reason is not valid UTF-8"},
			apiCase{v.name + " for a text of two lines", of(1, store.BatchChange{Reason: "leaked\nonce"}), store.ErrInvalid, "Reason holds a control character"},
			apiCase{v.name + " no batch, by nobody there can be", of(99, store.BatchChange{By: "\x7f"}), store.ErrInvalid, "By"},
		)
	}
	year := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
	return append(cases, []apiCase{
		{"reschedule for no time", reschedule("launch", soonest, soonest), store.ErrInvalid, ""},
		{"reschedule from after its end", reschedule("launch", soonest.Add(time.Hour), soonest), store.ErrInvalid, ""},
		{"reschedule for a nanosecond", reschedule("launch", soonest.Add(1), soonest.Add(2)), store.ErrInvalid, ""},
		{"reschedule from year 10000", reschedule("launch", year(10_000), time.Time{}), store.ErrInvalid, ""},
		{"reschedule until year 10000", reschedule("launch", time.Time{}, year(10_000)), store.ErrInvalid, ""},
		{"reschedule from before the first year", reschedule("launch", year(-1), time.Time{}), store.ErrInvalid, ""},
		{"reschedule a revoked batch for no time", reschedule("gone", soonest, soonest), store.ErrInvalid, ""},
		{"reschedule a revoked batch", reschedule("gone", soonest, time.Time{}), store.ErrRevoked, `batch "gone"`},
		{"pause a revoked batch", batchNamed("gone", func(w *world, id store.BatchID) error {
			return w.s.Pause(w.present, id, store.BatchChange{})
		}), store.ErrRevoked, `batch "gone"`},

		{"draw from a paused batch", issue("still", 1, store.To("x")), store.ErrPaused, `batch "still"`},
		{"draw from a paused batch with a key", issue("still", 1, store.To("x").Once("draw-9")), store.ErrPaused, ""},
		{"draw from a revoked batch", issue("gone", 1, store.To("x")), store.ErrRevoked, `batch "gone"`},
		{"draw more from a revoked batch than it has", issue("gone", 9, store.To("x")), store.ErrRevoked, ""},
		{"import into a revoked batch", importText(store.Batch{Name: "gone"}, "GONE4\n", store.ImportOptions{}), store.ErrRevoked, `batch "gone"`},
		{"import a bad line into a revoked batch", importText(store.Batch{Name: "gone"}, "GONE4,5\n", store.ImportOptions{}), store.ErrBadLine, ""},
		{"redeem in a paused batch", code("STILL1"), store.ErrPaused, "batch is paused"},
		{"redeem in a paused batch with a key", redeem(store.Redemption{Code: "STILL1", User: "ben", Key: "req-5"}), store.ErrPaused, ""},
		{"redeem what is redeemed in a paused batch", code("STILL2"), store.ErrAlreadyRedeemed, ""},
		{"redeem in a paused batch with another code's key", redeem(store.Redemption{Code: "STILL1", User: "ben", Key: "req-3"}), store.ErrKeyConflict, ""},
		{"redeem stock of a revoked batch", code("GONE1"), store.ErrRevoked, "code was revoked"},
		{"redeem what was drawn of a revoked batch", code("GONE2"), store.ErrRevoked, ""},
		{"redeem what is redeemed of a revoked batch", code("GONE3"), store.ErrAlreadyRedeemed, ""},
		{"redeem a revoked code", code("$REVOKED"), store.ErrRevoked, ""},
		{"redeem a revoked code with a key", redeem(store.Redemption{Code: "$REVOKED", User: "ann", Key: "req-4"}), store.ErrRevoked, ""},
		{"check in a paused batch", check(store.Redemption{Code: "STILL1"}), store.ErrPaused, ""},
		{"check a revoked code", check(store.Redemption{Code: "$REVOKED"}), store.ErrRevoked, ""},
		{"check a code of a revoked batch", check(store.Redemption{Code: "GONE1"}), store.ErrRevoked, ""},
	}...)
}()

func revoke(c store.Change) func(*world) error {
	return func(w *world) error {
		c := c
		c.Code = w.names.Replace(c.Code)
		rec, err := w.s.Revoke(w.present, c)
		all := w.s.RevokeAll(w.present, []store.Change{c})[0]
		if fmt.Sprint(err) != fmt.Sprint(all.Err) || rec != all.Changed {
			w.fault("Revoke says %+v, %v, RevokeAll %+v, %v", rec, err, all.Changed, all.Err)
		}
		if err != nil && rec != (store.Changed{}) {
			w.fault("a record beside the error: %+v", rec)
		}
		return err
	}
}

// every asks all steps of a code, each alone and as one of many; all must give the same
// answer.
func every(c store.Change) func(*world) error {
	return func(w *world) error {
		err := reverse(c)(w)
		if rerr := revoke(c)(w); fmt.Sprint(rerr) != fmt.Sprint(err) {
			w.fault("Release says %v, Revoke %v", err, rerr)
		}
		c := c
		c.Code = w.names.Replace(c.Code)
		for _, all := range []func(context.Context, []store.Change) []store.ChangeResult{w.s.ReleaseAll, w.s.UndoAll, w.s.RevokeAll} {
			got := all(w.present, []store.Change{c, c})
			if len(got) != 2 || fmt.Sprint(got[0].Err) != fmt.Sprint(err) || fmt.Sprint(got[1].Err) != fmt.Sprint(err) {
				w.fault("one of many is told %+v", got)
			}
		}
		return err
	}
}

var revocationCases = []apiCase{
	{"no code", every(store.Change{}), store.ErrUnknownCode, ""},
	{"blanks", every(store.Change{Code: " \t"}), store.ErrUnknownCode, ""},
	{"a code nobody minted", every(store.Change{Code: "0000-0000-0000"}), store.ErrUnknownCode, ""},
	{"a text of 65 bytes", every(store.Change{Code: strings.Repeat("A", 65)}), store.ErrUnknownCode, ""},
	{"a text that is not UTF-8", every(store.Change{Code: "$ISSUED\xff"}), store.ErrUnknownCode, ""},
	{"a code in the wrong namespace", every(store.Change{Code: "$ISSUED", Namespace: "shop"}), store.ErrUnknownCode, ""},
	{"a code in the wrong case", every(store.Change{Code: "abcd1234"}), store.ErrUnknownCode, ""},
	{"a reason of 1025 bytes", every(store.Change{Code: "$ISSUED", Reason: tooLong}), store.ErrInvalid, "Reason has 1025 bytes"},
	{"a reason that is not UTF-8", every(store.Change{Code: "$ISSUED", Reason: "\xe7\xba"}), store.ErrInvalid, "Reason is not valid UTF-8"},
	{"a reason with an escape", every(store.Change{Code: "$ISSUED", Reason: "\x1b[2J"}), store.ErrInvalid, "Reason holds a control character"},
	{"a bad reason and no code", every(store.Change{Code: "nope", Reason: "\x00"}), store.ErrInvalid, "Reason"},
	{"a bad reason with a key", every(store.Change{Code: "$ISSUED", Key: "new", Reason: "\n"}), store.ErrInvalid, "Reason"},
	{"By of 1025 bytes", every(store.Change{Code: "$ISSUED", By: tooLong}), store.ErrInvalid, "By has 1025 bytes"},
	{"key with a NUL", every(store.Change{Code: "$ISSUED", Key: "\x00"}), store.ErrInvalid, "Key holds"},
	{"a revoked code", every(store.Change{Code: "$REVOKED"}), store.ErrRevoked, "code was revoked"},
	{"a revoked code with a new key", every(store.Change{Code: "$REVOKED", Key: "new"}), store.ErrRevoked, ""},
	{"stock of a revoked batch", every(store.Change{Code: "GONE1"}), store.ErrRevoked, ""},
	{"what was drawn of a revoked batch", every(store.Change{Code: "GONE2"}), store.ErrRevoked, ""},
	{"release what is redeemed in a revoked batch", release(store.Change{Code: "GONE3"}), store.ErrAlreadyRedeemed, ""},
	{"revoke what is redeemed in a revoked batch", revoke(store.Change{Code: "GONE3"}), store.ErrAlreadyRedeemed, ""},
	{"revoke what is redeemed", revoke(store.Change{Code: "$SPENT"}), store.ErrAlreadyRedeemed, "already redeemed"},
	{"revoke what is redeemed, with a new key", revoke(store.Change{Code: "$SPENT", By: "desk", Key: "revoke-2"}), store.ErrAlreadyRedeemed, ""},
	{"revoke with another code's key", revoke(store.Change{Code: "$ISSUED", By: "desk", Key: "revoke-1"}), store.ErrKeyConflict, `key "revoke-1" revoked another code`},
	{"revoke with another's key", revoke(store.Change{Code: "$REVOKED", By: "shop", Key: "revoke-1"}), store.ErrKeyConflict, "for somebody else"},
	{"revoke no code with a used key", revoke(store.Change{Code: "nope", By: "desk", Key: "revoke-1"}), store.ErrUnknownCode, ""},
	{"revoke what is redeemed with the key of an undo", revoke(store.Change{Code: "$SPENT", By: "desk", Key: "undo-1"}), store.ErrAlreadyRedeemed, ""},
	{"release with the key of a revocation", release(store.Change{Code: "GIVEN1", By: "desk", Key: "revoke-1"}), store.ErrNotIssued, ""},
	{"undo with the key of a revocation", undo(store.Change{Code: "$ISSUED", By: "desk", Key: "revoke-1"}), store.ErrNotRedeemed, ""},
	{"undo in a paused batch what is issued", undo(store.Change{Code: "STILL1"}), store.ErrNotRedeemed, ""},
}

// byRef asks ReleaseRef and RevokeRef the same.
func byRef(c store.RefChange) func(*world) error {
	return func(w *world) error {
		got, err := w.s.ReleaseRef(w.present, c)
		more, rerr := w.s.RevokeRef(w.present, c)
		if fmt.Sprint(err) != fmt.Sprint(rerr) || len(got)+len(more) > 0 {
			w.fault("ReleaseRef says %v, %v, RevokeRef %v, %v", got, err, more, rerr)
		}
		return err
	}
}

func receiptsOf(user string, before uint64) func(*world) error {
	return func(w *world) (last error) {
		for r, err := range w.s.ReceiptsOf(w.present, user, before) {
			if last = err; err == nil || r != (store.Receipt{}) {
				w.fault("a receipt: %+v", r)
			}
		}
		return last
	}
}

func drawnFor(ref string, before uint64) func(*world) error {
	return func(w *world) (last error) {
		for d, err := range w.s.DrawnFor(w.present, ref, before) {
			if last = err; err == nil || d != (store.Drawn{}) {
				w.fault("a code: %+v", d)
			}
		}
		return last
	}
}

// refusedByRef asks a reference for its one code, which must be refused.
func refusedByRef(call func(*store.Store, context.Context, store.RefChange) ([]store.ChangeResult, error), ref string, n int) func(*world) error {
	return func(w *world) error {
		got, err := call(w.s, w.present, store.RefChange{Ref: ref, By: "desk"})
		if err != nil || len(got) != n {
			return fmt.Errorf("%d answers, %v", len(got), err)
		}
		if c := got[n-1].Changed; c.Number != 0 || c.Code == "" || c.Batch == 0 {
			w.fault("beside the error: %+v", c)
		}
		return got[n-1].Err
	}
}

var referenceCases = []apiCase{
	{"change of no reference", byRef(store.RefChange{}), store.ErrInvalid, "Ref is empty"},
	{"change of a reference of 1025 bytes", byRef(store.RefChange{Ref: tooLong}), store.ErrInvalid, "Ref has 1025 bytes"},
	{"change of a reference that is not UTF-8", byRef(store.RefChange{Ref: "order\xff"}), store.ErrInvalid, "Ref is not valid UTF-8"},
	{"change of a reference with a tab", byRef(store.RefChange{Ref: "order\t1"}), store.ErrInvalid, "Ref holds a control character"},
	{"change by 1025 bytes", byRef(store.RefChange{Ref: "order-1", By: tooLong}), store.ErrInvalid, "By has 1025 bytes"},
	{"change by a text that is not UTF-8", byRef(store.RefChange{Ref: "order-1", By: "\xff"}), store.ErrInvalid, "By is not"},
	{"change by a text with a line feed", byRef(store.RefChange{Ref: "order-1", By: "a\nb"}), store.ErrInvalid, "By holds"},
	{"change for 1025 bytes", byRef(store.RefChange{Ref: "order-1", Reason: tooLong}), store.ErrInvalid, "Reason has 1025 bytes"},
	{"change for a text that is not UTF-8", byRef(store.RefChange{Ref: "order-1", Reason: "\xed\xa0\x80"}), store.ErrInvalid, "Reason is not"},
	{"change for a text with a delete", byRef(store.RefChange{Ref: "order-1", Reason: "\x7f"}), store.ErrInvalid, "Reason holds"},
	{"change of no reference by nobody there can be", byRef(store.RefChange{By: "\x00"}), store.ErrInvalid, ""},
	{"release by reference what was revoked", refusedByRef((*store.Store).ReleaseRef, "order-3", 1), store.ErrRevoked, ""},
	{"revoke by reference what was revoked", refusedByRef((*store.Store).RevokeRef, "order-3", 1), store.ErrRevoked, ""},
	{"release by reference in a revoked batch", refusedByRef((*store.Store).ReleaseRef, "order-4", 2), errAny, ""},
	{"revoke by reference in a revoked batch", refusedByRef((*store.Store).RevokeRef, "order-4", 2), errAny, ""},
	{"receipts of nobody", receiptsOf("", 0), store.ErrInvalid, "User is empty"},
	{"receipts of 1025 bytes", receiptsOf(tooLong, 0), store.ErrInvalid, "User has 1025 bytes"},
	{"receipts of a text that is not UTF-8", receiptsOf("ann\xff", 0), store.ErrInvalid, "User is not"},
	{"receipts of a text with a NUL", receiptsOf("ann\x00", 0), store.ErrInvalid, "User holds"},
	{"receipts of nobody, below 1", receiptsOf("", 1), store.ErrInvalid, "User is empty"},
	{"codes of no reference", drawnFor("", 0), store.ErrInvalid, "Ref is empty"},
	{"codes of 1025 bytes", drawnFor(tooLong, 0), store.ErrInvalid, "Ref has 1025 bytes"},
	{"codes of a text that is not UTF-8", drawnFor("\xc0\xaf", 0), store.ErrInvalid, "Ref is not"},
	{"codes of a text with a line feed", drawnFor("order-1\n", 0), store.ErrInvalid, "Ref holds"},
	{"codes of no reference, below 1", drawnFor("", 1), store.ErrInvalid, "Ref is empty"},
}

// goodChanges are the good neighbours of the changes: they leave the batches as they were.
var goodChanges = func() []goodCase {
	longest := store.BatchChange{By: longest, Reason: longest}
	other := strings.Repeat("y", store.MaxText) // which nobody has drawn for
	micro := soonest.Add(time.Microsecond)
	return []goodCase{
		{"pause and resume by and for 1024 bytes", batchNamed("given", func(w *world, id store.BatchID) error {
			return errors.Join(w.s.Pause(w.present, id, longest), w.s.Pause(w.present, id, longest), w.s.Resume(w.present, id, longest), w.s.Resume(w.present, id, longest))
		})},
		{"reschedule for a microsecond, and back", batchNamed("given", func(w *world, id store.BatchID) error {
			return errors.Join(w.s.Reschedule(w.present, id, soonest, micro, longest), w.s.Reschedule(w.present, id, time.Time{}, time.Time{}, longest))
		})},
		{"reschedule until the last instant", batchNamed("given", func(w *world, id store.BatchID) error {
			last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
			return errors.Join(w.s.Reschedule(w.present, id, time.Time{}, last, longest), w.s.Reschedule(w.present, id, time.Time{}, time.Time{}, longest))
		})},
		{"revoke a batch by and for 1024 bytes, twice", batchNamed("over", func(w *world, id store.BatchID) error {
			return errors.Join(w.s.RevokeBatch(w.present, id, longest), w.s.RevokeBatch(w.present, id, longest))
		})},
		{"revoke a code for 1024 bytes", func(w *world) error {
			_, err := w.s.Revoke(w.present, store.Change{Code: "PAST1", By: longest.By, Reason: longest.Reason, Key: longest.By})
			return err
		}},
		{"change of a reference of 1024 bytes that has nothing", func(w *world) error {
			got, err := w.s.RevokeRef(w.present, store.RefChange{Ref: other, By: longest.By, Reason: longest.Reason})
			return errors.Join(err, no(len(got) == 0))
		}},
		{"receipts of 1024 bytes", func(w *world) error { return receiptsOf(other, 0)(w) }},
		{"codes of 1024 bytes", func(w *world) error { return drawnFor(other, 0)(w) }},
	}
}()
