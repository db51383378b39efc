package store

import (
	"strings"
	"testing"

	"codepool/shard"
)

// A record that sets a code back to a live state never wins against its redemption,
// in whatever order they come (I4).
func TestRedeemedBeatsLive(t *testing.T) {
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Mint(t.Context(), Batch{Name: "b", Count: 2, FromStock: true}); err != nil {
		t.Fatal(err)
	}
	const run = 1
	for _, step := range []struct {
		kind      byte
		set, want shard.State
	}{
		{recOver, shard.Available, shard.Available}, {recIssue, shard.Issued, shard.Issued}, {recOver, shard.Available, shard.Issued},
		{recRedeem, shard.Redeemed, shard.Redeemed}, {recIssue, shard.Issued, shard.Redeemed}, {recRelease, shard.Available, shard.Redeemed},
		{recUndo, shard.Issued, shard.Issued}, {recLease, shard.Leased, shard.Leased}, {recAcknowledge, shard.Issued, shard.Issued},
	} {
		if !s.setState(&record{kind: step.kind}, run, 0, step.set) {
			t.Fatal("the code does not exist")
		}
		r := s.pool.Run(run)
		sh := s.pool.Lock(r.ShardOf(0))
		got := sh.State(sh.SegmentOf(run).Position(0))
		sh.Unlock()
		if got != step.want {
			t.Errorf("set %v: it is %v, want %v", step.set, got, step.want)
		}
	}
	if s.setState(&record{kind: recRedeem}, run, 2, shard.Redeemed) || s.setState(&record{kind: recRedeem}, 99, 0, shard.Redeemed) {
		t.Error("a code that does not exist was set")
	}
}

// Memory that has gone wrong is found by Verify: a state nobody journaled, and a
// gate that refuses codes that exist (I6, I7).
func TestVerifyFindsWrongMemory(t *testing.T) {
	for name, spoil := range map[string]func(*Store){
		"state": func(s *Store) {
			r := s.pool.Run(1)
			sh := s.pool.Lock(r.ShardOf(0))
			seg := sh.SegmentOf(1)
			sh.Move(seg, seg.Position(0), shard.Available, shard.Issued)
			sh.Unlock()
		},
		"gate": func(s *Store) {
			for i := range s.gate.shards {
				s.gate.shards[i].filter.Store(newFilter(0))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := s.Mint(t.Context(), Batch{Name: "b", Count: 100}); err != nil {
				t.Fatal(err)
			}
			if rep, err := s.Verify(t.Context()); err != nil || !rep.OK() {
				t.Fatalf("before: %v %v", rep.Problems, err)
			}
			spoil(s)
			rep, err := s.Verify(t.Context())
			if err != nil || rep.OK() {
				t.Errorf("Verify finds nothing: %+v, %v", rep, err)
			}
			for _, p := range rep.Problems {
				if name == "state" && !strings.HasPrefix(p, "memory: ") && !strings.HasPrefix(p, "state page: ") || name == "gate" && !strings.HasPrefix(p, "gate: ") {
					t.Errorf("a problem of something else: %s", p)
				}
			}
			if name == "state" && !rep.OK() && !strings.HasPrefix(rep.Problems[0], "memory: ") {
				t.Errorf("problems %q", rep.Problems)
			}
		})
	}
}
