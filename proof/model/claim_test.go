package model

import (
	"fmt"
	"time"

	"codepool/gen"
	"codepool/store"

	"pgregory.net/rapid"
)

// anyShared draws a shared batch, nil if there is none: rather a late one.
func (m *model) anyShared(t *rapid.T) *shared {
	if n := len(m.shares.all); n > 0 {
		return m.shares.all[n-1-upTo(t, min(n-1, 12))]
	}
	return nil
}

// claimOp asks for a share.
type claimOp struct {
	c      store.Claim
	member bool // what Member says, if it is asked
	asked  bool
	how    int
	at     moment
}

const claimWays = 6 // of which the first are those of a room, too

func (o claimOp) GoString() string {
	return fmt.Sprintf("claim, way %d, %q in room %q of %q, user %.20q, key %.20q, member %v of %v%v",
		o.how, o.c.Token, o.c.Room, o.c.Namespace, o.c.User, o.c.Key, o.member, o.asked, o.at)
}

func (m *model) anyClaim(t *rapid.T) claimOp {
	sh := m.anyShared(t)
	o := claimOp{at: m.shareMoment(t, sh), how: upTo(t, claimWays-1), member: true}
	if used := m.shares.claimed.order; len(used) > 0 && oneIn(t, 6) {
		old, _ := m.shares.claimed.get(used[upTo(t, len(used)-1)])
		if o.c = old.c; oneIn(t, 4) {
			o.c.User = label(t, "u")
		}
	} else {
		o.c = store.Claim{Token: "NOSUCHTOKEN", User: label(t, "u")}
		if sh != nil {
			o.c.Namespace, o.c.Room, o.c.Token = sh.Namespace, sh.Room, sh.typedToken(t)
		}
		switch upTo(t, 12) {
		case 0, 1, 2, 3:
			o.c.Key = fmt.Sprint("claim", len(m.shares.claimed.order), "-", upTo(t, 1))
		case 11:
			o.c.Room = oneOf(t, "", "r1", "r2")
		case 12:
			if used := m.redeemed.order; len(used) > 0 {
				o.c.Key = used[upTo(t, len(used)-1)]
			}
		}
	}
	if o.c.Room != "" {
		o.how %= 2
	}
	if o.asked = o.how < 2 && oneIn(t, 4); o.asked {
		o.member = upTo(t, 2) > 0
		o.c.Member = func(room, user string) bool { return o.member }
	}
	return o
}

// claim takes a share, in one of the ways there are.
func (m *model) claim() {
	if len(m.shares.all) == 0 {
		m.share()
		return
	}
	o := rapid.Custom(m.anyClaim).Draw(m.t, "claim")
	m.beginShare(o.at)
	got := m.claimSomehow(o)
	m.did(o, "%d, %s", got.Receipt.Number, outcome(got.Err))
	if o.how >= 2 && len(m.taken()) == 0 {
		m.noTokens(o, got.Err)
		return
	}
	at := m.shareTime()
	m.heldClaim(o, got, at)
}

// noTokens holds the answer to a redemption for which no token was looked for: there never
// was one of no room, or, for one that waits for its callback, there is none of that text and
// it has no key that may have claimed one.
func (m *model) noTokens(o claimOp, err error) {
	m.wantErr("redemption of no code", err, store.ErrUnknownCode)
	if m.shares.some && (o.how != 4 || o.c.Key != "") {
		m.failf("no token was looked for, and there was one of no room")
	}
	for id, sh := range m.shares.tokens {
		canon, cerr := gen.AppendCanonical(nil, o.c.Token, sh.fold)
		its := id.space == o.c.Namespace && cerr == nil && string(canon) == sh.token
		if id.room == "" && !sh.isFree(stamp(m.shares.latest)) && its {
			m.failf("no token was looked for, and %v has one", sh)
		}
	}
}

func (m *model) claimSomehow(o claimOp) (got store.Result) {
	r := store.Redemption{Code: o.c.Token, Namespace: o.c.Namespace, User: o.c.User, Key: o.c.Key}
	switch o.how {
	case 0, 5:
		got.Receipt, got.Err = m.s.Claim(m.ctx(), o.c)
	case 1:
		got = m.s.ClaimAll(m.ctx(), []store.Claim{o.c})[0]
	case 2:
		got.Receipt, got.Err = m.s.Redeem(m.ctx(), r)
	case 3:
		got = m.s.RedeemAll(m.ctx(), []store.Redemption{r})[0]
	case 4:
		got = m.callback(request{named: named{space: r.Namespace, text: r.Code}, user: r.User, key: r.Key})
	}
	return got
}

// heldClaim holds the answer to a claim that was decided at a time against the model.
func (m *model) heldClaim(o claimOp, got store.Result, at time.Time) {
	known, sh, want := m.foretellClaim(o, at)
	switch {
	case want != nil:
		if m.wantErr("claim", got.Err, want); got.Receipt != (store.Receipt{}) {
			m.failf("a refused claim comes with %+v", got.Receipt)
		}
	case known != nil:
		if got.Err != nil || !sameReceipt(got.Receipt, known.rec) {
			m.failf("claim with its key: got %+v, %v, want %+v", got.Receipt, got.Err, known.rec)
		}
	default:
		m.wantErr("claim", got.Err, nil)
		m.tookShare(o, sh, got.Receipt, at)
	}
}

