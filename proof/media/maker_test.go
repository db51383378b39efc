package media

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"codepool/store"
)

// worker works on codes of its own, so that it knows what each answer has to be.
type worker struct {
	m  *maker
	r  *rand.Rand
	id int
	n  int
}

// key makes a key, or none.
func (w *worker) key(with bool) string {
	if w.n++; !with {
		return ""
	}
	return fmt.Sprintf("key %d/%d", w.id, w.n)
}

func (w *worker) failed(what string, err error) bool {
	if err != nil {
		w.m.t.Errorf("make a base: %s: %v", what, err)
	}
	return err != nil
}

func (w *worker) run() {
	ns := ""
	if w.r.IntN(3) == 0 {
		ns = "shop"
	}
	switch w.id % 4 {
	case 0:
		w.given(ns)
	case 1:
		w.fromStock(ns)
	default:
		w.minted(ns)
	}
}

func (w *worker) mint(b store.Batch) store.BatchID {
	info, err := w.m.s.Mint(context.Background(), b)
	w.failed("mint", err)
	return info.ID
}

// minted mints a batch and takes its codes through every state.
func (w *worker) minted(ns string) {
	id := w.mint(store.Batch{
		Name: fmt.Sprint("minted ", w.id), Namespace: ns, Kind: "card", Reward: fmt.Sprint("reward ", w.id),
		Format: formats[w.r.IntN(len(formats))], Count: 60 + w.r.Int64N(300),
	})
	codes := w.draw(id, ns, 40, true)
	more := w.draw(id, ns, 1+w.r.IntN(10), false)
	if len(codes) < 40 || len(more) < 1 {
		return
	}
	w.redeemAll(ns, codes[:10])
	for _, c := range codes[10:18] {
		w.redeem(ns, c, w.r.IntN(4) > 0)
	}
	w.undo(ns, codes[0], true)
	w.undo(ns, codes[12], false)
	w.undo(ns, codes[13], true)
	w.redeem(ns, codes[13], true) // once more
	w.release(ns, codes[20], true)
	w.release(ns, codes[21], false)
	w.undo(ns, codes[14], true)
	w.release(ns, codes[14], true) // all the way back
	w.draw(id, ns, 5, true)        // perhaps one of those that went back
}

// fromStock makes a batch that needs no draw.
func (w *worker) fromStock(ns string) {
	id := w.mint(store.Batch{Name: fmt.Sprint("stock ", w.id), Namespace: ns, Count: 50 + w.r.Int64N(50), FromStock: true})
	codes := w.draw(id, ns, 12, false)
	if len(codes) < 12 {
		return
	}
	w.redeemAll(ns, codes[:4])
	w.release(ns, codes[6], true)
	w.redeem(ns, codes[6], true) // from stock
	w.release(ns, codes[7], false)
}

// given imports codes of all widths as handed out.
func (w *worker) given(ns string) {
	var texts []string
	for i := range 6 + w.r.IntN(30) {
		texts = append(texts, fmt.Sprintf("GIVEN%d.%d", w.id, i), strings.Repeat("W", 10+w.r.IntN(30))+fmt.Sprintf("%dX%d", w.id, i))
	}
	_, err := w.m.s.Import(context.Background(), store.Batch{Name: "given:" + ns, Namespace: ns, Owner: "printer"},
		strings.NewReader(strings.Join(texts, "\n")), store.ImportOptions{HandedOut: true, Ref: "cards"})
	if w.failed("import", err) {
		return
	}
	w.m.mu.Lock()
	for _, c := range texts {
		w.m.known(ns, c, "issued")
	}
	w.m.mu.Unlock()
	w.redeemAll(ns, texts[:5])
	w.redeem(ns, texts[6], true)
	w.undo(ns, texts[6], true)
	w.release(ns, texts[7], true)
}

// draw draws codes. Those of a batch that others draw from too are noted by the answer.
func (w *worker) draw(id store.BatchID, ns string, n int, keyed bool) []string {
	d := keyedDraw{id, n, store.To(fmt.Sprintf("order %d/%d", w.id, w.n)).Once(w.key(keyed))}
	codes, err := w.m.s.Issue(context.Background(), d.Batch, d.N, d.Draw)
	if w.failed("issue", err) {
		return nil
	}
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	for _, c := range codes {
		if st, old := w.m.state[asked{ns, c}]; old && st != "available" {
			w.m.t.Errorf("%s was drawn twice", c)
		}
		w.m.known(ns, c, "issued")
	}
	if keyed {
		w.m.ask.Draws = append(w.m.ask.Draws, d)
	}
	return codes
}

// redeemed notes a receipt.
func (w *worker) redeemed(ns, code string, rec store.Receipt) {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	w.m.known(ns, code, "redeemed")
	w.m.receipts = append(w.m.receipts, rec)
}

func (w *worker) redeem(ns, code string, keyed bool) {
	r := store.Redemption{Code: code, Namespace: ns, User: fmt.Sprint("user ", w.r.IntN(100)), Key: w.key(keyed)}
	rec, err := w.m.s.Redeem(context.Background(), r)
	if w.failed("redeem", err) {
		return
	}
	w.redeemed(ns, code, rec)
	if keyed {
		w.m.mu.Lock()
		w.m.ask.Redeems = append(w.m.ask.Redeems, r)
		w.m.mu.Unlock()
	}
}

func (w *worker) redeemAll(ns string, codes []string) {
	rs := make([]store.Redemption, len(codes))
	for i, c := range codes {
		rs[i] = store.Redemption{Code: c, Namespace: ns, User: "many"}
	}
	for i, res := range w.m.s.RedeemAll(context.Background(), rs) {
		if !w.failed("redeem all", res.Err) {
			w.redeemed(ns, codes[i], res.Receipt)
		}
	}
}

func (w *worker) release(ns, code string, keyed bool) {
	w.reverse("release", w.m.s.Release, ns, code, keyed, "available", &w.m.ask.Releases)
}

func (w *worker) undo(ns, code string, keyed bool) {
	w.reverse("undo", w.m.s.Undo, ns, code, keyed, "issued", &w.m.ask.Undos)
}

// reverse takes a code's last step back, after which it is in state to, and notes the
// request in asked if it has a key.
func (w *worker) reverse(what string, do func(context.Context, store.Change) (store.Changed, error), ns, code string, keyed bool, to string, asked *[]store.Change) {
	r := store.Change{Code: code, Namespace: ns, By: "clerk", Key: w.key(keyed)}
	_, err := do(context.Background(), r)
	if w.failed(what, err) {
		return
	}
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	w.m.known(ns, code, to)
	if keyed {
		*asked = append(*asked, r)
	}
}
