package model

import (
	"context"
	"fmt"
	"slices"
	"time"

	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// ctx is a context that can end or one that cannot: the store waits in two ways.
func (m *model) ctx() context.Context {
	if m.rng.IntN(2) == 0 {
		return m.suite.t.Context()
	}
	return context.Background()
}

// question asks for a code.
type question struct {
	what string
	named
}

func (q question) GoString() string { return q.what + " " + q.String() }

func (m *model) question(what string) question {
	return rapid.Custom(func(t *rapid.T) question { return question{what, m.anyNamed(t)} }).Draw(m.t, what)
}

func (m *model) check() {
	q := m.question("check")
	m.begin(q.at)
	err := m.s.Check(m.ctx(), store.Redemption{Code: q.text, Namespace: q.space})
	m.did(q, "%s", outcome(err))
	m.checked(m.find(q.space, q.text), m.whyNone(q.space, q.text), err)
}

// checked holds what Check said of a code, or of none: that is said by an error.
func (m *model) checked(c *code, none, err error) {
	if c == nil {
		m.wantErr("check of no code", err, none)
		m.atMost(1)
		return
	}
	if want := m.mayHave(c, request{}, m.once()); err != want {
		m.failf("check of %v, which is %v: got %v, want %v", c, c.state, err, want)
	}
}

func (m *model) lookup() {
	q := m.question("lookup")
	m.begin(q.at)
	info, err := m.s.Lookup(m.ctx(), q.space, q.text)
	m.did(q, "%v, %s", info.State, outcome(err))
	m.lookedUp(m.find(q.space, q.text), m.whyNone(q.space, q.text), info, err)
}

// lookedUp holds what Lookup said of a code, or of none.
func (m *model) lookedUp(c *code, none error, info store.CodeInfo, err error) {
	if c == nil {
		m.wantErr("lookup of no code", err, none)
		m.atMost(1)
		return
	}
	m.looked()
	m.wantErr(fmt.Sprintf("lookup of %v", c), err, nil)
	want := store.CodeInfo{
		Code: c.canon, Printed: string(c.b.Format.AppendPrinted(nil, []byte(c.canon))), Namespace: c.space,
		State: c.state, StateName: c.state.String(), BatchID: c.b.ID, BatchName: c.b.Name,
	}
	switch c.state {
	case shard.Leased:
		if want.Until = c.of.until; c.of.kind == leasing {
			want.Ref, want.IssuedAt, want.Lease = c.ref, c.issued, c.of.number
		}
	case shard.Held:
		want.Lease, want.Until = c.of.number, c.of.until
		want.Ref, want.IssuedAt = c.ref, c.issued
	case shard.Issued, shard.Redeemed:
		want.Ref, want.IssuedAt = c.ref, c.issued
	}
	if want.Receipt, want.Undone = info.Receipt, info.Undone; info != want {
		m.failf("lookup of %v: got %+v, want %+v", c, info, want)
	}
	switch redeemed := c.state == shard.Redeemed; {
	case redeemed != (info.Receipt != nil):
		m.failf("lookup of %v, which is %v: receipt %+v", c, c.state, info.Receipt)
	case redeemed && *info.Receipt != c.receipt:
		m.failf("lookup of %v: receipt %+v, want %+v", c, *info.Receipt, c.receipt)
	}
	undone := c.undone
	if c.state != shard.Issued && c.state != shard.Held {
		undone = nil
	}
	if (undone != nil) != (info.Undone != nil) || undone != nil && *undone != *info.Undone {
		m.failf("lookup of %v, which is %v: undone %+v, want %+v", c, c.state, info.Undone, undone)
	}
}

// someReceipts reads the ledger from somewhere.
func (m *model) someReceipts() {
	after := uint64(rapid.IntRange(0, int(m.ledger)+1).Draw(m.t, "receipts after"))
	m.did(say("receipts"), "after %d", after)
	m.begin(moment{})
	m.sameReceipts(after)
	m.atMost(0)
}

func (m *model) sameReceipts(after uint64) {
	i, _ := slices.BinarySearchFunc(m.receipts, after+1, func(r store.Receipt, n uint64) int { return int(int64(r.Number - n)) })
	want := m.receipts[i:]
	for got, err := range m.s.Receipts(m.ctx(), after) {
		m.wantErr("receipts", err, nil)
		if len(want) == 0 || !sameReceipt(got, want[0]) {
			m.failf("the ledger has the receipt %+v; %d more were given, the next is %+v", got, len(want), want[:min(len(want), 1)])
		}
		want = want[1:]
	}
	if len(want) > 0 {
		m.failf("the ledger lacks %d receipts from %+v on", len(want), want[0])
	}
}

func (m *model) checkpoint() {
	m.did(say("checkpoint"), "")
	m.begin(moment{})
	m.wantErr("checkpoint", m.s.Checkpoint(m.ctx()), nil)
	m.atMost(0)
}

// verify runs Verify, and holds its figures against the model.
func (m *model) verify() {
	m.durable()
	m.begin(moment{})
	rep, err := m.s.Verify(m.ctx())
	m.atMost(0)
	m.wantErr("verify", err, nil)
	if !rep.OK() {
		m.failf("verify: %q", rep.Problems)
	}
	var minted int64
	for _, b := range m.batches {
		minted += b.counts.Minted
	}
	want := store.VerifyReport{
		Batches: int64(len(m.batches)), Codes: minted, Records: int64(m.ledger),
		Redemptions: int64(len(m.receipts)), Upto: m.ledger, Problems: rep.Problems,
	}
	if fmt.Sprint(rep) != fmt.Sprint(want) {
		m.failf("verify says %+v, want %+v", rep, want)
	}
}

// wait lets some time go by, or sets the clock back.
func (m *model) wait() {
	d := time.Duration(rapid.IntRange(-20_000, 20_000).Draw(m.t, "wait, µs")) * time.Microsecond
	m.begin(moment{first: m.clk.now.Add(d)})
	m.did(say("wait"), "%v", d)
}
