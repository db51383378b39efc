package media

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"codepool/store"
)

// world is a store in a child process, on a small file system, with everything that it
// acknowledged.
type world struct {
	t     *testing.T
	r     *rand.Rand
	vol   *volume
	place Place
	other string // a folder elsewhere
	tally tally
	child *child
	open  bool
	stuck bool   // it gave an error that no full disk gives
	lost  []Work // what a child was at when it died

	batches  []*batch
	codes    map[string]*code   // by canonical text
	in       map[string][]*code // by state
	receipts map[uint64]Receipt
	seq      int
}

type batch struct {
	def    store.Batch
	id     store.BatchID
	stock  int64
	minted int64
	whole  bool // minted to its end
}

type code struct {
	text, ref, state string
	receipt          uint64
	at               int // in its state's list
}

// move puts a code into a state.
func (w *world) move(c *code, to string) {
	if from := w.in[c.state]; c.state != "" {
		last := from[len(from)-1]
		from[c.at], last.at = last, c.at
		w.in[c.state] = from[:len(from)-1]
	}
	c.state, c.at = to, len(w.in[to])
	w.in[to] = append(w.in[to], c)
}

// pick draws up to n different codes that are in a state.
func (w *world) pick(state string, n int) []*code {
	list := w.in[state]
	n = min(n, len(list))
	for i := range n {
		j := i + w.r.IntN(len(list)-i)
		list[i], list[j] = list[j], list[i]
		list[i].at, list[j].at = i, j
	}
	return list[:n:n]
}

// tally counts what came of each phase.
type tally map[string]map[string]int

func (a tally) add(phase, outcome string) {
	if a[phase] == nil {
		a[phase] = map[string]int{}
	}
	a[phase][outcome]++
}

func (a tally) log(t *testing.T) {
	for _, phase := range slices.Sorted(maps.Keys(a)) {
		t.Logf("%-36s %v", phase, a[phase])
	}
}

// call makes a call in a phase. It reports whether the child lived through it; if not,
// that is a failure, another child takes its place and the store is not open any more.
func (w *world) call(phase, method string, args, reply any) bool {
	w.t.Helper()
	return w.lived(phase, w.child.call(method, args, reply))
}

func (w *world) lived(phase string, err error) bool {
	w.t.Helper()
	if err == nil {
		return true
	}
	w.t.Errorf("%s: with %d bytes free %v", phase, w.vol.free(), err)
	w.tally.add(phase, "died")
	w.child.end()
	w.child, w.open = startChild(w.t), false
	return false
}

// kill ends the child, which is idle, and starts another one.
func (w *world) kill() {
	w.t.Helper()
	w.child.end()
	w.child, w.open = startChild(w.t), false
}

// tryOpen opens the store and returns the fault.
func (w *world) tryOpen(phase string) (f Fault, lived bool) {
	w.t.Helper()
	lived = w.call(phase, "Store.Open", w.place, &f)
	w.open, w.stuck = lived && f.ok(), false
	return f, lived
}

// mustOpen opens the store where nothing hinders it.
func (w *world) mustOpen(phase string) {
	w.t.Helper()
	if f, lived := w.tryOpen(phase); !lived || !f.ok() {
		w.t.Fatalf("%s: with %d bytes free: open: %v", phase, w.vol.free(), f)
	}
}

// close closes the store. A full disk is no reason to fail.
func (w *world) close(phase string) {
	w.t.Helper()
	var f Fault
	if !w.call(phase, "Store.Close", None{}, &f) {
		return
	}
	w.open = false
	w.tally.add(phase, outcomeOf(f))
	if !f.ok() && !f.full() {
		w.t.Errorf("%s: with %d bytes free: close: %v", phase, w.vol.free(), f)
	}
}

// full reports whether the fault is ErrDiskFull and nothing else: what returns it has
// changed nothing and the store goes on.
func (f Fault) full() bool { return len(f.Is) == 1 && f.Is[0] == "ErrDiskFull" }

// unknown reports whether the request may have happened.
func (f Fault) unknown() bool { return slices.Contains(f.Is, "ErrOutcomeUnknown") }

func outcomeOf(f Fault) string {
	switch {
	case f.ok():
		return "done"
	case f.full():
		return "ErrDiskFull"
	}
	return "wrong error"
}

// mint mints a batch, or goes on with one. It reports whether the disk is full.
func (w *world) mint(phase string, b *batch) (full bool) {
	w.t.Helper()
	var a Added
	if !w.call(phase, "Store.Mint", b.def, &a) {
		return true
	}
	if !a.Err.ok() && !a.Err.full() {
		w.t.Errorf("%s: mint: %v", phase, a.Err)
		return true
	}
	if a.ID != 0 {
		if b.id == 0 {
			b.id = a.ID
			w.batches = append(w.batches, b)
		}
		if a.Minted < b.minted {
			w.t.Errorf("%s: batch %q had %d codes and now has %d", phase, b.def.Name, b.minted, a.Minted)
		}
		b.stock, b.minted = b.stock+a.Minted-b.minted, a.Minted
	}
	b.whole = a.Err.ok()
	if b.whole && b.minted != b.def.Count {
		w.t.Errorf("%s: batch %q has %d codes of %d", phase, b.def.Name, b.minted, b.def.Count)
	}
	return !a.Err.ok()
}

