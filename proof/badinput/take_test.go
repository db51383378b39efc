package badinput

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"codepool/shard"
	"codepool/store"
)

func take(batch string, n int, user string, d store.Draw) func(*world) error {
	return batchNamed(batch, func(w *world, id store.BatchID) error { return takeFrom(id, n, user, d)(w) })
}

func takeFrom(id store.BatchID, n int, user string, d store.Draw) func(*world) error {
	return func(w *world) error {
		got, err := w.s.Take(w.present, id, n, user, d)
		if err != nil && len(got) > 0 {
			w.fault("%d receipts beside the error", len(got))
		}
		return err
	}
}

var takeCases = []apiCase{
	{"none", take("lent", 0, "ann", store.To("x")), store.ErrInvalid, "draw of 0 codes"},
	{"less than none", take("lent", -1, "ann", store.To("x")), store.ErrInvalid, "draw of -1 codes"},
	{"one more than in a take", take("lent", store.MaxTake+1, "ann", store.To("x")), store.ErrInvalid, "take of 257 codes: want 1 to 256"},
	{"the greatest number", take("lent", math.MaxInt32, "ann", store.To("x")), store.ErrInvalid, "want 1 to 256"},
	{"one more than there are", take("lent", 6, "ann", store.To("x")), store.ErrEmpty, `batch "lent" has 5, asked for 6`},
	{"one more than there are, with a key", take("lent", 6, "ann", store.To("x").Once("take-6")), store.ErrEmpty, ""},
	{"for a user of 1025 bytes", take("lent", 1, tooLong, store.To("x")), store.ErrInvalid, "User has 1025 bytes: at most 1024"},
	{"for a user that is not UTF-8", take("lent", 1, "ann\xff", store.To("x")), store.ErrInvalid, "User is not valid UTF-8"},
	{"for a user with a tab", take("lent", 1, "a\tb", store.To("x")), store.ErrInvalid, "User holds a control character"},
	{"to 1025 bytes", take("lent", 1, "ann", store.To(tooLong)), store.ErrInvalid, "Ref has 1025 bytes"},
	{"to a text with a NUL", take("lent", 1, "ann", store.To("\x00")), store.ErrInvalid, "Ref holds"},
	{"with a key that is not UTF-8", take("lent", 1, "ann", store.To("x").Once("\xff")), store.ErrInvalid, "Key is not"},
	{"from batch 0", takeFrom(0, 1, "ann", store.To("x")), store.ErrUnknownBatch, "number 0"},
	{"from the greatest batch", takeFrom(1<<32-1, 1, "ann", store.To("x")), store.ErrUnknownBatch, ""},
	{"before the window", take("soon", 1, "ann", store.To("x")), store.ErrNotYetValid, ""},
	{"before the window, with a key", take("soon", 1, "ann", store.To("x").Once("take-7")), store.ErrNotYetValid, ""},
	{"after the window", take("over", 1, "ann", store.To("x")), store.ErrExpired, ""},
	{"for nobody, in a batch with a limit", take("rationed", 1, "", store.To("x")), store.ErrNoUser, ""},
	{"one more than the user may have", take("rationed", 1, "ann", store.To("x")), store.ErrUserLimit, ""},
	{"more than any user may have", take("rationed", 2, "ben", store.To("x")), store.ErrUserLimit, "0 of 1, and 2 are asked for"},
	{"with a used key, one less", take("lent", 1, "ann", store.To("order-7").Once("take-1")), store.ErrKeyConflict, "drew 2 codes, not 1"},
	{"with a used key, for another", take("lent", 2, "ben", store.To("order-7").Once("take-1")), store.ErrKeyConflict, `key "take-1" took for another user`},
	{"with a used key, for nobody", take("lent", 2, "", store.To("order-7").Once("take-1")), store.ErrKeyConflict, "another user"},
	{"with a used key, to another", take("lent", 2, "ann", store.To("order-1").Once("take-1")), store.ErrKeyConflict, `drew for "order-7"`},
	{"with a used key, from another batch", take("launch", 2, "ann", store.To("order-7").Once("take-1")), store.ErrKeyConflict, "from batch"},
}

func export(batch string, e store.Export) func(*world) error {
	return batchNamed(batch, func(w *world, id store.BatchID) error { return exportFrom(id, e)(w) })
}

func exportFrom(id store.BatchID, e store.Export) func(*world) error {
	return func(w *world) error {
		codes, err := w.s.Export(w.present, id, e)
		if err != nil && len(codes) > 0 {
			w.fault("%d codes beside the error", len(codes))
		}
		return err
	}
}

