package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

// old is a batch that has had its time, and what was known of it before it was retired.
type old struct {
	id       store.BatchID
	codes    []string // all, as issued
	receipts map[string]store.Receipt
	info     store.BatchInfo
	listed   []store.BatchCode
	entries  int
}

// makeOld mints a batch, issues all of it, redeems a third with keys, and lets its window end.
func makeOld(t *testing.T, s *store.Store, c *clock, b store.Batch) *old {
	t.Helper()
	b.NotAfter = c.Now().Add(time.Hour)
	o := &old{id: mint(t, s, b).ID, receipts: map[string]store.Receipt{}}
	o.codes = issue(t, s, o.id, 40, "order of "+b.Name)
	o.codes = append(o.codes, issue(t, s, o.id, int(b.Count)-40, "shop")...)
	for i, code := range o.codes {
		if i%3 == 0 {
			o.receipts[code] = redeem(t, s, store.Redemption{Code: code, Namespace: b.Namespace, User: "u", Key: "key of " + code})
		}
	}
	c.set(c.Now().Add(time.Hour))
	o.see(t, s)
	return o
}

// see takes down what can be asked about the whole batch.
func (o *old) see(t *testing.T, s *store.Store) {
	t.Helper()
	o.info, _ = s.Batch(o.id)
	o.listed, o.entries = nil, 0
	for c, err := range s.Codes(t.Context(), o.id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		o.listed = append(o.listed, c)
	}
	for e, err := range s.Ledger(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Batch == o.id {
			o.entries++
		}
	}
}

// check asks again when it is retired.
func (o *old) check(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	now := *o
	now.see(t, s)
	if !now.info.Retired || now.info.Counts != o.info.Counts || !now.info.Complete {
		t.Errorf("batch is %+v, was %+v", now.info, o.info)
	}
	if !slices.Equal(now.listed, o.listed) {
		t.Errorf("%d codes are listed, want the same %d as before", len(now.listed), len(o.listed))
	}
	if now.entries != o.entries+1 {
		t.Errorf("%d entries in the ledger, want %d and the retirement", now.entries, o.entries)
	}
	space := o.info.Namespace
	var many []store.Redemption
	var wants []error
	for i, code := range o.codes {
		first, redeemed := o.receipts[code]
		want := store.ErrExpired
		if redeemed {
			want = store.ErrAlreadyRedeemed
		}
		if i%97 > 2 {
			continue
		}
		r := store.Redemption{Code: code, Namespace: space, User: "u"}
		many, wants = append(many, r), append(wants, want)
		_, err := s.Redeem(ctx, r)
		wantErr(t, "redeem", err, want)
		wantErr(t, "check", s.Check(ctx, r), want)
		_, err = s.Reserve(ctx, r, time.Minute)
		wantErr(t, "reserve", err, want)
		_, err = s.Release(ctx, store.Change{Code: code, Namespace: space})
		wantErr(t, "release", err, store.ErrRetired)
		_, err = s.Undo(ctx, store.Change{Code: code, Namespace: space})
		wantErr(t, "undo", err, store.ErrRetired)
		_, err = s.Revoke(ctx, store.Change{Code: code, Namespace: space})
		wantErr(t, "revoke", err, store.ErrRetired)
		info, err := s.Lookup(ctx, space, code)
		if err != nil || info.Printed != code || (info.Ref == "shop") != (i >= 40) || (info.Receipt != nil) != redeemed {
			t.Errorf("lookup: %+v, error %v", info, err)
		}
		if !redeemed {
			continue
		}
		r.Key = first.Key
		if again, err := s.Redeem(ctx, r); err != nil || !sameReceipt(again, first) || !sameReceipt(*info.Receipt, first) {
			t.Errorf("with its key: %+v, error %v, want %+v", again, err, first)
		}
		r.Code = o.codes[(i+1)%len(o.codes)]
		_, err = s.Redeem(ctx, r)
		wantErr(t, "the key with another code", err, store.ErrKeyConflict)
	}
	for i, r := range s.RedeemAll(ctx, many) {
		wantErr(t, "redeem with others", r.Err, wants[i])
	}
	if got, err := s.ReleaseRef(ctx, store.RefChange{Ref: "order of " + o.info.Name}); err != nil || len(got) != 40 || !errors.Is(got[0].Err, store.ErrRetired) {
		t.Errorf("release of the reference: %d answers, error %v", len(got), err)
	}
	_, err := s.Issue(ctx, o.id, 1, store.To("x"))
	wantErr(t, "issue", err, store.ErrExpired)
	for name, change := range map[string]func(context.Context, store.BatchID, store.BatchChange) error{"pause": s.Pause, "resume": s.Resume, "revoke": s.RevokeBatch} {
		wantErr(t, name, change(ctx, o.id, store.BatchChange{}), store.ErrRetired)
	}
	wantErr(t, "reschedule", s.Reschedule(ctx, o.id, time.Time{}, time.Time{}, store.BatchChange{}), store.ErrRetired)
	if err := s.Retire(ctx, o.id, store.BatchChange{}); err != nil {
		t.Errorf("retire again: %v", err)
	}
}

