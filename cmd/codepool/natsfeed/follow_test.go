package natsfeed_test

import (
	"errors"
	"testing"

	"codepool/cmd/codepool/natsfeed"

	"github.com/nats-io/nats.go/jetstream"
)

// Who follows publishes what comes, at once; when it is stopped, the cursor is behind all
// that the stream has.
func TestFollows(t *testing.T) {
	w := newWorld(t)
	w.redeem(10)
	w.mustRun(config())
	reached := make(chan uint64, 100)
	cfg := config()
	cfg.Progress = func(p natsfeed.Progress) { reached <- p.Number }
	stop := w.following(cfg)
	for range 20 {
		w.redeem(1)
		if got, want := <-reached, w.s.Stats().Ledger; got != want {
			t.Fatalf("the cursor is at %d, want %d", got, want)
		}
	}
	if err := stop(); !errors.Is(err, errStop) {
		t.Errorf("it ended with %v", err)
	}
	w.mustHold()
	w.mustBeAt(config())
}

// A part that is under way when it is stopped is acknowledged.
func TestStopped(t *testing.T) {
	w := newWorld(t)
	w.mustRun(config())
	sub, err := w.server.Connect().SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		t.Fatal(err)
	}
	w.redeem(3000)
	stop := w.following(config())
	if _, err := sub.NextMsgWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := stop(); !errors.Is(err, errStop) {
		t.Errorf("it ended with %v", err)
	}
	all, n := w.ledger(), len(w.held(subject))
	w.mustEqual(w.held(subject), all[:n])
	if got, want := w.s.Cursor(natsfeed.CursorFor(stream, subject)), all[n-1].Number; n%1000 != 0 || got != want {
		t.Errorf("%d messages, the cursor is at %d, want %d", n, got, want)
	}
}

// It is stopped where it waits for a server that is gone.
func TestStoppedWaiting(t *testing.T) {
	w := newWorld(t)
	told, reached := make(chan error, 10), make(chan uint64, 10)
	cfg := config()
	cfg.Trouble = func(err error) { told <- err }
	cfg.Progress = func(p natsfeed.Progress) { reached <- p.Number }
	stop := w.following(cfg)
	w.redeem(1)
	at := <-reached
	w.server.Kill()
	w.redeem(10)
	if err := <-told; err == nil {
		t.Error("it goes on without a server")
	}
	if err := stop(); !errors.Is(err, errStop) {
		t.Errorf("it ended with %v", err)
	}
	if got := w.s.Cursor(natsfeed.CursorFor(stream, subject)); got != at {
		t.Errorf("the cursor is at %d, want %d", got, at)
	}
}

// A stream that is full is waited for.
func TestFull(t *testing.T) {
	w := newWorld(t)
	made := jetstream.StreamConfig{Name: stream, Subjects: []string{subject}, MaxMsgs: 60, Discard: jetstream.DiscardNew}
	w.make(made)
	w.redeem(100)
	cfg := config()
	var told []error
	cfg.Trouble = func(err error) {
		if told = append(told, err); err != nil {
			all := w.ledger()
			if got := w.s.Cursor(natsfeed.CursorFor(stream, subject)); got != all[59].Number {
				t.Errorf("the cursor is at %d, want %d", got, all[59].Number)
			}
			made.MaxMsgs = -1
			if _, err := w.js().UpdateStream(t.Context(), made); err != nil {
				t.Error(err)
			}
		}
	}
	w.mustRun(cfg)
	w.mustHold()
	if len(told) != 2 || told[0] == nil || told[1] != nil {
		t.Errorf("told %v", told)
	}
}

// A stream that is deleted ends it: another one would lack what this one had.
func TestStreamDeleted(t *testing.T) {
	w := newWorld(t)
	w.redeem(10)
	w.mustRun(config())
	ended := make(chan error, 1)
	cfg := config()
	cfg.Follow = true
	reached := make(chan uint64, 1)
	cfg.Progress = func(p natsfeed.Progress) { reached <- p.Number }
	nc := w.dial()
	go func() { ended <- natsfeed.Run(t.Context(), w.s, nc, cfg) }()
	w.redeem(1)
	<-reached
	if err := w.js().DeleteStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	w.redeem(1)
	if err := <-ended; !errors.Is(err, natsfeed.ErrStream) {
		t.Errorf("it ended with %v", err)
	}
	// Begun again, it says that what is before the cursor is missing.
	var told []error
	cfg = config()
	cfg.Trouble = func(err error) { told = append(told, err) }
	w.mustRun(cfg)
	w.mustEqual(w.held(subject), w.ledger()[11:])
	if len(told) != 2 || !errors.Is(told[0], natsfeed.ErrLost) || told[1] != nil {
		t.Errorf("told %v", told)
	}
}
