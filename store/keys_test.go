package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

func TestKeySameAnswer(t *testing.T) { // I9
	dir := t.TempDir()
	s := open(t, dir, weak())
	codes := issued(t, s, "b", 3)
	r := store.Redemption{Code: codes[0], User: "u", Key: "k"}
	first := redeem(t, s, r)
	if again := redeem(t, s, r); !sameReceipt(first, again) {
		t.Errorf("the second answer is %+v, the first was %+v", again, first)
	}
	mustClose(t, s)
	s = storetest.OpenAt(t, dir, weak())
	if again := redeem(t, s, r); !sameReceipt(first, again) {
		t.Errorf("after reopening the answer is %+v, the first was %+v", again, first)
	}
	for _, other := range []store.Redemption{
		{Code: codes[1], User: "u", Key: "k"},
		{Code: codes[0], User: "v", Key: "k"},
		{Code: codes[0], Key: "k"},
	} {
		_, err := s.Redeem(t.Context(), other)
		wantErr(t, fmt.Sprintf("key with other content %+v", other), err, store.ErrKeyConflict)
		wantErr(t, "the same in RedeemAll", s.RedeemAll(t.Context(), []store.Redemption{other})[0].Err, store.ErrKeyConflict)
	}
	_, err := s.Redeem(t.Context(), store.Redemption{Code: codes[0], User: "u", Key: "k2"})
	wantErr(t, "the code with another key", err, store.ErrAlreadyRedeemed)
	_, err = s.Redeem(t.Context(), store.Redemption{Code: codes[0], User: "u"})
	wantErr(t, "the code without a key", err, store.ErrAlreadyRedeemed)
	if n := len(receipts(t, s, 0)); n != 1 {
		t.Errorf("%d receipts, want 1", n)
	}
	if again := s.RedeemAll(t.Context(), []store.Redemption{r}); again[0].Err != nil || !sameReceipt(first, again[0].Receipt) {
		t.Errorf("RedeemAll answers the retry with %+v", again)
	}
}

// A refusal is no answer to remember: the same key may succeed later.
func TestKeyAfterRefusal(t *testing.T) {
	s := storetest.Open(t)
	b := mint(t, s, store.Batch{Name: "b", Count: 1})
	_, err := s.Redeem(t.Context(), store.Redemption{Code: "7KQF-2M9X-T4WC", Key: "k"})
	wantErr(t, "unknown code", err, store.ErrUnknownCode)
	code := issue(t, s, b.ID, 1, "x")[0]
	redeem(t, s, store.Redemption{Code: code, Key: "k"})
}

func TestKeyConcurrentRetries(t *testing.T) { // I9
	const callers, rounds = 64, 300
	s := storetest.Open(t)
	codes := issued(t, s, "b", rounds)
	for round, code := range codes {
		r := store.Redemption{Code: code, User: "u", Key: fmt.Sprint("k", round)}
		got := make([]store.Result, callers)
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range got {
			wg.Go(func() {
				<-start
				switch i % 3 {
				case 0:
					got[i].Receipt, got[i].Err = s.Redeem(t.Context(), r)
				case 1:
					got[i] = s.RedeemAll(t.Context(), []store.Redemption{r})[0]
				default:
					done := make(chan struct{})
					s.RedeemFunc(t.Context(), r, func(rec store.Receipt, err error) { got[i] = store.Result{Receipt: rec, Err: err}; close(done) })
					<-done
				}
			})
		}
		close(start)
		wg.Wait()
		for i, g := range got {
			if g.Err != nil || !sameReceipt(g.Receipt, got[0].Receipt) {
				t.Fatalf("round %d: caller %d got %+v, caller 0 %+v", round, i, g, got[0])
			}
		}
	}
	if n := len(receipts(t, s, 0)); n != rounds {
		t.Errorf("%d receipts, want %d", n, rounds)
	}
}

// Equal requests in one call get one receipt, like equal requests one after the other.
func TestKeyTwiceInOneCall(t *testing.T) {
	s := storetest.Open(t)
	codes := issued(t, s, "b", 2)
	rs := []store.Redemption{
		{Code: codes[0], User: "u", Key: "k"}, {Code: codes[0], User: "u", Key: "k"},
		{Code: codes[1], User: "u", Key: "k"}, {Code: codes[0], User: "u"},
	}
	got := s.RedeemAll(t.Context(), rs)
	if got[0].Err != nil || got[1].Err != nil || !sameReceipt(got[0].Receipt, got[1].Receipt) {
		t.Errorf("two equal requests got %+v and %+v, want one receipt", got[0], got[1])
	}
	wantErr(t, "the key with another code", got[2].Err, store.ErrKeyConflict)
	wantErr(t, "the code without the key", got[3].Err, store.ErrAlreadyRedeemed)
}

// Different codes race for one key: one wins, the others conflict.
func TestKeyRaceOfCodes(t *testing.T) {
	s := storetest.Open(t)
	codes := issued(t, s, "b", 64)
	errs := make([]error, len(codes))
	var wg sync.WaitGroup
	for i, c := range codes {
		wg.Go(func() { _, errs[i] = s.Redeem(t.Context(), store.Redemption{Code: c, Key: "one"}) })
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
		} else {
			wantErr(t, fmt.Sprint("caller ", i), err, store.ErrKeyConflict)
		}
	}
	if won != 1 {
		t.Errorf("%d codes were redeemed with one key", won)
	}
	if st := s.Stats(); st.Codes.Redeemed != 1 {
		t.Errorf("%d codes are redeemed, want 1", st.Codes.Redeemed)
	}
}

