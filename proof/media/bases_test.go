package media

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"codepool/gen"
	"codepool/store"
)

// base is a store to damage, as children find it: its files, what it says, and what it
// was like some time before.
type base struct {
	Name   string
	Whole  tree
	Before tree
	Pairs  map[string][]byte // of Before
	Kinds  []string          // of pairs that Whole has
	Olds   []string          // of pairs that were another before
	Ask    questions
	Said   observation
	Backup []byte
	Export []byte // codes as they were exported, in their CSV
}

// The bases hold everything, in different places.
const (
	baseClosed  = "closed"  // closed several times: all in tables, the index merged
	baseTail    = "tail"    // crashed with a ledger behind the checkpoint, in a log
	baseWorking = "working" // crashed while checkpoints and merges were under way
	baseLarge   = "large"   // a run of several code pages and state pages
	baseYoung   = "young"   // crashed before its first checkpoint
)

// mostCodes bounds the codes that are looked up in a damaged store. Counts, receipts,
// keys and the stock are compared whole.
var mostCodes = fewer(1000, 150)

var baseNames = []string{baseClosed, baseTail, baseWorking, baseLarge, baseYoung}

// makeBase makes one base and writes it to a file for the children.
func makeBase(t *testing.T, r *rand.Rand, name, folder string) {
	t.Helper()
	m := &maker{t: t, r: r, dir: filepath.Join(t.TempDir(), "data"), state: map[asked]string{}}
	b := &base{Name: name}
	switch name {
	case baseClosed:
		for session := range 7 {
			m.open(2_000_000)
			m.work(4)
			m.checkpoint()
			m.work(2)
			m.close()
			if session == 3 {
				b.Before = m.read()
			}
		}
	case baseTail:
		m.open(2_000_000)
		for range 11 {
			m.work(2)
			m.checkpoint()
		}
		m.close()
		b.Before = m.read()
		m.open(2_000_000)
		for range 5 {
			m.work(2)
			m.checkpoint()
		}
		m.work(3)
	case baseWorking:
		m.open(40)
		for part := range 30 {
			m.work(2)
			if part == 15 {
				b.Before = m.read()
			}
		}
	case baseLarge:
		m.open(2_000_000)
		m.large(70_000, fewer(60_000, 10_000))
		m.checkpoint()
		b.Before = m.read()
		m.large(0, 1000)
		m.checkpoint()
		m.close()
		m.open(2_000_000)
		m.large(fewer(20_000, 10_000), 500)
	case baseYoung:
		m.open(2_000_000)
		m.work(3)
		b.Before = m.read()
		m.work(5)
	}
	b.Whole = m.read()
	if m.s != nil {
		m.close()
	}
	b.Ask = m.ask
	r.Shuffle(len(m.ask.Codes), func(i, j int) { m.ask.Codes[i], m.ask.Codes[j] = m.ask.Codes[j], m.ask.Codes[i] })
	b.Ask.Codes = m.ask.Codes[:min(len(m.ask.Codes), mostCodes)]
	b.observe(t, m)
	var err error
	if b.Pairs, err = pairsOf(b.Before, filepath.Join(t.TempDir(), "before")); err != nil {
		t.Fatal(err)
	}
	whole, err := pairsOf(b.Whole, filepath.Join(t.TempDir(), "whole"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range pairKinds {
		if len(keysOf(whole, kind)) > 0 {
			b.Kinds = append(b.Kinds, kind)
		}
		if len(oldKeys(whole, b.Pairs, kind)) > 0 {
			b.Olds = append(b.Olds, kind)
		}
	}
	var buf bytes.Buffer
	if err := gob.NewEncoder(&buf).Encode(b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// observe asks a copy of the base everything and holds that against what the store
// answered while it was made.
func (b *base) observe(t *testing.T, m *maker) {
	t.Helper()
	for range 2 { // the second time against the first: what is asked says the same again
		dir := filepath.Join(t.TempDir(), "copy")
		if err := b.Whole.write(dir); err != nil {
			t.Fatal(err)
		}
		o, closeErr, err := observeDir(dir, &b.Ask)
		if err != nil || closeErr != nil {
			t.Fatalf("base %s: %v %v", b.Name, err, closeErr)
		}
		if len(b.Said.Answers) == 0 {
			b.Said = *o
		} else if reports, wrong := o.differs(&b.Said); len(reports)+len(wrong) > 0 {
			t.Fatalf("base %s says another thing each time: %q %q", b.Name, reports, wrong)
		}
	}
	if len(b.Said.Problems) > 0 || !b.Said.VerifyErr.ok() || !b.Said.BackupErr.ok() {
		t.Fatalf("base %s: %v", b.Name, b.Said.Problems)
	}
	slices.SortFunc(m.receipts, func(x, y store.Receipt) int { return int(x.Number) - int(y.Number) })
	if !slices.EqualFunc(m.receipts, b.Said.Receipts, sameReceipt) {
		t.Fatalf("base %s has %d receipts, %d were given, or they differ", b.Name, len(b.Said.Receipts), len(m.receipts))
	}
	said := map[string]answer{}
	for _, a := range b.Said.Answers {
		said[a.What] = a
	}
	for _, c := range b.Ask.Codes {
		state := m.state[c]
		if a := said["lookup of "+c.Code]; !a.Err.ok() || !strings.Contains(a.Text, fmt.Sprintf("%q:%q", "state", state)) {
			t.Fatalf("base %s: %v was made %s and is %v", b.Name, c, state, a)
		}
	}
	dir := filepath.Join(t.TempDir(), "copy")
	if err := b.Whole.write(dir); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(dir, weak())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var buf bytes.Buffer
	if _, err := s.Backup(t.Context(), &buf); err != nil {
		t.Fatal(err)
	}
	b.Backup = buf.Bytes()
	b.Export = exportCSV(t, s)
}

func weak() *store.Options { return &store.Options{Durability: store.WeakNoSync} }

// maker works on a store and keeps what it answered.
type maker struct {
	t   *testing.T
	r   *rand.Rand
	dir string
	s   *store.Store
	seq int

	mu       sync.Mutex
	ask      questions
	state    map[asked]string
	receipts []store.Receipt
}

func (m *maker) open(every int64) {
	m.t.Helper()
	o := weak()
	o.CheckpointEvery = every
	s, err := store.Open(m.dir, o)
	if err != nil {
		m.t.Fatal(err)
	}
	m.s = s
}

func (m *maker) close() {
	m.t.Helper()
	if err := m.s.Close(); err != nil {
		m.t.Fatal(err)
	}
	m.s = nil
}

func (m *maker) checkpoint() {
	m.t.Helper()
	if err := m.s.Checkpoint(context.Background()); err != nil {
		m.t.Fatal(err)
	}
}

// read reads the directory. Nobody waits for an answer meanwhile, so the high-water mark
// names the last record; but the engine may be at work.
func (m *maker) read() tree {
	m.t.Helper()
	files, err := readLive(m.dir)
	if err != nil {
		m.t.Fatal(err)
	}
	return files
}

// known notes a code's state.
func (m *maker) known(ns, code, state string) {
	c := asked{ns, code}
	if _, old := m.state[c]; !old {
		m.ask.Codes = append(m.ask.Codes, c)
	}
	m.state[c] = state
}

var formats = []gen.Format{
	{}, {Class: gen.Crockford32, Length: 16, Group: 4}, {Class: gen.AlnumCase, Length: 14},
	{Class: gen.Crockford32, Length: 12, Prefix: "CARD"},
}

// work does everything once or more: it mints, imports, draws, redeems and reverses,
// from several goroutines, and waits for all answers.
func (m *maker) work(parts int) {
	m.t.Helper()
	var wg sync.WaitGroup
	for range parts {
		m.seq++
		w := &worker{m: m, r: rand.New(rand.NewPCG(m.r.Uint64(), 0)), id: m.seq}
		wg.Go(w.run)
	}
	wg.Wait()
	if m.t.Failed() {
		m.t.FailNow()
	}
}

// large mints many codes, if any, draws many of the large batch and redeems a few.
func (m *maker) large(mint, draw int) {
	m.t.Helper()
	m.seq++
	w := &worker{m: m, r: m.r, id: m.seq}
	if mint > 0 {
		w.mint(store.Batch{Name: fmt.Sprint("large ", m.seq), Count: int64(mint), Reward: "r"})
	}
	codes := w.draw(m.s.Batches()[0].ID, "", draw, true)
	w.redeemAll("", codes[:8])
	w.redeem("", codes[8], true)
	m.work(1)
}
