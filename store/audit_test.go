package store_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"codepool/store"
)

// TestLedger reads back who did what: one entry for each record, over restarts.
func TestLedger(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	o, clk := timed()
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 20, Owner: "ann"})
	importCodes(t, s, store.Batch{Name: "given", Owner: "bob", Reusable: true}, store.ImportOptions{HandedOut: true, Ref: "print"}, "CARD-1")
	codes := issue(t, s, b.ID, 3, "order")
	redeem(t, s, store.Redemption{Code: codes[0], User: "u", Key: "k"})
	done := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	one := func(v store.Changed, err error) { t.Helper(); done(v, err) }
	one(s.Undo(ctx, store.Change{Code: codes[0], By: "desk", Reason: "refund", Key: "uk"}))
	one(s.Revoke(ctx, store.Change{Code: codes[0], By: "desk", Reason: "leaked"}))
	one(s.Release(ctx, store.Change{Code: codes[1]}))
	s = reopened(t, s, dir, o, true)
	l := lease(t, s, b.ID, 2, time.Hour, store.To("lent"))
	end, err := s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number, By: "shop"})
	done(end, err)
	h := reserve(t, s, store.Redemption{Code: codes[2], User: "u"}, time.Hour)
	rec, err := s.Confirm(ctx, store.LeaseEnd{Number: h.Number})
	done(rec, err)
	lease(t, s, b.ID, 1, time.Minute, store.To("lent"))
	clk.set(clk.Now().Add(time.Minute))
	got, err := s.Take(ctx, b.ID, 1, "u", store.To("quest"))
	done(got, err)
	list, err := s.Export(ctx, b.ID, store.Export{ID: "e", Account: "ann", Count: 2})
	done(list, err)
	redeem(t, s, store.Redemption{Code: "CARD-1", Key: "k2"})
	done(nil, s.Reschedule(ctx, b.ID, time.Time{}, clk.Now().Add(time.Hour), store.BatchChange{By: "desk", Reason: "longer"}))
	done(nil, s.RevokeBatch(ctx, b.ID, store.BatchChange{By: "desk"}))
	want := []string{
		"1 mint b1 20 by ann", "2 import b2 1 by bob ref print", "3 issue b1 3 ref order", "4 redeem b1 1 u k whole", "5 undo b1 1 by desk refund uk", "6 revoke b1 1 by desk leaked", "7 release b1 1",
		"8 lease b1 2 ref lent until", "9 acknowledge b1 2 by shop of 8", "10 reserve b1 1 u until", "11 confirm b1 1 u of 10 whole", "12 lease b1 1 ref lent until", "13 over b1 1 of 12",
		"14 take b1 1 ref quest", "15 redeem b1 1 u whole", "16 export b1 2 by ann ref ann e", "17 redeem b2 1 k2 whole", "18 return b2 1 of 17", "19 rescheduled b1 0 by desk longer", "20 revoked b1 0 by desk",
	}
	var lines []string
	process := fmt.Sprint(os.Getpid(), " ")
	for _, e := range collect(t, s.Ledger(ctx, 0)) {
		if !strings.HasPrefix(e.Process, process) || e.At.IsZero() {
			t.Errorf("%+v", e)
		}
		line := fmt.Sprintf("%d %s b%d %d", e.Number, e.Verb, e.Batch, e.Count)
		for _, p := range []struct{ word, text string }{{"", e.User}, {"by ", e.By}, {"ref ", e.Ref}, {"", e.Reason}, {"", e.Key}} {
			if p.text != "" {
				line += " " + p.word + p.text
			}
		}
		if e.Lease > 0 {
			line += fmt.Sprint(" of ", e.Lease)
		}
		if !e.Until.IsZero() {
			line += " until"
		}
		if e.Count == 1 && e.Code != "" && !strings.Contains(e.Code, "*") {
			line += " whole"
		}
		lines = append(lines, line)
	}
	for i := range max(len(lines), len(want)) {
		switch {
		case i >= len(lines):
			t.Errorf("missing: %s", want[i])
		case i >= len(want) || lines[i] != want[i]:
			t.Errorf("%s, want %q", lines[i], append(want, make([]string, 20)...)[i])
		}
	}
	if n := len(collect(t, s.Ledger(ctx, 18))); n != 2 {
		t.Errorf("%d entries behind number 18", n)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	wantErr(t, "ended", firstErr(s.Ledger(ended, 0)), context.Canceled)
	r := restored(t, s)
	if n := len(collect(t, r.Ledger(ctx, 0))); n != len(want) {
		t.Errorf("a restored store has %d entries", n)
	}
	mustClose(t, s)
	wantErr(t, "closed", firstErr(s.Ledger(ctx, 0)), store.ErrClosed)
}
