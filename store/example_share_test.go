package store_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"codepool/gen"
	"codepool/store"
)

// exampleShared opens an empty store in which it is noon.
func exampleShared() (s *store.Store, clk *clock, done func()) {
	dir, remove := temp()
	clk = newClock()
	clk.set(noon)
	s = must(store.Open(dir, &store.Options{Clock: clk.Now}))
	return s, clk, func() { _ = s.Close(); remove() }
}

// noon is when the examples begin.
var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// A shared batch is one token in front of many shares, here alike and worth a reward.
func ExampleStore_Share() {
	s, _, done := exampleShared()
	defer done()
	ctx := context.Background()
	info := must(s.Share(ctx, store.Shared{
		Token: "Winter-2026", Reward: "coins:100", Count: 2, NotAfter: noon.Add(30 * 24 * time.Hour), Key: "campaign-9",
	}))
	fmt.Println(info.Token, info.Count, info.State, info.NotAfter.Format(time.DateOnly))
	_, err := s.Share(ctx, store.Universal("WINTER2026", 10))
	fmt.Println(errors.Is(err, store.ErrTaken))
	// Output:
	// WINTER2026 2 open 2026-12-31
	// true
}

// Everybody types the same code, each once, until the quota is used up.
func ExampleUniversal() {
	s, _, done := exampleShared()
	defer done()
	ctx := context.Background()
	d := store.Universal("WELCOME", 2)
	d.Reward, d.For = "coins:100", 7*24*time.Hour
	must(s.Share(ctx, d))
	for _, user := range []string{"ann", "ann", "ben", "cat"} {
		r, err := s.Redeem(ctx, store.Redemption{Code: "welcome", User: user})
		if err != nil {
			fmt.Println(user, "-", err)
			continue
		}
		fmt.Println(user, "gets", r.Reward)
	}
	// Output:
	// ann gets coins:100
	// ann - user has reached the limit
	// ben gets coins:100
	// cat - no share is left
}

// What is left after 24 hours goes back to the sender.
func ExampleRedPacket() {
	s, clk, done := exampleShared()
	defer done()
	ctx := context.Background()
	yuan := must(gen.CurrencyOf("CNY"))
	packet := must(s.Share(ctx, store.RedPacket("ann", "CNY", gen.Split{Total: 10_000, Count: 4, Policy: gen.Even})))
	for _, user := range []string{"ben", "cat", "dan"} {
		r := must(s.Claim(ctx, store.Claim{Token: packet.Token, User: user}))
		fmt.Println(user, "gets", yuan.Format(r.Share.Amount))
	}
	clk.set(noon.Add(24 * time.Hour))
	info := must(s.LookupShared(ctx, store.SharedRef{Token: packet.Token}, ""))
	fmt.Println(info.State, yuan.Format(info.RefundedAmount), "to", info.Sender)
	// Output:
	// ben gets 25.00 CNY
	// cat gets 25.00 CNY
	// dan gets 25.00 CNY
	// over 25.00 CNY to ann
}

// Only others of the room take a part, within ten minutes.
func ExampleSprinkle() {
	s, clk, done := exampleShared()
	defer done()
	ctx := context.Background()
	split := gen.Split{Total: 3000, Count: 3, Policy: gen.Even}
	info := must(s.Share(ctx, store.Sprinkle("room-5", "ann", "KRW", split)))
	fmt.Println(len(info.Token), "characters")
	members := func(room, user string) bool { return room == "room-5" && user != "eve" }
	claim := func(user string) {
		r, err := s.Claim(ctx, store.Claim{Token: info.Token, Room: "room-5", User: user, Member: members})
		if err != nil {
			fmt.Println(user, "-", err)
			return
		}
		fmt.Println(user, "gets", r.Share.Amount, r.Share.Currency)
	}
	claim("ben")
	claim("ann")
	claim("eve")
	clk.set(noon.Add(10 * time.Minute))
	claim("cat")
	// Output:
	// 3 characters
	// ben gets 1000 KRW
	// ann - the sender may not claim
	// eve - user is not a member of the room
	// cat - it could be claimed until 2026-12-01T12:10:00Z
}

// A claim is repeated with its key: there is one share in it.
func ExampleStore_Claim() {
	s, _, done := exampleShared()
	defer done()
	ctx := context.Background()
	packet := must(s.Share(ctx, store.RedPacket("ann", "EUR", gen.Split{Total: 500, Count: 5, Policy: gen.Even})))
	c := store.Claim{Token: packet.Token, User: "ben", Key: "request-17"}
	first := must(s.Claim(ctx, c))
	again := must(s.Claim(ctx, c))
	fmt.Println(first.Share.Amount, first.Share.Currency, again.Number == first.Number)
	// Output:
	// 100 EUR true
}

