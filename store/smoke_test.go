package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"codepool/store"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s, err := store.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 1_000_000
	st := time.Now()
	b, err := s.Mint(ctx, store.Batch{Name: "launch", Count: int64(n), Reward: "x"})
	if err != nil {
		t.Fatal(err)
	}
	d := time.Since(st)
	t.Logf("mint %v %.2f M/s", d, float64(n)/d.Seconds()/1e6)
	st = time.Now()
	var mu sync.Mutex
	var codes []string
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range n / 4000 {
				c, err := s.Issue(ctx, b.ID, 1000, store.To(fmt.Sprint("o", w, i)))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				codes = append(codes, c...)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	d = time.Since(st)
	t.Logf("issue %v %.2f M/s", d, float64(n)/d.Seconds()/1e6)
	st = time.Now()
	half := n / 2
	var rs []store.Redemption
	for _, c := range codes {
		rs = append(rs, store.Redemption{Code: c, User: "player-1"})
	}
	st = time.Now()
	for w := range 4 {
		wg.Go(func() {
			for i := w * 1000; i < half; i += 4000 {
				for _, r := range s.RedeemAll(ctx, rs[i:i+1000]) {
					if r.Err != nil {
						t.Error(r.Err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	d = time.Since(st)
	t.Logf("redeemall %v %.2f M/s", d, float64(half)/d.Seconds()/1e6)
	st = time.Now()
	q := n / 4
	for w := range 8192 {
		wg.Go(func() {
			for i := half + w; i < half+q; i += 8192 {
				if _, err := s.Redeem(ctx, rs[i]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	d = time.Since(st)
	t.Logf("redeem 8192 %v %.2f M/s", d, float64(q)/d.Seconds()/1e6)
	st = time.Now()
	sem := make(chan struct{}, 16384)
	for w := range 4 {
		wg.Go(func() {
			for i := half + q + w; i < n-1000; i += 4 {
				sem <- struct{}{}
				s.RedeemFunc(ctx, rs[i], func(r store.Receipt, err error) {
					if err != nil {
						t.Error(err)
					}
					<-sem
				})
			}
		})
	}
	wg.Wait()
	for range cap(sem) {
		sem <- struct{}{}
	}
	d = time.Since(st)
	t.Logf("redeemfunc %v %.2f M/s", d, float64(q)/d.Seconds()/1e6)
	st = time.Now()
	for i := n - 1000; i < n; i++ {
		if _, err := s.Redeem(ctx, rs[i]); err != nil {
			t.Error(err)
			return
		}
	}
	d = time.Since(st)
	t.Logf("single %v", d/1000)
	if _, err := s.Redeem(ctx, rs[5]); !errors.Is(err, store.ErrAlreadyRedeemed) {
		t.Error(err)
	}
	info, err := s.Lookup(ctx, "", codes[5])
	t.Logf("%+v %v %+v", info, err, info.Receipt)
	st = time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Log("close", time.Since(st))
	st = time.Now()
	s, err = store.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("open", time.Since(st))
	t.Logf("%+v", s.Stats())
	if _, err := s.Redeem(ctx, rs[5]); !errors.Is(err, store.ErrAlreadyRedeemed) {
		t.Error(err)
	}
	info, err = s.Lookup(ctx, "", codes[5])
	t.Logf("%+v %v %+v", info, err, info.Receipt)
	st = time.Now()
	rep, err := s.Verify(ctx)
	t.Log("verify", time.Since(st), rep, err)
	var buf bytes.Buffer
	st = time.Now()
	m, err := s.Backup(ctx, &buf)
	t.Log("backup", time.Since(st), m, err, buf.Len())
	s.Close()
	st = time.Now()
	dir2 := t.TempDir()
	m, err = store.Restore(ctx, dir2, &buf)
	t.Log("restore", time.Since(st), m, err)
	s, err = store.Open(dir2, nil)
	rep, err = s.Verify(ctx)
	t.Log("verify", time.Since(st), rep, err)
	s.Close()
}
