package store

import (
	"context"
	"io"
)

// steadyReader ends with the context, and does not wait for ever for a reader that
// returns neither bytes nor an error, which io.ReadFull would.
type steadyReader struct {
	ctx context.Context
	r   io.Reader
}

// maxIdleReads is as many as bufio allows.
const maxIdleReads = 100

func (s *steadyReader) Read(p []byte) (int, error) {
	for range maxIdleReads {
		if s.ctx.Err() != nil {
			return 0, context.Cause(s.ctx)
		}
		if n, err := s.r.Read(p); n != 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}
