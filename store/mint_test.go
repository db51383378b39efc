package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

func TestMint(t *testing.T) {
	dir := t.TempDir()
	clk := newClock()
	o := weak()
	o.Clock = clk.Now
	s := open(t, dir, o)
	def := store.Batch{
		Name: "launch", Namespace: "game-1", Kind: "membership", KindNo: "SVIP", Reward: "svip:30d", Owner: "ops", Remark: "first",
		Format: gen.Format{Class: gen.Alnum, Length: 10, Prefix: "VIP"}, Count: 30_000,
		NotBefore: clk.now.Add(-time.Hour), NotAfter: clk.now.Add(time.Hour), FromStock: true,
	}
	info := mint(t, s, def)
	want := def
	want.ID = 1
	if info.Batch != want || !info.Complete || info.Imported || !info.Created.Equal(clk.now) || info.Counts != (store.Counts{Minted: 30_000, Available: 30_000}) {
		t.Errorf("%+v", info)
	}
	if info.Risk.Live != 30_000 {
		t.Errorf("risk %+v", info.Risk)
	}
	seen := map[string]bool{}
	for _, c := range issue(t, s, info.ID, 5000, "x") {
		if seen[c] || !strings.HasPrefix(c, "VIP") || len(c) != 13 {
			t.Fatalf("code %q is twice, or not of its format", c)
		}
		seen[c] = true
	}
	mustClose(t, s)
	s = storetest.OpenAt(t, dir, o)
	again, err := s.BatchNamed("launch")
	if err != nil || !again.NotBefore.Equal(def.NotBefore) || !again.NotAfter.Equal(def.NotAfter) || !again.Created.Equal(clk.now) {
		t.Errorf("%+v, %v", again, err)
	}
	again.NotBefore, again.NotAfter, want.NotBefore, want.NotAfter = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	if again.Batch != want || !again.Complete || again.Counts != (store.Counts{Minted: 30_000, Available: 25_000, Issued: 5000}) {
		t.Errorf("after reopening: %+v", again)
	}
}

// Without a name a batch gets one that is free.
func TestMintUnnamed(t *testing.T) {
	s := storetest.Open(t)
	mint(t, s, store.Batch{Name: "batch-2", Count: 1})
	a := mint(t, s, store.Batch{Count: 1})
	b := mint(t, s, store.Batch{Count: 1})
	if a.Name == "" || b.Name == "" || a.Name == b.Name || a.Name == "batch-2" || b.ID != 3 {
		t.Errorf("names %q and %q", a.Name, b.Name)
	}
}

// stopAfter is a context that ends after its error was asked for n times.
type stopAfter struct {
	context.Context
	n int
}

func (s *stopAfter) Err() error {
	if s.n--; s.n < 0 {
		return context.Canceled
	}
	return nil
}

// An interrupted mint goes on where it stopped, also after a crash.
func TestMintResumes(t *testing.T) {
	for n := range 12 {
		dir := t.TempDir()
		s := storetest.OpenAt(t, dir, weak())
		def := store.Batch{Name: "b", Count: 10_000}
		info, err := s.Mint(&stopAfter{t.Context(), n}, def)
		if err == nil {
			if !info.Complete {
				t.Errorf("cut after %d: %+v", n, info)
			}
			continue
		}
		wantErr(t, "mint", err, context.Canceled)
		if b, err := s.BatchNamed("b"); err == nil && b.Complete {
			t.Errorf("cut after %d: the batch is complete", n)
		}
		for _, d := range []string{dir, copyDir(t, dir)} {
			r := s
			if d != dir {
				r = storetest.OpenAt(t, d, weak())
			}
			other := def
			other.Count = 20_000
			if _, err := r.BatchNamed("b"); err == nil {
				_, err := r.Mint(t.Context(), other)
				wantErr(t, "another count", err, store.ErrBatchExists)
			}
			if info := mint(t, r, def); !info.Complete || info.Counts.Available != 10_000 || info.ID != 1 {
				t.Errorf("resumed after %d: %+v", n, info)
			}
			_, err = r.Mint(t.Context(), def)
			wantErr(t, "once more", err, store.ErrBatchExists)
		}
	}
}

func TestMintFillsHalfOfTheSpace(t *testing.T) {
	s := storetest.Open(t)
	digits := gen.Format{Class: gen.Digits, Length: 4}
	b := mint(t, s, store.Batch{Name: "half", Count: 5000, Format: digits})
	if n := len(issue(t, s, b.ID, 5000, "x")); n != 5000 || b.Counts.Minted != 5000 {
		t.Errorf("%d codes", n)
	}
	for i := range 3 { // the namespace is full one day, and that is an error, not a hang
		_, err := s.Mint(t.Context(), store.Batch{Name: fmt.Sprint("more", i), Count: 4000, Format: digits})
		if i > 0 {
			wantErr(t, "a full namespace", err, store.ErrSpace)
		}
	}
	mint(t, s, store.Batch{Name: "elsewhere", Namespace: "other", Count: 5000, Format: digits})
}

func TestMintGuessable(t *testing.T) {
	var log strings.Builder
	o := weak()
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s := storetest.Open(t, o)
	weakBatch := store.Batch{Name: "short", Count: 1000, Format: gen.Format{Class: gen.Alnum, Length: 6}}
	b := mint(t, s, weakBatch)
	if !strings.Contains(log.String(), "short") || b.Risk.Acceptable(0) {
		t.Errorf("no warning: %q, risk %v", log.String(), b.Risk)
	}
	o = weak()
	o.RefuseGuessable = true
	s = storetest.Open(t, o)
	_, err := s.Mint(t.Context(), weakBatch)
	wantErr(t, "a guessable batch", err, store.ErrGuessable)
	mint(t, s, store.Batch{Name: "long", Count: 1000})
	if n := len(s.Batches()); n != 1 {
		t.Errorf("%d batches", n)
	}
}

// One mint or import at a time; a caller in the queue can give up.
func TestMintQueue(t *testing.T) {
	s := storetest.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	read, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		_, err := s.Import(t.Context(), store.Batch{Name: "slow"}, readerFunc(func(p []byte) (int, error) {
			select {
			case <-read:
			default:
				close(read)
			}
			<-release
			return 0, errPipe
		}), store.ImportOptions{})
		first <- err
	}()
	<-read
	second := make(chan error, 1)
	go func() { _, err := s.Mint(ctx, store.Batch{Name: "b", Count: 1}); second <- err }()
	cancel()
	wantErr(t, "the queued mint", <-second, context.Canceled)
	close(release)
	if err := <-first; !errors.Is(err, errPipe) {
		t.Error(err)
	}
	mint(t, s, store.Batch{Name: "b", Count: 1})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
