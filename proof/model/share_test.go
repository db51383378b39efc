package model

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"codepool/gen"
	"codepool/store"

	"pgregory.net/rapid"
)

// A shared batch is one token in front of many shares. What a share of a split is worth the
// model learns from the first receipt of it: that each is given once, and that they add up
// to the total with what goes back, is what it knows.
//
// What is about shared batches never happens before what was: who looks at one ends those
// whose time is over, and that stays so when the clock is set back.

// shared is a shared batch. Its times are those of the ledger; zero: open.
type shared struct {
	store.Shared
	id                         uint64
	token                      string // canonical
	fold                       gen.Fold
	created, from, until, free time.Time
	count, total               int64
	limit                      int

	claims  []*claimed
	worth   map[int]int64 // by place, as far as it is known
	ended   bool
	endBy   bool // somebody ended it
	endLeft int64
	endSum  int64
	fresh   store.SharedInfo // the answer to its creation
}

func (sh *shared) String() string { return fmt.Sprintf("s%d", sh.id) }

// claimed is a claim.
type claimed struct {
	sh     *shared
	rec    store.Receipt
	undone bool
}

// tokenID names a token.
type tokenID struct{ space, room, canon string }

// shareKey, claimKey, unclaimKey and shareEndKey are what keys have answered.
type (
	shareKey struct {
		d  store.Shared
		sh *shared
	}
	claimKey struct {
		c  store.Claim
		of *claimed
	}
	unclaimKey struct {
		number uint64
		by     string
		rec    store.Changed
	}
	shareEndKey struct {
		sh  *shared
		by  string
		rec store.SharedEnd
	}
)

// shares are what the model knows of shared batches.
type shares struct {
	all     []*shared
	tokens  map[tokenID]*shared // that are or were taken
	claims  []*claimed
	created keys[shareKey]
	claimed keys[claimKey]
	undone  keys[unclaimKey]
	ends    keys[shareEndKey]
	some    bool      // there was one of no room: a text that is no code may be a token
	latest  time.Time // reading by which something was done about a shared batch
}

// errKeyNotForged is for a text that is no code, with the key of another redemption, once
// there was a token of no room, which it might be: then the key is looked at. But what
// arithmetic refuses, and the model may not know it, is no token.
var errKeyNotForged = errors.New("key of another request, or a forged code")

// standing is how many claims stand, and what they are worth.
func (sh *shared) standing() (n, sum int64) {
	for _, c := range sh.claims {
		if !c.undone {
			n, sum = n+1, sum+c.rec.Share.Amount
		}
	}
	return n, sum
}

func (sh *shared) left() int64 {
	n, _ := sh.standing()
	return sh.count - n
}

func (sh *shared) isOver(at time.Time) bool { return !sh.until.IsZero() && !at.Before(sh.until) }
func (sh *shared) isFree(at time.Time) bool { return !sh.free.IsZero() && !at.Before(sh.free) }

// whyEnded is why nothing is claimed any more.
func (sh *shared) whyEnded() error {
	if sh.endBy {
		return store.ErrShareEnded
	}
	return store.ErrExpired
}

// shareMoment draws how the clock moves on for what is about a shared batch, or nil: it may be
// set to an end of it.
func (m *model) shareMoment(t *rapid.T, sh *shared) moment {
	at := moment{tick: time.Duration(1+upTo(t, 60_000)) * time.Nanosecond}
	if sh != nil && oneIn(t, 4) {
		end := oneOf(t, sh.from, sh.until, sh.free)
		if !end.IsZero() && end.Before(m.clk.now.Add(time.Second)) {
			at.first = end.Add(oneOf(t, 0, -time.Microsecond, time.Microsecond))
		}
	}
	return at
}

// beginShare is begin for what is about shared batches.
func (m *model) beginShare(at moment) {
	if at.first.IsZero() {
		at.first = m.clk.now.Add(at.tick)
	}
	if at.first.Before(m.shares.latest) {
		at.first = m.shares.latest
	}
	m.begin(at)
}

