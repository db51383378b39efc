package model

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"codepool/store"

	"pgregory.net/rapid"
)

// consumer follows the ledger as a service beside the store would: from its cursor on,
// which it advances now and then.
type consumer struct {
	got  chan store.Receipt
	done chan error
	quit chan struct{}
	next int // in model.receipts
}

const consumerName = "mailer"

// consume lets the consumer of this run begin at its cursor.
func (m *model) consume() {
	if !m.follows {
		return
	}
	from := m.s.Cursor(consumerName)
	next, _ := slices.BinarySearchFunc(m.receipts, from+1, func(r store.Receipt, n uint64) int { return int(int64(r.Number - n)) })
	c := &consumer{make(chan store.Receipt), make(chan error, 1), make(chan struct{}), next}
	m.consumer = c
	s := m.s
	go func() {
		for r, err := range s.Follow(context.Background(), from) {
			if err != nil {
				c.done <- err
				return
			}
			select {
			case c.got <- r:
			case <-c.quit:
			}
		}
		c.done <- errors.New("it ended without an error")
	}()
}

// patience is how long a receipt may be on its way to who follows. What has not come by
// then never will.
const patience = time.Minute

// consumed waits until the consumer has got all that was redeemed, in order.
func (m *model) consumed() {
	c := m.consumer
	if c == nil {
		return
	}
	for ; c.next < len(m.receipts); c.next++ {
		select {
		case r := <-c.got:
			if !sameReceipt(r, m.receipts[c.next]) {
				m.failf("who follows got %+v, want %+v", r, m.receipts[c.next])
			}
		case err := <-c.done:
			m.failf("the feed has ended: %v", err)
		case <-time.After(patience):
			m.failf("who follows did not get %+v", m.receipts[c.next])
		}
	}
}

// noConsumer holds that the consumer was told that the store is closed.
func (m *model) noConsumer() {
	c := m.consumer
	if c == nil {
		return
	}
	close(c.quit)
	m.consumer = nil
	m.wantErr("feed of a closed store", <-c.done, store.ErrClosed)
}

// move is a move of a cursor.
type move struct {
	name   string
	number uint64
	drop   bool
}

func (m *model) anyMove(t *rapid.T) move {
	o := move{name: oneOf(t, consumerName, consumerName, "c1", "c2"), number: m.ledger, drop: oneIn(t, 8)}
	switch upTo(t, 4) {
	case 0, 1:
		o.number = uint64(upTo(t, int(m.ledger)))
	case 4:
		o.number = m.ledger + 1 + uint64(upTo(t, 3))
	}
	return o
}

func (o move) GoString() string {
	if o.drop {
		return fmt.Sprintf("drop cursor %q", o.name)
	}
	return fmt.Sprintf("advance cursor %q to %d", o.name, o.number)
}

// moveCursor advances a cursor or drops it.
func (m *model) moveCursor() {
	o := rapid.Custom(m.anyMove).Draw(m.t, "move")
	m.durable()
	ended := m.ledger // as it was may be less than as it is
	m.begin(moment{})
	var err, want error
	if o.drop {
		err = m.s.DropCursor(m.ctx(), o.name)
		delete(m.cursors, o.name)
	} else if err = m.s.Advance(m.ctx(), o.name, o.number); o.number > ended {
		want = store.ErrBeyond
	} else {
		m.cursors[o.name] = max(m.cursors[o.name], o.number)
	}
	m.did(o, "%s", outcome(err))
	m.atMost(0)
	m.wantErr("move of a cursor", err, want)
	if got := m.s.Cursor(o.name); got != m.cursors[o.name] {
		m.failf("cursor %q is at %d, want %d", o.name, got, m.cursors[o.name])
	}
}
