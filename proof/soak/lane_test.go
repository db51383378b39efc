package soak

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"codepool/gen"
	"codepool/proof/harness"
	"codepool/store"
)

// slot is a code that was issued or given: what was acknowledged of it.
type slot struct {
	word   uint64 // the packed code, or given | its number
	number uint64 // of its redemption's receipt, 0 if it is not redeemed
	seq    uint32 // of its redemption, which names user and key
	draw   uint32 // of its draw, which names the reference
	batch  store.BatchID
	stock  bool // it is in stock and can be redeemed from there
}

// given marks a code that was imported.
const given = 1 << 63

const (
	// namespaceOfGiven keeps given codes apart: minted ones are alone in theirs, as usual.
	namespaceOfGiven = "given"
	reward           = "reward"
)

// maxSlots bounds the codes of a lane that are out.
const maxSlots = 25_000

// ownBatch is a batch of a lane.
type ownBatch struct {
	id    store.BatchID
	stock int
}

// lane is one worker with batches and codes of its own, so that it knows what must
// come of each request.
type lane struct {
	t     *testing.T
	life  int // number of the directory
	id    int
	seed  maphash.Seed
	rng   *rand.Rand
	s     *store.Store
	full  bool // the shift's records are used up
	slots []slot

	batches []ownBatch
	seq     uint32 // of redemptions
	draws   uint32
	imports int
	given   uint64

	counts  store.Counts
	content content
	sum     uint64 // over all receipts ever given
	rows    int64  // receipts ever given
}

// fail reports what should not have happened and ends the lane's work.
func (l *lane) fail(format string, args ...any) {
	l.t.Errorf("lane %d: "+format, append([]any{l.id}, args...)...)
	l.full = true
}

func (l *lane) code(s *slot) string {
	if s.word >= given {
		return fmt.Sprintf("SOAK%dX%dX%d", l.life, l.id, s.word-given)
	}
	text, _ := gen.AppendUnpacked(nil, s.word)
	return string(text)
}

func (s *slot) namespace() string {
	if s.word >= given {
		return namespaceOfGiven
	}
	return ""
}

// request is the redemption of a slot with a number of the lane's; every second has a key.
func (l *lane) request(s *slot, seq uint32) store.Redemption {
	r := store.Redemption{Code: l.code(s), Namespace: s.namespace(), User: "u" + strconv.Itoa(int(seq%5000))}
	if seq%2 == 0 {
		r.Key = fmt.Sprintf("k%d.%d", l.id, seq)
	}
	return r
}

func (l *lane) next() uint32 { l.seq++; return l.seq }

// sumOf is one receipt's part of the sum.
func sumOf(seed maphash.Seed, r *store.Receipt) uint64 {
	var b []byte
	b = strconv.AppendUint(b, r.Number, 10)
	for _, text := range []string{r.Code, r.User, r.Key, r.Reward, strconv.Itoa(int(r.Batch)), strconv.FormatInt(r.At.UnixMicro(), 10)} {
		b = append(append(b, 0), text...)
	}
	return maphash.Bytes(seed, b)
}

// redeemed settles the answer to a redemption of slot i.
func (l *lane) redeemed(way string, i int, r store.Redemption, seq uint32, rec store.Receipt, err error) {
	s := &l.slots[i]
	if s.number != 0 {
		if !errors.Is(err, store.ErrAlreadyRedeemed) {
			l.fail("%+v is redeemed and is answered %+v, %v, %s", r, rec, err, way)
		}
		return
	}
	if err != nil || rec.Code != r.Code || rec.User != r.User || rec.Key != r.Key || rec.Batch != s.batch || rec.Reward != reward || rec.Number == 0 || rec.At.IsZero() {
		l.fail("%+v of batch %d is answered %+v, %v, %s", r, s.batch, rec, err, way)
		return
	}
	if s.stock {
		l.counts.Available--
	} else {
		l.counts.Issued--
	}
	l.counts.Redeemed++
	s.number, s.seq, s.stock = rec.Number, seq, false
	l.content.records++
	l.sum += sumOf(l.seed, &rec)
	l.rows++
}

// step does one piece of work.
func (l *lane) step(ctx context.Context) {
	switch p := l.rng.IntN(100); {
	case len(l.batches) == 0 || p < 4:
		l.mintOrImport(ctx)
	case len(l.slots) < 64 || p < 18:
		l.issue(ctx)
	case p < 30:
		l.redeemSingly(ctx)
	case p < 55:
		l.redeemMany(ctx)
	case p < 65:
		l.redeemWithCallbacks(ctx)
	case p < 88:
		l.undo(ctx)
	case p < 91:
		l.release(ctx)
	default:
		l.look(ctx)
	}
}

