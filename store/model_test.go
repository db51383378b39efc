package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"codepool/shard"
	"codepool/store"
	"codepool/store/storetest"
)

// The model is the store's promises in a few maps: every answer of a random
// sequence of operations, across crashes and reopenings, is compared with it.
type model struct {
	t     *testing.T
	r     *rand.Rand
	s     *store.Store
	dir   string
	opt   store.Options
	clk   *clock
	step  int
	batch []store.Batch
	codes map[[2]string]*modelCode // by namespace and canonical text
	texts [][2]string              // keys of codes, in order of arrival
	stock map[store.BatchID]int
	used  map[string]modelKey  // redemption keys
	draws map[string]modelDraw // draw keys
	given []store.Receipt
}

type modelCode struct {
	batch   store.BatchID
	state   shard.State
	ref     string
	receipt store.Receipt
}

type modelKey struct {
	code [2]string
	user string
}

type modelDraw struct {
	batch store.BatchID
	n     int
	ref   string
	codes []string
}

// TestModel runs the model under many shapes of options. CODEPOOL_SEED repeats a run.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("CODEPOOL_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	for _, o := range []store.Options{
		{}, {Shards: 1, CheckpointEvery: 1}, {Shards: 2, CheckpointEvery: 7}, {Shards: 1024, CheckpointEvery: 100}, {CheckpointEvery: 1000, MaxPending: 64 << 10},
	} {
		t.Run(fmt.Sprintf("shards=%d/checkpoint=%d", o.Shards, o.CheckpointEvery), func(t *testing.T) {
			t.Logf("CODEPOOL_SEED=%d", seed)
			clk := newClock()
			o.Clock, o.Durability = clk.Now, store.WeakNoSync
			m := &model{
				t: t, r: rand.New(rand.NewPCG(seed, uint64(o.Shards))), dir: t.TempDir(), opt: o, clk: clk,
				codes: map[[2]string]*modelCode{}, stock: map[store.BatchID]int{}, used: map[string]modelKey{}, draws: map[string]modelDraw{},
			}
			m.s = open(t, m.dir, &m.opt)
			for m.step = range fewer(700, 200) {
				m.one()
				if t.Failed() {
					t.Fatalf("at step %d; repeat with CODEPOOL_SEED=%d", m.step, seed)
				}
			}
			m.compare()
			storetest.Verify(t, m.s)
			mustClose(t, m.s)
			m.s = storetest.OpenAt(t, m.dir, &m.opt)
			m.compare()
		})
	}
}

func (m *model) one() {
	m.clk.set(m.clk.Now().Add(time.Duration(m.r.IntN(100)) * time.Millisecond))
	switch p := m.r.IntN(100); {
	case p < 5:
		m.mint()
	case p < 10:
		m.importSome()
	case p < 25:
		m.issue()
	case p < 80:
		m.redeem()
	case p < 90:
		m.lookup()
	case p < 96:
		if err := m.s.Checkpoint(m.t.Context()); err != nil {
			m.t.Error(err)
		}
	default:
		m.reopen()
	}
}

func (m *model) newBatch() store.Batch {
	b := store.Batch{
		Name: fmt.Sprint("b", m.step), Namespace: []string{"", "n1"}[m.r.IntN(2)], Reward: fmt.Sprint("r", m.step), FromStock: m.r.IntN(3) == 0,
	}
	if m.r.IntN(3) == 0 {
		b.NotBefore = m.clk.Now().Add(time.Duration(m.r.IntN(10)-5) * time.Second)
		b.NotAfter = b.NotBefore.Add(time.Duration(1+m.r.IntN(15)) * time.Second)
	}
	return b
}

func (m *model) add(b store.Batch, id store.BatchID, canon string, st shard.State, ref string) {
	k := [2]string{b.Namespace, canon}
	m.codes[k] = &modelCode{batch: id, state: st, ref: ref}
	m.texts = append(m.texts, k)
	if st == shard.Available {
		m.stock[id]++
	}
}

// mint adds a batch whose codes the model learns when they are drawn.
func (m *model) mint() {
	b := m.newBatch()
	b.Count = int64(1 + m.r.IntN(300))
	if m.r.IntN(3) == 0 {
		b.Format = wideFormat
	}
	info := mint(m.t, m.s, b)
	b.ID = info.ID
	m.batch = append(m.batch, b)
	m.stock[b.ID] = int(b.Count)
}

