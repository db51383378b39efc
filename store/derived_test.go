package store

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"codepool/gen"
	"codepool/shard"
)

// mintedStore mints batches of a format and closes; it returns what is on disk and how many
// codes there are.
func mintedStore(t *testing.T, f gen.Format, counts ...int64) (memEngine, int64) {
	t.Helper()
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for i, n := range counts {
		if _, err := s.Mint(soon(t), Batch{Name: fmt.Sprint(i), Count: n, Format: f}); err != nil {
			t.Fatal(err)
		}
		total += n
	}
	m := pairsIn(t, s.eng)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return m, total
}

// wordsIn returns all packed codes in memory, ascending.
func wordsIn(t *testing.T, s *Store) (words []uint64) {
	t.Helper()
	for _, h := range s.mu.runs {
		for o := range h.Count {
			_, k, _, _, ok := s.codeAt(h.ID, o)
			if !ok || k.Word >= shard.WideMark {
				t.Fatalf("code %d of run %d: %+v, %v", o, h.ID, k, ok)
			}
			words = append(words, k.Word)
		}
	}
	slices.Sort(words)
	return words
}

// TestDerivedRuns mints where hardly any code of a seed exists, where many do, and where so
// many do that the run is written: an opening has the same codes, each once, and what makes
// them again finds the same sum.
func TestDerivedRuns(t *testing.T) {
	digits := func(n int) gen.Format { return gen.Format{Class: gen.Digits, Length: n} }
	for _, c := range []struct {
		name    string
		format  gen.Format
		counts  []int64
		derived int  // runs whose codes come of a seed, at least
		without bool // some of them are without some codes
		written bool // there are others
	}{
		{"none exists", gen.Format{}, []int64{1, 10_000, 200_000}, 4, false, false},
		{"a prefix", gen.Format{Class: gen.Alnum, Length: 8, Prefix: "AB"}, []int64{5000}, 1, false, false},
		{"some exist", digits(7), []int64{20_000, 30_000}, 2, true, false},
		{"too many exist", digits(6), []int64{300_000, 200_000}, 3, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, total := mintedStore(t, c.format, c.counts...)
			derived, written, without := 0, 0, false
			for _, k := range m.ofKind(keyRun) {
				h, err := decodeRunHeader([]byte(k), m[k])
				if err != nil {
					t.Fatal(err)
				}
				if h.derived() {
					derived++
					without = without || h.From.Without != ""
				} else {
					written += int(h.codePages())
				}
			}
			if derived < c.derived || without != c.without || written > 0 != c.written {
				t.Errorf("%d runs of a seed, some without codes: %v; %d pages", derived, without, written)
			}
			if n := len(m.ofKind(keyCodes)); n != written {
				t.Errorf("%d pages of codes, want %d", n, written)
			}
			var first []uint64
			for range 2 {
				s, err := recovered(t, maps.Clone(m))
				if err != nil {
					t.Fatal(err)
				}
				words := wordsIn(t, s)
				if distinct := len(slices.Compact(slices.Clone(words))); distinct != int(total) {
					t.Errorf("%d different codes, want %d", distinct, total)
				}
				if first != nil && !slices.Equal(first, words) {
					t.Error("the second opening has other codes than the first")
				}
				first = words
			}
		})
	}
}

