package model

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"codepool/gen"
	"codepool/shard"
	"codepool/store"

	"pgregory.net/rapid"
)

// model is what a store must be like: the promises in a few maps. It learns the codes of a
// mint when they are drawn; until then they are a number.
type model struct {
	t     *rapid.T
	suite *suite
	rng   *rand.Rand // for what need not be shrunk
	trace []string   // the operations so far

	s    *store.Store
	root string // holds the directories of this run
	dirs int
	dir  string // of the open store
	opt  store.Options
	clk  *clock

	batches  []*batch // number n at n-1
	byName   map[string]*batch
	spaces   map[string]*space
	codes    map[text]*code
	list     []*code // in order of arrival
	receipts []store.Receipt
	ledger   uint64 // last number given
	entries  []entry

	live   []*lease // what has not ended
	leases []*lease // all leases and reservations
	passed int      // readings of the clock by which they were ended
	adding bool     // see beginAdding
	used   map[usedBy]int

	redeemed keys[redeemKey]
	drawn    keys[drawKey]
	leased   keys[leaseKey]
	took     keys[takeKey]
	held     keys[holdKey]
	exported keys[exportKey]
	ended    [numEnds]keys[endKey]      // by kind
	reversed [numKinds]keys[reverseKey] // by kind
	draws    []*oldDraw                 // in the order of the ledger
	touched  []*code                    // by the present step
	names    int                        // numbers that made-up names have used

	shares shares

	cursors  map[string]uint64
	follows  bool      // this run has a consumer
	consumer *consumer // nil while there is none
}

// keys are idempotency keys with the first answer to each, in the order of their use.
type keys[V any] struct {
	by    map[string]V
	order []string
}

func (k *keys[V]) get(key string) (v V, used bool) {
	v, used = k.by[key]
	return v, used && key != ""
}

func (k *keys[V]) put(key string, v V) {
	if key == "" {
		return
	}
	if k.by == nil {
		k.by = map[string]V{}
	}
	k.by[key] = v
	k.order = append(k.order, key)
}

// maxKnown is the number of codes from which the model does not ask for many more at once.
const maxKnown = 20_000

// text is the identity of a code (I5).
type text struct{ space, canon string }

type space struct {
	number uint32
	folds  [3]bool             // by gen.Fold: some batch of the namespace has it
	signed map[gen.Layout]bool // some batch has it
}

// batch is as it was made; its window may have changed since.
type batch struct {
	store.Batch
	from, until     time.Time // the window, in times of the ledger; zero: open
	paused, revoked bool
	retired         bool
	created         time.Time
	imported        bool
	complete        bool
	counts          store.Counts
	hidden          int64 // minted codes that were never drawn, so the model does not know them
	codes           []*code
}

type code struct {
	text
	id      int
	b       *batch
	state   shard.State
	ref     string // of the last draw
	draw    uint64 // number of the draw that has it, 0: none
	issued  time.Time
	receipt store.Receipt  // if redeemed
	undone  *store.Changed // of the last redemption, if it was and the code is issued since
	of      *lease         // that has it
	step    bool           // it is in touched
}

func (c *code) String() string { return fmt.Sprintf("c%d", c.id) }

type redeemKey struct {
	c    *code
	user string
	of   uint64 // the reservation that was confirmed
	rec  store.Receipt
}

type drawKey struct {
	b     *batch
	n     int
	ref   string
	codes []string
}

// oldDraw is a draw as the ledger has it.
type oldDraw struct {
	number   uint64
	ref, key string
	at       time.Time
	codes    []*code
	printed  []string
}

type reverseKey struct {
	c   *code
	by  string
	rec store.Changed
}

func newModel(t *rapid.T, su *suite) *model {
	return &model{
		t: t, suite: su, clk: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), readers: map[uintptr]reader{}},
		byName: map[string]*batch{}, spaces: map[string]*space{}, codes: map[text]*code{},
		shares: shares{tokens: map[tokenID]*shared{}}, used: map[usedBy]int{}, cursors: map[string]uint64{},
	}
}

// failf ends the run. What it says must be the same whenever the operations are, or rapid
// would not know the failure again: codes go by their names, directories by none.
func (m *model) failf(format string, args ...any) {
	why := m.hide(fmt.Sprintf(format, args...))
	m.suite.dump(m.trace, why)
	m.t.Fatal(why)
}

// did adds to the list of operations what was done and what came of it. rapid has printed
// what it drew already.
func (m *model) did(what any, format string, args ...any) {
	came := fmt.Sprintf(format, args...)
	m.trace = append(m.trace, fmt.Sprintf("%#v: %s", what, came))
	m.t.Log("    " + came)
}

// say is an operation in plain words.
type say string

func (s say) GoString() string { return string(s) }

func outcome(err error) string {
	if err == nil {
		return "done"
	}
	return err.Error()
}

// wantErr ends the run unless err is want in the sense of errors.Is; nil wants none.
func (m *model) wantErr(what string, err, want error) {
	if !isError(err, want) {
		m.failf("%s: got %v, want %v", what, err, want)
	}
}

// hide takes the texts that differ from run to run out of a message.
func (m *model) hide(s string) string {
	s = strings.ReplaceAll(s, m.root, "DIR")
	for _, c := range m.list {
		if len(c.canon) > 4 && strings.Contains(s, c.canon) {
			s = strings.ReplaceAll(s, c.canon, c.String())
		}
	}
	return s
}

// spaceOf returns a namespace, making it as the store does: numbers count from 1, and the
// default one has 0 from the start.
func (m *model) spaceOf(name string) *space {
	sp := m.spaces[name]
	if sp == nil {
		sp = &space{number: m.spaceNumber(name), signed: map[gen.Layout]bool{}}
		m.spaces[name] = sp
	}
	return sp
}

