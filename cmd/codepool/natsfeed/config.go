package natsfeed

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"codepool/store"
)

// The errors of this package; test for them with errors.Is. Those of the store come as they
// are, store.ErrInvalid for a Config that cannot be.
var (
	// ErrConnect is returned when there is no connection to a server and none will come:
	// nobody answers the first time, or it lets us in no more.
	ErrConnect = errors.New("no connection to a NATS server")
	// ErrStream is returned when the stream is missing or cannot take receipts.
	ErrStream = errors.New("the stream does not fit")
	// ErrRefused is returned when the server will not store a receipt, however often it is tried.
	ErrRefused = errors.New("the server refuses a receipt")
	// ErrForeign is returned when the subject ends with something else than a receipt of this
	// ledger: it is another store's, or the store was restored from a backup since.
	ErrForeign = errors.New("the subject is not of this ledger")
	// ErrLost is told as a Trouble when the stream does not have what its server had stored.
	ErrLost = errors.New("the stream has lost messages")
)

// Config says what is published where.
type Config struct {
	// Stream that takes Subject; Create makes it if there is none: in a file, for ever,
	// one replica.
	Stream string
	Create bool
	// Subject of the messages, without wildcards. It is of this store alone.
	Subject string
	// Cursor of the store behind which it begins, and which it moves; "" is that of
	// CursorFor. Each stream needs a cursor of its own.
	Cursor string
	// Follow waits for further receipts until the context ends.
	Follow bool
	// Limit is how many receipts are published at most; 0 is all.
	Limit int64

	// AnswerWait is how long the server has for an answer before it is asked again, 5 seconds by
	// default.
	AnswerWait time.Duration

	// Progress is called when the cursor has moved, Trouble when publishing stops, with why,
	// and with nil when it goes on. Both may be nil, and must not block: nothing is published
	// meanwhile. They are called by the goroutine that called Run.
	Progress func(Progress)
	Trouble  func(error)
}

// Progress is how far a Run has come.
type Progress struct {
	Published int64  `json:"published"` // receipts that were acknowledged, since it began
	Number    uint64 `json:"number"`    // up to this one the stream has all
}

// CursorFor names the cursor of a subject of a stream.
func CursorFor(stream, subject string) string { return "nats " + stream + " " + subject }

// withDefaults fills in what may be left out.
func (c Config) withDefaults() Config {
	if c.Cursor == "" {
		c.Cursor = CursorFor(c.Stream, c.Subject)
	}
	if c.AnswerWait <= 0 {
		c.AnswerWait = 5 * time.Second
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	if c.Trouble == nil {
		c.Trouble = func(error) {}
	}
	return c
}

// Check returns store.ErrInvalid with all that is wrong, before anybody is asked.
func (c Config) Check() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{store.ErrInvalid}, args...)...))
	}
	if why := badName(c.Stream); why != "" {
		wrong("stream %.80q %s", c.Stream, why)
	} else if strings.ContainsRune(c.Stream, '.') {
		wrong("stream %.80q has a dot: that is for subjects", c.Stream)
	}
	if why := badName(c.Subject); why != "" {
		wrong("subject %.80q %s", c.Subject, why)
	} else if c.Subject[0] == '.' || c.Subject[len(c.Subject)-1] == '.' || strings.Contains(c.Subject, "..") {
		wrong("subject %.80q has an empty part", c.Subject)
	} else if c.Subject[0] == '$' {
		wrong("subject %.80q is the server's: one that begins with $ is", c.Subject)
	}
	if c.Limit < 0 {
		wrong("limit %d is below 0", c.Limit)
	}
	return errors.Join(errs...)
}

// maxName is the longest name of a stream and, here, of a subject: it is in each identity.
const maxName = 255

// badName says why a text can be neither a stream nor a subject.
func badName(text string) string {
	switch {
	case text == "":
		return "is empty"
	case len(text) > maxName:
		return fmt.Sprintf("has %d bytes: at most %d are allowed", len(text), maxName)
	case strings.ContainsAny(text, "*>"):
		return "has a wildcard: name one"
	case strings.ContainsFunc(text, func(r rune) bool { return r == '/' || r == '\\' || unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		return "has a blank, a slash or a character that nobody sees"
	}
	return ""
}
