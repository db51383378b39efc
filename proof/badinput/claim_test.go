package badinput

import (
	"math"
	"strings"

	"codepool/store"
)

// nobodyKnows says of everybody that they are no members.
func nobodyKnows(string, string) bool { return false }

// sharesCases ask for shares, also as redemptions of tokens.
var sharesCases = []apiCase{
	{"no token", claimIt(store.Claim{User: "bob"}), store.ErrUnknownCode, "unknown code"},
	{"a token that nobody has", claimIt(store.Claim{Token: "NOBODY", User: "bob"}), store.ErrUnknownCode, ""},
	{"a code", claimIt(store.Claim{Token: "$ISSUED", User: "bob"}), store.ErrUnknownCode, ""},
	{"a token of 65 bytes", claimIt(store.Claim{Token: tooLong[:65], User: "bob"}), store.ErrUnknownCode, ""},
	{"a token of a megabyte", claimIt(store.Claim{Token: strings.Repeat("x", 1<<20), User: "bob"}), store.ErrUnknownCode, ""},
	{"a live token and 60 blanks", claimIt(store.Claim{Token: "PARTY" + strings.Repeat(" ", 60), User: "bob"}), store.ErrUnknownCode, ""},
	{"a token with a NUL", claimIt(store.Claim{Token: "PARTY\x00", User: "bob"}), store.ErrUnknownCode, ""},
	{"a token with an escape", claimIt(store.Claim{Token: "\x1bPARTY", User: "bob"}), store.ErrUnknownCode, ""},
	{"a token that is not UTF-8", claimIt(store.Claim{Token: "PARTY\xff", User: "bob"}), store.ErrUnknownCode, ""},
	{"a token of another room", claimIt(store.Claim{Token: "$SPRINKLE", Room: "other", User: "bob"}), store.ErrUnknownCode, ""},
	{"a token of a room, from nowhere", claimIt(store.Claim{Token: "$SPRINKLE", User: "bob"}), store.ErrUnknownCode, ""},
	{"a token of no room, from a room", claimIt(store.Claim{Token: "PARTY", Room: "room", User: "bob"}), store.ErrUnknownCode, ""},
	{"a token of another namespace", claimIt(store.Claim{Token: "PARTY", Namespace: "shop", User: "bob"}), store.ErrUnknownCode, ""},
	{"a token of seven days ago", claimIt(store.Claim{Token: "$FREE", Room: "room", User: "bob"}), store.ErrUnknownCode, ""},
	{"a token in capitals where case matters", func(w *world) error {
		token := w.names.Replace("$SPRINKLE")
		other := strings.ToUpper(token)
		if other == token {
			if other = strings.ToLower(token); other == token { // three digits
				other = token + "A"
			}
		}
		return claimIt(store.Claim{Token: other, Room: "room", User: "bob"})(w)
	}, store.ErrUnknownCode, ""},

	{"too early", claimIt(store.Claim{Token: "EARLY", User: "bob"}), store.ErrNotYetValid, "it can be claimed from 2999-01-01"},
	{"the eleventh minute", claimIt(store.Claim{Token: "$TEN", Room: "room", User: "bob"}), store.ErrExpired, "it could be claimed until"},
	{"after the end", claimIt(store.Claim{Token: "ENDED", User: "cat"}), store.ErrShareEnded, "shared batch was ended"},
	{"sold out", claimIt(store.Claim{Token: "SOLD", User: "bob"}), store.ErrSoldOut, "no share is left"},
	{"sold out, with a key", claimIt(store.Claim{Token: "SOLD", User: "bob", Key: "claim-9"}), store.ErrSoldOut, ""},
	{"a second claim", claimIt(store.Claim{Token: "PARTY", User: "ann"}), store.ErrUserLimit, "user has reached the limit"},
	{"a second claim with a new key", claimIt(store.Claim{Token: "PARTY", User: "ann", Key: "claim-9"}), store.ErrUserLimit, ""},
	{"a second claim of a packet", claimIt(store.Claim{Token: "$PACKET", User: "bob"}), store.ErrUserLimit, ""},
	{"nobody", claimIt(store.Claim{Token: "PARTY"}), store.ErrNoUser, "user is not named"},
	{"the sprinkler", claimIt(store.Claim{Token: "$SPRINKLE", Room: "room", User: "ann"}), store.ErrOwnShare, "the sender may not claim"},
	{"a stranger", claimIt(store.Claim{Token: "$SPRINKLE", Room: "room", User: "bob", Member: nobodyKnows}), store.ErrNotMember, "not a member of the room"},
	{"the sprinkler, who is a stranger", claimIt(store.Claim{Token: "$SPRINKLE", Room: "room", User: "ann", Member: nobodyKnows}), store.ErrOwnShare, ""},
	{"a stranger without a room", claimIt(store.Claim{Token: "PARTY", User: "bob", Member: nobodyKnows}), store.ErrNotMember, ""},

	{"a used key, another user", claimIt(store.Claim{Token: "PARTY", User: "bob", Key: "claim-1"}), store.ErrKeyConflict, `key "claim-1" redeemed something else or for another user`},
	{"a used key, another token", claimIt(store.Claim{Token: "$PACKET", User: "ann", Key: "claim-1"}), store.ErrKeyConflict, ""},
	{"a used key, another room", claimIt(store.Claim{Token: "PARTY", Room: "room", User: "ann", Key: "claim-1"}), store.ErrKeyConflict, ""},
	{"a used key, another namespace", claimIt(store.Claim{Token: "PARTY", Namespace: "shop", User: "ann", Key: "claim-1"}), store.ErrKeyConflict, ""},
	{"a used key, no token", claimIt(store.Claim{User: "ann", Key: "claim-1"}), store.ErrKeyConflict, ""},
	{"the key of a redemption", claimIt(store.Claim{Token: "PARTY", User: "ann", Key: "req-1"}), store.ErrKeyConflict, ""},
	{"a code with the key of a claim", redeem(store.Redemption{Code: "$ISSUED", User: "ann", Key: "claim-1"}), store.ErrKeyConflict, `key "claim-1" claimed a share`},

	{"redeem a token without a user", redeemIt(store.Redemption{Code: "PARTY"}), store.ErrNoUser, ""},
	{"redeem a token twice", redeemIt(store.Redemption{Code: "PARTY", User: "ann"}), store.ErrUserLimit, ""},
	{"redeem a token twice, with a new key", redeemIt(store.Redemption{Code: "party", User: "ann", Key: "claim-9"}), store.ErrUserLimit, ""},
	{"redeem a token with another's key", redeemIt(store.Redemption{Code: "PARTY", User: "bob", Key: "claim-1"}), store.ErrKeyConflict, ""},
	{"redeem a token with a redemption's key", redeemIt(store.Redemption{Code: "PARTY", User: "ann", Key: "req-1"}), store.ErrKeyConflict, ""},
	{"redeem a token that is sold out", redeemIt(store.Redemption{Code: "SOLD", User: "bob"}), store.ErrSoldOut, ""},
	{"redeem a token that was ended", redeemIt(store.Redemption{Code: "ENDED", User: "cat"}), store.ErrShareEnded, ""},
	{"redeem a token that was ended, as one who has a share", redeemIt(store.Redemption{Code: "ENDED", User: "bob"}), errAny, ""},
	{"redeem a token too early", redeemIt(store.Redemption{Code: "EARLY", User: "bob"}), store.ErrNotYetValid, ""},
	{"redeem a token of a namespace too early", redeemIt(store.Redemption{Code: "shop-early", Namespace: "shop", User: "bob"}), store.ErrNotYetValid, ""},
	{"redeem a token of a room", redeemIt(store.Redemption{Code: "$SPRINKLE", User: "bob"}), store.ErrUnknownCode, ""},
	{"redeem a token of another namespace", redeemIt(store.Redemption{Code: "PARTY", Namespace: "shop", User: "bob"}), store.ErrUnknownCode, ""},
	{"redeem a token with a NUL", redeemIt(store.Redemption{Code: "PARTY\x00", User: "bob"}), store.ErrUnknownCode, ""},
	{"redeem a token for a wrong user", redeemIt(store.Redemption{Code: "PARTY", User: "\xff"}), store.ErrInvalid, "User is not"},
	{"look a token up as a code", lookup("", "PARTY"), store.ErrUnknownCode, ""},
	{"release a token", release(store.Change{Code: "PARTY"}), store.ErrUnknownCode, ""},
	{"undo a token", undo(store.Change{Code: "PARTY"}), store.ErrUnknownCode, ""},
	{"revoke a token", revoke(store.Change{Code: "PARTY"}), store.ErrUnknownCode, ""},
}

