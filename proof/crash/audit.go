package crash

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"codepool/shard"
	"codepool/store"
)

// auditor remembers every answer that was given and holds a store against it.
type auditor struct {
	codes  map[string]*life
	fresh  map[string]bool // codes with an answer since the last audit
	seen   map[uint64]redemption
	draws  map[string][]string // reference → codes, of answers since the last audit
	leases map[uint64]*lease   // since the last audit
	takes  map[string][]string // since the last audit
	minted map[string]int64
	burned map[string]uint64 // receipts of codes whose redemption nobody takes back
	steps  int               // of the desk, that were answered
	paused bool              // somebody was told so since the last audit, behind step pausedFrom
	after  uint64            // ledger number up to which receipts were read
	found  []error
	again  int // reservations that are still to be asked for the same again

	rationed rationed
	reused   reused
	shelved  shelved
	retired  map[string]retired
	archived map[string]bool // those of retired that were audited
	ordered  map[int64]bool  // order numbers that were given out
	packets  map[string]*packet
	cursor   uint64 // to which it was moved

	unread     bool // there may be answers that nobody has read: those after a power cut
	pausedFrom int
	Answers    int // given answers in all
}

// life is what is known of a code.
type life struct {
	state   shard.State
	ref     string
	number  uint64 // receipt, if it is redeemed
	refused bool   // somebody was told that it is redeemed
	taken   bool   // it was drawn and redeemed in one step
	hold    uint64 // number of its reservation
	dropped bool   // which was cancelled
}

// redemption is an acknowledged receipt.
type redemption struct{ code, user, key string }

func newAuditor() *auditor {
	return &auditor{
		codes: map[string]*life{}, fresh: map[string]bool{}, seen: map[uint64]redemption{}, draws: map[string][]string{},
		leases: map[uint64]*lease{}, takes: map[string][]string{}, minted: map[string]int64{}, burned: map[string]uint64{},
		rationed: rationed{}, reused: newReused(), shelved: newShelved(), retired: map[string]retired{}, archived: map[string]bool{}, ordered: map[int64]bool{}, packets: map[string]*packet{},
	}
}

const maxFound = 20

// wrong notes a broken promise.
func (a *auditor) wrong(format string, args ...any) {
	if len(a.found) < maxFound {
		a.found = append(a.found, fmt.Errorf(format, args...))
	}
}

// err returns what was found.
func (a *auditor) err() error { return errors.Join(a.found...) }

// note takes one answer in. Answers to the same code come in the order in which they were
// given, but for the two of a race.
func (a *auditor) note(line string) {
	f := strings.Fields(line)
	switch f[0] {
	case lineIssued:
		a.noteCodes(f[1], f[2:])
		a.draws[f[1]] = f[2:]
	case lineLeased:
		a.leases[number(f[1])] = &lease{number: number(f[1]), ref: f[2], codes: f[3:]}
	case lineAcked, lineReturned:
		a.noteEnd(f[0], number(f[1]), number(f[2]))
	case lineTaken:
		a.noteTaken(f[1], f[2:])
	case lineRedeemed:
		a.noteRedeemed(number(f[1]), redemption{f[2], f[3], f[4]})
	case lineRefused:
		a.codes[f[1]].refused = true
		a.fresh[f[1]] = true
	case lineReserved:
		l := a.codes[f[2]]
		l.state, l.hold = shard.Held, number(f[1])
		a.fresh[f[2]] = true
	case lineDropped:
		l := a.codes[f[2]]
		l.state, l.dropped = shard.Issued, true
		a.fresh[f[2]] = true
	case lineUndone:
		l := a.codes[f[2]]
		l.state, l.number = shard.Issued, 0
		a.fresh[f[2]] = true
	case lineReleased:
		if l := a.codes[f[2]]; !l.taken { // somebody else may have been faster to say so
			l.state = shard.Available
		}
		a.fresh[f[2]] = true
	case lineRevoked:
		l := a.codes[f[2]]
		l.state, l.number = shard.Revoked, 0
		a.fresh[f[2]] = true
	case lineStepped:
		a.steps = int(number(f[1]))
	case linePaused:
		a.paused, a.pausedFrom = true, int(number(f[1]))
	case lineEaten:
		a.rationed.of(f[1]).note(number(f[2]))
	case lineLimited:
		a.rationed.of(f[1]).limited = true
	case lineLived:
		a.noteLived(number(f[1]), f[2], f[3])
	case lineExported:
		a.noteExported(f[1:])
	case lineBulk:
		a.shelved.bulk, a.shelved.bulkSum = store.BatchID(number(f[1])), strings.Join(f[2:], "")
	case lineRetired:
		a.retired[f[1]] = retired{int64(number(f[2])), int64(number(f[3]))}
	case lineOrdered:
		a.noteOrdered(f[1:])
	case linePacket, lineClaimed, lineSoldOut, lineUnclaimed, linePacketEnd:
		a.notePacket(f[0], f[1:])
	case lineAdvanced:
		a.cursor = number(f[1])
	case lineMinted:
		n, _ := strconv.ParseInt(f[2], 10, 64)
		a.minted[f[1]] = n
	default:
		return
	}
	a.Answers++
}

