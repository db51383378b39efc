package store

import (
	"fmt"

	"codepool/gen"
)

// Batches returns all batches in the order of their numbers.
func (s *Store) Batches() []BatchInfo {
	s.endOvers() // what is over goes back first, here as everywhere
	var out []BatchInfo
	for _, b := range *s.batches.Load() {
		if b != nil {
			out = append(out, s.info(b))
		}
	}
	return out
}

// Batch returns a batch by number, or ErrUnknownBatch. Its counts are those of this
// moment; summing them visits every shard.
func (s *Store) Batch(id BatchID) (BatchInfo, error) {
	s.endOvers()
	b := s.batchByID(id)
	if b == nil {
		return BatchInfo{}, fmt.Errorf("%w: number %d", ErrUnknownBatch, id)
	}
	return s.info(b), nil
}

// BatchNamed returns a batch by name, or ErrUnknownBatch.
func (s *Store) BatchNamed(name string) (BatchInfo, error) {
	s.endOvers()
	s.mu.Lock()
	b := s.mu.byName[name]
	s.mu.Unlock()
	if b == nil {
		return BatchInfo{}, fmt.Errorf("%w: %q", ErrUnknownBatch, name)
	}
	return s.info(b), nil
}

func (s *Store) batchByID(id BatchID) *batch {
	if all := *s.batches.Load(); uint64(id) < uint64(len(all)) {
		return all[id]
	}
	return nil
}

func (s *Store) info(b *batch) BatchInfo {
	i := BatchInfo{Batch: b.Batch, Created: b.created, Imported: b.imported, Complete: b.complete.Load(), Counts: s.countsOf(b)}
	i.Count = b.target.Load()
	t := b.terms()
	i.NotBefore, i.NotAfter = t.window()
	i.Paused, i.Revoked, i.Retired = t.Paused, t.Revoked, t.Retired
	i.Risk = gen.GuessRisk(max(i.Count, 1), b.Format, s.opt.GuessesPerHour)
	return i
}
