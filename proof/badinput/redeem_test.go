package badinput

import (
	"strings"

	"codepool/store"
)

// code asks to redeem a text, with nothing else wrong.
func code(text string) func(*world) error { return redeem(store.Redemption{Code: text}) }

var codeCases = []apiCase{
	{"a blank", code(" "), store.ErrUnknownCode, ""},
	{"a line end", code("\r\n"), store.ErrUnknownCode, ""},
	{"64 bytes that are no code", code(strings.Repeat("A", 64)), store.ErrUnknownCode, ""},
	{"a live code in 65 bytes", code("$ISSUED" + strings.Repeat(" ", 51)), store.ErrUnknownCode, ""},
	{"a live code behind 60 blanks", code(strings.Repeat(" ", 60) + "$ISSUED"), store.ErrUnknownCode, ""},
	{"a live code without its end", func(w *world) error {
		c := w.names.Replace("$ISSUED")
		return code(c[:len(c)-1])(w)
	}, store.ErrUnknownCode, ""},
	{"a live code and a character more", code("$ISSUED0"), store.ErrUnknownCode, ""},
	{"a live code twice", code("$ISSUED$ISSUED"), store.ErrUnknownCode, ""},
	{"two live codes", code("$ISSUED $OTHER"), store.ErrUnknownCode, ""},
	{"a live code backwards", func(w *world) error {
		c := []byte(w.names.Replace("$ISSUED"))
		for i := range len(c) / 2 {
			c[i], c[len(c)-1-i] = c[len(c)-1-i], c[i]
		}
		if string(c) == w.names.Replace("$ISSUED") { // once in 2^30 runs
			c[0] = 'U'
		}
		return code(string(c))(w)
	}, store.ErrUnknownCode, ""},
	{"a live code in quotes", code(`"$ISSUED"`), store.ErrUnknownCode, ""},
	{"a live code in a URL", code("https://x.example/$ISSUED"), store.ErrUnknownCode, ""},
	{"a live code with its name", code("code: $ISSUED"), store.ErrUnknownCode, ""},
	{"a live code in JSON", code(`{"code":"$ISSUED"}`), store.ErrUnknownCode, ""},
	{"a live code behind a byte-order mark", code("\ufeff$ISSUED"), store.ErrUnknownCode, ""},
	{"a live code before a zero-width space", code("$ISSUED\u200b"), store.ErrUnknownCode, ""},
	{"a live code before a NUL", code("$ISSUED\x00"), store.ErrUnknownCode, ""},
	{"a live code before half a character", code("$ISSUED\xe7\xba"), store.ErrUnknownCode, ""},
	{"a live code with a full stop", code("$ISSUED."), store.ErrUnknownCode, ""},
	{"a live code with underscores", func(w *world) error {
		return code(strings.ReplaceAll(w.names.Replace("$ISSUED"), "-", "_"))(w)
	}, store.ErrUnknownCode, ""},
	{"a live code with long dashes", func(w *world) error {
		return code(strings.ReplaceAll(w.names.Replace("$ISSUED"), "-", "–"))(w)
	}, store.ErrUnknownCode, ""},
	{"a live code with tabs", func(w *world) error {
		return code(strings.ReplaceAll(w.names.Replace("$ISSUED"), "-", "\t"))(w)
	}, store.ErrUnknownCode, ""},
	{"a live code as a spreadsheet writes it", code("'$ISSUED"), store.ErrUnknownCode, ""},
	{"a masked code", code("****-****-****"), store.ErrUnknownCode, ""},
	{"a code with the letter U", code("UUUU-UUUU-UUUU"), store.ErrUnknownCode, ""},
	{"wide letters", code("ＧＩＶＥＮ１"), store.ErrUnknownCode, ""},
	{"a surrogate", code("\xed\xa0\x80"), store.ErrUnknownCode, ""},
	{"an overlong NUL", code("\xc0\x80"), store.ErrUnknownCode, ""},
	{"UTF-16", code("\xff\xfeP\x00A\x00"), store.ErrUnknownCode, ""},
	{"an escape sequence", code("\x1b[31mPAST1"), store.ErrUnknownCode, ""},
	{"SQL", code("' OR '1'='1"), store.ErrUnknownCode, ""},
	{"a path", code("../../etc/passwd"), store.ErrUnknownCode, ""},
	{"a format verb", code("%s%n%d"), store.ErrUnknownCode, ""},
	{"the name of a batch", code("launch"), store.ErrUnknownCode, ""},
	{"the number of a batch", code("1"), store.ErrUnknownCode, ""},
	{"a key in place of the code", code("req-1"), store.ErrUnknownCode, ""},
	{"a code whose case matters, in small letters", code("abcd1234"), store.ErrUnknownCode, ""},
	{"a code whose case matters, in capitals", code("ABCD1234"), store.ErrUnknownCode, ""},
	{"a code whose hyphens matter, with one", code("aBcD-1234"), store.ErrUnknownCode, ""},
	{"a code of a batch that was cut off", code("cut"), store.ErrUnknownCode, ""},

	{"a code of another namespace", code("SHOP1"), store.ErrUnknownCode, ""},
	{"a code in the wrong namespace", redeem(store.Redemption{Code: "$ISSUED", Namespace: "shop"}), store.ErrUnknownCode, ""},
	{"a namespace in capitals", redeem(store.Redemption{Code: "SHOP1", Namespace: "SHOP"}), store.ErrUnknownCode, ""},
	{"a namespace with a blank", redeem(store.Redemption{Code: "SHOP1", Namespace: "shop "}), store.ErrUnknownCode, ""},
	{"a namespace of a blank", redeem(store.Redemption{Code: "$ISSUED", Namespace: " "}), store.ErrUnknownCode, ""},
	{"a namespace that is not UTF-8", redeem(store.Redemption{Code: "$ISSUED", Namespace: "\xff"}), store.ErrUnknownCode, ""},
	{"a namespace that is too long", redeem(store.Redemption{Code: "$ISSUED", Namespace: tooLong}), store.ErrUnknownCode, ""},

	{"check a text of 65 bytes", check(store.Redemption{Code: strings.Repeat("A", 65)}), store.ErrUnknownCode, ""},
	{"check a text that is not UTF-8", check(store.Redemption{Code: "PAST1\xff"}), store.ErrUnknownCode, ""},
	{"check an unseen character", check(store.Redemption{Code: "PAST1\u2060"}), store.ErrUnknownCode, ""},
	{"check a code in the wrong namespace", check(store.Redemption{Code: "$ISSUED", Namespace: "shop"}), store.ErrUnknownCode, ""},
	{"check a namespace that nobody has", check(store.Redemption{Code: "SHOP1", Namespace: "shops"}), store.ErrUnknownCode, ""},
	{"check a code in the wrong case", check(store.Redemption{Code: "ABCd1234"}), store.ErrUnknownCode, ""},
	{"look up a blank", lookup("", " "), store.ErrUnknownCode, ""},
	{"look up a text of 65 bytes", lookup("", strings.Repeat("A", 65)), store.ErrUnknownCode, ""},
	{"look up a text that is not UTF-8", lookup("", "\xfe"), store.ErrUnknownCode, ""},
	{"look up a code in the wrong namespace", lookup("shop", "$ISSUED"), store.ErrUnknownCode, ""},
	{"look up a code of a namespace without it", lookup("", "SHOP1"), store.ErrUnknownCode, ""},
	{"look up a code in the wrong case", lookup("", "abcd1234"), store.ErrUnknownCode, ""},
	{"look up a reference", lookup("", "order-1"), store.ErrUnknownCode, ""},
	{"look up with code and namespace exchanged", lookup("SHOP1", "shop"), store.ErrUnknownCode, ""},
}