func number(text string) uint64 {
	n, _ := strconv.ParseUint(text, 10, 64)
	return n
}

// noteCodes takes in that codes are drawn for good.
func (a *auditor) noteCodes(ref string, printed []string) {
	for _, code := range printed {
		code = canon(code)
		if l := a.codes[code]; l != nil && planOf(code) != released {
			a.wrong("%s was issued to %s and to %s", code, l.ref, ref)
		}
		a.codes[code] = &life{state: shard.Issued, ref: ref}
		a.fresh[code] = true
	}
}

func (a *auditor) noteRedeemed(n uint64, r redemption) {
	l := a.codes[r.code]
	if l == nil {
		a.wrong("%s was redeemed and never issued", r.code)
		return
	}
	if l.state == shard.Redeemed {
		a.wrong("%s was redeemed twice, by receipts %d and %d", r.code, l.number, n)
	}
	if old, twice := a.seen[n]; twice {
		a.wrong("receipt %d was given for %s and for %s", n, old.code, r.code)
	}
	l.state, l.number = shard.Redeemed, n
	a.seen[n] = r
	a.fresh[r.code] = true
}

// audit holds the store against all answers since the last audit, and with all against
// every answer that was ever given. What was under way and unanswered is known afterwards.
func (a *auditor) audit(s *store.Store, all bool) {
	ctx := context.Background()
	receipts := a.auditLedger(ctx, s)
	a.auditLeases(ctx, s)
	a.auditTakes(ctx, s)
	a.again = keysChecked / 2
	for code := range a.fresh {
		a.auditCode(ctx, s, code, receipts[code])
	}
	if all {
		for code, l := range a.codes {
			if !a.fresh[code] {
				a.auditSettled(ctx, s, code, l)
			}
		}
	}
	a.auditKeys(ctx, s)
	a.auditForged(ctx, s)
	a.auditDesk(ctx, s)
	a.auditRations(ctx, s)
	a.auditLives(ctx, s)
	a.auditShelf(ctx, s)
	a.auditFeed(ctx, s)
	a.auditNumbers(ctx, s)
	a.auditArchive(ctx, s, all)
	a.auditPackets(ctx, s, all)
	for name, n := range a.minted {
		if b, err := s.BatchNamed(name); err != nil || !b.Complete || b.Counts.Minted != n {
			a.wrong("batch %s of %d codes was minted; afterwards: %+v, %v", name, n, b, err)
		}
	}
	rep, err := s.Verify(ctx)
	if err != nil || !rep.OK() {
		a.wrong("verify: %v %v", rep.Problems, err)
	}
	clear(a.fresh)
	clear(a.draws)
	clear(a.minted)
}

// auditLedger reads the new receipts and returns the last one of each code.
func (a *auditor) auditLedger(ctx context.Context, s *store.Store) map[string]store.Receipt {
	last := map[string]store.Receipt{}
	for r, err := range s.Receipts(ctx, a.after) {
		if err != nil {
			a.wrong("ledger: %v", err)
			break
		}
		a.after = r.Number
		last[r.Code] = r
		if want, ok := a.seen[r.Number]; ok {
			if got := (redemption{r.Code, short(r.User), orNone(short(r.Key))}); got != want {
				a.wrong("receipt %d was given as %+v and is %+v", r.Number, want, got)
			}
			delete(a.seen, r.Number)
		}
		switch {
		case r.Share != nil: // of a packet (packets.go)
		case a.reused.has(s, r.Batch):
			a.reused.receipts = append(a.reused.receipts, r)
		case !planOf(r.Code).undoes():
			if n, twice := a.burned[r.Code]; twice {
				a.wrong("the ledger redeems %s twice, in %d and %d", r.Code, n, r.Number)
			}
			a.burned[r.Code] = r.Number
		}
	}
	for n, r := range a.seen {
		a.wrong("receipt %d of %s was given and is not in the ledger", n, r.code)
	}
	clear(a.seen)
	return last
}

