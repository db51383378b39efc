package store

import (
	"encoding/binary"
	"maps"
	"slices"
	"sort"

	"codepool/shard"
	"codepool/store/internal/journal"
)

// The registry is what is left of batches that were retired: their codes and last states
// stay in their pages on disk, for ever, and pass the gate like any other. Memory keeps
// the first hash of each page, a byte for a thousand codes. Since pages are in hash order
// a code is found with one read of a page in each retired run of its namespace, and only
// requests that pass the gate and find nothing in memory ask for that.
//
// A registry never changes: another one takes its place (Store.retired).
type registry struct {
	runs   map[uint32]*retiredRun
	spaces map[uint32][]*retiredRun // by namespace
}

// retiredRun is a run that is only on disk.
type retiredRun struct {
	runHeader
	space  uint32
	firsts []uint64                    // hash of the first code of each page
	text   func(ordinal uint32) string // of a signed batch, which has no pages
}

// retiredCode is a code of a retired run.
type retiredCode struct {
	drawnCode
	key   shard.Key
	state shard.State
}

// with returns a registry that has further runs.
func (r *registry) with(more []*retiredRun) *registry {
	out := &registry{runs: map[uint32]*retiredRun{}, spaces: map[uint32][]*retiredRun{}}
	if r != nil {
		for _, run := range r.runs {
			more = append(more, run)
		}
	}
	slices.SortFunc(more, func(x, y *retiredRun) int { return int(x.ID) - int(y.ID) })
	for _, run := range more {
		if out.runs[run.ID] == nil {
			out.runs[run.ID] = run
			out.spaces[run.space] = append(out.spaces[run.space], run)
		}
	}
	return out
}

// addRetired puts runs into the registry.
func (s *Store) addRetired(more ...*retiredRun) {
	for {
		old := s.retired.Load()
		if s.retired.CompareAndSwap(old, old.with(slices.Clone(more))) {
			return
		}
	}
}

// retiredRun returns a run that is only on disk, nil if it is not.
func (s *Store) retiredRun(id uint32) *retiredRun {
	if r := s.retired.Load(); r != nil {
		return r.runs[id]
	}
	return nil
}

// mayBeRetired reports whether a code that is not in memory can be one of a retired batch.
func (s *Store) mayBeRetired(k *shard.Key) bool {
	return s.retiredIn(k.Space) && (k.Computed() || s.gate.mayHold(k.Hash))
}

// findRetired looks for a code in the registry; nil if it is not there.
func (s *Store) findRetired(k *shard.Key) (found *retiredCode, err error) {
	if !s.mayBeRetired(k) {
		return nil, nil
	}
	return s.readRetired(*k) // a copy: else the keys of every request would be on the heap
}

// readRetired is findRetired where the disk must be asked.
func (s *Store) readRetired(k shard.Key) (found *retiredCode, err error) {
	err = s.eng.View(func(v journal.Reader) error {
		for _, run := range s.retired.Load().spaces[k.Space] {
			ordinal, ok, err := (&retiredPages{run: run, v: v}).find(&k)
			if err != nil {
				return err
			}
			if ok {
				found = &retiredCode{drawnCode{run.ID, ordinal}, k, 0}
				found.state, err = run.stateOf(v, ordinal)
				return err
			}
		}
		return nil
	})
	return found, err
}

// retiredAt returns a code of a retired run by its place; nil if there is none.
func (s *Store) retiredAt(code drawnCode) (found *retiredCode, err error) {
	run := s.retiredRun(code.run)
	if run == nil || code.ordinal >= run.Count {
		return nil, nil
	}
	err = s.eng.View(func(v journal.Reader) error {
		k, err := (&retiredPages{run: run, v: v}).at(code.ordinal)
		if err != nil {
			return err
		}
		found = &retiredCode{code, k, 0}
		found.state, err = run.stateOf(v, code.ordinal)
		return err
	})
	return found, err
}

// stateOf reads the last state of a code.
func (r *retiredRun) stateOf(v journal.Reader, ordinal uint32) (shard.State, error) {
	key := key2(keyStates, r.ID, ordinal/statePage)
	value, err := v.Get(key)
	if err != nil || value == nil {
		return r.Initial, err
	}
	_, _, states, err := decodeStatePage(key, value)
	if err != nil {
		return 0, err
	}
	at := ordinal % statePage
	if int(at/2) >= len(states) {
		return 0, corrupt(key, "page does not fit its run")
	}
	return get4(states, at), nil
}

// retiredPages reads pages of a retired run in one view of the engine, and keeps the last
// one: who asks in the order of hashes reads each once. Packed codes are read where they
// stand, as a request wants one of thousands.
type retiredPages struct {
	run  *retiredRun
	v    journal.Reader
	page int
	body []byte      // of a page of packed codes
	keys []shard.Key // of a mixed one
}

// load reads a page.
func (p *retiredPages) load(page int) error {
	if p.page == page && (p.body != nil || p.keys != nil) {
		return nil
	}
	p.page, p.body, p.keys = page, nil, nil
	if p.run.Mixed {
		c := runCodes{}
		_, err := c.readPage(p.v, p.run.runHeader, uint32(page), p.run.space)
		p.keys = c.keys
		return err
	}
	key, body, _, err := getCodes(p.v, p.run.ID, uint32(page))
	if err == nil && len(body) != 8*p.run.pageLen(uint32(page)) {
		err = corrupt(key, "page has another length")
	}
	if err == nil {
		p.body = body
	}
	return err
}