// sharesTexts are the texts of claims, ends, undos and questions, each wrong in every way.
var sharesTexts = func() (cases []apiCase) {
	party := store.SharedRef{Token: "PARTY"}
	for _, bad := range badTexts {
		add := func(what, label string, do func(*world) error) {
			cases = append(cases, apiCase{what + bad.name, do, store.ErrInvalid, label + bad.says})
		}
		add("claim from a namespace", "Namespace", claimIt(store.Claim{Token: "PARTY", Namespace: bad.text, User: "bob"}))
		add("claim from a room", "Room", claimIt(store.Claim{Token: "PARTY", Room: bad.text, User: "bob"}))
		add("claim for a user", "User", claimIt(store.Claim{Token: "PARTY", User: bad.text}))
		add("claim with a key", "Key", claimIt(store.Claim{Token: "PARTY", User: "bob", Key: bad.text}))
		add("end in a namespace", "Namespace", endIt(store.SharedChange{SharedRef: store.SharedRef{Token: "PARTY", Namespace: bad.text}}))
		add("end in a room", "Room", endIt(store.SharedChange{SharedRef: store.SharedRef{Token: "PARTY", Room: bad.text}}))
		add("end by somebody", "By", endIt(store.SharedChange{SharedRef: party, By: bad.text}))
		add("end for a reason", "Reason", endIt(store.SharedChange{SharedRef: party, Reason: bad.text}))
		add("end with a key", "Key", endIt(store.SharedChange{SharedRef: party, Key: bad.text}))
		add("undo by somebody", "By", undoIt("party", store.ClaimChange{By: bad.text}))
		add("undo for a reason", "Reason", undoIt("party", store.ClaimChange{Reason: bad.text}))
		add("undo with a key", "Key", undoIt("party", store.ClaimChange{Key: bad.text}))
		add("look in a namespace", "Namespace", lookIt(store.SharedRef{Token: "PARTY", Namespace: bad.text}, ""))
		add("look in a room", "Room", lookIt(store.SharedRef{Token: "PARTY", Room: bad.text}, ""))
		add("look as somebody", "Asker", lookIt(party, bad.text))
		add("received by somebody", "User", receivedBy(bad.text))
	}
	return append(cases, apiCase{"received by nobody", receivedBy(""), store.ErrInvalid, "User is empty"})
}()