// spaceNumber is the number that a namespace has or would get.
func (m *model) spaceNumber(name string) (number uint32) {
	if sp := m.spaces[name]; sp != nil {
		return sp.number
	}
	if name == "" {
		return 0
	}
	for _, sp := range m.spaces {
		number = max(number, sp.number)
	}
	return number + 1
}

// addBatch makes the batch that the store must have made.
func (m *model) addBatch(def store.Batch, imported bool, created time.Time) *batch {
	b := &batch{Batch: def, imported: imported, created: created}
	b.ID = store.BatchID(len(m.batches) + 1)
	if b.Name == "" {
		b.Name = fmt.Sprintf("batch-%d", b.ID)
	}
	if imported {
		b.Count = 0
	}
	b.from, b.until = ceil(b.NotBefore), ceil(b.NotAfter)
	m.batches = append(m.batches, b)
	m.byName[b.Name] = b
	sp := m.spaceOf(b.Namespace)
	if sp.folds[b.Format.Class.Fold()] = true; isSigned(b.Batch) {
		sp.signed[b.Signed] = true
	}
	return b
}

// addCode makes a code known.
func (m *model) addCode(b *batch, canon string, st shard.State, ref string) *code {
	c := &code{text: text{b.Namespace, canon}, id: len(m.list) + 1, b: b, state: st, ref: ref}
	m.codes[c.text] = c
	m.list, b.codes = append(m.list, c), append(b.codes, c)
	m.touch(c)
	return c
}

func (m *model) touch(c *code) {
	if !c.step {
		c.step = true
		m.touched = append(m.touched, c)
	}
}

// move changes a code's state and the counters of its batch.
func (m *model) move(c *code, to shard.State) {
	*c.b.count(c.state)--
	*c.b.count(to)++
	c.state = to
	m.touch(c)
}

func (b *batch) count(st shard.State) *int64 {
	switch st {
	case shard.Available:
		return &b.counts.Available
	case shard.Issued:
		return &b.counts.Issued
	case shard.Leased:
		return &b.counts.Leased
	case shard.Held:
		return &b.counts.Reserved
	case shard.Revoked:
		return &b.counts.Revoked
	}
	return &b.counts.Redeemed
}

// expired reports whether the window is over at a time of the ledger.
func (b *batch) expired(at time.Time) bool { return !b.until.IsZero() && !at.Before(b.until) }

// ceil is the first time of the ledger that is not before t.
func ceil(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(time.Microsecond - 1).Truncate(time.Microsecond)
}

// mayDraw is whether codes can be drawn at a time of the ledger.
func (b *batch) mayDraw(at time.Time) error {
	switch {
	case b.revoked:
		return store.ErrRevoked
	case b.expired(at):
		return store.ErrExpired
	case b.paused:
		return store.ErrPaused
	case b.retired:
		return store.ErrRetired
	}
	return nil
}

// judge is whether a code can be redeemed at a time of the ledger.
func (c *code) judge(at time.Time) error {
	switch {
	case c.state == shard.Redeemed:
		return store.ErrAlreadyRedeemed
	case c.state == shard.Revoked:
		return store.ErrRevoked
	case c.state == shard.Available && !c.b.FromStock, c.state == shard.Leased:
		return store.ErrNotIssued
	case c.state == shard.Held:
		return store.ErrReserved
	}
	if err := c.b.inWindow(at); err != nil {
		return err
	}
	switch {
	case c.b.paused:
		return store.ErrPaused
	case c.b.retired:
		return store.ErrRetired
	}
	return nil
}

// inWindow is whether codes are valid at a time of the ledger.
func (b *batch) inWindow(at time.Time) error {
	switch {
	case at.Before(b.from):
		return store.ErrNotYetValid
	case b.expired(at):
		return store.ErrExpired
	}
	return nil
}

// forms are the canonical forms that a typed text may have in a namespace, in the order in
// which they are tried.
func (m *model) forms(space, typed string) (out []text) {
	sp := m.spaces[space]
	if sp == nil {
		return nil
	}
	for _, fold := range []gen.Fold{gen.Exact, gen.Upper, gen.Crockford} {
		if !sp.folds[fold] {
			continue
		}
		if canon, err := gen.AppendCanonical(nil, typed, fold); err == nil {
			out = append(out, text{space, string(canon)})
		}
	}
	return out
}

// find returns the code that a typed text means, nil if there is none.
func (m *model) find(space, typed string) *code {
	for _, f := range m.forms(space, typed) {
		if c := m.codes[f]; c != nil {
			return c
		}
	}
	return nil
}

// means reports whether a typed text can be read as the code.
func (m *model) means(space, typed string, c *code) bool {
	for _, f := range m.forms(space, typed) {
		if f == c.text {
			return true
		}
	}
	return false
}

// suite is what the runs of a test share.
type suite struct {
	t      *testing.T
	steps  int            // done
	counts map[string]int // by operation
	dumped bool
	said   int // millions of steps that were reported
}

// dumpLines bounds the list of a failing run that has not been shrunk.
const dumpLines = 60

// dump prints the run that found a failure, before rapid shrinks it.
func (su *suite) dump(trace []string, why string) {
	if su.dumped {
		return
	}
	su.dumped = true
	su.t.Logf("failed: %s\nthe run that found it, before it is shrunk; the last of its %d operations:\n    %s",
		why, len(trace), strings.Join(trace[max(0, len(trace)-dumpLines):], "\n    "))
}
