package natsfeed_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"codepool/cmd/codepool/internal/natstest"
	"codepool/cmd/codepool/natsfeed"
	"codepool/store"
	"codepool/store/storetest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A Config that cannot be is refused before anybody is asked.
func TestBadConfig(t *testing.T) {
	for what, change := range map[string]func(*natsfeed.Config){
		"no stream":           func(c *natsfeed.Config) { c.Stream = "" },
		"a stream with a dot": func(c *natsfeed.Config) { c.Stream = "a.b" },
		"a blank":             func(c *natsfeed.Config) { c.Stream = "a b" },
		"a star":              func(c *natsfeed.Config) { c.Stream = "*" },
		"a slash":             func(c *natsfeed.Config) { c.Stream = "a/b" },
		"a long stream":       func(c *natsfeed.Config) { c.Stream = strings.Repeat("x", 256) },
		"no subject":          func(c *natsfeed.Config) { c.Subject = "" },
		"a wildcard":          func(c *natsfeed.Config) { c.Subject = "codepool.*" },
		"all below":           func(c *natsfeed.Config) { c.Subject = "codepool.>" },
		"an empty part":       func(c *natsfeed.Config) { c.Subject = "codepool..x" },
		"an empty begin":      func(c *natsfeed.Config) { c.Subject = ".x" },
		"an empty end":        func(c *natsfeed.Config) { c.Subject = "x." },
		"the server's":        func(c *natsfeed.Config) { c.Subject = "$JS.x" },
		"a tab":               func(c *natsfeed.Config) { c.Subject = "a\tb" },
		"a slash in between":  func(c *natsfeed.Config) { c.Subject = "a/b" },
		"a limit below 0":     func(c *natsfeed.Config) { c.Limit = -1 },
	} {
		c := config()
		change(&c)
		if err := c.Check(); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
		if err := natsfeed.Run(t.Context(), nil, nil, c); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s, run: %v", what, err)
		}
	}
	c := natsfeed.Config{Limit: -1}
	if err := c.Check(); strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all that is wrong is told: %v", err)
	}
}