// user and key ask to redeem a live code with one label wrong.
func user(text string) func(*world) error {
	return redeem(store.Redemption{Code: "$ISSUED", User: text})
}
func key(text string) func(*world) error {
	return redeem(store.Redemption{Code: "$ISSUED", User: "u", Key: text})
}

var labelCases = []apiCase{
	{"user of 1025 bytes", user(tooLong), store.ErrInvalid, "User has 1025 bytes: at most 1024 are allowed"},
	{"user of 1026 bytes in 513 letters", user(strings.Repeat("é", 513)), store.ErrInvalid, "User has 1026 bytes"},
	{"user of a megabyte", user(strings.Repeat("x", 1<<20)), store.ErrInvalid, "User has 1048576 bytes"},
	{"user with a NUL at the end", user("ann\x00"), store.ErrInvalid, "User holds a control character"},
	{"user with a NUL in the ninth byte", user("12345678\x00"), store.ErrInvalid, "User holds a control character"},
	{"user with a tab", user("ann\tb"), store.ErrInvalid, "control"},
	{"user with a line feed", user("ann\nroot"), store.ErrInvalid, "control"},
	{"user with a carriage return", user("ann\r"), store.ErrInvalid, "control"},
	{"user with an escape", user("\x1b[2Jann"), store.ErrInvalid, "control"},
	{"user with a delete", user("ann\x7f"), store.ErrInvalid, "control"},
	{"user with a unit separator among letters", user("é\x1fé"), store.ErrInvalid, "control"},
	{"user of one byte above ASCII", user("\x80"), store.ErrInvalid, "User is not valid UTF-8"},
	{"user with half a character at the end", user("player\xe7\xba"), store.ErrInvalid, "not valid UTF-8"},
	{"user in Latin-1", user("Ren\xe9"), store.ErrInvalid, "not valid UTF-8"},
	{"user with an overlong slash", user("a\xc0\xaf"), store.ErrInvalid, "not valid UTF-8"},
	{"user with a surrogate", user("a\xed\xa0\xbd"), store.ErrInvalid, "not valid UTF-8"},
	{"key of 1025 bytes", key(tooLong), store.ErrInvalid, "Key has 1025 bytes"},
	{"key with a NUL", key("k\x00"), store.ErrInvalid, "Key holds a control character"},
	{"key with a line end", key("k\r\n"), store.ErrInvalid, "Key holds"},
	{"key with a delete in the eighth byte", key("1234567\x7f"), store.ErrInvalid, "Key holds"},
	{"key that is not UTF-8", key("k\xff"), store.ErrInvalid, "Key is not valid UTF-8"},
	{"key that is UTF-16", key("k\x00e\x00y\x00"), store.ErrInvalid, "Key holds"},
	{"user and key wrong", redeem(store.Redemption{Code: "$ISSUED", User: "\xff", Key: "\x00"}), store.ErrInvalid, "User"},
	{"a wrong user and an unknown code", redeem(store.Redemption{Code: "nope", User: "\x00"}), store.ErrInvalid, "User"},
	{"a wrong key for a code that is redeemed", redeem(store.Redemption{Code: "$SPENT", User: "ann", Key: "req-1\x00"}), store.ErrInvalid, "Key"},
	{"check a user of 1025 bytes", check(store.Redemption{Code: "$ISSUED", User: tooLong}), store.ErrInvalid, "User has 1025"},
	{"check a user that is not UTF-8", check(store.Redemption{Code: "$ISSUED", User: "\xff"}), store.ErrInvalid, "User is not"},
	{"check a key of 1025 bytes", check(store.Redemption{Code: "$ISSUED", Key: tooLong}), store.ErrInvalid, "Key has 1025"},
	{"check a key with a tab", check(store.Redemption{Code: "$ISSUED", Key: "\t"}), store.ErrInvalid, "Key holds"},
	{"a user with a C1 control character", user("ann\u009b31m"), store.ErrInvalid, "control"},
}

