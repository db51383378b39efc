package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"codepool/store"
)

// temp makes a directory for an example.
func temp() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "codepool")
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}

// exampleStore opens a store with three codes that are with their players already.
func exampleStore() (s *store.Store, done func()) {
	dir, remove := temp()
	s, err := store.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	cards := strings.NewReader("CARD-0001\nCARD-0002\nCARD-0003\n")
	_, err = s.Import(context.Background(), store.Batch{Name: "cards", Reward: "gold:100"}, cards, store.ImportOptions{HandedOut: true, Ref: "print run 7"})
	if err != nil {
		log.Fatal(err)
	}
	return s, func() { _ = s.Close(); remove() }
}

// The life of a code: minted, drawn for an order, redeemed once.
func Example() {
	dir, remove := temp()
	defer remove()
	s, err := store.Open(dir, nil) // nil: every answer is on the disk before you see it
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()

	b, err := s.Mint(ctx, store.Batch{Name: "launch", Kind: "membership", KindNo: "SVIP", Count: 10_000, Reward: "svip:30d"})
	if err != nil {
		log.Fatal(err)
	}
	codes, err := s.Issue(ctx, b.ID, 2, store.To("order-7")) // such as "7KQF-2M9X-T4WC"
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := s.Redeem(ctx, store.Redemption{Code: strings.ToLower(codes[0]), User: "player-42"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.User, "gets", receipt.Reward)

	_, err = s.Redeem(ctx, store.Redemption{Code: codes[0], User: "player-43"})
	fmt.Println(errors.Is(err, store.ErrAlreadyRedeemed), err)
	// Output:
	// player-42 gets svip:30d
	// true code is already redeemed
}

func ExampleOpen() {
	dir, remove := temp()
	defer remove()
	s, err := store.Open(dir, &store.Options{Shards: 3, MaxPending: 1})
	fmt.Println(s == nil, errors.Is(err, store.ErrInvalid))
	fmt.Println(err)
	// Output:
	// true true
	// invalid argument: options: Shards is 3: want a power of two from 1 to 65536
	// MaxPending is 1: want 64 KiB to 1 GiB
}

func ExampleStore_Mint() {
	dir, remove := temp()
	defer remove()
	s, err := store.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	b, err := s.Mint(context.Background(), store.Batch{Name: "autumn", Count: 1000, Reward: "hat"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(b.ID, b.Name, b.Format, b.Counts.Available)
	// Output:
	// 1 autumn crockford:12:4 1000
}

func ExampleStore_Issue() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	b, err := s.Mint(ctx, store.Batch{Name: "autumn", Count: 5})
	if err != nil {
		log.Fatal(err)
	}
	codes, err := s.Issue(ctx, b.ID, 3, store.To("order-7"))
	fmt.Println(len(codes), err)
	_, err = s.Issue(ctx, b.ID, 3, store.To("order-8"))
	fmt.Println(err)
	// Output:
	// 3 <nil>
	// not enough codes in stock: batch "autumn" has 2, asked for 3
}

// A draw with a key can be repeated until its answer arrives.
func ExampleDraw_Once() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	b, err := s.Mint(ctx, store.Batch{Name: "autumn", Count: 1000})
	if err != nil {
		log.Fatal(err)
	}
	d := store.To("order-7").Once("request-1")
	first, err := s.Issue(ctx, b.ID, 1, d)
	if err != nil {
		log.Fatal(err)
	}
	again, err := s.Issue(ctx, b.ID, 1, d)
	fmt.Println(first[0] == again[0], err)
	_, err = s.Issue(ctx, b.ID, 2, d)
	fmt.Println(errors.Is(err, store.ErrKeyConflict))
	// Output:
	// true <nil>
	// true
}

func ExampleStore_Redeem() {
	s, done := exampleStore()
	defer done()
	r := store.Redemption{Code: "card 0001", User: "player-42", Key: "request-9"}
	first, err := s.Redeem(context.Background(), r)
	fmt.Println(first.Code, first.Reward, err)
	again, err := s.Redeem(context.Background(), r) // the connection broke; the same key gets the same receipt
	fmt.Println(again.Number == first.Number, err)
	// Output:
	// CARD0001 gold:100 <nil>
	// true <nil>
}

func ExampleStore_RedeemAll() {
	s, done := exampleStore()
	defer done()
	results := s.RedeemAll(context.Background(), []store.Redemption{
		{Code: "CARD-0001", User: "a"}, {Code: "CARD-9999", User: "b"}, {Code: "CARD-0001", User: "c"}, {Code: "CARD-0002", User: "d"},
	})
	for _, r := range results {
		fmt.Println(r.Receipt.User, r.Err)
	}
	// Output:
	// a <nil>
	//  unknown code
	//  code is already redeemed
	// d <nil>
}

func ExampleStore_RedeemFunc() {
	s, done := exampleStore()
	defer done()
	answers := make(chan string, 1)
	s.RedeemFunc(context.Background(), store.Redemption{Code: "CARD-0003", User: "player-42"}, func(r store.Receipt, err error) {
		answers <- fmt.Sprint(r.User, " gets ", r.Reward, ", error ", err)
	})
	fmt.Println(<-answers)
	// Output:
	// player-42 gets gold:100, error <nil>
}

func ExampleStore_Release() {
	s, done := exampleStore()
	defer done()
	_, err := s.Release(context.Background(), store.Change{Code: "CARD-0001", By: "support"})
	fmt.Println(err)
	fmt.Println(s.Check(context.Background(), store.Redemption{Code: "CARD-0001"}))
	// Output:
	// <nil>
	// code has not been issued
}

func ExampleStore_Undo() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	_, err := s.Redeem(ctx, store.Redemption{Code: "CARD-0001", User: "player-42"})
	fmt.Println(err)
	_, err = s.Undo(ctx, store.Change{Code: "CARD-0001", By: "support", Key: "refund-7"})
	fmt.Println(err)
	fmt.Println(s.Check(ctx, store.Redemption{Code: "CARD-0001"}))
	// Output:
	// <nil>
	// <nil>
	// <nil>
}

