package store_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"codepool/store"
)

// must returns v, or ends the example.
func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// exampleCards opens a store with a batch of three codes that are in stock.
func exampleCards(b store.Batch) (s *store.Store, id store.BatchID, done func()) {
	dir, remove := temp()
	s = must(store.Open(dir, nil))
	b.Name = "cards"
	r := must(s.Import(context.Background(), b, strings.NewReader("CARD-1\nCARD-2\nCARD-3\n"), store.ImportOptions{}))
	return s, r.Batch.ID, func() { _ = s.Close(); remove() }
}

func ExampleStore_Pause() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	if err := s.Pause(ctx, 1, store.BatchChange{By: "desk", Reason: "codes seen on a forum"}); err != nil {
		log.Fatal(err)
	}
	_, err := s.Redeem(ctx, store.Redemption{Code: "CARD-0001"})
	fmt.Println(err)
	if err := s.Resume(ctx, 1, store.BatchChange{By: "desk"}); err != nil {
		log.Fatal(err)
	}
	_, err = s.Redeem(ctx, store.Redemption{Code: "CARD-0001"})
	fmt.Println(err)
	// Output:
	// batch is paused
	// <nil>
}

func ExampleStore_Retire() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	fmt.Println(errors.Is(s.Retire(ctx, 1, store.BatchChange{}), store.ErrNotFinished))
	if err := s.RevokeBatch(ctx, 1, store.BatchChange{By: "desk"}); err != nil {
		log.Fatal(err)
	}
	if err := s.Retire(ctx, 1, store.BatchChange{By: "desk"}); err != nil {
		log.Fatal(err)
	}
	_, err := s.Redeem(ctx, store.Redemption{Code: "CARD-0001"})
	fmt.Println(err)
	r := must(s.Import(ctx, store.Batch{Name: "again"}, strings.NewReader("CARD-0001"), store.ImportOptions{}))
	fmt.Println(r.Added, r.DuplicateInStore)
	// Output:
	// true
	// code was revoked
	// 0 1
}

func ExampleStore_Reschedule() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := s.Reschedule(ctx, 1, time.Time{}, yesterday, store.BatchChange{By: "desk"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Check(ctx, store.Redemption{Code: "CARD-0001"}))
	// Output:
	// code has expired
}

func ExampleStore_Revoke() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	must(s.Revoke(ctx, store.Change{Code: "CARD-0001", By: "desk", Reason: "posted in a chat"}))
	_, err := s.Redeem(ctx, store.Redemption{Code: "CARD-0001"})
	fmt.Println(err)
	// Output:
	// code was revoked
}

func ExampleStore_RevokeBatch() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	if err := s.RevokeBatch(ctx, 1, store.BatchChange{By: "desk", Reason: "the list leaked"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(s.Batch(1)).Counts.Revoked, "codes are revoked")
	// Output:
	// 3 codes are revoked
}

func ExampleStore_ReleaseRef() {
	s, id, done := exampleCards(store.Batch{})
	defer done()
	ctx := context.Background()
	must(s.Issue(ctx, id, 2, store.To("order-7")))
	released := must(s.ReleaseRef(ctx, store.RefChange{Ref: "order-7", By: "shop", Reason: "order cancelled"}))
	fmt.Println(len(released), "released,", must(s.Batch(id)).Counts.Available, "in stock")
	// Output:
	// 2 released, 3 in stock
}

// A lease is a draw that a crash cannot lose: what is not acknowledged in time goes back.
func ExampleStore_Lease() {
	s, id, done := exampleCards(store.Batch{})
	defer done()
	ctx := context.Background()
	l := must(s.Lease(ctx, id, 1, 10*time.Minute, store.To("order-7")))
	_, err := s.Redeem(ctx, store.Redemption{Code: l.Codes[0]})
	fmt.Println("before:", err)
	must(s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number})) // the customer has it
	_, err = s.Redeem(ctx, store.Redemption{Code: l.Codes[0], User: "player-42"})
	fmt.Println("after:", err)
	// Output:
	// before: code has not been issued
	// after: <nil>
}

func ExampleStore_GiveBack() {
	s, id, done := exampleCards(store.Batch{})
	defer done()
	ctx := context.Background()
	l := must(s.Lease(ctx, id, 3, 10*time.Minute, store.To("order-7")))
	must(s.GiveBack(ctx, store.LeaseEnd{Number: l.Number, By: "shop"}))
	fmt.Println(must(s.Batch(id)).Counts.Available, "in stock")
	// Output:
	// 3 in stock
}

// A reservation keeps a code for one user while they check out.
func ExampleStore_Reserve() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	h := must(s.Reserve(ctx, store.Redemption{Code: "CARD-0001", User: "ann"}, 10*time.Minute))
	_, err := s.Redeem(ctx, store.Redemption{Code: "CARD-0001", User: "eve"})
	fmt.Println("eve:", err)
	r := must(s.Confirm(ctx, store.LeaseEnd{Number: h.Number}))
	fmt.Println(r.User, "gets", r.Reward)
	// Output:
	// eve: code is reserved
	// ann gets gold:100
}

func ExampleStore_Cancel() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	h := must(s.Reserve(ctx, store.Redemption{Code: "CARD-0001", User: "ann"}, 10*time.Minute))
	must(s.Cancel(ctx, store.LeaseEnd{Number: h.Number}))
	_, err := s.Redeem(ctx, store.Redemption{Code: "CARD-0001", User: "eve"})
	fmt.Println("eve:", err)
	// Output:
	// eve: <nil>
}

