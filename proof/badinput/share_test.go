package badinput

import (
	"math"
	"strings"
	"time"

	"codepool/gen"
	"codepool/store"
)

// packetOf is a red packet with a split.
func packetOf(split gen.Split) func(*world) error {
	return shareIt(store.RedPacket("ann", "CNY", split))
}

// with is a universal code of five shares, changed.
func with(change func(d *store.Shared)) func(*world) error {
	d := store.Universal("NEW", 5)
	change(&d)
	return shareIt(d)
}

// retried is the packet of the world, asked for again and changed.
func retried(change func(d *store.Shared)) func(*world) error {
	d := packet1
	change(&d)
	return shareIt(d)
}

var splitCases = []apiCase{
	{"a total below the count", packetOf(gen.Split{Total: 9, Count: 10}), gen.ErrSplit, "total of 9 in 10 parts leaves parts of nothing"},
	{"a total of 0", packetOf(gen.Split{Count: 10}), gen.ErrSplit, "total of 0"},
	{"a total below 0", packetOf(gen.Split{Total: -1, Count: 1}), gen.ErrSplit, "total of -1"},
	{"the least total", packetOf(gen.Split{Total: math.MinInt64, Count: 1}), gen.ErrSplit, ""},
	{"zero people", packetOf(gen.Split{Total: 100}), gen.ErrSplit, "0 parts"},
	{"less than nobody", packetOf(gen.Split{Total: 100, Count: -1}), gen.ErrSplit, "-1 parts"},
	{"more parts than there can be", packetOf(gen.Split{Total: 1 << 40, Count: gen.MaxParts + 1}), gen.ErrSplit, "10001 parts: write at most 10000"},
	{"a cap that cannot hold", packetOf(gen.Split{Total: 101, Count: 10, Most: 10}), gen.ErrSplit, "no part above 10, but 101 in 10 parts … write 11 or more"},
	{"a cap below the part with the rest", packetOf(gen.Split{Total: 109, Count: 10, Most: 18, Policy: gen.Rest}), gen.ErrSplit, "write 19 or more"},
	{"a cap below the largest ratio", packetOf(gen.Split{Total: 100, Most: 49, Policy: gen.Ratio, Ratios: []int64{1, 1}}), gen.ErrSplit, "write 50 or more"},
	{"a cap below 0", packetOf(gen.Split{Total: 100, Count: 2, Most: -1}), gen.ErrSplit, "a largest part of -1"},
	{"ratios that do not add up", packetOf(gen.Split{Total: 1000, Policy: gen.Ratio, Ratios: []int64{50, 49}, Sum: 100}), gen.ErrSplit, "add up to 99, not 100"},
	{"ratios that add up to too much", packetOf(gen.Split{Total: 1000, Policy: gen.Ratio, Ratios: []int64{math.MaxInt64, 1}}), gen.ErrSplit, "add up to more than"},
	{"a ratio of zero", packetOf(gen.Split{Total: 1000, Policy: gen.Ratio, Ratios: []int64{1, 0}}), gen.ErrSplit, "ratio 2 of 2 is 0"},
	{"a ratio below zero", packetOf(gen.Split{Total: 1000, Policy: gen.Ratio, Ratios: []int64{-1, 2}}), gen.ErrSplit, "ratio 1 of 2 is -1"},
	{"a part of zero", packetOf(gen.Split{Total: 3, Policy: gen.Ratio, Ratios: []int64{1, 1000}}), gen.ErrSplit, "gives a part of nothing"},
	{"no ratios", packetOf(gen.Split{Total: 3, Policy: gen.Ratio}), gen.ErrSplit, "no ratios"},
	{"ratios for another number of people", packetOf(gen.Split{Total: 10, Count: 3, Policy: gen.Ratio, Ratios: []int64{1, 1}}), gen.ErrSplit, "2 ratios for 3 parts"},
	{"ratios for a policy without", packetOf(gen.Split{Total: 10, Count: 2, Ratios: []int64{1, 1}}), gen.ErrSplit, "ratios for policy"},
	{"a policy that there is not", packetOf(gen.Split{Total: 10, Count: 2, Policy: 255}), gen.ErrSplit, "unknown policy 255"},
	{"a split of nothing", shareIt(store.RedPacket("ann", "CNY", gen.Split{})), store.ErrInvalid, "Count is 0: want 1 to … Currency and Commit are of a Split"},
	{"an unknown currency", shareIt(store.RedPacket("ann", "XXY", gen.Split{Total: 10, Count: 2})), gen.ErrCurrency, `unknown currency: "XXY"`},
	{"a currency in small letters", shareIt(store.RedPacket("ann", "cny", gen.Split{Total: 10, Count: 2})), gen.ErrCurrency, ""},
	{"a metal", shareIt(store.RedPacket("ann", "XAU", gen.Split{Total: 10, Count: 2})), gen.ErrCurrency, ""},
	{"no currency", shareIt(store.RedPacket("ann", "", gen.Split{Total: 10, Count: 2})), gen.ErrCurrency, ""},
	{"a currency of a megabyte", shareIt(store.RedPacket("ann", strings.Repeat("C", 1<<20), gen.Split{Total: 10, Count: 2})), gen.ErrCurrency, ""},
	{"a split, as what the store refuses", packetOf(gen.Split{Total: 9, Count: 10}), store.ErrInvalid, "shared batch: "},
	{"a currency, as what the store refuses", shareIt(store.RedPacket("ann", "XXY", gen.Split{Total: 10, Count: 2})), store.ErrInvalid, "Currency: "},
}

