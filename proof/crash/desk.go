package crash

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"codepool/store"
)

// A batch of its own is paused, rescheduled, resumed and rescheduled by every working
// child, again and again, while another asks for its only code. What it is like says how
// many of these steps were done, so the auditor knows which it may be after a crash: the
// last that was answered, or the next.

const (
	deskBatch = "desk" // also its namespace
	deskCode  = "DESK1"
)

// deskEnd is where the window of the batch ends after u reschedulings.
func deskEnd(u int) time.Time {
	return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(u) * time.Hour)
}

// deskSteps is how many steps have made the batch what it is.
func deskSteps(b store.BatchInfo) int {
	u := 0
	if !b.NotAfter.IsZero() {
		u = int(b.NotAfter.Sub(deskEnd(0)) / time.Hour)
	}
	if b.Paused != (u%2 == 1) {
		return 2*u + 1
	}
	return 2 * u
}

// deskPaused reports whether the batch is paused after n steps.
func deskPaused(n int) bool { return n%4 == 1 || n%4 == 2 }

// openDesk makes the batch, or finds it.
func (c *child) openDesk(ctx context.Context) bool {
	before := c.failed.Load()
	_, err := c.s.Import(ctx, store.Batch{Name: deskBatch, Namespace: deskBatch, FromStock: true}, strings.NewReader(deskCode), store.ImportOptions{})
	if err != nil {
		return c.fails("import of the desk's code", err, before)
	}
	return true
}

// desk makes one step after the other and says which was answered.
func (c *child) desk(ctx context.Context) {
	pausing := make(chan int)
	defer close(pausing)
	go c.askDesk(ctx, pausing)
	for {
		b, err := c.s.BatchNamed(deskBatch)
		if err != nil {
			say(lineWrong, "desk:", err.Error())
			return
		}
		n, by := deskSteps(b), store.BatchChange{By: "desk", Reason: c.text("step")}
		c.steps.Store(int64(n))
		before := c.failed.Load()
		switch n % 4 {
		case 0:
			if n%16 == 0 { // seldom: asking again and again takes the processor from others
				select {
				case pausing <- n + 1:
				default: // it is still asking
				}
			}
			err = c.s.Pause(ctx, b.ID, by)
		case 2:
			err = c.s.Resume(ctx, b.ID, by)
		default:
			err = c.s.Reschedule(ctx, b.ID, time.Time{}, deskEnd(n/2+1), by)
		}
		if err != nil {
			c.fails("change of the desk's batch", err, before)
			return
		}
		say(lineStepped, fmt.Sprint(n+1))
	}
}

// askDesk asks for the code while the batch is about to be paused. Whoever is told of a
// pause may rely on it.
func (c *child) askDesk(ctx context.Context, pausing <-chan int) {
	for n := range pausing {
		for {
			done := c.steps.Load()
			err := c.s.Check(ctx, store.Redemption{Code: deskCode, Namespace: deskBatch})
			if errors.Is(err, store.ErrPaused) {
				say(linePaused, fmt.Sprint(done))
			} else if errors.Is(err, store.ErrOutcomeUnknown) || errors.Is(err, store.ErrFailed) {
				return // the store has failed, which those who change something judge
			} else if err != nil {
				c.fails("check of the desk's code", err, c.failed.Load())
				return
			}
			if err != nil || done >= int64(n) {
				break
			}
			runtime.Gosched()
		}
	}
}

// auditDesk judges the batch. Before any answer it may not be there.
func (a *auditor) auditDesk(ctx context.Context, s *store.Store) {
	b, err := s.BatchNamed(deskBatch)
	if err != nil {
		if a.steps > 0 || a.paused {
			a.wrong("the desk's batch was changed %d times and is gone: %v", a.steps, err)
		}
		return
	}
	n := deskSteps(b)
	if n < a.steps || n > a.steps+1 && !a.unread {
		a.wrong("the desk's batch was changed %d times; afterwards it is as after %d: %+v", a.steps, n, b)
	}
	for p := a.pausedFrom; a.paused; p++ { // the first pause that the refusal can have been for
		if deskPaused(p) {
			if n < p {
				a.wrong("somebody was told that the desk's batch is paused, behind step %d; afterwards it is as after %d", a.pausedFrom, n)
			}
			break
		}
	}
	err = s.Check(ctx, store.Redemption{Code: deskCode, Namespace: deskBatch})
	if deskPaused(n) != errors.Is(err, store.ErrPaused) || err != nil && !errors.Is(err, store.ErrPaused) && b.Counts.Minted > 0 {
		a.wrong("the desk's batch is as after step %d, and check says %v", n, err)
	}
	a.steps, a.paused = n, false
}
