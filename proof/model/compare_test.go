package model

import (
	"maps"
	"slices"
	"time"

	"codepool/store"
)

const (
	// checkAll is the number of codes up to which all are checked after every step; from
	// there on those that the step touched and as many others.
	checkAll = 64
	// lookUpAll is the number of codes up to which all are looked up when a store is opened;
	// from there on all are checked, and as many looked up.
	lookUpAll = 500
	// lookUps and retries are how many codes are looked up, and keys used again, after a step.
	lookUps = 2
	retries = 2
)

// glance is how far a reading of the clock moves it on between the steps.
const glance = 300 * time.Nanosecond

// compare holds the store against the model after a step.
func (m *model) compare() {
	m.sameBatches()
	if len(m.list) > checkAll {
		for i := 0; i < len(m.touched); i++ { // more may be over meanwhile
			m.checkOne(m.touched[i])
		}
	}
	for _, c := range sample(m, m.list, checkAll) {
		m.checkOne(c)
	}
	for range min(lookUps, len(m.touched)) {
		m.lookUpOne(m.touched[m.rng.IntN(len(m.touched))])
	}
	m.consumed()
	// The last key and some other: keys move from memory to the index meanwhile.
	for i := range min(retries, len(m.redeemed.order)) {
		at := len(m.redeemed.order) - 1
		if i > 0 {
			at = m.rng.IntN(len(m.redeemed.order))
		}
		m.retryRedeem(m.redeemed.order[at])
	}
	for _, c := range m.touched {
		c.step = false
	}
	m.touched = m.touched[:0]
}

func (m *model) sameBatches() {
	m.begin(moment{tick: glance})
	got := m.s.Batches()
	m.looked()
	if len(got) != len(m.batches) {
		m.failf("there are %d batches, want %d", len(got), len(m.batches))
	}
	for i := range got {
		m.sameBatch(got[i], m.batches[i])
	}
}

func (m *model) checkOne(c *code) {
	m.begin(moment{tick: glance})
	m.checked(c, nil, m.s.Check(m.ctx(), store.Redemption{Code: c.canon, Namespace: c.space}))
}

func (m *model) lookUpOne(c *code) {
	m.begin(moment{tick: glance})
	info, err := m.s.Lookup(m.ctx(), c.space, c.canon)
	m.lookedUp(c, nil, info, err)
}

// retryRedeem makes a request once more (I9).
func (m *model) retryRedeem(key string) {
	old := m.redeemed.by[key]
	m.begin(moment{tick: glance})
	rec, err := m.s.Redeem(m.ctx(), store.Redemption{Code: old.c.canon, Namespace: old.c.space, User: old.user, Key: key})
	m.atMost(1)
	if err != nil || rec != old.rec {
		m.failf("key %.20q again: got %+v, %v; the first answer was %+v", key, rec, err, old.rec)
	}
}

func (m *model) retryDraw(key string) {
	old := m.drawn.by[key]
	codes, err := m.s.Issue(m.ctx(), old.b.ID, old.n, store.To(old.ref).Once(key))
	m.wantErr("draw with its key", err, nil)
	for i := range codes {
		if codes[i] != old.codes[i] {
			m.failf("the draw with key %.20q got other codes than the first time", key)
		}
	}
}

func (m *model) retryReversal(k kind, key string) {
	old := m.reversed[k].by[key]
	m.begin(moment{tick: glance})
	rec, err := m.one(k)(m.ctx(), store.Change{Code: old.c.canon, Namespace: old.c.space, By: old.by, Key: key})
	m.once()
	if err != nil || rec != old.rec {
		m.failf("reversal with key %.20q again: got %+v, %v; the first answer was %+v", key, rec, err, old.rec)
	}
}

// retryRest makes some requests about leases, reservations, takes and exports once more.
func (m *model) retryRest(some int) {
	for _, key := range sample(m, m.leased.order, some) {
		old := m.leased.by[key]
		got, err := m.s.Lease(m.ctx(), old.d.b.ID, old.d.n, old.ttl, store.To(old.d.ref).Once(key))
		m.wantErr("lease with its key", err, nil)
		m.sameLease(got, old.got)
	}
	for _, key := range sample(m, m.took.order, some) {
		old := m.took.by[key]
		got, err := m.s.Take(m.ctx(), old.d.b.ID, old.d.n, old.user, store.To(old.d.ref).Once(key))
		if err != nil || !slices.Equal(got, old.got) {
			m.failf("take with key %.20q again: got %+v, %v; the first answer was %+v", key, got, err, old.got)
		}
	}
	for _, id := range sample(m, m.exported.order, some) {
		old := m.exported.by[id]
		got, err := m.s.Export(m.ctx(), old.b.ID, old.e)
		if err != nil || !slices.Equal(got, old.got) {
			m.failf("export %.20q again: got other codes, %v", id, err)
		}
	}
	for _, key := range sample(m, m.held.order, some) {
		old := m.held.by[key]
		m.begin(moment{tick: glance})
		got, err := m.s.Reserve(m.ctx(), store.Redemption{Code: old.c.canon, Namespace: old.c.space, User: old.user, Key: key}, old.ttl)
		if m.once(); err != nil || got != old.got {
			m.failf("reservation with key %.20q again: got %+v, %v; the first answer was %+v", key, got, err, old.got)
		}
	}
	for k := range m.ended {
		for _, key := range sample(m, m.ended[k].order, some) {
			old := m.ended[k].by[key]
			m.begin(moment{tick: glance})
			got, err := m.endCall(endKind(k))(m.ctx(), store.LeaseEnd{Number: old.number, By: old.by, Key: key})
			if m.once(); err != nil || got != old.rec {
				m.failf("%v with key %.20q again: got %+v, %v; the first answer was %+v", endKind(k), key, got, err, old.rec)
			}
		}
	}
}

// compareAll holds everything the store knows against the model.
func (m *model) compareAll() {
	m.sameBatches()
	for _, c := range m.list {
		m.checkOne(c)
	}
	for _, c := range sample(m, m.list, lookUpAll) {
		m.lookUpOne(c)
	}
	m.sameShares()
	m.sameReceipts(0)
	m.durable()
	m.sameLedger(0)
	m.begin(moment{})
	st := m.s.Stats()
	m.looked()
	if st.Ledger != m.ledger || st.Durable != m.ledger || st.Recovery.Checkpoint+st.Recovery.Replayed > m.ledger || st.Failure != "" {
		m.failf("the ledger has %d records, want %d; %+v", st.Ledger, m.ledger, st)
	}
	if got := m.s.Cursors(); !maps.Equal(got, m.cursors) {
		m.failf("the cursors are %v, want %v", got, m.cursors)
	}
	m.verify()
	m.begin(moment{tick: glance})
	const some = 100
	for _, key := range sample(m, m.redeemed.order, some) {
		m.retryRedeem(key)
	}
	for _, key := range sample(m, m.drawn.order, some) {
		m.retryDraw(key)
	}
	m.retryRest(some)
	for k := range m.reversed {
		for _, key := range sample(m, m.reversed[k].order, some) {
			m.retryReversal(kind(k), key)
		}
	}
	m.sameQueries()
}

// sample is all of a list, or n of it.
func sample[V any](m *model, all []V, n int) []V {
	if len(all) <= n {
		return all
	}
	out := make([]V, n)
	for i := range out {
		out[i] = all[m.rng.IntN(len(all))]
	}
	return out
}
