package store_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

// What system B shows, what it does after a redemption, and what it leaves open.

// syncBuffer collects what a logger writes.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestSystemBMasks: a code that is not exported is nowhere to be read: not in lists, not in
// the ledger, not in errors and not in logs, whatever was done to it.
func TestSystemBMasks(t *testing.T) {
	ctx := t.Context()
	var logged syncBuffer
	o, clk := timed()
	o.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := storetest.Open(t, o)
	var given []string
	for i := range 8 {
		given = append(given, fmt.Sprintf("SECRETSECRET%04d", i))
	}
	b := importCodes(t, s, store.Batch{Name: "b", Owner: "ann"}, store.ImportOptions{}, given...).Batch
	var told []string
	tell := func(v any, err error) { told = append(told, fmt.Sprintf("%+v %v", v, err)) }
	for _, c := range given { // a desk that knows them tries everything that is refused
		tell(s.Redeem(ctx, store.Redemption{Code: c}))
		tell(s.RedeemAll(ctx, []store.Redemption{{Code: c}}), s.Check(ctx, store.Redemption{Code: c}))
		tell(s.Reserve(ctx, store.Redemption{Code: c}, time.Hour))
		tell(s.Release(ctx, store.Change{Code: c}))
		tell(s.Undo(ctx, store.Change{Code: c}))
	}
	_, err := s.Import(ctx, store.Batch{Name: "c"}, strings.NewReader(given[0]+"\n\""+given[1]+"\n"), store.ImportOptions{})
	tell(nil, err)
	_, err = s.Import(ctx, store.Batch{Name: "c"}, strings.NewReader(given[0]+"\n"+given[1]+strings.Repeat("X", 64)+"\n"), store.ImportOptions{})
	tell(nil, err)
	tell(s.Export(ctx, b.ID, store.Export{ID: "e", Account: "bob", Count: 1}))
	tell(s.Issue(ctx, b.ID, 9, store.To("x")))
	l := lease(t, s, b.ID, 1, time.Minute, store.To("x")) // it goes back
	clk.set(clk.Now().Add(time.Minute))
	tell(s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number}))
	issue(t, s, b.ID, 2, "cancelled")
	if _, err := s.ReleaseRef(ctx, store.RefChange{Ref: "cancelled"}); err != nil {
		t.Fatal(err)
	}
	list := export(t, s, b.ID, store.Export{ID: "e", Account: "ann", Count: 2})
	stock := slices.DeleteFunc(slices.Clone(given), func(c string) bool { return slices.Contains(list, c) })
	if _, err := s.Revoke(ctx, store.Change{Code: stock[0]}); err != nil {
		t.Fatal(err)
	}
	whole := 0
	for _, c := range collect(t, s.Codes(ctx, b.ID, 0)) {
		if c.Masked != (c.State != shard.Issued) {
			t.Errorf("%+v", c)
		}
		if slices.Contains(list, c.Code) {
			whole++
		}
		tell(c, nil)
	}
	if whole != len(list) {
		t.Errorf("%d of %d exported codes are whole", whole, len(list))
	}
	for _, e := range collect(t, s.Ledger(ctx, 0)) {
		tell(e, nil)
	}
	rep, err := s.Verify(ctx)
	tell(rep, err)
	tell(s.Batches(), nil)
	tell(s.Stats(), nil)
	mustClose(t, s)
	all := strings.Join(append(told, logged.String()), "\n")
	for _, c := range stock {
		if strings.Contains(all, c) {
			t.Errorf("%s is to be read in:\n%s", c, all)
		}
	}
	if !strings.Contains(all, "****-****-****-0") {
		t.Errorf("nothing is masked in:\n%s", all)
	}
}

// TestSystemBRewardByCall: the caller that redeems grants the reward itself. What it does
// twice after a crash has the receipt's number to tell by.
func TestSystemBRewardByCall(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 3, Reward: "svip:30d"})
	code := export(t, s, b.ID, store.Export{ID: "e", Count: 1})[0]
	granted := map[uint64]string{}
	grant := func() {
		r := redeem(t, s, store.Redemption{Code: code, User: "ann", Key: "request-1"})
		granted[r.Number] = r.User + " gets " + r.Reward
	}
	grant()
	s = reopened(t, s, dir, weak(), false) // the caller does not know whether it had granted
	grant()
	if len(granted) != 1 || granted[receipts(t, s, 0)[0].Number] != "ann gets svip:30d" {
		t.Errorf("%v", granted)
	}
}