var exportCases = []apiCase{
	{"none", export("lent", store.Export{ID: "e", Account: "shop"}), store.ErrInvalid, ""},
	{"none, in part", export("lent", store.Export{ID: "e", Account: "shop", Partial: true}), store.ErrInvalid, ""},
	{"less than none", export("lent", store.Export{ID: "e", Account: "shop", Count: -1}), store.ErrInvalid, ""},
	{"the least number", export("lent", store.Export{ID: "e", Account: "shop", Count: math.MinInt32}), store.ErrInvalid, ""},
	{"one more than in an export", export("lent", store.Export{ID: "e", Account: "shop", Count: 10_000_001}), store.ErrInvalid, "export of 10000001 codes: want 1 to 10000000"},
	{"the greatest number, in part", export("lent", store.Export{ID: "e", Account: "shop", Count: math.MaxInt32, Partial: true}), store.ErrInvalid, "want 1 to 10000000"},
	{"one more than there are", export("lent", store.Export{ID: "e", Account: "shop", Count: 6}), store.ErrEmpty, `batch "lent" has 5, asked for 6`},
	{"in several parts more than there are", export("lent", store.Export{ID: "e", Account: "shop", Count: 3 * store.MaxIssue}), store.ErrEmpty, ""},
	{"in part from a batch that has none", export("cut", store.Export{ID: "e", Account: "shop", Count: 3, Partial: true}), store.ErrEmpty, `batch "cut" has none`},
	{"from a batch that is over", export("over", store.Export{ID: "e", Account: "ann", Count: 1}), store.ErrExpired, ""},
	{"from a batch that is over, in part", export("over", store.Export{ID: "e", Account: "ann", Count: 9, Partial: true}), store.ErrExpired, ""},
	{"from batch 0", exportFrom(0, store.Export{ID: "e", Account: "shop", Count: 1}), store.ErrUnknownBatch, "number 0"},
	{"without an ID", export("lent", store.Export{Account: "shop", Count: 1}), store.ErrInvalid, "ID is empty"},
	{"with an ID of 1025 bytes", export("lent", store.Export{ID: tooLong, Account: "shop", Count: 1}), store.ErrInvalid, "has 1025 bytes"},
	{"with an ID that is not UTF-8", export("lent", store.Export{ID: "\xff", Account: "shop", Count: 1}), store.ErrInvalid, "is not valid UTF-8"},
	{"with the ID of a part", export("lent", store.Export{ID: "list-1\x1f1", Account: "shop", Count: 1}), store.ErrInvalid, "control character"},
	{"by an account of 1025 bytes", export("lent", store.Export{ID: "e", Account: tooLong, Ref: "x", Count: 1}), store.ErrInvalid, ""},
	{"by an account that is not UTF-8", export("lent", store.Export{ID: "e", Account: "\xff", Ref: "x", Count: 1}), store.ErrInvalid, ""},
	{"by an account of two lines, as its reference too", export("lent", store.Export{ID: "e", Account: "a\nb", Count: 1}), store.ErrInvalid, "Account holds a control character"},
	{"to 1025 bytes", export("lent", store.Export{ID: "e", Account: "shop", Ref: tooLong, Count: 1}), store.ErrInvalid, "Ref has 1025 bytes"},
	{"by another than the owner", export("owned", store.Export{ID: "e", Account: "ben", Count: 1}), store.ErrNotOwner, `batch "owned" is of another account than "ben"`},
	{"by nobody", export("owned", store.Export{ID: "e", Count: 1}), store.ErrNotOwner, ""},
	{"by the owner in capitals", export("owned", store.Export{ID: "e", Account: "ANN", Count: 1}), store.ErrNotOwner, ""},
	{"by another than the owner, more than there are", export("owned", store.Export{ID: "e", Account: "ben", Count: 99}), store.ErrNotOwner, ""},
	{"by another by force, more than there are", export("owned", store.Export{ID: "e", Account: "ben", Count: 6, Override: true}), store.ErrEmpty, ""},
	{"with a used ID, fewer", export("lent", store.Export{ID: "list-1", Account: "shop", Count: 2}), store.ErrKeyConflict, `export "list-1" has 3 codes, not 2`},
	{"with a used ID, more", export("lent", store.Export{ID: "list-1", Account: "shop", Count: 4}), store.ErrKeyConflict, "not 4"},
	{"with a used ID, fewer in part", export("lent", store.Export{ID: "list-1", Account: "shop", Count: 2, Partial: true}), store.ErrKeyConflict, ""},
	{"with a used ID, by another", export("lent", store.Export{ID: "list-1", Account: "ben", Ref: "shop", Count: 3}), store.ErrKeyConflict, `by "shop"`},
	{"with a used ID, to another", export("lent", store.Export{ID: "list-1", Account: "shop", Ref: "ben", Count: 3}), store.ErrKeyConflict, `for "shop"`},
	{"with a used ID, from another batch", export("launch", store.Export{ID: "list-1", Account: "shop", Count: 3}), store.ErrKeyConflict, "was of batch"},
}