var stateCases = []apiCase{
	{"redeem what is in stock", code("GIVEN1"), store.ErrNotIssued, "has not been issued"},
	{"redeem what was released", code("$RELEASED"), store.ErrNotIssued, ""},
	{"redeem before the window", code("LATER1"), store.ErrNotYetValid, "not yet valid"},
	{"redeem after the window", code("PAST1"), store.ErrExpired, "expired"},
	{"redeem what is redeemed, as the same user", redeem(store.Redemption{Code: "$SPENT", User: "ann"}), store.ErrAlreadyRedeemed, "already redeemed"},
	{"redeem what is redeemed, with a new key", redeem(store.Redemption{Code: "$SPENT", User: "ann", Key: "req-9"}), store.ErrAlreadyRedeemed, ""},
	{"redeem what is in stock, with a key", redeem(store.Redemption{Code: "GIVEN1", Key: "req-8"}), store.ErrNotIssued, ""},
	{"redeem before the window, with a key", redeem(store.Redemption{Code: "LATER1", Key: "req-7"}), store.ErrNotYetValid, ""},
	{"redeem after the window, with a key", redeem(store.Redemption{Code: "PAST1", Key: "req-6"}), store.ErrExpired, ""},
	{"redeem with another code's key", redeem(store.Redemption{Code: "$ISSUED", User: "ann", Key: "req-1"}), store.ErrKeyConflict, `key "req-1"`},
	{"redeem with another user's key", redeem(store.Redemption{Code: "$SPENT", User: "ben", Key: "req-1"}), store.ErrKeyConflict, "another code or for another user"},
	{"redeem with nobody's key of a user", redeem(store.Redemption{Code: "$SPENT", Key: "req-1"}), store.ErrKeyConflict, ""},
	{"redeem with a used key in another namespace", redeem(store.Redemption{Code: "SHOP1", Namespace: "shop", User: "ann", Key: "req-1"}), store.ErrKeyConflict, ""},
	{"redeem with the key of what was undone, as another", redeem(store.Redemption{Code: "$UNDONE", User: "ben", Key: "req-2"}), store.ErrKeyConflict, `key "req-2"`},
	{"redeem with the key of what was undone, another code", redeem(store.Redemption{Code: "$OTHER", User: "ann", Key: "req-2"}), store.ErrKeyConflict, ""},
	{"redeem stock with a used key", redeem(store.Redemption{Code: "GIVEN1", User: "ann", Key: "req-1"}), store.ErrKeyConflict, ""},
	{"redeem no code with a used key", redeem(store.Redemption{Code: "0000-0000-0000", User: "ann", Key: "req-1"}), store.ErrUnknownCode, ""},
	{"redeem two codes with one key in a call", func(w *world) error {
		// The first one is refused, so its key stays free; the second one is in stock.
		rs := []store.Redemption{{Code: "PAST1", Key: "twin"}, {Code: "GIVEN1", Key: "twin"}}
		for i, want := range []error{store.ErrExpired, store.ErrNotIssued} {
			if got := w.s.RedeemAll(w.present, rs)[i].Err; got != want {
				w.fault("answer %d is %v", i, got)
			}
		}
		return w.s.RedeemAll(w.present, rs)[1].Err
	}, store.ErrNotIssued, ""},
	{"redeem a thousand wrong codes in a call", func(w *world) error {
		results := w.s.RedeemAll(w.present, make([]store.Redemption, 1000))
		for i, r := range results {
			if r.Err != store.ErrUnknownCode {
				w.fault("answer %d is %v", i, r.Err)
			}
		}
		return results[999].Err
	}, store.ErrUnknownCode, ""},
	{"check what is in stock", check(store.Redemption{Code: "GIVEN1"}), store.ErrNotIssued, ""},
	{"check what was released", check(store.Redemption{Code: "$RELEASED"}), store.ErrNotIssued, ""},
	{"check before the window", check(store.Redemption{Code: "LATER1"}), store.ErrNotYetValid, ""},
	{"check after the window", check(store.Redemption{Code: "PAST1"}), store.ErrExpired, ""},
	{"check what is redeemed", check(store.Redemption{Code: "$SPENT", User: "ann", Key: "req-1"}), store.ErrAlreadyRedeemed, ""},
}

