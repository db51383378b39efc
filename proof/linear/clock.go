package linear

import (
	"runtime"
	"sync/atomic"
	"time"
)

// zero is what the clock shows at reading 0; a reading more is a second more.
var zero = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// reading is a time of the clock as a number.
func reading(t time.Time) int64 { return int64(t.Sub(zero) / time.Second) }

func instant(reading int64) time.Time { return zero.Add(time.Duration(reading) * time.Second) }

// clock is the time of a round. It is set forward by the clients and read in the middle of
// calls, which is also where it disturbs them.
type clock struct {
	now    atomic.Int64
	yields bool                   // let others run
	victim atomic.Pointer[func()] // to be called at the next reading: it ends a context
}

// Now is the clock of the store.
func (c *clock) Now() time.Time {
	if end := c.victim.Swap(nil); end != nil {
		(*end)()
	}
	if c.yields {
		runtime.Gosched()
	}
	return instant(c.now.Load())
}