var sharedCases = []apiCase{
	{"no share", shareIt(store.Universal("NEW", 0)), store.ErrInvalid, "Count is 0: want 1 to 1099511627776"},
	{"less than no share", shareIt(store.Universal("NEW", -1)), store.ErrInvalid, "Count is -1"},
	{"one share too many", shareIt(store.Universal("NEW", store.MaxShares+1)), store.ErrInvalid, "Count is 1099511627777"},
	{"the greatest number of shares", shareIt(store.Universal("NEW", math.MaxInt64)), store.ErrInvalid, ""},
	{"a count and a split", with(func(d *store.Shared) { d.Split, d.Currency = gen.Split{Total: 10, Count: 5}, "CNY" }), store.ErrInvalid, "Count is 5 and there is a Split"},
	{"a count and a split of a cap alone", with(func(d *store.Shared) { d.Split.Most = 10 }), store.ErrInvalid, "Split"},
	{"a count and a split of a policy alone", with(func(d *store.Shared) { d.Split.Policy = gen.Even }), store.ErrInvalid, "Split"},
	{"a count and a split of a sum alone", with(func(d *store.Shared) { d.Split.Sum = 100 }), store.ErrInvalid, "Split"},
	{"a currency and no split", with(func(d *store.Shared) { d.Currency = "CNY" }), store.ErrInvalid, "Currency and Commit are of a Split"},
	{"a commitment to no split", with(func(d *store.Shared) { d.Commit = true }), store.ErrInvalid, "Currency and Commit are of a Split"},
	{"shares a user below unlimited", with(func(d *store.Shared) { d.PerUser = store.Unlimited - 1 }), store.ErrInvalid, "PerUser is -2: want 1 to 1000, or Unlimited"},
	{"shares a user above the greatest", with(func(d *store.Shared) { d.PerUser = store.MaxPerUser + 1 }), store.ErrInvalid, "PerUser is 1001"},
	{"not for a sender who is nobody", with(func(d *store.Shared) { d.NotSender = true }), store.ErrInvalid, "Sender is empty"},
	{"only for a sender who is nobody", with(func(d *store.Shared) { d.SenderOnly = true }), store.ErrInvalid, "Sender is empty"},
	{"a sprinkle by nobody", shareIt(store.Sprinkle("room", "", "KRW", gen.Split{Total: 10, Count: 2})), store.ErrInvalid, "Sender is empty"},

	{"for a time and until a time", with(func(d *store.Shared) { d.For, d.NotAfter = time.Hour, day(2999, 1, 1) }), store.ErrInvalid, "For and NotAfter both say when it ends"},
	{"kept for less than it is open", with(func(d *store.Shared) { d.For, d.Keep = time.Hour, time.Minute }), store.ErrInvalid, "Keep is 1m0s, less than For, which is 1h0m0s"},
	{"kept for less than until it ends", with(func(d *store.Shared) { d.Keep, d.NotAfter = time.Hour, day(2999, 1, 1) }), store.ErrInvalid, "Keep ends at … before the shares do, at 2999-01-01"},
	{"kept for a time and open for ever", with(func(d *store.Shared) { d.Keep = time.Hour }), store.ErrInvalid, "Keep"},
	{"for less than no time", with(func(d *store.Shared) { d.For = -1 }), store.ErrInvalid, "For is -1ns: want 1µs to"},
	{"for less than a microsecond", with(func(d *store.Shared) { d.For = time.Microsecond - 1 }), store.ErrInvalid, "For is 999ns"},
	{"for too long", with(func(d *store.Shared) { d.For = store.MaxShareTime + 1 }), store.ErrInvalid, "For is 876000h0m0.000000001s"},
	{"for the greatest time", with(func(d *store.Shared) { d.For = math.MaxInt64 }), store.ErrInvalid, "For is"},
	{"kept for less than no time", with(func(d *store.Shared) { d.Keep = math.MinInt64 }), store.ErrInvalid, "Keep is"},
	{"kept for too long", with(func(d *store.Shared) { d.Keep = store.MaxShareTime + time.Microsecond }), store.ErrInvalid, "Keep is"},
	{"a window that is empty", with(func(d *store.Shared) { d.NotBefore, d.NotAfter = day(2999, 1, 1), day(2999, 1, 1) }), store.ErrInvalid, "window ends at"},
	{"a window that is backwards", with(func(d *store.Shared) { d.NotBefore, d.NotAfter = day(2999, 1, 2), day(2999, 1, 1) }), store.ErrInvalid, "window ends at"},
	{"a window beyond all years", with(func(d *store.Shared) { d.NotAfter = day(10000, 1, 1) }), store.ErrInvalid, "window reaches year 10000"},
	{"a start behind the time for which it is open", with(func(d *store.Shared) { d.NotBefore, d.For = day(2999, 1, 1), time.Hour }), store.ErrInvalid, "window ends at"},

	{"a token of 65 bytes", shareIt(store.Universal(tooLong[:65], 5)), store.ErrInvalid, "Token: gen: the code is longer than 64 bytes"},
	{"a token of 1025 bytes", shareIt(store.Universal(tooLong, 5)), store.ErrInvalid, "Token: "},
	{"a token of a megabyte", shareIt(store.Universal(strings.Repeat("x", 1<<20), 5)), store.ErrInvalid, "Token: "},
	{"a token of blanks", shareIt(store.Universal("  ", 5)), store.ErrInvalid, "Token: gen: the code is empty"},
	{"a token of hyphens", shareIt(store.Universal("--", 5)), store.ErrInvalid, "Token: "},
	{"a token with a NUL", shareIt(store.Universal("NEW\x00", 5)), store.ErrInvalid, "Token: "},
	{"a token of two lines", shareIt(store.Universal("NE\nW", 5)), store.ErrInvalid, "Token: "},
	{"a token with an escape", shareIt(store.Universal("\x1b[2J", 5)), store.ErrInvalid, "Token: "},
	{"a token with a delete, case matters", with(func(d *store.Shared) { d.Token, d.Format.Class = "new\x7f", gen.AlnumCase }), store.ErrInvalid, "Token: "},
	{"a token that is not UTF-8", shareIt(store.Universal("NEW\xff", 5)), store.ErrInvalid, "Token: gen: the code is not valid UTF-8"},
	{"a random token of given codes", with(func(d *store.Shared) { d.Token, d.Format.Class = "", gen.Any }), store.ErrInvalid, "Token is empty and Format is of given codes"},
	{"a format of a class that there is not", with(func(d *store.Shared) { d.Format.Class = 99 }), gen.ErrFormat, "unknown class 99"},
	{"a random token of length -1", with(func(d *store.Shared) { d.Token, d.Format.Length = "", -1 }), gen.ErrFormat, "length -1"},
	{"a random token of length 65", with(func(d *store.Shared) { d.Token, d.Format.Length = "", 65 }), gen.ErrFormat, "64 in all"},
	{"a token that is taken", shareIt(store.Universal("PARTY", 5)), store.ErrTaken, `token "PARTY" is taken`},
	{"a token that is taken, written otherwise", shareIt(store.Universal(" pa-rty", 5)), store.ErrTaken, `token "PARTY" is taken`},
	{"a token whose shares are sold out", shareIt(store.Universal("SOLD", 5)), store.ErrTaken, ""},
	{"a token whose shares were ended", shareIt(store.Universal("ENDED", 5)), store.ErrTaken, ""},
	{"a token that is a code in stock", shareIt(store.Universal("GIVEN1", 5)), store.ErrTaken, `token "GIVEN1" is taken, by another shared batch or as a code`},
	{"a token that is a code in small letters", shareIt(store.Universal("given-1", 5)), store.ErrTaken, ""},
	{"a token that is a redeemed code", shareIt(store.Universal("$SPENT", 5)), store.ErrTaken, ""},
	{"a token that is a code of the namespace", with(func(d *store.Shared) { d.Token, d.Namespace = "SHOP1", "shop" }), store.ErrTaken, ""},
	{"a token that is taken in the namespace", with(func(d *store.Shared) { d.Token, d.Namespace = "SHOP-EARLY", "shop" }), store.ErrTaken, ""},
	{"a token that is taken in the room", shareIt(func() store.Shared {
		d := store.Sprinkle("room", "ann", "KRW", gen.Split{Total: 10, Count: 2})
		d.Token = "$SPRINKLE"
		return d
	}()), store.ErrTaken, ""},
	{"a token in a room that is full", shareIt(oneDigit), store.ErrNoToken, "all 10 tokens are taken"},
	{"a token with a used key, other shares", retried(func(d *store.Shared) { d.Split.Count = 6 }), store.ErrKeyConflict, `key "packet-1" created another shared batch`},
	{"a token with a used key, another total", retried(func(d *store.Shared) { d.Split.Total++ }), store.ErrKeyConflict, ""},
	{"a token with a used key, another cap", retried(func(d *store.Shared) { d.Split.Most = 999 }), store.ErrKeyConflict, ""},
	{"a token with a used key, another currency", retried(func(d *store.Shared) { d.Currency = "EUR" }), store.ErrKeyConflict, ""},
	{"a token with a used key, another sender", retried(func(d *store.Shared) { d.Sender = "ben" }), store.ErrKeyConflict, ""},
	{"a token with a used key, without commitment", retried(func(d *store.Shared) { d.Commit = false }), store.ErrKeyConflict, ""},
	{"a token with a used key, by another", retried(func(d *store.Shared) { d.By = "desk" }), store.ErrKeyConflict, ""},
	{"a token with a used key, in a room", retried(func(d *store.Shared) { d.Room = "room" }), store.ErrKeyConflict, ""},
	{"a token with a used key, a second shorter", retried(func(d *store.Shared) { d.For -= time.Second }), store.ErrKeyConflict, ""},
	{"a token with a used key, and a wrong split", retried(func(d *store.Shared) { d.Split.Count = 0 }), gen.ErrSplit, ""},
	{"everything wrong", shareIt(store.Shared{Token: "\xff", Room: "\x00", Count: -1, Currency: "X", PerUser: -5, NotSender: true, For: -1, Keep: -1, Commit: true}), store.ErrInvalid,
		"Room holds … Count is -1 … Currency and Commit … For is -1ns … Keep is -1ns … Sender is empty … PerUser is -5"},
}

