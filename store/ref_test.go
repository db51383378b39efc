package store

import "testing"

// What was found out about a code's draw is of no use once a code of its shard has gone
// back to stock: it may be this one, and drawn for somebody else.
func TestTakeDrawnAfterReturn(t *testing.T) {
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := soon(t)
	b, err := s.Mint(ctx, Batch{Name: "b", Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	codes, err := s.Issue(ctx, b.ID, 1, To("mine"))
	if err != nil {
		t.Fatal(err)
	}
	code := drawnCode{1, 0}
	returns := []uint64{0}
	if has, err := s.stillHas(ctx, code, 2); !has || err != nil {
		t.Fatalf("%v, %v", has, err)
	}
	if _, err := s.Release(ctx, Change{Code: codes[0]}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Issue(ctx, b.ID, 1, To("yours")); err != nil {
		t.Fatal(err)
	}
	if v, _ := s.takeDrawn(steps[recRelease], code, returns, &Change{}, s.now()); !v.again {
		t.Errorf("another's code is taken: %+v", v)
	}
	if has, err := s.stillHas(ctx, code, 2); has || err != nil {
		t.Errorf("%v, %v", has, err)
	}
}
