package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"codepool/store"
)

// Flipped bits in the files themselves, as a failing disk makes them: the store
// refuses to open with a typed error, or Verify or the reader concerned reports the
// damage, or the bit did not matter. It never panics, and never answers wrongly
// while Verify finds nothing.
func TestFlippedBitsOnDisk(t *testing.T) {
	dir, h := flushed(t)
	const seed = 11
	for _, name := range files(t, dir) {
		if filepath.Base(name) == "LOCK" {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			whole, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			used := len(whole) // without the zeros that a log is filled up with
			for used > 0 && whole[used-1] == 0 {
				used--
			}
			if used == 0 {
				t.Skip("holds nothing")
			}
			for range fewer(25, 5) {
				at, bit := r.IntN(used), byte(1)<<r.IntN(8)
				damaged := copyDir(t, dir)
				path := filepath.Join(damaged, name)
				bad, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				bad[at] ^= bit
				if err := os.WriteFile(path, bad, 0o644); err != nil {
					t.Fatal(err)
				}
				flipped(t, fmt.Sprintf("bit %08b of byte %d of %d", bit, at, used), damaged, h)
			}
		})
	}
}

// flipped opens a directory with a flipped bit and judges what comes of it.
func flipped(t *testing.T, what, dir string, h *history) {
	t.Helper()
	s, err := store.Open(dir, weak())
	if err != nil {
		if !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrFormat) {
			t.Errorf("%s: refused with %v, want ErrCorrupt or ErrFormat", what, err)
		}
		return
	}
	defer s.Close()
	rep, err := s.Verify(t.Context())
	if err != nil && !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("%s: verify: %v", what, err)
	}
	if err != nil || !rep.OK() {
		return
	}
	var got []store.Receipt
	for r, err := range s.Receipts(t.Context(), 0) {
		if err != nil {
			t.Errorf("%s: Verify finds nothing, and the ledger ends with %v", what, err)
			return
		}
		got = append(got, r)
	}
	wrong := ""
	if len(got) != len(h.receipts) {
		wrong = fmt.Sprintf("%d receipts of %d", len(got), len(h.receipts))
	}
	for _, want := range h.receipts {
		if err := s.Check(t.Context(), store.Redemption{Code: want.Code}); err != store.ErrAlreadyRedeemed {
			wrong = fmt.Sprintf("redeemed code %s: %v", want.Code, err)
		}
	}
	for code, ref := range h.drawn {
		if info, err := s.Lookup(t.Context(), "", strings.ToLower(code)); err != nil || info.Ref != ref {
			wrong = fmt.Sprintf("%s: %+v, %v", code, info, err)
		}
	}
	if wrong != "" {
		t.Errorf("%s: Verify finds nothing, and %s", what, wrong)
	}
}
