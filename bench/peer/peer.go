// Package peer holds the systems that the workloads measure, behind one small
// interface: codepool itself and what people would otherwise build.
//
// Unless its Kind says otherwise a system is durable: when a call returns, what it did has
// been synced to the disk. What differs is how much of the job a system does, and
// where it does less than codepool (no receipt, no check), its comment says so: a
// peer is always given the form that is fastest for it.
//
// A system says what it can do by the optional interfaces it implements (Drawer,
// Redeemer, BatchRedeemer, FuncRedeemer, Refuser, Weigher); a workload skips systems that cannot.
package peer

import (
	"context"
	"fmt"
	"time"

	"codepool/store"
)

// Redemption is a request to burn one code; it is codepool's own type, so that its
// adapter converts nothing inside a measurement.
type Redemption = store.Redemption

// System is an open store of one-shot codes. All methods but Close must be safe for
// concurrent use.
type System interface {
	// Mint adds n new random codes and must return when all of them are durable.
	Mint(ctx context.Context, n int) error
	// HandOut makes k minted codes redeemable and reports the text of each. It is
	// preparation and never measured.
	HandOut(ctx context.Context, k int, each func(code string)) error
	// Audit compares what is stored with what was acknowledged, and must be called on
	// a freshly opened system. The error says what differs.
	Audit(ctx context.Context, want Ledger) error
	// Close writes what is pending and releases the directory.
	Close() error
}

// Drawer is a System that takes codes out of stock at random.
type Drawer interface {
	// Draw takes k codes nobody else gets, appends their texts to dst, and must return
	// when that is durable.
	Draw(ctx context.Context, k int, dst []string) ([]string, error)
}

// Redeemer is a System that burns one code a call.
type Redeemer interface {
	// RedeemOne must return when the redemption is durable.
	RedeemOne(ctx context.Context, code, user string) error
}

// BatchRedeemer is a System that burns many codes a call.
type BatchRedeemer interface {
	// RedeemMany must return when all redemptions are durable; a refusal is an error.
	RedeemMany(ctx context.Context, rs []Redemption) error
}

// FuncRedeemer is a System that answers through a callback.
type FuncRedeemer interface {
	// RedeemFunc must call done exactly once, after the redemption is durable.
	RedeemFunc(ctx context.Context, r Redemption, done func(store.Receipt, error))
}

// Refuser is a System that refuses codes which do not exist.
type Refuser interface {
	// Refuse asks to redeem codes none of which exists, many at a time if the system can, and
	// returns how many were refused.
	Refuse(ctx context.Context, codes []string) (refused int, err error)
}

// Weigher is a System whose memory is that of other processes than this one.
type Weigher interface {
	// MemoryUse returns the resident memory of these processes in bytes.
	MemoryUse() (int64, error)
}

// Durability says what an answer of a system means.
type Durability uint8

// The durabilities.
const (
	Synced   Durability = iota // what was answered is on the disk
	Soon                       // what was answered is on the disk some time later
	Volatile                   // nothing is on a disk
)

// String returns "synced", "synced later" or "in memory".
func (d Durability) String() string { return [...]string{"synced", "synced later", "in memory"}[d] }

// Ledger is what a workload saw acknowledged since the directory was empty.
type Ledger struct {
	Minted    int64
	HandedOut int64 // by HandOut
	Drawn     int64 // by Draw
	Redeemed  int64
}

// Kind is a system that can be opened.
type Kind struct {
	// Name is what -systems and the reports call it.
	Name string
	// Open opens or creates the system in dir.
	Open func(dir string) (System, error)
	// Type is any value of the type that Open returns; only its methods count.
	Type System
	// Durability is that of its answers. What is Volatile is gone when it is closed.
	Durability Durability
	// Resident: all of its codes are in memory while it is open, so what a code weighs there
	// and how long loading takes are of interest.
	Resident bool
	// Rest is how long after its last call it may begin work in the background.
	Rest time.Duration
	// Missing, if set, says which programs that the system needs are not installed, and how to
	// install them.
	Missing func() error
	// Version, if set, names the server program of the system and says which version it is.
	Version func() (program, version string)
	// About is the form in which it is used, in a few words for a report.
	About string
}

// Can reports whether the kind's systems implement the optional interface T.
func Can[T any](k Kind) bool {
	_, ok := k.Type.(T)
	return ok
}

// Kinds returns codepool, and Badger in two forms.
func Kinds() []Kind {
	return []Kind{
		{Name: "codepool", Open: OpenCodepool, Type: (*Codepool)(nil), Resident: true, Rest: rest, About: "receipts, references, checks; groups synced together"},
		{Name: "badger-txn", Open: openBadgerTxn, Type: badgerTxn{}, About: "a transaction reads and deletes each code; SyncWrites"},
		{Name: "badger-batch", Open: openBadgerBatch, Type: badgerBatch{}, About: "a transaction deletes many codes unread; SyncWrites"},
	}
}

// Mismatch is the error of an audit.
func Mismatch(what string, got, want int64) error {
	return fmt.Errorf("audit: %s %d, acknowledged %d", what, got, want)
}