func TestRetire(t *testing.T) {
	for _, c := range []struct {
		name string
		b    store.Batch
	}{
		{"packed", store.Batch{Name: "old", Count: int64(fewer(9000, 300))}}, // more than a page
		{"wide", store.Batch{Name: "old", Count: 300, Namespace: "other", Format: gen.Format{Length: 20}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ck, dir := newClock(), t.TempDir()
			o := weak()
			o.Clock = ck.Now
			s := open(t, dir, o)
			fresh := issued(t, s, "kept", 500)
			b := makeOld(t, s, ck, c.b)
			before := s.Stats().PoolBytes
			if err := s.Retire(t.Context(), b.id, store.BatchChange{By: "ops", Reason: "over"}); err != nil {
				t.Fatal(err)
			}
			if now := s.Stats().PoolBytes; now >= before {
				t.Errorf("the pool has %d bytes, had %d", now, before)
			}
			var last store.Entry
			for e := range s.Ledger(t.Context(), 0) {
				last = e
			}
			if last.Verb != "retired" || last.By != "ops" || last.Reason != "over" || last.Batch != b.id {
				t.Errorf("the ledger ends with %+v", last)
			}
			b.check(t, s)
			storetest.Verify(t, s)
			redeem(t, s, store.Redemption{Code: fresh[0]})

			for _, clean := range []bool{false, true} {
				s = reopened(t, s, dir, o, clean)
				dir = s.Stats().Dir
				b.check(t, s)
				storetest.Verify(t, s)
			}
			for _, code := range fresh[1:10] {
				redeem(t, s, store.Redemption{Code: code})
			}
			mustClose(t, s)
		})
	}
}

// TestRetiredStaysTaken: the codes of a retired batch are not minted or imported again (I6:
// also when the gate has grown since).
func TestRetiredStaysTaken(t *testing.T) {
	ck, dir := newClock(), t.TempDir()
	o := weak()
	o.Clock = ck.Now
	s := open(t, dir, o)
	digits := gen.Format{Class: gen.Digits, Length: 4}
	b := makeOld(t, s, ck, store.Batch{Name: "first", Count: 3000, Format: digits})
	if err := s.Retire(t.Context(), b.id, store.BatchChange{}); err != nil {
		t.Fatal(err)
	}
	taken := map[string]bool{}
	for _, code := range b.codes {
		taken[code] = true
	}
	for round := range 2 {
		next := mint(t, s, store.Batch{Name: fmt.Sprint("next", round), Count: 1500, Format: digits})
		for _, code := range issue(t, s, next.ID, 1500, "x") {
			if taken[code] {
				t.Fatalf("round %d: code %s exists already", round, code)
			}
			taken[code] = true
		}
		mint(t, s, store.Batch{Name: fmt.Sprint("large", round), Count: 100_000}) // the gate grows
		s = reopened(t, s, dir, o, round == 0)
		dir = s.Stats().Dir
	}
	rep := importCodes(t, s, store.Batch{Name: "given", Format: digits}, store.ImportOptions{}, append(b.codes[:100:100], unused(taken, 50)...)...)
	if rep.Added != 50 || rep.DuplicateInStore != 100 {
		t.Errorf("import: %+v", rep)
	}
	_, err := s.Import(t.Context(), store.Batch{Name: "first", Format: digits}, strings.NewReader("1234"), store.ImportOptions{})
	wantErr(t, "import into it", err, store.ErrBatchExists)
	_, err = s.Mint(t.Context(), store.Batch{Name: "other", Count: 4000, Format: digits})
	wantErr(t, "more than there are", err, store.ErrSpace)
	b.check(t, s)
	storetest.Verify(t, s)
	mustClose(t, s)
}

