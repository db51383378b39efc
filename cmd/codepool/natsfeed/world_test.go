package natsfeed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"codepool/cmd/codepool/internal/natstest"
	"codepool/cmd/codepool/natsfeed"
	"codepool/store"
	"codepool/store/storetest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	stream  = "CODEPOOL"
	subject = "codepool.receipts"
)

// world is a store, a server and what has been redeemed.
type world struct {
	*testing.T
	s      *store.Store
	server *natstest.Server
	batch  store.BatchID
	taken  int
}

func newWorld(t *testing.T, args ...string) *world {
	t.Helper()
	w := &world{T: t, s: storetest.Open(t), server: natstest.Start(t, args...)}
	b, err := w.s.Mint(t.Context(), store.Batch{Name: "b", Count: 8000, Reward: "svip:30d"})
	if err != nil {
		t.Fatal(err)
	}
	w.batch = b.ID
	return w
}

// redeem makes n receipts.
func (w *world) redeem(n int) (codes []string) {
	w.Helper()
	for n > 0 {
		w.taken++
		got, err := w.s.Take(w.Context(), w.batch, min(n, 250), "ann", store.To(fmt.Sprint("order-", w.taken)))
		if err != nil {
			w.Fatal(err)
		}
		for _, r := range got {
			codes = append(codes, r.Code)
		}
		n -= len(got)
	}
	return codes
}

// dial returns a connection as the command makes it.
func (w *world) dial() *nats.Conn {
	w.Helper()
	nc, err := natsfeed.Dial(w.server.URL, "")
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(nc.Close)
	return nc
}

func config() natsfeed.Config {
	return natsfeed.Config{Stream: stream, Subject: subject, Create: true}
}

func (w *world) run(cfg natsfeed.Config) error {
	w.Helper()
	nc := w.dial()
	defer nc.Close()
	return natsfeed.Run(w.Context(), w.s, nc, cfg)
}

func (w *world) mustRun(cfg natsfeed.Config) {
	w.Helper()
	if err := w.run(cfg); err != nil {
		w.Fatal(err)
	}
}

// js is a context of the test's own.
func (w *world) js() jetstream.JetStream {
	w.Helper()
	js, err := jetstream.New(w.server.Connect(nats.MaxReconnects(-1), nats.ReconnectWait(1e6)))
	if err != nil {
		w.Fatal(err)
	}
	return js
}

// stream returns the stream as it is now.
func (w *world) stream() jetstream.Stream {
	w.Helper()
	s, err := w.js().Stream(w.Context(), stream)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// make makes the stream otherwise than Create would.
func (w *world) make(cfg jetstream.StreamConfig) jetstream.Stream {
	w.Helper()
	if cfg.Name == "" {
		cfg.Name = stream
	}
	if cfg.Subjects == nil {
		cfg.Subjects = []string{subject}
	}
	s, err := w.js().CreateStream(w.Context(), cfg)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// ledger is all receipts of the store.
func (w *world) ledger() (all []store.Receipt) {
	w.Helper()
	for r, err := range w.s.Receipts(w.Context(), 0) {
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// held is what a subject of the stream holds, as a consumer reads it.
func (w *world) held(subject string) (all []jetstream.Msg) {
	w.Helper()
	s := w.stream()
	c, err := s.OrderedConsumer(w.Context(), jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}})
	if err != nil {
		w.Fatal(err)
	}
	info, err := s.Info(w.Context(), jetstream.WithSubjectFilter(subject))
	if err != nil {
		w.Fatal(err)
	}
	n := int(info.State.Subjects[subject])
	if n == 0 {
		return nil
	}
	batch, err := c.Fetch(n)
	if err != nil {
		w.Fatal(err)
	}
	for m := range batch.Messages() {
		all = append(all, m)
	}
	if err := batch.Error(); err != nil || len(all) != n {
		w.Fatalf("%d of %d messages: %v", len(all), n, err)
	}
	return all
}

// mustHold checks that the stream holds the ledger: each receipt once, in order, gap-free.
func (w *world) mustHold() {
	w.Helper()
	w.mustEqual(w.held(subject), w.ledger())
}

func (w *world) mustEqual(got []jetstream.Msg, want []store.Receipt) {
	w.Helper()
	if len(got) != len(want) {
		w.Errorf("the stream holds %d messages, want %d receipts", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		var r store.Receipt
		if err := json.Unmarshal(got[i].Data(), &r); err != nil || r != want[i] {
			w.Fatalf("message %d is %s, %v, want receipt %+v", i, got[i].Data(), err, want[i])
		}
		id := fmt.Sprintf("%s/%d/%d", got[i].Subject(), r.Number, r.At.UnixMicro())
		if have := got[i].Headers().Get(nats.MsgIdHdr); have != id {
			w.Fatalf("message %d is identified by %q, want %q", i, have, id)
		}
	}
}

// mustBeAt checks that the cursor is behind the last receipt of the stream.
func (w *world) mustBeAt(cfg natsfeed.Config) {
	w.Helper()
	name := cfg.Cursor
	if name == "" {
		name = natsfeed.CursorFor(cfg.Stream, cfg.Subject)
	}
	all := w.ledger()
	if got, want := w.s.Cursor(name), all[len(all)-1].Number; got != want {
		w.Errorf("cursor %q is at %d, want %d", name, got, want)
	}
}

// mustFail checks that a Run ends with an error and has moved no cursor.
func (w *world) mustFail(err error, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got %v, want %v", err, want)
	}
	if all := w.s.Cursors(); len(all) > 0 {
		w.Errorf("cursors %v", all)
	}
	w.Log(err)
}

// following runs a feed until stop is called, which returns how it ended.
func (w *world) following(cfg natsfeed.Config) (stop func() error) {
	w.Helper()
	ctx, cancel := context.WithCancelCause(w.Context())
	nc := w.dial()
	ended := make(chan error, 1)
	cfg.Follow = true
	go func() { ended <- natsfeed.Run(ctx, w.s, nc, cfg) }()
	return func() error {
		cancel(errStop)
		return <-ended
	}
}

var errStop = errors.New("stop")
