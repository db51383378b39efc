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

// mint makes n codes and passes them to add, MintBatch a call, from MintCallers goroutines.
func mint(ctx context.Context, n int, add func(ctx context.Context, codes []string) error) error {
	errs := make([]error, peer.MintCallers)
	var wg sync.WaitGroup
	for c := range errs {
		share := n / peer.MintCallers
		if c < n%peer.MintCallers {
			share++
		}
		wg.Go(func() { errs[c] = mintShare(ctx, share, add) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func mintShare(ctx context.Context, n int, add func(context.Context, []string) error) error {
	g, err := gen.NewGenerator(gen.DefaultFormat())
	if err != nil {
		return err
	}
	var text []byte
	for n > 0 {
		codes := make([]string, min(n, peer.MintBatch))
		for i := range codes {
			if text, err = g.AppendCode(text[:0]); err != nil {
				return err
			}
			codes[i] = string(text)
		}
		if err := add(ctx, codes); err != nil {
			return err
		}
		n -= len(codes)
	}
	return nil
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