// Keys leave memory for the index and the index merges its runs (8 of a level): a
// key must be found wherever it is, also while it moves.
func TestKeyAcrossCheckpoints(t *testing.T) {
	const rounds, each = 20, 40 // two merges
	dir := t.TempDir()
	s := open(t, dir, weak())
	codes := issued(t, s, "b", rounds*each)
	var rs []store.Redemption
	var want []store.Receipt
	retry := func(when string) {
		t.Helper()
		for i, got := range s.RedeemAll(t.Context(), rs) {
			if got.Err != nil || !sameReceipt(got.Receipt, want[i]) {
				t.Fatalf("%s: retry %d of %d got %+v, want %+v", when, i, len(rs), got, want[i])
			}
		}
	}
	for round := range rounds {
		for i := range each {
			n := round*each + i
			r := store.Redemption{Code: codes[n], User: fmt.Sprint("u", n), Key: fmt.Sprint("key-", n)}
			rs, want = append(rs, r), append(want, redeem(t, s, r))
		}
		retry("before the checkpoint")
		if err := s.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		retry("after the checkpoint")
	}
	crashed := copyDir(t, dir)
	mustClose(t, s)
	for _, d := range []string{dir, crashed} {
		s = storetest.OpenAt(t, d, weak())
		retry("after reopening")
		_, err := s.Redeem(t.Context(), store.Redemption{Code: codes[1], User: "u1", Key: "key-0"})
		wantErr(t, "an old key for another code", err, store.ErrKeyConflict)
	}
}

func TestIssueKey(t *testing.T) { // I9
	dir := t.TempDir()
	clk := newClock()
	o := weak()
	o.Clock = clk.Now
	s := open(t, dir, o)
	ends := clk.now.Add(time.Hour)
	b := mint(t, s, store.Batch{Name: "b", Count: 100, NotAfter: ends})
	other := mint(t, s, store.Batch{Name: "other", Count: 100})
	d := store.To("order-7").Once("k")
	first, err := s.Issue(t.Context(), b.ID, 10, d)
	if err != nil {
		t.Fatal(err)
	}
	same := func(when string) {
		t.Helper()
		again, err := s.Issue(t.Context(), b.ID, 10, d)
		if err != nil {
			t.Errorf("%s: %v", when, err)
			return
		}
		slices.Sort(first)
		slices.Sort(again)
		if !slices.Equal(first, again) {
			t.Errorf("%s: the second draw gave %v, the first %v", when, again, first)
		}
	}
	same("at once")
	for i, other := range []struct {
		batch store.BatchID
		n     int
		d     store.Draw
	}{
		{b.ID, 11, d}, {b.ID, 9, d}, {other.ID, 10, d}, {b.ID, 10, store.To("order-8").Once("k")},
	} {
		_, err := s.Issue(t.Context(), other.batch, other.n, other.d)
		wantErr(t, fmt.Sprint("other content ", i), err, store.ErrKeyConflict)
	}
	// Keys of draws and keys of redemptions are two sets.
	redeem(t, s, store.Redemption{Code: first[0], Key: "k"})
	same("after a redemption with the same key")
	if err := s.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	same("after a checkpoint")
	issue(t, s, b.ID, 90, "the rest")
	same("when the stock is empty")
	mustClose(t, s)
	s = storetest.OpenAt(t, dir, o)
	same("after reopening")
	clk.set(ends)
	same("when the batch has expired")
	if c := s.Stats().Codes; c.Issued != 99 || c.Redeemed != 1 {
		t.Errorf("counts %+v, want 99 issued and 1 redeemed", c)
	}
}

func TestIssueKeyConcurrentRetries(t *testing.T) {
	s := storetest.Open(t)
	b := mint(t, s, store.Batch{Name: "b", Count: 1000})
	got := make([][]string, 64)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = s.Issue(t.Context(), b.ID, 7, store.To("o").Once("k")); err != nil {
				t.Error(err)
			}
			slices.Sort(got[i])
		})
	}
	wg.Wait()
	for i := range got {
		if !slices.Equal(got[i], got[0]) {
			t.Errorf("caller %d got %v, caller 0 %v", i, got[i], got[0])
		}
	}
	if c := s.Stats().Codes; c.Issued != 7 {
		t.Errorf("%d codes are issued, want 7", c.Issued)
	}
}

// A retry gets the first receipt in every way to redeem, also when its text has come to
// name another code too since (I9).
func TestRetryOfATextWithSeveralForms(t *testing.T) {
	s := storetest.Open(t)
	handed := store.ImportOptions{HandedOut: true}
	importCodes(t, s, store.Batch{Name: "folded"}, handed, "GIVEN001")
	r := store.Redemption{Code: "given001", User: "u", Key: "k"}
	first := redeem(t, s, r)
	importCodes(t, s, store.Batch{Name: "exact", Format: gen.Format{Class: gen.AlnumCase, Length: 8}}, handed, "given001")
	if again := redeem(t, s, r); !sameReceipt(again, first) {
		t.Errorf("Redeem: %+v, first %+v", again, first)
	}
	if all := s.RedeemAll(t.Context(), []store.Redemption{r})[0]; all.Err != nil || !sameReceipt(all.Receipt, first) {
		t.Errorf("RedeemAll: %+v, first %+v", all, first)
	}
}