func (p *retiredPages) len() int { return max(len(p.body)/8, len(p.keys)) }

// key returns a code of the page.
func (p *retiredPages) key(i int) shard.Key {
	if p.keys != nil {
		return p.keys[i]
	}
	return shard.PackedKey(p.run.space, binary.LittleEndian.Uint64(p.body[8*i:]))
}

// find looks for a code in the pages in which its hash can be.
func (p *retiredPages) find(k *shard.Key) (ordinal uint32, ok bool, err error) {
	if k.Computed() || p.run.text != nil {
		run, ordinal := k.Place()
		return ordinal, k.Computed() && run == p.run.ID && ordinal < p.run.Count, nil
	}
	firsts := p.run.firsts
	// The page before the first one that begins at the hash may end with it.
	page := max(sort.Search(len(firsts), func(i int) bool { return firsts[i] >= k.Hash })-1, 0)
	for ; page < len(firsts) && firsts[page] <= k.Hash; page++ {
		if err := p.load(page); err != nil {
			return 0, false, err
		}
		for i := sort.Search(p.len(), func(i int) bool { return p.key(i).Hash >= k.Hash }); i < p.len(); i++ {
			if found := p.key(i); found == *k {
				return uint32(page*pageCodes + i), true, nil
			} else if found.Hash != k.Hash {
				break
			}
		}
	}
	return 0, false, nil
}

// at returns the code of an ordinal.
func (p *retiredPages) at(ordinal uint32) (shard.Key, error) {
	if p.run.text != nil {
		k := shard.ComputedKey(p.run.space, p.run.ID, p.run.Count, ordinal)
		k.Wide = p.run.text(ordinal)
		return k, nil
	}
	if err := p.load(int(ordinal / pageCodes)); err != nil {
		return shard.Key{}, err
	}
	return p.key(int(ordinal % pageCodes)), nil
}

// retiredHashes calls f with the hashes of all codes of retired runs that fall to a shard.
// It reports whether all could be read.
func (s *Store) retiredHashes(index int, f func(uint64)) bool {
	r := s.retired.Load()
	if r == nil {
		return true
	}
	err := s.eng.View(func(v journal.Reader) error {
		for _, run := range r.runs {
			pages := retiredPages{run: run, v: v}
			for page, first := range run.firsts {
				if s.pool.Route(first) > index || page+1 < len(run.firsts) && s.pool.Route(run.firsts[page+1]) < index {
					continue
				}
				if err := pages.load(page); err != nil {
					return err
				}
				for i := range pages.len() {
					if h := pages.key(i).Hash; s.pool.Route(h) == index {
						f(h)
					}
				}
			}
		}
		return nil
	})
	return err == nil
}

// withoutRetired takes out of keys, in hash order, those of retired batches.
func (s *Store) withoutRetired(space uint32, keys []shard.Key) (left []shard.Key, err error) {
	r := s.retired.Load()
	if r == nil || len(r.spaces[space]) == 0 {
		return keys, nil
	}
	err = s.eng.View(func(v journal.Reader) error {
		var all []retiredPages
		for _, run := range r.spaces[space] {
			all = append(all, retiredPages{run: run, v: v})
		}
		left = keys[:0]
		for i := range keys {
			known := false
			for j := range all {
				if known || !s.gate.mayHold(keys[i].Hash) {
					break
				}
				var err error
				if _, known, err = all[j].find(&keys[i]); err != nil {
					return err
				}
			}
			if !known {
				left = append(left, keys[i])
			}
		}
		return nil
	})
	return left, err
}

// retiredIn reports whether a namespace has codes of retired batches. Then a code that is made
// is new only if the gate says "no" of it.
func (s *Store) retiredIn(space uint32) bool {
	r := s.retired.Load()
	return r != nil && len(r.spaces[space]) > 0
}

// loadRetired reads a run of a batch that is retired into the registry and the gate, and
// counts its codes.
func (s *Store) loadRetired(h runHeader, room int) error {
	b := s.batch(h.Batch)
	run := &retiredRun{runHeader: h, space: b.space.id}
	return s.eng.View(func(v journal.Reader) error {
		if h.Computed {
			return s.loadRetiredSigned(v, run, b)
		}
		codes, err := readPages(v, h, run.space)
		if err != nil {
			return err
		}
		hashes := codes.hashes
		for i := range codes.keys {
			hashes = append(hashes, codes.keys[i].Hash)
		}
		for o := 0; o < len(hashes); o += pageCodes {
			run.firsts = append(run.firsts, hashes[o])
		}
		states, pages, err := readStates(v, h)
		if err != nil {
			return err
		}
		s.addRetired(run)
		s.admitHashes(hashes, room)
		s.mu.Lock()
		defer s.mu.Unlock()
		maps.Copy(s.statePages, pages)
		n := b.kept.Load()
		if n == nil {
			n = new([shard.NumStates]int64)
			b.kept.Store(n)
		}
		if states == nil {
			n[h.Initial] += int64(h.Count)
		}
		for o := range uint32(2 * len(states)) {
			if o < h.Count {
				n[get4(states, o)]++
			}
		}
		return nil
	})
}
