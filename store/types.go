package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"codepool/gen"
	"codepool/shard"
)

// Redemption asks to burn one code.
type Redemption struct {
	// Code as the player typed it.
	Code string `json:"code"`
	// User who redeems; may be empty.
	User string `json:"user,omitempty"`
	// Key makes the request safe to repeat: the same key with the same code and user
	// gets the first receipt again (I9). Empty means no key. Keys of redemptions and
	// keys of draws are two sets.
	Key string `json:"key,omitempty"`
	// Namespace of the code; "" is the default one.
	Namespace string `json:"namespace,omitempty"`
}

// Receipt is the lasting record of one redemption. That it was undone since is told by
// Lookup, whose receipt is then another one or none.
type Receipt struct {
	// Number is the receipt's place in the ledger. Numbers grow; draws and mints take
	// numbers too, so those of receipts have gaps.
	Number uint64 `json:"number"`
	Code   string `json:"code"` // canonical form
	// Namespace of the code; "" is the default one.
	Namespace string  `json:"namespace,omitempty"`
	Batch     BatchID `json:"batch"`
	User      string  `json:"user,omitempty"`
	Key       string  `json:"key,omitempty"`
	Reward    string  `json:"reward,omitempty"`
	// At is when it was decided, in UTC, to the microsecond.
	At time.Time `json:"at"`
	// Share is what it took of a shared batch; nil for a code of a batch.
	Share *Share `json:"share,omitempty"`
}

// Result is the answer to one redemption of many: a receipt or an error.
type Result struct {
	Receipt Receipt
	Err     error
}

// batch is what the store keeps in memory of a batch. Batch is as it was made; what
// changes since is behind it.
type batch struct {
	Batch
	space    *space
	created  time.Time
	imported bool
	now      liveTerms
	target   atomic.Int64 // Batch.Count, which an import raises
	// free is the stock that nobody has reserved. Whoever takes a code out of stock
	// reserves it first, so draws beside each other cannot both come short while there
	// is enough for one.
	stock struct {
		sync.Mutex
		free int64
		// promised is reserved and not yet in the journal: it may still come back.
		promised int64
	}
	complete atomic.Bool
	// covered: that the batch is retired is in a checkpoint, and so are its last states.
	covered atomic.Bool
	// kept is how many of its codes are in which state once they are not in memory any more.
	kept atomic.Pointer[[shard.NumStates]int64]
	sum  uint32 // checksum of its record; set before others see the batch
	// signed is of a batch whose codes are computed (signed.go).
	signed signedTerms
}

// reserve takes n codes of the stock for the caller, or none if there are fewer.
func (b *batch) reserve(n int64) bool {
	b.stock.Lock()
	defer b.stock.Unlock()
	if b.stock.free < n {
		return false
	}
	b.stock.free -= n
	b.stock.promised += n
	return true
}

// taken says that n reserved codes are taken: it is in the journal.
func (b *batch) taken(n int64) {
	b.stock.Lock()
	b.stock.promised -= n
	b.stock.Unlock()
}

// giveBack gives n reserved codes back.
func (b *batch) giveBack(n int64) {
	b.stock.Lock()
	b.stock.promised -= n
	b.stock.free += n
	b.stock.Unlock()
}

// restock adds n codes to the stock.
func (b *batch) restock(n int64) {
	b.stock.Lock()
	b.stock.free += n
	b.stock.Unlock()
}

// short reports whether the stock is below n whatever becomes of what is reserved, and
// how large it is.
func (b *batch) short(n int64) (int64, bool) {
	b.stock.Lock()
	defer b.stock.Unlock()
	return b.stock.free, b.stock.free+b.stock.promised < n
}

// emptied closes the stock if nothing of it is promised to anybody.
func (b *batch) emptied() bool {
	b.stock.Lock()
	defer b.stock.Unlock()
	if b.stock.promised > 0 {
		return false
	}
	b.stock.free = 0
	return true
}

func newBatch(def Batch, sp *space, created time.Time, imported bool) *batch {
	b := &batch{Batch: def, space: sp, created: created, imported: imported}
	b.now.set(windowOf(def.NotBefore, def.NotAfter))
	b.target.Store(def.Count)
	return b
}

// receipt builds the receipt of a redemption without its code.
func (b *batch) receipt(number uint64, user, key string, at int64) (rec Receipt) {
	b.fill(&rec, number, &Redemption{User: user, Key: key}, instant(at))
	return rec
}

// fill puts the receipt of request r, without its code, into rec.
func (b *batch) fill(rec *Receipt, number uint64, r *Redemption, at time.Time) {
	rec.Number, rec.Namespace, rec.Batch, rec.User, rec.Key, rec.Reward, rec.At = number, b.Namespace, b.ID, r.User, r.Key, b.Reward, at
}

// instant is a time of the ledger, in microseconds, as callers get it.
func instant(at int64) time.Time { return time.UnixMicro(at).UTC() }

// foldSet is a set of gen.Fold that only grows.
type foldSet struct{ v atomic.Uint32 }

func (f *foldSet) load() uint32      { return f.v.Load() }
func (f *foldSet) add(fold gen.Fold) { f.v.Or(1 << fold) }

// checkRedemption refuses labels that the ledger cannot hold.
func checkRedemption(r *Redemption) error {
	if len(r.User) <= MaxText && len(r.Key) <= MaxText && (r.User == "" || plain(r.User)) && (r.Key == "" || plain(r.Key)) {
		return nil
	}
	return checkLabels(label{"User", r.User}, label{"Key", r.Key})
}

// label is a text of a request and what it is called there.
type label struct{ name, text string }

// checkLabels refuses the first of the texts that the ledger cannot hold.
func checkLabels(labels ...label) error {
	for _, l := range labels {
		if err := checkText(l.name, l.text); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return nil
}

// ones has 1 in each of its bytes.
const ones = 0x0101010101010101

// plain reports whether a text is printable ASCII, the usual case; others take the
// full check. It looks at eight bytes at a time [Mycroft's test, Warren, Hacker's
// Delight, 6-1].
func plain(s string) bool {
	for len(s) >= 8 {
		w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		del := w ^ 0x7F*ones
		if (w|(w-' '*ones)|(del-ones)&^del)&(0x80*ones) != 0 {
			return false
		}
		s = s[8:]
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == 0x7F {
			return false
		}
	}
	return true
}
