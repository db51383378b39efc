package store

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"codepool/gen"
	"codepool/shard"
)

// Limits of texts and counts.
const (
	// MaxText is the longest user, reference, key, name or other label in bytes.
	MaxText = 1024
	// MaxIssue is the most codes one Issue can draw: a draw is one record of the
	// ledger, and a record fits into one entry of the engine.
	MaxIssue = 100_000
	// MaxBatch is the most codes one batch can hold.
	MaxBatch = 1 << 32
)

// BatchID numbers the batches of a store from 1.
type BatchID uint32

// Batch is a set of codes that share their terms. It is a plain value; the store
// keeps its own copy.
type Batch struct {
	// ID is given by the store; leave it zero.
	ID BatchID `json:"id"`
	// Name is unique in the store. Empty means "batch-<id>"; only a named batch can
	// be resumed after an interrupted Mint or Import.
	Name string `json:"name"`
	// Namespace is the scope in which the batch's codes are unique; "" is the default one.
	Namespace string `json:"namespace,omitempty"`
	// Kind and KindNo say what the code is good for ("membership", "SVIP"); open sets.
	Kind   string `json:"kind,omitempty"`
	KindNo string `json:"kind_no,omitempty"`
	// Reward comes back with every receipt.
	Reward string `json:"reward,omitempty"`
	// Owner is the account that minted the batch.
	Owner  string `json:"owner,omitempty"`
	Remark string `json:"remark,omitempty"`
	// Format of the codes. The zero value is Crockford base 32, 12 characters, printed
	// in fours; an import may leave it zero too and then takes any text, upper-cased.
	Format gen.Format `json:"format"`
	// Signed, if it is set, makes the codes signed ones of that layout: none is stored, a code
	// says its batch and its serial, and memory has two bits of state for each. Leave Format
	// zero. They are signed with the first of Options.SignKeys, which SignedBy names; leave
	// that zero.
	Signed   gen.Layout   `json:"signed,omitzero"`
	SignedBy gen.KeyCheck `json:"signed_by,omitzero"`
	// Count is how many codes Mint makes. Import ignores it.
	Count int64 `json:"count"`
	// A code is valid iff NotBefore ≤ now < NotAfter; a zero time leaves that end open.
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	// FromStock allows redeeming a code that was never issued.
	FromStock bool `json:"from_stock,omitempty"`
	// PerUser is how many codes of the batch one user can redeem, at most MaxPerUser; 0 is
	// no limit. A redemption that is undone does not count. With a limit each redemption
	// must name its user.
	PerUser int `json:"per_user,omitempty"`
	// Reusable: a code goes back to stock when it is redeemed, and as always when it is
	// released, each after Quarantine. Each life of a code has its own receipt.
	// A redemption must have a key, so that a late repetition gets the receipt of its own
	// life and never burns the present one. Other batches are unique for ever: a code that
	// was redeemed is never given out again in its namespace.
	Reusable   bool          `json:"reusable,omitempty"`
	Quarantine time.Duration `json:"quarantine,omitempty"`
}

// Counts is how many codes of a batch are in which state; Minted is their sum (I7).
type Counts struct {
	Minted    int64 `json:"minted"`
	Available int64 `json:"available"`
	Leased    int64 `json:"leased"`
	Reserved  int64 `json:"reserved"` // for a user
	Issued    int64 `json:"issued"`
	Redeemed  int64 `json:"redeemed"`
	Revoked   int64 `json:"revoked"`
}

// countsFrom names the counters by state. What is being drawn is still in stock;
// what is being minted does not exist yet.
func countsFrom(n [shard.NumStates]int64) Counts {
	c := Counts{
		Available: n[shard.Available] + n[shard.Drawing],
		Leased:    n[shard.Leased],
		Reserved:  n[shard.Held],
		Issued:    n[shard.Issued],
		Redeemed:  n[shard.Redeemed],
		Revoked:   n[shard.Revoked],
	}
	c.Minted = c.Available + c.Leased + c.Reserved + c.Issued + c.Redeemed + c.Revoked
	return c
}

