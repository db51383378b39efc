package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"codepool/store"
	"codepool/store/storetest"
)

// busy are options under which checkpoints and merges of the index run all the time.
func busy() *store.Options {
	o := weak()
	o.CheckpointEvery = 50
	return o
}

func TestRedeemOnceConcurrently(t *testing.T) { // I1
	const n, callers = 400, 8
	s := storetest.Open(t, busy())
	codes := issued(t, s, "b", n)
	winners := make([]atomic.Int32, n)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			user := fmt.Sprint("u", c)
			note := func(i int, err error) {
				if err == nil {
					winners[i].Add(1)
				} else if !errors.Is(err, store.ErrAlreadyRedeemed) {
					t.Errorf("caller %d, code %d: %v", c, i, err)
				}
			}
			switch c % 3 {
			case 0:
				for i, code := range codes {
					_, err := s.Redeem(t.Context(), store.Redemption{Code: code, User: user})
					note(i, err)
				}
			case 1:
				for i, r := range s.RedeemAll(t.Context(), redemptions(codes, user)) {
					note(i, r.Err)
				}
			default:
				var all sync.WaitGroup
				all.Add(n)
				for i, code := range codes {
					s.RedeemFunc(t.Context(), store.Redemption{Code: code, User: user}, func(_ store.Receipt, err error) { note(i, err); all.Done() })
				}
				all.Wait()
			}
		})
	}
	wg.Wait()
	for i := range winners {
		if w := winners[i].Load(); w != 1 {
			t.Errorf("code %d has %d winners", i, w)
		}
	}
	if got := receipts(t, s, 0); len(got) != n {
		t.Errorf("%d receipts, want %d", len(got), n)
	}
}