// reverse asks Release and Undo the same; both must give the same answer.
func reverse(r store.Change) func(*world) error {
	return func(w *world) error {
		err, uerr := release(r)(w), undo(r)(w)
		if err == nil || uerr == nil || err.Error() != uerr.Error() {
			w.fault("Release says %v, Undo %v", err, uerr)
		}
		return err
	}
}

var reversalCases = []apiCase{
	{"no code", reverse(store.Change{}), store.ErrUnknownCode, ""},
	{"blanks", reverse(store.Change{Code: " \t"}), store.ErrUnknownCode, ""},
	{"a code nobody minted", reverse(store.Change{Code: "0000-0000-0000"}), store.ErrUnknownCode, ""},
	{"a text of 65 bytes", reverse(store.Change{Code: strings.Repeat("A", 65)}), store.ErrUnknownCode, ""},
	{"a text that is not UTF-8", reverse(store.Change{Code: "$ISSUED\xff"}), store.ErrUnknownCode, ""},
	{"a code and another", reverse(store.Change{Code: "$ISSUED,$SPENT"}), store.ErrUnknownCode, ""},
	{"a code in the wrong namespace", reverse(store.Change{Code: "$ISSUED", Namespace: "shop"}), store.ErrUnknownCode, ""},
	{"a code of another namespace", reverse(store.Change{Code: "SHOP1"}), store.ErrUnknownCode, ""},
	{"a code in the wrong case", reverse(store.Change{Code: "abcd1234"}), store.ErrUnknownCode, ""},
	{"By of 1025 bytes", reverse(store.Change{Code: "$ISSUED", By: tooLong}), store.ErrInvalid, "By has 1025 bytes: at most 1024"},
	{"By that is not UTF-8", reverse(store.Change{Code: "$ISSUED", By: "\xc3"}), store.ErrInvalid, "By is not valid UTF-8"},
	{"By with a line feed", reverse(store.Change{Code: "$ISSUED", By: "desk\n"}), store.ErrInvalid, "By holds a control character"},
	{"key of 1025 bytes", reverse(store.Change{Code: "$ISSUED", Key: tooLong}), store.ErrInvalid, "Key has 1025 bytes"},
	{"key that is not UTF-8", reverse(store.Change{Code: "$ISSUED", Key: "\xff"}), store.ErrInvalid, "Key is not valid UTF-8"},
	{"key with a NUL", reverse(store.Change{Code: "$ISSUED", Key: "\x00"}), store.ErrInvalid, "Key holds"},

	{"release what is in stock", release(store.Change{Code: "GIVEN1"}), store.ErrNotIssued, ""},
	{"release what was released", release(store.Change{Code: "$RELEASED", By: "desk"}), store.ErrNotIssued, ""},
	{"release what is redeemed", release(store.Change{Code: "$SPENT"}), store.ErrAlreadyRedeemed, ""},
	{"release with another code's key", release(store.Change{Code: "$ISSUED", By: "desk", Key: "back-1"}), store.ErrKeyConflict, `key "back-1" released another code`},
	{"release with another's key", release(store.Change{Code: "$RELEASED", By: "shop", Key: "back-1"}), store.ErrKeyConflict, "for somebody else"},
	{"release no code with a used key", release(store.Change{Code: "nope", By: "desk", Key: "back-1"}), store.ErrUnknownCode, ""},
	{"release with the key of an undo", release(store.Change{Code: "GIVEN1", By: "desk", Key: "undo-1"}), store.ErrNotIssued, ""},
	{"release a redeemed code with a new key", release(store.Change{Code: "$SPENT", By: "desk", Key: "back-2"}), store.ErrAlreadyRedeemed, ""},
	{"undo what is issued", undo(store.Change{Code: "$ISSUED"}), store.ErrNotRedeemed, "code is not redeemed"},
	{"undo what is in stock", undo(store.Change{Code: "GIVEN1"}), store.ErrNotRedeemed, ""},
	{"undo twice", undo(store.Change{Code: "$UNDONE", By: "desk"}), store.ErrNotRedeemed, ""},
	{"undo what was released", undo(store.Change{Code: "$RELEASED"}), store.ErrNotRedeemed, ""},
	{"undo before the window", undo(store.Change{Code: "LATER1"}), store.ErrNotRedeemed, ""},
	{"undo after the window", undo(store.Change{Code: "PAST1"}), store.ErrNotRedeemed, ""},
	{"undo with another code's key", undo(store.Change{Code: "$SPENT", By: "desk", Key: "undo-1"}), store.ErrKeyConflict, `key "undo-1" undid the redemption of another code`},
	{"undo with another's key", undo(store.Change{Code: "$UNDONE", By: "shop", Key: "undo-1"}), store.ErrKeyConflict, "for somebody else"},
	{"undo no code with a used key", undo(store.Change{Code: "nope", By: "desk", Key: "undo-1"}), store.ErrUnknownCode, ""},
	{"undo with the key of a redemption", undo(store.Change{Code: "$ISSUED", By: "desk", Key: "req-1"}), store.ErrNotRedeemed, ""},
}

