package store

import (
	"errors"
	"fmt"
	"time"

	"codepool/gen"
)

// A shared batch is one token in front of many shares: a universal code that everybody
// types, a red packet, an amount sprinkled in a room. Each user takes one share at the most,
// unless PerUser says otherwise. What tells the three apart are its fields; Universal,
// RedPacket and Sprinkle fill them in.
//
// A claim of a share is a redemption: it has a receipt in the ledger, a key makes it safe to
// repeat, UndoClaim takes it back. Redeem claims too when its code is a token of no room.

// Unlimited, as Shared.PerUser, lets a user take any number of shares.
const Unlimited = -1

// Limits of a shared batch.
const (
	// MaxShares bounds Shared.Count.
	MaxShares = 1 << 40
	// MaxShareTime bounds Shared.For and Shared.Keep.
	MaxShareTime = 100 * 365 * 24 * time.Hour
)

// Shared asks for a shared batch.
type Shared struct {
	// Token that users type; empty makes a random one of Format. It is unique in its room of
	// its namespace while it is taken (Keep).
	Token string `json:"token,omitempty"`
	// Format of the token: how it is read, printed, and made if it is random. A given one may
	// have any length and letters: what it takes of Format is whether case and hyphens count.
	// The zero one is gen.DefaultFormat for a random token; a given one is read without case
	// and hyphens.
	Format gen.Format `json:"format,omitzero"`
	// Namespace of the token; "" is the default one. In the room "" it is one of codes, too: no
	// code of it may have the token's text.
	Namespace string `json:"namespace,omitempty"`
	// Room in which the token is known; "" is everywhere in the namespace.
	Room string `json:"room,omitempty"`

	// Name, Kind, KindNo and Reward say what it is for; Reward is in every receipt.
	Name   string `json:"name,omitempty"`
	Kind   string `json:"kind,omitempty"`
	KindNo string `json:"kind_no,omitempty"`
	Reward string `json:"reward,omitempty"`

	// Count is the number of shares, all alike; Split says how many there are and what each is
	// worth instead, in minor units of Currency.
	Count    int64     `json:"count,omitempty"`
	Split    gen.Split `json:"split,omitzero"`
	Currency string    `json:"currency,omitempty"`

	// PerUser is how many shares a user can take; 0 is one, Unlimited any number.
	PerUser int `json:"per_user,omitempty"`
	// Sender gives it, and gets back what is left at its end. NotSender: it may not claim.
	// SenderOnly: nobody else may look at it (LookupShared).
	Sender     string `json:"sender,omitempty"`
	NotSender  bool   `json:"not_sender,omitempty"`
	SenderOnly bool   `json:"sender_only,omitempty"`

	// It can be claimed iff NotBefore ≤ now < NotAfter; zero is no bound. For, if it is set,
	// puts NotAfter that long after its creation.
	NotBefore time.Time     `json:"not_before,omitzero"`
	NotAfter  time.Time     `json:"not_after,omitzero"`
	For       time.Duration `json:"for,omitempty"`
	// Keep is how long after its creation it can be looked at, and its token is taken; 0 is
	// for ever. Its receipts stay.
	Keep time.Duration `json:"keep,omitempty"`

	// Commit publishes a salted hash of the split (SharedInfo.Commitment), which RevealShared
	// proves after the end.
	Commit bool `json:"commit,omitempty"`

	// By is who asks for it, for the ledger. Key makes the request safe to repeat: the same key
	// with the same content gets the same shared batch.
	By  string `json:"by,omitempty"`
	Key string `json:"key,omitempty"`
}

// Universal is a code that many users type, each once: quota shares, all alike. Give it a
// Reward and a deadline.
func Universal(token string, quota int64) Shared { return Shared{Token: token, Count: quota} }

// RedPacket is an amount that a sender splits among those who come first, within 24 hours;
// what is left goes back then. It can be looked at for 30 days.
func RedPacket(sender, currency string, split gen.Split) Shared {
	return Shared{Sender: sender, Currency: currency, Split: split, For: 24 * time.Hour, Keep: 30 * 24 * time.Hour}
}

// Sprinkle is an amount that a sender splits among others of a room, within ten minutes; only
// the sender may look at it, for seven days. Then the token of three characters is free again.
func Sprinkle(room, sender, currency string, split gen.Split) Shared {
	return Shared{
		Room: room, Sender: sender, Currency: currency, Split: split, Format: gen.Format{Class: gen.AlnumCase, Length: 3},
		NotSender: true, SenderOnly: true, For: 10 * time.Minute, Keep: 7 * 24 * time.Hour,
	}
}

