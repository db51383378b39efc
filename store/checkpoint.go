package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"codepool/shard"
	"codepool/store/internal/journal"
)

// A checkpoint bounds recovery. It writes the state pages that changed, then a
// record that says: everything up to number Upto is in the pages. Pages may also
// hold later changes, because they are copied while the store works; replay sets
// those again. Two rules keep that right:
//
//   - Upto is chosen when no draw or change of a batch is between the journal and
//     memory, so that memory holds every record up to it;
//   - a page is written only after the groups that changed it are durable, so that
//     it never holds what the ledger does not.
type checkpointRecord struct {
	Upto                 uint64
	Number               uint64 // of the checkpoint, from 1 on
	States               uint64 // binds the state pages to it (statepage.go)
	Added                uint64 // binds batches and run headers to it
	Batches, Runs, Pages uint32 // batches, run headers and state pages that exist, at least
	LastRun              uint32 // number of the last run; later ones may exist too
	LeasePages           uint32
	Leases               uint64 // binds the lease pages to it (leasepages.go)
	SharePages           uint32
	Shares               uint64  // binds the share pages to it (sharepages.go)
	Tokens               bool    // there was a token of no room, which may be free again
	Terms                []terms // at Upto, of batches that are not as they were made
}

// covers reports whether a batch or run header is one that Added counts.
func (c *checkpointRecord) covers(kind byte, number uint32) bool {
	if kind == keyBatch {
		return number <= c.Batches
	}
	return number <= c.LastRun
}

func (c *checkpointRecord) load(v journal.Reader) error {
	key := []byte{keyCheckpoint}
	value, err := v.Get(key)
	if err != nil || value == nil {
		return err
	}
	body, err := unseal(key, value)
	if err != nil {
		return err
	}
	d := decoder{b: body}
	c.Upto, c.Number, c.States, c.Added = d.uint64(), d.uint64(), d.uint64(), d.uint64()
	c.Batches, c.Runs, c.Pages, c.LastRun = d.uint32(), d.uint32(), d.uint32(), d.uint32()
	c.LeasePages, c.Leases = d.uint32(), d.uint64()
	c.SharePages, c.Shares = d.uint32(), d.uint64()
	tokens := d.byte()
	c.Tokens = tokens == 1
	for n := d.uint32(); n > 0 && !d.bad; n-- {
		c.Terms = append(c.Terms, d.terms())
	}
	if d.bad || len(d.b) > 0 || tokens > 1 {
		return corrupt(key, "record has another length, or no sense")
	}
	return nil
}

func (c checkpointRecord) pair() journal.Pair {
	key := []byte{keyCheckpoint}
	var b []byte
	for _, n := range []uint64{c.Upto, c.Number, c.States, c.Added} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	for _, n := range []uint32{c.Batches, c.Runs, c.Pages, c.LastRun} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(b, c.LeasePages), c.Leases)
	b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(b, c.SharePages), c.Shares)
	b = append(b, 0)
	if c.Tokens {
		b[len(b)-1] = 1
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(c.Terms)))
	for _, t := range c.Terms {
		b = t.appendTo(b)
	}
	return journal.Pair{Key: key, Value: seal(key, b)}
}

// Checkpoint writes the states and the index of everything done so far, so that a
// reopening after a crash replays only what came later. The store does this by
// itself every Options.CheckpointEvery records and on Close.
func (s *Store) Checkpoint(ctx context.Context) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if ctx.Err() != nil { // before the maintainer may take it up
		return context.Cause(ctx)
	}
	return s.maint.do(ctx, true)
}

// checkpoint is called by the maintainer alone, or by Close after it.
func (s *Store) checkpoint(ctx context.Context) error {
	if err := s.writeCheckpoint(ctx); err != nil {
		return err
	}
	return s.writeIndex(ctx)
}