// sharedTexts are the texts of a shared batch, each wrong in every way.
var sharedTexts = func() (cases []apiCase) {
	for name, set := range map[string]func(*store.Shared, string){
		"Namespace": func(d *store.Shared, text string) { d.Namespace = text }, "Room": func(d *store.Shared, text string) { d.Room = text },
		"Name": func(d *store.Shared, text string) { d.Name = text }, "Kind": func(d *store.Shared, text string) { d.Kind = text },
		"KindNo": func(d *store.Shared, text string) { d.KindNo = text }, "Reward": func(d *store.Shared, text string) { d.Reward = text },
		"Sender": func(d *store.Shared, text string) { d.Sender = text }, "By": func(d *store.Shared, text string) { d.By = text },
		"Key": func(d *store.Shared, text string) { d.Key = text },
	} {
		for _, bad := range badTexts {
			cases = append(cases, apiCase{name + bad.name, with(func(d *store.Shared) { set(d, bad.text) }), store.ErrInvalid, name + bad.says})
		}
	}
	return cases
}()

// badTexts are what no label can be.
var badTexts = []struct{ name, text, says string }{
	{" of 1025 bytes", tooLong, " has 1025 bytes: at most 1024 are allowed"},
	{" that is not UTF-8", "ann\xff", " is not valid UTF-8"},
	{" of two lines", "ann\nben", " holds a control character"},
	{" with a NUL", "\x00", " holds a control character"},
}