// TestReopenedCodes: the codes that were handed out before a restart are those that are
// redeemed after it, and nothing else is.
func TestReopenedCodes(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Mint(soon(t), Batch{Name: "b", Count: 3000, Format: gen.Format{Class: gen.Digits, Length: 6}})
	if err != nil {
		t.Fatal(err)
	}
	handed, err := s.Issue(soon(t), b.ID, 1000, To("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, &Options{Durability: WeakNoSync}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rest, err := s.Issue(soon(t), b.ID, 2000, To("y"))
	if err != nil {
		t.Fatal(err)
	}
	all := append(handed, rest...)
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != 3000 {
		t.Errorf("%d different codes, want 3000", n)
	}
	for i := range 2000 {
		code := fmt.Sprintf("%06d", i)
		_, there := slices.BinarySearch(all, code)
		if _, err := s.Redeem(soon(t), Redemption{Code: code}); there != (err == nil) || !there && !errors.Is(err, ErrUnknownCode) {
			t.Errorf("%s exists: %v, its redemption: %v", code, there, err)
		}
	}
	if rep, err := s.Verify(soon(t)); err != nil || !rep.OK() {
		t.Errorf("%+v, %v", rep.Problems, err)
	}
}

// TestLeftOut: whichever codes are taken out of those of a seed, their note takes out the same.
func TestLeftOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	format := gen.Format{Class: gen.Digits, Length: 6}.WithDefaults()
	for _, out := range [][]int{nil, {0}, {4999}, {0, 1, 2}, {4998, 4999}, {0, 4999}, rng.Perm(5000)[:300], rng.Perm(5000)[:4000]} {
		var c runCodes
		c.from = derivation{Seed: gen.NewSeed(), Made: 5000}
		if err := c.derive(format, &c.from, 1); err != nil {
			t.Fatal(err)
		}
		words := []uint64{}
		for i, w := range c.words {
			if !slices.Contains(out, i) && (len(words) == 0 || words[len(words)-1] != w) { // each once, as in a pool
				words = append(words, w)
			}
		}
		c.words = slices.Clone(words)
		if err := c.noteLeftOut(format, 1); err != nil {
			t.Fatal(err)
		}
		h := runHeader{ID: 1, Batch: 1, Count: uint32(len(words)), Initial: shard.Available, From: c.from, Codes: c.sum(1)}
		read, err := decodeRunHeader(h.pair().Key, h.pair().Value)
		if h.sum = read.sum; err != nil || read != h {
			t.Fatalf("%+v is read as %+v, %v", h, read, err)
		}
		again, err := deriveCodes(read, &batch{Batch: Batch{Format: format}, space: &space{id: 1}})
		if err != nil || !slices.Equal(again.words, words) {
			t.Fatalf("without %d: %v, or other codes", len(out), err)
		}
		for name, edit := range map[string]func(*runHeader){
			"another seed": func(h *runHeader) { h.From.Seed[31] ^= 1 },
			"one more":     func(h *runHeader) { h.From.Made++ },
			"one more of all": func(h *runHeader) {
				h.Count, h.From.Made = h.Count+1, h.From.Made+1
			},
			"another is left out": func(h *runHeader) { h.From.Without = "\x07" },
			"a step of none":      func(h *runHeader) { h.From.Without += "\x00" },
			"one behind the last": func(h *runHeader) { h.From.Without += "\xff\xff\x03" },
			"half a number":       func(h *runHeader) { h.From.Without += "\xff" },
			"another sum":         func(h *runHeader) { h.Codes++ },
			"another run":         func(h *runHeader) { h.ID++ },
		} {
			h := read
			edit(&h)
			if c, err := deriveCodes(h, &batch{Batch: Batch{Format: format}, space: &space{id: 1}}); !errors.Is(err, ErrCorrupt) {
				t.Errorf("without %d, %s: %d codes, %v", len(out), name, c.len(), err)
			}
		}
	}
}

// TestPagesOfRetired: the codes of a batch that is retired are on disk from then on, and not
// before; an opening misses a page of them.
func TestPagesOfRetired(t *testing.T) {
	s, err := Open(t.TempDir(), &Options{Durability: WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Mint(soon(t), Batch{Name: "b", Count: 2*pageCodes + 1})
	if err != nil {
		t.Fatal(err)
	}
	pages := func() []string { return pairsIn(t, s.eng).ofKind(keyCodes) }
	if err := s.Retire(soon(t), b.ID, BatchChange{}); !errors.Is(err, ErrNotFinished) || len(pages()) != 0 {
		t.Errorf("%v, and %d pages", err, len(pages()))
	}
	if err := s.RevokeBatch(soon(t), b.ID, BatchChange{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Retire(soon(t), b.ID, BatchChange{By: "\n"}); !errors.Is(err, ErrInvalid) || len(pages()) != 0 {
		t.Errorf("%v, and %d pages", err, len(pages()))
	}
	for range 2 {
		if err := s.Retire(soon(t), b.ID, BatchChange{}); err != nil || len(pages()) != 3 {
			t.Fatalf("%v, and %d pages", err, len(pages()))
		}
	}
	// What is minted afterwards has none of its codes, whatever its seed makes.
	if _, err := s.Mint(soon(t), Batch{Name: "c", Count: 100_000, Format: gen.Format{Class: gen.Digits, Length: 6}, NotAfter: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if rep, err := s.Verify(soon(t)); err != nil || !rep.OK() || rep.Codes != 2*pageCodes+1+100_000 {
		t.Errorf("%+v, %v", rep, err)
	}
	m := pairsIn(t, s.eng)
	if _, err := recovered(t, maps.Clone(m)); err != nil {
		t.Error(err)
	}
	for _, k := range pages()[:1] {
		delete(m, k)
		if _, err := recovered(t, m); !errors.Is(err, ErrCorrupt) {
			t.Errorf("without a page: %v", err)
		}
	}
}
