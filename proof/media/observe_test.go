package media

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"codepool/store"
)

// questions are everything that a store is asked after a damage.
type questions struct {
	Codes    []asked
	Redeems  []store.Redemption // with keys, answered before
	Draws    []keyedDraw
	Releases []store.Change
	Undos    []store.Change
}

type asked struct{ Namespace, Code string }

type keyedDraw struct {
	Batch store.BatchID
	N     int
	Draw  store.Draw
}

// answer is what a store said: the answer in words, or an error.
type answer struct {
	What, Text string
	Err        Fault
}

// observation is everything that a store said. What changes it comes last.
type observation struct {
	Answers    []answer
	Receipts   []store.Receipt
	ReceiptErr Fault
	Problems   []string // of Verify
	VerifyErr  Fault
	BackupErr  Fault
}

// observe asks a store everything. The retried requests change nothing in a store that
// knows their keys; the draws at the end take all that is in stock.
func observe(s *store.Store, q *questions) *observation {
	ctx := context.Background()
	o := &observation{}
	say := func(what string, said any, err error) {
		a := answer{What: what, Err: faultOf(err)}
		if err == nil {
			text, jerr := json.Marshal(said)
			a.Text = string(text)
			if jerr != nil {
				a.Err = faultOf(jerr)
			}
		}
		o.Answers = append(o.Answers, a)
	}
	batches := s.Batches()
	st := s.Stats()
	say("batches", batches, nil)
	say("counts", st.Codes, nil)
	say("ledger", st.Ledger, nil)
	for rec, err := range s.Receipts(ctx, 0) {
		if err != nil {
			o.ReceiptErr = faultOf(err)
			break
		}
		o.Receipts = append(o.Receipts, rec)
	}
	for _, c := range q.Codes {
		info, err := s.Lookup(ctx, c.Namespace, c.Code)
		say("lookup of "+c.Code, info, err)
		err = s.Check(ctx, store.Redemption{Code: c.Code, Namespace: c.Namespace})
		say("check of "+c.Code, "may be redeemed", err)
	}
	rep, err := s.Verify(ctx)
	o.Problems, o.VerifyErr = rep.Problems, faultOf(err)
	_, err = s.Backup(ctx, io.Discard)
	o.BackupErr = faultOf(err)
	for _, r := range q.Redeems {
		rec, err := s.Redeem(ctx, r)
		say("redeem again with key "+r.Key, rec, err)
	}
	for _, d := range q.Draws {
		codes, err := s.Issue(ctx, d.Batch, d.N, d.Draw)
		say("draw again with key "+d.Draw.Key, codes, err)
	}
	for _, r := range q.Releases {
		rev, err := s.Release(ctx, r)
		say("release again with key "+r.Key, rev, err)
	}
	for _, r := range q.Undos {
		rev, err := s.Undo(ctx, r)
		say("undo again with key "+r.Key, rev, err)
	}
	for _, b := range batches {
		if n := b.Counts.Available; n > 0 {
			codes, err := s.Issue(ctx, b.ID, int(n), store.To("all that is left"))
			slices.Sort(codes)
			say("stock of "+b.Name, fmt.Sprintf("%d codes, %x", len(codes), sha256.Sum256([]byte(strings.Join(codes, " ")))), err)
		}
	}
	return o
}

// typed reports whether an error says that data is damaged, as it is promised.
func (f Fault) typed() bool {
	return slices.Contains(f.Is, "ErrCorrupt") || slices.Contains(f.Is, "ErrFormat")
}

func (f Fault) same(g Fault) bool {
	return slices.Equal(sorted(f.Is), sorted(g.Is)) && f.ok() == g.ok()
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

// differs holds what a damaged store said against what the whole one says. reports are
// the readers that said so; wrong are those that gave another answer without a word.
func (o *observation) differs(whole *observation) (reports, wrong []string) {
	put := func(what, want, got string, err Fault) {
		if err.typed() {
			reports = append(reports, what+": "+err.Text)
		} else {
			wrong = append(wrong, fmt.Sprintf("%s: %.300s; whole it says %.300s", what, got+" "+err.String(), want))
		}
	}
	n := len(o.Receipts)
	switch {
	case n > len(whole.Receipts) || !slices.EqualFunc(o.Receipts, whole.Receipts[:n], sameReceipt):
		wrong = append(wrong, fmt.Sprintf("receipts: %d, which are not those it gave, and then %v", n, o.ReceiptErr))
	case !o.ReceiptErr.ok():
		put("receipts", "none", "an error", o.ReceiptErr)
	case n < len(whole.Receipts):
		wrong = append(wrong, fmt.Sprintf("receipts: %d of %d and no error", n, len(whole.Receipts)))
	}
	answers := map[string]answer{}
	for _, a := range o.Answers {
		answers[a.What] = a
	}
	for _, want := range whole.Answers {
		got, there := answers[want.What]
		delete(answers, want.What)
		if !there || got.Text != want.Text || !got.Err.same(want.Err) {
			put(want.What, want.Text+" "+want.Err.String(), got.Text, got.Err)
		}
	}
	for _, a := range answers {
		put(a.What, "nothing", a.Text, a.Err)
	}
	if !o.BackupErr.ok() {
		put("backup", "none", "an error", o.BackupErr)
	}
	if !o.VerifyErr.ok() {
		put("verify", "none", "an error", o.VerifyErr)
	}
	return reports, wrong
}

func sameReceipt(a, b store.Receipt) bool {
	at := a.At.Equal(b.At)
	b.At = a.At
	return at && a == b
}

// observeDir opens a data directory, asks it everything and closes it. closeErr is apart:
// by then everything was said.
func observeDir(dir string, q *questions) (o *observation, closeErr, err error) {
	s, err := store.Open(dir, &store.Options{Durability: store.WeakNoSync})
	if err != nil {
		return nil, nil, err
	}
	o = observe(s, q)
	return o, s.Close(), nil
}
