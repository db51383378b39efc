package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"codepool/store"
)

// served is a store in a child process.
type served struct{ s *store.Store }

// Place says which store is opened and how.
type Place struct {
	Dir                                        string
	Durability                                 store.Durability
	DiskReserve, MemTableSize, CheckpointEvery int64
}

// None is no argument.
type None struct{}

func (v *served) Open(p Place, f *Fault) error {
	s, err := store.Open(p.Dir, &store.Options{
		Durability: p.Durability, DiskReserve: p.DiskReserve, MemTableSize: p.MemTableSize, CheckpointEvery: p.CheckpointEvery,
	})
	if *f = faultOf(err); err == nil {
		v.s = s
	}
	return nil
}

func (v *served) Close(_ None, f *Fault) error {
	*f = faultOf(v.s.Close())
	return nil
}

// Added is the answer to Mint and Import.
type Added struct {
	ID     store.BatchID
	Minted int64
	Err    Fault
}

func (v *served) Mint(b store.Batch, a *Added) error {
	info, err := v.s.Mint(context.Background(), b)
	*a = Added{info.ID, info.Counts.Minted, faultOf(err)}
	return nil
}

// Given is a list of codes to import.
type Given struct {
	Batch store.Batch
	Codes []string
}

func (v *served) Import(g Given, a *Added) error {
	rep, err := v.s.Import(context.Background(), g.Batch, strings.NewReader(strings.Join(g.Codes, "\n")), store.ImportOptions{HandedOut: true, Ref: g.Batch.Name})
	*a = Added{rep.Batch.ID, rep.Batch.Counts.Minted, faultOf(err)}
	return nil
}

// Burn is one redemption. Its user and key are Seq and letters up to Pad, which make
// records as long as a test needs them.
type Burn struct {
	Code     string
	Seq, Pad int
}

func (b Burn) request() store.Redemption {
	return store.Redemption{Code: b.Code, User: padded("u", b.Seq, b.Pad), Key: padded("k", b.Seq, b.Pad)}
}

func padded(kind string, seq, pad int) string {
	text := fmt.Sprint(kind, seq, ".")
	return text + strings.Repeat("x", max(pad-len(text), 0))
}

// Draw is one draw of codes.
type Draw struct {
	Batch store.BatchID
	N     int
	Ref   string
}

// Work is requests that are made beside each other.
type Work struct {
	Burns         []Burn
	Release, Undo []string
	Draws         []Draw
}

// Answer is the answer to one request.
type Answer struct {
	Number uint64
	Codes  []string
	Err    Fault
}

// Worked is the answers to Work, each at its request's place, and what is in stock then.
type Worked struct {
	Burns, Release, Undo, Draws []Answer
	Stock                       map[store.BatchID]int64
}

func (v *served) Work(w Work, r *Worked) error {
	ctx := context.Background()
	r.Burns, r.Release = make([]Answer, len(w.Burns)), make([]Answer, len(w.Release))
	r.Undo, r.Draws = make([]Answer, len(w.Undo)), make([]Answer, len(w.Draws))
	rs := make([]store.Redemption, len(w.Burns))
	for i, b := range w.Burns {
		rs[i] = b.request()
	}
	var wg sync.WaitGroup
	put := func(i int, rec store.Receipt, err error) {
		if err == nil && (rec.User != rs[i].User || rec.Key != rs[i].Key) {
			err = fmt.Errorf("the receipt %d is for another request", rec.Number)
		}
		r.Burns[i] = Answer{Number: rec.Number, Err: faultOf(err)}
	}
	each := func(n, workers int, do func(i int)) {
		for k := range min(n, workers) {
			wg.Go(func() {
				for i := k; i < n; i += workers {
					do(i)
				}
			})
		}
	}
	some := len(rs) / 8 // alone, some with a callback, the rest together
	each(some, 4, func(i int) {
		rec, err := v.s.Redeem(ctx, rs[i])
		put(i, rec, err)
	})
	each(some, 1, func(i int) {
		done := make(chan struct{})
		v.s.RedeemFunc(ctx, rs[some+i], func(rec store.Receipt, err error) {
			put(some+i, rec, err)
			close(done)
		})
		<-done
	})
	wg.Go(func() {
		for i, res := range v.s.RedeemAll(ctx, rs[2*some:]) {
			put(2*some+i, res.Receipt, res.Err)
		}
	})
	each(len(w.Release), 2, func(i int) {
		rev, err := v.s.Release(ctx, store.Change{Code: w.Release[i], By: "clerk"})
		r.Release[i] = Answer{Number: rev.Number, Err: faultOf(err)}
	})
	each(len(w.Undo), 2, func(i int) {
		rev, err := v.s.Undo(ctx, store.Change{Code: w.Undo[i], By: "clerk"})
		r.Undo[i] = Answer{Number: rev.Number, Err: faultOf(err)}
	})
	each(len(w.Draws), 2, func(i int) {
		d := w.Draws[i]
		codes, err := v.s.Issue(ctx, d.Batch, d.N, store.To(d.Ref))
		r.Draws[i] = Answer{Codes: codes, Err: faultOf(err)}
	})
	wg.Wait()
	r.Stock = map[store.BatchID]int64{}
	for _, b := range v.s.Batches() {
		r.Stock[b.ID] = b.Counts.Available
	}
	return nil
}