// What is shown of a URL is never a user, a password or a token.
func TestPlace(t *testing.T) {
	for url, want := range map[string]string{
		"nats://127.0.0.1:4222": "127.0.0.1:4222", "127.0.0.1:4222": "127.0.0.1:4222", "localhost": "localhost", "tls://ann:secret@h:1": "h:1",
		"nats://secret@h": "h", "nats://a:1, tls://b:2/": "a:1, b:2", "ws://u:secret@a,wss://u:secret@b": "a, b", "nats://ann:secret@[::1]:4222": "[::1]:4222",
	} {
		if got, err := natsfeed.Place(url); err != nil || got != want {
			t.Errorf("%s: %q, %v", url, got, err)
		}
	}
	for _, url := range []string{
		"", ",", "nats://", "nats://:4222", "http://ann:secret@h", "nats://ann:secret/x@h", "nats://ann:12/secret@h", "nats://ann:secret@h:port", "nats://ann:se cret@h", "nats://h/secret", "nats://h?secret",
		"nats://ann:7,secret@h", "nats://h#secret", "secret://h", "%zz",
	} {
		nc, err := natsfeed.Dial(url, "")
		if nc != nil || !errors.Is(err, store.ErrInvalid) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "7") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// Who cannot connect is told at once, and why, without the password.
func TestDial(t *testing.T) {
	server := natstest.Start(t, "--user", "ann", "--pass", "right")
	host := strings.TrimPrefix(server.URL, "nats://")
	garbage := filepath.Join(t.TempDir(), "garbage.creds")
	if err := os.WriteFile(garbage, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		url, creds string
		want       error
		says       string
	}{
		"a wrong password": {"nats://ann:secret@" + host, "", nats.ErrAuthorization, host},
		"a token":          {"nats://secret@" + host, "", nats.ErrAuthorization, host},
		"nobody":           {server.URL, "", nats.ErrAuthorization, host},
		"TLS":              {"tls://ann:secret@" + host, "", natsfeed.ErrConnect, "secure"},
		"no server":        {"nats://ann:secret@127.0.0.1:1", "", nats.ErrNoServers, "127.0.0.1:1"},
		"no file":          {server.URL, "nofile.creds", fs.ErrNotExist, "credentials"},
		"no credentials":   {server.URL, garbage, natsfeed.ErrConnect, ""},
	} {
		nc, err := natsfeed.Dial(c.url, c.creds)
		if nc != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", what, err)
		}
	}
	nc, err := natsfeed.Dial("nats://ann:right@"+host, "")
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

// A stream that cannot take receipts is refused, and nothing has changed.
func TestUnfit(t *testing.T) {
	w := newWorld(t)
	w.redeem(10)
	cfg := config()
	cfg.Create = false
	w.mustFail(w.run(cfg), natsfeed.ErrStream) // there is none
	for what, c := range map[string]jetstream.StreamConfig{
		"another subject": {Subjects: []string{"codepool", "codepool.*.x", "codepool.receipt", "codepool.receipts.x.>", "other.>"}},
		"no answers":      {NoAck: true},
		"sealed":          {Sealed: true},
		"renaming":        {SubjectTransform: &jetstream.SubjectTransformConfig{Source: ">", Destination: "x.>"}},
		"counters":        {AllowMsgCounter: true},
	} {
		c.Name = strings.ReplaceAll(what, " ", "_")
		sealed := c.Sealed
		c.Sealed = false // none is made so
		c = w.make(c).CachedInfo().Config
		if c.Sealed = sealed; sealed {
			if _, err := w.js().UpdateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		cfg := config()
		cfg.Stream = c.Name
		t.Log(what)
		w.mustFail(w.run(cfg), natsfeed.ErrStream)
		if err := w.js().DeleteStream(t.Context(), c.Name); err != nil {
			t.Fatal(err)
		}
	}
	w.make(jetstream.StreamConfig{Name: "OTHER"})
	w.mustFail(w.run(config()), natsfeed.ErrStream) // the subject is OTHER's
	w.make(jetstream.StreamConfig{Name: "SMALL", Subjects: []string{"small"}, MaxMsgSize: 10})
	cfg.Stream, cfg.Subject = "SMALL", "small"
	w.mustFail(w.run(cfg), natsfeed.ErrRefused)

	plain := natstest.Start(t, "-c", configFile(t, `accounts { PLAIN { users: [{ user: ann, password: a }] } }`))
	nc := plain.Connect(nats.UserInfo("ann", "a"))
	w.mustFail(natsfeed.Run(t.Context(), w.s, nc, config()), natsfeed.ErrStream)
	nc.Close()
	w.mustFail(natsfeed.Run(t.Context(), w.s, nc, config()), natsfeed.ErrConnect)
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What the server forbids it answers with silence: that is not waited for.
func TestForbidden(t *testing.T) {
	w := newWorld(t, "-c", configFile(t, `authorization { users: [
		{ user: all, password: a }
		{ user: ann, password: a, permissions: { publish: { deny: "codepool.>" } } }
		{ user: ben, password: b, permissions: { publish: { deny: "$JS.>" } } }
	] }`))
	w.redeem(10)
	host := strings.TrimPrefix(w.server.URL, "nats://")
	cfg := config()
	cfg.AnswerWait = 200 * time.Millisecond
	for _, user := range []string{"ann:a@", "ben:b@"} {
		nc, err := natsfeed.Dial("nats://"+user+host, "")
		if err != nil {
			t.Fatal(err)
		}
		w.mustFail(natsfeed.Run(t.Context(), w.s, nc, cfg), natsfeed.ErrRefused)
		nc.Close()
	}
}

// A subject that ends with something else than our receipts is not published to.
func TestForeign(t *testing.T) {
	w := newWorld(t)
	w.redeem(10)
	w.mustRun(config())
	var copied bytes.Buffer
	if _, err := w.s.Backup(t.Context(), &copied); err != nil {
		t.Fatal(err)
	}
	before := w.ledger()
	w.redeem(5)
	w.mustRun(config())

	// Another store.
	other := &world{T: t, s: storetest.Open(t), server: w.server}
	b, err := other.s.Mint(t.Context(), store.Batch{Name: "b", Count: 100})
	if err != nil {
		t.Fatal(err)
	}
	other.batch = b.ID
	other.redeem(50)
	other.mustFail(other.run(config()), natsfeed.ErrForeign)

	// This one, restored from a backup, before and after it has gone on.
	dir := filepath.Join(t.TempDir(), "restored")
	if _, err := store.Restore(t.Context(), dir, &copied); err != nil {
		t.Fatal(err)
	}
	restored := &world{T: t, s: storetest.OpenAt(t, dir), server: w.server, batch: w.batch, taken: 100}
	at := restored.s.Cursors()
	for range 2 {
		if err := restored.run(config()); !errors.Is(err, natsfeed.ErrForeign) {
			t.Errorf("a restored store publishes: %v", err)
		}
		restored.redeem(50)
	}
	if now := restored.s.Cursors(); len(at) != 1 || now[natsfeed.CursorFor(stream, subject)] != before[9].Number {
		t.Errorf("cursors %v", now)
	}

	// Anything.
	for _, id := range []string{"", "x", "codepool.receipts/3", "codepool.receipts/0/1", "codepool.receipts/x/1", "codepool.receipts/99999999/1", "other/3/1"} {
		if _, err := w.js().Publish(t.Context(), subject, nil, jetstream.WithMsgID(id)); err != nil {
			t.Fatal(err)
		}
		if err := w.run(config()); !errors.Is(err, natsfeed.ErrForeign) {
			t.Errorf("behind %q: %v", id, err)
		}
	}
	if n := len(w.held(subject)); n != 15+7 {
		t.Errorf("%d messages", n)
	}
}
