package shard_test

import (
	"math/rand/v2"
	"testing"

	"codepool/shard"
)

// randomKeys returns n different packed codes in the order of their hashes; the
// same seed gives the same codes.
func randomKeys(space uint32, n int, seed uint64) []shard.Key {
	rng := rand.New(rand.NewPCG(seed, uint64(space)))
	keys := make([]shard.Key, n)
	for i := range keys {
		keys[i] = shard.PackedKey(space, rng.Uint64()>>4) // 60 bits: no two equal in practice, and addRun checks
	}
	shard.SortKeys(keys)
	return keys
}

func split(keys []shard.Key) (hashes, words []uint64) {
	hashes, words = make([]uint64, len(keys)), make([]uint64, len(keys))
	for i := range keys {
		hashes[i], words[i] = keys[i].Hash, keys[i].Word
	}
	return hashes, words
}

// addRun adds packed codes as one run and makes them live.
func addRun(t testing.TB, p *shard.Pool, id, batch uint32, keys []shard.Key, st shard.State) *shard.Run {
	t.Helper()
	space := uint32(0)
	if len(keys) > 0 {
		space = keys[0].Space
	}
	r := p.NewRun(id, batch, space)
	hashes, words := split(keys)
	if n, err := r.AddPacked(hashes, words); err != nil || n != len(keys) {
		t.Fatalf("run %d: added %d of %d, error %v", id, n, len(keys), err)
	}
	if !r.Activate(st, nil) {
		t.Fatalf("run %d: not activated", id)
	}
	return r
}

// stateOf returns the state of a code, Void if it is not found.
func stateOf(t testing.TB, p *shard.Pool, k *shard.Key) (st shard.State) {
	t.Helper()
	in(t, p, p.Route(k.Hash), func(s *shard.Shard) {
		if pos, _, ok := s.Find(k); ok {
			st = s.State(pos)
		}
	})
	return st
}

// move changes a code's state if it is as expected; false if not, or not found.
func move(t testing.TB, p *shard.Pool, k *shard.Key, from, to shard.State) (moved bool) {
	t.Helper()
	in(t, p, p.Route(k.Hash), func(s *shard.Shard) {
		if pos, seg, ok := s.Find(k); ok {
			moved = s.Move(seg, pos, from, to)
		}
	})
	return moved
}

// in runs f on a locked shard; the lock is released even if f ends the test.
func in(t testing.TB, p *shard.Pool, i int, f func(*shard.Shard)) {
	t.Helper()
	s := p.Lock(i)
	if s == nil {
		t.Fatalf("shard %d is closed", i)
	}
	defer s.Unlock()
	f(s)
}

func checkInvariants(t testing.TB, p *shard.Pool) {
	t.Helper()
	if err := p.CheckInvariants(); err != nil {
		t.Fatal(err)
	}
}
