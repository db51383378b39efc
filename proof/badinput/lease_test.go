package badinput

import (
	"context"
	"fmt"
	"math"
	"time"

	"codepool/store"
)

// lease asks for a lease of a batch by name.
func lease(batch string, n int, ttl time.Duration, d store.Draw) func(*world) error {
	return batchNamed(batch, func(w *world, id store.BatchID) error { return leaseFrom(id, n, ttl, d)(w) })
}

func leaseFrom(id store.BatchID, n int, ttl time.Duration, d store.Draw) func(*world) error {
	return func(w *world) error {
		l, err := w.s.Lease(w.present, id, n, ttl, d)
		if err != nil && (l.Number != 0 || len(l.Codes) > 0) {
			w.fault("a lease beside the error: %+v", l)
		}
		return err
	}
}

func reserve(r store.Redemption, ttl time.Duration) func(*world) error {
	return func(w *world) error {
		r := r
		r.Code = w.names.Replace(r.Code)
		h, err := w.s.Reserve(w.present, r, ttl)
		if err != nil && h != (store.Hold{}) {
			w.fault("a reservation beside the error: %+v", h)
		}
		return err
	}
}

// end is a way to end a lease or reservation.
type end func(s *store.Store, ctx context.Context, e store.LeaseEnd) (number uint64, err error)

func acknowledge(s *store.Store, ctx context.Context, e store.LeaseEnd) (uint64, error) {
	done, err := s.Acknowledge(ctx, e)
	return done.Number, err
}

func giveBack(s *store.Store, ctx context.Context, e store.LeaseEnd) (uint64, error) {
	done, err := s.GiveBack(ctx, e)
	return done.Number, err
}

func cancel(s *store.Store, ctx context.Context, e store.LeaseEnd) (uint64, error) {
	done, err := s.Cancel(ctx, e)
	return done.Number, err
}

func confirm(s *store.Store, ctx context.Context, e store.LeaseEnd) (uint64, error) {
	rec, err := s.Confirm(ctx, e)
	return rec.Number, err
}

// of ends a lease or reservation that the world has by name.
func (do end) of(name string, e store.LeaseEnd) func(*world) error {
	return func(w *world) error {
		e := e
		e.Number = w.numbers[name]
		return do.as(e)(w)
	}
}

func (do end) as(e store.LeaseEnd) func(*world) error {
	return func(w *world) error {
		number, err := do(w.s, w.present, e)
		if err != nil && number != 0 {
			w.fault("record %d beside the error", number)
		}
		return err
	}
}

// endCases are what is wrong with every way to end what one has by name.
func endCases(what string, do end, has string) []apiCase {
	return []apiCase{
		{what + " number 0", do.as(store.LeaseEnd{}), store.ErrUnknownLease, " 0"},
		{what + " the greatest number", do.as(store.LeaseEnd{Number: math.MaxUint64}), store.ErrUnknownLease, " 18446744073709551615"},
		{what + " the number behind the last", func(w *world) error {
			return do.as(store.LeaseEnd{Number: w.s.Stats().Ledger + 1})(w)
		}, store.ErrUnknownLease, ""},
		{what + " a mint", do.as(store.LeaseEnd{Number: 1}), store.ErrUnknownLease, " 1"},
		{what + " a draw", do.as(store.LeaseEnd{Number: 2}), store.ErrUnknownLease, " 2"},
		{what + " no number, with a key", do.as(store.LeaseEnd{Key: "new"}), store.ErrUnknownLease, ""},
		{what + " by 1025 bytes", do.of(has, store.LeaseEnd{By: tooLong}), store.ErrInvalid, " has 1025 bytes: at most 1024"},
		{what + " by a text that is not UTF-8", do.of(has, store.LeaseEnd{By: "desk\xff"}), store.ErrInvalid, "not valid UTF-8"},
		{what + " by a text of two lines", do.of(has, store.LeaseEnd{By: "a\nb"}), store.ErrInvalid, "control character"},
		{what + " with a key of 1025 bytes", do.of(has, store.LeaseEnd{Key: tooLong}), store.ErrInvalid, "Key has 1025 bytes"},
		{what + " with a key that is not UTF-8", do.of(has, store.LeaseEnd{Key: "\xff"}), store.ErrInvalid, "Key is not valid UTF-8"},
		{what + " with a key with a NUL", do.of(has, store.LeaseEnd{Key: "\x00"}), store.ErrInvalid, "Key holds a control character"},
		{what + " nothing by nobody there can be", do.as(store.LeaseEnd{By: "\x7f"}), store.ErrInvalid, ""},
	}
}