func (m *model) importSome() {
	b := m.newBatch()
	handed := m.r.IntN(2) == 0
	o := store.ImportOptions{HandedOut: handed}
	st := shard.Available
	if handed {
		o.Ref, st = fmt.Sprint("cards", m.step), shard.Issued
	}
	var lines []string
	fresh, twice, taken := 0, 0, 0
	b.ID = store.BatchID(len(m.batch) + 1)
	for range m.r.IntN(40) {
		canon := fmt.Sprintf("GIVEN%d%s", m.r.IntN(3000), strings.Repeat("W", 40*m.r.IntN(2)))
		lines = append(lines, strings.ToLower(canon))
		switch c := m.codes[[2]string{b.Namespace, canon}]; {
		case c == nil:
			fresh++
			m.add(b, b.ID, canon, st, o.Ref)
		case c.batch == b.ID:
			twice++
		default:
			taken++
		}
	}
	// Codes that are taken and stand twice in the stream count as repeated, too.
	rep := importCodes(m.t, m.s, b, o, lines...)
	m.batch = append(m.batch, b)
	if rep.Added != int64(fresh) || rep.Batch.ID != b.ID || rep.DuplicateInFile+rep.DuplicateInStore != int64(twice+taken) {
		m.t.Errorf("import of %v: %+v, want %d new", lines, rep, fresh)
	}
}

func (m *model) issue() {
	if len(m.batch) == 0 {
		return
	}
	b := m.batch[m.r.IntN(len(m.batch))]
	n, ref := 1+m.r.IntN(20), fmt.Sprint("order", m.step)
	d := store.To(ref)
	if m.r.IntN(2) == 0 {
		d = d.Once(fmt.Sprint("draw", m.r.IntN(40)))
	}
	old, repeated := m.draws[d.Key]
	if repeated && m.r.IntN(3) > 0 {
		d, n, b = store.To(old.ref).Once(d.Key), old.n, m.batch[old.batch-1]
	}
	codes, err := m.s.Issue(m.t.Context(), b.ID, n, d)
	switch {
	case repeated && d.Key != "":
		if old.ref == d.Ref && old.n == n && old.batch == b.ID {
			slices.Sort(codes)
			if err != nil || !slices.Equal(codes, old.codes) {
				m.t.Errorf("the draw %+v repeated: %v, %v; first %v", d, codes, err, old.codes)
			}
			return
		}
		wantErr(m.t, "draw key with other content", err, store.ErrKeyConflict)
	case !b.NotAfter.IsZero() && !m.clk.Now().Before(b.NotAfter):
		wantErr(m.t, "draw from an expired batch", err, store.ErrExpired)
	case m.stock[b.ID] < n:
		wantErr(m.t, fmt.Sprintf("draw of %d from a stock of %d", n, m.stock[b.ID]), err, store.ErrEmpty)
	case err != nil:
		m.t.Errorf("draw of %d from a stock of %d: %v", n, m.stock[b.ID], err)
	default:
		m.drawn(b, d, n, codes)
	}
}

func (m *model) drawn(b store.Batch, d store.Draw, n int, codes []string) {
	if len(codes) != n {
		m.t.Errorf("drew %d codes, want %d", len(codes), n)
	}
	m.stock[b.ID] -= n
	for _, c := range codes {
		k := [2]string{b.Namespace, strings.ReplaceAll(c, "-", "")}
		if old := m.codes[k]; old == nil {
			m.codes[k] = &modelCode{batch: b.ID, state: shard.Issued, ref: d.Ref}
			m.texts = append(m.texts, k)
		} else if old.state != shard.Available || old.batch != b.ID {
			m.t.Errorf("drew %s, which is %v of batch %d", c, old.state, old.batch)
		} else {
			old.state, old.ref = shard.Issued, d.Ref
		}
	}
	if d.Key != "" {
		slices.Sort(codes)
		m.draws[d.Key] = modelDraw{b.ID, n, d.Ref, codes}
	}
}

// request makes up a redemption of a code that may or may not exist.
func (m *model) request() store.Redemption {
	r := store.Redemption{Code: "7KQF2M9XT4WC", User: fmt.Sprint("u", m.r.IntN(5)), Namespace: []string{"", "n1"}[m.r.IntN(2)]}
	if len(m.texts) > 0 && m.r.IntN(20) > 0 {
		k := m.texts[len(m.texts)-1-m.r.IntN(min(len(m.texts), 200))]
		r.Namespace, r.Code = k[0], k[1]
	}
	if m.r.IntN(2) == 0 {
		r.Key = fmt.Sprint("key", m.r.IntN(300))
	}
	if old, ok := m.used[r.Key]; ok && m.r.IntN(2) == 0 {
		r.Namespace, r.Code, r.User = old.code[0], old.code[1], old.user
	}
	return r
}

