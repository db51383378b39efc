package shard_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"codepool/shard"
)

// ident is what makes a code itself.
type ident struct {
	space uint32
	word  uint64
	text  string
}

func identOf(k *shard.Key) ident { return ident{k.Space, k.Word, k.Wide} }

type runStatus int

const (
	pending runStatus = iota
	active
	abandoned
)

// modelRun is a run as plain slices by ordinal.
type modelRun struct {
	r                *shard.Run
	id, batch, space uint32
	status           runStatus
	computed         bool
	codes            []shard.Key
	states           []shard.State // Void: the text is free again
	dirty            map[int]bool  // by shard
}

// place names a code the second way, by run and ordinal.
type place struct {
	run *modelRun
	ord uint32
}

// config shapes the random operations of one model test.
type config struct {
	name            string
	shards, steps   int
	maxRun          int // codes offered to a run
	positions       int // no more runs from here on
	batches, spaces int
	universe        int  // texts that runs share, in every namespace
	hostile         bool // half of the codes have hashes of hostileHashes
	checkEvery      int
}

// model is a pool and the plain map that says what must be in it.
type model struct {
	t    testing.TB
	cfg  config
	rng  *rand.Rand
	p    *shard.Pool
	runs []*modelRun // by number, from 1
	live map[ident]place
	size int // positions taken

	known   []shard.Key // every code ever offered, for lookups of absent ones
	knowing map[shard.Key]bool
	trace   string // the last operation
}

// seedOf returns the seed of a random test: CODEPOOL_SEED, or a new one. It is
// printed with the test's other output if the test fails.
func seedOf(t testing.TB) uint64 {
	seed := rand.Uint64()
	if v := os.Getenv("CODEPOOL_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 0, 64); err != nil {
			t.Fatalf("CODEPOOL_SEED: %v", err)
		}
	}
	t.Logf("CODEPOOL_SEED=%d", seed)
	return seed
}

