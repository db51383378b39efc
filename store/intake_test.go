package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"codepool/gen"
)

// crowdStore is a store whose syncs the test holds, with n issued codes of a batch.
type crowdStore struct {
	*Store
	t     *testing.T
	sync  *syncEngine
	codes []string
}

func openCrowd(t *testing.T, n int, b Batch) *crowdStore {
	t.Helper()
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	e := &syncEngine{Engine: s.eng.Engine}
	s.eng.Engine = e
	b.Count = int64(n)
	info, err := s.Mint(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	codes, err := s.Issue(t.Context(), info.ID, n, To("crowd"))
	if err != nil {
		t.Fatal(err)
	}
	return &crowdStore{Store: s, t: t, sync: e, codes: codes}
}

// held runs call(i) in n goroutines while a sync is held, lets it go when waiting says
// that all have come as far as they can, and returns when all have their answers. The
// store must be idle: what is held is the sync of one more redemption, so that all of
// theirs are behind it.
func (s *crowdStore) held(n int, call func(i int), waiting func() bool) {
	s.t.Helper()
	first := s.codes[len(s.codes)-1]
	s.codes = s.codes[:len(s.codes)-1]
	hold := make(chan struct{})
	s.sync.waiting.Store(0)
	s.sync.hold.Store(&hold)
	release := sync.OnceFunc(func() { s.sync.hold.Store(nil); close(hold) })
	defer release()
	ctx := soon(s.t)
	until := func(cond func() bool) {
		s.t.Helper()
		for ; !cond(); runtime.Gosched() {
			if ctx.Err() != nil {
				s.t.Fatal("the callers never got to wait")
			}
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = s.Redeem(context.Background(), Redemption{Code: first}) })
	until(func() bool { return s.sync.waiting.Load() > 0 })
	for i := range n {
		wg.Go(func() { call(i) })
	}
	until(waiting)
	release()
	wg.Wait()
}

// gather makes the store believe in crowds: it redeems the first codes in one group.
func (s *crowdStore) gather() {
	s.t.Helper()
	before := s.com.lastRecord()
	s.held(crowdFrom, func(i int) {
		if _, err := s.Redeem(context.Background(), Redemption{Code: s.codes[i], User: "early"}); err != nil {
			s.t.Error(err)
		}
	}, func() bool { return s.com.lastRecord() == before+1+crowdFrom })
	if !s.com.crowd.Load() {
		s.t.Fatalf("a group of %d callers is no crowd", crowdFrom)
	}
	s.codes = s.codes[crowdFrom:]
}

// inIntake counts requests that joined a lot, decided or not, and are not answered.
func (s *crowdStore) inIntake() (n int) {
	n = int(inLots(s.Store))
	s.com.mu.Lock()
	defer s.com.mu.Unlock()
	for _, g := range append(s.com.mu.flying[:len(s.com.mu.flying):len(s.com.mu.flying)], s.com.mu.open) {
		n += g.crowd
	}
	return n
}

// In a crowd, too, each code is redeemed once, by whoever got there first, and everybody
// gets an answer of their own (I1, I5).
func TestCrowd(t *testing.T) {
	s := openCrowd(t, 1500, Batch{Name: "b", Reward: "gold"})
	s.gather()
	codes := s.codes[:1000]
	recs, errs := make([]Receipt, 3*len(codes)), make([]error, 3*len(codes))
	s.held(len(recs), func(i int) {
		r := Redemption{Code: codes[i%len(codes)], User: fmt.Sprint("user-", i)}
		if i >= 2*len(codes) {
			r.Code = "0000-0000-0000" // never minted: answered without the disk
		}
		recs[i], errs[i] = s.Redeem(context.Background(), r)
	}, func() bool { return s.inIntake() == 2*len(codes)+1 })
	numbers := map[uint64]bool{}
	for i := range codes {
		a, b := i, i+len(codes)
		if errs[a] != nil {
			a, b = b, a
		}
		if errs[a] != nil || !errors.Is(errs[b], ErrAlreadyRedeemed) {
			t.Fatalf("code %d: two callers got %v and %v", i, errs[a], errs[b])
		}
		rec, info := recs[a], CodeInfo{}
		info, err := s.Lookup(t.Context(), "", codes[i])
		if err != nil || info.Receipt == nil || *info.Receipt != rec {
			t.Fatalf("code %d: the caller got %+v, the ledger has %+v, %v", i, rec, info.Receipt, err)
		}
		if rec.User != fmt.Sprint("user-", a) || rec.Reward != "gold" || rec.At.IsZero() || numbers[rec.Number] {
			t.Fatalf("code %d: receipt %+v", i, rec)
		}
		numbers[rec.Number] = true
		if !errors.Is(errs[i+2*len(codes)], ErrUnknownCode) {
			t.Fatalf("a code that was never minted: %v", errs[i+2*len(codes)])
		}
	}
	if rep, err := s.Verify(t.Context()); err != nil || !rep.OK() {
		t.Errorf("verify: %+v, %v", rep, err)
	}
}

// Codes that do not pack, that a batch of the namespace folds otherwise, or that are in
// another namespace take the longer way into a lot.
func TestCrowdOfUnusualCodes(t *testing.T) {
	s := openCrowd(t, 600, Batch{Name: "b"})
	s.gather()
	var rs []Redemption
	for _, b := range []Batch{
		{Name: "long", Format: gen.Format{Class: gen.Crockford32, Length: 16, Group: 4}},
		{Name: "mixed", Format: gen.Format{Class: gen.AlnumCase, Length: 14}},
		{Name: "elsewhere", Namespace: "other"},
	} {
		b.Count = 100
		info, err := s.Mint(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		codes, err := s.Issue(t.Context(), info.ID, 100, To("x"))
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range codes {
			rs = append(rs, Redemption{Code: code, Namespace: b.Namespace, User: b.Name})
		}
	}
	s.com.crowd.Store(true) // the draws came one by one
	errs := make([]error, 2*len(rs))
	s.held(len(errs), func(i int) {
		var rec Receipt
		rec, errs[i] = s.Redeem(context.Background(), rs[i%len(rs)])
		if b, _ := s.Batch(rec.Batch); errs[i] == nil && b.Name != rec.User {
			t.Errorf("%+v is of batch %q", rec, b.Name)
		}
	}, func() bool { return s.inIntake() >= len(errs) })
	for i, r := range rs {
		a, b := errs[i], errs[i+len(rs)]
		if a != nil {
			a, b = b, a
		}
		if a != nil || !errors.Is(b, ErrAlreadyRedeemed) {
			t.Errorf("%+v: two callers got %v and %v", r, a, b)
		}
	}
}

// A key means the same in a crowd (I9).
func TestCrowdKeys(t *testing.T) {
	s := openCrowd(t, 1000, Batch{Name: "b"})
	s.gather()
	codes := s.codes[:300]
	recs, errs := make([]Receipt, 2*len(codes)), make([]error, 2*len(codes))
	call := func(i int) {
		c := i % len(codes)
		recs[i], errs[i] = s.Redeem(context.Background(), Redemption{Code: codes[c], User: "u", Key: fmt.Sprint("key-", c)})
	}
	s.held(len(recs), call, func() bool { return s.inIntake() > len(codes) })
	for i := range codes {
		if errs[i] != nil || errs[i+len(codes)] != nil || recs[i] != recs[i+len(codes)] {
			t.Fatalf("key %d: %+v, %v and %+v, %v", i, recs[i], errs[i], recs[i+len(codes)], errs[i+len(codes)])
		}
	}
	if _, err := s.Redeem(t.Context(), Redemption{Code: codes[0], User: "other", Key: "key-0"}); !errors.Is(err, ErrKeyConflict) {
		t.Errorf("another user with the key: %v, want ErrKeyConflict", err)
	}
}

// Who stops waiting leaves the lot to the others.
func TestCrowdCancel(t *testing.T) {
	s := openCrowd(t, 1200, Batch{Name: "b"})
	s.gather()
	codes := s.codes[:600]
	ctx, cancel := context.WithCancel(t.Context())
	errs := make([]error, len(codes))
	left := atomic.Int64{}
	s.held(len(codes), func(i int) {
		if i%2 == 0 {
			_, errs[i] = s.Redeem(context.Background(), Redemption{Code: codes[i]})
			return
		}
		_, errs[i] = s.Redeem(ctx, Redemption{Code: codes[i]})
		left.Add(1)
	}, func() bool {
		if s.inIntake() == len(codes)+1 {
			cancel()
		}
		return left.Load() == int64(len(codes)/2)
	})
	for i, err := range errs {
		if i%2 == 0 && err != nil || i%2 == 1 && (!errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, context.Canceled)) {
			t.Fatalf("caller %d: %v", i, err)
		}
	}
	// They were decided all the same, as a request with a group under way is.
	for _, code := range codes {
		if err := s.Check(t.Context(), Redemption{Code: code}); !errors.Is(err, ErrAlreadyRedeemed) {
			t.Fatalf("%s: %v", code, err)
		}
	}
}

// A failed sync takes back what a lot was told, and nothing else (I8).
func TestCrowdFailure(t *testing.T) {
	s := openCrowd(t, 1200, Batch{Name: "b"})
	s.gather()
	codes := s.codes[:600]
	errs := make([]error, len(codes))
	s.held(len(codes), func(i int) {
		_, errs[i] = s.Redeem(context.Background(), Redemption{Code: codes[i]})
	}, func() bool {
		s.sync.fail.Store(true)
		return s.inIntake() == len(codes)+1
	})
	for i, err := range errs {
		if !errors.Is(err, ErrOutcomeUnknown) && !errors.Is(err, ErrFailed) {
			t.Fatalf("caller %d after the failed sync: %v", i, err)
		}
	}
	if _, err := s.Redeem(t.Context(), Redemption{Code: s.codes[700]}); !errors.Is(err, ErrFailed) {
		t.Errorf("a redemption after it: %v, want ErrFailed", err)
	}
}

// Close answers every callback exactly once, whether its request was decided or not, and
// none comes after it.
func TestCloseAnswersCallbacks(t *testing.T) {
	s := openCrowd(t, 1200, Batch{Name: "b"})
	hold := make(chan struct{})
	s.sync.hold.Store(&hold)
	release := sync.OnceFunc(func() { s.sync.hold.Store(nil); close(hold) })
	defer release()
	answers := make([]atomic.Int32, 1000)
	var good, refused atomic.Int32
	for i := range answers {
		s.RedeemFunc(t.Context(), Redemption{Code: s.codes[i]}, func(_ Receipt, err error) {
			answers[i].Add(1)
			switch {
			case err == nil:
				good.Add(1)
			case errors.Is(err, ErrClosed):
				refused.Add(1)
			default:
				t.Errorf("callback %d: %v", i, err)
			}
		})
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	for ctx := soon(t); !s.closed.Load(); runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatal("Close does not begin")
		}
	}
	release()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	for i := range answers {
		if n := answers[i].Load(); n != 1 {
			t.Fatalf("callback %d was called %d times", i, n)
		}
	}
	if int(good.Load()+refused.Load()) != len(answers) {
		t.Errorf("%d receipts and %d refusals for %d requests", good.Load(), refused.Load(), len(answers))
	}
	late := make(chan error, 1)
	s.RedeemFunc(t.Context(), Redemption{Code: s.codes[1100]}, func(_ Receipt, err error) { late <- err })
	if err := <-late; !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
}

