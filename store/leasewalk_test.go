package store

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"codepool/store/internal/journal"
)

// walker makes random steps in the life of leases, holds and quarantines, with restarts.
type walker struct {
	t             *testing.T
	rng           *rand.Rand
	s             *Store
	opt           Options
	dir           string
	now           atomic.Int64 // µs
	codes         []string
	leases, holds []uint64
	step          int
	trace         []string
}

const walkBatches = 3

func newWalker(t *testing.T, seed uint64) *walker {
	t.Helper()
	w := &walker{t: t, rng: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir()}
	w.now.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	// Checkpoints only when asked for.
	w.opt = Options{Durability: WeakNoSync, Shards: 2, CheckpointEvery: 1 << 40, Clock: func() time.Time { return time.UnixMicro(w.now.Load()) }}
	w.open()
	for i := range walkBatches {
		b := Batch{Name: fmt.Sprint(i + 1), FromStock: i > 0, Reusable: i == 2}
		if b.Reusable {
			b.Quarantine = time.Millisecond
		}
		var list strings.Builder
		for j := range 6 {
			w.codes = append(w.codes, fmt.Sprintf("GIVEN-%d-%d", i+1, j))
			fmt.Fprintln(&list, w.codes[len(w.codes)-1])
		}
		if _, err := w.s.Import(soon(t), b, strings.NewReader(list.String()), ImportOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *walker) open() {
	w.t.Helper()
	var err error
	if w.s, err = Open(w.dir, &w.opt); err != nil {
		w.t.Fatal(err)
	}
}

func (w *walker) close() {
	w.t.Helper()
	if err := w.s.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// crash goes on with what the engine held before the store was closed.
func (w *walker) crash() {
	w.t.Helper()
	left := pairsIn(w.t, w.s.eng)
	w.close()
	o := w.opt.withDefaults()
	eng, err := journal.Open(w.dir, o.journal())
	if err != nil {
		w.t.Fatal(err)
	}
	var back []journal.Pair
	for key := range pairsIn(w.t, eng) {
		if _, ok := left[key]; !ok {
			back = append(back, journal.Pair{Key: []byte(key)})
		}
	}
	for key, value := range left {
		back = append(back, journal.Pair{Key: []byte(key), Value: value})
	}
	if err := errors.Join(eng.Write(back), eng.Close()); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

func (w *walker) code() string   { return w.codes[w.rng.IntN(len(w.codes))] }
func (w *walker) batch() BatchID { return BatchID(1 + w.rng.IntN(walkBatches)) }
func (w *walker) key() string    { return fmt.Sprint("key", w.step) }
func (w *walker) ttl() time.Duration {
	return time.Duration(1+w.rng.IntN(8)) * time.Millisecond
}

// late returns one of the last numbers.
func (w *walker) late(numbers []uint64) uint64 {
	if len(numbers) == 0 {
		return 0
	}
	return numbers[max(len(numbers)-1-w.rng.IntN(4), 0)]
}

// one makes a step and says which. Refusals are part of it.
func (w *walker) one() (what string, err error) {
	ctx, s, id, c := soon(w.t), w.s, w.batch(), w.code()
	switch w.rng.IntN(24) {
	case 0, 1, 2:
		var l Lease
		l, err = s.Lease(ctx, id, 1+w.rng.IntN(2), w.ttl(), To("r"))
		w.leases = append(w.leases, l.Number)
		return fmt.Sprint("lease ", l.Number, l.Codes), err
	case 3, 4, 5:
		var h Hold
		h, err = s.Reserve(ctx, Redemption{Code: c, User: "u", Key: w.key()}, w.ttl())
		w.holds = append(w.holds, h.Number)
		return fmt.Sprint("reserve ", h.Number, " ", c), err
	case 6:
		n := w.late(w.leases)
		_, err = s.GiveBack(ctx, LeaseEnd{Number: n})
		return fmt.Sprint("give back ", n), err
	case 7:
		n := w.late(w.leases)
		_, err = s.Acknowledge(ctx, LeaseEnd{Number: n})
		return fmt.Sprint("acknowledge ", n), err
	case 8:
		n := w.late(w.holds)
		_, err = s.Confirm(ctx, LeaseEnd{Number: n, Key: w.key()})
		return fmt.Sprint("confirm ", n), err
	case 9:
		_, err = s.Issue(ctx, id, 1, To("i"))
		return fmt.Sprint("issue of ", id), err
	case 10:
		_, err = s.Take(ctx, id, 1, "u", To("t"))
		return fmt.Sprint("take of ", id), err
	case 11, 12:
		_, err = s.Redeem(ctx, Redemption{Code: c, User: "u", Key: w.key()})
		return "redeem " + c, err
	case 13:
		_, err = s.Undo(ctx, Change{Code: c})
		return "undo " + c, err
	case 14:
		_, err = s.Release(ctx, Change{Code: c})
		return "release " + c, err
	case 15, 16:
		_, err = s.Revoke(ctx, Change{Code: c})
		return "revoke " + c, err
	case 17:
		_, err = s.RevokeRef(ctx, RefChange{Ref: "r"})
		return "revoke what was leased", err
	case 18:
		if w.rng.IntN(2) == 0 {
			return fmt.Sprint("revoke batch ", id), s.RevokeBatch(ctx, id, BatchChange{})
		}
		return fmt.Sprint("retire ", id), s.Retire(ctx, id, BatchChange{})
	case 19, 20:
		return "checkpoint", s.Checkpoint(ctx)
	case 21, 22:
		return "state pages of a checkpoint that comes no further", s.writeStates(ctx)
	}
	if w.rng.IntN(2) == 0 {
		w.crash()
		return "crash", nil
	}
	w.close()
	w.open()
	return "close", nil
}

// tableOf is what a store's lease table has.
func tableOf(s *Store) map[uint64]string {
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	out := map[uint64]string{}
	for n, l := range s.leases.live {
		out[n] = fmt.Sprint(l.kind, l.codes, l.from, l.until)
	}
	if len(s.leases.due) != len(out) {
		out[0] = fmt.Sprintf("%d are due", len(s.leases.due))
	}
	return out
}

// check crashes the store in memory: what is recovered has the same leases, holds and
// quarantines with the same codes.
func (w *walker) check() {
	w.t.Helper()
	ctx := soon(w.t)
	w.s.now()
	if err := w.s.com.waitAll(ctx); err != nil {
		w.t.Fatal(err)
	}
	r, err := recovered(w.t, pairsIn(w.t, w.s.eng))
	if err != nil {
		w.t.Fatalf("%v, after %q", err, w.trace)
	}
	if got, want := tableOf(r), tableOf(w.s); !maps.Equal(got, want) {
		w.t.Fatalf("recovered: %v, want %v, after\n%q", got, want, w.trace)
	}
}

func TestLeasesRecovered(t *testing.T) {
	for seed := range uint64(32) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWalker(t, seed)
			defer func() { w.s.Close() }()
			for w.step = range 50 {
				w.now.Add(int64(w.rng.IntN(300)))
				what, err := w.one()
				w.trace = append(w.trace, fmt.Sprint(what, ": ", err))
				w.check()
			}
			if rep, err := w.s.Verify(soon(t)); err != nil || !rep.OK() {
				t.Fatalf("%q, %v, after %q", rep.Problems, err, w.trace)
			}
		})
	}
}

// A checkpoint that does not come to its end leaves state pages that are ahead of the leases
// of the one before: a hold whose code was revoked in between has ended.
func TestHoldRevokedAhead(t *testing.T) {
	w := newWalker(t, 0)
	defer func() { w.s.Close() }()
	ctx := soon(t)
	if _, err := w.s.Reserve(ctx, Redemption{Code: "GIVEN-2-0", User: "u"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := w.s.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.Revoke(ctx, Change{Code: "GIVEN-2-0"}); err != nil {
		t.Fatal(err)
	}
	if err := w.s.writeStates(ctx); err != nil {
		t.Fatal(err)
	}
	w.check()
	before := w.s.Stats().Ledger
	w.crash()
	w.now.Add(time.Hour.Microseconds())
	if n := w.s.Stats().Ledger; n != before {
		t.Errorf("%d records, want %d: the hold has ended twice", n, before)
	}
	if rep := verified(t, w.s); !rep.OK() {
		t.Errorf("%q", rep.Problems)
	}
}

// A batch can be retired while a lease has none of its codes any more; opened again, the
// store does not find them in memory.
func TestLeaseOfRetiredBatch(t *testing.T) {
	w := newWalker(t, 0)
	defer func() { w.s.Close() }()
	ctx := soon(t)
	l, err := w.s.Lease(ctx, 1, 1, time.Hour, To("r"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.RevokeRef(ctx, RefChange{Ref: "r"}); err != nil {
		t.Fatal(err)
	}
	if err := w.s.RevokeBatch(ctx, 1, BatchChange{}); err != nil {
		t.Fatal(err)
	}
	if err := w.s.Retire(ctx, 1, BatchChange{}); err != nil {
		t.Fatal(err)
	}
	w.close()
	w.open()
	if _, err := w.s.GiveBack(ctx, LeaseEnd{Number: l.Number}); err != nil {
		t.Fatal(err)
	}
	if rep := verified(t, w.s); !rep.OK() {
		t.Errorf("%q", rep.Problems)
	}
}

func verified(t *testing.T, s *Store) VerifyReport {
	t.Helper()
	rep, err := s.Verify(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return rep
}
