package shard_test

import (
	"cmp"
	"fmt"
	"slices"

	"codepool/shard"
)

// Codes are added in the order of their hashes, drawn at random and burned once.
func Example() {
	pool, err := shard.New(4)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()

	// Run 1 of batch 1: three codes of namespace 0, packed by package gen.
	keys := []shard.Key{shard.PackedKey(0, 1001), shard.PackedKey(0, 1002), shard.PackedKey(0, 1003)}
	slices.SortFunc(keys, func(a, b shard.Key) int { return cmp.Compare(a.Hash, b.Hash) })
	run := pool.NewRun(1, 1, 0)
	n, err := run.AddKeys(keys)
	fmt.Println("added", n, err)
	run.Activate(shard.Available, nil)

	// Issue one of them.
	var issued shard.Key
	for i := range pool.Shards() {
		s := pool.Lock(i)
		if s == nil {
			return // closed
		}
		got := s.Draw(1, 1, shard.Issued, func(seg *shard.Segment, pos uint32) { issued = s.KeyAt(pos, seg) })
		s.Unlock()
		if got > 0 {
			break
		}
	}
	fmt.Println("left", pool.Available(1))

	// Redeem it, twice.
	for range 2 {
		s := pool.Lock(pool.Route(issued.Hash))
		pos, seg, ok := s.Find(&issued)
		fmt.Println("found", ok, s.State(pos), "redeemed", s.Move(seg, pos, shard.Issued, shard.Redeemed))
		s.Unlock()
	}
	// Output:
	// added 3 <nil>
	// left 2
	// found true issued redeemed true
	// found true redeemed redeemed false
}

// A run loaded from disk brings its states: two in a byte, low half first.
func ExampleRun_Activate() {
	pool, err := shard.New(1)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()

	key := shard.WideKey(0, "SUMMER-FESTIVAL-2026")
	run := pool.NewRun(1, 1, 0)
	if _, err := run.AddKeys([]shard.Key{key}); err != nil {
		fmt.Println(err)
		return
	}
	run.Activate(shard.Available, []byte{byte(shard.Redeemed)})

	s := pool.Lock(pool.Route(key.Hash))
	defer s.Unlock()
	pos, _, ok := s.Find(&key)
	fmt.Println(ok, s.State(pos), pool.Available(1))
	// Output: true redeemed 0
}

// The codes of a computed run are made from their ordinals when somebody asks for them.
func ExamplePool_NewComputedRun() {
	pool, err := shard.New(4)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()

	const codes = 1_000_000
	run, err := pool.NewComputedRun(1, 1, 0, codes, func(ordinal uint32) string { return fmt.Sprintf("SPRING-%07d", ordinal) })
	if err != nil {
		fmt.Println(err)
		return
	}
	run.Activate(shard.Issued, nil)

	// Whoever reads ordinal 4711 out of a code looks for it like this.
	key := shard.ComputedKey(0, 1, codes, 4711)
	s := pool.Lock(pool.Route(key.Hash))
	defer s.Unlock()
	pos, seg, ok := s.Find(&key)
	fmt.Println(ok, s.KeyAt(pos, seg).Wide, "redeemed", s.Move(seg, pos, shard.Issued, shard.Redeemed))
	// Output: true SPRING-0004711 redeemed true
}