// shareTime returns the time by which a call about a shared batch decided: its one reading.
func (m *model) shareTime() time.Time {
	m.once()
	m.shares.latest = m.clk.taken()[0]
	return stamp(m.shares.latest)
}

// endShares ends those whose time is over at a time of the ledger.
func (m *model) endShares(at time.Time) {
	for _, sh := range m.shares.all {
		if sh.ended || !sh.isOver(at) {
			continue
		}
		sh.ended = true
		if left := sh.left(); left > 0 {
			m.recordShareEnd(sh, at, store.SharedChange{}, true)
		}
	}
}

// recordShareEnd notes what was left.
func (m *model) recordShareEnd(sh *shared, at time.Time, c store.SharedChange, over bool) uint64 {
	n, sum := sh.standing()
	sh.endLeft, sh.endSum = sh.count-n, sh.total-sum
	number := m.record(at, store.Entry{
		Verb: "end", Shared: sh.id, Room: sh.Room, Count: sh.endLeft, Amount: sh.endSum, Currency: sh.Currency, Code: gen.Mask(sh.token),
		By: c.By, Key: c.Key, Reason: c.Reason,
	})
	m.entries[len(m.entries)-1].over = over
	return number
}

// findToken returns the shared batch that a typed text is the token of at a time.
func (m *model) findToken(space, room, typed string, at time.Time) *shared {
	for _, fold := range []gen.Fold{gen.Exact, gen.Upper, gen.Crockford} {
		canon, err := gen.AppendCanonical(nil, typed, fold)
		if err != nil {
			continue
		}
		if sh := m.shares.tokens[tokenID{space, room, string(canon)}]; sh != nil && sh.fold == fold && !sh.isFree(at) {
			return sh
		}
	}
	return nil
}

// shareOp creates a shared batch.
type shareOp struct {
	d    store.Shared
	many bool
	at   moment
}

func (o shareOp) GoString() string { return fmt.Sprintf("share %+v%v", o.d, o.at) }

// oneDigit is a format of so few tokens that a room is full of them.
var oneDigit = gen.Format{Class: gen.Digits, Length: 1}

func anySplit(t *rapid.T) gen.Split {
	n := 1 + upTo(t, 5)
	s := gen.Split{Policy: oneOf(t, gen.DoubleMean, gen.LineCut, gen.Even, gen.Rest, gen.Ratio), Count: n, Total: int64(n + upTo(t, 1000))}
	switch {
	case s.Policy == gen.Ratio:
		s.Total += 100 * int64(n)
		for range n {
			s.Ratios = append(s.Ratios, int64(1+upTo(t, 3)))
		}
	case s.Policy != gen.Rest && oneIn(t, 3):
		s.Most = s.Total/int64(n) + 1 + int64(upTo(t, 3))
	}
	return s
}