func newPool(t testing.TB, shards int) *shard.Pool {
	t.Helper()
	p, err := shard.New(shards)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func newModel(t testing.TB, cfg config, seed uint64, rng *rand.Rand) *model {
	m := &model{t: t, cfg: cfg, rng: rng, p: newPool(t, cfg.shards), runs: []*modelRun{nil},
		live: map[ident]place{}, knowing: map[shard.Key]bool{}}
	m.p.Seed(seed)
	return m
}

func TestModel(t *testing.T) {
	for _, cfg := range []config{
		{name: "one shard", shards: 1, steps: 350, maxRun: 60, positions: 1500, batches: 3, spaces: 3, universe: 300, checkEvery: 1},
		{name: "two shards", shards: 2, steps: 350, maxRun: 60, positions: 1500, batches: 3, spaces: 3, universe: 300, checkEvery: 1},
		{name: "64 shards", shards: 64, steps: 300, maxRun: 200, positions: 2000, batches: 3, spaces: 3, universe: 500, checkEvery: 1},
		{name: "4096 shards", shards: 4096, steps: 100, maxRun: 600, positions: 6000, batches: 2, spaces: 2, universe: 2000, checkEvery: 4},
		{name: "hostile, one shard", shards: 1, steps: 350, maxRun: 60, positions: 1500, batches: 3, spaces: 3, universe: 60, hostile: true, checkEvery: 1},
		{name: "hostile, 64 shards", shards: 64, steps: 300, maxRun: 60, positions: 1500, batches: 3, spaces: 3, universe: 60, hostile: true, checkEvery: 1},
		{name: "hostile, 4096 shards", shards: 4096, steps: 100, maxRun: 60, positions: 1500, batches: 3, spaces: 3, universe: 60, hostile: true, checkEvery: 4},
		{name: "runs of one code, one batch", shards: 2, steps: 500, maxRun: 1, positions: 1000, batches: 1, spaces: 2, universe: 400, checkEvery: 2},
		{name: "many batches", shards: 4, steps: 350, maxRun: 20, positions: 1500, batches: 200, spaces: 5, universe: 200, checkEvery: 2},
		{name: "long runs", shards: 1, steps: 160, maxRun: 3000, positions: 8000, batches: 2, spaces: 2, universe: 4000, checkEvery: 4},
	} {
		t.Run(cfg.name, func(t *testing.T) {
			seed := seedOf(t)
			m := newModel(t, cfg, seed, rand.New(rand.NewPCG(seed, 0)))
			for step := range cfg.steps {
				m.step()
				if step%cfg.checkEvery == 0 || step == cfg.steps-1 {
					m.check(step)
				}
			}
		})
	}
}

// FuzzOps lets the fuzzer choose the random numbers of the model test.
func FuzzOps(f *testing.F) {
	for i := range 4 {
		seed := make([]byte, 256)
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		for j := range seed {
			seed[j] = byte(rng.Uint32())
		}
		f.Add(uint8(i), seed)
	}
	f.Fuzz(func(t *testing.T, shards uint8, data []byte) {
		cfg := config{shards: 1 << (shards % 5), maxRun: 30, positions: 400, batches: 2, spaces: 2,
			universe: 40, hostile: shards%2 == 1}
		src := &byteSource{data: data[:min(len(data), 4096)], after: rand.NewPCG(1, 1)}
		m := newModel(t, cfg, 1, rand.New(src))
		for step := 0; len(src.data) > 0; step++ {
			m.step()
			m.check(step)
		}
	})
}

// byteSource makes random numbers from bytes, two for one, and falls back to
// another source when these are used up.
type byteSource struct {
	data  []byte
	after rand.Source
}

func (b *byteSource) Uint64() uint64 {
	if len(b.data) < 2 {
		b.data = nil
		return b.after.Uint64()
	}
	v := uint64(b.data[0]) | uint64(b.data[1])<<8
	b.data = b.data[2:]
	return v * 0x9E3779B97F4A7C15
}

// in runs f on a locked shard; the lock is released even if f ends the test.
func (m *model) in(i int, f func(*shard.Shard)) {
	m.t.Helper()
	s := m.p.Lock(i)
	if s == nil {
		m.fatalf("shard %d is closed", i)
	}
	defer s.Unlock()
	f(s)
}

func (m *model) fatalf(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s: %s", m.trace, fmt.Sprintf(format, args...))
}

// check compares all of the pool with all of the model.
func (m *model) check(step int) {
	m.t.Helper()
	if err := m.p.CheckInvariants(); err != nil {
		m.fatalf("step %d: %v", step, err)
	}
	for id, at := range m.live {
		m.checkFound(&at.run.codes[at.ord], at)
		if identOf(&at.run.codes[at.ord]) != id {
			m.fatalf("the model is broken: %v", id)
		}
	}
	for range min(len(m.known), 100) {
		k := m.anyKnown()
		if _, ok := m.live[identOf(k)]; !ok {
			m.checkAbsent(k)
		}
	}
	m.checkCounts()
	m.checkRuns()
}

func (m *model) checkFound(k *shard.Key, at place) {
	m.t.Helper()
	s := m.p.Lock(m.p.Route(k.Hash))
	defer s.Unlock()
	pos, seg, ok := s.Find(k)
	switch {
	case !ok:
		m.fatalf("code %+v of run %d is not found", *k, at.run.id)
	case seg.Run != at.run.id || seg.Batch != at.run.batch || seg.Space != k.Space || seg.Ordinal(pos) != at.ord:
		m.fatalf("code %+v: found as %d of %+v, want %d of run %d", *k, seg.Ordinal(pos), *seg, at.ord, at.run.id)
	case s.State(pos) != at.run.states[at.ord]:
		m.fatalf("code %+v is %v, want %v", *k, s.State(pos), at.run.states[at.ord])
	case s.KeyAt(pos, seg) != *k:
		m.fatalf("code %+v reads back as %+v", *k, s.KeyAt(pos, seg))
	case seg.Position(at.ord) != pos || s.SegmentOf(at.run.id) != seg:
		m.fatalf("code %+v: position %d or segment differ by run and ordinal", *k, pos)
	}
	if word, text := s.WordAt(pos, []byte("x")); word != k.Word || string(text) != "x"+k.Wide {
		m.fatalf("code %+v reads back as %#x %q", *k, word, text)
	}
}

func (m *model) checkAbsent(k *shard.Key) {
	m.t.Helper()
	s := m.p.Lock(m.p.Route(k.Hash))
	defer s.Unlock()
	if pos, seg, ok := s.Find(k); ok {
		m.fatalf("code %+v is found at %d of %+v, %v", *k, pos, *seg, s.State(pos))
	}
}

// checkHashes compares the hashes of all codes and what batches hold by state.
func (m *model) checkHashes() {
	m.t.Helper()
	hashes := map[uint64]int{}
	for _, at := range m.live {
		if !at.run.computed {
			hashes[at.run.codes[at.ord].Hash]++
		}
	}
	want, got := make([][shard.NumStates]int64, m.cfg.batches+2), make([][shard.NumStates]int64, m.cfg.batches+2)
	for _, r := range m.runs[1:] {
		for _, st := range r.states {
			if r.status == active {
				want[r.batch][st]++
			}
		}
	}
	for i := range m.cfg.shards {
		m.in(i, func(s *shard.Shard) {
			s.EachHash(func(hash uint64) {
				if hashes[hash]--; hashes[hash] < 0 || m.p.Route(hash) != i {
					m.fatalf("shard %d has a code with hash %#x", i, hash)
				}
			})
			for b := range got {
				s.CountBatch(uint32(b), &got[b])
			}
		})
	}
	for hash, n := range hashes {
		if n != 0 {
			m.fatalf("%d codes with hash %#x are missing", n, hash)
		}
	}
	for b := range got {
		if got[b] != want[b] {
			m.fatalf("batch %d: %v, want %v", b, got[b], want[b])
		}
	}
}

// checkCounts compares counts by segment and stocks by batch.
func (m *model) checkCounts() {
	m.t.Helper()
	type part struct {
		run   uint32
		shard int
	}
	want := map[part]*[shard.NumStates]uint32{}
	stock := make([][]int32, m.cfg.batches+2)
	for b := range stock {
		stock[b] = make([]int32, m.cfg.shards)
	}
	for _, r := range m.runs[1:] {
		if r.status == abandoned {
			continue
		}
		for ord := range r.codes {
			at := part{r.id, m.p.Route(r.codes[ord].Hash)}
			if want[at] == nil {
				want[at] = new([shard.NumStates]uint32)
			}
			want[at][r.states[ord]]++
			if r.states[ord] == shard.Available {
				stock[r.batch][at.shard]++
			}
		}
	}
	for i := range m.cfg.shards {
		m.in(i, func(s *shard.Shard) {
			s.Segments(func(g *shard.Segment) bool {
				if s.SegmentOf(g.Run) != g { // abandoned
					return true
				}
				at := part{g.Run, i}
				if want[at] == nil || *want[at] != g.Counts {
					m.fatalf("run %d in shard %d: counts %v, want %v", g.Run, i, g.Counts, want[at])
				}
				delete(want, at)
				return true
			})
		})
	}
	for at := range want {
		m.fatalf("run %d has no segment in shard %d", at.run, at.shard)
	}
	m.checkHashes()
	for b := range stock {
		sum := int64(0)
		got := m.p.AvailableByShard(uint32(b), nil)
		for i, n := range stock[b] {
			sum += int64(n)
			if got[i] != n {
				m.fatalf("batch %d: stock of shard %d is %d, want %d", b, i, got[i], n)
			}
		}
		if n := m.p.Available(uint32(b)); n != sum {
			m.fatalf("batch %d: stock %d, want %d", b, n, sum)
		}
	}
}

// checkRuns compares where the ordinals of runs are.
func (m *model) checkRuns() {
	m.t.Helper()
	for _, r := range m.runs[1:] {
		if r.status != active {
			if m.p.Run(r.id) != nil {
				m.fatalf("run %d is known, but not active", r.id)
			}
			continue
		}
		got := m.p.Run(r.id)
		if got != r.r || got.Len() != len(r.codes) || got.ShardOf(uint32(len(r.codes))) != -1 || got.ShardOf(1<<32-1) != -1 {
			m.fatalf("run %d: %+v, want %d codes", r.id, got, len(r.codes))
		}
		for ord := range r.codes {
			sh := m.p.Route(r.codes[ord].Hash)
			first, end := got.Range(sh)
			if got.ShardOf(uint32(ord)) != sh || uint32(ord) < first || uint32(ord) >= end {
				m.fatalf("run %d, ordinal %d: shard %d, its range [%d,%d), want shard %d", r.id, ord, got.ShardOf(uint32(ord)), first, end, sh)
			}
		}
	}
}
