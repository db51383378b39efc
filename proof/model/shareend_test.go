package model

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"codepool/gen"
	"codepool/store"

	"pgregory.net/rapid"
)

// endShareOp ends a shared batch before its time.
type endShareOp struct {
	sh *shared // nil: there is none
	c  store.SharedChange
	at moment
}

func (o endShareOp) GoString() string { return fmt.Sprintf("end %v as %+v%v", o.sh, o.c, o.at) }

func (m *model) anyEndShare(t *rapid.T) (o endShareOp) {
	if used := m.shares.ends.order; len(used) > 0 && oneIn(t, 3) {
		o.c.Key = used[upTo(t, len(used)-1)]
		old, _ := m.shares.ends.get(o.c.Key)
		o.sh, o.c.By = old.sh, old.by
		if oneIn(t, 4) {
			o.sh = m.anyShared(t)
		}
	} else {
		o.sh = m.anyShared(t)
		o.c.By, o.c.Key = label(t, "by"), oneOf(t, "", fmt.Sprint("end", len(used), "-", upTo(t, 1)))
	}
	o.at = m.shareMoment(t, o.sh)
	o.c.SharedRef = store.SharedRef{Token: "NOSUCHTOKEN"}
	if o.sh != nil {
		o.c.SharedRef = store.SharedRef{Token: o.sh.typedToken(t), Namespace: o.sh.Namespace, Room: o.sh.Room}
	}
	return o
}

// endShare ends a shared batch: what is left goes back.
func (m *model) endShare() {
	o := rapid.Custom(m.anyEndShare).Draw(m.t, "end")
	m.beginShare(o.at)
	got, err := m.s.EndShared(m.ctx(), o.c)
	m.did(o, "%d, %s", got.Number, outcome(err))
	at := m.shareTime()
	if old, used := m.shares.ends.get(o.c.Key); used {
		canon, cerr := gen.AppendCanonical(nil, o.c.Token, old.sh.fold)
		if cerr != nil || o.c.By != old.by || o.c.Namespace != old.sh.Namespace || o.c.Room != old.sh.Room || string(canon) != old.sh.token {
			m.wantErr("end with the key of another", err, store.ErrKeyConflict)
		} else if err != nil || got != old.rec {
			m.failf("end with its key: got %+v, %v, want %+v", got, err, old.rec)
		}
		return
	}
	sh := m.findToken(o.c.Namespace, o.c.Room, o.c.Token, at)
	var want error
	switch {
	case sh == nil:
		want = store.ErrUnknownCode
	case sh.ended:
		want = sh.whyEnded()
	case sh.isOver(at):
		want = store.ErrExpired
	case sh.left() == 0:
		want = store.ErrSoldOut
	}
	if m.wantErr("end of a shared batch", err, want); want != nil {
		return
	}
	number := m.recordShareEnd(sh, at, o.c, false)
	sh.ended, sh.endBy = true, true
	end := store.SharedEnd{Number: number, ID: sh.id, Token: sh.token, Sender: sh.Sender, Shares: sh.endLeft, Amount: sh.endSum, Currency: sh.Currency, At: at}
	if got != end {
		m.failf("end of %v: got %+v, want %+v", sh, got, end)
	}
	m.shares.ends.put(o.c.Key, shareEndKey{sh, o.c.By, got})
}

// unclaimOp takes a claim back.
type unclaimOp struct {
	of *claimed // nil: there is none with its number
	c  store.ClaimChange
	at moment
}

func (o unclaimOp) GoString() string { return fmt.Sprintf("take back %+v%v", o.c, o.at) }

func (m *model) anyUnclaim(t *rapid.T) (o unclaimOp) {
	if used := m.shares.undone.order; len(used) > 0 && oneIn(t, 5) {
		o.c.Key = used[upTo(t, len(used)-1)]
		old, _ := m.shares.undone.get(o.c.Key)
		if o.c.Number, o.c.By = old.number, old.by; oneIn(t, 4) {
			o.c.By = label(t, "by")
		}
	} else {
		o.c = store.ClaimChange{By: label(t, "by"), Key: oneOf(t, "", fmt.Sprint("undo", len(used), "-", upTo(t, 1))), Reason: oneOf(t, "", "refund")}
		if n := len(m.shares.claims); n > 0 && !oneIn(t, 8) {
			o.c.Number = m.shares.claims[n-1-upTo(t, n-1)].rec.Number
		} else {
			o.c.Number = uint64(upTo(t, int(m.ledger)+1))
		}
	}
	for _, c := range m.shares.claims {
		if c.rec.Number == o.c.Number {
			o.of = c
		}
	}
	var sh *shared
	if o.of != nil {
		sh = o.of.sh
	}
	o.at = m.shareMoment(t, sh)
	return o
}