func (m *model) anyShare(t *rapid.T) shareOp {
	if used := m.shares.created.order; len(used) > 0 && oneIn(t, 6) {
		old, _ := m.shares.created.get(used[upTo(t, len(used)-1)])
		o := shareOp{d: old.d, at: m.shareMoment(t, old.sh), many: oneIn(t, 2)}
		if oneIn(t, 4) {
			o.d.Reward = "another"
		}
		return o
	}
	var d store.Shared
	switch upTo(t, 3) {
	case 0:
		d = store.Universal(fmt.Sprint("Token-", upTo(t, 6)), int64(oneOf(t, 1, 2, 5, 1025)))
		d.PerUser = oneOf(t, 0, 1, 2, store.Unlimited)
	case 1, 3:
		d = store.RedPacket(label(t, "u"), "CNY", anySplit(t))
		if d.PerUser = oneOf(t, 0, 0, 2); oneIn(t, 3) {
			d.Token = fmt.Sprint("Packet-", upTo(t, 6))
		}
		d.NotSender, d.Commit = d.Sender != "" && oneIn(t, 3), oneIn(t, 3)
	default:
		d = store.Sprinkle(oneOf(t, "r1", "r2"), fmt.Sprint("u", upTo(t, 3)), oneOf(t, "KRW", "CNY"), anySplit(t))
		if oneIn(t, 3) {
			d.Format = oneDigit
		}
	}
	d.Namespace, d.Reward, d.By, d.Key = oneOf(t, spaceNames[:]...), label(t, "reward"), label(t, "by"), ""
	if d.For, d.Keep = 0, 0; rapid.Bool().Draw(t, "") {
		d.For = time.Duration(1+upTo(t, 20_000)) * time.Microsecond
		if d.Keep = d.For + time.Duration(upTo(t, 10_000)-100)*time.Microsecond; oneIn(t, 4) {
			d.Keep = 0
		}
	}
	if oneIn(t, 4) {
		d.NotBefore = m.clk.now.Add(time.Duration(upTo(t, 3000)) * time.Microsecond)
	}
	if d.Token != "" && oneIn(t, 3) {
		d.Format = gen.Format{Class: gen.AlnumCase, Length: 9}
	}
	if c := m.anyCode(t); c != nil && d.Room == "" && oneIn(t, 8) { // that a code has
		d.Token, d.Namespace, d.Format = c.canon, c.space, gen.Format{Class: gen.AlnumCase, Length: 9}
	}
	if upTo(t, 3) > 0 {
		d.Key = fmt.Sprint("share", len(m.shares.created.order), "-", upTo(t, 1))
	}
	return shareOp{d, oneIn(t, 4), m.shareMoment(t, nil)}
}

// share creates a shared batch.
func (m *model) share() {
	o := rapid.Custom(m.anyShare).Draw(m.t, "shared batch")
	m.beginShare(o.at)
	var got store.SharedInfo
	var err error
	if o.many {
		r := m.s.ShareAll(m.ctx(), []store.Shared{o.d})[0]
		got, err = r.Info, r.Err
	} else {
		got, err = m.s.Share(m.ctx(), o.d)
	}
	m.did(o, "%d, %s", got.ID, outcome(err))
	at := m.shareTime()
	sh := &shared{Shared: o.d, created: at, count: o.d.Count, limit: max(o.d.PerUser, 1), worth: map[int]int64{}}
	if o.d.PerUser == store.Unlimited {
		sh.limit = store.Unlimited
	}
	if !sh.times(at) {
		m.wantErr("shared batch that cannot be", err, store.ErrInvalid)
		return
	}
	if old, used := m.shares.created.get(o.d.Key); used {
		if !reflect.DeepEqual(old.d, o.d) {
			m.wantErr("shared batch with the key of another", err, store.ErrKeyConflict)
		} else if err != nil || got != old.sh.fresh {
			m.failf("shared batch with its key: got %+v, %v, want %+v", got, err, old.sh.fresh)
		}
		return
	}
	m.endShares(at)
	if sh.total = o.d.Split.Total; sh.total > 0 {
		sh.count = int64(max(o.d.Split.Count, len(o.d.Split.Ratios)))
	}
	if want := m.mayShare(sh, got, err, at); want != nil {
		m.wantErr("shared batch", err, want)
		return
	}
	m.wantErr("shared batch", err, nil)
	sh.id = m.record(at, store.Entry{
		Verb: "share", Shared: m.ledger + 1, Room: sh.Room, Count: sh.count, Amount: sh.total, Currency: sh.Currency, Code: gen.Mask(sh.token),
		By: o.d.By, Key: o.d.Key, NotBefore: sh.from, NotAfter: sh.until,
	})
	sh.fresh = got
	m.shares.all = append(m.shares.all, sh)
	m.shares.tokens[sh.tokenID()] = sh
	m.shares.some = m.shares.some || sh.Room == ""
	m.shares.created.put(o.d.Key, shareKey{o.d, sh})
	m.sameShared(sh, got, at)
}

