package store

import (
	"encoding/binary"
	"fmt"

	"codepool/shard"
	"codepool/store/internal/journal"
)

// State pages are the only pairs that are written again and again under one key, and
// an old one is whole in itself. So that none is taken for the present one, each has a
// stamp and the checkpoint record has the sum of all of them:
//
//   - a page says which checkpoint wrote it, and the checksum that the page had at the
//     checkpoint before that;
//   - the record of checkpoint n holds the sum, over all pages, of a hash of the page's
//     place and its checksum at n.
//
// Pages are written before the record. A crash in between leaves pages of checkpoint
// n+1 beside the record of n, and what they say of the time before them is summed in
// their stead. How often n+1 was tried does not matter: a page that it writes again
// keeps what it says of n. A page of a checkpoint behind n+1 is of no lawful crash.
type pageStamp struct {
	by     uint64 // number of the checkpoint that wrote it
	before uint32 // checksum at the checkpoint before that, 0 if the page did not exist
	sum    uint32 // checksum of the page itself
}

const (
	stampLen = 8 + 4
	// statePage is how many states share a value (16 KiB): small enough that a
	// checkpoint of a quiet store writes little.
	statePage = 32768
)

// statePageID is the place of a state page.
type statePageID struct{ run, page uint32 }

func (p statePageID) key() []byte { return key2(keyStates, p.run, p.page) }

// stamp makes a page of the next checkpoint of body, which has room in front, and notes it.
func (m *maintainer) stamp(p statePageID, body []byte) journal.Pair {
	st := m.pages[p]
	if st.by != m.number+1 {
		st.by, st.before = m.number+1, st.sum
	}
	binary.LittleEndian.PutUint64(body[4:], st.by)
	binary.LittleEndian.PutUint32(body[12:], st.before)
	key := p.key()
	sealInPlace(key, body)
	st.sum = sumOf(body)
	m.pages[p] = st
	return journal.Pair{Key: key, Value: body}
}

// share is what a page adds to the sum of the checkpoint c.
func (c *checkpointRecord) share(p statePageID, st pageStamp) (uint64, error) {
	sum := st.sum
	switch {
	case st.by == 0 || st.by > c.Number+1:
		return 0, corrupt(p.key(), fmt.Sprintf("it is of checkpoint %d, the last one is %d", st.by, c.Number))
	case st.by == c.Number+1:
		sum = st.before
	}
	return shareOf(p.key(), sum), nil
}

// sum adds up the shares of all pages.
func (c *checkpointRecord) sum(pages map[statePageID]pageStamp) (sum uint64, err error) {
	for p, st := range pages {
		share, err := c.share(p, st)
		if err != nil {
			return 0, err
		}
		sum += share
	}
	return sum, nil
}

// checkStates compares the sum of the pages that were found with the record's.
func (c *checkpointRecord) checkStates(sum uint64) error {
	if sum != c.States {
		return &CorruptError{What: "state pages", Why: fmt.Sprintf("they are not those of checkpoint %d: some are of another time, or missing", c.Number)}
	}
	return nil
}

func decodeStatePage(key, value []byte) (p statePageID, st pageStamp, states []byte, err error) {
	body, err := unseal(key, value)
	if err != nil {
		return p, st, nil, err
	}
	d := decoder{b: body}
	p = statePageID{be32(key[1:]), be32(key[5:])}
	st = pageStamp{by: d.uint64(), before: d.uint32(), sum: sumOf(value)}
	if d.bad {
		return p, st, nil, corrupt(key, "page is too short")
	}
	return p, st, d.b, nil
}

// readStates returns the states of a run, two in a byte, or nil if no checkpoint
// ever wrote any: then all are as they were at first. pages are those that exist.
func readStates(v journal.Reader, h runHeader) (states []byte, pages map[statePageID]pageStamp, err error) {
	pages = map[statePageID]pageStamp{}
	err = eachStatePage(v, h, func(p statePageID, st pageStamp, body []byte) error {
		if states == nil {
			states = make([]byte, (h.Count+1)/2)
			for i := range states {
				states[i] = byte(h.Initial) * 0x11
			}
		}
		copy(states[uint64(p.page)*statePage/2:], body)
		pages[p] = st
		return nil
	})
	if err == nil && states != nil && h.Count%2 == 1 {
		states[len(states)-1] &= 15
	}
	return states, pages, err
}

// eachStatePage calls f with each state page of a run, which it checks.
func eachStatePage(v journal.Reader, h runHeader, f func(p statePageID, st pageStamp, states []byte) error) error {
	return v.Scan(key1(keyStates, h.ID), nil, func(key, value []byte) error {
		p, st, body, err := decodeStatePage(key, value)
		if err != nil {
			return err
		}
		from, all := uint64(p.page)*statePage/2, (uint64(h.Count)+1)/2
		if from >= all || uint64(len(body)) != min(statePage/2, all-from) {
			return corrupt(key, "page does not fit its run")
		}
		for _, x := range body {
			if !storable(shard.State(x&15)) || !storable(shard.State(x>>4)) {
				return corrupt(key, "page holds an impossible state")
			}
		}
		return f(p, st, body)
	})
}

// storable reports whether a state page may hold st; Void only fills the last half.
func storable(st shard.State) bool { return st <= shard.Revoked || st == shard.Held }
