//go:build !race

package server

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"codepool/bench/peer"
	"codepool/gen"
)

// RefusedError is the error of a call in which codes could not be redeemed. The others
// were.
type RefusedError struct{ Codes []string }

// Error returns how many there are, and the first.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%d codes refused, the first is %q", len(e.Codes), e.Codes[0])
}

// refuse returns a RefusedError, or nil for no codes.
func refuse(codes []string) error {
	if len(codes) == 0 {
		return nil
	}
	return &RefusedError{codes}
}

// countRefused is the answer of peer.Refuser to a redemption of n codes.
func countRefused(n int, err error) (int, error) {
	if err == nil {
		return 0, errors.New("codes that do not exist were redeemed")
	}
	var r *RefusedError
	if !errors.As(err, &r) {
		return 0, err
	}
	if len(r.Codes) < n {
		return len(r.Codes), errors.New("some codes that do not exist were redeemed")
	}
	return n, nil
}

// mint calls add from MintCallers goroutines, each with its share of n codes and a source
// of its own.
func mint(n int, add func(n int, s *source) error) error {
	errs := make([]error, peer.MintCallers)
	var wg sync.WaitGroup
	for c := range errs {
		share := n / peer.MintCallers
		if c < n%peer.MintCallers {
			share++
		}
		wg.Go(func() {
			g, err := gen.NewGenerator(gen.DefaultFormat())
			if err == nil {
				err = add(share, &source{g: g})
			}
			errs[c] = err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// source makes random codes. It is not safe for concurrent use.
type source struct {
	g    *gen.Generator
	text []byte
}

func (s *source) next() (code string, err error) {
	s.text, err = s.g.AppendCode(s.text[:0])
	return string(s.text), err
}

// handOut draws k codes, MintBatch a call.
func handOut(ctx context.Context, d peer.Drawer, k int, each func(string)) error {
	var codes []string
	for k > 0 {
		var err error
		if codes, err = d.Draw(ctx, min(k, peer.MintBatch), codes[:0]); err != nil {
			return err
		}
		for _, code := range codes {
			each(code)
		}
		k -= len(codes)
	}
	return nil
}