// times are those for which nothing can be leased or reserved.
var times = map[string]time.Duration{
	"no time": 0, "a negative time": -time.Second, "the least time": math.MinInt64, "less than a microsecond": time.Microsecond - 1, "minus a nanosecond": -1,
}

var leaseCases = func() []apiCase {
	cases := []apiCase{
		{"none", lease("lent", 0, time.Hour, store.To("x")), store.ErrInvalid, "draw of 0 codes: want 1 to 100000"},
		{"less than none", lease("lent", -1, time.Hour, store.To("x")), store.ErrInvalid, "draw of -1 codes"},
		{"the least number", lease("lent", math.MinInt32, time.Hour, store.To("x")), store.ErrInvalid, ""},
		{"one more than in a draw", lease("lent", store.MaxIssue+1, time.Hour, store.To("x")), store.ErrInvalid, "draw of 100001 codes"},
		{"one more than there are", lease("lent", 6, time.Hour, store.To("x")), store.ErrEmpty, `batch "lent" has 5, asked for 6`},
		{"one more than there are, with a key", lease("lent", 6, time.Hour, store.To("x").Once("lease-6")), store.ErrEmpty, ""},
		{"from a batch that is over", lease("over", 1, time.Hour, store.To("x")), store.ErrExpired, `batch "over" ended`},
		{"from a batch that was cut off", lease("cut", 1, time.Hour, store.To("x")), store.ErrEmpty, ""},
		{"from batch 0", leaseFrom(0, 1, time.Hour, store.To("x")), store.ErrUnknownBatch, "number 0"},
		{"from the greatest batch", leaseFrom(1<<32-1, 1, time.Hour, store.To("x")), store.ErrUnknownBatch, ""},
		{"to 1025 bytes", lease("lent", 1, time.Hour, store.To(tooLong)), store.ErrInvalid, "Ref has 1025 bytes"},
		{"to a text that is not UTF-8", lease("lent", 1, time.Hour, store.To("\xff")), store.ErrInvalid, "Ref is not valid UTF-8"},
		{"to a text with a NUL", lease("lent", 1, time.Hour, store.To("a\x00")), store.ErrInvalid, "Ref holds"},
		{"with a key of 1025 bytes", lease("lent", 1, time.Hour, store.To("x").Once(tooLong)), store.ErrInvalid, "Key has 1025 bytes"},
		{"with a key with a line feed", lease("lent", 1, time.Hour, store.To("x").Once("a\n")), store.ErrInvalid, "Key holds"},
		{"with a used key, to another", lease("lent", 2, time.Hour, store.To("x").Once("lease-1")), store.ErrKeyConflict, `key "lease-1" drew for "order-5"`},
		{"with a used key, one less", lease("lent", 1, time.Hour, store.To("order-5").Once("lease-1")), store.ErrKeyConflict, "drew 2 codes, not 1"},
		{"with a used key, more than there are", lease("lent", 99, time.Hour, store.To("order-5").Once("lease-1")), store.ErrKeyConflict, ""},
		{"with a used key, for another time", lease("lent", 2, time.Minute, store.To("order-5").Once("lease-1")), store.ErrKeyConflict, `key "lease-1" leased until`},
		{"with a used key, a microsecond longer", lease("lent", 2, time.Hour+time.Microsecond, store.To("order-5").Once("lease-1")), store.ErrKeyConflict, ""},
		{"with a used key, from another batch", lease("launch", 2, time.Hour, store.To("order-5").Once("lease-1")), store.ErrKeyConflict, "from batch"},

		{"acknowledge twice", end(acknowledge).of("acked", store.LeaseEnd{By: "desk"}), store.ErrLeaseEnded, "has ended"},
		{"acknowledge twice, with a new key", end(acknowledge).of("acked", store.LeaseEnd{By: "desk", Key: "ack-2"}), store.ErrLeaseEnded, ""},
		{"acknowledge late", end(acknowledge).of("past", store.LeaseEnd{}), store.ErrLeaseOver, "is over"},
		{"acknowledge late, with a key", end(acknowledge).of("past", store.LeaseEnd{Key: "ack-3"}), store.ErrLeaseOver, ""},
		{"acknowledge what was given back", end(acknowledge).of("back", store.LeaseEnd{}), store.ErrLeaseEnded, ""},
		{"acknowledge a reservation", end(acknowledge).of("hold", store.LeaseEnd{}), store.ErrUnknownLease, ""},
		{"acknowledge a reservation that has ended", end(acknowledge).of("bought", store.LeaseEnd{}), store.ErrUnknownLease, ""},
		{"acknowledge with another lease's key", end(acknowledge).of("lease", store.LeaseEnd{By: "desk", Key: "ack-1"}), store.ErrKeyConflict, `key "ack-1" acknowledged lease`},
		{"acknowledge with another's key", end(acknowledge).of("acked", store.LeaseEnd{By: "shop", Key: "ack-1"}), store.ErrKeyConflict, "for somebody else"},
		{"acknowledge nothing with a used key", end(acknowledge).as(store.LeaseEnd{By: "desk", Key: "ack-1"}), store.ErrKeyConflict, ""},
		{"acknowledge late, with the key of giving back", end(acknowledge).of("past", store.LeaseEnd{By: "desk", Key: "giveback-1"}), store.ErrLeaseOver, ""},
		{"give back twice", end(giveBack).of("back", store.LeaseEnd{By: "desk"}), store.ErrLeaseEnded, ""},
		{"give back late", end(giveBack).of("past", store.LeaseEnd{}), store.ErrLeaseOver, ""},
		{"give back what was acknowledged", end(giveBack).of("acked", store.LeaseEnd{}), store.ErrLeaseEnded, ""},
		{"give back a reservation", end(giveBack).of("hold", store.LeaseEnd{}), store.ErrUnknownLease, ""},
		{"give back with another lease's key", end(giveBack).of("lease", store.LeaseEnd{By: "desk", Key: "giveback-1"}), store.ErrKeyConflict, `key "giveback-1" gave back lease`},
		{"give back with another's key", end(giveBack).of("back", store.LeaseEnd{Key: "giveback-1"}), store.ErrKeyConflict, ""},
	}
	for what, ttl := range times {
		cases = append(cases, apiCase{"for " + what, lease("lent", 1, ttl, store.To("x")), store.ErrInvalid, fmt.Sprintf("lease for %v: want a microsecond at least", ttl)},
			apiCase{"for " + what + ", from no batch", leaseFrom(99, 1, ttl, store.To("x")), store.ErrInvalid, ""})
	}
	cases = append(cases, endCases("acknowledge", acknowledge, "lease")...)
	return append(cases, endCases("give back", giveBack, "lease")...)
}()

