package store_test

import (
	"strings"
	"testing"

	"codepool/store"
	"codepool/store/storetest"
)

// What a larger write buffer held when the store crashed is read by a smaller one.
func TestSmallerMemTableAfterCrash(t *testing.T) {
	o := weak()
	o.MemTableSize = 32 << 20
	o.CheckpointEvery = 1 << 40
	dir := t.TempDir()
	s := storetest.OpenAt(t, dir, o)
	n := 14_000
	b := mint(t, s, store.Batch{Name: "b", Count: int64(n), FromStock: true})
	codes := issue(t, s, b.ID, n, "x")
	rs := redemptions(codes, strings.Repeat("u", 1000))
	for _, r := range s.RedeemAll(t.Context(), rs) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	signed, unsigned := copyDir(t, dir), copyDir(t, dir, "LOCK")
	mustClose(t, s)
	for _, dir := range []string{signed, unsigned}[:fewer(2, 1)] {
		again := open(t, dir, weak())
		storetest.Verify(t, again)
		crashed := copyDir(t, dir) // and once more, in the middle of making tables of it
		mustClose(t, again)
		storetest.Verify(t, storetest.OpenAt(t, crashed, weak()))
	}
}
