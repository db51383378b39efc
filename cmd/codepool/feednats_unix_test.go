//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"codepool/cmd/codepool/internal/natstest"
	"codepool/store"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// redeemed makes a store with n receipts.
func redeemed(t *testing.T, data string, n int) (numbers []uint64) {
	t.Helper()
	s, err := store.Open(data, &store.Options{Durability: store.WeakNoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Mint(t.Context(), store.Batch{Name: "b", Count: int64(n)})
	if err != nil {
		t.Fatal(err)
	}
	for len(numbers) < n {
		got, err := s.Take(t.Context(), b.ID, min(n-len(numbers), 250), "ann", store.To("x"))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range got {
			numbers = append(numbers, r.Number)
		}
	}
	return numbers
}

// The program is killed while it publishes, again and again, and its server now and then: the
// stream has each receipt once, in order.
func TestFeedKilled(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	want := redeemed(t, data, 8000)
	server := natstest.Start(t)
	nc := server.Connect(nats.MaxReconnects(-1), nats.ReconnectWait(1e6))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CODEPOOL", Subjects: []string{"codepool.receipts"}, Duplicates: 100e6}); err != nil {
		t.Fatal(err)
	}
	for life, messages := range []int{1, 400, 1000, 1300, 2, 999} {
		seen, err := nc.SubscribeSync("codepool.receipts")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(seen.SetPendingLimits(-1, -1), nc.Flush()); err != nil {
			t.Fatal(err)
		}
		cmd, stderr := program(t, "feed", "--nats", server.URL, "--data", data)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for range messages {
			if _, err := seen.NextMsgWithContext(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if life%3 == 2 {
			server.Kill()
			server.Restart()
		}
		if err := cmd.Wait(); err == nil || stderr.Len() > 0 && life%3 != 2 {
			t.Fatalf("life %d: %v, %s", life, err, stderr)
		}
		if err := seen.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			t.Fatal(err)
		}
	}
	cmd, stderr := program(t, "feed", "--nats", server.URL, "--data", data, "--json")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), `"number":`) {
		t.Fatalf("%s, %v, %s", out, err, stderr)
	}
	if got := published(t, js); !slices.Equal(got, want) {
		t.Errorf("the stream has %d receipts, want %d, each once and in order", len(got), len(want))
	}
}

// published returns the numbers of the receipts that the stream has, in its order.
func published(t *testing.T, js jetstream.JetStream) (numbers []uint64) {
	t.Helper()
	c, err := js.OrderedConsumer(t.Context(), "CODEPOOL", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := c.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch, err := c.Fetch(int(info.NumPending))
	if err != nil {
		t.Fatal(err)
	}
	for m := range batch.Messages() {
		var r store.Receipt
		if err := json.Unmarshal(m.Data(), &r); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, r.Number)
	}
	if err := batch.Error(); err != nil {
		t.Fatal(err)
	}
	return numbers
}

// Ctrl-C ends a feed that waits, and one whose server is gone; the cursor is behind what the
// stream has.
func TestFeedInterrupted(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	want := redeemed(t, data, 300)
	server := natstest.Start(t)
	nc := server.Connect(nats.MaxReconnects(-1), nats.ReconnectWait(1e6))
	for _, gone := range []bool{false, true} {
		seen, err := nc.SubscribeSync("codepool.receipts")
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		cmd, stderr := program(t, "feed", "--nats", server.URL, "--data", data, "--create", "--follow")
		if gone {
			redeemMore(t, data)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := seen.NextMsgWithContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if gone {
			server.Kill()
		}
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		err = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(stderr.String(), "the same again: it goes on behind the cursor") {
			t.Fatalf("%v: %s", err, stderr)
		}
	}
	s, err := store.Open(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if at := s.Cursor("nats CODEPOOL codepool.receipts"); at < want[299] {
		t.Errorf("the cursor is at %d, want %d or more", at, want[299])
	}
}

func redeemMore(t *testing.T, data string) {
	t.Helper()
	cmd, stderr := program(t, "mint", "--name", "more", "--count", "10", "--data", data, "-q")
	if err := cmd.Run(); err != nil {
		t.Fatal(err, stderr)
	}
	cmd, stderr = program(t, "issue", "more", "10", "--take", "--user", "ben", "--data", data)
	if out, err := cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	} else if err := cmd.Start(); err != nil {
		t.Fatal(err)
	} else if _, err := io.Copy(io.Discard, out); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err, stderr)
	}
}
