package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"codepool/store"
	"codepool/store/storetest"
)

// Close while a thousand callers wait: all return, with a receipt that holds or
// with ErrClosed.
func TestCloseWithWaitingCallers(t *testing.T) {
	const callers = 1000
	dir := t.TempDir()
	s := open(t, dir, weak())
	codes := issued(t, s, "b", 4*callers)
	var got [callers][]store.Receipt
	var wg sync.WaitGroup
	var begun atomic.Int32
	enough := make(chan struct{})
	for c := range callers {
		wg.Go(func() {
			for i := range 4 {
				rec, err := s.Redeem(context.Background(), store.Redemption{Code: codes[4*c+i]})
				if begun.Add(1) == callers/2 {
					close(enough)
				}
				if err == nil {
					got[c] = append(got[c], rec)
				} else if !errors.Is(err, store.ErrClosed) {
					t.Errorf("caller %d: %v, want a receipt or ErrClosed", c, err)
				}
			}
		})
	}
	<-enough
	mustClose(t, s)
	wg.Wait()
	mustClose(t, s) // once more is harmless
	s = storetest.OpenAt(t, dir, weak())
	n := 0
	for c := range got {
		for _, want := range got[c] {
			n++
			info, err := s.Lookup(t.Context(), "", want.Code)
			if err != nil || info.Receipt == nil || !sameReceipt(*info.Receipt, want) {
				t.Fatalf("after reopening %s is %+v, %v; its receipt was %+v", want.Code, info, err, want)
			}
		}
	}
	if m := len(receipts(t, s, 0)); m != n {
		t.Errorf("%d receipts are in the ledger, %d were given", m, n)
	}
}

func TestCloseConcurrently(t *testing.T) {
	s := storetest.Open(t)
	issued(t, s, "b", 10)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { mustClose(t, s) })
	}
	wg.Wait()
}

// Close while every other verb is at work, again and again: each call ends with an
// answer or ErrClosed, and nothing touches what Close has released.
func TestCloseBesideEverything(t *testing.T) {
	for name, call := range map[string]func(s *store.Store, codes []string, i int) error{
		"redeem": func(s *store.Store, c []string, i int) error {
			_, err := s.Redeem(context.Background(), store.Redemption{Code: c[i%len(c)], Key: fmt.Sprint(i % len(c))})
			return err
		},
		"all": func(s *store.Store, c []string, i int) error {
			return s.RedeemAll(context.Background(), redemptions(c[:20], ""))[i%20].Err
		},
		"issue": func(s *store.Store, _ []string, i int) error {
			_, err := s.Issue(context.Background(), 2, 1, store.To("x").Once(fmt.Sprint(i)))
			return err
		},
		"mint": func(s *store.Store, _ []string, i int) error {
			_, err := s.Mint(context.Background(), store.Batch{Count: 20})
			return err
		},
		"import": func(s *store.Store, _ []string, i int) error {
			_, err := s.Import(context.Background(), store.Batch{Name: "i"}, strings.NewReader(fmt.Sprint("A", i)), store.ImportOptions{})
			return err
		},
		"check": func(s *store.Store, c []string, i int) error {
			return s.Check(context.Background(), store.Redemption{Code: c[i%len(c)]})
		},
		"lookup": func(s *store.Store, c []string, i int) error {
			_, err := s.Lookup(context.Background(), "", c[i%len(c)])
			return err
		},
		"verify": func(s *store.Store, _ []string, _ int) error {
			rep, err := s.Verify(context.Background())
			return errors.Join(err, problems(rep))
		},
		"backup": func(s *store.Store, _ []string, _ int) error {
			_, err := s.Backup(context.Background(), io.Discard)
			return err
		},
		"ckpt":  func(s *store.Store, _ []string, _ int) error { return s.Checkpoint(context.Background()) },
		"stats": func(s *store.Store, _ []string, _ int) error { s.Stats(); s.Batches(); return nil },
		"receipts": func(s *store.Store, _ []string, _ int) (last error) {
			for _, err := range s.Receipts(context.Background(), 0) {
				last = err
			}
			return last
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range fewer(12, 4) {
				dir := t.TempDir()
				s := open(t, dir, busy())
				codes := issued(t, s, "b", 200)
				mint(t, s, store.Batch{Name: "stock", Count: 1000})
				s.RedeemAll(t.Context(), redemptions(codes[:100], "u"))
				var wg sync.WaitGroup
				var calls atomic.Int32
				going := make(chan struct{})
				started := sync.OnceFunc(func() { close(going) })
				for w := range 4 {
					wg.Go(func() {
						defer started() // also if it fails at once
						for i := w; i < 1000; i += 4 {
							err := call(s, codes, i)
							if calls.Add(1) == 20 {
								started()
							}
							switch {
							case errors.Is(err, store.ErrClosed):
								return
							case err == nil, errors.Is(err, store.ErrAlreadyRedeemed), errors.Is(err, store.ErrEmpty):
							default:
								t.Errorf("%s beside Close: %v", name, err)
								return
							}
						}
					})
				}
				<-going
				mustClose(t, s)
				wg.Wait()
				storetest.OpenAt(t, dir, busy())
			}
		})
	}
}

func problems(rep store.VerifyReport) error {
	if rep.OK() {
		return nil
	}
	return errors.New(strings.Join(rep.Problems, "; "))
}