// Take hands out and burns in one step: nobody ever sees the code.
func ExampleStore_Take() {
	s, id, done := exampleCards(store.Batch{Reward: "gold:100"})
	defer done()
	for _, r := range must(s.Take(context.Background(), id, 2, "player-42", store.To("quest-9").Once("quest-9/player-42"))) {
		fmt.Println(r.User, "gets", r.Reward)
	}
	// Output:
	// player-42 gets gold:100
	// player-42 gets gold:100
}

// A limit a user is checked and burned in one step.
func ExampleBatch_perUser() {
	s, _, done := exampleCards(store.Batch{PerUser: 1, FromStock: true})
	defer done()
	ctx := context.Background()
	must(s.Redeem(ctx, store.Redemption{Code: "CARD-1", User: "ann"}))
	_, err := s.Redeem(ctx, store.Redemption{Code: "CARD-2", User: "ann"})
	fmt.Println(errors.Is(err, store.ErrUserLimit))
	// Output:
	// true
}

// A short code that is bound to an order lives again when the order's life ends.
func ExampleBatch_reusable() {
	s, id, done := exampleCards(store.Batch{Reusable: true})
	defer done()
	ctx := context.Background()
	codes := must(s.Issue(ctx, id, 3, store.To("order-7")))
	must(s.Redeem(ctx, store.Redemption{Code: codes[0], Key: "order-7 is fulfilled"}))
	fmt.Println(must(s.Batch(id)).Counts.Available, "in stock")
	// Output:
	// 1 in stock
}

// Namespaces make codes unique by kind: the same text may exist in two of them, and the page
// that redeems says which it means.
func ExampleBatch_namespace() {
	dir, remove := temp()
	defer remove()
	s := must(store.Open(dir, nil))
	defer s.Close()
	ctx := context.Background()
	for _, kind := range []string{"membership", "coupon"} {
		b := store.Batch{Name: kind, Namespace: kind, Kind: kind, Reward: kind + ":30d"}
		must(s.Import(ctx, b, strings.NewReader("SPRING-26\n"), store.ImportOptions{HandedOut: true}))
	}
	fmt.Println(must(s.Redeem(ctx, store.Redemption{Namespace: "coupon", Code: "SPRING-26"})).Reward)
	fmt.Println(must(s.Redeem(ctx, store.Redemption{Namespace: "membership", Code: "SPRING-26"})).Reward)
	// Output:
	// coupon:30d
	// membership:30d
}

// With all kinds in one namespace, the default one, a page finds any prize by its code
// alone: there is one code of each text.
func ExampleBatch_kinds() {
	dir, remove := temp()
	defer remove()
	s := must(store.Open(dir, nil))
	defer s.Close()
	ctx := context.Background()
	for _, kind := range []string{"membership", "coupon"} {
		b := store.Batch{Name: kind, Kind: kind, Reward: kind + ":30d"}
		r := must(s.Import(ctx, b, strings.NewReader("SPRING-26\n"+kind+"\n"), store.ImportOptions{HandedOut: true}))
		fmt.Println(r.Added, "new,", r.DuplicateInStore, "taken")
	}
	fmt.Println(must(s.Redeem(ctx, store.Redemption{Code: "SPRING-26"})).Reward)
	fmt.Println(must(s.Redeem(ctx, store.Redemption{Code: "coupon"})).Reward)
	// Output:
	// 2 new, 0 taken
	// 1 new, 1 taken
	// membership:30d
	// coupon:30d
}

func ExampleStore_ReceiptsOf() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	must(s.Redeem(ctx, store.Redemption{Code: "CARD-0001", User: "ann"}))
	must(s.Redeem(ctx, store.Redemption{Code: "CARD-0002", User: "bob"}))
	for r, err := range s.ReceiptsOf(ctx, "ann", 0) {
		fmt.Println(r.Code, r.Reward, err)
	}
	// Output:
	// CARD0001 gold:100 <nil>
}

func ExampleStore_DrawnFor() {
	s, id, done := exampleCards(store.Batch{})
	defer done()
	ctx := context.Background()
	codes := must(s.Issue(ctx, id, 3, store.To("order-7")))
	must(s.Redeem(ctx, store.Redemption{Code: codes[0]}))
	states := map[string]int{}
	for d, err := range s.DrawnFor(ctx, "order-7", 0) {
		if err != nil {
			log.Fatal(err)
		}
		states[d.State]++
	}
	fmt.Println(states)
	// Output:
	// map[issued:2 redeemed:1]
}

// The ledger is the event feed. A consumer acknowledges what it has done; after a crash it
// goes on behind that, and misses nothing.
func ExampleStore_Follow() {
	s, done := exampleStore()
	defer done()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	must(s.Redeem(ctx, store.Redemption{Code: "CARD-0001", User: "ann"}))
	must(s.Redeem(ctx, store.Redemption{Code: "CARD-0002", User: "bob"}))
	for r, err := range s.Follow(ctx, s.Cursor("rewards")) { // waits for further ones
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println("grant", r.Reward, "to", r.User)
		if err := s.Advance(ctx, "rewards", r.Number); err != nil {
			log.Fatal(err)
		}
		if r.User == "bob" {
			cancel()
		}
	}
	// Output:
	// grant gold:100 to ann
	// grant gold:100 to bob
	// context canceled
}
