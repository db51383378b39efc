package badinput

import (
	"strings"
	"testing"
	"time"

	"codepool/store"
)

// lend adds to the world's store what becomes of codes that are drawn or held for a time,
// taken, exported, limited or reused; the numbers are in w.numbers:
//
//	lent      minted, 5 in stock. Leases: "lease" of $LEASED and one more for order-5 with key
//	          lease-1; "acked" of $ACKED for order-6, acknowledged by desk with ack-1; "back",
//	          given back by desk with giveback-1; "past", whose time is over.
//	          Reservations: "hold" of $HELD by ann with hold-1 for an hour; "bought" of $BOUGHT
//	          by ann, confirmed with buy-1; "dropped" of $FREE by ann, cancelled with drop-1;
//	          "late" of $FREE, whose time is over. $TAKEN and one more are taken by ann for
//	          order-7 with take-1. List-1 has 3 for shop.
//	owned     minted by ann, 5 in stock
//	soon      minted, window not begun
//	rationed  minted, one a user: $RATION and $RATION2 drawn, $EATEN redeemed by ann
//	reused    minted, reusable, at rest for an hour: $REUSED drawn, $LIFE redeemed with life-1
//	          and $RESTING released
//
// A cursor, done, stands at 5.
func (w *world) lend(t *testing.T) {
	t.Helper()
	s, ctx := w.s, t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	mint := func(b store.Batch) store.BatchID {
		t.Helper()
		info, err := s.Mint(ctx, b)
		must(err)
		return info.ID
	}
	names := []string{}
	name := func(name, code string) { names = append(names, name, code) }
	w.numbers = map[string]uint64{}

	lent := mint(store.Batch{Name: "lent", Count: 16})
	lease := func(name string, n int, ttl time.Duration, d store.Draw) []string {
		t.Helper()
		l, err := s.Lease(ctx, lent, n, ttl, d)
		must(err)
		w.numbers[name] = l.Number
		return l.Codes
	}
	name("$LEASED", lease("lease", 2, time.Hour, store.To("order-5").Once("lease-1"))[0])
	name("$ACKED", lease("acked", 1, time.Hour, store.To("order-6"))[0])
	_, err := s.Acknowledge(ctx, store.LeaseEnd{Number: w.numbers["acked"], By: "desk", Key: "ack-1"})
	must(err)
	lease("back", 1, time.Hour, store.To("order-6"))
	_, err = s.GiveBack(ctx, store.LeaseEnd{Number: w.numbers["back"], By: "desk", Key: "giveback-1"})
	must(err)
	lease("past", 1, time.Microsecond, store.To("order-6"))

	codes, err := s.Issue(ctx, lent, 3, store.To("order-7"))
	must(err)
	hold := func(name, code, key string, ttl time.Duration) {
		t.Helper()
		h, err := s.Reserve(ctx, store.Redemption{Code: code, User: "ann", Key: key}, ttl)
		must(err)
		w.numbers[name] = h.Number
	}
	hold("hold", codes[0], "hold-1", time.Hour)
	hold("bought", codes[1], "", time.Hour)
	hold("dropped", codes[2], "", time.Hour)
	_, err = s.Confirm(ctx, store.LeaseEnd{Number: w.numbers["bought"], Key: "buy-1"})
	must(err)
	_, err = s.Cancel(ctx, store.LeaseEnd{Number: w.numbers["dropped"], By: "desk", Key: "drop-1"})
	must(err)
	hold("late", codes[2], "", time.Microsecond)
	name("$HELD", codes[0])
	name("$BOUGHT", codes[1])
	name("$FREE", codes[2])
	recs, err := s.Take(ctx, lent, 2, "ann", store.To("order-7").Once("take-1"))
	must(err)
	name("$TAKEN", recs[0].Code)
	_, err = s.Export(ctx, lent, store.Export{ID: "list-1", Account: "shop", Count: 3})
	must(err)

	mint(store.Batch{Name: "owned", Owner: "ann", Count: 5})
	mint(store.Batch{Name: "soon", Count: 2, NotBefore: day(2999, 1, 1)})

	rationed := mint(store.Batch{Name: "rationed", Count: 5, PerUser: 1})
	codes, err = s.Issue(ctx, rationed, 3, store.To("order-8"))
	must(err)
	_, err = s.Redeem(ctx, store.Redemption{Code: codes[2], User: "ann"})
	must(err)
	name("$RATION2", codes[1])
	name("$RATION", codes[0])
	name("$EATEN", codes[2])

	reused := mint(store.Batch{Name: "reused", Count: 4, Reusable: true, Quarantine: time.Hour})
	codes, err = s.Issue(ctx, reused, 3, store.To("order-9"))
	must(err)
	_, err = s.Redeem(ctx, store.Redemption{Code: codes[1], User: "ann", Key: "life-1"})
	must(err)
	_, err = s.Release(ctx, store.Change{Code: codes[2]})
	must(err)
	name("$REUSED", codes[0])
	name("$LIFE", codes[1])
	name("$RESTING", codes[2])
	must(s.Advance(ctx, "done", 5))

	for _, old := range []string{"$ISSUED", "$OTHER", "$SPENT", "$UNDONE", "$RELEASED"} {
		name(old, w.names.Replace(old))
	}
	w.names = strings.NewReplacer(names...)
}
