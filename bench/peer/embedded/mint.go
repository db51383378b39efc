package embedded

import (
	"context"
	"errors"
	"slices"

	"codepool/gen"
)

// errRefused is returned for a code that is not there to be redeemed.
var errRefused = errors.New("the code is unknown or redeemed")

// sortedCodes returns n different random codes in key order: all of these engines ask
// for bulk loads in that order, as each page is then written once.
func sortedCodes(ctx context.Context, n int) ([]string, error) {
	g, err := gen.NewGenerator(gen.DefaultFormat())
	if err != nil {
		return nil, err
	}
	const look = 1 << 16 // codes between two looks at ctx
	codes := make([]string, 0, n)
	var buf []byte
	for len(codes) < n {
		for len(codes) < n {
			if len(codes)%look == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if buf, err = g.AppendCode(buf[:0]); err != nil {
				return nil, err
			}
			codes = append(codes, string(buf))
		}
		slices.Sort(codes)
		codes = slices.Compact(codes)
	}
	return codes, nil
}
