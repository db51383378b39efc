package badinput

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"codepool/gen"
	"codepool/store"
)

// share adds to the world's store shared batches in every state; the numbers of claims are
// in w.numbers:
//
//	$FREE      sprinkled in room by ann, seven days ago: its token is free again
//	$TEN       sprinkled in room by ann, ten minutes ago; "ten" is a claim of cat
//	PARTY      universal, 3 shares: "party" is a claim of ann with key claim-1, "undone" one of
//	           ben, taken back by desk with unclaim-1, which is "unclaim"
//	$PACKET    by ann, 1000 in 5 parts, committed to, created by shop with packet-1; "packet" is
//	           a claim of bob with claim-2
//	$SPRINKLE  sprinkled in room by ann, 10 in 2 parts
//	SOLD       universal, 1 share: "sold" is a claim of ann; no commitment
//	ENDED      by ann, 100 in 2 parts; "ended" is a claim of bob; ended by ann with end-1
//	EARLY      universal, committed to nothing, not open yet; SHOP-EARLY likewise in namespace shop
//	DIGITS     a namespace in which five of the ten tokens of one digit are taken, as are those
//	           in room full, all ten
func (w *world) share(t *testing.T) {
	t.Helper()
	s, ctx := w.s, t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"$ISSUED", w.names.Replace("$ISSUED"), "$SPENT", w.names.Replace("$SPENT")}
	w.numbers = map[string]uint64{}
	create := func(name string, d store.Shared) {
		t.Helper()
		info, err := s.Share(ctx, d)
		must(err)
		names = append(names, name, info.Token)
		w.shared = append(w.shared, store.SharedRef{Token: info.Token, Namespace: d.Namespace, Room: d.Room})
	}
	claim := func(name string, c store.Claim) {
		t.Helper()
		c.Token = strings.NewReplacer(names...).Replace(c.Token)
		rec, err := s.Claim(ctx, c)
		must(err)
		w.numbers[name] = rec.Number
	}
	in := func(total int64, n int) gen.Split { return gen.Split{Total: total, Count: n} }

	create("$FREE", store.Sprinkle("room", "ann", "KRW", in(10, 2)))
	w.ahead.Add(int64(7 * 24 * time.Hour))
	create("$TEN", store.Sprinkle("room", "ann", "KRW", in(10, 2)))
	claim("ten", store.Claim{Token: "$TEN", Room: "room", User: "cat"})
	w.ahead.Add(int64(10 * time.Minute))

	create("PARTY", store.Universal("PARTY", 3))
	claim("party", store.Claim{Token: "PARTY", User: "ann", Key: "claim-1"})
	claim("undone", store.Claim{Token: "PARTY", User: "ben"})
	back, err := s.UndoClaim(ctx, store.ClaimChange{Number: w.numbers["undone"], By: "desk", Key: "unclaim-1"})
	must(err)
	w.numbers["unclaim"] = back.Number
	create("$PACKET", packet1)
	claim("packet", store.Claim{Token: "$PACKET", User: "bob", Key: "claim-2"})
	create("$SPRINKLE", store.Sprinkle("room", "ann", "KRW", in(10, 2)))
	create("SOLD", store.Universal("SOLD", 1))
	claim("sold", store.Claim{Token: "SOLD", User: "ann"})
	ended := store.RedPacket("ann", "CNY", in(100, 2))
	ended.Token = "ENDED"
	create("ENDED", ended)
	claim("ended", store.Claim{Token: "ENDED", User: "bob"})
	_, err = s.EndShared(ctx, store.SharedChange{SharedRef: store.SharedRef{Token: "ENDED"}, By: "ann", Key: "end-1"})
	must(err)
	early := store.Universal("EARLY", 5)
	early.NotBefore = day(2999, 1, 1)
	create("EARLY", early)
	early.Token, early.Namespace = "SHOP-EARLY", "shop"
	create("SHOP-EARLY", early)
	for range 10 {
		create("$FULL", oneDigit)
	}
	w.names = strings.NewReplacer(names...)
	w.sharedState() // ends what is over
}

// packet1 is how $PACKET was asked for.
var packet1 = func() store.Shared {
	d := store.RedPacket("ann", "CNY", gen.Split{Total: 1000, Count: 5})
	d.Commit, d.By, d.Key = true, "shop", "packet-1"
	return d
}()

// oneDigit is a shared batch of a room in which all tokens of one digit are taken.
var oneDigit = store.Shared{Room: "full", Format: gen.Format{Class: gen.Digits, Length: 1}, Count: 1}

