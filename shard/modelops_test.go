package shard_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"codepool/shard"
)

// hostileHashes are chosen to meet: at the last slot (so that probing wraps), at
// the first, in one slot with all tags, in all slots with one tag, and in full.
var hostileHashes = func() []uint64 {
	var hs []uint64
	for i := range uint64(12) {
		hs = append(hs,
			^uint64(0)-i*i,          // the last slot, almost the same tag
			i,                       // the first slot, the same tag
			0xABCD<<48|i<<20,        // one slot, tags apart in one place
			i<<60|0xFFFF_FFFF,       // one tag, slots and shards apart
			0x7FFF_FFFF<<33|i%3<<31, // few in full, either side of a boundary
		)
	}
	return hs
}()

// step does one random operation.
func (m *model) step() {
	if len(m.runs) == 1 {
		m.addRun()
		return
	}
	switch n := m.rng.IntN(100); {
	case n < 20 && m.size < m.cfg.positions:
		m.addRun()
	case n < 35:
		m.finishRun()
	case n < 60:
		m.move()
	case n < 75:
		m.draw()
	case n < 85:
		m.findAll()
	case n < 94:
		m.copyStates()
	case n < 95:
		m.drop()
	case n < 97:
		m.setStates()
	default:
		m.takeDirty()
	}
}

// pick returns a code to add or to look for.
func (m *model) pick(space uint32) shard.Key {
	u := uint64(m.rng.IntN(m.cfg.universe))
	switch n := m.rng.IntN(20); {
	case m.cfg.hostile && n < 10:
		h := hostileHashes[m.rng.IntN(len(hostileHashes))]
		if k, ok := packedWithHash(space, h); ok && n < 6 {
			return k
		}
		return wideWithHash(space, uint32(u%3), h)
	case n < 16:
		return shard.PackedKey(space, u)
	case n < 17:
		return shard.PackedKey(space, shard.WideMark-1-u)
	case n < 18:
		return shard.PackedKey(space, m.rng.Uint64()>>4)
	default:
		text := fmt.Sprintf("code-%d-%s", u, strings.Repeat("x", int(u*37%240)))
		return shard.WideKey(space, text[:int(u*11)%len(text)]) // many beginnings of each other
	}
}

func (m *model) know(k *shard.Key) {
	if !m.knowing[*k] {
		m.knowing[*k] = true
		m.known = append(m.known, *k)
	}
}

// addRun begins a run, with a new number or that of an abandoned one.
func (m *model) addRun() {
	r := &modelRun{id: uint32(len(m.runs)), batch: uint32(m.rng.IntN(m.cfg.batches) + 1),
		space: uint32(m.rng.IntN(m.cfg.spaces)) * 1000, dirty: map[int]bool{}}
	if again := m.runs[m.rng.IntN(len(m.runs))]; again != nil && again.status == abandoned {
		r.id = again.id
		m.runs[r.id] = r
	} else {
		m.runs = append(m.runs, r)
	}
	n := 1 + m.rng.IntN(m.cfg.maxRun)
	if m.rng.IntN(4) == 0 {
		m.addComputed(r, (n+1)/2)
		return
	}
	r.r = m.p.NewRun(r.id, r.batch, r.space)
	keys := make([]shard.Key, 0, n)
	for range n {
		k := m.pick(r.space)
		keys = append(keys, k)
		m.know(&k)
		for m.rng.IntN(10) == 0 { // twice in the input
			keys = append(keys, k)
		}
	}
	if m.rng.IntN(8) == 0 && m.size > 0 { // all that an abandoned run had
		if old := m.runs[1+m.rng.IntN(len(m.runs)-1)]; old.status == abandoned && old.space == r.space && !old.computed {
			keys = append(keys, old.codes...)
		}
	}
	m.trace = fmt.Sprintf("add run %d (batch %d, namespace %d) of %d codes", r.id, r.batch, r.space, len(keys))
	shard.SortKeys(keys)
	for len(keys) > 0 { // in parts, cut between shards
		end := len(keys)
		if m.rng.IntN(2) == 0 {
			for end = m.rng.IntN(end) + 1; end < len(keys) && m.p.Route(keys[end].Hash) == m.p.Route(keys[end-1].Hash); end++ {
			}
		}
		m.addPart(r, keys[:end])
		keys = keys[end:]
	}
	if r.r.Len() != len(r.codes) {
		m.fatalf("run has %d codes, want %d", r.r.Len(), len(r.codes))
	}
	m.size += len(r.codes)
}