// unclaim takes a claim back: its share can be claimed again.
func (m *model) unclaim() {
	o := rapid.Custom(m.anyUnclaim).Draw(m.t, "claim")
	m.beginShare(o.at)
	got, err := m.s.UndoClaim(m.ctx(), o.c)
	m.did(o, "%d, %s", got.Number, outcome(err))
	at := m.shareTime()
	if old, used := m.shares.undone.get(o.c.Key); used {
		if old.number != o.c.Number || old.by != o.c.By {
			m.wantErr("taking back with the key of another", err, store.ErrKeyConflict)
		} else if err != nil || got != old.rec {
			m.failf("taking back with its key: got %+v, %v, want %+v", got, err, old.rec)
		}
		return
	}
	var want error
	switch c := o.of; {
	case c == nil:
		want = store.ErrNotClaimed
	case c.sh.isFree(at):
		want = store.ErrUnknownCode
	case c.undone:
		want = store.ErrNotClaimed
	case c.sh.ended:
		want = c.sh.whyEnded()
	case c.sh.isOver(at):
		want = store.ErrExpired
	}
	if m.wantErr("taking a claim back", err, want); want != nil {
		return
	}
	sh := o.of.sh
	number := m.record(at, store.Entry{
		Verb: "undo claim", Shared: sh.id, Room: sh.Room, Count: 1, Amount: o.of.rec.Share.Amount, Currency: sh.Currency, Code: gen.Mask(sh.token),
		User: o.of.rec.User, By: o.c.By, Key: o.c.Key, Reason: o.c.Reason, Lease: o.of.rec.Number,
	})
	if done := (store.Changed{Number: number, Code: sh.token, By: o.c.By, Reason: o.c.Reason, Key: o.c.Key, At: at}); got != done {
		m.failf("taking back claim %d: got %+v, want %+v", o.c.Number, got, done)
	}
	o.of.undone = true
	m.shares.undone.put(o.c.Key, unclaimKey{o.c.Number, o.c.By, got})
}

// lookOp looks at a shared batch.
type lookOp struct {
	sh    *shared
	asker string
	at    moment
}

func (m *model) anyLook(t *rapid.T) lookOp {
	sh := m.anyShared(t)
	return lookOp{sh, oneOf(t, sh.Sender, sh.Sender, label(t, "u")), m.shareMoment(t, sh)}
}

func (o lookOp) GoString() string { return fmt.Sprintf("look at %v as %.20q%v", o.sh, o.asker, o.at) }

// lookAtShares looks at some shared batches, as several askers.
func (m *model) lookAtShares() {
	if len(m.shares.all) == 0 {
		m.share()
		return
	}
	o := rapid.Custom(m.anyLook).Draw(m.t, "look")
	m.did(o, "")
	m.beginShare(o.at)
	m.sameShare(o.sh, o.asker)
	m.sameReceived(o.asker)
}

// sameShare holds all that is told of a shared batch against the model. REQUIRES: the clock
// is set.
func (m *model) sameShare(sh *shared, asker string) {
	ref := store.SharedRef{Token: sh.token, Namespace: sh.Namespace, Room: sh.Room}
	info, err := m.s.LookupShared(m.ctx(), ref, asker)
	at := m.shareTime()
	m.endShares(at)
	now := m.findToken(sh.Namespace, sh.Room, sh.token, at)
	var want error
	if now == nil {
		want = store.ErrUnknownCode
	} else if now.SenderOnly && asker != now.Sender {
		want = store.ErrNotSender
	}
	if m.wantErr(fmt.Sprintf("look at %v", sh), err, want); want == nil {
		m.sameShared(now, info, at)
	}
	m.beginShare(moment{tick: glance})
	var got []store.Receipt
	for r, err := range m.s.ClaimsOf(m.ctx(), ref, asker, 0) {
		if err != nil {
			m.wantErr("claims", err, m.mayLook(ref, asker))
			return
		}
		got = append(got, r)
	}
	at = m.shareTime()
	if m.endShares(at); m.mayLook(ref, asker) != nil {
		m.failf("claims of %v are told to %.20q: %v", sh, asker, got)
	}
	var its []store.Receipt
	for _, c := range slices.Backward(m.findToken(sh.Namespace, sh.Room, sh.token, at).claims) {
		if !c.undone {
			its = append(its, c.rec)
		}
	}
	if !sameReceiptList(got, its) {
		m.failf("claims of %v are %+v, want %+v", sh, got, its)
	}
	m.sameReveal(ref, asker)
}

// mayLook is whether somebody may look at a shared batch by the last reading of the clock.
func (m *model) mayLook(ref store.SharedRef, asker string) error {
	at := m.shareTime()
	m.endShares(at)
	switch sh := m.findToken(ref.Namespace, ref.Room, ref.Token, at); {
	case sh == nil:
		return store.ErrUnknownCode
	case sh.SenderOnly && asker != sh.Sender:
		return store.ErrNotSender
	}
	return nil
}

