package natsfeed_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"codepool/cmd/codepool/natsfeed"
	"codepool/gen"
	"codepool/store"

	"github.com/nats-io/nats.go/jetstream"
)

// All receipts arrive once and in order, in one call and in several, up to limits and with
// other cursors.
func TestPublishes(t *testing.T) {
	w := newWorld(t)
	w.mustRun(config()) // nothing yet
	w.redeem(2500)
	cfg := config()
	cfg.Limit = 1200
	var last natsfeed.Progress
	cfg.Progress = func(p natsfeed.Progress) { last = p }
	w.mustRun(cfg)
	all := w.ledger()
	w.mustEqual(w.held(subject), all[:1200])
	if last != (natsfeed.Progress{Published: 1200, Number: all[1199].Number}) {
		t.Errorf("progress %+v", last)
	}
	w.mustRun(config())
	w.mustHold()
	w.mustBeAt(config())

	// Nothing is published again by one that begins at 0, as after a crash between the answer of
	// the server and the move of the cursor.
	w.redeem(10)
	other := config()
	other.Cursor = "other"
	w.mustRun(other)
	w.mustHold()
	w.mustBeAt(other)
	w.mustRun(config())
	w.mustHold()
	w.mustBeAt(config())
}

// The same, long after JetStream has forgotten what it had.
func TestForgotten(t *testing.T) {
	w := newWorld(t)
	w.make(jetstream.StreamConfig{Subjects: []string{"codepool.>"}, Duplicates: 100 * time.Millisecond})
	w.redeem(1500)
	w.mustRun(config())
	w.forget()
	for i := range 3 {
		cfg := config()
		cfg.Cursor = fmt.Sprint("crashed", i)
		w.mustRun(cfg)
		w.mustBeAt(cfg)
		w.redeem(100)
	}
	w.mustRun(config())
	w.mustHold()
}

// forget returns when the window of duplicates is over for all that is in the stream.
func (w *world) forget() {
	w.Helper()
	js, probe := w.js(), fmt.Sprint("probe ", rand.Uint64())
	for again := false; ; again = true {
		ack, err := js.Publish(w.Context(), "codepool.probe", nil, jetstream.WithMsgID(probe))
		if err != nil {
			w.Fatal(err)
		}
		if again && !ack.Duplicate {
			return
		}
	}
}

