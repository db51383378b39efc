package store

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// TestTokenIndex compares the index with a map, with hashes that meet, while others read it.
func TestTokenIndex(t *testing.T) {
	for _, bits := range []uint{0, 3, 64} { // of the hash that differ
		var x tokenIndex
		rng := rand.New(rand.NewPCG(uint64(bits), 1))
		want := map[string]*shared{}
		stop := make(chan struct{})
		var readers sync.WaitGroup
		stays := &shared{sharedDef: sharedDef{token: "stays"}}
		x.put(stays)
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if x.get(0, "", "", []byte("stays")) != stays {
					t.Error("it is not found while others come and go")
					return
				}
			}
		})
		for range 3000 {
			token := fmt.Sprint("t", rng.IntN(200))
			sh := want[token]
			hash := tokenHash("", "", token) >> (64 - max(bits, 1)) * uint64(min(bits, 1))
			if sh == nil {
				sh = &shared{hash: hash, sharedDef: sharedDef{token: token}}
				want[token] = sh
				x.put(sh)
			} else {
				delete(want, token)
				if !x.remove(sh) || x.remove(sh) {
					t.Fatalf("%s was there", token)
				}
				sh = nil
			}
			if got := x.get(hash, "", "", []byte(token)); got != sh {
				t.Fatalf("%s: %v, want %v", token, got, sh)
			}
			if x.get(hash, "", "a room", []byte(token)) != nil || x.get(hash, "a space", "", []byte(token)) != nil {
				t.Fatalf("%s is in a room", token)
			}
		}
		n := 0
		x.each(func(sh *shared) {
			if n++; sh != stays && want[sh.token] != sh {
				t.Errorf("%s is not to be there", sh.token)
			}
		})
		if n != len(want)+1 {
			t.Errorf("%d are there, want %d", n, len(want)+1)
		}
		close(stop)
		readers.Wait()
	}
	if tokenHash("a", "", "t") == tokenHash("", "a", "t") {
		t.Error("a room stands for a namespace")
	}
}