// sameReveal holds what is revealed of a split against what its claims got.
func (m *model) sameReveal(ref store.SharedRef, asker string) {
	m.beginShare(moment{tick: glance})
	got, err := m.s.RevealShared(m.ctx(), ref, asker)
	want := m.mayLook(ref, asker)
	at := m.shareTime()
	sh := m.findToken(ref.Namespace, ref.Room, ref.Token, at)
	switch {
	case want != nil:
	case !sh.ended && !sh.isOver(at) && sh.left() > 0:
		want = store.ErrNotEnded
	case !sh.Commit:
		want = store.ErrInvalid
	}
	if m.wantErr("reveal", err, want); want != nil {
		return
	}
	var sum int64
	for i, p := range got.Parts {
		if sum += p; sh.worth[i] != 0 && sh.worth[i] != p {
			m.failf("the share at place %d of %v is revealed as %d, and was worth %d", i, sh, p, sh.worth[i])
		}
	}
	commitment := gen.Commit(got.Salt, got.Parts)
	if sum != sh.total || fmt.Sprintf("%x", commitment) != sh.fresh.Commitment || got.Commitment != sh.fresh.Commitment {
		m.failf("revealed of %v: %+v, which adds up to %d of %d", sh, got, sum, sh.total)
	}
}

// sameReceived holds what a user has received against the model.
func (m *model) sameReceived(user string) {
	got, err := m.s.ReceivedBy(m.ctx(), user)
	if user == "" {
		m.wantErr("received by nobody", err, store.ErrInvalid)
		return
	}
	m.wantErr("received", err, nil)
	var want []store.Received
	for _, c := range slices.Backward(m.shares.claims) {
		if c.undone || c.rec.User != user || c.rec.Share.Amount == 0 {
			continue
		}
		i := slices.IndexFunc(want, func(r store.Received) bool { return r.Currency == c.sh.Currency })
		if i < 0 {
			i, want = len(want), append(want, store.Received{Currency: c.sh.Currency})
		}
		want[i].Shares, want[i].Amount = want[i].Shares+1, want[i].Amount+c.rec.Share.Amount
	}
	if !slices.Equal(got, want) {
		m.failf("user %.20q has received %+v, want %+v", user, got, want)
	}
}

// sameShares holds all shared batches against the model, and repeats requests about them.
func (m *model) sameShares() {
	if len(m.shares.all) == 0 {
		return
	}
	m.beginShare(moment{tick: glance})
	var got []store.SharedInfo
	for info, err := range m.s.SharedBatches(m.ctx(), 0) {
		m.wantErr("shared batches", err, nil)
		got = append(got, info)
	}
	at := m.shareTime()
	m.endShares(at)
	taken := slices.SortedFunc(maps.Values(m.shares.tokens), func(x, y *shared) int { return cmp.Compare(x.id, y.id) })
	taken = slices.DeleteFunc(taken, func(sh *shared) bool { return sh.isFree(at) })
	if len(got) != len(taken) {
		m.failf("there are %d shared batches, want %d", len(got), len(taken))
	}
	for i := range got {
		m.sameShared(taken[i], got[i], at)
	}
	const some = 10
	for _, sh := range sample(m, m.shares.all, some) {
		m.beginShare(moment{tick: glance})
		m.sameShare(sh, sh.Sender)
	}
	users := map[string]bool{}
	for _, c := range m.shares.claims {
		users[c.rec.User] = c.rec.User != ""
	}
	for _, user := range slices.Sorted(maps.Keys(users)) {
		m.sameReceived(user)
	}
	m.retryShares(some)
}

// retryShares makes some requests about shared batches once more.
func (m *model) retryShares(some int) {
	for _, key := range sample(m, m.shares.claimed.order, some) {
		old := m.shares.claimed.by[key]
		m.beginShare(moment{tick: glance})
		rec, err := m.s.Claim(m.ctx(), old.c)
		if m.shareTime(); err != nil || !sameReceipt(rec, old.of.rec) {
			m.failf("claim with key %.20q again: got %+v, %v; the first answer was %+v", key, rec, err, old.of.rec)
		}
	}
	for _, key := range sample(m, m.shares.created.order, some) {
		old := m.shares.created.by[key]
		m.beginShare(moment{tick: glance})
		info, err := m.s.Share(m.ctx(), old.d)
		if m.shareTime(); err != nil || info != old.sh.fresh {
			m.failf("shared batch with key %.20q again: got %+v, %v; the first answer was %+v", key, info, err, old.sh.fresh)
		}
	}
	for _, key := range sample(m, m.shares.undone.order, some) {
		old := m.shares.undone.by[key]
		m.beginShare(moment{tick: glance})
		rec, err := m.s.UndoClaim(m.ctx(), store.ClaimChange{Number: old.number, By: old.by, Key: key})
		if m.shareTime(); err != nil || rec != old.rec {
			m.failf("claim taken back with key %.20q again: got %+v, %v; the first answer was %+v", key, rec, err, old.rec)
		}
	}
	for _, key := range sample(m, m.shares.ends.order, some) {
		old := m.shares.ends.by[key]
		m.beginShare(moment{tick: glance})
		rec, err := m.s.EndShared(m.ctx(), store.SharedChange{SharedRef: store.SharedRef{Token: old.sh.token, Namespace: old.sh.Namespace, Room: old.sh.Room}, By: old.by, Key: key})
		if m.shareTime(); err != nil || rec != old.rec {
			m.failf("end with key %.20q again: got %+v, %v; the first answer was %+v", key, rec, err, old.rec)
		}
	}
}
