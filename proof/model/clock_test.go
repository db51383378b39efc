package model

import (
	"sync"
	"time"
)

// clock moves on with every reading and remembers what it said.
type clock struct {
	mu   sync.Mutex
	now  time.Time
	tick time.Duration
	read []time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(c.tick)
	c.read = append(c.read, c.now)
	return c.now
}

// begin forgets earlier readings and sets how far each of the next ones moves on. With
// first, the next reading is that time.
func (c *clock) begin(tick time.Duration, first time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tick, c.read = tick, c.read[:0]
	if !first.IsZero() {
		c.now = first.Add(-tick)
	}
}

// taken returns the readings since begin. They are valid until the next one.
func (c *clock) taken() []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read
}

// stamp is a reading as the ledger holds it.
func stamp(reading time.Time) time.Time { return reading.Truncate(time.Microsecond) }

// moment is how the clock stands for one operation.
type moment struct {
	tick  time.Duration
	first time.Time // zero: wherever the clock is
}

func (m *model) begin(at moment) { m.clk.begin(at.tick, at.first) }

// once returns the one reading of the clock since begin: a call that succeeded must have
// made it, and no other.
func (m *model) once() time.Time {
	read := m.clk.taken()
	if len(read) != 1 {
		m.failf("the clock was read %d times, want once", len(read))
	}
	return stamp(read[0])
}

// atMost fails the test if there were more than n readings of the clock since begin.
func (m *model) atMost(n int) {
	if read := m.clk.taken(); len(read) > n {
		m.failf("the clock was read %d times, want at most %d", len(read), n)
	}
}

// reading returns the time by which a call that may have looked once judged.
func (m *model) reading() time.Time {
	m.atMost(1)
	if read := m.clk.taken(); len(read) == 1 {
		return stamp(read[0])
	}
	return time.Time{}
}