// mintBulk adds a batch that stays in stock: it makes the store's arrays large enough to
// be outside of the Go heap.
func (l *lane) mintBulk(ctx context.Context) {
	n := int64(600_000)
	if harness.RaceOn {
		n /= 20
	}
	if _, err := l.s.Mint(ctx, store.Batch{Name: "bulk", Count: n}); err != nil {
		l.fail("mint %d: %v", n, err)
		return
	}
	l.counts.Minted += n
	l.counts.Available += n
	l.content.bulk += n
	rounds := (n + mintRound - 1) / mintRound // a run and a record each
	l.content.runs += 1 + rounds
	l.content.records += rounds
}

// mintRound is how many codes a round of a Mint of this size has.
const mintRound = 1 << 17

// mintOrImport adds a small batch if the lane needs codes.
func (l *lane) mintOrImport(ctx context.Context) {
	stock := 0
	for _, b := range l.batches {
		stock += b.stock
	}
	if stock > 2000 || len(l.slots) > maxSlots-500 {
		return
	}
	if l.rng.IntN(3) == 0 {
		l.importSome(ctx)
		return
	}
	n := 500 + l.rng.IntN(1500)
	b := store.Batch{Name: fmt.Sprintf("minted %d.%d", l.id, len(l.batches)), Count: int64(n), Reward: reward}
	info, err := l.s.Mint(ctx, b)
	if err != nil || info.Counts.Available != int64(n) {
		l.fail("mint %d: %+v, %v", n, info, err)
		return
	}
	l.batches = append(l.batches, ownBatch{info.ID, n})
	l.counts.Minted += int64(n)
	l.counts.Available += int64(n)
	l.content.codes += int64(n)
	l.content.runs += 2 // a run and a batch
	l.content.records++
}

// importSome takes codes in, half of them as handed out and half as stock.
func (l *lane) importSome(ctx context.Context) {
	n := 50 + l.rng.IntN(200)
	handed := l.rng.IntN(2) == 0
	l.imports++
	var lines strings.Builder
	for i := range n {
		lines.WriteString(l.code(&slot{word: given | (l.given + uint64(i))}) + "\n")
	}
	rep, err := l.s.Import(ctx, store.Batch{Name: fmt.Sprintf("imported %d.%d", l.id, l.imports), Namespace: namespaceOfGiven, Reward: reward, FromStock: true},
		strings.NewReader(lines.String()), store.ImportOptions{HandedOut: handed})
	if err != nil || rep.Added != int64(n) {
		l.fail("import %d: %+v, %v", n, rep, err)
		return
	}
	for range n {
		l.slots = append(l.slots, slot{word: given | l.given, batch: rep.Batch.ID, stock: !handed})
		l.given++
	}
	l.counts.Minted += int64(n)
	if handed {
		l.counts.Issued += int64(n)
	} else {
		l.counts.Available += int64(n)
	}
	l.content.codes += int64(n)
	l.content.wide += int64(n)
	l.content.runs += 2
	l.content.records++
}

// issue draws some codes, at times with a key that is used again.
func (l *lane) issue(ctx context.Context) {
	n := 1 + l.rng.IntN(64)
	if len(l.slots)+n > maxSlots {
		return
	}
	at := l.rng.IntN(len(l.batches))
	b := &l.batches[at]
	if b.stock < n {
		if _, err := l.s.Issue(ctx, b.id, b.stock+1, store.To("too many")); !errors.Is(err, store.ErrEmpty) {
			l.fail("issue %d of %d: %v", b.stock+1, b.stock, err)
		}
		return
	}
	l.draws++
	d := store.To(refOf(l.id, l.draws))
	if l.draws%4 == 0 {
		d = d.Once(fmt.Sprintf("d%d.%d", l.id, l.draws))
	}
	codes, err := l.s.Issue(ctx, b.id, n, d)
	if err != nil || len(codes) != n {
		l.fail("issue %d of %d: %d codes, %v", n, b.stock, len(codes), err)
		return
	}
	if d.Key != "" {
		if again, err := l.s.Issue(ctx, b.id, n, d); err != nil || !slices.Equal(again, codes) {
			l.fail("issue %q again: %v", d.Key, err)
		}
	}
	for _, c := range codes {
		word, ok := gen.PackCrockford(c)
		if !ok {
			l.fail("%q was issued", c)
		}
		l.slots = append(l.slots, slot{word: word, batch: b.id, draw: l.draws})
	}
	b.stock -= n
	l.counts.Available -= int64(n)
	l.counts.Issued += int64(n)
	l.content.records++
	l.content.drawn += int64(n)
}

func refOf(lane int, draw uint32) string { return fmt.Sprintf("order %d.%d", lane, draw) }

// some returns n different slots, fewer if it meets one twice.
func (l *lane) some(n int) (at []int) {
	for range n {
		if i := l.rng.IntN(len(l.slots)); !slices.Contains(at, i) {
			at = append(at, i)
		}
	}
	return at
}

