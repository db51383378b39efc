package model

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"codepool/store"

	"pgregory.net/rapid"
)

// perReading is how many entries of RedeemAll are decided together, by one reading of the
// clock.
const perReading = 4096

// foretell returns what a redemption that is decided at a time must get: the error, or the
// receipt of an earlier request with its key, or neither: then it redeems c.
func (m *model) foretell(r request, at time.Time) (c *code, known *store.Receipt, err error) {
	if c = m.find(r.space, r.text); c == nil {
		if _, used := m.redeemed.get(r.key); used && m.shares.some {
			return nil, nil, errKeyNotForged
		}
		return nil, nil, m.whyNone(r.space, r.text)
	}
	if old, used := m.redeemed.get(r.key); used {
		if m.means(r.space, r.text, old.c) && old.user == r.user {
			return c, &old.rec, nil
		}
		return c, nil, store.ErrKeyConflict
	}
	return c, nil, m.mayHave(c, r, at)
}

// burned makes a redemption happen in the model. rec is what the store answered.
func (m *model) burned(r request, rec store.Receipt, at time.Time) {
	c, known, err := m.foretell(r, at)
	if known != nil || err != nil {
		m.failf("%v was redeemed at %s; want %s %v", c, clockTime(at), outcome(err), known)
	}
	number := m.record(at, store.Entry{Verb: "redeem", Batch: c.b.ID, Count: 1, Code: c.canon, User: r.user, Key: r.key})
	want := store.Receipt{Number: number, Code: c.canon, Namespace: c.b.Namespace, Batch: c.b.ID, User: r.user, Key: r.key, Reward: c.b.Reward, At: at}
	if rec != want {
		m.failf("redeem %v: got %+v, want %+v", c, rec, want)
	}
	m.burnt(c, rec)
	m.redeemed.put(r.key, redeemKey{c, r.user, 0, rec})
}

// differs is how an answer that redeemed nothing differs from what was foretold.
func differs(got store.Result, known *store.Receipt, want error) string {
	switch {
	case !isError(got.Err, want):
		return fmt.Sprintf("got %v, want %v", got.Err, want)
	case want != nil:
	case known == nil:
		return "got a receipt, and nothing was redeemed"
	case got.Receipt != *known:
		return fmt.Sprintf("got %+v, the first answer was %+v", got.Receipt, *known)
	}
	return ""
}

// redeem makes one redemption, as one of the three calls.
func (m *model) redeem() {
	r := rapid.Custom(m.anyRequest).Draw(m.t, "request")
	call := rapid.IntRange(0, 2).Draw(m.t, "call")
	m.begin(r.at)
	var got store.Result
	switch call {
	case 0:
		got.Receipt, got.Err = m.s.Redeem(m.ctx(), r.redemption())
	case 1:
		got = m.s.RedeemAll(m.ctx(), []store.Redemption{r.redemption()})[0]
	case 2:
		got = m.callback(r)
	}
	m.did(r, "%d, %s", got.Receipt.Number, outcome(got.Err))
	if c := m.find(r.space, r.text); c != nil && r.key == "" {
		m.once()
	} else {
		m.atMost(1)
	}
	m.hold([]request{r}, []store.Result{got}, slices.Clone(m.clk.taken()))
}

// callback is RedeemFunc, waited for.
func (m *model) callback(r request) (got store.Result) {
	done := make(chan store.Result, 2)
	m.s.RedeemFunc(m.ctx(), r.redemption(), func(rec store.Receipt, err error) { done <- store.Result{Receipt: rec, Err: err} })
	return <-done
}

// manyOp is many redemptions at once.
type manyOp struct {
	how string
	rs  []request
	at  moment
}

func (o manyOp) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %d requests%v", o.how, len(o.rs), o.at)
	for i, r := range o.rs[:min(len(o.rs), 30)] {
		fmt.Fprintf(&b, "\n        [%d] %#v", i, r)
	}
	return b.String()
}

func (o manyOp) redemptions() []store.Redemption {
	out := make([]store.Redemption, len(o.rs))
	for i, r := range o.rs {
		out[i] = r.redemption()
	}
	return out
}

