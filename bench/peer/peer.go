// Package peer holds the systems that the workloads measure, behind one small
// interface: codepool itself and what people would otherwise build.
//
// Every system is durable in the same sense: when a call returns, what it did has
// been synced to the disk. What differs is how much of the job a system does, and
// where it does less than codepool (no receipt, no check), its comment says so: a
// peer is always given the form that is fastest for it.
//
// A system says what it can do by the optional interfaces it implements (Drawer,
// Redeemer, BatchRedeemer, FuncRedeemer); a workload skips systems that cannot.
package peer

import (
	"context"
	"fmt"

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
}

// Can reports whether the kind's systems implement the optional interface T.
func Can[T any](k Kind) bool {
	_, ok := k.Type.(T)
	return ok
}

// Kinds returns all systems, codepool first.
func Kinds() []Kind {
	return []Kind{
		{"codepool", OpenCodepool, (*Codepool)(nil)},
		{"badger-txn", openBadgerTxn, badgerTxn{}},
		{"badger-batch", openBadgerBatch, badgerBatch{}},
	}
}

// Select returns the kinds of the given names in the order of Kinds; no names mean
// all of them.
func Select(names []string) ([]Kind, error) {
	all := Kinds()
	if len(names) == 0 {
		return all, nil
	}
	wanted := make(map[string]bool, len(names))
	for _, n := range names {
		wanted[n] = true
	}
	var out []Kind
	for _, k := range all {
		if wanted[k.Name] {
			out = append(out, k)
			delete(wanted, k.Name)
		}
	}
	for n := range wanted {
		return nil, fmt.Errorf("unknown system %q", n)
	}
	return out, nil
}

// mismatch is the error of an audit.
func mismatch(what string, got, want int64) error {
	return fmt.Errorf("audit: %s %d, acknowledged %d", what, got, want)
}
