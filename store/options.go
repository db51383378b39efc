package store

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/bits"
	"runtime"
	"time"

	"codepool/gen"
	"codepool/shard"
	"codepool/store/internal/journal"
)

// Durability says when a write counts as done.
type Durability uint8

const (
	// Durable answers after the operation is synced to the device. The default.
	Durable Durability = iota
	// WeakNoSync answers after the operation was handed to the operating system: it
	// survives the end of the process, not a power cut. For tests and for data that
	// can be made again; the name is long on purpose.
	WeakNoSync
)

// Options configures Open. The zero value of every field means its default; Open
// copies the struct and reports every violation at once.
type Options struct {
	// Shards is the number of lock stripes, a power of two. Default: 8 × GOMAXPROCS,
	// at least 64. It may differ from one Open to the next.
	Shards int
	// Durability of answers. Default: Durable.
	Durability Durability
	// MemTableSize is the size in bytes of the engine's write buffer, of which up to
	// three exist. Default 8 MiB; from 8 MiB to 1 GiB.
	MemTableSize int64
	// CheckpointEvery is the number of ledger records after which a checkpoint is
	// written in the background, which bounds recovery. Default 2,000,000.
	CheckpointEvery int64
	// MaxPending bounds the bytes of decided operations that wait for the disk; a
	// caller beyond it waits. Default 4 MiB.
	MaxPending int
	// DiskReserve is the room in bytes that is kept free on the disk: with less, writes
	// are refused with ErrDiskFull. Another 3 × MemTableSize are kept in a file while the
	// store is open. Default 32 × MemTableSize; the least is 6 × MemTableSize.
	DiskReserve int64
	// GuessesPerHour is how fast an attacker is assumed to try codes; GuessLimit how
	// many hits a year are acceptable. Defaults: 4,000,000 and 0.01.
	GuessesPerHour, GuessLimit float64
	// SignKeys sign the codes of signed batches (Batch.Signed): new ones with the first key.
	// Each batch asks for the key that signed it, which must stay among them. The store does
	// not write secrets to the disk.
	SignKeys []gen.SignKey
	// RefuseGuessable makes Mint refuse a batch beyond GuessLimit instead of warning.
	RefuseGuessable bool
	// Clock is read once a call, or once for the requests that are decided together.
	// Default time.Now. It must not block.
	Clock func() time.Time
	// Logger gets warnings and background events. Default: silent.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Shards == 0 {
		o.Shards = max(64, 1<<bits.Len(uint(8*runtime.GOMAXPROCS(0)-1)))
	}
	def(&o.MemTableSize, 8<<20)
	def(&o.CheckpointEvery, 2_000_000)
	def(&o.MaxPending, 4<<20)
	def(&o.DiskReserve, 32*o.MemTableSize)
	def(&o.GuessesPerHour, gen.DefaultGuessesPerHour)
	def(&o.GuessLimit, gen.DefaultHitsPerYear)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// journal returns the options of what is below the store.
func (o *Options) journal() *journal.Options {
	return &journal.Options{Sync: o.Durability == Durable, MemTable: o.MemTableSize, Reserve: o.DiskReserve, Logger: o.Logger}
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate reports every violation, after defaults were filled in.
func (o Options) validate() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(o.Shards >= 1 && o.Shards <= shard.MaxShards && o.Shards&(o.Shards-1) == 0,
		"Shards is %d: want a power of two from 1 to %d", o.Shards, shard.MaxShards)
	bad(o.Durability <= WeakNoSync, "Durability is %d: want Durable or WeakNoSync", o.Durability)
	bad(o.MemTableSize >= 8<<20 && o.MemTableSize <= 1<<30, "MemTableSize is %d: want 8 MiB to 1 GiB", o.MemTableSize)
	bad(o.CheckpointEvery >= 1, "CheckpointEvery is %d: want at least 1", o.CheckpointEvery)
	bad(o.MaxPending >= 64<<10 && o.MaxPending <= 1<<30, "MaxPending is %d: want 64 KiB to 1 GiB", o.MaxPending)
	bad(o.DiskReserve >= journal.LeastReserve*o.MemTableSize, "DiskReserve is %d: want at least %d × MemTableSize = %d", o.DiskReserve, journal.LeastReserve, journal.LeastReserve*o.MemTableSize)
	bad(o.GuessesPerHour > 0 && !math.IsInf(o.GuessesPerHour, 1), "GuessesPerHour is %v: want a number above 0", o.GuessesPerHour)
	bad(o.GuessLimit > 0 && !math.IsInf(o.GuessLimit, 1), "GuessLimit is %v: want a number above 0", o.GuessLimit)
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%w: options: %w", ErrInvalid, errors.Join(errs...))
}
