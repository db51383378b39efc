package store_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

func TestRedeem(t *testing.T) {
	clk := newClock()
	o := weak()
	o.Clock = clk.Now
	s := storetest.Open(t, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 10, Reward: "gold:100"})
	code := issue(t, s, b.ID, 1, "x")[0]
	typed := " " + strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(code, "-", " "), "0", "o")) + "\n"
	rec := redeem(t, s, store.Redemption{Code: typed, User: "player-42", Key: "k"})
	want := store.Receipt{Number: 3, Code: strings.ReplaceAll(code, "-", ""), Batch: b.ID, User: "player-42", Key: "k", Reward: "gold:100", At: clk.now}
	if !sameReceipt(rec, want) || rec.At.Location() != time.UTC {
		t.Errorf("%+v, want %+v", rec, want)
	}
	_, err := s.Redeem(t.Context(), store.Redemption{Code: code, User: "another"})
	wantErr(t, "again", err, store.ErrAlreadyRedeemed)
}

// valid iff NotBefore ≤ now < NotAfter; an ended life is reported before the window.
func TestWindow(t *testing.T) {
	clk := newClock()
	o := weak()
	o.Clock = clk.Now
	s := storetest.Open(t, o)
	from, until := clk.now.Add(time.Hour), clk.now.Add(2*time.Hour)
	both := issue(t, s, mint(t, s, store.Batch{Name: "both", Count: 5, NotBefore: from, NotAfter: until}).ID, 5, "x")
	open := issue(t, s, mint(t, s, store.Batch{Name: "open", Count: 5}).ID, 5, "x")
	start := issue(t, s, mint(t, s, store.Batch{Name: "start", Count: 5, NotBefore: from}).ID, 5, "x")
	end := issue(t, s, mint(t, s, store.Batch{Name: "end", Count: 5, NotAfter: until}).ID, 5, "x")
	for i, tc := range []struct {
		at                time.Time
		both, start, ends error
	}{
		{from.Add(-time.Microsecond), store.ErrNotYetValid, store.ErrNotYetValid, nil},
		{from, nil, nil, nil},
		{until.Add(-time.Microsecond), nil, nil, nil},
		{until, store.ErrExpired, nil, store.ErrExpired},
	} {
		clk.set(tc.at)
		for code, want := range map[string]error{both[i]: tc.both, start[i]: tc.start, end[i]: tc.ends, open[i]: nil} {
			wantErr(t, fmt.Sprint("check at ", tc.at), s.Check(t.Context(), store.Redemption{Code: code}), want)
			wantErr(t, fmt.Sprint("redeem all at ", tc.at), s.RedeemAll(t.Context(), []store.Redemption{{Code: code}})[0].Err, want)
			if want != nil {
				_, err := s.Redeem(t.Context(), store.Redemption{Code: code})
				wantErr(t, fmt.Sprint("redeem at ", tc.at), err, want)
			}
		}
	}
	wantErr(t, "redeemed, then expired", s.Check(t.Context(), store.Redemption{Code: both[1]}), store.ErrAlreadyRedeemed)
}

func TestFromStock(t *testing.T) {
	s := storetest.Open(t)
	importCodes(t, s, store.Batch{Name: "closed"}, store.ImportOptions{}, "CLOSED1")
	importCodes(t, s, store.Batch{Name: "open", FromStock: true}, store.ImportOptions{}, "OPEN1", "OPEN2")
	_, err := s.Redeem(t.Context(), store.Redemption{Code: "CLOSED1"})
	wantErr(t, "not issued", err, store.ErrNotIssued)
	redeem(t, s, store.Redemption{Code: "OPEN1"})
	if codes := issue(t, s, 2, 1, "x"); codes[0] != "OPEN2" {
		t.Errorf("drew %v: a redeemed code may not be in stock", codes)
	}
	redeem(t, s, store.Redemption{Code: "OPEN2"})
	_, err = s.Issue(t.Context(), 2, 1, store.To("x"))
	wantErr(t, "nothing left", err, store.ErrEmpty)
	if info, err := s.Lookup(t.Context(), "", "OPEN1"); err != nil || info.Ref != "" || info.Receipt == nil {
		t.Errorf("%+v, %v", info, err)
	}
}