// unused makes codes of four digits that do not exist.
func unused(taken map[string]bool, n int) (out []string) {
	for i := 0; len(out) < n; i++ {
		if code := fmt.Sprintf("%04d", i); !taken[code] {
			out = append(out, code)
		}
	}
	return out
}

func TestRetireWhatIsNotFinished(t *testing.T) {
	ck := newClock()
	o := weak()
	o.Clock = ck.Now
	s := storetest.Open(t, o)
	ctx := t.Context()
	end := ck.Now().Add(time.Hour)
	refused := func(what string, id store.BatchID, want error) {
		t.Helper()
		before, _ := s.Batch(id)
		n := s.Stats().Ledger
		wantErr(t, what, s.Retire(ctx, id, store.BatchChange{}), want)
		if after, _ := s.Batch(id); after != before || s.Stats().Ledger != n {
			t.Errorf("%s: the batch changed", what)
		}
	}
	refused("none", 99, store.ErrUnknownBatch)
	stock := mint(t, s, store.Batch{Name: "stock", Count: 3, NotAfter: end})
	refused("stock", stock.ID, store.ErrNotFinished)
	wantErr(t, "control character", s.Retire(ctx, stock.ID, store.BatchChange{By: "\n"}), store.ErrInvalid)
	leased := mint(t, s, store.Batch{Name: "leased", Count: 3})
	l, err := s.Lease(ctx, leased.ID, 2, 2*time.Hour, store.To("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeBatch(ctx, leased.ID, store.BatchChange{}); err != nil {
		t.Fatal(err)
	}
	refused("leased", leased.ID, store.ErrNotFinished)
	held := mint(t, s, store.Batch{Name: "held", Count: 1, NotAfter: end, FromStock: true})
	var code string
	for _, c := range issue(t, s, held.ID, 1, "x") {
		code = c
	}
	h, err := s.Reserve(ctx, store.Redemption{Code: code}, 2*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	rests := mint(t, s, store.Batch{Name: "rests", Count: 1, Reusable: true, Quarantine: 2 * time.Hour, NotAfter: end})
	redeem(t, s, store.Redemption{Code: issue(t, s, rests.ID, 1, "x")[0], Key: "k"})
	ck.set(end)
	refused("held", held.ID, store.ErrNotFinished)
	refused("rests", rests.ID, store.ErrNotFinished)
	if _, err := s.Confirm(ctx, store.LeaseEnd{Number: h.Number}); err != nil {
		t.Fatal(err)
	}
	ck.set(end.Add(time.Hour)) // what was leased for two hours goes back
	_ = l
	for _, id := range []store.BatchID{stock.ID, leased.ID, held.ID, rests.ID} {
		if err := s.Retire(ctx, id, store.BatchChange{}); err != nil {
			t.Error(err)
		}
	}
	_, err = s.Redeem(ctx, store.Redemption{Code: code})
	wantErr(t, "redeem", err, store.ErrAlreadyRedeemed)
	used := mint(t, s, store.Batch{Name: "used", Count: 2})
	for _, c := range issue(t, s, used.ID, 2, "x") {
		redeem(t, s, store.Redemption{Code: c})
	}
	if err := s.Retire(ctx, used.ID, store.BatchChange{}); err != nil { // no window has ended
		t.Error(err)
	}
	_, err = s.Issue(ctx, used.ID, 1, store.To("x"))
	wantErr(t, "issue", err, store.ErrRetired)
	ck.set(end.Add(-2 * time.Hour)) // a clock that goes back brings nothing back
	n := 0
	for c, err := range s.Codes(ctx, stock.ID, 0, shard.Available) {
		if err != nil || !c.Masked {
			t.Errorf("%+v, error %v", c, err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d codes in stock, want 3", n)
	}
	_, err = s.Issue(ctx, stock.ID, 1, store.To("x"))
	wantErr(t, "issue", err, store.ErrRetired)
}

// TestRetireBesideOthers: while a batch is retired its codes get their answers, and so do
// others. The race detector looks on.
func TestRetireBesideOthers(t *testing.T) {
	ck := newClock()
	o := weak()
	o.Clock = ck.Now
	s := storetest.Open(t, o)
	b := makeOld(t, s, ck, store.Batch{Name: "old", Count: int64(fewer(12_000, 3000))})
	fresh := issued(t, s, "fresh", len(b.codes))
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < len(fresh) && (ctx.Err() == nil || i < 100); i += 4 {
				redeem(t, s, store.Redemption{Code: fresh[i]})
				code := b.codes[i]
				_, redeemed := b.receipts[code]
				want := store.ErrExpired
				if redeemed {
					want = store.ErrAlreadyRedeemed
				}
				switch i % 12 / 4 {
				case 0:
					_, err := s.Redeem(t.Context(), store.Redemption{Code: code, User: "u"})
					wantErr(t, "redeem", err, want)
				case 1:
					wantErr(t, "redeem", s.RedeemAll(t.Context(), []store.Redemption{{Code: code}})[0].Err, want)
				case 2:
					got := make(chan error, 1)
					s.RedeemFunc(t.Context(), store.Redemption{Code: code}, func(_ store.Receipt, err error) { got <- err })
					wantErr(t, "redeem", <-got, want)
				}
				if _, err := s.Lookup(t.Context(), "", code); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		if _, err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Retire(t.Context(), b.id, store.BatchChange{}); err != nil {
			t.Error(err)
		}
	}
	stop()
	wg.Wait()
	b.check(t, s)
}

// countdown is a context that ends when it is asked for the n-th time.
type countdown struct {
	context.Context
	mu   sync.Mutex
	left int
	end  context.CancelFunc
}

func (c *countdown) asked() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left == 0 {
		c.end()
	}
}

func (c *countdown) Done() <-chan struct{} { c.asked(); return c.Context.Done() }
func (c *countdown) Err() error            { c.asked(); return c.Context.Err() }

// TestRetireIsCutOff ends the context of a Retire at each place where it is asked for, and
// the process right after: the batch is retired or not, and repeating it finishes it.
func TestRetireIsCutOff(t *testing.T) {
	const tries = 10 // a fast disk may have a record durable before anybody waits for it
	for range tries {
		if cutRetiresOff(t) > 0 {
			return
		}
	}
	t.Error("no Retire was cut off behind its record")
}

// cutRetiresOff cuts a Retire off at each look at its context, until one comes to its end, and
// returns how many were cut off behind their record.
func cutRetiresOff(t *testing.T) (behind int) {
	for n := 1; ; n++ {
		if n > 100 {
			t.Fatal("it never came to its end")
		}
		ck := newClock()
		o := weak()
		o.Clock = ck.Now
		dir := t.TempDir()
		s := open(t, dir, o)
		b := makeOld(t, s, ck, store.Batch{Name: "old", Count: 50})
		inner, end := context.WithCancel(t.Context())
		ctx := &countdown{Context: inner, left: n, end: end}
		cut := s.Retire(ctx, b.id, store.BatchChange{})
		if cut != nil && !errors.Is(cut, context.Canceled) && !errors.Is(cut, store.ErrOutcomeUnknown) {
			t.Errorf("cut off at %d: %v", n, cut)
		}
		s = reopened(t, s, dir, o, n%2 == 0)
		if info, _ := s.Batch(b.id); info.Retired && cut != nil {
			behind++
		} else if !info.Retired && cut == nil {
			t.Error("a batch that was retired is not after a restart")
		}
		storetest.Verify(t, s)
		if err := s.Retire(t.Context(), b.id, store.BatchChange{}); err != nil {
			t.Errorf("again: %v", err)
		}
		b.check(t, s)
		mustClose(t, s)
		end()
		if cut == nil {
			return behind
		}
	}
}
