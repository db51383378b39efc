package store

import (
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
	for _, step := range []struct{ set, want shard.State }{
		{shard.Issued, shard.Issued}, {shard.Redeemed, shard.Redeemed}, {shard.Issued, shard.Redeemed}, {shard.Available, shard.Redeemed},
	} {
		if !s.setState(run, 0, step.set) {
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
	if s.setState(run, 2, shard.Redeemed) || s.setState(99, 0, shard.Redeemed) {
		t.Error("a code that does not exist was set")
	}
}
