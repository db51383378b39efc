package linear

import (
	"slices"
	"strings"
	"testing"

	"codepool/store"
)

// The checker is checked by histories made by hand: lawful ones pass and each break of a
// rule is found, for its own reason.

const (
	codeA = "AAAA"
	codeB = "BBBB"
)

// at gives a call its moments.
func at(call, ret int64, o op) *op {
	o.call, o.ret = call, ret
	switch {
	case o.err != nil || o.number == 0:
	case o.verb == redeem || o.verb == confirm || o.verb == lookup:
		o.said = sayReceipt(receiptOf(&o))
	default:
		o.said = sayReversed(o.verb, store.Changed{Number: o.number, Code: o.code, By: o.by, Key: o.key})
	}
	return &o
}

// receiptOf is the receipt that a redemption got, or that a lookup shows.
func receiptOf(o *op) store.Receipt {
	return store.Receipt{Number: o.number, Code: o.code, User: o.by, Key: o.key, At: instant(o.at)}
}

func draw(ref, key string, codes ...string) op {
	return op{verb: issue, by: ref, key: key, n: len(codes), codes: codes}
}

func noDraw(n int, ref, key string, err error) op {
	return op{verb: issue, by: ref, key: key, n: n, err: err}
}

func did(v verb, by, key string, number uint64) op {
	return op{verb: v, code: codeA, by: by, key: key, number: number}
}

func not(v verb, by, key string, err error) op {
	return op{verb: v, code: codeA, by: by, key: key, err: err}
}

func shows(o op) op {
	o.verb, o.code = lookup, codeA
	return o
}

// of changes the code of a call.
func (o op) of(code string) op { o.code = code; return o }

// in changes the epoch of a call.
func (o op) in(epoch int) op { o.epoch = epoch; return o }

// entry makes a call an entry of a RedeemAll.
func (o op) entry(call int) op { o.all = call; return o }

// clocked says what the clock showed.
func (o op) clocked(from, to int64) op { o.from, o.to = from, to; return o }

// lent is a lease of codeA, number 2, that is over at reading 5.
func lent() *op {
	return at(1, 2, op{verb: lease, by: "x", n: 1, codes: []string{codeA}, number: 2, until: 5, said: "lease 2"})
}

// reserved is codeA, issued and then reserved by u as number 2, until reading 5.
func reserved() []*op {
	return []*op{at(1, 2, draw("x", "", codeA)), at(3, 4, op{verb: reserve, code: codeA, by: "u", number: 2, until: 5})}
}

func finish(v verb, number uint64, err error) op {
	return op{verb: v, lease: 2, number: number, err: err}
}

// when makes an entry of a reading of the clock.
func when(number uint64, verb string, reading int64, e store.Entry) store.Entry {
	e.Number, e.Verb, e.At = number, verb, instant(reading)
	return e
}

var (
	unknown = store.ErrOutcomeUnknown
	noOrder = "no order of these calls"
)

