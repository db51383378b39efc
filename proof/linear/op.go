package linear

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"codepool/shard"
	"codepool/store"
)

// verb is what an event of a history does.
type verb uint8

const (
	born        verb = iota // the code comes into its batch
	issue                   // a draw
	redeem                  //
	release                 //
	undo                    //
	revoke                  //
	check                   //
	lookup                  //
	pause                   // of the batch: every code meets it
	resume                  //
	revokeBatch             //
	retire                  // of the batch
	lease                   // a draw for a time
	take                    // a draw, and the redemption of what it drew
	export                  // a draw as a list
	acknowledge             // of a lease
	giveBack                // of a lease
	reserve                 //
	confirm                 // of a reservation
	cancel                  // of a reservation
	claim                   // of a share of the shared batch
	unclaim                 // takes a claim back
	endShared               // of the shared batch
	lookShared              //
	lapse                   // the end of a lease or reservation whose time is over
	back                    // a redeemed code of a reusable batch is in stock again
	restart                 // the store was reopened: no call of before can take effect any more
	ledger                  // how many redemptions of the code the ledger has in the end
	over                    // the end: what did not happen by now never will
)

var verbNames = [...]string{"born", "Issue", "Redeem", "Release", "Undo", "Revoke", "Check", "Lookup", "Pause", "Resume", "RevokeBatch", "Retire",
	"Lease", "Take", "Export", "Acknowledge", "GiveBack", "Reserve", "Confirm", "Cancel", "Claim", "UndoClaim", "EndShared", "LookupShared", "lapse", "return", "restart", "ledger", "over"}

func (v verb) String() string { return verbNames[v] }

// reads reports whether calls of the verb change nothing.
func (v verb) reads() bool { return v == check || v == lookup || v == lookShared }

// ofBatch reports whether calls of the verb change the batch.
func (v verb) ofBatch() bool { return v == pause || v == resume || v == revokeBatch || v == retire }

// ofShares reports whether the verb is about the shared batch.
func (v verb) ofShares() bool {
	return v == claim || v == unclaim || v == endShared || v == lookShared
}

// draws reports whether calls of the verb draw codes.
func (v verb) draws() bool { return v == issue || v == lease || v == take || v == export }

// ends reports whether the verb ends a lease or reservation.
func (v verb) ends() bool {
	return v == acknowledge || v == giveBack || v == confirm || v == cancel || v == lapse || v == back
}

// op is one call, or one entry of a RedeemAll.
type op struct {
	verb      verb
	way       string // how it was called, if there are several ways
	client    int
	epoch     int   // restarts before it
	call, ret int64 // moments of the history
	from, to  int64 // what the clock showed at those moments

	code  string // canonical; empty for a draw
	by    string // user, who asked, or the draw's reference
	key   string
	n     int    // codes to draw; for ledger: redemptions; place of a claimed share; shares at an end
	user  string // of a take
	once  string // a key that no other call has
	lease uint64 // the lease or reservation to end, the claim to take back
	all   int    // number of the RedeemAll it is an entry of, 0: none

	err    error // one of the sentinels, or any other
	number uint64
	at     int64       // clock reading that a receipt or another answer shows
	until  int64       // of a lease or reservation
	codes  []string    // of a draw
	state  shard.State // what lookup shows, and of born
	ref    string
	shown  store.SharedInfo // by LookupShared, what can change of it
	said   string           // the whole answer, for comparison with others of its number

	maybe bool // may have happened or not
}

// errGaveUp is why some of the contexts end.
var errGaveUp = errors.New("gave up")

// answers are the errors a history knows, the unknown outcome before its reasons.
var answers = []error{
	store.ErrOutcomeUnknown, store.ErrNotIssued, store.ErrAlreadyRedeemed, store.ErrNotRedeemed, store.ErrNotYetValid,
	store.ErrReserved, store.ErrUserLimit, store.ErrLeaseOver, store.ErrLeaseEnded, store.ErrUnknownLease,
	store.ErrExpired, store.ErrPaused, store.ErrRevoked, store.ErrRetired, store.ErrNotFinished, store.ErrEmpty, store.ErrSoldOut, store.ErrShareEnded, store.ErrNotClaimed, store.ErrKeyConflict, store.ErrClosed, context.Canceled, errGaveUp,
}