func (m *model) redeem() {
	if m.r.IntN(2) == 0 {
		r := m.request()
		want := m.expect(r)
		rec, err := m.s.Redeem(m.t.Context(), r)
		m.answer(r, rec, err, want)
		return
	}
	// Those with a key are decided one after the other, as they stand.
	var rs []store.Redemption
	seen := map[string]bool{}
	for range 1 + m.r.IntN(20) {
		r := m.request()
		if k := r.Namespace + "|" + r.Code; !seen[k] && (r.Key == "" || !seen["key "+r.Key]) {
			seen[k], seen["key "+r.Key] = true, true
			rs = append(rs, r)
		}
	}
	for i, got := range m.s.RedeemAll(m.t.Context(), rs) {
		m.answer(rs[i], got.Receipt, got.Err, m.expect(rs[i]))
	}
}

// expect is the error that a redemption must get now.
func (m *model) expect(r store.Redemption) error {
	k := [2]string{r.Namespace, r.Code}
	c := m.codes[k]
	if c == nil {
		return store.ErrUnknownCode
	}
	if old, ok := m.used[r.Key]; ok && r.Key != "" {
		if old.code == k && old.user == r.User {
			return nil
		}
		return store.ErrKeyConflict
	}
	b := m.batch[c.batch-1]
	switch now := m.clk.Now(); {
	case c.state == shard.Redeemed:
		return store.ErrAlreadyRedeemed
	case c.state == shard.Available && !b.FromStock:
		return store.ErrNotIssued
	case now.Before(b.NotBefore):
		return store.ErrNotYetValid
	case !b.NotAfter.IsZero() && !now.Before(b.NotAfter):
		return store.ErrExpired
	}
	return nil
}

func (m *model) answer(r store.Redemption, rec store.Receipt, err, want error) {
	m.t.Helper()
	if !errors.Is(err, want) {
		m.t.Errorf("redeem %+v: %v, want %v", r, err, want)
		return
	}
	if want != nil {
		return
	}
	c := m.codes[[2]string{r.Namespace, r.Code}]
	if c.state == shard.Redeemed {
		if !sameReceipt(rec, c.receipt) {
			m.t.Errorf("retry of %+v: %+v, first %+v", r, rec, c.receipt)
		}
		return
	}
	b := m.batch[c.batch-1]
	if rec.Code != r.Code || rec.User != r.User || rec.Key != r.Key || rec.Batch != c.batch || rec.Reward != b.Reward || !rec.At.Equal(m.clk.Now()) {
		m.t.Errorf("redeem %+v: %+v", r, rec)
	}
	if c.state == shard.Available {
		m.stock[c.batch]--
	}
	c.state, c.receipt = shard.Redeemed, rec
	m.given = append(m.given, rec)
	if r.Key != "" {
		m.used[r.Key] = modelKey{[2]string{r.Namespace, r.Code}, r.User}
	}
}

func (m *model) lookup() {
	r := m.request()
	r.Key = ""
	wantErr(m.t, fmt.Sprintf("check %+v", r), m.s.Check(m.t.Context(), r), m.expect(r))
	m.lookupOne([2]string{r.Namespace, r.Code})
}

func (m *model) lookupOne(k [2]string) {
	info, err := m.s.Lookup(m.t.Context(), k[0], k[1])
	c := m.codes[k]
	if c == nil {
		wantErr(m.t, "lookup", err, store.ErrUnknownCode)
		return
	}
	ok := err == nil && info.State == c.state && info.Ref == c.ref && info.BatchID == c.batch && (info.Receipt != nil) == (c.state == shard.Redeemed)
	if !ok || info.Receipt != nil && !sameReceipt(*info.Receipt, c.receipt) {
		m.t.Errorf("lookup %v: %+v, %v, want %+v", k, info, err, c)
	}
}

// reopen goes on in the same directory or in what a crash would leave, and with
// another number of stripes.
func (m *model) reopen() {
	if m.r.IntN(2) == 0 {
		mustClose(m.t, m.s)
	} else {
		crashed := copyDir(m.t, m.dir)
		mustClose(m.t, m.s)
		m.dir = crashed
	}
	m.opt.Shards = 1 << m.r.IntN(9)
	m.s = open(m.t, m.dir, &m.opt)
}

// compare holds everything the store says against the model.
func (m *model) compare() {
	for _, k := range m.texts {
		m.lookupOne(k)
	}
	slices.SortFunc(m.given, func(a, b store.Receipt) int { return int(a.Number) - int(b.Number) })
	if got := receipts(m.t, m.s, 0); !slices.EqualFunc(got, m.given, sameReceipt) {
		m.t.Errorf("%d receipts, %d were given, or they differ", len(got), len(m.given))
	}
	for _, b := range m.s.Batches() {
		if b.Counts.Available != int64(m.stock[b.ID]) || b.Name != m.batch[b.ID-1].Name {
			m.t.Errorf("batch %q: %+v, want %d in stock", b.Name, b.Counts, m.stock[b.ID])
		}
	}
}
