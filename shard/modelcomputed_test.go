package shard_test

import (
	"fmt"

	"codepool/shard"
)

// textOf makes the codes of a computed run.
func textOf(run uint32) func(uint32) string {
	return func(ordinal uint32) string { return fmt.Sprintf("C%d-%d", run, ordinal) }
}

// addComputed begins a computed run of n codes.
func (m *model) addComputed(r *modelRun, n int) {
	m.trace = fmt.Sprintf("add computed run %d (batch %d, namespace %d) of %d codes", r.id, r.batch, r.space, n)
	r.computed = true
	var err error
	if r.r, err = m.p.NewComputedRun(r.id, r.batch, r.space, uint32(n), textOf(r.id)); err != nil {
		m.fatalf("%v", err)
	}
	if r.r.Len() != n {
		m.fatalf("run has %d codes", r.r.Len())
	}
	for ord := range uint32(n) {
		k := shard.ComputedKey(r.space, r.id, uint32(n), ord)
		k.Wide = textOf(r.id)(ord)
		m.live[identOf(&k)] = place{r, ord}
		r.codes, r.states = append(r.codes, k), append(r.states, shard.Pending)
		m.know(&k)
	}
	beyond := shard.ComputedKey(r.space, r.id, uint32(2*n+1), uint32(n)) // in the middle of a longer run
	elsewhere := shard.ComputedKey(r.space+1, r.id, uint32(n), 0)
	nobody := shard.ComputedKey(r.space, r.id+1000, uint32(n), 0)
	for _, k := range []*shard.Key{&beyond, &elsewhere, &nobody} {
		m.know(k)
		m.checkAbsent(k)
	}
	m.size += n
}

// anyKnown returns a code that was offered once. The key of a computed code that an
// abandoned run had is not one: of a run of another length with its number it would be wrong.
func (m *model) anyKnown() *shard.Key {
	for {
		k := &m.known[m.rng.IntN(len(m.known))]
		if !k.Computed() {
			return k
		}
		if run, ord := k.Place(); run >= uint32(len(m.runs)) || !m.runs[run].computed ||
			ord >= uint32(len(m.runs[run].codes)) || m.runs[run].codes[ord].Hash == k.Hash {
			return k
		}
	}
}

// setStates loads a part of a live computed run.
func (m *model) setStates() {
	r := m.runs[1+m.rng.IntN(len(m.runs)-1)]
	if !r.computed || r.status != active {
		return
	}
	first := uint32(m.rng.IntN(len(r.codes)))
	n := 1 + uint32(m.rng.IntN(len(r.codes)-int(first)))
	page := randomBytes(m.rng, int(n+1)/2)
	for i := range n {
		ord := first + i
		st := m.anyState()
		if r.states[ord] == shard.Void || m.rng.IntN(40) == 0 {
			m.free(r, ord)
			st = shard.Void
		}
		r.states[ord] = st
		if i%2 == 0 {
			page[i/2] = page[i/2]&0xF0 | byte(st)
		} else {
			page[i/2] = page[i/2]&0x0F | byte(st)<<4
		}
	}
	m.trace = fmt.Sprintf("set states [%d,%d) of run %d", first, first+n, r.id)
	if !r.r.SetStates(first, n, page) {
		m.fatalf("refused")
	}
}