// times fills in the times of a shared batch that is created at a time, and reports whether
// they can be.
func (sh *shared) times(at time.Time) bool {
	if sh.from = ceil(sh.NotBefore); sh.For > 0 {
		sh.until = at.Add(sh.For)
	}
	if sh.Keep > 0 {
		sh.free = at.Add(sh.Keep)
	}
	switch {
	case sh.Keep < 0, sh.Keep > 0 && sh.For > sh.Keep:
		return false
	case !sh.until.IsZero() && !sh.from.Before(sh.until):
		return false
	}
	return true
}

func (sh *shared) tokenID() tokenID { return tokenID{sh.Namespace, sh.Room, sh.token} }

// mayShare fills in the token of a shared batch, and returns the error that it must get.
func (m *model) mayShare(sh *shared, got store.SharedInfo, err error, at time.Time) error {
	if sh.Token == "" {
		format := sh.Format.WithDefaults()
		sh.token, sh.fold = got.Token, format.Class.Fold()
		taken := 0
		for _, o := range m.shares.tokens {
			if o.Namespace == sh.Namespace && o.Room == sh.Room && o.Token == "" && o.Format == sh.Format && !o.isFree(at) {
				taken++
			}
		}
		if space := format.Space(); space.IsInt64() && int64(taken) >= space.Int64() {
			return store.ErrNoToken
		}
	} else {
		if sh.fold = gen.Upper; sh.Format != (gen.Format{}) {
			sh.fold = sh.Format.Class.Fold()
		}
		canon, cerr := gen.AppendCanonical(nil, sh.Token, sh.fold)
		if cerr != nil {
			return store.ErrInvalid
		}
		sh.token = string(canon)
	}
	o := m.shares.tokens[sh.tokenID()]
	taken := o != nil && !o.isFree(at) || sh.Room == "" && m.codes[text{sh.Namespace, sh.token}] != nil
	switch {
	case taken && sh.Token == "" && err == nil:
		m.failf("the random token of %+v is taken", sh.Shared)
	case taken && sh.Token != "":
		return store.ErrTaken
	}
	return nil
}

// sameShared holds what the store says of a shared batch against the model.
func (m *model) sameShared(sh *shared, got store.SharedInfo, at time.Time) {
	n, sum := sh.standing()
	want := store.SharedInfo{
		ID: sh.id, Token: sh.token, Printed: sh.token, Namespace: sh.Namespace, Room: sh.Room, Reward: sh.Reward, Currency: sh.Currency, Sender: sh.Sender,
		PerUser: sh.limit, Count: sh.count, Claimed: n, Total: sh.total, ClaimedAmount: sum, Created: sh.created, FreeAt: sh.free,
		Commitment: sh.fresh.Commitment,
	}
	if sh.Format != (gen.Format{}) || sh.Token == "" {
		want.Printed = string(sh.Format.WithDefaults().AppendPrinted(nil, []byte(sh.token)))
	}
	if want.Left = sh.count - n; sh.ended {
		want.Left, want.Refunded, want.RefundedAmount = 0, sh.endLeft, sh.endSum
	}
	switch {
	case sh.ended && sh.endBy:
		want.State = "ended"
	case sh.ended || sh.isOver(at):
		want.State = "over"
	case n == sh.count:
		want.State = "sold out"
	case at.Before(sh.from):
		want.State = "early"
	default:
		want.State = "open"
	}
	want.NotBefore, want.NotAfter = got.NotBefore, got.NotAfter
	if got != want || !got.NotBefore.Equal(sh.from) || !got.NotAfter.Equal(sh.until) || sh.Commit == (got.Commitment == "") {
		m.failf("shared batch %v is %+v, want %+v from %v until %v", sh, got, want, sh.from, sh.until)
	}
	if got.Total > 0 && got.Left == 0 && got.ClaimedAmount+got.RefundedAmount != got.Total {
		m.failf("shared batch %v: %+v does not add up", sh, got)
	}
}

// typedToken is a way to type a token.
func (sh *shared) typedToken(t *rapid.T) string {
	if sh.fold == gen.Exact || oneIn(t, 2) {
		return sh.token
	}
	return strings.ToLower(sh.token[:1]) + "-" + sh.token[1:]
}
