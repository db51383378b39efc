package store_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"
)

// The same ID gives the same list, and only the account that owns the batch gets any.
func ExampleStore_Export() {
	s, id, done := exampleCards(store.Batch{Owner: "ann"})
	defer done()
	ctx := context.Background()
	_, err := s.Export(ctx, id, store.Export{ID: "list-1", Account: "eve", Count: 2})
	fmt.Println(errors.Is(err, store.ErrNotOwner))
	list := must(s.Export(ctx, id, store.Export{ID: "list-1", Account: "ann", Ref: "shop-3", Count: 2}))
	again := must(s.Export(ctx, id, store.Export{ID: "list-1", Account: "ann", Ref: "shop-3", Count: 2}))
	fmt.Println(len(list), list[0] == again[0])
	// Output:
	// true
	// 2 true
}

// What nobody has been given is masked.
func ExampleStore_Codes() {
	s, id, done := exampleCards(store.Batch{})
	defer done()
	ctx := context.Background()
	must(s.Issue(ctx, id, 2, store.To("order-7")))
	for c, err := range s.Codes(ctx, id, 0, shard.Available) { // behind no place; in stock alone
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.StateName, c.Masked)
	}
	// Output:
	// available true
}

func ExampleStore_Ledger() {
	s, id, done := exampleCards(store.Batch{Owner: "ann"})
	defer done()
	ctx := context.Background()
	if err := s.RevokeBatch(ctx, id, store.BatchChange{By: "ben", Reason: "leaked"}); err != nil {
		log.Fatal(err)
	}
	for e, err := range s.Ledger(ctx, 0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Number, e.Verb, "by", e.By)
	}
	// Output:
	// 1 import by ann
	// 2 revoked by ben
}

func ExampleStore_Acknowledge() {
	s, id, done := exampleCards(store.Batch{})
	defer done()
	ctx := context.Background()
	l := must(s.Lease(ctx, id, 2, time.Hour, store.To("order-7")))
	must(s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number, By: "printer", Key: "job-9"}))
	_, err := s.Acknowledge(ctx, store.LeaseEnd{Number: l.Number})
	fmt.Println(errors.Is(err, store.ErrLeaseEnded), must(s.Batch(id)).Counts.Issued)
	// Output:
	// true 2
}

func ExampleStore_Confirm() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	h := must(s.Reserve(ctx, store.Redemption{Code: "CARD-0001", User: "ann"}, 10*time.Minute))
	paid := store.LeaseEnd{Number: h.Number, Key: "payment-4"}
	r := must(s.Confirm(ctx, paid))
	fmt.Println(r == must(s.Confirm(ctx, paid))) // the same key, the same receipt
	// Output:
	// true
}

func ExampleStore_Resume() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	for _, change := range []func(context.Context, store.BatchID, store.BatchChange) error{s.Pause, s.Resume} {
		if err := change(ctx, 1, store.BatchChange{By: "desk"}); err != nil {
			log.Fatal(err)
		}
		fmt.Println(must(s.Batch(1)).Paused, s.Check(ctx, store.Redemption{Code: "CARD-0001"}))
	}
	// Output:
	// true batch is paused
	// false <nil>
}

func ExampleStore_RevokeRef() {
	s, id, done := exampleCards(store.Batch{})
	defer done()
	ctx := context.Background()
	codes := must(s.Issue(ctx, id, 2, store.To("reseller-3")))
	must(s.Redeem(ctx, store.Redemption{Code: codes[0]}))
	for _, r := range must(s.RevokeRef(ctx, store.RefChange{Ref: "reseller-3", Reason: "contract ended"})) {
		fmt.Println(r.Err)
	}
	// Unordered output:
	// code is already redeemed
	// <nil>
}

func ExampleStore_Advance() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	r := must(s.Redeem(ctx, store.Redemption{Code: "CARD-0001"}))
	if err := s.Advance(ctx, "rewards", r.Number); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Cursor("rewards") == r.Number, errors.Is(s.Advance(ctx, "rewards", r.Number+100), store.ErrBeyond))
	// Output:
	// true true
}

// Order numbers say their day and type to everybody, and nothing else.
func ExampleStore_Orders() {
	s, done := exampleStore()
	defer done()
	codec := must(gen.NewOrderCodec(gen.OrderLayout{TypeDigits: 2, SequenceDigits: 9}, []byte("32 random bytes, kept with care")))
	orders := must(s.Orders(codec, time.UTC))
	o := must(orders.New(context.Background(), 42))
	text := codec.Text(o.Number) // such as "261126427301849258"
	fmt.Println(len(text), text[6:8])

	read := must(codec.Parse(text[:6] + "-" + text[6:]))
	fmt.Println(read == o)
	_, err := codec.Parse(text[:17] + string('0'+(text[17]-'0'+1)%10))
	fmt.Println(errors.Is(err, gen.ErrCheckDigit))
	// Output:
	// 18 42
	// true
	// true
}

func ExampleStore_Sequence() {
	s, done := exampleStore()
	defer done()
	invoices := must(s.Sequence("invoices"))
	for range 3 {
		fmt.Println(must(invoices.Next(context.Background())))
	}
	// Output:
	// 0
	// 1
	// 2
}