// TestSystemBRewardByQueue: the ledger is the outbox. However often the process dies, between
// redemption and queue or between queue and acknowledgement, each reward is on the queue,
// in order; twice only what was not acknowledged, with its number to tell by.
func TestSystemBRewardByQueue(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 35, Reward: "svip:30d"})
	codes := export(t, s, b.ID, store.Export{ID: "e", Count: 35})
	var queue, redeemed []uint64
	const lives = 7
	for life := range lives {
		for _, c := range codes[life*5 : life*5+5] {
			redeemed = append(redeemed, redeem(t, s, store.Redemption{Code: c, User: "u"}).Number)
		}
		sent := 0
		for r, err := range s.Receipts(ctx, s.Cursor("queue")) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Reward != "svip:30d" || r.User != "u" {
				t.Errorf("%+v", r)
			}
			if life < lives-1 && sent == life%5 {
				break // it dies before this one is sent
			}
			queue = append(queue, r.Number)
			if sent++; life < lives-1 && life%3 == 0 && sent == 2 {
				break // or here, before it is acknowledged
			}
			if err := s.Advance(ctx, "queue", r.Number); err != nil {
				t.Fatal(err)
			}
		}
		s = reopened(t, s, dir, weak(), life%4 == 3)
		dir = s.Stats().Dir
	}
	again := 0
	for i := 1; i < len(queue); i++ {
		if queue[i] == queue[i-1] {
			again++
		}
	}
	if once := slices.Compact(slices.Clone(queue)); !slices.Equal(once, redeemed) {
		t.Errorf("on the queue are %v, redeemed were %v", once, redeemed)
	}
	if again != 1 {
		t.Errorf("%d came twice, want 1", again)
	}
}

// TestSystemBRevokedAndDisabled: a code can be withdrawn, a batch disabled for a while or for
// ever, each with its own answer and by name in the ledger.
func TestSystemBRevokedAndDisabled(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	codes := export(t, s, b.ID, store.Export{ID: "e", Count: 4})
	refused := func(code string, want error) {
		t.Helper()
		_, err := s.Redeem(ctx, store.Redemption{Code: code})
		wantErr(t, "redeem", err, want)
	}
	_, err := s.Revoke(ctx, store.Change{Code: codes[0], By: "desk", Reason: "leaked"})
	wantErr(t, "revoke", err, nil)
	refused(codes[0], store.ErrRevoked)
	wantErr(t, "pause", s.Pause(ctx, b.ID, store.BatchChange{By: "desk"}), nil)
	s = reopened(t, s, dir, weak(), false)
	refused(codes[1], store.ErrPaused)
	_, err = s.Export(ctx, b.ID, store.Export{ID: "f", Count: 1})
	wantErr(t, "export", err, store.ErrPaused)
	wantErr(t, "resume", s.Resume(ctx, b.ID, store.BatchChange{By: "desk"}), nil)
	redeem(t, s, store.Redemption{Code: codes[1]})
	wantErr(t, "revoke the batch", s.RevokeBatch(ctx, b.ID, store.BatchChange{By: "desk", Reason: "over"}), nil)
	s = reopened(t, s, s.Stats().Dir, weak(), true)
	refused(codes[2], store.ErrRevoked)
	refused(codes[1], store.ErrAlreadyRedeemed)
	wantCounts(t, "withdrawn", s, b.ID, store.Counts{Minted: 10, Redeemed: 1, Revoked: 9})
	var log []string
	for _, e := range collect(t, s.Ledger(ctx, 2)) {
		log = append(log, strings.TrimSpace(e.Verb+" "+e.By+" "+e.Reason))
	}
	if !slices.Equal(log, []string{"revoke desk leaked", "paused desk", "resumed desk", "redeem", "revoked desk over"}) {
		t.Errorf("%q", log)
	}
}

// TestSystemBIdempotency: each request that is repeated with its key gets its first answer,
// also after a crash, and one with other content is refused.
func TestSystemBIdempotency(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, dir, weak())
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	var first []string
	for life := range 3 {
		var got []string
		note := func(v any, err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
			got = append(got, fmt.Sprintf("%+v", v))
		}
		list := export(t, s, b.ID, store.Export{ID: "e", Account: "ann", Count: 4})
		note(list, nil)
		note(s.Issue(ctx, b.ID, 2, store.To("order").Once("k")))
		note(s.Redeem(ctx, store.Redemption{Code: list[0], User: "u", Key: "k"}))
		note(s.Undo(ctx, store.Change{Code: list[0], By: "desk", Key: "k"}))
		note(s.Release(ctx, store.Change{Code: list[1], By: "desk", Key: "k"}))
		note(s.Revoke(ctx, store.Change{Code: list[2], By: "desk", Key: "k"}))
		if life == 0 {
			first = got
		}
		if !slices.Equal(got, first) {
			t.Errorf("life %d: %q, first %q", life, got, first)
		}
		for what, do := range map[string]func() error{
			"export": func() error {
				_, err := s.Export(ctx, b.ID, store.Export{ID: "e", Account: "ann", Count: 3})
				return err
			},
			"issue": func() error { _, err := s.Issue(ctx, b.ID, 2, store.To("other").Once("k")); return err },
			"redeem": func() error {
				_, err := s.Redeem(ctx, store.Redemption{Code: list[3], User: "u", Key: "k"})
				return err
			},
			"undo": func() error { _, err := s.Undo(ctx, store.Change{Code: list[0], By: "eve", Key: "k"}); return err },
		} {
			wantErr(t, what+" of something else", do(), store.ErrKeyConflict)
		}
		s = reopened(t, s, dir, weak(), life == 1)
		dir = s.Stats().Dir
	}
	wantCounts(t, "done once", s, b.ID, store.Counts{Minted: 10, Available: 5, Issued: 4, Revoked: 1})
}