// launched draws from the batch that has 7 in stock.
func launched(n int, d store.Draw) func(*world) error { return issue("launch", n, d) }

var drawCases = []apiCase{
	{"no codes", launched(0, store.To("x")), store.ErrInvalid, "draw of 0 codes: want 1 to 100000"},
	{"less than none", launched(-1, store.To("x")), store.ErrInvalid, "draw of -1 codes"},
	{"the least number", launched(-1<<31, store.To("x")), store.ErrInvalid, "draw of -2147483648"},
	{"one more than in a draw", launched(store.MaxIssue+1, store.To("x")), store.ErrInvalid, "draw of 100001 codes"},
	{"the greatest number", launched(1<<31-1, store.To("x")), store.ErrInvalid, "want 1 to 100000"},
	{"one more than there are", launched(8, store.To("x")), store.ErrEmpty, `batch "launch" has 7, asked for 8`},
	{"as many as in a draw", launched(store.MaxIssue, store.To("x")), store.ErrEmpty, "asked for 100000"},
	{"one more than there are, with a key", launched(8, store.To("x").Once("draw-8")), store.ErrEmpty, "has 7"},
	{"from a batch that is handed out", issue("exact", 1, store.To("x")), store.ErrEmpty, `batch "exact" has 0`},
	{"from a batch that was cut off", issue("cut", 1, store.To("x")), store.ErrEmpty, `batch "cut" has 0`},
	{"from a batch that is over", issue("over", 1, store.To("x")), store.ErrExpired, `batch "over" ended at 2020-01-01T00:00:00Z`},
	{"from a batch that is over, more than it has", issue("over", 5, store.To("x")), store.ErrExpired, "ended"},
	{"from batch 0", issueFrom(0, 1, store.To("x")), store.ErrUnknownBatch, "number 0"},
	{"from the batch behind the last", issueFrom(10, 1, store.To("x")), store.ErrUnknownBatch, "number 10"},
	{"from the greatest batch", issueFrom(1<<32-1, 1, store.To("x")), store.ErrUnknownBatch, "number 4294967295"},
	{"to 1025 bytes", launched(1, store.To(tooLong)), store.ErrInvalid, "Ref has 1025 bytes"},
	{"to a text that is not UTF-8", launched(1, store.To("order\xff")), store.ErrInvalid, "Ref is not valid UTF-8"},
	{"to a text with a tab", launched(1, store.To("order\t7")), store.ErrInvalid, "Ref holds a control character"},
	{"with a key of 1025 bytes", launched(1, store.To("x").Once(tooLong)), store.ErrInvalid, "Key has 1025 bytes"},
	{"with a key that is not UTF-8", launched(1, store.To("x").Once("\xff")), store.ErrInvalid, "Key is not valid UTF-8"},
	{"with a key with a line feed", launched(1, store.To("x").Once("a\nb")), store.ErrInvalid, "Key holds"},
	{"with a used key, to another", launched(2, store.To("order-9").Once("draw-1")), store.ErrKeyConflict, `key "draw-1" drew for "order-1" from batch 1`},
	{"with a used key, to nobody", launched(2, store.Draw{Key: "draw-1"}), store.ErrKeyConflict, "draw-1"},
	{"with a used key, one less", launched(1, store.To("order-1").Once("draw-1")), store.ErrKeyConflict, "drew 2 codes, not 1"},
	{"with a used key, one more", launched(3, store.To("order-1").Once("draw-1")), store.ErrKeyConflict, "drew 2 codes, not 3"},
	{"with a used key, more than there are", launched(1000, store.To("order-1").Once("draw-1")), store.ErrKeyConflict, "not 1000"},
	{"with a used key, from another batch", issue("given", 2, store.To("order-1").Once("draw-1")), store.ErrKeyConflict, "from batch 1"},
	{"with a used key, from a batch that is over", issue("over", 2, store.To("order-1").Once("draw-1")), store.ErrKeyConflict, "from batch 1"},
	{"with a used key, from no batch", issueFrom(99, 2, store.To("order-1").Once("draw-1")), store.ErrUnknownBatch, "99"},
	{"batch 0", func(w *world) error { _, err := w.s.Batch(0); return err }, store.ErrUnknownBatch, "number 0"},
	{"the batch behind the last", func(w *world) error { _, err := w.s.Batch(10); return err }, store.ErrUnknownBatch, "number 10"},
	{"the greatest batch", func(w *world) error { _, err := w.s.Batch(1<<32 - 1); return err }, store.ErrUnknownBatch, ""},
	{"a batch without a name", named(""), store.ErrUnknownBatch, `""`},
	{"a batch in capitals", named("LAUNCH"), store.ErrUnknownBatch, `"LAUNCH"`},
	{"a batch with a blank", named("launch "), store.ErrUnknownBatch, `"launch "`},
	{"a batch by its number as a name", named("1"), store.ErrUnknownBatch, `"1"`},
	{"a batch that is not UTF-8", named("\xff"), store.ErrUnknownBatch, `\xff`},
}

func named(name string) func(*world) error {
	return func(w *world) error { _, err := w.s.BatchNamed(name); return err }
}
