package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"codepool/gen"
	"codepool/store"
)

const (
	mintedAForged = 5    // one code is forged for so many minted ones
	forgedAtOnce  = 1000 // in a call
)

// forge tries codes that were never made: random ones, real ones with one character
// changed, and junk.
func (d *demo) forge(ctx context.Context) error {
	forged, err := d.forgeries(int(d.r.Minted) / mintedAForged)
	if err != nil {
		return err
	}
	var refused int64
	took, err := d.step("forged codes", int64(len(forged)), nil, func() (string, error) {
		for part := range slices.Chunk(forged, forgedAtOnce) {
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			for i, res := range d.s.RedeemAll(ctx, part) {
				if errors.Is(res.Err, store.ErrUnknownCode) {
					refused++
				} else {
					d.broke("forged code %q answered %v", part[i].Code, res.Err)
				}
			}
		}
		return many(refused) + " tried and refused", nil
	})
	d.r.ForgedRefused, d.r.Rates.Forged = refused, rate(int64(len(forged)), took)
	return err
}

func (d *demo) forgeries(n int) ([]store.Redemption, error) {
	g, err := gen.NewGenerator(d.batch.Format)
	if err != nil {
		return nil, err
	}
	junk := []string{"", "-", "   ", "WIN-A-PRIZE!", "' OR 1=1 --", "\xff\xfe", strings.Repeat("7", 65), "７ＫＱＦ２Ｍ９Ｘ"}
	forged := make([]store.Redemption, 0, n)
	for i := range n {
		var code []byte
		switch {
		case i < len(junk):
			code = []byte(junk[i])
		case i%2 == 0:
			if code, err = g.AppendCode(nil); err != nil {
				return nil, err
			}
			code = d.batch.Format.AppendPrinted(nil, code)
		default:
			code = d.misread()
		}
		forged = append(forged, store.Redemption{Code: string(code), User: "forger"})
	}
	return forged, nil
}

// misread returns a real code with one character changed for another one.
func (d *demo) misread() []byte {
	alphabet := d.batch.Format.Class.Alphabet()
	for {
		code := []byte(d.ledger.codes[d.rnd.IntN(len(d.ledger.codes))])
		i := d.rnd.IntN(len(code))
		c := alphabet[d.rnd.IntN(len(alphabet))]
		if code[i] == '-' || code[i] == c {
			continue
		}
		code[i] = c
		if !d.ledger.knows(code, d.batch.Format.Class.Fold()) {
			return code
		}
	}
}