func advance(name string, number uint64) func(*world) error {
	return func(w *world) error { return w.s.Advance(w.present, name, number) }
}

func drop(name string) func(*world) error {
	return func(w *world) error { return w.s.DropCursor(w.present, name) }
}

// listed asks a listing for its error; beside that it gives nothing.
func listed[T any](list func(w *world) iter.Seq2[T, error]) func(*world) error {
	return func(w *world) (last error) {
		for v, err := range list(w) {
			if last = err; err == nil {
				w.fault("it gives %+v", v)
			}
		}
		return last
	}
}

func listCodes(id store.BatchID, after uint64, states ...shard.State) func(*world) error {
	return listed(func(w *world) iter.Seq2[store.BatchCode, error] { return w.s.Codes(w.present, id, after, states...) })
}

var cursorCases = []apiCase{
	{"cursor without a name", advance("", 1), store.ErrInvalid, "Name is empty"},
	{"cursor of 1025 bytes", advance(tooLong, 1), store.ErrInvalid, "Name has 1025 bytes"},
	{"cursor that is not UTF-8", advance("done\xff", 1), store.ErrInvalid, "Name is not valid UTF-8"},
	{"cursor with a NUL", advance("done\x00", 1), store.ErrInvalid, "Name holds a control character"},
	{"cursor of two lines", advance("done\n", 1), store.ErrInvalid, "Name holds"},
	{"cursor without a name, from the future", advance("", math.MaxUint64), store.ErrInvalid, "Name"},
	{"cursor from the future", func(w *world) error { return advance("done", w.s.Stats().Ledger+1)(w) }, store.ErrBeyond, `cursor "done" to … and the ledger ends at`},
	{"cursor from the far future", advance("done", math.MaxUint64), store.ErrBeyond, "18446744073709551615"},
	{"new cursor from the future", advance("new", 1<<63), store.ErrBeyond, ""},
	{"drop a cursor without a name", drop(""), store.ErrInvalid, "Name is empty"},
	{"drop a cursor of 1025 bytes", drop(tooLong), store.ErrInvalid, "Name has"},
	{"drop a cursor that is not UTF-8", drop("\xc3"), store.ErrInvalid, "Name is not"},
	{"drop a cursor with a delete", drop("done\x7f"), store.ErrInvalid, "Name holds"},

	{"codes of batch 0", listCodes(0, 0), store.ErrUnknownBatch, "number 0"},
	{"codes of the greatest batch", listCodes(1<<32-1, 0), store.ErrUnknownBatch, "number 4294967295"},
	{"codes of no batch behind the last place", listCodes(99, math.MaxUint64), store.ErrUnknownBatch, ""},
	{"codes in a state that there is not", listCodes(1, 0, shard.NumStates), store.ErrInvalid, "state 9"},
	{"codes in the greatest state", listCodes(1, 0, shard.Issued, 255), store.ErrInvalid, "state 255"},
	{"codes in a state that is a state with a bit more", listCodes(1, 0, shard.Available+16), store.ErrInvalid, "state 17"},
}

// nothing are listings that give nothing, which is no mistake.
var nothing = []goodCase{
	{"codes of a batch behind the last place", listCodes(1, math.MaxUint64)},
	{"codes of a batch behind its last run", listCodes(1, 1<<32|math.MaxUint32)},
	{"codes of a batch that has none in that state", batchNamed("small", func(w *world, id store.BatchID) error {
		return listCodes(id, 0, shard.Redeemed, shard.Revoked)(w)
	})},
	{"codes in a state that nobody sees", listCodes(1, 0, shard.Drawing, shard.Pending, shard.Void)},
	{"the ledger behind its end", func(w *world) error {
		for _, after := range []uint64{w.s.Stats().Ledger, w.s.Stats().Ledger + 1, math.MaxUint64} {
			if err := listed(func(w *world) iter.Seq2[store.Entry, error] { return w.s.Ledger(w.present, after) })(w); err != nil {
				return err
			}
			if err := listed(func(w *world) iter.Seq2[store.Receipt, error] { return w.s.Receipts(w.present, after) })(w); err != nil {
				return err
			}
		}
		return nil
	}},
}