// Look is what Lookup and Check say of a code.
type Look struct {
	State, Ref string
	Receipt    uint64
	Err, Check Fault
}

func (v *served) Look(codes []string, out *[]Look) error {
	for _, c := range codes {
		info, err := v.s.Lookup(context.Background(), "", c)
		l := Look{State: info.StateName, Ref: info.Ref, Err: faultOf(err)}
		if info.Receipt != nil {
			l.Receipt = info.Receipt.Number
		}
		l.Check = faultOf(v.s.Check(context.Background(), store.Redemption{Code: c}))
		*out = append(*out, l)
	}
	return nil
}

// Ledger is all receipts.
type Ledger struct {
	Receipts []Receipt
	Err      Fault
}

// Receipt is a receipt without its letters.
type Receipt struct {
	Number uint64
	Code   string
	Seq    int
}

func (v *served) Receipts(_ None, l *Ledger) error {
	for rec, err := range v.s.Receipts(context.Background(), 0) {
		if err != nil {
			l.Err = faultOf(err)
			break
		}
		r := Receipt{Number: rec.Number, Code: rec.Code}
		if _, err := fmt.Sscanf(rec.User, "u%d.", &r.Seq); err != nil || rec.User != padded("u", r.Seq, len(rec.User)) || rec.Key != padded("k", r.Seq, len(rec.User)) {
			l.Err = Fault{Text: fmt.Sprintf("receipt %d has user %.20q and key %.20q", rec.Number, rec.User, rec.Key)}
			break
		}
		l.Receipts = append(l.Receipts, r)
	}
	return nil
}

// Proof is what Verify and Stats say.
type Proof struct {
	Problems []string
	Err      Fault
	Stats    store.Stats
}

func (v *served) Verify(_ None, p *Proof) error {
	rep, err := v.s.Verify(context.Background())
	*p = Proof{rep.Problems, faultOf(err), v.s.Stats()}
	return nil
}

func (v *served) Stats(_ None, p *Proof) error {
	p.Stats = v.s.Stats()
	return nil
}

func (v *served) Checkpoint(_ None, f *Fault) error {
	*f = faultOf(v.s.Checkpoint(context.Background()))
	return nil
}

func (v *served) Backup(path string, f *Fault) error {
	*f = faultOf(v.backup(path))
	return nil
}

func (v *served) backup(path string) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = v.s.Backup(context.Background(), out)
	return errors.Join(err, out.Close())
}

// Restored restores a backup and holds it against the store.
func (v *served) Restored(path string, f *Fault) error {
	*f = faultOf(v.restored(path))
	return nil
}

func (v *served) restored(path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	dir := filepath.Join(filepath.Dir(path), "restored")
	defer os.RemoveAll(dir)
	if _, err := store.Restore(context.Background(), dir, in); err != nil {
		return err
	}
	s, err := store.Open(dir, &store.Options{Durability: store.WeakNoSync})
	if err != nil {
		return err
	}
	rep, err := s.Verify(context.Background())
	if err == nil && (!rep.OK() || s.Stats().Codes != v.s.Stats().Codes || s.Stats().Ledger != v.s.Stats().Ledger) {
		err = fmt.Errorf("the restored store differs: %v, %+v", rep.Problems, s.Stats().Codes)
	}
	return errors.Join(err, s.Close())
}