func ExampleStore_Import() {
	s, done := exampleStore()
	defer done()
	stream := strings.NewReader("code,shop\nTREE-1,north\nTREE-2,south\ntree 1,north\nCARD-0001,north\n")
	report, err := s.Import(context.Background(), store.Batch{Name: "trees"}, stream, store.ImportOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Lines, "lines,", report.Added, "new,", report.DuplicateInFile, "repeated on", report.DuplicateLines, "and", report.DuplicateInStore, "known")

	_, err = s.Import(context.Background(), store.Batch{Name: "more"}, strings.NewReader("BUSH-1\nBUSH-2,south\n"), store.ImportOptions{})
	fmt.Println(err)
	// Output:
	// 4 lines, 2 new, 1 repeated on [4] and 1 known
	// line 2: the line has another number of fields than the first one
}

func ExampleStore_Check() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	fmt.Println(s.Check(ctx, store.Redemption{Code: "CARD-0001"}))
	fmt.Println(s.Check(ctx, store.Redemption{Code: "CARD-0009"}))
	// Output:
	// <nil>
	// unknown code
}

func ExampleStore_Lookup() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	if _, err := s.Redeem(ctx, store.Redemption{Code: "CARD-0002", User: "player-42"}); err != nil {
		log.Fatal(err)
	}
	info, err := s.Lookup(ctx, "", "card-0002")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Code, info.StateName, "from", info.BatchName, "to", info.Ref, "by", info.Receipt.User)
	// Output:
	// CARD0002 redeemed from cards to print run 7 by player-42
}

// A consumer of the ledger remembers the last number it has seen.
func ExampleStore_Receipts() {
	s, done := exampleStore()
	defer done()
	ctx := context.Background()
	for _, code := range []string{"CARD-0003", "CARD-0001"} {
		if _, err := s.Redeem(ctx, store.Redemption{Code: code}); err != nil {
			log.Fatal(err)
		}
	}
	last := uint64(0)
	for r, err := range s.Receipts(ctx, last) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Code)
		last = r.Number
	}
	for r := range s.Receipts(ctx, last) {
		fmt.Println("new:", r.Code)
	}
	// Output:
	// CARD0003
	// CARD0001
}

func ExampleStore_Verify() {
	s, done := exampleStore()
	defer done()
	report, err := s.Verify(context.Background())
	fmt.Println(report.OK(), report.Codes, err)
	// Output:
	// true 3 <nil>
}

func ExampleStore_Stats() {
	s, done := exampleStore()
	defer done()
	st := s.Stats()
	fmt.Println(st.Batches, st.Codes.Minted, st.Codes.Issued)
	// Output:
	// 1 3 3
}

func ExampleStore_Backup() {
	s, done := exampleStore()
	defer done()
	var stream bytes.Buffer // a file that you sync, in practice
	m, err := s.Backup(context.Background(), &stream)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Codes, "codes up to record", m.Sequence)

	dir, remove := temp()
	defer remove()
	if _, err := store.Restore(context.Background(), dir, &stream); err != nil {
		log.Fatal(err)
	}
	copied, err := store.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer copied.Close()
	fmt.Println(copied.Check(context.Background(), store.Redemption{Code: "CARD-0001"}))
	// Output:
	// 3 codes up to record 1
	// <nil>
}

func ExampleRestore() {
	dir, remove := temp()
	defer remove()
	_, err := store.Restore(context.Background(), dir, strings.NewReader("codepool backup, format 9\n..."))
	fmt.Println(errors.Is(err, store.ErrFormat))
	// Output:
	// true
}