// Answers stand where their requests do; of equal requests the first one wins; a
// refusal does not touch its neighbours.
func TestRedeemAllOrder(t *testing.T) {
	for _, n := range []int{0, 1, 10, 5000, 9000} { // several parts of 4096
		s := storetest.Open(t)
		codes := issued(t, s, "b", max(n, 1))[:n]
		var rs []store.Redemption
		for i, c := range codes {
			rs = append(rs, store.Redemption{Code: c, User: fmt.Sprint("u", i)})
			if i%3 == 0 {
				rs = append(rs, store.Redemption{Code: c, User: "late"}, store.Redemption{Code: "7KQF-2M9X-T4WC"}, store.Redemption{Code: c, User: "bad\x00"})
			}
		}
		numbers := map[uint64]bool{}
		for i, r := range s.RedeemAll(t.Context(), rs) {
			want := error(nil)
			switch {
			case rs[i].User == "late":
				want = store.ErrAlreadyRedeemed
			case rs[i].User == "":
				want = store.ErrUnknownCode
			case rs[i].User == "bad\x00":
				want = store.ErrInvalid
			}
			wantErr(t, fmt.Sprint("request ", i), r.Err, want)
			if want != nil {
				if r.Receipt != (store.Receipt{}) {
					t.Errorf("a refusal with a receipt: %+v", r)
				}
				continue
			}
			if r.Receipt.Code != strings.ReplaceAll(rs[i].Code, "-", "") || r.Receipt.User != rs[i].User || numbers[r.Receipt.Number] {
				t.Fatalf("request %d, %+v, was answered with %+v", i, rs[i], r.Receipt)
			}
			numbers[r.Receipt.Number] = true
		}
		if len(numbers) != n {
			t.Errorf("%d receipts of %d", len(numbers), n)
		}
		for _, rec := range receipts(t, s, 0) {
			if !numbers[rec.Number] {
				t.Errorf("receipt %d was not given", rec.Number)
			}
		}
	}
}

// Long users make records that do not fit into one entry together.
func TestRedeemAllLongRecords(t *testing.T) {
	s := storetest.Open(t)
	codes := issued(t, s, "b", 1500)
	rs := redemptions(codes, strings.Repeat("é", store.MaxText/2))
	for i := range rs {
		if i%2 == 0 {
			rs[i].Key = fmt.Sprintf("%0*d", store.MaxText, i)
		}
	}
	for i, r := range s.RedeemAll(t.Context(), rs) {
		if r.Err != nil || r.Receipt.User != rs[i].User || r.Receipt.Key != rs[i].Key {
			t.Fatalf("%d: %v", i, r.Err)
		}
	}
	for i, r := range receipts(t, s, 0) {
		if len(r.User) != store.MaxText {
			t.Fatalf("receipt %d has a user of %d bytes", i, len(r.User))
		}
	}
}

func TestRedeemFuncExactlyOnce(t *testing.T) {
	const n, callers = 2000, 4
	s := storetest.Open(t)
	codes := issued(t, s, "b", n)
	var calls [callers][n]atomic.Int32
	var won, refused atomic.Int32
	var wg sync.WaitGroup
	wg.Add(callers * n)
	for c := range callers {
		go func() {
			for i, code := range codes {
				r := store.Redemption{Code: code, User: fmt.Sprint(c)}
				s.RedeemFunc(t.Context(), r, func(rec store.Receipt, err error) {
					defer wg.Done()
					calls[c][i].Add(1)
					switch {
					case err == nil && rec.User == r.User && rec.Number != 0 && rec.Code != "":
						won.Add(1)
					case err == store.ErrAlreadyRedeemed && rec == store.Receipt{}:
						refused.Add(1)
					default:
						t.Errorf("%+v, %v", rec, err)
					}
				})
			}
		}()
	}
	wg.Wait()
	mustClose(t, s) // nothing comes after it
	for c := range calls {
		for i := range calls[c] {
			if k := calls[c][i].Load(); k != 1 {
				t.Fatalf("callback %d of caller %d was called %d times", i, c, k)
			}
		}
	}
	if won.Load() != n || refused.Load() != n*(callers-1) {
		t.Errorf("%d receipts and %d refusals", won.Load(), refused.Load())
	}
}