// BatchInfo is a batch as the store knows it. Its window is the present one.
type BatchInfo struct {
	Batch
	Created  time.Time `json:"created"`
	Imported bool      `json:"imported,omitempty"`
	// Complete is false after an interrupted Mint; call it again with the same batch.
	Complete bool `json:"complete"`
	// Paused: no code is drawn or redeemed until Resume. Revoked: never again.
	Paused  bool `json:"paused,omitempty"`
	Revoked bool `json:"revoked,omitempty"`
	// Retired: its codes are on disk alone (Store.Retire).
	Retired bool   `json:"retired,omitempty"`
	Counts  Counts `json:"counts"`
	// Risk is the guess planner's answer for the batch at its full size.
	Risk gen.Risk `json:"risk"`
}

// check reports every violation of the batch's own rules at once.
func (b *Batch) check(imported bool) error {
	var errs []error
	for _, t := range []struct{ name, text string }{
		{"Name", b.Name}, {"Namespace", b.Namespace}, {"Kind", b.Kind}, {"KindNo", b.KindNo},
		{"Reward", b.Reward}, {"Owner", b.Owner}, {"Remark", b.Remark},
	} {
		if err := checkText(t.name, t.text); err != nil {
			errs = append(errs, err)
		}
	}
	if strings.TrimSpace(b.Name) != b.Name {
		errs = append(errs, errors.New("name begins or ends with white space"))
	}
	if err := checkWindow(b.NotBefore, b.NotAfter); err != nil {
		errs = append(errs, err)
	}
	if b.Quarantine < 0 || b.Quarantine != b.Quarantine.Truncate(time.Microsecond) {
		errs = append(errs, fmt.Errorf("quarantine is %v: want 0 or more, in microseconds", b.Quarantine))
	} else if b.Quarantine > 0 && !b.Reusable {
		errs = append(errs, errors.New("quarantine is for a reusable batch"))
	}
	if err := checkPerUser(b.PerUser); err != nil {
		errs = append(errs, err)
	}
	if err := b.Format.Validate(); err != nil {
		errs = append(errs, err)
	}
	if b.isSigned() {
		if err := b.checkSigned(); err != nil {
			errs = append(errs, err)
		}
		if imported {
			errs = append(errs, errors.New("a signed batch computes its codes and takes none in"))
		}
	}
	if !imported {
		if b.Count < 1 || b.Count > MaxBatch {
			errs = append(errs, fmt.Errorf("count is %d: want 1 to %d", b.Count, int64(MaxBatch)))
		}
		if b.Format.Class == gen.Any {
			errs = append(errs, errors.New("format \"any\" is for imported codes and cannot be minted"))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%w: batch %.60q: %w", ErrInvalid, b.Name, errors.Join(errs...))
}

// checkWindow refuses a window in which nothing can happen, or that cannot be written.
func checkWindow(notBefore, notAfter time.Time) error {
	var errs []error
	if !notAfter.IsZero() && !notBefore.Before(notAfter) {
		errs = append(errs, fmt.Errorf("window ends at %s, not after its start %s", stamp(notAfter), stamp(notBefore)))
	} else if !notBefore.IsZero() && !notAfter.IsZero() && ceilMicro(notBefore) == ceilMicro(notAfter) {
		errs = append(errs, fmt.Errorf("window at %s is shorter than a microsecond, which is as fine as time is kept", stamp(notBefore)))
	}
	for _, t := range []time.Time{notBefore, notAfter} {
		if y := t.UTC().Year(); !t.IsZero() && (y < 1 || y > 9999) {
			errs = append(errs, fmt.Errorf("window reaches year %d: want 1 to 9999", y))
		}
	}
	return errors.Join(errs...)
}

// checkText refuses labels that are too long, not UTF-8 or hold control characters.
func checkText(name, text string) error {
	switch {
	case len(text) > MaxText:
		return fmt.Errorf("%s has %d bytes: at most %d are allowed", name, len(text), MaxText)
	case !utf8.ValidString(text):
		return fmt.Errorf("%s is not valid UTF-8", name)
	case strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("%s holds a control character", name)
	}
	return nil
}

// sameTerms reports whether two definitions agree in all but number and count.
func (b Batch) sameTerms(o Batch) bool {
	b.ID, o.ID = 0, 0
	b.Count, o.Count = 0, 0
	b.SignedBy, o.SignedBy = gen.KeyCheck{}, gen.KeyCheck{}
	nb := b.NotBefore.Equal(o.NotBefore) && b.NotAfter.Equal(o.NotAfter)
	b.NotBefore, b.NotAfter, o.NotBefore, o.NotAfter = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return nb && b == o
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "(open)"
	}
	return t.UTC().Format(time.RFC3339)
}
