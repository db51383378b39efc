package model

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"codepool/store"

	"pgregory.net/rapid"
)

// options are how a store is opened.
type options struct{ store.Options }

func anyOptions(t *rapid.T) options {
	o := options{store.Options{
		Shards:          oneOf(t, 1<<(upTo(t, 13)%13), 0, 1, 2, 1<<upTo(t, 8), 64),
		CheckpointEvery: oneOf[int64](t, 0, 1, 2, 7, 100, 1000),
		MaxPending:      oneOf(t, 0, 64<<10),
		MemTableSize:    oneOf[int64](t, 0, 0, 0, 16<<20),
		Durability:      store.WeakNoSync,
		RefuseGuessable: oneIn(t, 10),
		SignKeys:        anyKeys(t),
	}}
	if oneIn(t, 16) {
		o.Durability = store.Durable
	}
	return o
}

func (o options) GoString() string {
	return fmt.Sprintf("open with %d shards, checkpoint every %d, %d pending, memtable %d, durability %d, refuse guessable %v",
		o.Shards, o.CheckpointEvery, o.MaxPending, o.MemTableSize, o.Durability, o.RefuseGuessable)
}

// open opens the store in m.dir with other options and holds all it knows against the model.
func (m *model) open() {
	o := rapid.Custom(anyOptions).Draw(m.t, "options")
	m.did(o, "…")
	m.opt = o.Options
	m.opt.Clock = m.clk.Now
	m.beginAdding(moment{tick: glance})
	s, err := store.Open(m.dir, &m.opt)
	m.wantErr("open", err, nil)
	m.s = s
	m.consume()
	m.compareAll()
}

// nextDir names a directory that does not exist.
func (m *model) nextDir() string {
	m.dirs++
	return filepath.Join(m.root, fmt.Sprint("d", m.dirs))
}

// shut closes the store. From then on it only says so.
func (m *model) shut() {
	m.begin(moment{})
	m.wantErr("close", m.s.Close(), nil)
	m.atMost(0)
	m.noConsumer()
	ctx := m.ctx()
	_, err := m.s.Redeem(ctx, store.Redemption{Code: "A"})
	_, err2 := m.s.Issue(ctx, 1, 1, store.To("x"))
	err3 := m.s.RedeemAll(ctx, make([]store.Redemption, 1))[0].Err
	_, err4 := m.s.Mint(ctx, store.Batch{Count: 1})
	_, err5 := m.s.Release(ctx, store.Change{Code: "A"})
	_, err6 := m.s.Lease(ctx, 1, 1, time.Hour, store.To("x"))
	_, err7 := m.s.Acknowledge(ctx, store.LeaseEnd{Number: 1})
	_, err8 := m.s.Reserve(ctx, store.Redemption{Code: "A"}, time.Hour)
	_, err9 := m.s.Confirm(ctx, store.LeaseEnd{Number: 1})
	_, err10 := m.s.Take(ctx, 1, 1, "u", store.To("x"))
	_, err11 := m.s.Export(ctx, 1, store.Export{ID: "x", Count: 1})
	err12 := m.s.Advance(ctx, "x", 0)
	for i, err := range []error{err, err2, err3, err4, err5, err6, err7, err8, err9, err10, err11, err12, m.s.Checkpoint(ctx), m.s.Check(ctx, store.Redemption{Code: "A"})} {
		m.wantErr(fmt.Sprint("call ", i, " after close"), err, store.ErrClosed)
	}
	m.wantErr("second close", m.s.Close(), nil)
}

// reopen closes the store and opens it again.
func (m *model) reopen() {
	m.did(say("close"), "")
	m.shut()
	ended := m.ledger
	m.open()
	m.begin(moment{tick: glance})
	if r := m.s.Stats().Recovery; r.Replayed != 0 || r.Checkpoint != ended {
		m.failf("after a clean close %+v of %d records", r, ended)
	}
	m.looked()
}

// crash goes on with what a crash would leave of the store's files.
func (m *model) crash() {
	m.did(say("crash"), "")
	m.durable()
	dir := m.copyDir()
	m.moveOn(dir)
}

// moveOn closes the store, forgets its directory and goes on in another one.
func (m *model) moveOn(dir string) {
	m.shut()
	_ = os.RemoveAll(m.dir)
	m.dir = dir
	m.open()
}

// restore goes on with what a backup gives.
func (m *model) restore() {
	cut := rapid.IntRange(0, 3).Draw(m.t, "cut") == 3
	m.did(say("backup and restore"), "of a cut stream first: %v", cut)
	var b bytes.Buffer
	m.durable()
	m.beginAdding(moment{tick: glance})
	man, err := m.s.Backup(m.ctx(), &b)
	m.wantErr("backup", err, nil)
	created := m.clk.taken()
	if len(created) != 1 || !man.Created.Equal(created[0]) || man.Sequence != m.ledger || man.Version != store.FormatVersion {
		m.failf("backup: %d readings of the clock, %+v, want %d records", len(created), man, m.ledger)
	}
	dir := m.nextDir()
	if cut {
		part := b.Bytes()[:m.rng.IntN(b.Len())]
		if _, err := store.Restore(m.ctx(), dir, bytes.NewReader(part)); !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrFormat) {
			m.failf("restore of a cut stream: %v", err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			m.failf("restore of a cut stream left its directory: %v", err)
		}
	}
	got, err := store.Restore(m.ctx(), dir, &b)
	m.wantErr("restore", err, nil)
	if !got.Created.Equal(man.Created) {
		m.failf("restore names the time %v, the backup %v", got.Created, man.Created)
	}
	if got.Created = man.Created; got != man {
		m.failf("restore says %+v, backup %+v", got, man)
	}
	m.moveOn(dir)
}
