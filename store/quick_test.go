package store_test

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"codepool/store"
)

func TestQuick(t *testing.T) {
	mode := os.Getenv("Q")
	if mode == "" {
		t.Skip()
	}
	ctx := context.Background()
	s, err := store.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 2_000_000
	b, err := s.Mint(ctx, store.Batch{Name: "launch", Count: int64(n), Reward: "x"})
	if err != nil {
		t.Fatal(err)
	}
	var rs []store.Redemption
	if mode != "issue" {
		for range n / 100000 {
			c, err := s.Issue(ctx, b.ID, 100000, store.To("x"))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range c {
				rs = append(rs, store.Redemption{Code: c, User: "player-1"})
			}
		}
	}
	f, _ := os.Create("/tmp/q/" + mode + ".prof")
	pprof.StartCPUProfile(f)
	st := time.Now()
	var wg sync.WaitGroup
	switch mode {
	case "issue":
		for w := range 4 {
			wg.Go(func() {
				for i := range n / 4000 {
					if _, err := s.Issue(ctx, b.ID, 1000, store.To(fmt.Sprint("o", w, i))); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	case "all":
		for w := range 4 {
			wg.Go(func() {
				for i := w * 1000; i < n; i += 4000 {
					for _, r := range s.RedeemAll(ctx, rs[i:i+1000]) {
						if r.Err != nil {
							t.Error(r.Err)
							return
						}
					}
				}
			})
		}
	case "one":
		for w := range 8192 {
			wg.Go(func() {
				for i := w; i < n; i += 8192 {
					if _, err := s.Redeem(ctx, rs[i]); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	case "func":
		sem := make(chan struct{}, 16384)
		for w := range 4 {
			wg.Go(func() {
				for i := w; i < n; i += 4 {
					sem <- struct{}{}
					s.RedeemFunc(ctx, rs[i], func(r store.Receipt, err error) { <-sem })
				}
			})
		}
	case "single":
		n = 10000
		for i := range n {
			s.Redeem(ctx, rs[i])
		}
	}
	wg.Wait()
	d := time.Since(st)
	pprof.StopCPUProfile()
	f.Close()
	t.Logf("%s %v %.2f M/s %.1f us/op", mode, d, float64(n)/d.Seconds()/1e6, float64(d.Microseconds())/float64(n))
	s.Close()
}
