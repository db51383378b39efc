package store_test

import (
	"errors"
	"testing"

	"codepool/store"
)

// TestRefusalAllocatesNothing asks for codes that never existed: a flood of guesses must not
// become one of garbage.
func TestRefusalAllocatesNothing(t *testing.T) {
	ctx := t.Context()
	s := open(t, t.TempDir(), weak())
	mint(t, s, store.Batch{Name: "b", Count: 1000})
	guess := store.Redemption{Code: "7KQF-2M9X-T4WC", User: "ann"}
	for name, ask := range map[string]func() error{
		"Redeem": func() error { _, err := s.Redeem(ctx, guess); return err },
		"Check":  func() error { return s.Check(ctx, guess) },
	} {
		n := testing.AllocsPerRun(1000, func() {
			if err := ask(); !errors.Is(err, store.ErrUnknownCode) {
				t.Errorf("%s: %v", name, err)
			}
		})
		if n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
