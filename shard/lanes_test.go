package shard

import "testing"

// TestBelow asks for numbers below 3/4 of 2^32: without rejection every third
// would come twice as often as the others.
func TestBelow(t *testing.T) {
	p, err := New(1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Seed(1)
	s := &p.shards[0]
	const n, draws = 3 << 30, 30_000
	var by [3]int
	for range draws {
		v := s.below(n)
		if v >= n {
			t.Fatalf("%d is not below %d", v, uint32(n))
		}
		by[v%3]++
	}
	for r, got := range by {
		if got < draws/3-400 || got > draws/3+400 { // five standard deviations
			t.Errorf("remainder %d: %d of %d draws", r, got, draws)
		}
	}
	for n := range uint32(5) {
		seen := make([]bool, n+1)
		for range 200 {
			seen[s.below(n+1)] = true
		}
		for v, ok := range seen {
			if !ok {
				t.Errorf("%d never came below %d", v, n+1)
			}
		}
	}
}

// TestAvailableLanes compares the lane arithmetic with a loop.
func TestAvailableLanes(t *testing.T) {
	p, err := New(1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Seed(2)
	s := &p.shards[0]
	for range 2000 {
		w := s.rng.Uint64()
		if s.rng.Uint64()%2 == 0 { // states of codes, many available
			w &= 0x3333_3333_3333_3333
		}
		lo := uint(s.rng.Uint64() % lanes)
		hi := lo + 1 + uint(s.rng.Uint64()%uint64(lanes-lo))
		var want []uint
		for l := lo; l < hi; l++ {
			if State(w>>(l*4)&15) == Available {
				want = append(want, l)
			}
		}
		z := availableLanes(w) & laneMask(lo, hi)
		for r, l := range want {
			if got := selectLane(z, r); got != l {
				t.Fatalf("word %#x, lanes [%d,%d): number %d is in lane %d, want %d", w, lo, hi, r, got, l)
			}
			z2 := z
			for range r + 1 {
				z2 &= z2 - 1
			}
			if (z2 == 0) != (r == len(want)-1) {
				t.Fatalf("word %#x, lanes [%d,%d): more or fewer than %d lanes", w, lo, hi, len(want))
			}
		}
		if len(want) == 0 && z != 0 {
			t.Fatalf("word %#x, lanes [%d,%d): %#x, want none", w, lo, hi, z)
		}
	}
}

func TestFillStates(t *testing.T) {
	for _, c := range []struct{ pos, n uint32 }{{0, 0}, {0, 1}, {0, 16}, {3, 4}, {3, 13}, {3, 14}, {15, 1}, {15, 34}, {16, 32}, {5, 70}} {
		s := &Shard{}
		s.states.grow(0, 8, true)
		for i := range s.states.v {
			s.states.v[i] = laneOnes * uint64(Redeemed)
		}
		s.fillStates(c.pos, c.n, Pending)
		for pos := range uint32(8 * lanes) {
			want := Redeemed
			if pos >= c.pos && pos < c.pos+c.n {
				want = Pending
			}
			if got := s.stateAt(pos); got != want {
				t.Errorf("fill %d from %d: position %d is %v, want %v", c.n, c.pos, pos, got, want)
			}
		}
	}
}