func (m *model) addPart(r *modelRun, keys []shard.Key) {
	var want []shard.Key
	packed := m.rng.IntN(4) > 0
	for i := range keys {
		k := keys[i]
		packed = packed && k.Word < shard.WideMark
		if _, dup := m.live[identOf(&k)]; !dup {
			m.live[identOf(&k)] = place{r, uint32(len(r.codes))}
			r.codes, r.states = append(r.codes, k), append(r.states, shard.Pending)
			want = append(want, k)
		}
	}
	got := keys
	var n int
	var err error
	if packed {
		hashes, words := make([]uint64, len(keys)), make([]uint64, len(keys))
		for i, k := range keys {
			hashes[i], words[i] = k.Hash, k.Word
		}
		n, err = r.r.AddPacked(hashes, words)
		for i := range n {
			got[i] = shard.Key{Hash: hashes[i], Word: words[i], Space: r.space}
		}
	} else {
		n, err = r.r.AddKeys(keys)
	}
	if err != nil || !slices.Equal(got[:n], want) {
		m.fatalf("added %d (%v), want %d:\n%v\n%v", n, err, len(want), got[:n], want)
	}
}

var liveStates = []shard.State{shard.Available, shard.Leased, shard.Issued, shard.Redeemed, shard.Revoked, shard.Drawing, shard.Held}

func (m *model) anyState() shard.State { return liveStates[m.rng.IntN(len(liveStates))] }

// finishRun activates a pending run, or abandons it.
func (m *model) finishRun() {
	r := m.runs[1+m.rng.IntN(len(m.runs)-1)]
	if r.status != pending {
		return
	}
	if m.rng.IntN(4) == 0 {
		m.trace = fmt.Sprintf("abandon run %d", r.id)
		r.r.Abandon()
		r.status = abandoned
		for ord := range r.codes {
			m.free(r, uint32(ord))
		}
		return
	}
	r.status = active
	var packed []byte
	initial := m.anyState()
	if m.rng.IntN(2) == 0 {
		initial = shard.Available
	}
	for ord := range r.states {
		r.states[ord] = initial
	}
	if m.rng.IntN(2) == 0 {
		packed = make([]byte, (len(r.states)+1)/2)
		for ord := range r.states {
			if r.states[ord] = m.anyState(); m.rng.IntN(40) == 0 {
				m.free(r, uint32(ord)) // Void: no code here
			}
			packed[ord/2] |= byte(r.states[ord]) << (ord % 2 * 4)
		}
	}
	m.trace = fmt.Sprintf("activate run %d as %v or %x", r.id, initial, packed)
	if !r.r.Activate(initial, packed) {
		m.fatalf("refused")
	}
}

func (m *model) free(r *modelRun, ord uint32) {
	r.states[ord] = shard.Void
	delete(m.live, identOf(&r.codes[ord]))
}

// code returns a random code of a run that is not abandoned; it may be Void.
func (m *model) code() (place, bool) {
	r := m.runs[1+m.rng.IntN(len(m.runs)-1)]
	if r.status == abandoned || len(r.codes) == 0 {
		return place{}, false
	}
	return place{r, uint32(m.rng.IntN(len(r.codes)))}, true
}

func (m *model) move() {
	for range 8 {
		at, ok := m.code()
		if !ok {
			continue
		}
		r, k, st := at.run, &at.run.codes[at.ord], at.run.states[at.ord]
		if st == shard.Void {
			continue
		}
		from, to := st, m.anyState()
		if m.rng.IntN(4) == 0 || st == shard.Pending { // nobody moves a pending code
			from = m.anyState()
		}
		m.trace = fmt.Sprintf("move %+v from %v (expected %v) to %v", *k, st, from, to)
		sh := m.p.Route(k.Hash)
		m.in(sh, func(s *shard.Shard) {
			pos, seg, ok := s.Find(k)
			if !ok {
				m.fatalf("not found")
			}
			if s.Move(seg, pos, from, to) != (from == st) {
				m.fatalf("moved: %v", from != st)
			}
		})
		if from == st {
			r.states[at.ord], r.dirty[sh] = to, true
		}
	}
}

func (m *model) draw() {
	batch, sh := uint32(m.rng.IntN(m.cfg.batches+1)), m.rng.IntN(m.cfg.shards)
	if at, ok := m.code(); ok && m.rng.IntN(10) > 0 {
		batch, sh = at.run.batch, m.p.Route(at.run.codes[at.ord].Hash)
	}
	have := 0
	for _, r := range m.runs[1:] {
		for ord := range r.codes {
			if r.batch == batch && r.states[ord] == shard.Available && m.p.Route(r.codes[ord].Hash) == sh {
				have++
			}
		}
	}
	n, to := m.rng.IntN(5), m.anyState()
	if m.rng.IntN(8) == 0 {
		n = m.rng.IntN(have + 10)
	}
	if to == shard.Available {
		to = shard.Issued
	}
	m.trace = fmt.Sprintf("draw %d of %d, batch %d, shard %d, to %v", n, have, batch, sh, to)
	s := m.p.Lock(sh)
	defer s.Unlock()
	calls := 0
	got := s.Draw(batch, n, to, func(seg *shard.Segment, pos uint32) {
		calls++
		at, ok := m.live[identOf(new(s.KeyAt(pos, seg)))]
		if !ok || at.ord != seg.Ordinal(pos) || at.run.id != seg.Run || at.run.batch != batch ||
			at.run.status != active || at.run.states[at.ord] != shard.Available || s.State(pos) != to {
			m.fatalf("got position %d of %+v, the model says %+v", pos, *seg, at)
		}
		at.run.states[at.ord], at.run.dirty[sh] = to, true
	})
	if got != min(n, have) || calls != got {
		m.fatalf("got %d, %d calls", got, calls)
	}
}

