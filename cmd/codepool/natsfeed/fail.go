package natsfeed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// passing are the errors of a connection or a server that can be better in a moment.
var passing = []error{
	nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, nats.ErrStaleConnection,
	jetstream.ErrNoStreamResponse, jetstream.ErrAsyncPublishTimeout, jetstream.ErrJetStreamNotEnabled, jetstream.ErrTooManyStalledMsgs,
	context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF,
}

// passes reports whether it makes sense to try again.
func (b *bridge) passes(err error) bool {
	if b.nc.IsClosed() || b.forbidden() != nil {
		return false
	}
	if broken(err) {
		return true
	}
	if no, ok := errors.AsType[*jetstream.APIError](err); ok {
		return !final(no)
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return slices.ContainsFunc(passing, func(kind error) bool { return errors.Is(err, kind) })
}

// final reports whether the server will give the same answer again. Its codes are those of
// HTTP: 408 and above are no time, no room, no leader.
func final(no *jetstream.APIError) bool { return no.Code >= 400 && no.Code <= 404 }

// wrongLastMsgID is what the client library has no name for.
const wrongLastMsgID jetstream.ErrorCode = 10070

// broken reports whether a message was refused since the one before it is another.
func broken(err error) bool {
	no, ok := errors.AsType[*jetstream.APIError](err)
	return ok && slices.Contains([]jetstream.ErrorCode{
		wrongLastMsgID, jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant,
	}, no.ErrorCode)
}

// forbidden is what the server said if we may not do what we do. It answers to that with
// silence.
func (b *bridge) forbidden() error {
	err := b.nc.LastError()
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return nil
	}
	for _, ours := range []string{b.Subject, "$JS.API", "_INBOX"} {
		if strings.Contains(err.Error(), `"`+ours) {
			return err
		}
	}
	return nil // the host's own
}

// failure gives an error that ends a Run its kind.
func (b *bridge) failure(ctx context.Context, err error) error {
	no, refused := errors.AsType[*jetstream.APIError](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)) || b.passes(err)):
		return context.Cause(ctx)
	case b.forbidden() != nil:
		return fmt.Errorf("%w: %w", ErrRefused, b.forbidden())
	case b.nc.IsClosed():
		return fmt.Errorf("%w: it was closed: %w", ErrConnect, cmp.Or(b.nc.LastError(), err))
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("%w: there is no stream %s", ErrStream, b.Stream)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("%w: the server has no streams: %w", ErrStream, err)
	case errors.Is(err, nats.ErrMaxPayload), refused && final(no):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// unanswered gives an error about what is asked first its kind: nothing is waited for then.
func (b *bridge) unanswered(ctx context.Context, err error) error {
	if got := b.failure(ctx, err); got != err || err == nil {
		return got
	}
	return fmt.Errorf("%w: stream %s: %w", ErrConnect, b.Stream, err)
}