var holdCases = func() []apiCase {
	held := func(r store.Redemption) func(*world) error { return reserve(r, time.Hour) }
	cases := []apiCase{
		{"no code", held(store.Redemption{}), store.ErrUnknownCode, ""},
		{"a code nobody minted", held(store.Redemption{Code: "0000-0000-0000", User: "ann"}), store.ErrUnknownCode, ""},
		{"a text of 65 bytes", held(store.Redemption{Code: tooLong[:65]}), store.ErrUnknownCode, ""},
		{"a code in the wrong namespace", held(store.Redemption{Code: "$ISSUED", Namespace: "shop"}), store.ErrUnknownCode, ""},
		{"stock", held(store.Redemption{Code: "GIVEN1"}), store.ErrNotIssued, ""},
		{"what is redeemed", held(store.Redemption{Code: "$SPENT", User: "ann"}), store.ErrAlreadyRedeemed, ""},
		{"what is redeemed, with the key of that", held(store.Redemption{Code: "$SPENT", User: "ann", Key: "req-1"}), store.ErrAlreadyRedeemed, ""},
		{"before the window", held(store.Redemption{Code: "LATER1"}), store.ErrNotYetValid, ""},
		{"after the window", held(store.Redemption{Code: "PAST1"}), store.ErrExpired, ""},
		{"for a user of 1025 bytes", held(store.Redemption{Code: "$ISSUED", User: tooLong}), store.ErrInvalid, "User has 1025 bytes"},
		{"for a user that is not UTF-8", held(store.Redemption{Code: "$ISSUED", User: "\xff"}), store.ErrInvalid, "User is not"},
		{"with a key with a NUL", held(store.Redemption{Code: "$ISSUED", Key: "\x00"}), store.ErrInvalid, "Key holds"},
		{"what is reserved", held(store.Redemption{Code: "$HELD", User: "ben"}), store.ErrReserved, "code is reserved"},
		{"what is reserved, for the same user", held(store.Redemption{Code: "$HELD", User: "ann"}), store.ErrReserved, ""},
		{"what is reserved, with a new key", held(store.Redemption{Code: "$HELD", User: "ann", Key: "hold-9"}), store.ErrReserved, ""},
		{"what is leased", held(store.Redemption{Code: "$LEASED"}), store.ErrNotIssued, ""},
		{"with a used key, another code", held(store.Redemption{Code: "$ISSUED", User: "ann", Key: "hold-1"}), store.ErrKeyConflict, `key "hold-1" reserved another code`},
		{"with a used key, another user", held(store.Redemption{Code: "$HELD", User: "ben", Key: "hold-1"}), store.ErrKeyConflict, "another user"},
		{"with a used key, another time", reserve(store.Redemption{Code: "$HELD", User: "ann", Key: "hold-1"}, time.Minute), store.ErrKeyConflict, "another time"},
		{"with a used key, no code", held(store.Redemption{Code: "nope", User: "ann", Key: "hold-1"}), store.ErrUnknownCode, ""},

		{"confirm twice", end(confirm).of("bought", store.LeaseEnd{}), store.ErrLeaseEnded, ""},
		{"confirm twice, with a new key", end(confirm).of("bought", store.LeaseEnd{Key: "buy-2"}), store.ErrLeaseEnded, ""},
		{"confirm what was cancelled", end(confirm).of("dropped", store.LeaseEnd{}), store.ErrLeaseEnded, ""},
		{"confirm late", end(confirm).of("late", store.LeaseEnd{}), store.ErrLeaseOver, ""},
		{"confirm a lease", end(confirm).of("lease", store.LeaseEnd{}), store.ErrUnknownLease, ""},
		{"confirm a lease that has ended", end(confirm).of("acked", store.LeaseEnd{}), store.ErrUnknownLease, ""},
		{"confirm for the user", end(confirm).of("hold", store.LeaseEnd{By: "ann"}), store.ErrInvalid, `By is "ann": a confirmation is for the user of the reservation`},
		{"confirm with another reservation's key", end(confirm).of("hold", store.LeaseEnd{Key: "buy-1"}), store.ErrKeyConflict, `key "buy-1" redeemed another code`},
		{"confirm with the key of a redemption", end(confirm).of("hold", store.LeaseEnd{Key: "req-1"}), store.ErrKeyConflict, `key "req-1"`},
		{"confirm nothing with a used key", end(confirm).as(store.LeaseEnd{Key: "buy-1"}), store.ErrKeyConflict, ""},
		{"redeem with the key of a confirmation", redeem(store.Redemption{Code: "$ISSUED", User: "ann", Key: "buy-1"}), store.ErrKeyConflict, ""},
		{"cancel twice", end(cancel).of("dropped", store.LeaseEnd{By: "desk"}), store.ErrLeaseEnded, ""},
		{"cancel what was confirmed", end(cancel).of("bought", store.LeaseEnd{}), store.ErrLeaseEnded, ""},
		{"cancel late", end(cancel).of("late", store.LeaseEnd{}), store.ErrLeaseOver, ""},
		{"cancel a lease", end(cancel).of("lease", store.LeaseEnd{}), store.ErrUnknownLease, ""},
		{"cancel with another reservation's key", end(cancel).of("hold", store.LeaseEnd{By: "desk", Key: "drop-1"}), store.ErrKeyConflict, `key "drop-1" cancelled reservation`},
		{"cancel with another's key", end(cancel).of("dropped", store.LeaseEnd{By: "shop", Key: "drop-1"}), store.ErrKeyConflict, ""},
	}
	for what, ttl := range times {
		cases = append(cases, apiCase{"for " + what, reserve(store.Redemption{Code: "$ISSUED", User: "ann"}, ttl), store.ErrInvalid, fmt.Sprintf("reservation for %v: want a microsecond at least", ttl)},
			apiCase{"no code, for " + what, reserve(store.Redemption{}, ttl), store.ErrInvalid, ""})
	}
	cases = append(cases, endCases("confirm", confirm, "hold")...)
	return append(cases, endCases("cancel", cancel, "hold")...)
}()