// lockedLog collects log lines from any goroutine.
type lockedLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A panic in a callback is the host's mistake; the store logs it and goes on, on
// whichever of its paths it happens.
func TestRedeemFuncPanics(t *testing.T) {
	log := &lockedLog{}
	o := weak()
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	s := storetest.Open(t, o)
	codes := issued(t, s, "b", 400)
	redeem(t, s, store.Redemption{Code: codes[399], Key: "k"})
	var wg sync.WaitGroup
	boom := func(store.Receipt, error) {
		defer wg.Done()
		panic("boom in the host")
	}
	for _, r := range []store.Redemption{{Code: "?"}, {Code: codes[0], User: "\xff"}, {Code: codes[399], Key: "k"}, {Code: codes[399]}} {
		wg.Add(1)
		s.RedeemFunc(t.Context(), r, boom) // answered at once
	}
	for _, c := range codes[:300] { // groups small and large
		wg.Add(2)
		s.RedeemFunc(t.Context(), store.Redemption{Code: c}, boom)
		s.RedeemFunc(t.Context(), store.Redemption{Code: c}, boom)
	}
	wg.Wait()
	redeem(t, s, store.Redemption{Code: codes[300]})
	if n := strings.Count(log.String(), "boom in the host"); n == 0 {
		t.Error("the panics are not in the log")
	}
	if n := s.Stats().Codes.Redeemed; n != 302 {
		t.Errorf("%d codes are redeemed, want 302", n)
	}
}

// Check says what Redeem would, and changes nothing.
func TestCheck(t *testing.T) {
	s := storetest.Open(t)
	b := mint(t, s, store.Batch{Name: "b", Count: 10})
	code := issue(t, s, b.ID, 1, "x")[0]
	before := s.Stats()
	for range 3 {
		wantErr(t, "check", s.Check(t.Context(), store.Redemption{Code: code, User: "u", Key: "k"}), nil)
	}
	if after := s.Stats(); after.Ledger != before.Ledger || after.Codes != before.Codes {
		t.Errorf("check changed %+v to %+v", before, after)
	}
	redeem(t, s, store.Redemption{Code: code, User: "u", Key: "k"})
	wantErr(t, "check", s.Check(t.Context(), store.Redemption{Code: code, User: "u", Key: "k"}), store.ErrAlreadyRedeemed)
}

func TestLookup(t *testing.T) {
	dir := t.TempDir()
	clk := newClock()
	o := weak()
	o.Clock = clk.Now
	s := open(t, dir, o)
	b := mint(t, s, store.Batch{Name: "b", Count: 100})
	drawn := clk.now
	codes := issue(t, s, b.ID, 50, "order-7")
	clk.set(drawn.Add(time.Hour))
	rec := redeem(t, s, store.Redemption{Code: codes[0], User: "u", Key: "k"})
	look := func(when string) {
		t.Helper()
		info, err := s.Lookup(t.Context(), "", strings.ToLower(codes[0]))
		if err != nil || info.Receipt == nil || !sameReceipt(*info.Receipt, rec) || info.Ref != "order-7" || !info.IssuedAt.Equal(drawn) ||
			info.State != shard.Redeemed || info.StateName != "redeemed" || info.Printed != codes[0] || info.BatchName != "b" {
			t.Errorf("%s: %+v, %v", when, info, err)
		}
		info, err = s.Lookup(t.Context(), "", codes[1])
		if err != nil || info.Receipt != nil || info.Ref != "order-7" || info.State != shard.Issued {
			t.Errorf("%s: %+v, %v", when, info, err)
		}
	}
	look("at once")
	for i := range 20 { // flushes and two merges of the index
		redeem(t, s, store.Redemption{Code: codes[2+i]})
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		look(fmt.Sprint("after checkpoint ", i))
	}
	mustClose(t, s)
	s = storetest.OpenAt(t, dir, o)
	look("after reopening")
}