func (m *model) anyMany(t *rapid.T, how string) manyOp {
	o := manyOp{how: how}
	for range upTo(t, 20) {
		o.rs = append(o.rs, m.anyRequest(t))
	}
	o.at = m.anyMoment(t, nil)
	if len(o.rs) > 0 {
		o.at = o.rs[0].at
	}
	large := []int{300, 300, perReading - 1, perReading, 2*perReading - 1}
	if i := upTo(t, 100) - 90; i >= 0 && i < len(large) && len(m.list) > 0 {
		m.fill(&o, large[i]+upTo(t, 2))
	}
	return o
}

// fill makes o large. Each code and key comes up several times if there are few.
func (m *model) fill(o *manyOp, n int) {
	from := m.rng.IntN(len(m.list))
	for len(o.rs) < n {
		c := m.list[(from+len(o.rs))%len(m.list)]
		r := request{named: named{c: c, space: c.space, text: c.canon, at: o.at}, user: "many"}
		if m.rng.IntN(20) == 0 {
			r.user = longText
		}
		if m.rng.IntN(10) == 0 {
			r.key = fmt.Sprint("k", m.rng.IntN(2*len(m.redeemed.order)+5))
		}
		o.rs = append(o.rs, r)
	}
	m.rng.Shuffle(len(o.rs), func(i, j int) { o.rs[i], o.rs[j] = o.rs[j], o.rs[i] })
}

func (m *model) many(how string) manyOp {
	return rapid.Custom(func(t *rapid.T) manyOp { return m.anyMany(t, how) }).Draw(m.t, "requests")
}

// redeemAll is RedeemAll of many.
func (m *model) redeemAll() {
	o := m.many("RedeemAll")
	m.begin(o.at)
	got := m.s.RedeemAll(m.ctx(), o.redemptions())
	m.did(o, "%s", results(got))
	read := slices.Clone(m.clk.taken())
	m.passed = len(read)
	if want := (len(o.rs) + perReading - 1) / perReading; len(got) != len(o.rs) || len(read) != want {
		m.failf("%d answers to %d requests, %d readings of the clock, want %d", len(got), len(o.rs), len(read), want)
	}
	for i := range read {
		from, end := i*perReading, min((i+1)*perReading, len(o.rs))
		m.lapse(stamp(read[i]))
		m.inOrder(o.rs[from:end], got[from:end])
		m.hold(o.rs[from:end], got[from:end], read[i:i+1])
	}
}

// results lists some answers.
func results(got []store.Result) string {
	var b strings.Builder
	for i, g := range got[:min(len(got), 30)] {
		fmt.Fprintf(&b, "\n        [%d] %d, %s", i, g.Receipt.Number, outcome(g.Err))
	}
	return b.String()
}

// fresh returns the indexes of the redemptions that happened, in the order of the ledger.
// Another request with the same key may have got the same receipt, even one whose text means
// another code at first and this one too: the first that names the code counts.
func (m *model) fresh(rs []request, got []store.Result) (order []int) {
	for i := range got {
		if got[i].Err == nil && got[i].Receipt.Number > m.ledger {
			order = append(order, i)
		}
	}
	number := func(i int) uint64 { return got[i].Receipt.Number }
	other := func(i int) int {
		if c := m.find(rs[i].space, rs[i].text); c != nil && c.canon == got[i].Receipt.Code {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(number(i), number(j)), other(i)-other(j))
	})
	return slices.CompactFunc(order, func(i, j int) bool { return number(i) == number(j) })
}

