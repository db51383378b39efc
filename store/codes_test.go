package store_test

import (
	"context"
	"slices"
	"testing"

	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

// TestCodes lists a batch of several runs by state, whole and page by page.
func TestCodes(t *testing.T) {
	s := storetest.Open(t, weak())
	ctx := t.Context()
	def := store.Batch{Name: "given"}
	for _, codes := range [][]string{{"AAAA-1111-AAAA", "BBBB-2222-BBBB"}, {"CCCC-3333-CCCC", "DDDD-4444-DDDD", "EEEE-5555-EEEE"}} {
		importCodes(t, s, def, store.ImportOptions{}, codes...)
	}
	big := mint(t, s, store.Batch{Name: "big", Count: 5000})
	if n := len(collect(t, s.Codes(ctx, 1, 1<<32|(1<<32-1)))); n != 3 {
		t.Errorf("%d codes behind the last place that the first run could have", n)
	}
	handed := issue(t, s, 1, 2, "x")
	redeem(t, s, store.Redemption{Code: handed[0]})
	got := map[string][]string{}
	for _, c := range collect(t, s.Codes(ctx, 1, 0)) {
		got[c.StateName] = append(got[c.StateName], c.Code)
		if c.Masked != (c.State == shard.Available) || c.Place == 0 {
			t.Errorf("%+v", c)
		}
	}
	if len(got["available"]) != 3 || !slices.Equal(got["redeemed"], handed[:1]) || !slices.Equal(got["issued"], handed[1:]) {
		t.Errorf("%v, handed out were %v", got, handed)
	}
	for _, c := range got["available"] {
		if c[:10] != "****-****-" {
			t.Errorf("a code in stock is shown as %s", c)
		}
	}
	issue(t, s, big.ID, 1000, "x")
	all := collect(t, s.Codes(ctx, big.ID, 0, shard.Available))
	if len(all) != 4000 {
		t.Errorf("%d codes are available", len(all))
	}
	var paged []store.BatchCode
	for after := uint64(0); ; after = paged[len(paged)-1].Place {
		n := len(paged)
		for c, err := range s.Codes(ctx, big.ID, after, shard.Available) {
			if err != nil {
				t.Fatal(err)
			}
			if paged = append(paged, c); len(paged)-n == 999 {
				break
			}
		}
		if len(paged) == n {
			break
		}
	}
	if !slices.Equal(paged, all) {
		t.Errorf("%d codes page by page, %d at once, or they differ", len(paged), len(all))
	}
	if n := len(collect(t, s.Codes(ctx, big.ID, 0, shard.Available, shard.Issued))); n != 5000 {
		t.Errorf("%d codes in two states", n)
	}
	wantErr(t, "revoke", s.RevokeBatch(ctx, big.ID, store.BatchChange{}), nil)
	if n := len(collect(t, s.Codes(ctx, big.ID, 0, shard.Revoked))); n != 5000 {
		t.Errorf("%d codes are revoked", n)
	}
	wantErr(t, "unknown", firstErr(s.Codes(ctx, 9, 0)), store.ErrUnknownBatch)
	wantErr(t, "no state", firstErr(s.Codes(ctx, 1, 0, shard.Available+16)), store.ErrInvalid)
	if n := len(collect(t, s.Codes(ctx, 1, 1<<32|(1<<32-1)))); n != 3 {
		t.Errorf("%d codes behind the first run", n)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	wantErr(t, "ended", firstErr(s.Codes(ended, 1, 0)), context.Canceled)
	mustClose(t, s)
	wantErr(t, "closed", firstErr(s.Codes(ctx, 1, 0)), store.ErrClosed)
}