// Several at once for one store, and somebody who writes to another subject of the stream:
// whoever is first, the order stands.
func TestBeside(t *testing.T) {
	w := newWorld(t)
	w.make(jetstream.StreamConfig{Subjects: []string{"codepool.>"}, Duplicates: 100 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	js := w.js()
	others.Go(func() {
		for ctx.Err() == nil {
			if _, err := js.Publish(ctx, "codepool.other", nil); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	w.redeem(2000)
	var bridges sync.WaitGroup
	for i := range 3 {
		cfg := config()
		cfg.Cursor = fmt.Sprint("c", i)
		nc := w.dial()
		bridges.Go(func() {
			if err := natsfeed.Run(t.Context(), w.s, nc, cfg); err != nil {
				t.Error(err)
			}
		})
	}
	bridges.Wait()
	cancel()
	others.Wait()
	w.mustHold()
	for i := range 3 {
		cfg := config()
		cfg.Cursor = fmt.Sprint("c", i)
		w.mustBeAt(cfg)
	}
}

// Who was overtaken after it has looked at the stream, at the begin of a chain and in it, does
// not publish what the other did, though JetStream has forgotten that.
func TestOvertaken(t *testing.T) {
	w := newWorld(t)
	w.make(jetstream.StreamConfig{Subjects: []string{"codepool.>"}, Duplicates: 100 * time.Millisecond})
	overtake := func() {
		cfg := config()
		cfg.Cursor = "other"
		w.mustRun(cfg)
		w.forget()
	}
	w.redeem(1)
	first := w.ledger()[0]
	if err := w.s.Advance(t.Context(), natsfeed.CursorFor(stream, subject), first.Number); err != nil {
		t.Fatal(err)
	}
	w.redeem(1)
	cfg := config()
	cfg.Trouble = func(err error) { // the stream is new, and the cursor is not
		if err == nil {
			overtake()
		}
	}
	w.mustRun(cfg)
	w.mustHold()

	w.redeem(1500)
	cfg = config()
	overtaken := false
	cfg.Progress = func(natsfeed.Progress) {
		if !overtaken {
			overtaken = true
			overtake()
		}
	}
	w.mustRun(cfg)
	w.mustHold()
	w.mustBeAt(cfg)
}

// A host publishes what it redeems, in its own process, and the server is killed meanwhile,
// again and again.
func TestServerKilled(t *testing.T) {
	w := newWorld(t)
	w.mustRun(config())
	var told struct {
		sync.Mutex
		list []error
	}
	cfg := config()
	cfg.Trouble = func(err error) { told.Lock(); told.list = append(told.list, err); told.Unlock() }
	reached := make(chan natsfeed.Progress, 10_000)
	cfg.Progress = func(p natsfeed.Progress) { reached <- p }
	stop := w.following(cfg)
	var redeeming sync.WaitGroup
	redeeming.Go(func() {
		for range 60 {
			w.redeem(100)
		}
	})
	until := func(number uint64) {
		for p := range reached {
			if p.Number >= number {
				return
			}
		}
	}
	for i := range uint64(4) {
		until(1 + 1500*i)
		w.server.Kill()
		w.server.Restart()
	}
	redeeming.Wait()
	until(w.s.Stats().Ledger)
	if err := stop(); !errors.Is(err, errStop) {
		t.Errorf("it ended with %v", err)
	}
	w.mustHold()
	w.mustBeAt(cfg)
	if len(told.list) == 0 || len(told.list)%2 != 0 || told.list[0] == nil || told.list[1] != nil {
		t.Errorf("told of trouble: %v", told.list)
	}
}

// A server that lost what it had acknowledged gets it again.
func TestServerLosesTail(t *testing.T) {
	w := newWorld(t)
	w.redeem(500)
	w.mustRun(config())
	w.server.Kill()
	kept := t.TempDir()
	if err := os.CopyFS(kept, os.DirFS(w.server.Dir)); err != nil {
		t.Fatal(err)
	}
	w.server.Restart()
	w.redeem(1500)
	w.mustRun(config())
	w.mustHold()
	w.server.Kill()
	w.server.Dir = kept
	w.server.Restart()
	if n := len(w.held(subject)); n != 500 {
		t.Fatalf("%d messages are left, want 500", n)
	}
	var told error
	cfg := config()
	cfg.Trouble = func(err error) { told = errors.Join(told, err) }
	w.mustRun(cfg)
	w.mustHold()
	if !errors.Is(told, natsfeed.ErrLost) {
		t.Errorf("told %v", told)
	}
}

// Where messages go when they are consumed, the cursor counts, long after JetStream has
// forgotten them.
func TestWorkQueue(t *testing.T) {
	w := newWorld(t)
	queue := w.make(jetstream.StreamConfig{Subjects: []string{"codepool.>"}, Retention: jetstream.WorkQueuePolicy, Duplicates: 100 * time.Millisecond})
	c, err := queue.CreateConsumer(t.Context(), jetstream.ConsumerConfig{FilterSubject: subject, AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	var got []jetstream.Msg
	for _, part := range []int{100, 50} { // all of the first are consumed; of the second every other, with the last
		w.redeem(part)
		w.mustRun(config())
		batch, err := c.Fetch(part)
		if err != nil {
			t.Fatal(err)
		}
		for m := range batch.Messages() {
			got = append(got, m)
			if part == 100 || len(got)%2 == 0 {
				if err := m.DoubleAck(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.forget()
		w.mustRun(config())
	}
	w.mustEqual(got, w.ledger())
	if n := len(w.left()); n != 25 {
		t.Errorf("%d messages are left, want 25", n)
	}
}

// left is the sequences that the stream has on our subject.
func (w *world) left() (all []uint64) {
	w.Helper()
	s := w.stream()
	for seq := uint64(1); ; {
		m, err := s.GetMsg(w.Context(), seq, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return all
		} else if err != nil {
			w.Fatal(err)
		}
		all = append(all, m.Sequence)
		seq = m.Sequence + 1
	}
}

// Messages that somebody deletes while JetStream still knows them are not waited for, whatever
// came behind them.
func TestDeleted(t *testing.T) {
	w := newWorld(t)
	s := w.make(jetstream.StreamConfig{Subjects: []string{"codepool.>"}})
	w.redeem(100)
	w.mustRun(config())
	for seq := uint64(91); seq <= 100; seq++ {
		if err := s.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.js().Publish(t.Context(), "codepool.other", nil); err != nil {
		t.Fatal(err)
	}
	w.redeem(50)
	w.mustRun(config())
	all := w.ledger()
	w.mustEqual(w.held(subject), append(all[:90:90], all[100:]...))
	w.mustBeAt(config())
}

// A code that is in stock again, or revoked, is masked, as it is by receipts --json.
func TestMasked(t *testing.T) {
	w := newWorld(t)
	codes := w.redeem(3)
	for _, code := range codes[:2] {
		if _, err := w.s.Undo(t.Context(), store.Change{Code: code}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.s.Release(t.Context(), store.Change{Code: codes[0]}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.Revoke(t.Context(), store.Change{Code: codes[1]}); err != nil {
		t.Fatal(err)
	}
	w.mustRun(config())
	want := w.ledger()
	for i := range 2 {
		want[i].Code = gen.Mask(codes[i])
	}
	w.mustEqual(w.held(subject), want)
}