// plain returns the sentinel behind an error, so that errors can be compared.
func plain(err error) error {
	for _, known := range answers {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}

// nothingDone reports whether a call with this error was never decided: it was too late,
// or given up before.
func nothingDone(err error) bool {
	return err == store.ErrClosed || err == context.Canceled || err == errGaveUp
}

// refusal reports whether a call with this error was decided, against the caller.
func refusal(err error) bool {
	return err != nil && err != store.ErrOutcomeUnknown && !nothingDone(err)
}

func (o *op) String() string {
	var b strings.Builder
	if o.maybe {
		fmt.Fprintf(&b, "%5d..?    ", o.call)
	} else {
		fmt.Fprintf(&b, "%5d..%-5d", o.call, o.ret)
	}
	fmt.Fprintf(&b, " client %-2d %s", o.client, o.asked())
	fmt.Fprintf(&b, " -> %s", o.answered())
	return b.String()
}

// asked is the request in words.
func (o *op) asked() string {
	var b strings.Builder
	if o.way != "" {
		b.WriteString(o.way)
		if o.all > 0 {
			fmt.Fprintf(&b, "#%d", o.all)
		}
	} else {
		b.WriteString(o.verb.String())
	}
	switch o.verb {
	case born, restart, over, endShared, lookShared, pause, resume, revokeBatch, retire:
	case issue, lease, take, export:
		fmt.Fprintf(&b, "(%d for %q", o.n, o.by)
		if o.user != "" {
			fmt.Fprintf(&b, " by %q", o.user)
		}
	case claim:
		fmt.Fprintf(&b, "(by %q", o.by)
	case acknowledge, giveBack, confirm, cancel, lapse, back, unclaim:
		fmt.Fprintf(&b, "(%d", o.lease)
	default:
		fmt.Fprintf(&b, "(%s", o.code)
		if o.by != "" {
			fmt.Fprintf(&b, " by %q", o.by)
		}
	}
	if o.key != "" {
		fmt.Fprintf(&b, " key %q", o.key)
	}
	if strings.Contains(b.String(), "(") {
		b.WriteByte(')')
	}
	return b.String()
}

// answered is the answer in words.
func (o *op) answered() string {
	known := ""
	if o.maybe {
		known = "not known"
		if o.number > 0 {
			known += fmt.Sprintf(", number %d", o.number)
		}
		if len(o.codes) > 0 {
			known += fmt.Sprintf(", of %s", strings.Join(o.codes, " "))
		}
		return known
	}
	if o.err != nil {
		return o.err.Error()
	}
	switch o.verb {
	case born:
		return fmt.Sprintf("%s %q", o.state, o.ref)
	case issue, export:
		return strings.Join(o.codes, " ")
	case lease, take:
		return fmt.Sprintf("number %d of %s", o.number, strings.Join(o.codes, " "))
	case lapse, back:
		return fmt.Sprintf("number %d at %d, of %s", o.number, o.at, strings.Join(o.codes, " "))
	case claim:
		return fmt.Sprintf("number %d, share %d", o.number, o.n)
	case endShared:
		return fmt.Sprintf("number %d, %d left", o.number, o.n)
	case lookShared:
		return fmt.Sprintf("%s, %d claimed, %d left, %d went back", o.shown.State, o.shown.Claimed, o.shown.Left, o.shown.Refunded)
	case unclaim, acknowledge, giveBack, reserve, confirm, cancel, redeem, release, undo, revoke:
		return fmt.Sprintf("number %d", o.number)
	case lookup:
		s := o.state.String()
		if o.ref != "" {
			s += fmt.Sprintf(" for %q", o.ref)
		}
		if o.number > 0 {
			s += fmt.Sprintf(", receipt %d", o.number)
		}
		return s
	case ledger:
		return fmt.Sprintf("%d redemptions", o.n)
	}
	return "ok"
}

// sayReceipt is everything a receipt says.
func sayReceipt(r store.Receipt) string {
	return fmt.Sprintf("redemption %d of %s, batch %d, by %q, key %q, for %q at %d", r.Number, r.Code, r.Batch, r.User, r.Key, r.Reward, reading(r.At))
}

// sayReversed is everything the answer to a release, undo or revocation says.
func sayReversed(v verb, r store.Changed) string {
	return fmt.Sprintf("%s %d of %s, batch %d, by %q, key %q at %d", v, r.Number, r.Code, r.Batch, r.By, r.Key, reading(r.At))
}