func TestIssueExclusivelyConcurrently(t *testing.T) { // I3
	const n, callers = 3000, 8
	s := storetest.Open(t, busy())
	b := mint(t, s, store.Batch{Name: "b", Count: n})
	var mu sync.Mutex
	seen := map[string]string{}
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := 0; ; i++ {
				ref := fmt.Sprint(c, "/", i)
				codes, err := s.Issue(t.Context(), b.ID, 1+i%7, store.To(ref))
				if errors.Is(err, store.ErrEmpty) && i%7 == 0 {
					return
				} else if err != nil && !errors.Is(err, store.ErrEmpty) {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, code := range codes {
					if other, twice := seen[code]; twice {
						t.Errorf("code %s was drawn for %s and %s", code, other, ref)
					}
					seen[code] = ref
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != n || s.Stats().Codes.Issued != n {
		t.Errorf("%d codes were drawn and %d are issued, want %d", len(seen), s.Stats().Codes.Issued, n)
	}
}

// Draws that do not all fit: the stock has enough for seven of the eight, so seven
// get their codes. No draw may be refused for codes that another gives back.
func TestIssueRaceForTheRest(t *testing.T) {
	const n, draws, rounds = 10_000, 8, 40
	s := storetest.Open(t)
	for round := range rounds {
		b := mint(t, s, store.Batch{Count: n})
		var won atomic.Int32
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range draws {
			wg.Go(func() {
				<-start
				switch _, err := s.Issue(t.Context(), b.ID, n/draws+n/100, store.To("x")); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, store.ErrEmpty):
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
		if won.Load() != draws-1 {
			t.Fatalf("round %d: %d of %d draws got codes, want all but one", round, won.Load(), draws)
		}
	}
}

// A code of a batch that redeems from stock can be redeemed before its draw and
// after it, so also beside it.
func TestRedeemFromStockBesideDraws(t *testing.T) {
	const n, draws = 20_000, 10
	s := storetest.Open(t)
	codes := make([]string, n)
	for i := range codes {
		codes[i] = fmt.Sprintf("GIVEN%05d", i)
	}
	b := importCodes(t, s, store.Batch{Name: "given", FromStock: true}, store.ImportOptions{}, codes...).Batch
	var wg sync.WaitGroup
	wg.Go(func() {
		for range draws {
			if _, err := s.Issue(t.Context(), b.ID, n/draws/2, store.To("x")); err != nil && !errors.Is(err, store.ErrEmpty) {
				t.Error(err)
			}
		}
	})
	for part := range slices.Chunk(codes, 50) {
		for i, r := range s.RedeemAll(t.Context(), redemptions(part, "u")) {
			if r.Err != nil {
				t.Fatalf("redeem %s from stock beside draws: %v", part[i], r.Err)
			}
		}
	}
	wg.Wait()
}

// Everything at once, while checkpoints run.
func TestReadersBesideWriters(t *testing.T) {
	s := storetest.Open(t, busy())
	codes := issued(t, s, "b", 2000)
	stock := mint(t, s, store.Batch{Name: "stock", Count: 5000})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var readers, writers sync.WaitGroup
	for name, read := range map[string]func() error{
		"check": func() error {
			err := s.Check(ctx, store.Redemption{Code: codes[7]})
			if errors.Is(err, store.ErrAlreadyRedeemed) {
				err = nil
			}
			return err
		},
		"lookup": func() error {
			info, err := s.Lookup(ctx, "", codes[9])
			if err == nil && info.Ref != "order of b" {
				err = fmt.Errorf("ref %q", info.Ref)
			}
			return err
		},
		"receipts": func() error {
			before := uint64(0)
			for r, err := range s.Receipts(ctx, 0) {
				if err != nil {
					return err
				}
				if r.Number <= before {
					return fmt.Errorf("receipt %d follows %d", r.Number, before)
				}
				before = r.Number
			}
			return nil
		},
		"stats": func() error {
			c := s.Stats().Codes
			if sum := c.Available + c.Leased + c.Reserved + c.Issued + c.Redeemed + c.Revoked; sum != c.Minted {
				return fmt.Errorf("sum %d, minted %d", sum, c.Minted)
			}
			return nil
		},
		"verify": func() error {
			rep, err := s.Verify(ctx)
			if err == nil && !rep.OK() {
				err = errors.New(strings.Join(rep.Problems, "; "))
			}
			return err
		},
		"backup":     func() error { _, err := s.Backup(ctx, io.Discard); return err },
		"checkpoint": func() error { return s.Checkpoint(ctx) },
		"batches": func() error {
			if n := len(s.Batches()); n < 2 {
				return fmt.Errorf("%d batches", n)
			}
			return nil
		},
	} {
		readers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := read(); err != nil && ctx.Err() == nil {
					t.Errorf("%s beside writers: %v", name, err)
					return
				}
				runtime.Gosched()
			}
		})
	}
	for w := range 4 {
		writers.Go(func() {
			for i := w; i < len(codes); i += 4 {
				if _, err := s.Redeem(t.Context(), store.Redemption{Code: codes[i], User: "u", Key: fmt.Sprint("k", i)}); err != nil {
					t.Error(err)
				}
			}
		})
		writers.Go(func() {
			for i := range 100 {
				if _, err := s.Issue(t.Context(), stock.ID, 5, store.To(fmt.Sprint(w, i)).Once(fmt.Sprint(w, "-", i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Go(func() {
		for i := range 10 {
			if _, err := s.Mint(t.Context(), store.Batch{Name: fmt.Sprint("more", i), Count: 300}); err != nil {
				t.Error(err)
			}
			if _, err := s.Import(t.Context(), store.Batch{Name: "import"}, strings.NewReader(fmt.Sprintf("given-%d\nMORE-%d\n", i, i)), store.ImportOptions{}); err != nil {
				t.Error(err)
			}
		}
	})
	writers.Wait()
	cancel()
	readers.Wait()
}

// Verify may not take a batch for damaged that a mint is just finishing.
func TestVerifyBesideMint(t *testing.T) {
	s := storetest.Open(t)
	issued(t, s, "ballast", 20_000)
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		for i := range 100 {
			if _, err := s.Mint(t.Context(), store.Batch{Name: fmt.Sprint("m", i), Count: 50}); err != nil {
				t.Error(err)
			}
		}
	})
	for minting := true; minting && !t.Failed(); {
		select {
		case <-done:
			minting = false
		default:
			storetest.Verify(t, s)
		}
	}
	wg.Wait()
}