// writeCheckpoint writes the states and the record. REQUIRES: as for checkpoint.
func (s *Store) writeCheckpoint(ctx context.Context) (err error) {
	s.draws.Lock()
	upto := s.com.lastRecord()
	cp := checkpointRecord{Upto: upto, Terms: s.changedTerms(), Tokens: s.shares.some.Load()}
	s.draws.Unlock()
	cp.Batches, cp.LastRun = s.lastAdded()
	cp.Runs, cp.Added = s.added(&cp)
	// crash point: checkpoint: its number is chosen
	if err := s.com.waitRecord(ctx, upto); err != nil {
		return err
	}
	// crash point: checkpoint: its journal is durable
	if err := s.dir.room(true); err != nil {
		return err
	}
	if upto > s.checkpointed() {
		if err := s.writeStates(ctx); err != nil {
			return err
		}
		cp.Number, cp.Pages = s.maint.number+1, uint32(len(s.maint.pages))
		if cp.States, err = cp.sum(s.maint.pages); err != nil {
			return err
		}
		// Every shard was visited since Upto was chosen, so the table has all leases up to
		// it; those that have ended since have done so in the journal, up to last.
		leases, last := s.pictureOfLeases(upto)
		if err := s.com.waitRecord(ctx, last); err != nil {
			return err
		}
		if err := s.commitBehind(cp.leasePages(leases)); err != nil {
			return err
		}
		if err := s.writeShares(ctx, &cp); err != nil {
			return err
		}
		if err := s.eng.Sync(); err != nil { // of the pages, before the record that counts them
			return err
		}
		// crash point: checkpoint: all pages are written, the record is not
		if err := s.commitBehind([]journal.Pair{cp.pair()}); err != nil {
			return err
		}
		s.maint.number = cp.Number
		s.noteCovered(&cp)
		s.maint.done.Store(upto)
		// crash point: checkpoint: the record is written
		return s.dropPagesBut(cp.Number)
	}
	return nil
}

// writeIndex brings the index up to what is durable. REQUIRES: as for checkpoint.
func (s *Store) writeIndex(ctx context.Context) error {
	s.maint.indexed.Store(s.com.durableRecord.Load()) // if it fails, it has time until the next one
	if err := s.index.flush(ctx); err != nil {
		return err
	}
	// crash point: checkpoint: the index has what it covers
	s.keys.turn()
	s.users.turn()
	return nil
}

// lastAdded returns the numbers of the last batch and the last run. Both are added one
// after another in the order of their numbers, so what is added later has a greater one.
func (s *Store) lastAdded() (batch, run uint32) {
	batch = uint32(len(*s.batches.Load())) - 1
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.mu.runs {
		run = max(run, h.ID)
	}
	return batch, run
}