// auditCode judges a code of which something may have been under way.
func (a *auditor) auditCode(ctx context.Context, s *store.Store, code string, rec store.Receipt) {
	l, p := a.codes[code], planOf(code)
	info, err := s.Lookup(ctx, "", code)
	if err != nil {
		a.wrong("%s was issued; lookup: %v", code, err)
		return
	}
	var number uint64
	if info.Receipt != nil {
		number = info.Receipt.Number
		if info.Receipt.Number != rec.Number {
			a.wrong("%s: lookup shows receipt %d, the ledger ends with %d", code, number, rec.Number)
		}
	}
	ok := false
	switch {
	case l.taken:
		ok = info.State == shard.Redeemed && number == l.number
	case p == released: // somebody else may have drawn it since, in any way
		ok = info.State == shard.Available || info.State == shard.Leased || info.State == shard.Issued || info.State == shard.Redeemed && info.Receipt.Key == ""
	case l.state == shard.Issued:
		burns := p == redeem || p == race || p == bought || p.undoes()
		held := p.reserves() && !l.dropped && info.State == shard.Held
		ok = !l.refused && info.State == shard.Issued || held || burns && info.State == shard.Redeemed || p == withdrawn && info.State == shard.Revoked
	case l.state == shard.Held:
		ok = info.State == shard.Held || p == bought && info.State == shard.Redeemed || p != bought && info.State == shard.Issued
	case l.state == shard.Revoked:
		ok = info.State == shard.Revoked
	case l.state == shard.Redeemed:
		ok = info.State == shard.Redeemed && number == l.number || p.undoes() && (info.State == shard.Issued || number > l.number)
	}
	anybodys := p == released && !l.taken
	if !anybodys && short(info.Ref) != l.refIn(info.State) {
		ok = false
	}
	if !ok {
		a.wrong("%s (plan %d) was %v to %q, receipt %d, refused %v; afterwards it is %v to %q, receipt %d", code, p, l.state, l.ref, l.number, l.refused, info.State, short(info.Ref), number)
	}
	if err := s.Check(ctx, store.Redemption{Code: code}); !errors.Is(err, wantCheck(info.State)) {
		a.wrong("%s is %v, and check says %v", code, info.State, err)
	}
	if anybodys {
		delete(a.codes, code)
		return
	}
	l.state, l.number, l.refused = info.State, number, false
	switch {
	case info.State == shard.Held:
		a.settleHold(ctx, s, code, l)
	case l.hold != 0 && a.again > 0:
		a.again--
		a.settleHold(ctx, s, code, l)
	}
}

func wantCheck(st shard.State) error {
	switch st {
	case shard.Available, shard.Leased:
		return store.ErrNotIssued
	case shard.Held:
		return store.ErrReserved
	case shard.Redeemed:
		return store.ErrAlreadyRedeemed
	case shard.Revoked:
		return store.ErrRevoked
	}
	return nil
}

// refIn is the reference that a lookup shows of a code in a state.
func (l *life) refIn(st shard.State) string {
	if st == shard.Revoked {
		return ""
	}
	return l.ref
}

// auditSettled judges a code that nobody has touched since the last audit.
func (a *auditor) auditSettled(ctx context.Context, s *store.Store, code string, l *life) {
	info, err := s.Lookup(ctx, "", code)
	var number uint64
	if info.Receipt != nil {
		number = info.Receipt.Number
	}
	if err != nil || info.State != l.state || number != l.number || short(info.Ref) != l.refIn(info.State) {
		a.wrong("%s was settled as %v to %q, receipt %d; later it is %v to %q, receipt %d, %v", code, l.state, l.ref, l.number, info.State, short(info.Ref), number, err)
	}
}

// keysChecked is how many requests are repeated with their keys at each audit.
const keysChecked = 50

// auditKeys repeats some draws and redemptions with their keys (I9).
func (a *auditor) auditKeys(ctx context.Context, s *store.Store) {
	left := keysChecked
	for ref, printed := range a.draws {
		if left--; left < 0 {
			return
		}
		i := slices.IndexFunc(printed, func(code string) bool { return planOf(canon(code)) != released && planOf(canon(code)) != withdrawn })
		if i < 0 {
			continue // they may be somebody else's by now
		}
		info, err := s.Lookup(ctx, "", printed[i])
		if err != nil {
			a.wrong("%s: %v", printed[i], err)
			continue
		}
		again, err := s.Issue(ctx, info.BatchID, len(printed), store.To(info.Ref).Once(info.Ref))
		if err != nil || !sameSet(again, printed) {
			a.wrong("draw %s got %v; repeated with its key: %v, %v", ref, printed, again, err)
		}
		var listed []string
		for d, derr := range s.DrawnFor(ctx, info.Ref, 0) {
			listed, err = append(listed, d.Printed), errors.Join(err, derr)
		}
		if err != nil || !sameSet(listed, printed) {
			a.wrong("draw %s got %v; its reference has %v, %v", ref, printed, listed, err)
		}
		rec := info.Receipt
		if rec == nil || rec.Key == "" {
			continue
		}
		if got, err := s.Redeem(ctx, store.Redemption{Code: rec.Code, User: rec.User, Key: rec.Key}); err != nil || got.Number != rec.Number {
			a.wrong("receipt %d of %s; repeated with its key: %+v, %v", rec.Number, rec.Code, got, err)
		}
	}
}

func sameSet(a, b []string) bool {
	in := map[string]bool{}
	for _, x := range a {
		in[x] = true
	}
	for _, x := range b {
		if !in[x] {
			return false
		}
	}
	return len(a) == len(b)
}