// foretellClaim returns what a claim must get: the answer to an earlier one with its key, a
// share of a shared batch, or an error.
func (m *model) foretellClaim(o claimOp, at time.Time) (known *claimed, sh *shared, want error) {
	c := o.c
	if old, used := m.shares.claimed.get(c.Key); used {
		same := old.of.sh
		canon, err := gen.AppendCanonical(nil, c.Token, same.fold)
		if old.c.User != c.User || same.Namespace != c.Namespace || same.Room != c.Room || err != nil || string(canon) != same.token {
			return nil, nil, store.ErrKeyConflict
		}
		return old.of, nil, nil
	}
	if _, used := m.redeemed.get(c.Key); used {
		return nil, nil, store.ErrKeyConflict
	}
	if sh = m.findToken(c.Namespace, c.Room, c.Token, at); sh == nil {
		return nil, nil, store.ErrUnknownCode
	}
	used := 0
	for _, x := range sh.claims {
		if !x.undone && x.rec.User == c.User {
			used++
		}
	}
	switch {
	case at.Before(sh.from):
		return nil, nil, store.ErrNotYetValid
	case sh.isOver(at):
		return nil, nil, store.ErrExpired
	case c.User == "" && sh.limit != store.Unlimited:
		return nil, nil, store.ErrNoUser
	case sh.NotSender && c.User == sh.Sender:
		return nil, nil, store.ErrOwnShare
	case o.asked && !o.member:
		return nil, nil, store.ErrNotMember
	case sh.limit != store.Unlimited && used >= sh.limit:
		return nil, nil, store.ErrUserLimit
	case sh.ended:
		return nil, nil, sh.whyEnded()
	case sh.left() == 0:
		return nil, nil, store.ErrSoldOut
	}
	return nil, sh, nil
}

// tookShare makes a claim happen.
func (m *model) tookShare(o claimOp, sh *shared, rec store.Receipt, at time.Time) {
	if rec.Share == nil {
		m.failf("a claim has the receipt %+v, of no share", rec)
	}
	got := *rec.Share
	number := m.record(at, store.Entry{
		Verb: "claim", Shared: sh.id, Room: sh.Room, Count: 1, Amount: got.Amount, Currency: sh.Currency, Code: sh.token, User: o.c.User, Key: o.c.Key,
	})
	share := store.Share{ID: sh.id, Room: sh.Room, Part: got.Part, Amount: got.Amount, Currency: sh.Currency}
	want := store.Receipt{Number: number, Code: sh.token, Namespace: sh.Namespace, User: o.c.User, Key: o.c.Key, Reward: sh.Reward, At: at, Share: &share}
	if !sameReceipt(rec, want) {
		m.failf("claim of %v: got %+v of share %+v, want %+v of share %+v", sh, rec, got, want, share)
	}
	if sh.total == 0 {
		if got.Part != 0 || got.Amount != 0 {
			m.failf("share %+v of %v, whose shares are alike", got, sh)
		}
	} else {
		m.givenOnce(sh, got)
	}
	c := &claimed{sh: sh, rec: want}
	sh.claims, m.shares.claims, m.receipts = append(sh.claims, c), append(m.shares.claims, c), append(m.receipts, want)
	m.shares.claimed.put(o.c.Key, claimKey{c: o.c, of: c})
	if n, sum := sh.standing(); n == sh.count && sum != sh.total || sum > sh.total {
		m.failf("%d of %d shares of %v were claimed, worth %d of %d", n, sh.count, sh, sum, sh.total)
	}
}

// givenOnce holds that nobody has the share that a claim got, and that it is worth what it was.
func (m *model) givenOnce(sh *shared, got store.Share) {
	for _, c := range sh.claims {
		if !c.undone && c.rec.Share.Part == got.Part {
			m.failf("the share at place %d of %v was given in receipt %d and again", got.Part, sh, c.rec.Number)
		}
	}
	was, known := sh.worth[got.Part]
	s := sh.Split
	if got.Part < 0 || int64(got.Part) >= sh.count || got.Amount < 1 || s.Most > 0 && got.Amount > s.Most || known && was != got.Amount {
		m.failf("the share at place %d of %v is worth %d, and was worth %d", got.Part, sh, got.Amount, was)
	}
	sh.worth[got.Part] = got.Amount
}

// claimAll takes many shares at once, decided one after the other at one time.
func (m *model) claimAll() {
	os := rapid.Custom(func(t *rapid.T) claimOps {
		var os claimOps
		for range 1 + upTo(t, 10) {
			os = append(os, m.anyClaim(t))
		}
		return os
	}).Draw(m.t, "claims")
	all := make([]store.Claim, len(os))
	for i := range os {
		all[i] = os[i].c
	}
	m.beginShare(os[0].at)
	got := m.s.ClaimAll(m.ctx(), all)
	m.did(os, "%s", results(got))
	at := m.shareTime()
	for i := range os {
		m.heldClaim(os[i], got[i], at)
	}
}

type claimOps []claimOp

func (os claimOps) GoString() (s string) {
	for _, o := range os {
		s += fmt.Sprintf("\n        %#v", o)
	}
	return "claims" + s
}

// sameReceipt compares receipts and what they say of shares.
func sameReceipt(a, b store.Receipt) bool {
	if (a.Share == nil) != (b.Share == nil) || a.Share != nil && *a.Share != *b.Share {
		return false
	}
	a.Share, b.Share = nil, nil
	return a == b
}

func sameReceiptList(a, b []store.Receipt) bool {
	for i := range min(len(a), len(b)) {
		if !sameReceipt(a[i], b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}