// now is the clock of the world's store.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// sharedState is what may be known of all shared batches.
func (w *world) sharedState() string {
	var b strings.Builder
	for _, r := range w.shared {
		info, err := w.s.LookupShared(context.Background(), r, "ann")
		fmt.Fprintf(&b, "\n%+v: %+v, %v", r, info, err)
	}
	for _, user := range []string{"ann", "bob", "cat"} {
		all, err := w.s.ReceivedBy(context.Background(), user)
		fmt.Fprintf(&b, "\n%s: %+v, %v", user, all, err)
	}
	return b.String()
}

// shareIt creates a shared batch in both ways there are; both must get the same answer.
func shareIt(d store.Shared) func(*world) error {
	return func(w *world) error {
		d := d
		d.Token = w.names.Replace(d.Token)
		info, err := w.s.Share(w.present, d)
		all := w.s.ShareAll(w.present, []store.Shared{d})[0]
		if err != nil && (info != (store.SharedInfo{}) || all.Info != info) {
			w.fault("a shared batch beside the error: %+v, %+v", info, all.Info)
		}
		if fmt.Sprint(err) != fmt.Sprint(all.Err) {
			w.fault("Share says %v, ShareAll %v", err, all.Err)
		}
		return err
	}
}

// claimIt is shareIt for a claim.
func claimIt(c store.Claim) func(*world) error {
	return func(w *world) error {
		c := c
		c.Token = w.names.Replace(c.Token)
		rec, err := w.s.Claim(w.present, c)
		all := w.s.ClaimAll(w.present, []store.Claim{c})[0]
		if err != nil && (rec != (store.Receipt{}) || all.Receipt != rec) {
			w.fault("a receipt beside the error: %+v, %+v", rec, all.Receipt)
		}
		if fmt.Sprint(err) != fmt.Sprint(all.Err) {
			w.fault("Claim says %v, ClaimAll %v", err, all.Err)
		}
		return err
	}
}

// redeemIt redeems a token in all ways there are, and checks it; all must say the same.
func redeemIt(r store.Redemption) func(*world) error {
	return func(w *world) error {
		err := redeem(r)(w)
		if checked := check(r)(w); r.Key == "" && fmt.Sprint(checked) != fmt.Sprint(err) {
			w.fault("Redeem says %v, Check %v", err, checked)
		}
		return err
	}
}

func endIt(c store.SharedChange) func(*world) error {
	return func(w *world) error {
		c := c
		c.Token = w.names.Replace(c.Token)
		end, err := w.s.EndShared(w.present, c)
		if err != nil && end != (store.SharedEnd{}) {
			w.fault("an end beside the error: %+v", end)
		}
		return err
	}
}

// undoIt takes a claim of the world back, by its name.
func undoIt(name string, c store.ClaimChange) func(*world) error {
	return func(w *world) error {
		c := c
		c.Number = w.numbers[name]
		return undoNumber(c)(w)
	}
}

func undoNumber(c store.ClaimChange) func(*world) error {
	return func(w *world) error {
		done, err := w.s.UndoClaim(w.present, c)
		if err != nil && done != (store.Changed{}) {
			w.fault("an answer beside the error: %+v", done)
		}
		return err
	}
}

// lookIt looks at a shared batch in the three ways there are, as far as they are meant.
func lookIt(r store.SharedRef, asker string) func(*world) error {
	return func(w *world) error {
		r := r
		r.Token = w.names.Replace(r.Token)
		info, err := w.s.LookupShared(w.present, r, asker)
		if err != nil && info != (store.SharedInfo{}) {
			w.fault("an answer beside the error: %+v", info)
		}
		var listed error
		for rec, err := range w.s.ClaimsOf(w.present, r, asker, 0) {
			if listed = err; err == nil {
				w.fault("a receipt: %+v", rec)
			}
		}
		if revealed := revealIt(r, asker)(w); fmt.Sprint(listed) != fmt.Sprint(err) || fmt.Sprint(revealed) != fmt.Sprint(err) {
			w.fault("LookupShared says %v, ClaimsOf %v, RevealShared %v", err, listed, revealed)
		}
		return err
	}
}

func revealIt(r store.SharedRef, asker string) func(*world) error {
	return func(w *world) error {
		r := r
		r.Token = w.names.Replace(r.Token)
		got, err := w.s.RevealShared(w.present, r, asker)
		if err != nil && (got.Commitment != "" || len(got.Parts) > 0 || got.Salt != gen.Salt{}) {
			w.fault("a split beside the error: %+v", got)
		}
		return err
	}
}

func receivedBy(user string) func(*world) error {
	return func(w *world) error {
		all, err := w.s.ReceivedBy(w.present, user)
		if err != nil && len(all) > 0 {
			w.fault("amounts beside the error: %+v", all)
		}
		return err
	}
}