var limitCases = []apiCase{
	{"redeem for nobody", code("$RATION"), store.ErrNoUser, "user is not named"},
	{"redeem for nobody, with a key", redeem(store.Redemption{Code: "$RATION", Key: "req-30"}), store.ErrNoUser, ""},
	{"reserve for nobody", reserve(store.Redemption{Code: "$RATION"}, time.Hour), store.ErrNoUser, ""},
	{"redeem one more", redeem(store.Redemption{Code: "$RATION", User: "ann"}), store.ErrUserLimit, "user has reached the limit"},
	{"redeem one more, with a key", redeem(store.Redemption{Code: "$RATION2", User: "ann", Key: "req-31"}), store.ErrUserLimit, ""},
	{"reserve one more", reserve(store.Redemption{Code: "$RATION", User: "ann"}, time.Hour), store.ErrUserLimit, ""},
	{"redeem the same again", redeem(store.Redemption{Code: "$EATEN", User: "ann"}), store.ErrAlreadyRedeemed, ""},
	{"mint a limit below 0", mint(store.Batch{Name: "new", Count: 1, PerUser: -1}), store.ErrInvalid, "PerUser is -1: want 0 (no limit) to 1000"},
	{"mint the least limit", mint(store.Batch{Name: "new", Count: 1, PerUser: math.MinInt32}), store.ErrInvalid, "PerUser"},
	{"mint a limit of 1001", mint(store.Batch{Name: "new", Count: 1, PerUser: store.MaxPerUser + 1}), store.ErrInvalid, "PerUser is 1001"},
	{"import with a limit below 0", importText(store.Batch{Name: "new", PerUser: -1}, "N1\n", store.ImportOptions{}), store.ErrInvalid, "PerUser"},
	{"mint more with another limit", mint(store.Batch{Name: "rationed", Count: 5, PerUser: 2}), store.ErrBatchExists, ""},

	{"redeem without a key what is reusable", redeem(store.Redemption{Code: "$REUSED", User: "ann"}), store.ErrNoKey, "idempotency key is missing"},
	{"reserve without a key what is reusable", reserve(store.Redemption{Code: "$REUSED", User: "ann"}, time.Hour), store.ErrNoKey, ""},
	{"redeem a former life with a new key", redeem(store.Redemption{Code: "$LIFE", User: "ann", Key: "life-2"}), store.ErrAlreadyRedeemed, ""},
	{"redeem a former life without a key", redeem(store.Redemption{Code: "$LIFE", User: "ann"}), store.ErrAlreadyRedeemed, ""},
	{"redeem another code with a life's key", redeem(store.Redemption{Code: "$REUSED", User: "ann", Key: "life-1"}), store.ErrKeyConflict, ""},
	{"redeem a life with its key as another", redeem(store.Redemption{Code: "$LIFE", User: "ben", Key: "life-1"}), store.ErrKeyConflict, ""},
	{"redeem what rests", redeem(store.Redemption{Code: "$RESTING", User: "ann", Key: "life-3"}), store.ErrNotIssued, ""},
	{"release what rests", release(store.Change{Code: "$RESTING"}), store.ErrNotIssued, ""},
	{"release what rests after a redemption", release(store.Change{Code: "$LIFE"}), store.ErrAlreadyRedeemed, ""},
	{"undo what rests after a release", undo(store.Change{Code: "$RESTING"}), store.ErrNotRedeemed, ""},
	{"draw what rests", issue("reused", 2, store.To("x")), store.ErrEmpty, `batch "reused" has 1, asked for 2`},
	{"mint a rest for what is not reusable", mint(store.Batch{Name: "new", Count: 1, Quarantine: time.Hour}), store.ErrInvalid, "quarantine is for a reusable batch"},
	{"mint a rest below 0", mint(store.Batch{Name: "new", Count: 1, Reusable: true, Quarantine: -time.Hour}), store.ErrInvalid, "quarantine is -1h0m0s: want 0 or more"},
	{"mint the least rest", mint(store.Batch{Name: "new", Count: 1, Reusable: true, Quarantine: math.MinInt64}), store.ErrInvalid, "quarantine"},
	{"mint a rest of nanoseconds", mint(store.Batch{Name: "new", Count: 1, Reusable: true, Quarantine: 1500}), store.ErrInvalid, "in microseconds"},
	{"import a rest for what is not reusable", importText(store.Batch{Name: "new", Quarantine: time.Hour}, "N1\n", store.ImportOptions{}), store.ErrInvalid, "quarantine"},
}