var handmade = []struct {
	name     string
	until    int64 // 0: no window
	ops      []*op
	cuts     []cut
	receipts []uint64 // of calls in ops that are in the ledger; nil: of all that are certain
	entries  []store.Entry
	perUser  int
	finds    string // empty: lawful
}{
	{name: "a whole life", ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(redeem, "u", "", 2)), at(5, 6, did(undo, "", "", 3)),
		at(7, 8, did(release, "", "", 4)), at(9, 10, draw("y", "", codeA)), at(11, 12, shows(op{state: drawn, ref: "y"})),
	}},
	{name: "redeemed twice", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 6, did(redeem, "u", "", 2)), at(4, 5, did(redeem, "v", "", 3)),
	}},
	{name: "drawn twice", finds: noOrder, ops: []*op{at(1, 4, draw("x", "", codeA)), at(2, 3, draw("y", "", codeA))}},
	{name: "redeemed before its draw", finds: noOrder, ops: []*op{at(1, 2, did(redeem, "u", "", 1)), at(3, 4, draw("x", "", codeA))}},
	{name: "redeemed beside its draw", ops: []*op{at(1, 3, did(redeem, "u", "", 2)), at(2, 4, draw("x", "", codeA))}},
	{name: "released while redeemed", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(redeem, "u", "", 2)), at(5, 6, did(release, "", "", 3)),
	}},
	{name: "refused for a redemption that never was", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, not(redeem, "u", "", store.ErrAlreadyRedeemed)),
	}},
	{name: "refused for one that nobody knows of", receipts: []uint64{2}, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, op{verb: redeem, code: codeA, by: "u", err: unknown, number: 2}), at(5, 6, not(redeem, "v", "", store.ErrAlreadyRedeemed)),
	}},
	{name: "refused for one that did not happen", finds: noOrder, receipts: []uint64{}, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, not(redeem, "u", "", unknown)), at(5, 6, not(redeem, "v", "", store.ErrAlreadyRedeemed)),
	}},
	{name: "same key, same answer", ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(redeem, "u", "k", 2)), at(5, 6, did(undo, "", "", 3)),
		at(7, 8, did(redeem, "u", "k", 2)), at(9, 10, shows(op{state: drawn, ref: "x"})), at(11, 12, not(redeem, "v", "k", store.ErrKeyConflict)),
	}},
	{name: "same key, new answer", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(redeem, "u", "k", 2)), at(5, 6, did(undo, "", "", 3)), at(7, 8, did(redeem, "u", "k", 4)),
	}},
	{name: "same key, refused", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(redeem, "u", "k", 2)), at(5, 6, not(redeem, "u", "k", store.ErrAlreadyRedeemed)),
	}},
	{name: "a key's answer for another user", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(release, "u", "k", 2)), at(5, 6, did(release, "v", "k", 2)),
	}},
	{name: "a conflict with no other use", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, not(redeem, "u", "k", store.ErrKeyConflict)),
	}},
	{name: "a conflict with another code", ops: []*op{
		at(1, 2, draw("x", "", codeA, codeB)), at(3, 4, did(redeem, "u", "k", 2).of(codeB)), at(5, 6, not(redeem, "u", "k", store.ErrKeyConflict)),
	}},
	{name: "a conflict before the other use", finds: `key "k" of Redeem: ` + noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA, codeB)), at(3, 4, not(redeem, "u", "k", store.ErrKeyConflict)), at(5, 6, did(redeem, "u", "k", 2).of(codeB)),
	}},
	{name: "one key for two codes", finds: "have one key", ops: []*op{
		at(1, 2, draw("x", "", codeA, codeB)), at(3, 4, did(redeem, "u", "k", 2)), at(5, 6, did(redeem, "u", "k", 3).of(codeB)),
	}},
	{name: "a draw's key with two answers", finds: `key "k" of Issue: ` + noOrder, ops: []*op{
		at(1, 2, draw("x", "k", codeA)), at(3, 4, draw("x", "k", codeB)),
	}},
	{name: "an unknown release explains it", ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, not(release, "u", "", unknown)), at(5, 6, shows(op{state: drawn, ref: "x"})), at(7, 8, shows(op{state: inStock})),
	}},
	{name: "an unknown release after its store was closed", finds: noOrder, cuts: []cut{{moment: 5, last: 9}}, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, not(release, "u", "", unknown)),
		at(6, 7, shows(op{state: drawn, ref: "x"}).in(1)), at(8, 9, shows(op{state: inStock}).in(1)),
	}},
	{name: "the reference of another draw", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(redeem, "u", "", 2)), at(5, 6, shows(op{state: burned, ref: "y", number: 2, by: "u"})),
	}},
	{name: "numbers that fall", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 6, did(redeem, "u", "", 4)), at(4, 7, did(undo, "", "", 3)), at(8, 9, shows(op{state: drawn, ref: "x"})),
	}},
	{name: "numbers of two codes against time", finds: "was answered before", ops: []*op{
		at(1, 2, draw("x", "", codeA, codeB)), at(3, 4, did(redeem, "u", "", 5)), at(5, 6, did(redeem, "v", "", 4).of(codeB)),
	}},
	{name: "an answer that the ledger lacks", finds: "is not in the ledger", receipts: []uint64{}, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(redeem, "u", "", 2)),
	}},
	{name: "no stock", ops: []*op{at(1, 2, draw("x", "", codeA)), at(3, 4, noDraw(2, "y", "", store.ErrEmpty))}},
	{name: "no stock though there is", finds: "in stock all the time", ops: []*op{at(1, 2, draw("x", "", codeA)), at(3, 4, noDraw(1, "y", "", store.ErrEmpty))}},
	{name: "a draw that took half", finds: "a draw of 2 codes took 1", ops: []*op{
		at(1, 2, noDraw(2, "x", "", unknown)), at(3, 4, shows(op{state: drawn, ref: "x"})), at(5, 6, shows(op{state: inStock}).of(codeB)),
	}},
	{name: "a draw of other than asked for", finds: "has other than", ops: []*op{at(1, 2, op{verb: issue, by: "x", n: 2, codes: []string{codeA, codeA}})}},
	{name: "the later entry got it", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, not(redeem, "u", "", store.ErrAlreadyRedeemed).entry(1)), at(3, 4, did(redeem, "v", "", 2).entry(1)),
	}},
	{name: "the earlier entry got it", ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(redeem, "v", "", 2).entry(1)), at(3, 4, not(redeem, "u", "", store.ErrAlreadyRedeemed).entry(1)),
	}},
	{name: "expired", until: 5, ops: []*op{at(1, 2, draw("x", "", codeA)), at(3, 4, not(check, "", "", store.ErrExpired).clocked(4, 5))}},
	{name: "expired too early", until: 5, finds: noOrder, ops: []*op{at(1, 2, draw("x", "", codeA)), at(3, 4, not(check, "", "", store.ErrExpired).clocked(3, 4))}},
	{name: "valid too long", until: 5, finds: noOrder, ops: []*op{at(1, 2, draw("x", "", codeA)), at(3, 4, not(check, "", "", nil).clocked(5, 6))}},
	{name: "lost in a crash", receipts: []uint64{}, cuts: []cut{{crash: true, t0: 4, t1: 6, moment: 8, last: 1}}, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 5, did(redeem, "u", "", 2)), at(9, 10, shows(op{state: drawn, ref: "x"}).in(1)),
	}},
	{name: "an answer lost in a crash", finds: "was answered before the restart", receipts: []uint64{}, cuts: []cut{{crash: true, t0: 5, t1: 6, moment: 8, last: 1}}, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(redeem, "u", "", 2)), at(9, 10, shows(op{state: drawn, ref: "x"}).in(1)),
	}},
	{name: "a refusal whose reason was lost", finds: noOrder, receipts: []uint64{}, cuts: []cut{{crash: true, t0: 6, t1: 8, moment: 9, last: 1}}, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 7, did(redeem, "u", "", 2)), at(4, 5, not(redeem, "v", "", store.ErrAlreadyRedeemed)), at(10, 11, shows(op{state: drawn, ref: "x"}).in(1)),
	}},
	{name: "revoked", ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(revoke, "", "", 2)), at(5, 6, not(redeem, "u", "", store.ErrRevoked)), at(7, 8, shows(op{state: revoked})),
	}},
	{name: "redeemed after it was revoked", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(revoke, "", "", 2)), at(5, 6, did(redeem, "u", "", 3)),
	}},
	{name: "drawn after it was revoked", finds: noOrder, ops: []*op{at(1, 2, did(revoke, "", "", 2)), at(3, 4, draw("x", "", codeA))}},
	{name: "revoked while redeemed", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(redeem, "u", "", 2)), at(5, 6, did(revoke, "", "", 3)),
	}},
	{name: "a revocation lost in a crash", finds: noOrder, cuts: []cut{{crash: true, t0: 5, t1: 6, moment: 8, last: 2}}, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(revoke, "", "", 2)), at(9, 10, shows(op{state: drawn, ref: "x"}).in(1)),
	}},
	{name: "paused for a while", ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, op{verb: pause}), at(5, 6, not(redeem, "u", "", store.ErrPaused)),
		at(7, 8, op{verb: resume}), at(9, 10, did(redeem, "u", "", 2)),
	}},
	{name: "redeemed while paused", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, op{verb: pause}), at(5, 6, did(redeem, "u", "", 2)), at(7, 8, op{verb: resume}),
	}},
	{name: "redeemed beside a pause", ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 6, op{verb: pause}), at(4, 7, did(redeem, "u", "", 2)),
	}},
	{name: "drawn while paused", finds: noOrder, ops: []*op{at(1, 2, op{verb: pause}), at(3, 4, draw("x", "", codeA))}},
	{name: "refused for a pause that never was", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, not(redeem, "u", "", store.ErrPaused)),
	}},
	{name: "refused for a pause that was over", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, op{verb: pause}), at(5, 6, op{verb: resume}), at(7, 8, not(redeem, "u", "", store.ErrPaused)),
	}},
	{name: "a draw refused for a pause that was over", finds: "may not be refused so", ops: []*op{
		at(1, 2, op{verb: pause}), at(3, 4, op{verb: resume}), at(5, 6, noDraw(1, "x", "", store.ErrPaused)),
	}},
	{name: "a pause lost in a crash", finds: noOrder, cuts: []cut{{crash: true, t0: 5, t1: 6, moment: 8, last: 2}}, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, op{verb: pause}), at(9, 10, did(redeem, "u", "", 3).in(1)),
	}},
	{name: "the batch revoked", ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(redeem, "u", "", 2)), at(5, 6, op{verb: revokeBatch}), at(7, 8, did(undo, "", "", 3)),
		at(9, 10, shows(op{state: revoked})), at(11, 12, shows(op{state: revoked}).of(codeB)), at(13, 14, op{verb: pause, err: store.ErrRevoked}),
	}},
	{name: "paused twice, and revoked in between", ops: []*op{
		at(1, 2, op{verb: pause}), at(3, 4, op{verb: revokeBatch}), at(5, 6, op{verb: pause, err: store.ErrRevoked}), at(7, 8, op{verb: resume, err: store.ErrRevoked}), at(9, 10, op{verb: revokeBatch}),
	}},
	{name: "paused when it was revoked", finds: noOrder, ops: []*op{
		at(1, 2, op{verb: pause}), at(3, 4, op{verb: revokeBatch}), at(5, 6, op{verb: pause}),
	}},
	{name: "released after its batch was revoked", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, op{verb: revokeBatch}), at(5, 6, did(release, "", "", 2)),
	}},
	{name: "a draw from a batch that was not yet revoked", finds: "may not be refused so", ops: []*op{
		at(1, 2, noDraw(1, "x", "", store.ErrRevoked)), at(3, 4, op{verb: revokeBatch}),
	}},
	{name: "the batch revoked and retired", ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, op{verb: retire, err: store.ErrNotFinished}), at(5, 6, did(redeem, "u", "", 2)), at(7, 8, op{verb: revokeBatch}),
		at(9, 10, op{verb: retire}), at(11, 12, not(undo, "", "", store.ErrRetired)), at(13, 14, not(redeem, "v", "", store.ErrAlreadyRedeemed)), at(15, 16, op{verb: pause, err: store.ErrRetired}),
	}},
	{name: "undone after its batch was retired", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, did(redeem, "u", "", 2)), at(5, 6, op{verb: revokeBatch}), at(7, 8, op{verb: retire}), at(9, 10, did(undo, "", "", 3)),
	}},
	{name: "retired while a code can be used", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, op{verb: retire}),
	}},
	{name: "a lease that is over", ops: []*op{
		lent(), at(3, 4, not(redeem, "u", "", store.ErrNotIssued)), at(5, 6, draw("y", "", codeA)), at(7, 8, finish(acknowledge, 0, store.ErrLeaseOver)),
	}, entries: []store.Entry{when(2, "lease", 0, store.Entry{}), when(3, "over", 5, store.Entry{Lease: 2})}},
	{name: "drawn while leased", finds: noOrder, ops: []*op{lent(), at(3, 4, draw("y", "", codeA))}, entries: []store.Entry{when(2, "lease", 0, store.Entry{})}},
	{name: "acknowledged late", finds: noOrder, ops: []*op{lent(), at(3, 4, op{verb: acknowledge, lease: 2, number: 3, at: 5})},
		entries: []store.Entry{when(2, "lease", 0, store.Entry{}), when(3, "acknowledge", 5, store.Entry{Lease: 2})}},
	{name: "over too early", finds: noOrder, ops: []*op{lent()},
		entries: []store.Entry{when(2, "lease", 0, store.Entry{}), when(3, "over", 4, store.Entry{Lease: 2})}},
	{name: "ended twice", finds: "end lease 2", ops: []*op{lent(), at(3, 4, finish(giveBack, 3, nil)), at(5, 6, finish(giveBack, 4, nil))},
		entries: []store.Entry{when(2, "lease", 0, store.Entry{}), when(3, "give back", 0, store.Entry{Lease: 2}), when(4, "give back", 0, store.Entry{Lease: 2})}},
	{name: "refused for an end that never was", finds: "of that lease, yet", ops: []*op{lent(), at(3, 4, finish(acknowledge, 0, store.ErrLeaseEnded))},
		entries: []store.Entry{when(2, "lease", 0, store.Entry{})}},
	{name: "reserved and confirmed", ops: append(reserved(), at(5, 6, not(redeem, "v", "", store.ErrReserved)),
		at(7, 8, op{verb: confirm, lease: 2, code: codeA, number: 3}), at(9, 10, not(redeem, "v", "", store.ErrAlreadyRedeemed))),
		entries: []store.Entry{when(2, "reserve", 0, store.Entry{}), when(3, "confirm", 0, store.Entry{Lease: 2})}},
	{name: "redeemed while reserved", finds: noOrder, ops: append(reserved(), at(5, 6, did(redeem, "v", "", 3))),
		entries: []store.Entry{when(2, "reserve", 0, store.Entry{})}},
	{name: "more than the limit", finds: `gives "u" 2`, perUser: 1, ops: []*op{at(1, 2, draw("x", "", codeA, codeB)),
		at(3, 4, did(redeem, "u", "", 2)), at(5, 6, did(redeem, "u", "", 3).of(codeB))},
		entries: []store.Entry{when(2, "redeem", 0, store.Entry{User: "u", Code: codeA}), when(3, "redeem", 0, store.Entry{User: "u", Code: codeB})}},
	{name: "less than the limit", finds: "codes at the most", perUser: 2, ops: []*op{at(1, 2, draw("x", "", codeA, codeB)),
		at(3, 4, did(redeem, "u", "", 2)), at(5, 6, not(redeem, "u", "", store.ErrUserLimit).of(codeB))},
		entries: []store.Entry{when(2, "redeem", 0, store.Entry{User: "u", Code: codeA})}},
	{name: "the limit", perUser: 1, ops: []*op{at(1, 2, draw("x", "", codeA, codeB)),
		at(3, 4, did(redeem, "u", "", 2)), at(5, 6, not(redeem, "u", "", store.ErrUserLimit).of(codeB))},
		entries: []store.Entry{when(2, "redeem", 0, store.Entry{User: "u", Code: codeA})}},
	{name: "given up before it began", finds: noOrder, ops: []*op{
		at(1, 2, draw("x", "", codeA)), at(3, 4, not(release, "", "", errGaveUp)), at(5, 6, shows(op{state: inStock})),
	}},
}

func TestHandmade(t *testing.T) {
	for _, c := range handmade {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir()) // for the pictures
			h := &history{terms: terms{until: forever, perUser: c.perUser}, codes: []string{codeA, codeB}, ops: c.ops, cuts: c.cuts, entries: c.entries}
			h.born = &op{verb: born, client: -1, state: inStock}
			if c.until > 0 {
				h.terms.until = c.until
			}
			for _, o := range c.ops {
				h.end = max(h.end, o.ret+1)
				if (o.verb == redeem || o.verb == confirm) && o.number > 0 && (c.receipts == nil || slices.Contains(c.receipts, o.number)) {
					if r := receiptOf(o); !slices.Contains(h.receipts, r) {
						h.receipts = append(h.receipts, r)
					}
				}
			}
			slices.SortFunc(h.receipts, func(a, b store.Receipt) int { return int(a.Number) - int(b.Number) })
			h.check()
			found := strings.Join(h.problems, "\n")
			if c.finds == "" && found != "" || !strings.Contains(found, c.finds) {
				t.Errorf("found %q, want %q", found, c.finds)
			}
		})
	}
}