// redeemSingly redeems a few, one after the other; a request with a key is repeated.
func (l *lane) redeemSingly(ctx context.Context) {
	for _, i := range l.some(8) {
		seq := l.next()
		r := l.request(&l.slots[i], seq)
		done := l.slots[i].number != 0
		rec, err := l.s.Redeem(ctx, r)
		l.redeemed("by itself", i, r, seq, rec, err)
		if r.Key != "" && !done && err == nil {
			if again, err := l.s.Redeem(ctx, r); err != nil || again.Number != rec.Number {
				l.fail("%+v again is answered %+v, %v, first %+v", r, again, err, rec)
			}
		}
	}
}

// redeemMany redeems many in one call: some twice, and some that nobody ever minted.
func (l *lane) redeemMany(ctx context.Context) {
	n := 1 + l.rng.IntN(800)
	at, seqs, rs := make([]int, n), make([]uint32, n), make([]store.Redemption, n)
	for k := range n {
		at[k], seqs[k] = l.rng.IntN(len(l.slots)), l.next()
		rs[k] = l.request(&l.slots[at[k]], seqs[k])
		if k%50 == 49 {
			at[k], rs[k].Code = -1, "ZZZZ-ZZZZ-"+strconv.Itoa(1000+l.rng.IntN(9000))
		}
	}
	for k, res := range l.s.RedeemAll(ctx, rs) {
		if at[k] >= 0 {
			l.redeemed("among many", at[k], rs[k], seqs[k], res.Receipt, res.Err)
		} else if !errors.Is(res.Err, store.ErrUnknownCode) {
			l.fail("%+v is answered %+v", rs[k], res)
		}
	}
}

// redeemWithCallbacks redeems some without waiting for each.
func (l *lane) redeemWithCallbacks(ctx context.Context) {
	at := l.some(200)
	seqs, rs := make([]uint32, len(at)), make([]store.Redemption, len(at))
	results := make([]store.Result, len(at))
	var open sync.WaitGroup
	for k, i := range at {
		seqs[k] = l.next()
		rs[k] = l.request(&l.slots[i], seqs[k])
		open.Add(1)
		l.s.RedeemFunc(ctx, rs[k], func(rec store.Receipt, err error) {
			results[k] = store.Result{Receipt: rec, Err: err}
			open.Done()
		})
	}
	open.Wait()
	for k, i := range at {
		l.redeemed("with a callback", i, rs[k], seqs[k], results[k].Receipt, results[k].Err)
	}
}

// undo takes redemptions back, some beside each other. A key that was used still has its
// receipt.
func (l *lane) undo(ctx context.Context) {
	at := l.some(400)
	errs, numbers := make([]error, len(at)), make([]uint64, len(at))
	const hands = 16
	var wg sync.WaitGroup
	for h := range hands {
		wg.Go(func() {
			for k := h; k < len(at); k += hands {
				s := &l.slots[at[k]]
				rec, err := l.s.Undo(ctx, store.Change{Code: l.code(s), Namespace: s.namespace(), By: "desk"})
				errs[k], numbers[k] = err, rec.Number
			}
		})
	}
	wg.Wait()
	for k, i := range at {
		s := &l.slots[i]
		if s.number == 0 {
			if !errors.Is(errs[k], store.ErrNotRedeemed) {
				l.fail("%s is not redeemed, its undoing is answered %v", l.code(s), errs[k])
			}
			continue
		}
		if errs[k] != nil || numbers[k] <= s.number {
			l.fail("undo %s: number %d after %d, %v", l.code(s), numbers[k], s.number, errs[k])
			return
		}
		if r := l.request(s, s.seq); k == 0 && r.Key != "" {
			if rec, err := l.s.Redeem(ctx, r); err != nil || rec.Number != s.number {
				l.fail("%+v was redeemed and undone and is answered %+v, %v", r, rec, err)
			}
		}
		s.number = 0
		l.counts.Redeemed--
		l.counts.Issued++
		l.content.records++
	}
}

// release gives issued codes back to stock.
func (l *lane) release(ctx context.Context) {
	for _, i := range l.some(6) {
		if i >= len(l.slots) {
			continue // one before it has gone
		}
		s := l.slots[i]
		if s.word >= given {
			continue
		}
		key := ""
		if l.next(); l.seq%4 == 0 {
			key = fmt.Sprintf("r%d.%d", l.id, l.seq)
		}
		_, err := l.s.Release(ctx, store.Change{Code: l.code(&s), By: "desk", Key: key})
		if s.number != 0 {
			if !errors.Is(err, store.ErrAlreadyRedeemed) {
				l.fail("%s is redeemed, its release is answered %v", l.code(&s), err)
			}
			continue
		}
		if err != nil {
			l.fail("release %s: %v", l.code(&s), err)
			return
		}
		l.slots[i] = l.slots[len(l.slots)-1]
		l.slots = l.slots[:len(l.slots)-1]
		for b := range l.batches {
			if l.batches[b].id == s.batch {
				l.batches[b].stock++
			}
		}
		l.counts.Issued--
		l.counts.Available++
		l.content.records++
	}
}