func (w *world) newBatch(n int64) *batch {
	w.seq++
	return &batch{def: store.Batch{Name: fmt.Sprint("batch ", w.seq), Count: n, Reward: "r"}}
}

// stock is how many codes can be drawn.
func (w *world) stock() (n int64) {
	for _, b := range w.batches {
		n += b.stock
	}
	return n
}

// plan makes work: n redemptions with texts of pad letters, some reversals, and a draw
// so that there is something to redeem the next time.
func (w *world) plan(n, pad int) (work Work) {
	for i, c := range w.pick("issued", n+4) {
		if i < n {
			w.seq++
			work.Burns = append(work.Burns, Burn{c.text, w.seq, pad})
		} else {
			work.Release = append(work.Release, c.text)
		}
	}
	for _, c := range w.pick("redeemed", 8) {
		work.Undo = append(work.Undo, c.text)
	}
	for _, b := range w.batches {
		if want := min(int64(n), b.stock); want > 0 && len(w.in["issued"]) < 4*n {
			w.seq++
			work.Draws = append(work.Draws, Draw{b.id, int(want), fmt.Sprint("order ", w.seq)})
		}
	}
	return work
}

// begin sends work to the child; finish waits for the answers.
func (w *world) begin(work Work) (finish func(phase string) (done, full int)) {
	w.t.Helper()
	out := new(Worked)
	call := w.child.line.Go("Store.Work", work, out, nil)
	return func(phase string) (done, full int) {
		w.t.Helper()
		if !w.lived(phase, w.child.wait(call)) {
			w.lost = append(w.lost, work)
			return 0, 0
		}
		return w.note(phase, work, out)
	}
}

// note takes in the answers to work and counts those that were done and refused.
func (w *world) note(phase string, work Work, out *Worked) (done, full int) {
	w.t.Helper()
	said := map[string]bool{}
	happened := func(verb string, a Answer) bool {
		switch text := fmt.Sprintf("%s: %s: %v", phase, verb, a.Err); {
		case a.Err.ok():
			done++
		case a.Err.full():
			full++
		case !said[text]: // once is enough
			said[text], w.stuck = true, true
			w.t.Errorf("%s", text)
			w.tally.add(phase, "wrong error")
		}
		return a.Err.ok()
	}
	var unknown Work // whether it happened, opening will tell
	for i, b := range work.Burns {
		if a := out.Burns[i]; happened("redeem", a) {
			c := w.codes[b.Code]
			c.receipt = a.Number
			w.move(c, "redeemed")
			w.receipts[a.Number] = Receipt{a.Number, b.Code, b.Seq}
		} else if a.Err.unknown() {
			unknown.Burns = append(unknown.Burns, b)
		}
	}
	for i, text := range work.Release {
		if a := out.Release[i]; happened("release", a) {
			w.move(w.codes[text], "available")
		} else if a.Err.unknown() {
			unknown.Release = append(unknown.Release, text)
		}
	}
	for i, text := range work.Undo {
		if a := out.Undo[i]; happened("undo", a) {
			w.codes[text].receipt = 0
			w.move(w.codes[text], "issued")
		} else if a.Err.unknown() {
			unknown.Undo = append(unknown.Undo, text)
		}
	}
	for i, d := range work.Draws {
		a := out.Draws[i]
		if !happened("issue", a) {
			if a.Err.unknown() {
				unknown.Draws = append(unknown.Draws, d)
			}
			continue
		}
		if len(a.Codes) != d.N {
			w.t.Errorf("%s: a draw of %d gave %d codes", phase, d.N, len(a.Codes))
		}
		for _, printed := range a.Codes {
			w.drawn(phase, printed, d.Ref)
		}
	}
	if w.stuck {
		w.lost = append(w.lost, unknown)
	}
	for _, b := range w.batches {
		b.stock = out.Stock[b.id]
	}
	return done, full
}

// drawn notes a code that was drawn.
func (w *world) drawn(phase, printed, ref string) {
	text := canonical(printed)
	c := w.codes[text]
	if c == nil {
		c = &code{text: text}
		w.codes[text] = c
	} else if c.state != "available" {
		w.t.Errorf("%s: %s is drawn for %q and is %s, drawn for %q", phase, text, ref, c.state, c.ref)
	}
	c.ref = ref
	w.move(c, "issued")
}

func canonical(printed string) string {
	out := make([]byte, 0, len(printed))
	for _, c := range []byte(printed) {
		if c != '-' {
			out = append(out, c)
		}
	}
	return string(out)
}