// added counts the run headers that a checkpoint covers, and adds up the shares of
// headers and batches.
func (s *Store) added(c *checkpointRecord) (runs uint32, sum uint64) {
	for _, b := range *s.batches.Load() {
		if b != nil && c.covers(keyBatch, uint32(b.ID)) {
			sum += shareOf(key1(keyBatch, uint32(b.ID)), b.sum)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.mu.runs {
		if h.ID != 0 && c.covers(keyRun, h.ID) {
			runs++
			sum += shareOf(key1(keyRun, h.ID), h.sum)
		}
	}
	return runs, sum
}

// checkAdded compares the sum of the batches and run headers that were found with the
// record's.
func (c *checkpointRecord) checkAdded(sum uint64) error {
	if sum != c.Added {
		return &CorruptError{What: "batches and runs", Why: fmt.Sprintf("they are not those that checkpoint %d saw", c.Number)}
	}
	return nil
}

func (s *Store) checkpointed() uint64 { return s.maint.done.Load() }

// writeStates writes every state page with a change since the last checkpoint. If
// it fails the pages stay marked.
func (s *Store) writeStates(ctx context.Context) (err error) {
	dirty := map[statePageID]struct{}{}
	for i := range s.pool.Shards() {
		sh := s.pool.Lock(i)
		if sh == nil {
			return ErrClosed
		}
		sh.TakeDirty(func(g *shard.Segment, first, end uint32) {
			for page := first / statePage; page <= (end-1)/statePage; page++ {
				dirty[statePageID{g.Run, page}] = struct{}{}
			}
		})
		sh.Unlock()
	}
	for p := range s.maint.undone {
		dirty[p] = struct{}{}
	}
	s.maint.undone = dirty
	var pairs []journal.Pair
	var marks uint64
	weight := 0
	write := func() error {
		if err := s.com.waitFor(ctx, marks); err != nil { // the page never runs ahead of the journal
			return err
		}
		err := s.writeBehind(pairs)
		// crash point: checkpoint: some state pages are written
		pairs, weight = pairs[:0], 0
		breathe()
		return err
	}
	for p := range dirty {
		body, mark, ok := s.copyStates(p)
		if !ok {
			return ErrClosed
		}
		if body == nil {
			continue // a run that is not active yet
		}
		marks = max(marks, mark)
		pairs = append(pairs, s.maint.stamp(p, body))
		if weight += pairs[len(pairs)-1].Size(); weight > behind {
			if err := write(); err != nil {
				return err
			}
		}
	}
	if err := write(); err != nil {
		return err
	}
	s.maint.undone = nil
	return nil
}

// copyStates copies one page of states, behind room for its checksum and stamp, shard
// by shard. mark is the last group that any of them depends on.
func (s *Store) copyStates(p statePageID) (body []byte, mark uint64, ok bool) {
	run := s.pool.Run(p.run)
	if run == nil {
		return nil, 0, true
	}
	first := p.page * statePage
	end := uint32(min(uint64(first)+statePage, uint64(run.Len())))
	body = make([]byte, 4+stampLen+(end-first+1)/2)
	for i := max(run.ShardOf(first), 0); i < s.pool.Shards(); i++ {
		lo, hi := run.Range(i)
		if lo >= end {
			break
		}
		if lo == hi {
			continue
		}
		sh := s.pool.Lock(i)
		if sh == nil {
			return nil, 0, false
		}
		seg := sh.SegmentOf(p.run)
		if seg != nil {
			sh.CopyStates(seg, first, end, first, body[4+stampLen:])
		}
		mark = max(mark, sh.Mark)
		sh.Unlock()
		if seg == nil { // retired: its last states are written
			return nil, 0, true
		}
	}
	return body, mark, true
}

// maintainer is the background goroutine that writes checkpoints. It holds no lock
// while it waits for the disk.
type maintainer struct {
	s       *Store
	kick    chan struct{}
	asked   chan request
	quit    chan struct{}
	stopped chan struct{}
	cancel  context.CancelFunc
	done    atomic.Uint64             // ledger number that the last checkpoint reached
	indexed atomic.Uint64             // and that the index was last brought up to
	number  uint64                    // of the last checkpoint
	undone  map[statePageID]struct{}  // pages of a checkpoint that failed
	pages   map[statePageID]pageStamp // state pages that exist on disk
	lastErr atomic.Pointer[error]
}

func startMaintainer(s *Store) *maintainer {
	m := &maintainer{s: s, kick: make(chan struct{}, 1), asked: make(chan request), quit: make(chan struct{}), stopped: make(chan struct{}), pages: s.statePages, number: s.lastCheckpoint}
	m.done.Store(s.recovered.Checkpoint)
	m.indexed.Store(s.index.covered())
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	s.com.onCommit = func() {
		if m.isDue() {
			kick(m.kick)
		}
	}
	go m.run(ctx)
	return m
}

// isDue reports whether pages or index lag behind as far as they may.
func (m *maintainer) isDue() bool {
	return m.s.com.durableRecord.Load() >= min(m.done.Load(), m.indexed.Load())+uint64(m.s.opt.CheckpointEvery)
}

func (m *maintainer) run(ctx context.Context) {
	defer close(m.stopped)
	for {
		select {
		case <-m.quit:
			return
		case <-m.kick:
			if m.isDue() {
				m.note(m.s.checkpoint(ctx))
				m.s.forgetCovered(ctx)
				m.survey()
			}
		case <-m.s.survey.kick:
			m.survey()
		case r := <-m.asked:
			err := m.s.writeCheckpoint(ctx)
			if err == nil && r.index {
				err = m.s.writeIndex(ctx)
			}
			m.note(err)
			if r.index {
				m.s.forgetCovered(ctx)
				m.survey()
			}
			r.answer <- err
		}
	}
}

// survey carries the survey of the ledger on.
func (m *maintainer) survey() {
	more, err := m.s.survey.carryOn(m.s.eng, m.s.com.durableRecord.Load())
	if err != nil && !m.s.closed.Load() {
		m.s.opt.Logger.Warn("no survey of the ledger; queries look for its entries", "error", err)
	} else if more {
		kick(m.s.survey.kick)
	}
}

// note logs a failed checkpoint; recovery is longer until one succeeds.
func (m *maintainer) note(err error) {
	m.lastErr.Store(&err)
	if err != nil && m.s.com.failure() == nil && !isContextError(err) {
		m.s.opt.Logger.Warn("checkpoint failed; it will be tried again", "error", err)
	}
}

// request is for a checkpoint at once.
type request struct {
	answer chan error // has room for it
	index  bool       // of the index, too, and of all else that follows checkpoints
}

// do asks for a checkpoint and waits for it.
func (m *maintainer) do(ctx context.Context, index bool) error {
	answer := make(chan error, 1)
	select {
	case m.asked <- request{answer, index}:
	case <-m.stopped:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-answer:
		if isContextError(err) && m.s.closed.Load() {
			return ErrClosed // stopped for Close, not by ctx
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (m *maintainer) stop() {
	close(m.quit)
	m.cancel()
	<-m.stopped
}
