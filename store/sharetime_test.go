package store_test

import (
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
	"codepool/store/storetest"
)

// TestSharedTokenTakenOver: whoever takes the token of a shared batch whose time is over does
// not take what is left of it from its sender.
func TestSharedTokenTakenOver(t *testing.T) {
	s, clk := openAt(t)
	first := packet(1000, 5)
	first.Token = "AGAIN"
	info := share(t, s, first)
	rec := claimShare(t, s, store.Claim{Token: "AGAIN", User: "bob"})
	clk.set(info.FreeAt)
	share(t, s, first)
	back := int64(0)
	for e, err := range s.Ledger(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Verb == "end" && e.Shared == info.ID {
			back += e.Amount
		}
	}
	if back+rec.Share.Amount != info.Total {
		t.Errorf("%d were claimed, and %d of %d went back", rec.Share.Amount, back, info.Total)
	}
	storetest.Verify(t, s)
}

// TestSharedTimes: the shares end while the token is kept, and not before they begin.
func TestSharedTimes(t *testing.T) {
	s, clk := openAt(t)
	for name, d := range map[string]store.Shared{
		"kept for a time, open for ever": {Count: 1, Keep: time.Hour},
		"over before it begins":          {Count: 1, For: time.Hour, NotBefore: clk.Now().Add(time.Hour)},
		"a cap without a split":          {Count: 1, Split: gen.Split{Most: 10}},
	} {
		_, err := s.Share(t.Context(), d)
		wantErr(t, name, err, store.ErrInvalid)
	}
	share(t, s, store.Shared{Count: 1, For: time.Hour, Keep: time.Hour, NotBefore: clk.Now().Add(time.Hour - time.Microsecond)})
}