// A callback may ask for the next redemption, as an event loop does, however long the
// chain and whoever fills the lots.
func TestCallbacksThatGoOn(t *testing.T) {
	s := openCrowd(t, 3000, Batch{Name: "b"})
	s.opt.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	const chains = 300
	var wg sync.WaitGroup
	wg.Add(len(s.codes))
	var next func(i int)
	next = func(i int) {
		s.RedeemFunc(context.Background(), Redemption{Code: s.codes[i]}, func(_ Receipt, err error) {
			if err != nil {
				t.Errorf("code %d: %v", i, err)
			}
			if i+chains < len(s.codes) {
				next(i + chains)
			}
			wg.Done()
		})
	}
	for i := range chains {
		next(i)
	}
	wg.Wait()
	if n := s.Stats().Codes.Redeemed; n != int64(len(s.codes)) {
		t.Errorf("%d codes are redeemed, want %d", n, len(s.codes))
	}
}

// A callback's next request may have to wait for room, and callers that block stand
// beside it in the same lots: the committer, which makes the room, waits for neither.
func TestCallbacksWaitForRoom(t *testing.T) {
	s := openCrowd(t, 12_000, Batch{Name: "b"})
	s.com.maxPending = 64 << 10
	s.gather()
	user := strings.Repeat("u", 200)
	var wg sync.WaitGroup
	const chains = 1000
	var next func(i int)
	next = func(i int) {
		s.RedeemFunc(context.Background(), Redemption{Code: s.codes[i], User: user}, func(_ Receipt, err error) {
			if err != nil {
				t.Errorf("code %d: %v", i, err)
			}
			if i+chains < 10_000 {
				next(i + chains)
			}
			wg.Done()
		})
	}
	wg.Add(10_000)
	for i := range chains {
		next(i)
	}
	for i := 10_000; i < len(s.codes); i++ {
		wg.Go(func() {
			if _, err := s.Redeem(context.Background(), Redemption{Code: s.codes[i], User: user}); err != nil {
				t.Errorf("code %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// A request that meets a draw at work is asked again, until the draw is in the journal
// or taken back: a code of this batch can be redeemed before as after it.
func TestCallbackDuringDraws(t *testing.T) {
	s := openCrowd(t, 10, Batch{Name: "b"})
	var given strings.Builder
	codes := make([]string, 20_000)
	for i := range codes {
		codes[i] = fmt.Sprintf("GIVEN-%06d", i)
		fmt.Fprintln(&given, codes[i])
	}
	rep, err := s.Import(t.Context(), Batch{Name: "stock", FromStock: true}, strings.NewReader(given.String()), ImportOptions{})
	if err != nil || rep.Added != int64(len(codes)) {
		t.Fatalf("import: %+v, %v", rep, err)
	}
	var drawers sync.WaitGroup
	for d := range 3 {
		drawers.Go(func() {
			for {
				_, err := s.Issue(t.Context(), rep.Batch.ID, 50, To(fmt.Sprint("drawer-", d)))
				if errors.Is(err, ErrEmpty) {
					return
				} else if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var answered sync.WaitGroup
	for _, code := range codes {
		answered.Add(1)
		s.RedeemFunc(t.Context(), Redemption{Code: code}, func(_ Receipt, err error) {
			if err != nil {
				t.Errorf("%s: %v", code, err)
			}
			answered.Done()
		})
	}
	answered.Wait()
	drawers.Wait()
	if rep, err := s.Verify(t.Context()); err != nil || !rep.OK() {
		t.Errorf("verify: %+v, %v", rep, err)
	}
}
