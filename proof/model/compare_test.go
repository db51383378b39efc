package model

import (
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
	m.begin(moment{tick: glance})
	if len(m.list) > checkAll {
		for _, c := range m.touched {
			m.checkOne(c)
		}
	}
	for _, c := range sample(m, m.list, checkAll) {
		m.checkOne(c)
	}
	for range min(lookUps, len(m.touched)) {
		m.lookUpOne(m.touched[m.rng.IntN(len(m.touched))])
	}
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
	got := m.s.Batches()
	if len(got) != len(m.batches) {
		m.failf("there are %d batches, want %d", len(got), len(m.batches))
	}
	for i := range got {
		m.sameBatch(got[i], m.batches[i])
	}
}

func (m *model) checkOne(c *code) {
	m.begin(moment{tick: glance})
	m.checked(c, m.s.Check(m.ctx(), store.Redemption{Code: c.canon, Namespace: c.space}))
}

func (m *model) lookUpOne(c *code) {
	info, err := m.s.Lookup(m.ctx(), c.space, c.canon)
	m.lookedUp(c, info, err)
}

// retryRedeem makes a request once more (I9).
func (m *model) retryRedeem(key string) {
	old := m.redeemed.by[key]
	rec, err := m.s.Redeem(m.ctx(), store.Redemption{Code: old.c.canon, Namespace: old.c.space, User: old.user, Key: key})
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
	rec, err := m.one(k)(m.ctx(), store.Change{Code: old.c.canon, Namespace: old.c.space, By: old.by, Key: key})
	if err != nil || rec != old.rec {
		m.failf("reversal with key %.20q again: got %+v, %v; the first answer was %+v", key, rec, err, old.rec)
	}
}

// compareAll holds everything the store knows against the model.
func (m *model) compareAll() {
	m.sameBatches()
	m.begin(moment{tick: glance})
	for _, c := range m.list {
		m.checkOne(c)
	}
	for _, c := range sample(m, m.list, lookUpAll) {
		m.lookUpOne(c)
	}
	m.sameReceipts(0)
	st := m.s.Stats()
	if st.Ledger != m.ledger || st.Durable != m.ledger || st.Recovery.Checkpoint+st.Recovery.Replayed > m.ledger || st.Failure != "" {
		m.failf("the ledger has %d records, want %d; %+v", st.Ledger, m.ledger, st)
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
