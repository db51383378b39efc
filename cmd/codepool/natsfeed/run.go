package natsfeed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"codepool/cmd/codepool/internal/receipts"
	"codepool/store"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// quietly is how many chains in a row may break at their first message before that is told.
const quietly = 4

// Run publishes the receipts behind the cursor, in order, and moves the cursor behind those
// that the server has stored. It returns nil when all, or Limit, are published; else an error:
// ErrStream, ErrForeign, ErrRefused, ErrConnect, one of the store, or the cause that ctx was
// ended with, after what was under way is acknowledged. What can pass, a server that
// is gone or restarts, it waits out, for ever; only what it asks first must be answered.
//
// Run leaves the connection open. It may run beside everything else that uses the store or
// the connection.
func Run(ctx context.Context, s *store.Store, nc *nats.Conn, cfg Config) error {
	if err := cfg.Check(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncTimeout(cfg.AnswerWait), jetstream.WithDefaultTimeout(cfg.AnswerWait))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConnect, err)
	}
	defer js.CleanupPublisher()
	b := &bridge{Config: cfg, s: s, nc: nc, js: js, batches: receipts.Batches{}}
	if err := b.find(ctx); err != nil {
		return err
	}
	for tries := 0; ; tries++ {
		before := b.done.Number
		err := b.feed(ctx)
		if err == nil || ctx.Err() != nil || !b.passes(err) {
			return b.failure(ctx, err)
		}
		if b.done.Number > before {
			tries = 0
		}
		if broken(err) && tries == 0 { // somebody was quicker: one look puts that right
			continue
		}
		if !broken(err) || tries > quietly {
			b.trouble(err)
		}
		if err := b.wait(ctx, tries); err != nil {
			return err
		}
	}
}

// bridge is one Run.
type bridge struct {
	Config
	s       *store.Store
	nc      *nats.Conn
	js      jetstream.JetStream
	batches receipts.Batches

	done     Progress
	stopped  bool   // Trouble was told
	stuck    bool   // what could not be published is still to come
	repeated uint64 // number up to which the server said that it had a message already
}

// feed looks where the stream stands and publishes from there on.
func (b *bridge) feed(ctx context.Context) error {
	c, err := b.look(ctx)
	if err != nil {
		return err
	}
	if !b.stuck {
		b.goesOn()
	}
	from := receipts.Read(ctx, b.s, c.number, b.Follow)
	defer from.Stop()
	for {
		most := receipts.Part
		if b.Limit > 0 {
			most = int(min(receipts.Part, b.Limit-b.done.Published))
		}
		part, err := from.Take(most)
		// A part that was begun is published and acknowledged even if ctx ends.
		if perr := b.put(context.WithoutCancel(ctx), c, part); perr != nil {
			return perr
		}
		switch {
		case errors.Is(err, receipts.ErrEnd):
			return nil
		case err != nil:
			return err
		case b.Limit > 0 && b.done.Published >= b.Limit:
			return nil
		}
	}
}

// put publishes a part and moves the cursor behind what is stored of it.
func (b *bridge) put(ctx context.Context, c *chain, part []store.Receipt) error {
	stored, err := b.send(ctx, c, part)
	if stored > 0 {
		if aerr := b.advance(ctx, part[stored-1].Number); aerr != nil {
			return aerr
		}
	}
	if b.stuck = err != nil; !b.stuck {
		b.goesOn()
	}
	return err
}

// send publishes receipts, awaits the answers and returns how many are stored before the first
// that is not.
func (b *bridge) send(ctx context.Context, c *chain, part []store.Receipt) (stored int, err error) {
	var answers []jetstream.PubAckFuture
	for _, r := range part {
		m, merr := b.message(ctx, r)
		var answer jetstream.PubAckFuture
		if merr == nil {
			answer, merr = b.js.PublishMsgAsync(m, c.link(b.identity(r))...)
		}
		if merr != nil {
			err = about(r, merr)
			break
		}
		answers = append(answers, answer)
	}
	for i, answer := range answers { // all of them, so that nothing is under way when it is tried again
		select {
		case ack := <-answer.Ok():
			if stored == i {
				stored++
				b.count(part[i], ack)
			}
		case aerr := <-answer.Err():
			if stored == i {
				err = about(part[i], aerr)
			}
		}
	}
	return stored, err
}

func (b *bridge) count(r store.Receipt, ack *jetstream.PubAck) {
	if ack.Duplicate {
		b.repeated = r.Number
	} else {
		b.done.Published++
	}
}

// about says of which receipt an error is.
func about(r store.Receipt, err error) error { return fmt.Errorf("receipt %d: %w", r.Number, err) }

// message is what is published of a receipt.
func (b *bridge) message(ctx context.Context, r store.Receipt) (*nats.Msg, error) {
	m := nats.NewMsg(b.Subject)
	batch, err := b.batches.Of(b.s, r.Batch)
	if err == nil {
		r, err = receipts.Shown(ctx, b.s, batch, r)
	}
	if err == nil {
		m.Data, err = json.Marshal(r)
	}
	return m, err
}

// advance moves the cursor behind what the server has.
func (b *bridge) advance(ctx context.Context, number uint64) error {
	if err := b.s.Advance(ctx, b.Cursor, number); err != nil {
		return fmt.Errorf("move cursor %q to %d: %w", b.Cursor, number, err)
	}
	b.done.Number = max(b.done.Number, number)
	b.Progress(b.done)
	return nil
}

// trouble tells once what is wrong.
func (b *bridge) trouble(err error) {
	if !b.stopped {
		b.stopped = true
		b.Trouble(err)
	}
}

func (b *bridge) goesOn() {
	if b.stopped {
		b.stopped = false
		b.Trouble(nil)
	}
}

// wait waits before the next try, no longer than the connection is away.
func (b *bridge) wait(ctx context.Context, tries int) error {
	back := b.nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer b.nc.RemoveStatusListener(back)
	t := time.NewTimer(backoff(tries))
	defer t.Stop()
	select {
	case <-back:
	case <-t.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