// lentCases ask for steps of codes that somebody else has for a time, or has burned.
var lentCases = []apiCase{
	{"redeem what is leased", code("$LEASED"), store.ErrNotIssued, ""},
	{"redeem what is leased, with a key", redeem(store.Redemption{Code: "$LEASED", User: "ann", Key: "req-20"}), store.ErrNotIssued, ""},
	{"check what is leased", check(store.Redemption{Code: "$LEASED"}), store.ErrNotIssued, ""},
	{"release what is leased", release(store.Change{Code: "$LEASED"}), store.ErrNotIssued, ""},
	{"undo what is leased", undo(store.Change{Code: "$LEASED"}), store.ErrNotRedeemed, ""},
	{"redeem what is reserved", redeem(store.Redemption{Code: "$HELD", User: "ben"}), store.ErrReserved, ""},
	{"redeem what is reserved, as the user", redeem(store.Redemption{Code: "$HELD", User: "ann"}), store.ErrReserved, ""},
	{"redeem what is reserved, with the key of that", redeem(store.Redemption{Code: "$HELD", User: "ann", Key: "hold-1"}), store.ErrReserved, ""},
	{"check what is reserved", check(store.Redemption{Code: "$HELD", User: "ann"}), store.ErrReserved, ""},
	{"release what is reserved", release(store.Change{Code: "$HELD"}), store.ErrReserved, ""},
	{"undo what is reserved", undo(store.Change{Code: "$HELD"}), store.ErrNotRedeemed, ""},
	{"redeem what was confirmed", redeem(store.Redemption{Code: "$BOUGHT", User: "ann"}), store.ErrAlreadyRedeemed, ""},
	{"redeem what was confirmed, as another with its key", redeem(store.Redemption{Code: "$BOUGHT", User: "ben", Key: "buy-1"}), store.ErrKeyConflict, ""},
	{"release what was confirmed", release(store.Change{Code: "$BOUGHT"}), store.ErrAlreadyRedeemed, ""},
	{"revoke what was confirmed", revoke(store.Change{Code: "$BOUGHT"}), store.ErrAlreadyRedeemed, ""},
	{"redeem what was taken", redeem(store.Redemption{Code: "$TAKEN", User: "ann"}), store.ErrAlreadyRedeemed, ""},
	{"redeem what was taken, with the key of that", redeem(store.Redemption{Code: "$TAKEN", User: "ann", Key: "take-1"}), store.ErrAlreadyRedeemed, ""},
	{"reserve what was taken", reserve(store.Redemption{Code: "$TAKEN", User: "ann"}, time.Hour), store.ErrAlreadyRedeemed, ""},
	{"release what was taken", release(store.Change{Code: "$TAKEN", By: "desk"}), store.ErrAlreadyRedeemed, ""},
	{"release what was taken, with a key", release(store.Change{Code: "$TAKEN", By: "desk", Key: "back-7"}), store.ErrAlreadyRedeemed, ""},
	{"revoke what was taken", revoke(store.Change{Code: "$TAKEN"}), store.ErrAlreadyRedeemed, ""},
	{"release by reference what is leased", refusedByRef((*store.Store).ReleaseRef, "order-5", 2), store.ErrNotIssued, ""},
	{"undo an undo", undo(store.Change{Code: "$UNDONE", By: "desk"}), store.ErrNotRedeemed, ""},
	{"undo an undo, with a new key", undo(store.Change{Code: "$UNDONE", By: "desk", Key: "undo-2"}), store.ErrNotRedeemed, ""},
}
