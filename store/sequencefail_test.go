package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"codepool/gen"
	"codepool/store/internal/journal"
)

// A lease whose commit fails gives out no number, stops the store, and none that was given
// out comes again (I8).
func TestSequenceFailedLease(t *testing.T) {
	dir := t.TempDir()
	s, f, codes := openFaulty(t, dir)
	q, err := s.Sequence("a")
	if err != nil {
		t.Fatal(err)
	}
	given := map[uint64]bool{}
	f.set(nil, failOn(keySequences))
	if n, err := q.Next(soon(t)); !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, errDevice) {
		t.Errorf("%d, %v; want ErrOutcomeUnknown with the reason", n, err)
	}
	f.set(nil, nil)
	if _, err := q.Next(soon(t)); !errors.Is(err, ErrFailed) {
		t.Errorf("the next number: %v, want ErrFailed", err)
	}
	if _, err := s.Redeem(soon(t), Redemption{Code: codes[0]}); !errors.Is(err, ErrFailed) {
		t.Errorf("a redemption: %v, want ErrFailed", err)
	}
	if n := f.after.Load(); n != 0 {
		t.Errorf("%d commits were attempted after the failed one", n)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}

	// The same of a lease ahead of use: what was leased before is not given out any more.
	s2, err := Open(dir, &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	f = &faultyEngine{Engine: s2.eng.Engine}
	s2.eng.Engine = f
	if q, err = s2.Sequence("a"); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := q.Next(soon(t))
		if err != nil {
			if !errors.Is(err, ErrFailed) && !errors.Is(err, ErrOutcomeUnknown) {
				t.Errorf("after a failed lease: %v", err)
			}
			break
		}
		if given[n] {
			t.Errorf("%d came twice", n)
		}
		given[n] = true
		f.set(nil, failOn(keySequences))
	}
	if len(given) < leastBlock/2 || len(given) > leastBlock {
		t.Errorf("%d numbers of a block of %d", len(given), leastBlock)
	}
	if err := s2.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	s3, err := Open(dir, &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s3.Close()
	if q, err = s3.Sequence("a"); err != nil {
		t.Fatal(err)
	}
	if n, err := q.Next(t.Context()); err != nil || given[n] {
		t.Errorf("after reopening: %d, %v", n, err)
	}
}

// While the next block is being leased nobody waits who takes from the present one. Who
// needs the next one waits, and can give up; Close waits for the lease.
func TestSequenceAhead(t *testing.T) {
	s, f, _ := openFaulty(t, t.TempDir())
	q, err := s.Sequence("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Next(soon(t)); err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	f.set(hold, nil)
	before, ctx := f.commits.Load(), soon(t)
	for i := range uint64(leastBlock - 1) {
		if n, err := q.Next(ctx); err != nil || n != i+1 {
			t.Fatalf("%d, %v: it waited for the disk", n, err)
		}
		for i == leastBlock/2 && f.commits.Load() == before {
			if ctx.Err() != nil {
				t.Fatal("half of the block is gone, and nobody leases the next one")
			}
			runtime.Gosched()
		}
	}
	other, err := s.Sequence("other")
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 2)
	gone, errGone := goneWhenAsked(t)
	if _, err := q.Next(gone); !errors.Is(err, errGone) {
		t.Errorf("who gave up got %v", err)
	}
	go func() { _, err := q.Next(context.Background()); waiting <- err }()
	go func() { _, err := other.Next(context.Background()); waiting <- err }()
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-s.closing
	close(hold)
	for range 2 {
		if err := <-waiting; err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("who waited while the store closed got %v", err)
		}
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := q.Next(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// patient is a context that ends when somebody begins to wait for its end.
type patient struct {
	context.Context
	end context.CancelCauseFunc
	why error
}

func goneWhenAsked(t *testing.T) (context.Context, error) {
	ctx, end := context.WithCancelCause(t.Context())
	p := &patient{ctx, end, errors.New("gone")}
	return p, p.why
}

func (p *patient) Done() <-chan struct{} {
	p.end(p.why)
	return p.Context.Done()
}

// All counters are one pair of the engine: it has room for as many as there can be, with the
// names that become longest when they are written.
func TestSequencesFit(t *testing.T) {
	codec, err := gen.NewOrderCodec(gen.OrderLayout{}, make([]byte, gen.MinOrderSecret))
	if err != nil {
		t.Fatal(err)
	}
	for _, char := range []string{`"`, "\u2028"} {
		dir := t.TempDir()
		s, err := Open(dir, &Options{Durability: WeakNoSync})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.sequences.take(s.eng, func(all *counters, size uint64) (uint64, uint64, error) {
			for i := range MaxSequences {
				number := fmt.Sprint(i)
				all.Named[strings.Repeat(char, (MaxText-len(number))/len(char))+number] = sequenceEnd
			}
			for i := range gen.Day(maxOrderDays) {
				all.Days[20_000+i] = dayCounter{Next: 1e11, Of: codec.Fingerprint()}
			}
			all.Closed = 19_999
			return 0, 0, nil
		}, 1)
		if err != nil {
			t.Fatalf("%q: %.200v", char, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = Open(dir, &Options{Durability: WeakNoSync}); err != nil {
			t.Fatal(err)
		}
		if all := s.sequences.all; len(all.Named) != MaxSequences || len(all.Days) != maxOrderDays || all.Closed != 19_999 || all.Days[20_399].Of != codec.Fingerprint() {
			t.Errorf("%q: %d names, %d days, closed up to %v", char, len(all.Named), len(all.Days), all.Closed)
		}
		name := strings.Repeat(char, (MaxText-1)/len(char)) + "7"
		q, err := s.Sequence(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Next(t.Context()); !errors.Is(err, ErrUsedUp) {
			t.Errorf("%q: a sequence at its end: %v, want ErrUsedUp", char, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Counters that cannot be read are damage, not a new beginning.
func TestSequencesDamaged(t *testing.T) {
	for name, value := range map[string][]byte{
		"no JSON":     seal([]byte{keySequences}, []byte("{")),
		"another":     seal([]byte{keySequences}, []byte(`[1]`)),
		"a bad day":   seal([]byte{keySequences}, []byte(`{"days":{"2026-02-31":{"next":1,"of":"x"}}}`)),
		"below none":  seal([]byte{keySequences}, []byte(`{"named":{"a":-1}}`)),
		"no checksum": append(make([]byte, 4), `{}`...),
		"too short":   {1},
	} {
		dir := t.TempDir()
		s, err := Open(dir, &Options{Durability: WeakNoSync})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.eng.Commit([]journal.Pair{{Key: []byte{keySequences}, Value: value}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = Open(dir, &Options{Durability: WeakNoSync}); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "sequences") {
			t.Errorf("%s: %v, want ErrCorrupt that names the sequences", name, err)
			if err == nil {
				_ = s.Close()
			}
		}
	}
}
