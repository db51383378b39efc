package natsfeed

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"codepool/store"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// duplicates is the window of a stream that is made here. The chain does without it.
const duplicates = 2 * time.Minute

// find looks for the stream, and makes it if that is wanted and there is none.
func (b *bridge) find(ctx context.Context) error {
	_, err := b.js.Stream(ctx, b.Stream)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return b.unanswered(ctx, err)
	}
	if !b.Create {
		return fmt.Errorf("%w: there is no stream %s", ErrStream, b.Stream)
	}
	_, err = b.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: b.Stream, Subjects: []string{b.Subject}, Description: "receipts of codepool",
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		Replicas: 1, Duplicates: duplicates,
	})
	if bad, ok := errors.AsType[*jetstream.APIError](err); ok {
		return fmt.Errorf("%w: make stream %s: %w", ErrStream, b.Stream, bad)
	}
	return b.unanswered(ctx, err)
}

// chain is where the next message belongs.
type chain struct {
	stream  string
	number  uint64 // of the receipt that the last message is of, or that is not wanted again
	subject uint64 // sequence of the last message of our subject, 0 if there is none
	before  string // identity of the message before the next one, "" if this is the first
}

// link returns what the next message says of itself and of the one before it.
func (c *chain) link(identity string) []jetstream.PublishOpt {
	before := jetstream.WithExpectLastMsgID(c.before)
	if c.before == "" {
		before = jetstream.WithExpectLastSequencePerSubject(c.subject)
	}
	c.before = identity
	return []jetstream.PublishOpt{jetstream.WithMsgID(identity), before, jetstream.WithExpectStream(c.stream), jetstream.WithRetryAttempts(0)}
}

// look asks where the stream stands.
func (b *bridge) look(ctx context.Context) (*chain, error) {
	stream, err := b.js.Stream(ctx, b.Stream)
	if err != nil {
		return nil, err
	}
	info := stream.CachedInfo()
	if why := unfit(&info.Config, b.Subject); why != "" {
		return nil, fmt.Errorf("%w: stream %s %s", ErrStream, b.Stream, why)
	}
	cursor := b.s.Cursor(b.Cursor)
	c := &chain{stream: b.Stream, number: cursor}
	last, err := stream.GetLastMsgForSubject(ctx, b.Subject)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		if cursor > 0 && info.State.LastSeq == 0 {
			b.trouble(fmt.Errorf("%w: %s is new, and the cursor is at %d: what is before is not published again", ErrLost, b.Stream, cursor))
		}
		return c, nil
	case err != nil:
		return nil, err
	}
	number, err := b.ours(ctx, last.Header.Get(nats.MsgIdHdr))
	if err != nil {
		return nil, err
	}
	c.subject, c.number = last.Sequence, max(number, b.repeated)
	switch {
	case number > cursor: // published, and the cursor not moved before the end of a Run
		return c, b.advance(ctx, number)
	case info.Config.Retention != jetstream.LimitsPolicy:
		c.number = cursor
	case c.number < cursor:
		b.trouble(fmt.Errorf("%w: %s ends at receipt %d, and the cursor is at %d: what is between is published again", ErrLost, b.Stream, number, cursor))
	}
	return c, nil
}

// identity is what JetStream tells the message of a receipt by. The time tells the receipts of
// two stores apart, and those of one before and after it was restored.
func (b *bridge) identity(r store.Receipt) string {
	return fmt.Sprintf("%s/%d/%d", b.Subject, r.Number, r.At.UnixMicro())
}

// ours returns the number in the identity of the last message, which must be that of a
// receipt of this ledger.
func (b *bridge) ours(ctx context.Context, identity string) (uint64, error) {
	parts := strings.Split(identity, "/")
	foreign := func(why string) error {
		return fmt.Errorf("%w: the last message of %s in stream %s %s", ErrForeign, b.Subject, b.Stream, why)
	}
	if len(parts) != 3 || parts[0] != b.Subject {
		return 0, foreign("is no receipt")
	}
	number, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil || number == 0 {
		return 0, foreign("is no receipt")
	}
	for r, err := range b.s.Receipts(ctx, number-1) {
		if err != nil {
			return 0, err
		}
		if b.identity(r) == identity {
			return number, nil
		}
		break
	}
	return 0, foreign(fmt.Sprintf("is receipt %d of another store, or of this one before it was restored", number))
}

// unfit says why a stream cannot be used.
func unfit(c *jetstream.StreamConfig, subject string) string {
	taken := false
	for _, s := range c.Subjects {
		taken = taken || covers(s, subject)
	}
	switch {
	case !taken:
		return fmt.Sprintf("does not take subject %s: it takes %s", subject, strings.Join(c.Subjects, ", "))
	case c.NoAck:
		return "acknowledges nothing (no_ack)"
	case c.Sealed:
		return "is sealed"
	case c.SubjectTransform != nil:
		return "renames subjects (subject_transform)"
	case c.AllowMsgCounter:
		return "holds counters"
	}
	return ""
}

// covers reports whether a subject is among those of a pattern: * is one part, > the rest.
func covers(pattern, subject string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, part := range want {
		switch {
		case part == ">":
			return len(have) > i
		case i >= len(have) || part != "*" && part != have[i]:
			return false
		}
	}
	return len(want) == len(have)
}
