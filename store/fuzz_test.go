package store

import (
	"cmp"
	"errors"
	"flag"
	"maps"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"codepool/store/internal/journal"
)

// The fuzz targets of this package put hostile bytes behind right checksums: a checksum
// would stop the fuzzer at the door, and what a decoder makes of bytes that it should not
// have been given is the question. What must hold of each decoder:
//
//   - it never panics and never allocates more than its input explains;
//   - what it refuses it refuses with an error that says so (ErrCorrupt, ErrFormat);
//   - what it accepts is what a slow reading of the format by the book finds, and comes
//     back the same when it is encoded again.
//
// Seeds are values that a store has written.

// memEngine is an engine in memory. Other than Badger's it lets panics pass.
type memEngine map[string][]byte

func (m memEngine) Write(pairs []journal.Pair) error {
	for _, p := range pairs {
		if p.Value == nil {
			delete(m, string(p.Key))
		} else {
			m[string(p.Key)] = slices.Clone(p.Value)
		}
	}
	return nil
}

func (m memEngine) Sync() error                             { return nil }
func (m memEngine) View(f func(journal.Reader) error) error { return f(m) }
func (m memEngine) MaxCommit() int                          { return 1 << 20 }
func (m memEngine) Sizes() (disk, memory int64)             { return 0, 0 }
func (m memEngine) Tidy(*journal.Headroom)                  {}
func (m memEngine) Close() error                            { return nil }
func (m memEngine) Get(key []byte) ([]byte, error)          { return slices.Clone(m[string(key)]), nil }
func (m memEngine) put(key, payload []byte) memEngine       { m[string(key)] = seal(key, payload); return m }

func (m memEngine) Read(key []byte, f func([]byte) error) (bool, error) {
	v, ok := m[string(key)]
	if !ok {
		return false, nil
	}
	return true, f(v)
}

