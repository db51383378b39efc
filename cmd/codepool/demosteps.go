package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"codepool/gen"
	"codepool/store"
)

// soldCSV is what a shop might send: codes that are with their owners already, some
// of them listed twice.
//
//go:embed sample/sold.csv
var soldCSV []byte

const (
	issuedShare   = 0.92 // of the minted codes
	codesAPlayer  = 16   // in one draw
	drawers       = 256  // goroutines that draw, each waiting for its answer
	repeatedDraws = 100  // every so many draws are repeated with the same key
)

func (d *demo) open(context.Context) error {
	took, err := d.step("open", 0, nil, func() (_ string, err error) {
		d.s, err = store.Open(d.dir, d.a.options())
		return "a new store", err
	})
	d.r.OpenSeconds = took.Seconds()
	return err
}

func (d *demo) mint(ctx context.Context) error {
	b := store.Batch{
		Name: "launch", Kind: "membership", KindNo: "SVIP", Reward: "svip:30d", Count: int64(d.o.count),
		Remark: "codes of the demo",
	}
	took, err := d.step("mint", b.Count, func() int64 { return minted(d.s, b.Name) }, func() (_ string, err error) {
		d.batch, err = d.s.Mint(ctx, b)
		return plural(b.Count, "code"), err
	})
	if err != nil {
		return err
	}
	d.r.Minted = d.batch.Counts.Minted
	d.r.Rates.Mint = rate(d.r.Minted, took)
	if d.r.Minted != b.Count {
		d.broke("minted %d codes of %d", d.r.Minted, b.Count)
	}
	return nil
}

// importSold takes in the sample and twice tells the store what it knows already.
func (d *demo) importSold(ctx context.Context) error {
	b := store.Batch{Name: "sold", Kind: "gift card", Reward: "as printed on the card"}
	o := store.ImportOptions{HandedOut: true, Ref: "shops"}
	first := store.ImportReport{}
	_, err := d.step("import", 0, nil, func() (_ string, err error) {
		if first, err = d.s.Import(ctx, b, bytes.NewReader(soldCSV), o); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s from a file of %s, %s twice", plural(first.Added, "code"),
			plural(first.Lines, "line"), many(first.DuplicateInFile)), nil
	})
	if err != nil {
		return err
	}
	again, err := d.s.Import(ctx, b, bytes.NewReader(soldCSV), o)
	if err != nil {
		return fmt.Errorf("import again: %w", err)
	}
	if again.Added != 0 || again.AlreadyImported != first.Added {
		d.broke("the same import again added %d codes and knew %d of %d", again.Added, again.AlreadyImported, first.Added)
	}
	d.r.Imported, d.r.ImportDuplicates = first.Added, first.DuplicateInFile
	return nil
}

// sold returns the codes of the sample, each once, as text and in canonical form.
func sold() (codes, canon []string, err error) {
	rows, err := csv.NewReader(bytes.NewReader(soldCSV)).ReadAll()
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		c, err := gen.AppendCanonical(nil, row[0], gen.Upper)
		if err != nil {
			return nil, nil, err
		}
		if !seen[string(c)] {
			seen[string(c)] = true
			codes, canon = append(codes, row[0]), append(canon, string(c))
		}
	}
	return codes, canon, nil
}