// hold holds the answers to requests that were decided beside each other, at readings of the
// clock, against the model. Those that happened are taken as the ledger has them. Any other
// must have been right before them or after them, or after them but for its key, which
// nobody had used before, or for its code, which somebody else got later than the user had
// enough: the ledger has one order for each code, for each key and for each user.
func (m *model) hold(rs []request, got []store.Result, read []time.Time) {
	right, newKey, free := make([]bool, len(rs)), make([]bool, len(rs)), make([]bool, len(rs))
	fresh := m.fresh(rs, got)
	for _, i := range fresh {
		right[i] = true
	}
	judge := func(foretell func(i int, at time.Time) (*code, *store.Receipt, error)) {
		for i := range rs {
			for j := 0; j < max(len(read), 1) && !right[i]; j++ {
				var at time.Time // none: answered before the clock was asked
				if len(read) > 0 {
					at = stamp(read[j])
				}
				_, known, err := foretell(i, at)
				free[i] = free[i] || known == nil && err == nil
				timed := errors.Is(err, store.ErrNotYetValid) && at.IsZero()
				right[i] = (known != nil || err != nil) && differs(got[i], known, err) == "" && !timed
			}
		}
	}
	now := func(i int, at time.Time) (*code, *store.Receipt, error) { return m.foretell(rs[i], at) }
	judge(now)
	for i, r := range rs {
		if c := m.find(r.space, r.text); c != nil {
			m.touch(c)
		}
		_, used := m.redeemed.get(r.key)
		newKey[i] = !used
	}
	for _, i := range fresh {
		at := got[i].Receipt.At
		if !slices.ContainsFunc(read, func(t time.Time) bool { return stamp(t).Equal(at) }) {
			m.failf("the receipt of request %d has a time that the clock did not show", i)
		}
		m.burned(rs[i], got[i].Receipt, at)
	}
	judge(now)
	judge(func(i int, at time.Time) (*code, *store.Receipt, error) {
		if r := rs[i]; newKey[i] {
			r.key = ""
			return m.foretell(r, at)
		}
		return now(i, at)
	})
	for i, r := range rs {
		if c := m.find(r.space, r.text); free[i] && m.mayUse(c.b, r.user, 1) == store.ErrUserLimit {
			right[i] = right[i] || differs(got[i], nil, store.ErrUserLimit) == ""
		}
	}
	for i, r := range rs {
		if !right[i] {
			c, known, err := m.foretell(r, got[i].Receipt.At)
			m.failf("request %d of %d, for %v: %s", i, len(rs), c, cmp.Or(differs(got[i], known, err), "was not redeemed"))
		}
	}
}

// inOrder fails the test if a code went to another request than the first one that names it
// and could have it.
func (m *model) inOrder(rs []request, got []store.Result) {
	refused := map[*code]int{} // the first
	for i, r := range slices.Backward(rs) {
		if c := m.find(r.space, r.text); c != nil && errors.Is(got[i].Err, store.ErrAlreadyRedeemed) {
			refused[c] = i
		}
	}
	for _, i := range m.fresh(rs, got) {
		c := m.find(rs[i].space, rs[i].text)
		if j, any := refused[c]; any && j < i {
			m.failf("request %d got %v, which request %d names too and came first", i, c, j)
		}
	}
}

// burst makes many redemptions beside each other, which may be decided in any order and
// together or apart.
func (m *model) burst() {
	parked := rapid.Bool().Draw(m.t, "blocked callers")
	o := m.many(map[bool]string{true: "blocked callers and callbacks", false: "callbacks"}[parked])
	o.rs = slices.DeleteFunc(o.rs, func(r request) bool { // a code that comes back at once may do so twice meanwhile
		c := m.find(r.space, r.text)
		return c != nil && c.b.Reusable && c.b.Quarantine == 0
	})
	o.rs = o.rs[:min(len(o.rs), 1000)]
	got := make([]store.Result, len(o.rs))
	at := m.calm(o.at, len(o.rs)+1)
	if m.begin(at); len(m.live) > 0 { // what is over by now has ended, so that nobody meets it half ended
		m.s.Batches()
		m.looked()
		at.first = time.Time{}
	}
	m.begin(at)
	var wg sync.WaitGroup
	for i, r := range o.rs {
		if parked && i%4 > 0 {
			ctx := m.ctx()
			wg.Go(func() { got[i].Receipt, got[i].Err = m.s.Redeem(ctx, r.redemption()) })
			continue
		}
		wg.Add(1)
		m.s.RedeemFunc(m.ctx(), r.redemption(), func(rec store.Receipt, err error) {
			got[i] = store.Result{Receipt: rec, Err: err}
			wg.Done()
		})
	}
	wg.Wait()
	m.did(o, "%s", results(got))
	m.atMost(len(o.rs))
	m.hold(o.rs, got, slices.Clone(m.clk.taken()))
}