func (m memEngine) Scan(prefix, from []byte, f func(key, value []byte) error) error {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if !strings.HasPrefix(k, string(prefix)) || k < string(from) {
			continue
		}
		if err := f([]byte(k), m[k]); errors.Is(err, journal.ErrStop) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (m memEngine) Last(prefix, from []byte) (key, value []byte, err error) {
	best := ""
	for k := range m {
		if strings.HasPrefix(k, string(prefix)) && k <= string(from) && k > best {
			best = k
		}
	}
	if best == "" {
		return nil, nil, nil
	}
	return []byte(best), slices.Clone(m[best]), nil
}

// storedPairs returns what a small store with a bit of everything has on disk, in the
// order of keys.
func storedPairs(f *testing.F) (pairs []journal.Pair) {
	f.Helper()
	s := smallStore(f)
	defer s.Close()
	err := s.eng.View(func(v journal.Reader) error {
		return v.Scan(nil, nil, func(key, value []byte) error {
			pairs = append(pairs, journal.Pair{Key: slices.Clone(key), Value: slices.Clone(value)})
			return nil
		})
	})
	if err != nil {
		f.Fatal(err)
	}
	slices.SortFunc(pairs, func(a, b journal.Pair) int { return cmp.Compare(string(a.Key), string(b.Key)) })
	return pairs
}

// smallStore makes a store with every kind of record and page. Its directory is small.
func smallStore(f *testing.F) *Store {
	f.Helper()
	must := func(err error) {
		f.Helper()
		if err != nil {
			f.Fatal(err)
		}
	}
	ctx := f.Context()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := start
	var reading sync.Mutex // the store ends leases by itself
	s, err := Open(f.TempDir(), &Options{Durability: WeakNoSync, Clock: func() time.Time {
		reading.Lock()
		defer reading.Unlock()
		at = at.Add(time.Second)
		return at
	}})
	must(err)
	b, err := s.Mint(ctx, Batch{Name: "b", Count: 6, Reward: "r"})
	must(err)
	_, err = s.Import(ctx, Batch{Name: "given", Namespace: "n"}, strings.NewReader("CARD-1\n"+strings.Repeat("W", 40)+"\n"), ImportOptions{HandedOut: true, Ref: "x"})
	must(err)
	codes, err := s.Issue(ctx, b.ID, 3, To("order").Once("ik"))
	must(err)
	_, err = s.Redeem(ctx, Redemption{Code: codes[0], User: "u", Key: "k"})
	must(err)
	must(s.Checkpoint(ctx))
	_, err = s.Undo(ctx, Change{Code: codes[0], By: "desk", Key: "uk"})
	must(err)
	_, err = s.Release(ctx, Change{Code: codes[1]})
	must(err)
	l, err := s.Lease(ctx, b.ID, 1, time.Hour, To("x").Once("lk"))
	must(err)
	hold, err := s.Reserve(ctx, Redemption{Code: codes[2], User: "u", Key: "hk"}, time.Hour)
	must(err)
	must(s.Pause(ctx, 2, BatchChange{By: "desk", Reason: "leak"}))
	must(s.Checkpoint(ctx))
	must(s.Resume(ctx, 2, BatchChange{}))
	_, err = s.Cancel(ctx, LeaseEnd{Number: hold.Number})
	must(err)
	_, err = s.Acknowledge(ctx, LeaseEnd{Number: l.Number, By: "shop", Key: "ak"})
	must(err)
	hold, err = s.Reserve(ctx, Redemption{Code: l.Codes[0]}, time.Hour)
	must(err)
	_, err = s.Confirm(ctx, LeaseEnd{Number: hold.Number})
	must(err)
	l, err = s.Lease(ctx, b.ID, 1, time.Hour, To("x"))
	must(err)
	_, err = s.GiveBack(ctx, LeaseEnd{Number: l.Number})
	must(err)
	_, err = s.Lease(ctx, b.ID, 1, time.Millisecond, To("x"))
	must(err)
	_, err = s.Take(ctx, b.ID, 1, "u", To("x").Once("tk"))
	must(err)
	_, err = s.Export(ctx, b.ID, Export{ID: "e", Account: "a", Count: 1, Partial: true})
	if !errors.Is(err, ErrEmpty) {
		must(err)
	}
	_, err = s.Lease(ctx, b.ID, 1, 100*365*24*time.Hour, To("x")) // so that none is over yet
	must(err)
	must(s.Reschedule(ctx, 1, start.Add(-time.Hour), time.Time{}, BatchChange{By: "desk"}))
	_, err = s.Revoke(ctx, Change{Code: codes[0], By: "desk", Reason: "leaked"})
	must(err)
	_, err = s.Redeem(ctx, Redemption{Code: codes[2]})
	must(err)
	_, err = s.Redeem(ctx, Redemption{Code: "CARD-1", Namespace: "n"})
	must(err)
	return s
}

// payloads calls f with key and payload of the pairs of one kind.
func payloads(pairs []journal.Pair, kind byte, f func(key, payload []byte)) {
	for _, p := range pairs {
		if p.Key[0] == kind {
			f(p.Key, p.Value[4:])
		}
	}
}

// refused fails the test unless err is one that says what is wrong with stored data.
func refused(t *testing.T, what string, err error) {
	t.Helper()
	var c *CorruptError
	if !errors.As(err, &c) && !errors.Is(err, ErrFormat) {
		t.Fatalf("%s: %v is neither a *CorruptError nor ErrFormat", what, err)
	}
}

// spends fails the test if f allocates more than an input of that many bytes explains.
func spends(t *testing.T, input int, f func()) {
	t.Helper()
	const constant, each = 4 << 20, 256
	spendsAtMost(t, constant+each*uint64(input), f)
}

func spendsAtMost(t *testing.T, most uint64, f func()) {
	t.Helper()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	before := sample[0].Value.Uint64()
	f()
	metrics.Read(sample)
	if spent := sample[0].Value.Uint64() - before; spent > most {
		t.Fatalf("it allocated %d bytes, at most %d are explained", spent, most)
	}
}

// fuzzing reports whether the fuzzer is at work; else a target sees its seeds only.
func fuzzing() bool {
	f := flag.Lookup("test.fuzz")
	return f != nil && f.Value.String() != ""
}
