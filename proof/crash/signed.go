package crash

import (
	"context"
	"errors"
	"slices"
	"strings"

	"codepool/gen"
	"codepool/store"
)

// Some workers draw from signed batches, whose codes are computed and not stored: they live
// as all others do, and the auditor judges them as all others (audit.go). Texts that were
// never signed are refused before and after the crash, and so is what lies beyond a batch.

// signKeys are the keys of a store. Which is the first, with which new batches are signed,
// changes from one opening to the next.
func signKeys(second bool) []gen.SignKey {
	keys := []gen.SignKey{
		{ID: 1, Secret: []byte("the first secret of the crash proofs")},
		{ID: 2, Secret: []byte("the second secret of the crash proofs")},
	}
	if second {
		slices.Reverse(keys)
	}
	return keys
}

// isSigned tells a code of a signed batch from one of the pool, in canonical form.
func isSigned(code string) bool { return len(code) == gen.DefaultLayout().Length }

// forged is a code with another character at a place. By chance it passes once in 2^33.
func forged(code string, at int) string {
	other := "0"
	if at %= len(code); code[at] == '0' {
		other = "1"
	}
	return code[:at] + other + code[at+1:]
}

// forge asks for codes that nobody has signed, and reports whether the worker should go on.
func (c *child) forge(ctx context.Context, way int, codes []string) bool {
	if len(codes) == 0 {
		return true
	}
	code := forged(canon(codes[0]), way)
	before := c.failed.Load()
	err := redeemSomehow(ctx, c.s, way, []store.Redemption{{Code: code, User: "forger"}})[0].Err
	if !isRefusedAsForged(err) {
		return c.fails("redeem forged "+code, err, before)
	}
	return true
}

func isRefusedAsForged(err error) bool {
	return errors.Is(err, store.ErrForged) && errors.Is(err, store.ErrUnknownCode)
}

// auditForged judges that texts like a signed code are refused after the crash.
func (a *auditor) auditForged(ctx context.Context, s *store.Store) {
	for _, b := range s.Batches() {
		if b.Signed != (gen.Layout{}) {
			a.auditBeyond(ctx, s, b)
		}
	}
	left := keysChecked
	for code := range a.fresh {
		if !isSigned(code) {
			continue
		}
		for _, text := range []string{forged(code, left), strings.ToLower(forged(code, left+1))} {
			_, err := s.Redeem(ctx, store.Redemption{Code: text, User: "forger"})
			_, err2 := s.Lookup(ctx, "", text)
			if !isRefusedAsForged(err) || !isRefusedAsForged(err2) {
				a.wrong("%s was never signed; redeemed: %v, looked up: %v", text, err, err2)
			}
		}
		if left--; left < 0 {
			return
		}
	}
}

// auditBeyond judges that the first code behind a signed batch is refused.
func (a *auditor) auditBeyond(ctx context.Context, s *store.Store, b store.BatchInfo) {
	keys := signKeys(false)
	i := slices.IndexFunc(keys, func(k gen.SignKey) bool { return k.ID == b.SignedBy.ID })
	if i < 0 {
		a.wrong("batch %s is signed by %+v", b.Name, b.SignedBy)
		return
	}
	signer, err := gen.NewSigner(b.Signed, keys[i])
	if err != nil {
		a.wrong("%v", err)
		return
	}
	text, err := signer.Append(nil, uint32(b.ID), uint64(b.Count))
	if err == nil {
		_, err = s.Redeem(ctx, store.Redemption{Code: string(text)})
	}
	if !errors.Is(err, store.ErrBeyondBatch) || !errors.Is(err, store.ErrUnknownCode) {
		a.wrong("a code behind the %d of batch %s says %v", b.Count, b.Name, err)
	}
}