// The sender ends it before its time is over, and gets back what is left.
func ExampleStore_EndShared() {
	s, _, done := exampleShared()
	defer done()
	ctx := context.Background()
	packet := must(s.Share(ctx, store.RedPacket("ann", "EUR", gen.Split{Total: 500, Count: 5, Policy: gen.Even})))
	must(s.Claim(ctx, store.Claim{Token: packet.Token, User: "ben"}))
	end := must(s.EndShared(ctx, store.SharedChange{SharedRef: store.SharedRef{Token: packet.Token}, By: "ann"}))
	fmt.Println(end.Shares, "shares worth", end.Amount, "go back to", end.Sender)
	_, err := s.Claim(ctx, store.Claim{Token: packet.Token, User: "cat"})
	fmt.Println(err)
	// Output:
	// 4 shares worth 400 go back to ann
	// shared batch was ended
}

// Another user can have the share then.
func ExampleStore_UndoClaim() {
	s, _, done := exampleShared()
	defer done()
	ctx := context.Background()
	must(s.Share(ctx, store.Universal("WELCOME", 1)))
	r := must(s.Claim(ctx, store.Claim{Token: "WELCOME", User: "ann"}))
	must(s.UndoClaim(ctx, store.ClaimChange{Number: r.Number, By: "desk", Reason: "refunded"}))
	r = must(s.Claim(ctx, store.Claim{Token: "WELCOME", User: "ben"}))
	fmt.Println(r.User)
	// Output:
	// ben
}

// Who was told the commitment when the packet was created can see in the end that the parts
// were fixed by then.
func ExampleStore_RevealShared() {
	s, _, done := exampleShared()
	defer done()
	ctx := context.Background()
	d := store.RedPacket("ann", "EUR", gen.Split{Total: 500, Count: 2})
	d.Commit = true
	packet := must(s.Share(ctx, d)) // publish packet.Commitment
	ref := store.SharedRef{Token: packet.Token}
	_, err := s.RevealShared(ctx, ref, "")
	fmt.Println(err)
	for _, user := range []string{"ben", "cat"} {
		must(s.Claim(ctx, store.Claim{Token: packet.Token, User: user}))
	}
	r := must(s.RevealShared(ctx, ref, ""))
	fmt.Println(fmt.Sprintf("%x", gen.Commit(r.Salt, r.Parts)) == packet.Commitment)
	fmt.Println(r.Parts[0]+r.Parts[1], "in", len(r.Parts), "parts")
	// Output:
	// shares can be claimed yet
	// true
	// 500 in 2 parts
}

func ExampleStore_ReceivedBy() {
	s, _, done := exampleShared()
	defer done()
	ctx := context.Background()
	for _, currency := range []string{"EUR", "KRW", "EUR"} {
		packet := must(s.Share(ctx, store.RedPacket("ann", currency, gen.Split{Total: 500, Count: 5, Policy: gen.Even})))
		must(s.Claim(ctx, store.Claim{Token: packet.Token, User: "ben"}))
	}
	for _, r := range must(s.ReceivedBy(ctx, "ben")) {
		fmt.Println(r.Amount, r.Currency, "in", r.Shares)
	}
	// Output:
	// 200 EUR in 2
	// 100 KRW in 1
}

// The newest come first.
func ExampleStore_ClaimsOf() {
	s, _, done := exampleShared()
	defer done()
	ctx := context.Background()
	packet := must(s.Share(ctx, store.RedPacket("ann", "EUR", gen.Split{Total: 500, Count: 5, Policy: gen.Even})))
	for _, user := range []string{"ben", "cat", "dan"} {
		must(s.Claim(ctx, store.Claim{Token: packet.Token, User: user}))
	}
	for r, err := range s.ClaimsOf(ctx, store.SharedRef{Token: packet.Token}, "ann", 0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.User, r.Share.Amount)
	}
	// Output:
	// dan 100
	// cat 100
	// ben 100
}

func ExampleStore_LookupShared() {
	s, _, done := exampleShared()
	defer done()
	ctx := context.Background()
	split := gen.Split{Total: 3000, Count: 3, Policy: gen.Even}
	sprinkled := must(s.Share(ctx, store.Sprinkle("room-5", "ann", "KRW", split)))
	must(s.Claim(ctx, store.Claim{Token: sprinkled.Token, Room: "room-5", User: "ben"}))
	ref := store.SharedRef{Token: sprinkled.Token, Room: "room-5"}
	_, err := s.LookupShared(ctx, ref, "ben")
	fmt.Println(err)
	info := must(s.LookupShared(ctx, ref, "ann"))
	fmt.Println(info.Claimed, "of", info.Count, "shares, worth", info.ClaimedAmount, info.Currency)
	// Output:
	// only the sender may look at it
	// 1 of 3 shares, worth 1000 KRW
}