// goodLent are the good neighbours of what is lent, taken and exported.
var goodLent = func() []goodCase {
	ever := time.Duration(math.MaxInt64)
	some := func(name string, def store.Batch, do func(w *world, id store.BatchID) error) goodCase {
		def.Name, def.Count = name, 300
		return goodCase{name, func(w *world) error {
			b, err := w.s.Mint(w.present, def)
			return errors.Join(err, do(w, b.ID))
		}}
	}
	return []goodCase{
		some("lease a code for a microsecond, and for ever", store.Batch{}, func(w *world, id store.BatchID) error {
			_, err := w.s.Lease(w.present, id, 1, time.Microsecond, store.To(longest).Once(longest))
			l, lerr := w.s.Lease(w.present, id, 1, ever, store.To(longest))
			_, aerr := w.s.Acknowledge(w.present, store.LeaseEnd{Number: l.Number, By: longest, Key: longest})
			return errors.Join(err, lerr, aerr, no(l.Until.After(l.At)))
		}),
		some("reserve a code for a microsecond, and for ever", store.Batch{}, func(w *world, id store.BatchID) error {
			codes, err := w.s.Issue(w.present, id, 1, store.To("x"))
			if err != nil {
				return err
			}
			_, err = w.s.Reserve(w.present, store.Redemption{Code: codes[0]}, time.Microsecond)
			h, herr := w.s.Reserve(w.present, store.Redemption{Code: codes[0], User: longest, Key: longest}, ever)
			_, cerr := w.s.Confirm(w.present, store.LeaseEnd{Number: h.Number, Key: "confirm-ever"})
			return errors.Join(err, herr, cerr, no(h.Until.After(h.At)))
		}),
		some("take 256 codes", store.Batch{PerUser: store.MaxPerUser}, func(w *world, id store.BatchID) error {
			return takeFrom(id, store.MaxTake, longest, store.To(longest).Once(longest))(w)
		}),
		some("export all there are, and the same again in part", store.Batch{Owner: "ann"}, func(w *world, id store.BatchID) error {
			e := store.Export{ID: longest, Account: longest, Ref: longest, Count: 10_000_000, Partial: true, Override: true}
			return errors.Join(exportFrom(id, e)(w), exportFrom(id, e)(w))
		}),
		some("reuse a code after the longest rest", store.Batch{Reusable: true, Quarantine: ever.Truncate(time.Microsecond)}, func(w *world, id store.BatchID) error {
			codes, err := w.s.Issue(w.present, id, 1, store.To("x"))
			if err != nil {
				return err
			}
			_, err = w.s.Redeem(w.present, store.Redemption{Code: codes[0], Key: "longest-rest"})
			return err
		}),
		{"a cursor of 1024 bytes at the end of the ledger", func(w *world) error {
			return errors.Join(w.s.Advance(w.present, longest, w.s.Stats().Ledger), w.s.Advance(w.present, longest, 0), no(w.s.Cursor(longest) == w.s.Stats().Ledger), w.s.DropCursor(w.present, longest), w.s.DropCursor(w.present, longest))
		}},
		{"namespaces of strange characters", strangeNamespaces},
	}
}()

// strangeNamespaces gives the same code to namespaces that look alike; each has its own.
func strangeNamespaces(w *world) error {
	names := []string{"é", "e\u0301", "É", "shop ", " shop", "shop\u00a0", "shop\u200b", "\u202eshop", `"'<&>\`, "../../shop", "%s%n", "店🎁", "*", "-", "\u2028", "�"}
	for i, ns := range names {
		def := store.Batch{Name: fmt.Sprint("strange-", i), Namespace: ns, Format: digits4}
		if err := importText(def, "0123\n", store.ImportOptions{HandedOut: true})(w); err != nil {
			return err
		}
	}
	for _, ns := range names {
		r := store.Redemption{Code: "0123", Namespace: ns, User: ns}
		h, err := w.s.Reserve(w.present, r, time.Hour)
		if err != nil {
			return fmt.Errorf("%q: %w", ns, err)
		}
		rec, err := w.s.Confirm(w.present, store.LeaseEnd{Number: h.Number})
		if err != nil || rec.User != ns {
			return fmt.Errorf("%q: %+v, %w", ns, rec, err)
		}
		if info, err := w.s.Lookup(w.present, ns, "0123"); err != nil || info.Namespace != ns || info.Receipt == nil || info.Receipt.Number != rec.Number {
			return fmt.Errorf("%q: %+v, %w", ns, info, err)
		}
	}
	return nil
}