// issue lets many players draw at the same time. Some repeat their draw, as if the
// answer had been lost, and must get the same codes.
func (d *demo) issue(ctx context.Context) error {
	draws := int64(float64(d.r.Minted) * issuedShare / codesAPlayer)
	drawn := make([][]string, draws)
	var next, repeated atomic.Int64
	took, err := d.step("issue", draws*codesAPlayer, func() int64 { return next.Load() * codesAPlayer }, func() (string, error) {
		err := crew(ctx, drawers, func(ctx context.Context, _ int) error {
			for i := next.Add(1) - 1; i < draws && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := d.draw(ctx, i, drawn, &repeated); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
		return fmt.Sprintf("%s to %s", plural(draws*codesAPlayer, "code"), plural(draws, "player")), err
	})
	if err != nil {
		return err
	}
	d.r.Players, d.r.RepeatedDraws, d.r.Issued = draws, repeated.Load(), draws*codesAPlayer
	d.r.Rates.Issue = rate(d.r.Issued, took)
	if err := d.overdraw(ctx); err != nil {
		return err
	}
	return d.keepScore(drawn)
}

func (d *demo) draw(ctx context.Context, i int64, drawn [][]string, repeated *atomic.Int64) error {
	to := store.To(fmt.Sprintf("player-%06d", i))
	if i%repeatedDraws == 0 {
		to = to.Once(fmt.Sprintf("draw-%d", i))
	}
	codes, err := d.s.Issue(ctx, d.batch.ID, codesAPlayer, to)
	if err != nil {
		return err
	}
	drawn[i] = codes
	if to.Key == "" {
		return nil
	}
	again, err := d.s.Issue(ctx, d.batch.ID, codesAPlayer, to)
	if err != nil {
		return err
	}
	if repeated.Add(1); !slices.Equal(slices.Sorted(slices.Values(codes)), slices.Sorted(slices.Values(again))) {
		d.broke("draw %d repeated with the same key gave other codes", i)
	}
	return nil
}

// overdraw asks for one code more than is in stock; nothing may change.
func (d *demo) overdraw(ctx context.Context) error {
	b, err := d.s.Batch(d.batch.ID)
	if err != nil || b.Counts.Available >= store.MaxIssue {
		return err
	}
	if _, err := d.s.Issue(ctx, b.ID, int(b.Counts.Available)+1, store.To("greedy")); !errors.Is(err, store.ErrEmpty) {
		d.broke("drawing more than the stock answered %v", err)
	}
	return nil
}

// keepScore sets up the score of all codes that are in somebody's hands, and sees
// whether one was drawn twice.
func (d *demo) keepScore(drawn [][]string) error {
	codes, canon, err := sold()
	if err != nil {
		return err
	}
	d.ledger = newScore(int(d.r.Issued) + len(codes))
	for i := range codes {
		d.ledger.add(codes[i], canon[i])
	}
	var buf [gen.MaxCode]byte
	for _, codes := range drawn {
		for _, code := range codes {
			c, err := gen.AppendCanonical(buf[:0], code, d.batch.Format.Class.Fold())
			if err != nil {
				return fmt.Errorf("code %s: %w", gen.Mask(code), err)
			}
			if !d.ledger.add(code, string(c)) {
				d.r.DrawnTwice++
				d.broke("a code was drawn twice: %s", gen.Mask(code))
			}
		}
	}
	return nil
}

// crew runs work in n goroutines and waits for all; the first error stops the others
// by their context.
func crew(ctx context.Context, n int, work func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := work(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// verify lets the store check its disk and its memory.
func (d *demo) verify(ctx context.Context) error {
	took, err := d.step("verify", 0, nil, func() (string, error) {
		report, err := d.s.Verify(ctx)
		if err != nil {
			return "", err
		}
		for _, p := range report.Problems {
			d.broke("verify: %s", p)
		}
		d.r.Verified = report.OK()
		return fmt.Sprintf("%s and %s", plural(report.Codes, "code"), plural(report.Redemptions, "redemption")), nil
	})
	d.r.VerifySeconds = took.Seconds()
	return err
}

// reopen closes the store, opens it again and expects it to be the same.
func (d *demo) reopen(context.Context) error {
	before := d.s.Stats()
	err := d.s.Close()
	if d.s = nil; err != nil {
		return fmt.Errorf("close: %w", err)
	}
	took, err := d.step("reopen", 0, nil, func() (_ string, err error) {
		d.s, err = store.Open(d.dir, d.a.options())
		return "after an orderly close", err
	})
	if err != nil {
		return err
	}
	d.r.ReopenSeconds = took.Seconds()
	after := d.s.Stats()
	if before.Codes != after.Codes || before.Ledger != after.Ledger {
		d.broke("reopening changed the counts from %+v, ledger %d to %+v, ledger %d",
			before.Codes, before.Ledger, after.Codes, after.Ledger)
	}
	d.r.setStats(after)
	return nil
}
