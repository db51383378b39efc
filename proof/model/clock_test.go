package model

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// clock moves on with every reading and remembers what it said.
type clock struct {
	mu      sync.Mutex
	now     time.Time
	tick    time.Duration
	read    []time.Time
	ends    []bool       // by reading: what is over by then goes back
	by      [][8]uintptr // by reading: who read, for who must find out why
	readers map[uintptr]reader
}

// reader is a part of the store that looks at the clock.
type reader byte

const (
	noReader reader = iota
	lapser          // it ends what is over while nobody asks for anything
	ender           // everybody else who ends what is over before he goes on
	plain           // it only wants to know the time
)

func (c *clock) Now() time.Time {
	var pcs [8]uintptr
	runtime.Callers(2, pcs[:])
	c.mu.Lock()
	defer c.mu.Unlock()
	by := c.readerAt(pcs[0])
	if by == ender && c.readerAt(pcs[1]) == lapser {
		// It has no time to go by: when leases end is a matter of the steps alone.
		return time.Unix(0, 0)
	}
	c.now = c.now.Add(c.tick)
	c.read, c.ends, c.by = append(c.read, c.now), append(c.ends, by == ender), append(c.by, pcs)
	return c.now
}

// readerAt says what the code at a place is. REQUIRES: mu.
func (c *clock) readerAt(pc uintptr) reader {
	if c.readers[pc] == noReader {
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		by := plain
		switch name := frame.Function; {
		case strings.HasSuffix(name, "/store.(*Store).now"):
			by = ender
		case strings.Contains(name, "/store.startLapser."):
			by = lapser
		}
		c.readers[pc] = by
	}
	return c.readers[pc]
}

// begin forgets earlier readings and sets how far each of the next ones moves on. With
// first, the next reading is that time.
func (c *clock) begin(tick time.Duration, first time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tick, c.read, c.ends, c.by = tick, c.read[:0], c.ends[:0], c.by[:0]
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

// whose says who made the readings since begin: a line of functions each.
func (c *clock) whose() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var s strings.Builder
	for _, pcs := range c.by {
		s.WriteString("\n    read by")
		frames := runtime.CallersFrames(pcs[:])
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			s.WriteString(" " + f.Function[strings.LastIndexByte(f.Function, '/')+1:])
		}
	}
	return s.String()
}

// stamp is a reading as the ledger holds it.
func stamp(reading time.Time) time.Time { return reading.Truncate(time.Microsecond) }

// moment is how the clock stands for one operation.
type moment struct {
	tick  time.Duration
	first time.Time // zero: wherever the clock is
}

// begin is called before the store is.
func (m *model) begin(at moment) {
	m.taken()
	m.clk.begin(at.tick, at.first)
	m.passed, m.adding = 0, false
}

// beginAdding is begin for what may also read the clock only to know the time: it adds codes
// or copies the store.
func (m *model) beginAdding(at moment) {
	m.begin(at)
	m.adding = true
}

// taken returns the readings of the clock since begin, when what was over by them has
// ended in the model.
func (m *model) taken() []time.Time {
	read := m.clk.taken()
	for ; m.passed < len(read); m.passed++ {
		switch {
		case m.clk.ends[m.passed]:
			m.lapse(stamp(read[m.passed]))
		case !m.adding:
			m.failf("the clock was read by somebody who does not end what is over first")
		}
	}
	return read
}

// once returns the one reading of the clock since begin: a call that succeeded must have
// made it, and no other.
func (m *model) once() time.Time {
	read := m.taken()
	if len(read) != 1 {
		m.failf("the clock was read %d times, want once%s", len(read), m.clk.whose())
	}
	return stamp(read[0])
}

// atMost fails the test if there were more than n readings of the clock since begin.
func (m *model) atMost(n int) {
	if read := m.taken(); len(read) > n {
		m.failf("the clock was read %d times, want at most %d%s", len(read), n, m.clk.whose())
	}
}

// looked fails the test unless the clock was read as somebody does who only looks: once if
// something may be over by now, else not at all.
func (m *model) looked() {
	live := slices.Clone(m.live)
	if read := m.taken(); len(read) != min(len(live), 1) {
		m.failf("the clock was read %d times; those that may be over are %v%s", len(read), live, m.clk.whose())
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

// calm slows the clock down so that n readings, from the first one on, pass no moment at
// which something that rests or is leased is over: what such a call meets does not depend on
// who looked when.
func (m *model) calm(at moment, n int) moment {
	first := at.first
	if first.IsZero() {
		first = m.clk.now.Add(at.tick)
	}
	var left []time.Duration
	for _, l := range m.live {
		if d := l.until.Sub(first); d > 0 {
			left = append(left, d)
		}
	}
	for _, b := range m.batches {
		if b.Quarantine > 0 {
			left = append(left, b.Quarantine-time.Microsecond+1)
		}
	}
	at.first = first
	for _, d := range left {
		at.tick = min(at.tick, (d-1)/time.Duration(n+1))
	}
	return at
}