// findAll looks for codes of all kinds in one call a shard.
func (m *model) findAll() {
	m.trace = "find all"
	keys := make([]shard.Key, m.rng.IntN(120))
	by := map[int][]int32{}
	for i := range keys {
		keys[i] = *m.anyKnown()
		switch m.rng.IntN(8) {
		case 0:
			keys[i] = m.pick(5) // a namespace without codes
		case 1:
			keys[i] = m.pick(0)
		}
		sh := m.p.Route(keys[i].Hash)
		by[sh] = append(by[sh], int32(i))
	}
	pos, segs := make([]int32, len(keys)), make([]int32, len(keys))
	for sh, idx := range by {
		m.in(sh, func(s *shard.Shard) {
			s.FindAll(keys, idx, pos, segs)
			for _, i := range idx {
				at, ok := m.live[identOf(&keys[i])]
				if ok != (pos[i] >= 0) {
					m.fatalf("code %+v: position %d, in the model: %v", keys[i], pos[i], ok)
				}
				if !ok {
					continue
				}
				if g := s.SegmentByIndex(segs[i]); g.Run != at.run.id || g.Ordinal(uint32(pos[i])) != at.ord {
					m.fatalf("code %+v: found in %+v at %d, want %d of run %d", keys[i], *g, pos[i], at.ord, at.run.id)
				}
			}
		})
	}
}

// copyStates copies a random range of a run, shard by shard, over random bytes.
func (m *model) copyStates() {
	r := m.runs[1+m.rng.IntN(len(m.runs)-1)]
	if r.status == abandoned {
		return
	}
	first := uint32(m.rng.IntN(len(r.codes) + 1))
	end := first + uint32(m.rng.IntN(len(r.codes)+10))
	origin := first - uint32(m.rng.IntN(int(first)+1))
	m.trace = fmt.Sprintf("copy states [%d,%d) of run %d (%d codes), origin %d", first, end, r.id, len(r.codes), origin)
	dst, want := randomBytes(m.rng, int(end-origin+1)/2), []byte(nil)
	want = append(want, dst...)
	for ord := first; ord < min(end, uint32(len(r.codes))); ord++ {
		st := r.states[ord]
		if st == shard.Pending || st == shard.Drawing {
			st = shard.Available
		}
		i := (ord - origin) / 2
		if (ord-origin)%2 == 0 {
			want[i] = want[i]&0xF0 | byte(st)
		} else {
			want[i] = want[i]&0x0F | byte(st)<<4
		}
	}
	for i := range m.cfg.shards {
		m.in(i, func(s *shard.Shard) {
			if g := s.SegmentOf(r.id); g != nil {
				s.CopyStates(g, first, end, origin, dst)
			}
		})
	}
	if !slices.Equal(dst, want) {
		m.fatalf("\n%x, want\n%x", dst, want)
	}
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func (m *model) takeDirty() {
	m.trace = "take dirty"
	for i := range m.cfg.shards {
		m.in(i, func(s *shard.Shard) {
			s.TakeDirty(func(g *shard.Segment, first, end uint32) {
				r := m.runs[g.Run]
				if !r.dirty[i] || first != g.First || end != g.First+g.Len {
					m.fatalf("run %d in shard %d is said to be dirty, [%d,%d) of %+v", g.Run, i, first, end, *g)
				}
				delete(r.dirty, i)
			})
		})
	}
	for _, r := range m.runs[1:] {
		for i := range r.dirty {
			m.fatalf("run %d in shard %d is said to be clean", r.id, i)
		}
	}
}

// drop takes a batch out, unless one of its runs is not live yet.
func (m *model) drop() {
	batch := uint32(m.rng.IntN(m.cfg.batches) + 1)
	m.trace = fmt.Sprintf("drop batch %d", batch)
	for _, r := range m.runs[1:] {
		if r.batch == batch && r.status == pending {
			return
		}
	}
	if !m.p.Drop(batch) {
		m.fatalf("refused")
	}
	for _, r := range m.runs[1:] {
		if r.batch != batch || r.status != active {
			continue
		}
		r.status = abandoned
		clear(r.dirty)
		for ord := range r.codes {
			if r.states[ord] != shard.Void {
				m.free(r, uint32(ord))
			}
		}
		if m.p.Run(r.id) != nil {
			m.fatalf("run %d is still there", r.id)
		}
	}
}
