package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"codepool/gen"
)

// An order number is a day, a type and a number of the day's sequence, which all types
// share (package gen has its form). Each day has a counter of its own on disk, so the clock
// may go back: the earlier day goes on where it was.

// maxOrderDays is how many days are counted at once, the latest ones. It bounds the pair
// that is written with each lease; a clock that goes back by more days of use is refused.
const maxOrderDays = 400

// dayCounter is how far the order numbers of a day are leased.
type dayCounter struct {
	Next uint64 `json:"next"`
	Of   string `json:"of"` // fingerprint of their layout and secret
}

// Orders gives out order numbers, each once, whatever the clock says, in whatever process
// and life of the store: also after a crash. All methods are safe for concurrent use. An
// Orders must not be copied.
//
// A store that was restored from a backup does not know the numbers that were given out
// since: give out no more on the days since the backup, or of other types.
type Orders struct {
	s     *Store
	codec *gen.OrderCodec
	zone  *time.Location
	today atomic.Pointer[orderDay]

	mu struct {
		sync.Mutex
		days map[gen.Day]*Sequence
	}
}

// orderDay is a day while the clock is in it.
type orderDay struct {
	day         gen.Day
	from, until int64 // µs: from ≤ now < until; less than the day where the zone's offset changes
	seq         *Sequence
}

// Orders returns what gives out the order numbers of a codec. Days begin and end by the
// clocks of zone; nil is UTC. Keep what is returned: each has a block of numbers of its own.
// A codec of another layout or secret can follow from a new day on (ErrOtherOrders).
func (s *Store) Orders(codec *gen.OrderCodec, zone *time.Location) (*Orders, error) {
	if codec == nil {
		return nil, invalid("there is no codec for order numbers: make one with gen.NewOrderCodec")
	}
	if zone == nil {
		zone = time.UTC
	}
	o := &Orders{s: s, codec: codec, zone: zone}
	o.mu.days = map[gen.Day]*Sequence{}
	return o, nil
}

// New returns an order number of a type, of the day that the store's clock says. It waits
// for the disk only when all that was leased is gone, and then ends with ctx. ErrInvalid
// refuses a type that the layout does not have, and a clock beyond it; ErrUsedUp says that
// the day has no number left, ErrDayClosed that the clock has gone back too far; the other
// refusals are those of every write.
func (o *Orders) New(ctx context.Context, typ int) (gen.Order, error) {
	var one [1]gen.Order
	err := o.Fill(ctx, typ, one[:])
	return one[0], err
}

// Fill is New for many numbers of one type and day at once. After an error none of them may
// be used.
func (o *Orders) Fill(ctx context.Context, typ int, orders []gen.Order) error {
	if err := o.s.mayNumber(ctx); err != nil {
		return err
	}
	d := o.dayAt(o.s.now())
	if err := o.codec.Fits(d.day, typ); err != nil {
		return invalid("%w", err)
	}
	for len(orders) > 0 {
		first, n, err := d.seq.take(ctx, len(orders))
		if err != nil {
			return err
		}
		for i := range orders[:n] {
			orders[i] = gen.Order{Day: d.day, Type: typ, Sequence: first + uint64(i)}
		}
		if err := o.codec.Fill(orders[:n]); err != nil {
			return err
		}
		orders = orders[n:]
	}
	return nil
}

// dayAt returns the day of an instant.
func (o *Orders) dayAt(at int64) *orderDay {
	if d := o.today.Load(); d != nil && d.from <= at && at < d.until {
		return d
	}
	d := spanAt(time.UnixMicro(at).In(o.zone))
	o.mu.Lock()
	defer o.mu.Unlock()
	if d.seq = o.mu.days[d.day]; d.seq == nil {
		if len(o.mu.days) == 8 { // more than a clock that goes back and forth needs
			clear(o.mu.days)
		}
		d.seq = newSequence(o.s, func(all *counters, size uint64) (uint64, uint64, error) {
			return all.leaseDay(d.day, o.codec, size)
		})
		o.mu.days[d.day] = d.seq
	}
	o.today.Store(d)
	return d
}

// spanAt returns the day that t is in, as far as the offset of its zone stays the same.
func spanAt(t time.Time) *orderDay {
	const day = 24 * time.Hour
	_, offset := t.Zone()
	d := &orderDay{day: gen.DayOf(t)}
	d.from = d.day.Time().Add(-time.Duration(offset) * time.Second).UnixMicro()
	d.until = d.from + day.Microseconds()
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		d.from = max(d.from, start.UnixMicro())
	}
	if !end.IsZero() {
		d.until = min(d.until, end.UnixMicro())
	}
	return d
}

// leaseDay is the lease of a day's numbers. A lease takes no more than a 256th of
// them: what is skipped when the store is opened again must not use them up.
func (all *counters) leaseDay(day gen.Day, codec *gen.OrderCodec, size uint64) (first, end uint64, err error) {
	limit := codec.Layout().PerDay()
	c, known := all.Days[day]
	if !known && len(all.Days) == maxOrderDays {
		all.Closed = slices.Min(slices.Collect(maps.Keys(all.Days)))
		delete(all.Days, all.Closed)
	}
	switch {
	case !known && day <= all.Closed:
		return 0, 0, fmt.Errorf("%w: %v: no day up to %v is counted any more; set the clock right", ErrDayClosed, day, all.Closed)
	case known && c.Of != codec.Fingerprint():
		return 0, 0, fmt.Errorf("%w: %v: use that one, or begin on another day", ErrOtherOrders, day)
	case c.Next >= limit:
		return 0, 0, fmt.Errorf("%w: %v has had its %d order numbers; take a layout with more digits of sequence from tomorrow on", ErrUsedUp, day, limit)
	}
	end = min(c.Next+min(size, max(limit/256, 1)), limit)
	all.Days[day] = dayCounter{Next: end, Of: codec.Fingerprint()}
	return c.Next, end, nil
}
