package natsfeed

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"codepool/store"

	"github.com/nats-io/nats.go"
)

// Dial connects to a NATS server, or to one of several with commas between their URLs
// (nats://, tls://, ws:// or wss://, with a user and a password, or a token, if it asks for them), with
// the credentials of a file, if one is named. The connection is restored for ever, and does
// not keep what is published without it. Errors show no user and no password.
//
// Run takes any other connection too.
func Dial(urls, creds string) (*nats.Conn, error) {
	shown, err := Place(urls)
	if err != nil {
		return nil, err
	}
	options := []nats.Option{
		nats.Name("codepool feed"),
		nats.Timeout(dialWait),
		nats.PingInterval(pingEvery),
		nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(backoff),
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // LastError has it
	}
	if creds != "" {
		if _, err := os.ReadFile(creds); err != nil {
			return nil, fmt.Errorf("credentials: %w", err)
		}
		options = append(options, nats.UserCredentials(creds))
	}
	nc, err := nats.Connect(urls, options...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrConnect, shown, err)
	}
	return nc, nil
}

const (
	dialWait  = 5 * time.Second
	pingEvery = 20 * time.Second // two without an answer end a connection

	firstWait = 20 * time.Millisecond
	lastWait  = 5 * time.Second
)

// backoff is how long to wait after so many vain tries.
func backoff(tries int) time.Duration {
	wait := min(firstWait<<min(tries, 16), lastWait)
	return wait/2 + rand.N(wait/2) // not all at once, after a server's restart
}

// Place returns what may be shown of URLs: servers and ports.
func Place(urls string) (string, error) {
	var places []string
	named := strings.Contains(urls, "@") // then each must be: a comma may be part of a password
	for text := range strings.SplitSeq(urls, ",") {
		text = strings.TrimSpace(text)
		if text != "" && !strings.Contains(text, "://") {
			text = "nats://" + text
		}
		u, err := url.Parse(text)
		if err != nil || !slices.Contains(schemes, u.Scheme) || u.Hostname() == "" || (u.User == nil) == named ||
			strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return "", errURL // without the text, which may be a password in part
		}
		places = append(places, u.Host)
	}
	return strings.Join(places, ", "), nil
}

var schemes = []string{"nats", "tls", "ws", "wss"}

var errURL = fmt.Errorf("%w: that is no URL of a NATS server: write nats://HOST:PORT or tls://USER:PASSWORD@HOST:PORT, in a password %%2F for /, %%2C for a comma and so on", store.ErrInvalid)