// ref is a token of no room.
func ref(token string) store.SharedRef { return store.SharedRef{Token: token} }

// sprinkled is a token of the room.
func sprinkled(token string) store.SharedRef { return store.SharedRef{Token: token, Room: "room"} }

// shareEndCases end shared batches, take claims back, and look at them.
var shareEndCases = []apiCase{
	{"end nothing", endIt(store.SharedChange{}), store.ErrUnknownCode, ""},
	{"end what is unknown", endIt(store.SharedChange{SharedRef: ref("NOBODY")}), store.ErrUnknownCode, ""},
	{"end a code", endIt(store.SharedChange{SharedRef: ref("$ISSUED")}), store.ErrUnknownCode, ""},
	{"end a token of 65 bytes", endIt(store.SharedChange{SharedRef: ref(tooLong[:65])}), store.ErrUnknownCode, ""},
	{"end a token with a NUL", endIt(store.SharedChange{SharedRef: ref("PARTY\x00")}), store.ErrUnknownCode, ""},
	{"end a token that is not UTF-8", endIt(store.SharedChange{SharedRef: ref("PARTY\xff")}), store.ErrUnknownCode, ""},
	{"end what is of another room", endIt(store.SharedChange{SharedRef: ref("$SPRINKLE")}), store.ErrUnknownCode, ""},
	{"end what is of another namespace", endIt(store.SharedChange{SharedRef: ref("SHOP-EARLY")}), store.ErrUnknownCode, ""},
	{"end twice", endIt(store.SharedChange{SharedRef: ref("ENDED"), By: "ann"}), store.ErrShareEnded, ""},
	{"end twice, with a new key", endIt(store.SharedChange{SharedRef: ref("ENDED"), By: "ann", Key: "end-2"}), store.ErrShareEnded, ""},
	{"end what is over", endIt(store.SharedChange{SharedRef: sprinkled("$TEN")}), store.ErrExpired, ""},
	{"end what is free again", endIt(store.SharedChange{SharedRef: sprinkled("$FREE")}), store.ErrUnknownCode, ""},
	{"end what is sold out", endIt(store.SharedChange{SharedRef: ref("SOLD")}), store.ErrSoldOut, ""},
	{"end with a used key, another", endIt(store.SharedChange{SharedRef: ref("PARTY"), By: "ann", Key: "end-1"}), store.ErrKeyConflict, `key "end-1" ended another shared batch`},
	{"end with a used key, by another", endIt(store.SharedChange{SharedRef: ref("ENDED"), By: "ben", Key: "end-1"}), store.ErrKeyConflict, ""},
	{"end with a used key, in a room", endIt(store.SharedChange{SharedRef: sprinkled("ENDED"), By: "ann", Key: "end-1"}), store.ErrKeyConflict, ""},
	{"end nothing with a used key", endIt(store.SharedChange{By: "ann", Key: "end-1"}), store.ErrKeyConflict, ""},

	{"undo number 0", undoNumber(store.ClaimChange{}), store.ErrNotClaimed, "there is no such claim"},
	{"undo the greatest number", undoNumber(store.ClaimChange{Number: math.MaxUint64}), store.ErrNotClaimed, ""},
	{"undo the number behind the last", func(w *world) error {
		return undoNumber(store.ClaimChange{Number: w.s.Stats().Ledger + 1})(w)
	}, store.ErrNotClaimed, ""},
	{"undo a mint", undoNumber(store.ClaimChange{Number: 1}), store.ErrNotClaimed, ""},
	{"undo a redemption", func(w *world) error {
		info, err := w.s.Lookup(w.present, "", w.names.Replace("$SPENT"))
		if err != nil || info.Receipt == nil {
			return err
		}
		return undoNumber(store.ClaimChange{Number: info.Receipt.Number})(w)
	}, store.ErrNotClaimed, ""},
	{"undo the creation", func(w *world) error {
		info, err := w.s.LookupShared(w.present, ref("PARTY"), "")
		if err != nil {
			return err
		}
		return undoNumber(store.ClaimChange{Number: info.ID})(w)
	}, store.ErrNotClaimed, ""},
	{"undo an undo", undoIt("unclaim", store.ClaimChange{By: "desk"}), store.ErrNotClaimed, ""},
	{"undo twice", undoIt("undone", store.ClaimChange{By: "desk"}), store.ErrNotClaimed, ""},
	{"undo twice, with a new key", undoIt("undone", store.ClaimChange{By: "desk", Key: "unclaim-2"}), store.ErrNotClaimed, ""},
	{"undo after the end", undoIt("ended", store.ClaimChange{}), store.ErrShareEnded, ""},
	{"undo after the time", undoIt("ten", store.ClaimChange{}), store.ErrExpired, ""},
	{"undo with a used key, another", undoIt("party", store.ClaimChange{By: "desk", Key: "unclaim-1"}), store.ErrKeyConflict, `key "unclaim-1" took another claim back`},
	{"undo with a used key, by another", undoIt("undone", store.ClaimChange{By: "shop", Key: "unclaim-1"}), store.ErrKeyConflict, "somebody else"},
	{"undo nothing with a used key", undoNumber(store.ClaimChange{By: "desk", Key: "unclaim-1"}), store.ErrKeyConflict, ""},

	{"look at nothing", lookIt(store.SharedRef{}, ""), store.ErrUnknownCode, ""},
	{"look at what is unknown", lookIt(ref("NOBODY"), ""), store.ErrUnknownCode, ""},
	{"look at a code", lookIt(ref("$ISSUED"), ""), store.ErrUnknownCode, ""},
	{"look at a token of 65 bytes", lookIt(ref(tooLong[:65]), ""), store.ErrUnknownCode, ""},
	{"look at a token with a line feed", lookIt(ref("PA\nRTY"), ""), store.ErrUnknownCode, ""},
	{"look at a token that is not UTF-8", lookIt(ref("\xffPARTY"), ""), store.ErrUnknownCode, ""},
	{"look from another room", lookIt(store.SharedRef{Token: "$SPRINKLE", Room: "other"}, "ann"), store.ErrUnknownCode, ""},
	{"look from no room", lookIt(ref("$SPRINKLE"), "ann"), store.ErrUnknownCode, ""},
	{"look from another namespace", lookIt(store.SharedRef{Token: "PARTY", Namespace: "shop"}, ""), store.ErrUnknownCode, ""},
	{"look on the eighth day", lookIt(sprinkled("$FREE"), "ann"), store.ErrUnknownCode, ""},
	{"look as another than the sprinkler", lookIt(sprinkled("$SPRINKLE"), "bob"), store.ErrNotSender, "only the sender may look at it"},
	{"look as one who has a share", lookIt(sprinkled("$TEN"), "cat"), store.ErrNotSender, ""},
	{"look as nobody", lookIt(sprinkled("$SPRINKLE"), ""), store.ErrNotSender, ""},
	{"reveal while it is open", revealIt(ref("$PACKET"), "ann"), store.ErrNotEnded, "shares can be claimed yet"},
	{"reveal before it is open", revealIt(ref("EARLY"), ""), store.ErrNotEnded, ""},
	{"reveal what is not committed to", revealIt(ref("SOLD"), ""), store.ErrInvalid, "was created without a commitment"},
	{"reveal what was ended without commitment", revealIt(ref("ENDED"), ""), store.ErrInvalid, ""},
	{"reveal what is over without commitment", revealIt(sprinkled("$TEN"), "ann"), store.ErrInvalid, ""},
}