// SharedInfo is what there is to know of a shared batch.
type SharedInfo struct {
	ID        uint64 `json:"id"`    // number of its creation in the ledger
	Token     string `json:"token"` // canonical form
	Printed   string `json:"printed"`
	Namespace string `json:"namespace,omitempty"`
	Room      string `json:"room,omitempty"`
	Name      string `json:"name,omitempty"`
	Kind      string `json:"kind,omitempty"`
	KindNo    string `json:"kind_no,omitempty"`
	Reward    string `json:"reward,omitempty"`
	Currency  string `json:"currency,omitempty"`
	Sender    string `json:"sender,omitempty"`
	PerUser   int    `json:"per_user"` // Unlimited, or at least 1
	// Count = Claimed + Left + Refunded shares; amounts likewise.
	Count          int64  `json:"count"`
	Claimed        int64  `json:"claimed"`
	Left           int64  `json:"left"`
	Refunded       int64  `json:"refunded"`
	Total          int64  `json:"total,omitempty"`
	ClaimedAmount  int64  `json:"claimed_amount,omitempty"`
	RefundedAmount int64  `json:"refunded_amount,omitempty"`
	State          string `json:"state"` // "early", "open", "sold out", "over" or "ended"

	Created   time.Time `json:"created"`
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	FreeAt    time.Time `json:"free_at,omitzero"` // when the token is free again
	// Commitment is gen.Commit of the split, in hexadecimal.
	Commitment string `json:"commitment,omitempty"`
}

// SharedResult is the answer to one shared batch of many.
type SharedResult struct {
	Info SharedInfo
	Err  error
}

// parted reports whether the shares are worth different amounts.
func (d *Shared) parted() bool {
	s := &d.Split
	return s.Policy != 0 || s.Total != 0 || s.Count != 0 || s.Most != 0 || s.Sum != 0 || len(s.Ratios) > 0
}

// check reports every violation of what a shared batch can be.
func (d *Shared) check() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, l := range []label{
		{"Namespace", d.Namespace}, {"Room", d.Room}, {"Name", d.Name}, {"Kind", d.Kind}, {"KindNo", d.KindNo},
		{"Reward", d.Reward}, {"Sender", d.Sender}, {"By", d.By}, {"Key", d.Key},
	} {
		if err := checkText(l.name, l.text); err != nil {
			refuse("%w", err)
		}
	}
	if d.Format != (gen.Format{}) || d.Token == "" {
		if err := d.Format.Validate(); err != nil {
			refuse("%w", err)
		} else if d.Token == "" && d.Format.WithDefaults().Class == gen.Any {
			refuse("Token is empty and Format is of given codes: give a token, or another class")
		}
	}
	d.checkShares(refuse)
	d.checkTimes(refuse)
	if (d.NotSender || d.SenderOnly) && d.Sender == "" {
		refuse("Sender is empty: NotSender and SenderOnly need one")
	}
	if d.PerUser < Unlimited || d.PerUser > MaxPerUser {
		refuse("PerUser is %d: want 1 to %d, or Unlimited", d.PerUser, MaxPerUser)
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%w: shared batch: %w", ErrInvalid, errors.Join(errs...))
}

func (d *Shared) checkShares(refuse func(string, ...any)) {
	switch {
	case !d.parted():
		if d.Count < 1 || d.Count > MaxShares {
			refuse("Count is %d: want 1 to %d", d.Count, int64(MaxShares))
		}
		if d.Currency != "" || d.Commit {
			refuse("Currency and Commit are of a Split, and there is none")
		}
		return
	case d.Count != 0:
		refuse("Count is %d and there is a Split: it says how many shares there are", d.Count)
	}
	if err := d.Split.Validate(); err != nil {
		refuse("%w", err)
	}
	if _, err := gen.CurrencyOf(d.Currency); err != nil {
		refuse("Currency: %w", err)
	}
}

func (d *Shared) checkTimes(refuse func(string, ...any)) {
	for _, l := range []struct {
		name string
		d    time.Duration
	}{{"For", d.For}, {"Keep", d.Keep}} {
		if l.d < 0 || l.d > MaxShareTime || l.d > 0 && l.d < time.Microsecond {
			refuse("%s is %v: want 1µs to %v, or 0", l.name, l.d, MaxShareTime)
		}
	}
	if d.For != 0 && !d.NotAfter.IsZero() {
		refuse("For and NotAfter both say when it ends: leave one out")
	}
	if err := checkWindow(d.NotBefore, d.NotAfter); err != nil {
		refuse("%w", err)
	}
	if d.Keep > 0 && d.For > d.Keep {
		refuse("Keep is %v, less than For, which is %v", d.Keep, d.For)
	}
}

// fold is how the token is read.
func (d *Shared) fold() gen.Fold {
	if d.Format == (gen.Format{}) && d.Token != "" {
		return gen.Upper
	}
	return d.Format.WithDefaults().Class.Fold()
}
