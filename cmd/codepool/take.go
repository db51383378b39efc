package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"

	"codepool/gen"
	"codepool/store"
)

// take draws codes and redeems them in one step.
func (a *app) take(ctx context.Context, s *store.Store, b store.BatchInfo, n int, user string, d store.Draw) error {
	doing := fmt.Sprintf("take %s of %s", plural(n, "code"), b.Name)
	receipts, err := s.Take(ctx, b.ID, n, user, d)
	if err != nil {
		f := &failure{doing: doing, err: err, batch: b.Name, user: user, try: tryDraw(err)}
		return interruptedAs(ctx, f, "the same with the same --key: it gives the receipts, if the codes were taken")
	}
	for i := range receipts {
		if b.Reusable { // it goes back to stock, where nobody is to know it
			receipts[i].Code = gen.Mask(receipts[i].Code)
		}
	}
	err = a.show(struct {
		Batch    string          `json:"batch"`
		Ref      string          `json:"ref,omitempty"`
		User     string          `json:"user,omitempty"`
		Key      string          `json:"key,omitempty"`
		Receipts []store.Receipt `json:"receipts"`
	}{b.Name, d.Ref, user, d.Key, receipts}, func(w io.Writer) {
		t := newTable(">number", "at", "code", "batch", "user", "reward")
		for _, r := range receipts {
			t.row(strconv.FormatUint(r.Number, 10), instantText(r.At), r.Code, b.Name, r.User, r.Reward)
		}
		t.write(w)
	})
	if err = cmp.Or(err, a.out.Flush()); err == nil {
		return nil
	}
	f := &failure{doing: doing + ": they are redeemed, but the receipts could not be written", err: err,
		try: fmt.Sprintf("codepool receipts --after %d --limit %d", receipts[0].Number-1, n)}
	if d.Key != "" {
		f.try = "the same with --key " + shellQuote(d.Key) + ": it gives these receipts"
	}
	return f
}
