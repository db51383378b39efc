package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"codepool/gen"
	"codepool/proof/harness"
	"codepool/store"
)

const reward = "svip:30d"

// world is one round at work: a store, its clients, and what they note.
type world struct {
	t     *testing.T
	name  string // seed, round and setting, for messages
	set   setting
	rng   *rand.Rand
	root  string // of the round; the store's directories are in it
	dir   string
	clock clock
	s     *store.Store
	h     *history

	moment  atomic.Int64
	calls   atomic.Int64 // numbers RedeemAll calls
	ballast atomic.Int64 // codes that the crowd has used

	keeper  *client
	clients []*client

	mu       sync.Mutex
	problems []string
	leases   map[verb][]uint64 // of leases and reservations
}

const account = "shop"

func newWorld(t *testing.T, root string, seed uint64, round int) *world {
	r := harness.Rand(seed, round)
	w := &world{t: t, set: newSetting(r), rng: r, root: root, dir: filepath.Join(root, "0")}
	w.name = fmt.Sprintf("seed %d, round %d: %s", seed, round, &w.set)
	w.clock.yields = w.set.yields
	w.h = &history{terms: w.set.window}
	w.keeper = w.newClient(-1)
	for i := range w.set.clients {
		w.clients = append(w.clients, w.newClient(i))
	}
	return w
}

// tick is the next moment of the history. No two are the same.
func (w *world) tick() int64 { return w.moment.Add(1) }

func (w *world) problem(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// play runs the round and returns its history.
func (w *world) play() *history {
	w.must(os.MkdirAll(w.root, 0o755))
	w.open(0)
	w.stock()
	for e := range len(w.set.crashes) + 1 {
		w.epoch(e)
	}
	w.finish()
	for _, c := range append(w.clients, w.keeper) {
		w.h.ops = append(w.h.ops, c.ops...)
	}
	w.h.problems = w.problems
	return w.h
}

// open opens the store for an epoch.
func (w *world) open(epoch int) {
	var err error
	if w.s, err = store.Open(w.dir, w.set.options(epoch, &w.clock)); err != nil {
		w.t.Fatalf("%s\nopen: %v", w.name, err)
	}
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Fatalf("%s\n%v", w.name, err)
	}
}

// stock brings the codes into the store, and ballast for the crowd.
func (w *world) stock() {
	ctx := w.t.Context()
	b := store.Batch{Name: "b", Reward: reward, FromStock: w.set.fromStock, Owner: account, PerUser: w.set.window.perUser}
	b.Reusable, b.Quarantine = w.set.window.reusable, time.Duration(w.set.window.quarantine)*time.Second
	if w.set.window.from > 0 {
		b.NotBefore = instant(w.set.window.from)
	}
	if w.set.window.until < forever {
		b.NotAfter = instant(w.set.window.until)
	}
	w.h.born = &op{verb: born, client: -1, state: inStock}
	if w.set.origin == minted {
		b.Count = int64(w.set.codes)
		info, err := w.s.Mint(ctx, b)
		w.must(err)
		w.h.batch = info.ID
		w.keeper.s = w.s
		setup := w.keeper.issue(ctx, w.set.codes, "setup", "")
		w.h.codes = slices.Clone(setup.codes)
		for _, code := range w.h.codes[:1+w.rng.IntN(w.set.codes)] {
			w.keeper.reverse(ctx, release, code, "setup", "")
		}
	} else {
		o := store.ImportOptions{HandedOut: w.set.origin == handedOut}
		if o.HandedOut {
			o.Ref = "given"
			w.h.born.state, w.h.born.ref = drawn, o.Ref
		}
		length := pick(w.rng, 12, 20) // short ones fit into a word
		for range w.set.codes {
			w.h.codes = append(w.h.codes, randomCode(w.rng, length))
		}
		rep, err := w.s.Import(ctx, b, strings.NewReader(strings.Join(w.h.codes, "\n")), o)
		w.must(err)
		w.h.batch = rep.Batch.ID
	}
	w.openShares(ctx)
	if w.set.mixed {
		_, err := w.s.Import(ctx, store.Batch{Name: "mixed", Format: gen.Format{Class: gen.AlnumCase}}, strings.NewReader("aB3d"), store.ImportOptions{})
		w.must(err)
	}
	if w.set.crowd {
		var lines strings.Builder
		for i := range maxBallast {
			fmt.Fprintln(&lines, ballastCode(i))
		}
		_, err := w.s.Import(ctx, store.Batch{Name: "ballast", Namespace: crowdSpace, FromStock: true}, strings.NewReader(lines.String()), store.ImportOptions{})
		w.must(err)
	}
}

func randomCode(r *rand.Rand, n int) string {
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

// finish asks once more for what nobody knows, looks at everything and closes the store.
func (w *world) finish() {
	ctx := context.Background()
	k := w.keeper
	for _, c := range w.clients {
		for _, o := range c.ops {
			switch {
			case w.certain(o):
			case o.verb == issue && o.key != "":
				k.issue(ctx, o.n, o.by, o.key)
			case o.verb == export:
				k.export(ctx, o.n, o.by, o.key)
			}
		}
	}
	for _, code := range w.h.codes {
		k.lookup(ctx, code)
	}
	if w.set.shares.shares > 0 {
		k.lookShared(ctx)
	}
	for r, err := range w.s.Receipts(ctx, 0) {
		w.must(err)
		if r.Batch == w.h.batch {
			w.h.receipts = append(w.h.receipts, r)
		} else if r.Share != nil {
			w.h.claims = append(w.h.claims, r)
		}
	}
	w.entries(ctx)
	w.h.end = w.tick()
	rep, err := w.s.Verify(ctx)
	w.must(err)
	for _, p := range rep.Problems {
		w.problem("verify: %s", p)
	}
	if st := w.s.Stats(); st.Failure != "" || st.CheckpointError != "" || st.HighWaterError != "" {
		w.problem("stats: failure %q, checkpoint %q, high-water mark %q", st.Failure, st.CheckpointError, st.HighWaterError)
	}
	w.must(w.s.Close())
}

// entries reads the ledger, and the codes of the draws in it.
func (w *world) entries(ctx context.Context) {
	if _, err := w.s.GiveBack(ctx, store.LeaseEnd{}); !errors.Is(err, store.ErrUnknownLease) { // what ends by itself is durable then
		w.problem("end of no lease: %v", err)
	}
	w.h.drawn = map[uint64][]string{}
	for e, err := range w.s.Ledger(ctx, 0) {
		w.must(err)
		if e.Batch != w.h.batch && e.Batch != 0 {
			continue
		}
		w.h.entries = append(w.h.entries, e)
		if e.Verb != "lease" && e.Verb != "take" {
			continue
		}
		for d, err := range w.s.DrawnFor(ctx, e.Ref, e.Number+1) {
			w.must(err)
			if d.Number != e.Number {
				break
			}
			w.h.drawn[e.Number] = append(w.h.drawn[e.Number], d.Code)
		}
	}
}

// certain reports whether a call's answer holds in the last epoch.
func (w *world) certain(o *op) bool {
	if o.err == store.ErrOutcomeUnknown {
		return false
	}
	return o.epoch >= len(w.h.cuts) || !w.h.cuts[o.epoch].crash || o.ret < w.h.cuts[o.epoch].t0
}
