package store_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"codepool/gen"
	"codepool/store"
)

// A signed batch stores no codes: a million of them are a quarter of a megabyte, and what
// nobody with the key made is refused by arithmetic.
func ExampleBatch_signed() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "codepool-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(dir, &store.Options{SignKeys: []gen.SignKey{{ID: 1, Secret: []byte("32 random bytes, kept elsewhere..")}}})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	b, err := s.Mint(ctx, store.Batch{Name: "coupons", Count: 1_000_000, Signed: gen.DefaultLayout(), Reward: "10 % off"})
	if err != nil {
		log.Fatal(err)
	}
	codes, err := s.Issue(ctx, b.ID, 1, store.To("order-7"))
	if err != nil {
		log.Fatal(err)
	}
	r, err := s.Redeem(ctx, store.Redemption{Code: codes[0], User: "ann"})
	fmt.Println(r.Reward, err)
	_, err = s.Redeem(ctx, store.Redemption{Code: "0123-4567-89AB-CDEF"})
	fmt.Println(errors.Is(err, store.ErrForged), errors.Is(err, store.ErrUnknownCode))
	// Output:
	// 10 % off <nil>
	// true true
}
